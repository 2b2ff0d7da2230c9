//! The question: bands, candidates, and how much of what.

use std::collections::BTreeMap;

use super::{Bands, Candidates, Nutrient, Selection};
use crate::catalogue::{Item, Kind};

/// A question for [`Selection::solve`].
#[derive(Clone, Debug)]
pub struct Problem<'p> {
    pub candidates: &'p Candidates<'p>,
    pub bands: Bands,
    /// Different items in the basket, at most [`Problem::KINDS_MAX`].
    pub kinds_max: u8,
    pub units: Units,
    /// By id, for each item that is used: taken recently, disliked, dear. Decides among baskets
    /// that are otherwise as good.
    pub penalties: BTreeMap<String, i64>,
    pub limits: Limits,
}

/// Servings of one item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Units {
    /// 4; salt 6, bars 2, caffeine 2 or 1 where a serving has more than 100 mg.
    #[default]
    Usual,
    /// As usual, with the salt capsules that the time allows (2 an hour).
    UsualWithSalt(u8),
    /// So many of everything, at most [`Problem::UNITS_MAX`].
    Each(u8),
}

/// Rules of the phase beyond the bands; none by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Limits {
    /// Carbohydrate in all drinks of the basket is at most 8 g per 100 mL; for athletes whose gut is
    /// not used to more, during exercise.
    pub drink_strength: bool,
    /// No salt where no fluid is wanted.
    pub salt_needs_fluid: bool,
}

impl<'p> Problem<'p> {
    pub const KINDS_MAX: u8 = 8;
    pub const UNITS_MAX: u8 = 20;

    /// Usual servings, nothing penalised, no further limits.
    pub fn new(candidates: &'p Candidates<'p>, bands: Bands, kinds_max: u8) -> Self {
        Self {
            candidates,
            bands,
            kinds_max,
            units: Units::Usual,
            penalties: BTreeMap::new(),
            limits: Limits::default(),
        }
    }

    pub fn solve(&self) -> Selection {
        Selection::solve(self)
    }

    pub(crate) fn units_of(&self, item: &Item) -> i32 {
        let units = match (self.units, item.kind) {
            (Units::Each(units), _) | (Units::UsualWithSalt(units), Kind::Salt) => units,
            _ => usual(item),
        };
        i32::from(units.min(Self::UNITS_MAX))
    }
}

/// More in one serving is taken once.
const STRONG_CAFFEINE_MG: i64 = 100;

fn usual(item: &Item) -> u8 {
    let caffeine = match item.amount(Nutrient::Caffeine) {
        Some(0) => 4,
        Some(..=STRONG_CAFFEINE_MG) => 2,
        _ => 1,
    };
    let kind = match item.kind {
        Kind::Salt => 6,
        Kind::Bar => 2,
        _ => 4,
    };
    if caffeine == 4 {
        kind
    } else {
        caffeine.min(kind)
    }
}
