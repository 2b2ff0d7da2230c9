//! One nutrient that is wanted, with the items in the order of how much they can bring.

use super::super::bands::{Measure, SHORT_STEPS};
use super::pool::{Entry, Pool};
use crate::catalogue::ITEMS_MAX;
use crate::selection::Problem;

const KINDS_MAX: usize = Problem::KINDS_MAX as usize;
const STEPS: usize = SHORT_STEPS as usize;

pub(super) struct Ladder {
    pub(super) nutrient: usize,
    pub(super) measure: Measure,
    /// What each item brings at most, falling.
    rungs: Vec<i32>,
    /// The items on the first rungs, as a set.
    sets: Vec<u128>,
    /// What so many items bring at most together.
    tops: [i32; KINDS_MAX + 1],
    /// The most in one serving.
    pub(super) serving_max: i32,
    /// The least total that is at most so many steps short.
    within: [i32; STEPS + 1],
}

impl Ladder {
    /// `units` are the servings that each entry may have.
    pub(super) fn new(pool: &Pool, nutrient: usize, measure: Measure, units: &[i32]) -> Self {
        let amount = |entry: &Entry| entry.amounts.get(nutrient).copied().unwrap_or(0);
        let mut brought: Vec<(i32, usize)> = pool
            .entries
            .iter()
            .zip(units)
            .enumerate()
            .map(|(index, (entry, units))| (amount(entry).wrapping_mul(*units), index))
            .filter(|(brought, _)| *brought > 0)
            .collect();
        brought.sort_unstable_by(|a, b| b.cmp(a));
        let mut sets = Vec::with_capacity(brought.len().saturating_add(1));
        let mut set = 0_u128;
        sets.push(set);
        for (_, index) in &brought {
            set |= bit(*index);
            sets.push(set);
        }
        let mut tops = [0; KINDS_MAX + 1];
        let mut sum = 0_i32;
        let mut rungs = brought.iter();
        for top in tops.iter_mut().skip(1) {
            sum = sum.wrapping_add(rungs.next().map_or(0, |(brought, _)| *brought));
            *top = sum;
        }
        let mut step = 0_i32;
        let within = [(); STEPS + 1].map(|()| {
            let least = measure.lo_within(step);
            step = step.wrapping_add(1);
            least
        });
        let open = pool.entries.iter().zip(units);
        Self {
            nutrient,
            measure,
            rungs: brought.into_iter().map(|(brought, _)| brought).collect(),
            sets,
            tops,
            serving_max: open
                .filter(|(_, units)| **units > 0)
                .map(|(entry, _)| amount(entry))
                .fold(0, i32::max),
            within,
        }
    }

    /// The items that can bring so much.
    pub(super) fn bringing(&self, amount: i32) -> u128 {
        let rungs = self.rungs.partition_point(|rung| *rung >= amount);
        self.sets.get(rungs).copied().unwrap_or(0)
    }

    /// What so many items can bring together.
    pub(super) fn top(&self, kinds: usize) -> i32 {
        self.tops.get(kinds).copied().unwrap_or(i32::MAX)
    }

    /// The least total that counts at most so much as short.
    pub(super) fn floor(&self, short: i32) -> i32 {
        let steps = short.checked_div(self.measure.weight_short).unwrap_or(0);
        let steps = usize::try_from(steps).unwrap_or(0).min(STEPS);
        self.within.get(steps).copied().unwrap_or(0)
    }
}

pub(super) const fn bit(index: usize) -> u128 {
    if index < ITEMS_MAX { 1 << index } else { 0 }
}
