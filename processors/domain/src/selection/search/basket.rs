//! A set of items with servings, as it grows.

use std::cmp::Ordering;

use super::super::problem::Problem;
use super::pool::{Amounts, Entry, Pool};
use crate::selection::{Nutrient, Servings};

const KINDS_MAX: usize = Problem::KINDS_MAX as usize;

#[derive(Clone, Copy)]
pub(super) struct Basket {
    pub(super) totals: Amounts,
    pub(super) strength: i32,
    pub(super) kinds: usize,
    /// All servings.
    pub(super) count: i32,
    pub(super) penalty: i64,
    /// Index in the pool and servings.
    used: [(u8, u8); KINDS_MAX],
}

impl Basket {
    pub(super) const EMPTY: Self = Self {
        totals: [0; Nutrient::COUNT],
        strength: 0,
        kinds: 0,
        count: 0,
        penalty: 0,
        used: [(0, 0); KINDS_MAX],
    };

    /// One kind more. A basket that is full stays as it is; the search never asks for it.
    pub(super) fn with(&self, index: usize, entry: &Entry, servings: i32) -> Self {
        let mut next = *self;
        let Some(slot) = next.used.get_mut(self.kinds) else {
            return next;
        };
        let narrow = |number: i32| u8::try_from(number).unwrap_or(u8::MAX);
        *slot = (u8::try_from(index).unwrap_or(u8::MAX), narrow(servings));
        next.kinds = self.kinds.saturating_add(1);
        next.count = self.count.wrapping_add(servings);
        next.penalty = self.penalty.saturating_add(entry.penalty);
        next.strength = self
            .strength
            .wrapping_add(entry.strength.wrapping_mul(servings));
        for (total, amount) in next.totals.iter_mut().zip(entry.amounts) {
            *total = total.wrapping_add(amount.wrapping_mul(servings));
        }
        next
    }

    pub(super) fn holds(&self, index: usize) -> bool {
        let mut used = self.used.iter().take(self.kinds);
        used.any(|(one, _)| usize::from(*one) == index)
    }

    /// Of two baskets of as many kinds: servings, penalty, ids with counts.
    pub(super) fn compare(&self, other: &Self, pool: &Pool) -> Ordering {
        (self.count, self.penalty)
            .cmp(&(other.count, other.penalty))
            .then_with(|| self.by_id(pool).cmp(&other.by_id(pool)))
    }

    /// Place in the catalogue and servings, ascending; what is not used stands at the end.
    fn by_id(&self, pool: &Pool) -> [(u8, u8); KINDS_MAX] {
        let mut list = [(u8::MAX, u8::MAX); KINDS_MAX];
        for (slot, (index, servings)) in list.iter_mut().zip(self.used.iter().take(self.kinds)) {
            if let Some(entry) = pool.entries.get(usize::from(*index)) {
                *slot = (entry.place, *servings);
            }
        }
        list.sort_unstable();
        list
    }

    pub(super) fn servings(&self, pool: &Pool, problem: &Problem<'_>) -> Vec<Servings> {
        let items = problem.candidates.catalogue().items();
        let list = self.by_id(pool);
        list.iter()
            .take(self.kinds)
            .filter_map(|(place, servings)| {
                let item = items.get(usize::from(*place))?;
                Some(Servings {
                    id: item.id.clone(),
                    servings: *servings,
                })
            })
            .collect()
    }
}
