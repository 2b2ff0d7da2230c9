//! The exact search.
//!
//! A set of items is grown one item at a time, each with all numbers of servings that no limit
//! forbids. What keeps the tree small is that the question is always a box: totals must reach a
//! floor in each nutrient and stay below a ceiling. If `n` kinds are left and a nutrient lacks `m`,
//! then one of them brings at least `m / n`, and each of them at least what the `n - 1` best others
//! cannot; so a node looks only at the items that can be that one, for the nutrient with the fewest
//! of them. After an item was looked at it is closed for its siblings: each set is visited once.
//!
//! The keys are settled one after the other, because each makes the box of the next one tight:
//!
//! 1. Is there a basket that lacks no more than it must and has too much of nothing? Mostly there
//!    is, and then the smallest such basket is the answer.
//! 2. Otherwise: the least that is short; with it, the least that is over; with both, the smallest
//!    basket. Caps go up from the floor, because a narrow box is searched quickly even in vain.
//!
//! Kinds go up from one, so that the first number of kinds with an answer is the least.
//!
//! Nothing here allocates below a step's preparation, and all sums are small: an amount is at most
//! 20,000, servings 20, kinds 8 and needs 1,000,000, far inside of 32 bits.

mod basket;
mod ladder;
mod pool;
mod reasons;
mod tree;

pub(super) use reasons::reason;

use super::Problem;
use super::bands::Measure;
use super::outcome::{Optimality, Score, Servings};
use basket::Basket;
use pool::{Amounts, Pool};
use tree::{Goal, Tree};

/// Steps of one solve. Of ten thousand drawn needs the hardest took 20,000.
pub const NODES_MAX: u32 = 2_000_000;

pub(super) struct Found {
    pub(super) items: Vec<Servings>,
    pub(super) totals: Amounts,
    pub(super) score: Score,
    pub(super) optimality: Optimality,
    pub(super) nodes: u32,
}

pub(super) fn solve(problem: &Problem<'_>) -> Found {
    solve_within(problem, NODES_MAX)
}

pub(super) fn solve_within(problem: &Problem<'_>, nodes_max: u32) -> Found {
    let pool = Pool::new(problem);
    let mut effort = Effort {
        nodes: 0,
        nodes_max,
        cut: false,
    };
    let basket = effort.best(&pool);
    Found {
        items: basket.servings(&pool, problem),
        totals: basket.totals,
        score: Score {
            unmet: short(&pool.measures, &basket.totals).into(),
            over: over(&pool.measures, &basket.totals).into(),
            kinds: i64::try_from(basket.kinds).unwrap_or(i64::MAX),
            servings: basket.count.into(),
            penalty: basket.penalty,
        },
        optimality: if effort.cut {
            Optimality::Bounded
        } else {
            Optimality::Proven
        },
        nodes: effort.nodes,
    }
}

/// What the search has cost so far, and may cost.
struct Effort {
    nodes: u32,
    nodes_max: u32,
    cut: bool,
}

impl Effort {
    fn best(&mut self, pool: &Pool) -> Basket {
        let free = Tree::new(pool, Goal::LeastShort, i32::MAX, i32::MAX);
        let floor = free.least_short();
        if let Some(basket) = self.smallest(pool, floor, 0) {
            return basket;
        }
        let mut basket = pool.greedy();
        let start = short(&pool.measures, &basket.totals);
        let tree = |cap| Tree::new(pool, Goal::LeastShort, cap, i32::MAX);
        basket = self.least(pool, floor, start, tree).unwrap_or(basket);
        let unmet = short(&pool.measures, &basket.totals);
        let start = over(&pool.measures, &basket.totals);
        let tree = |cap| Tree::new(pool, Goal::LeastOver, unmet, cap);
        basket = self.least(pool, 0, start, tree).unwrap_or(basket);
        let excess = over(&pool.measures, &basket.totals);
        self.smallest(pool, unmet, excess).unwrap_or(basket)
    }

    /// The smallest basket that is at most so much short and over.
    fn smallest(&mut self, pool: &Pool, unmet: i32, over: i32) -> Option<Basket> {
        let nothing = Basket::EMPTY;
        if short(&pool.measures, &nothing.totals) <= unmet {
            return Some(nothing);
        }
        let mut tree = Tree::new(pool, Goal::Smallest, unmet, over);
        (1..=pool.kinds_max).find_map(|kinds| self.run(&mut tree, kinds))
    }

    /// Something better than `start`, the best there is. Narrow caps come first: their boxes are
    /// small, and mostly the answer is not far from the floor.
    fn least<'p>(
        &mut self,
        pool: &'p Pool,
        floor: i32,
        start: i32,
        tree: impl Fn(i32) -> Tree<'p>,
    ) -> Option<Basket> {
        let mut step = 1_i32;
        let mut cap = floor;
        while cap < start {
            let found = self.run(&mut tree(cap), pool.kinds_max);
            if found.is_some() {
                return found;
            }
            let widest = start.saturating_sub(1);
            cap = match floor.saturating_add(step) {
                next if cap < widest => next.min(widest),
                _ => start,
            };
            step = step.saturating_mul(2);
        }
        None
    }

    /// Each run may use half of what is left, so that those after it can tidy up.
    fn run(&mut self, tree: &mut Tree<'_>, kinds: usize) -> Option<Basket> {
        let budget = self.nodes_max.saturating_sub(self.nodes) / 2;
        let found = tree.search(kinds, budget);
        self.nodes = self.nodes.saturating_add(tree.nodes());
        self.cut |= tree.was_cut();
        found
    }
}

fn short(measures: &[Measure], totals: &Amounts) -> i32 {
    let each = measures.iter().zip(totals);
    each.map(|(measure, total)| measure.short(*total))
        .fold(0, i32::wrapping_add)
}

fn over(measures: &[Measure], totals: &Amounts) -> i32 {
    let each = measures.iter().zip(totals);
    each.map(|(measure, total)| measure.over(*total))
        .fold(0, i32::wrapping_add)
}
