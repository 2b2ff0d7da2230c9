//! One step of the search: the best basket for one goal among those within two caps.

use std::cmp::Ordering;

use super::super::bands::{Measure, Nutrient};
use super::basket::Basket;
use super::ladder::{Ladder, bit};
use super::pool::{Amounts, Entry, Pool, units_within};
use super::{over, short};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    LeastShort,
    LeastOver,
    /// Of exactly the kinds that are asked for, where fewer do not do.
    Smallest,
}

/// Where a node goes on.
struct Branches {
    /// One of them must be next.
    items: u128,
    /// What each kind brings at least, by ladder.
    each: Amounts,
    /// More servings of one kind make the basket worse than the best so far.
    servings_max: i32,
}

pub(super) struct Tree<'p> {
    pool: &'p Pool,
    goal: Goal,
    /// No basket that is more short or more over is of interest.
    short_cap: i32,
    over_cap: i32,
    ladders: Vec<Ladder>,
    units: Vec<i32>,
    limits: Amounts,
    /// What the weakest drink takes away from the strength of all.
    thinnest: i32,
    best: Option<Basket>,
    nodes: u32,
    nodes_max: u32,
}

impl<'p> Tree<'p> {
    pub(super) fn new(pool: &'p Pool, goal: Goal, short_cap: i32, over_cap: i32) -> Self {
        let limits = limits(&pool.measures, &[0; _], over_cap);
        let allowed = |entry: &Entry| units_within(&entry.amounts, &limits, entry.units);
        let units: Vec<i32> = pool.entries.iter().map(allowed).collect();
        let wanted = pool.measures.iter().enumerate();
        let ladders = wanted
            .filter(|(_, measure)| measure.lo > 0)
            .map(|(nutrient, measure)| Ladder::new(pool, nutrient, *measure, &units))
            .collect();
        let strengths = pool.entries.iter().zip(&units);
        Self {
            pool,
            goal,
            short_cap,
            over_cap,
            ladders,
            thinnest: strengths
                .map(|(entry, units)| entry.strength.wrapping_mul(*units))
                .fold(0, i32::min),
            units,
            limits,
            best: None,
            nodes: 0,
            nodes_max: 0,
        }
    }

    /// No basket is less short, whatever its kinds and totals.
    pub(super) fn least_short(&self) -> i32 {
        let each = self.ladders.iter();
        each.map(|ladder| ladder.measure.short(ladder.top(self.pool.kinds_max)))
            .fold(0, i32::wrapping_add)
    }

    pub(super) fn nodes(&self) -> u32 {
        self.nodes
    }

    pub(super) fn was_cut(&self) -> bool {
        self.nodes > self.nodes_max
    }

    pub(super) fn search(&mut self, kinds: usize, nodes_max: u32) -> Option<Basket> {
        (self.nodes, self.nodes_max) = (0, nodes_max);
        let open = self
            .units
            .iter()
            .enumerate()
            .filter(|(_, units)| **units > 0)
            .fold(0, |open, (index, _)| open | bit(index));
        self.grow(&Basket::EMPTY, open, kinds);
        self.best
    }

    fn grow(&mut self, basket: &Basket, mut open: u128, left: usize) {
        self.nodes = self.nodes.saturating_add(1);
        if self.was_cut() {
            return;
        }
        let Some(Branches {
            items: mut branches,
            each,
            servings_max,
        }) = self.branches(basket, &mut open, left)
        else {
            return;
        };
        let limits = self.limits_of(basket);
        let last = left == 1;
        let complete = last || self.goal != Goal::Smallest;
        while branches != 0 {
            let index = usize::try_from(branches.trailing_zeros()).unwrap_or(0);
            branches &= !bit(index);
            open &= !bit(index);
            let (Some(entry), Some(&units)) = (self.pool.entries.get(index), self.units.get(index))
            else {
                continue;
            };
            let most = units_left(&basket.totals, entry, &limits, units.min(servings_max));
            for servings in self.fewest(entry, &each)..=most {
                let next = basket.with(index, entry, servings);
                let does = complete && self.offer(&next);
                if last && does && self.goal != Goal::LeastShort {
                    // More servings of the last kind only make it bigger.
                    break;
                }
                if !last {
                    self.grow(&next, open, left.saturating_sub(1));
                }
            }
        }
    }

    /// Takes the basket where it is better than the best so far, and says whether it would do.
    fn offer(&mut self, basket: &Basket) -> bool {
        let unmet = short(&self.pool.measures, &basket.totals);
        if unmet > self.short_cap || (self.pool.drink_strength && basket.strength > 0) {
            return false;
        }
        let excess = over(&self.pool.measures, &basket.totals);
        if excess > self.over_cap {
            return false;
        }
        match self.goal {
            Goal::LeastShort => self.short_cap = unmet.saturating_sub(1),
            Goal::LeastOver => self.over_cap = excess.saturating_sub(1),
            Goal::Smallest => {
                let best = self.best.as_ref();
                if best.is_some_and(|best| basket.compare(best, self.pool) != Ordering::Less) {
                    return true;
                }
            }
        }
        self.best = Some(*basket);
        true
    }

    /// So many servings bring at least what each kind must.
    fn fewest(&self, entry: &Entry, each: &Amounts) -> i32 {
        let ladders = self.ladders.iter().zip(each);
        let wanted = ladders.filter(|(_, each)| **each > 0);
        wanted
            .map(|(ladder, each)| {
                let amount = entry.amounts.get(ladder.nutrient).copied().unwrap_or(0);
                divided_up(*each, amount).unwrap_or(i32::MAX)
            })
            .fold(1, i32::max)
    }

