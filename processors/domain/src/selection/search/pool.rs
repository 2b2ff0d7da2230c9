//! The candidates in the form that the search wants: those that can be of use, with whole numbers,
//! the most useful first.

use super::super::Nutrient;
use super::super::bands::Measure;
use super::super::problem::Problem;
use super::basket::Basket;
use super::{over, short};
use crate::catalogue::Item;

pub(super) type Amounts = [i32; Nutrient::COUNT];

pub(super) struct Pool {
    pub(super) measures: [Measure; Nutrient::COUNT],
    pub(super) entries: Vec<Entry>,
    pub(super) kinds_max: usize,
    /// Baskets whose drinks are too strong are none.
    pub(super) drink_strength: bool,
}

pub(super) struct Entry {
    pub(super) amounts: Amounts,
    pub(super) units: i32,
    pub(super) penalty: i64,
    /// Above 0 where a serving is stronger than 8 g in 100 mL.
    pub(super) strength: i32,
    /// In the catalogue, whose order is that of ids.
    pub(super) place: u8,
    share: i64,
}

impl Pool {
    pub(super) fn new(problem: &Problem<'_>) -> Self {
        let measures = problem.bands.measures();
        let kinds_max = problem.kinds_max.min(Problem::KINDS_MAX).into();
        let mut pool = Self {
            measures,
            entries: Vec::new(),
            kinds_max,
            drink_strength: problem.limits.drink_strength,
        };
        for (place, item) in problem.candidates.places() {
            if usable(problem, &measures, item)
                && let Some(entry) = pool.entry(problem, place, item)
            {
                pool.entries.push(entry);
            }
        }
        pool.entries
            .sort_unstable_by_key(|entry| (std::cmp::Reverse(entry.share), entry.place));
        pool
    }

    /// `None` where it cannot be in the best basket: no serving fits, or it brings nothing wanted.
    fn entry(&self, problem: &Problem<'_>, place: usize, item: &Item) -> Option<Entry> {
        let amounts = item.facts.map(|fact| fact.unwrap_or(0));
        let limits = self.measures.map(|measure| measure.max);
        let units = units_within(&amounts, &limits, problem.units_of(item));
        let share = share(&self.measures, &amounts, units);
        let strength = if item.is_drink() {
            strength(&amounts)
        } else {
            0
        };
        let of_use = share > 0 || (self.drink_strength && strength < 0);
        let place = u8::try_from(place).ok()?;
        (units > 0 && of_use).then(|| Entry {
            amounts,
            units,
            penalty: problem.penalties.get(&item.id).copied().unwrap_or(0),
            strength,
            place,
            share,
        })
    }

    /// A fair basket, item by item, to have something to beat.
    pub(super) fn greedy(&self) -> Basket {
        let mut basket = Basket::EMPTY;
        while basket.kinds < self.kinds_max {
            let now = short(&self.measures, &basket.totals);
            let next = self.best_addition(&basket);
            match next {
                Some((unmet, better)) if unmet < now => basket = better,
                _ => break,
            }
        }
        basket
    }

    fn best_addition(&self, basket: &Basket) -> Option<(i32, Basket)> {
        let mut best: Option<((i32, i32), Basket)> = None;
        for (index, entry) in self.entries.iter().enumerate() {
            if basket.holds(index) {
                continue;
            }
            for servings in 1..=entry.units {
                let next = basket.with(index, entry, servings);
                let within = self.measures.iter().zip(next.totals);
                if within
                    .into_iter()
                    .any(|(measure, total)| total > measure.max)
                {
                    break;
                }
                if self.drink_strength && next.strength > 0 {
                    continue;
                }
                let key = (
                    short(&self.measures, &next.totals),
                    over(&self.measures, &next.totals),
                );
                if best.as_ref().is_none_or(|(least, _)| key < *least) {
                    best = Some((key, next));
                }
            }
        }
        best.map(|((unmet, _), next)| (unmet, next))
    }
}

/// Unknown is no number: not where the number has to be reached, nor where passing it does harm.
pub(super) fn usable(problem: &Problem<'_>, measures: &[Measure], item: &Item) -> bool {
    let facts = item.facts.iter().zip(measures);
    let no_lower_end_unknown = facts
        .into_iter()
        .all(|(fact, measure)| fact.is_some() || measure.lo == 0);
    let restricted = problem.candidates.sodium_restricted;
    let sodium_known = !restricted || item.amount(Nutrient::Sodium).is_some();
    let strength_known = !problem.limits.drink_strength
        || !item.is_drink()
        || (item.amount(Nutrient::Carbohydrate).is_some()
            && item.amount(Nutrient::Fluid).is_some());
    let fluid_wanted = measures.first().is_some_and(|fluid| fluid.lo > 0);
    let salt = item.kind == crate::catalogue::Kind::Salt;
    let salt_in_place = !problem.limits.salt_needs_fluid || fluid_wanted || !salt;
    no_lower_end_unknown
        && item.amount(Nutrient::Caffeine).is_some()
        && sodium_known
        && strength_known
        && salt_in_place
}

/// So many servings, at most `units`, stay within the limits.
pub(super) fn units_within(amounts: &Amounts, limits: &Amounts, units: i32) -> i32 {
    amounts
        .iter()
        .zip(limits)
        .filter_map(|(amount, limit)| limit.checked_div(*amount))
        .fold(units, i32::min)
}

/// Of the needs, what all servings together bring, in weighted thousandths.
fn share(measures: &[Measure], amounts: &Amounts, units: i32) -> i64 {
    let each = measures.iter().zip(amounts);
    each.map(|(measure, amount)| {
        let brought = amount.saturating_mul(units).min(measure.lo);
        let thousandths = i64::from(brought).saturating_mul(1_000);
        let share = thousandths.checked_div(i64::from(measure.lo));
        share
            .unwrap_or(0)
            .saturating_mul(i64::from(measure.weight_short))
    })
    .fold(0, i64::saturating_add)
}

/// 8 g in 100 mL is 4/5 of 0.1 g in each mL.
fn strength(amounts: &Amounts) -> i32 {
    let [fluid, carbohydrate, ..] = amounts;
    let carried = carbohydrate.saturating_mul(5);
    carried.saturating_sub(fluid.saturating_mul(4))
}
