//! Which products, and how many servings of each, come nearest to the needs.
//!
//! Whole servings of few kinds are chosen by an exact search over integers. Of two baskets the one
//! is better that is smaller in (unmet, over, kinds, servings, penalty, list of ids), compared in this order:
//! the last key makes the answer unique, so that the same question has the same answer for ever,
//! in whatever order the candidates come.
//!
//! * *Unmet* counts 5 % steps below the lower end of each band and *over* 10 % steps above its upper
//!   end, with a weight for each nutrient; one serving more is never bought for a crumb.
//! * A maximum is hard. A lower end is soft, so that there is always an answer: take nothing.
//! * What an athlete must not have is filtered before ([`Candidates`]) and never weighed.
//!
//! The search is in `search`: a depth-first one over sets of items in which every open band says
//! how much the next item must bring at least. It ends with a certificate: proven, or bounded where
//! [`NODES_MAX`] was not enough.
//!
//! It is not: a shop, a list of prices, or a word on when to take it.

mod bands;
mod candidates;
mod outcome;
mod problem;
mod restrictions;
mod search;

pub use bands::{Band, Bands, Nutrient};
pub use candidates::Candidates;
pub use outcome::{Optimality, Score, Selection, Servings, Unmet, UnmetReason};
pub use problem::{Limits, Problem, Units};
pub use restrictions::{Allergen, Diet, Drinks, Objection, Phase, Restrictions};
pub use search::NODES_MAX;

#[cfg(test)]
mod tests;