    /// Where to go from here, or `None` where nothing good can come. Items that cannot be in any
    /// good basket below are closed.
    fn branches(&self, basket: &Basket, open: &mut u128, left: usize) -> Option<Branches> {
        if self.short_cap < 0 || self.over_cap < 0 {
            return None;
        }
        if self.pool.drink_strength {
            let kinds = i32::try_from(left).unwrap_or(i32::MAX);
            let thinned = self.thinnest.saturating_mul(kinds);
            if basket.strength.saturating_add(thinned) > 0 {
                return None;
            }
        }
        let servings_left = self.servings_left(basket, left)?;
        let unavoidable = self.unavoidable(basket, left)?;
        let slack = self.short_cap.wrapping_sub(unavoidable);
        let (mut somes, mut least) = ([0_i32; Nutrient::COUNT], [0_i32; Nutrient::COUNT]);
        let bounds = somes.iter_mut().zip(&mut least);
        for (ladder, (some, least)) in self.ladders.iter().zip(bounds) {
            let total = basket.totals.get(ladder.nutrient).copied().unwrap_or(0);
            let lack = self.lack(ladder, total, slack, left);
            if lack <= 0 {
                continue;
            }
            if lack > ladder.top(left) || lack > ladder.serving_max.saturating_mul(servings_left) {
                return None;
            }
            let each = lack.wrapping_sub(ladder.top(left.wrapping_sub(1)));
            if each > 0 {
                *open &= ladder.bringing(each);
                *least = each;
            }
            *some = share_of(lack, left);
        }
        let mut branches = *open;
        let mut fewest = branches.count_ones();
        for (ladder, some) in self.ladders.iter().zip(somes) {
            if some > 0 && left > 1 {
                let able = *open & ladder.bringing(some);
                if able.count_ones() < fewest {
                    fewest = able.count_ones();
                    branches = able;
                }
            }
        }
        let others = i32::try_from(left.saturating_sub(1)).unwrap_or(i32::MAX);
        Some(Branches {
            items: branches,
            each: least,
            servings_max: servings_left.saturating_sub(others),
        })
    }

    /// How many servings may come before the best so far is better; `None` where too few.
    fn servings_left(&self, basket: &Basket, left: usize) -> Option<i32> {
        let Some(best) = self.best.as_ref().filter(|_| self.goal == Goal::Smallest) else {
            return Some(i32::MAX);
        };
        let servings = best.count.saturating_sub(basket.count);
        (i32::try_from(left).unwrap_or(i32::MAX) <= servings).then_some(servings)
    }

    /// What will be short with the best items in each nutrient; `None` where that is too much.
    fn unavoidable(&self, basket: &Basket, left: usize) -> Option<i32> {
        if self.short_cap == 0 {
            return Some(0);
        }
        let mut unavoidable = 0_i32;
        for ladder in &self.ladders {
            let total = basket.totals.get(ladder.nutrient).copied().unwrap_or(0);
            let reached = total.saturating_add(ladder.top(left));
            unavoidable = unavoidable.wrapping_add(ladder.measure.short(reached));
        }
        (unavoidable <= self.short_cap).then_some(unavoidable)
    }

    /// What must still come of a nutrient, if all others are as little short as they can be.
    fn lack(&self, ladder: &Ladder, total: i32, slack: i32, left: usize) -> i32 {
        if self.short_cap == 0 {
            return ladder.measure.lo.wrapping_sub(total);
        }
        let reached = total.saturating_add(ladder.top(left));
        let own = ladder.measure.short(reached);
        ladder.floor(own.saturating_add(slack)).wrapping_sub(total)
    }

    fn limits_of(&self, basket: &Basket) -> Amounts {
        if self.over_cap == 0 || self.over_cap == i32::MAX {
            return self.limits;
        }
        limits(&self.pool.measures, &basket.totals, self.over_cap)
    }
}

/// The greatest totals that keep all overshoots together within the cap.
fn limits(measures: &[Measure; 6], totals: &Amounts, over_cap: i32) -> Amounts {
    if over_cap == i32::MAX {
        return measures.map(|measure| measure.max);
    }
    let slack = over_cap.saturating_sub(over(measures, totals)).max(0);
    let mut totals = totals.iter();
    measures.map(|measure| {
        let own = totals.next().map_or(0, |total| measure.over(*total));
        measure.limit_within(own.saturating_add(slack))
    })
}

/// What one of so many kinds brings at least.
fn share_of(lack: i32, kinds: usize) -> i32 {
    let kinds = i32::try_from(kinds).unwrap_or(1);
    divided_up(lack, kinds).unwrap_or(lack)
}

/// Rounded up; `None` by nothing.
fn divided_up(amount: i32, by: i32) -> Option<i32> {
    let rounding = by.saturating_sub(1);
    amount.saturating_add(rounding).checked_div(by)
}

/// So many servings more, at most `units`, keep the totals within the limits.
fn units_left(totals: &Amounts, entry: &Entry, limits: &Amounts, units: i32) -> i32 {
    let mut room = *limits;
    for (room, total) in room.iter_mut().zip(totals) {
        *room = room.saturating_sub(*total);
        if *room < 0 {
            return 0;
        }
    }
    units_within(&entry.amounts, &room, units)
}
