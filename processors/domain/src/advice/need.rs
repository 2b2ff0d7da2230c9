//! A need: a target with the band around it, and how a rule writes it down rounded.

use super::{FLUID_STEP_ML, FOOD_STEP_DG, SODIUM_STEP_MG};
use crate::units::{Decigrams, DrinkRate, Milligrams, Millilitres, Quantity, floor_to, half_up};

/// What to take of one nutrient. Where all are set: lo ≤ target ≤ hi ≤ max.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need<Q> {
    pub target: Q,
    pub lo: Option<Q>,
    pub hi: Option<Q>,
    /// Never to be passed.
    pub max: Option<Q>,
}

/// A nutrient that is `None` is not advised on; one with target 0 is: take none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    pub fluid: Option<Need<Millilitres>>,
    pub fluid_per_hour: Option<DrinkRate>,
    pub carbohydrate: Option<Need<Decigrams>>,
    pub protein: Option<Need<Decigrams>>,
    pub casein: Option<Need<Decigrams>>,
    pub sodium: Option<Need<Milligrams>>,
    pub caffeine: Option<Need<Milligrams>>,
    /// What the cap did not let in; for the next morning.
    pub carry_over: Option<Millilitres>,
}

impl<Q: Quantity> Need<Q> {
    /// The band of 10 % to either side that selection uses where a rule names none.
    pub(crate) fn around(target: i64) -> Self {
        let tenth = target.max(0) / 10;
        Self {
            target: Q::of(target),
            lo: Some(Q::of(target.saturating_sub(tenth))),
            hi: Some(Q::of(target.saturating_add(tenth))),
            max: None,
        }
    }

    /// As [`Need::around`], but the target is already the most.
    pub(crate) fn up_to(target: i64) -> Self {
        let around = Self::around(target);
        Self {
            hi: Some(around.target),
            max: Some(around.target),
            ..around
        }
    }

    pub(crate) fn banded(target: i64, lo: i64, hi: i64) -> Self {
        let (lo, hi) = (lo.min(target), hi.max(target));
        Self {
            target: Q::of(target),
            lo: Some(Q::of(lo)),
            hi: Some(Q::of(hi)),
            max: Some(Q::of(hi)),
        }
    }

    /// No number is above `limit` afterwards. True where the target or the maximum came down.
    pub(crate) fn lower_to(&mut self, limit: Q) -> bool {
        let lowered = self.target > limit || self.max.is_some_and(|max| max > limit);
        self.target = self.target.min(limit);
        self.lo = self.lo.map(|value| value.min(limit));
        self.hi = self.hi.map(|value| value.min(limit));
        self.max = self.max.map(|value| value.min(limit));
        lowered
    }
}

pub(crate) fn fluid_ml(value: f64) -> i64 {
    half_up(value.max(0.0), FLUID_STEP_ML)
}

/// For a volume that a limit cut: rounding must not pass the limit.
pub(crate) fn fluid_ml_below(value: f64) -> i64 {
    floor_to(value.max(0.0), FLUID_STEP_ML)
}

pub(crate) fn sodium_mg(value: f64) -> i64 {
    half_up(value.max(0.0), SODIUM_STEP_MG)
}

/// From grams to whole grams, in decigrams.
pub(crate) fn food_dg(grams: f64) -> i64 {
    half_up(grams.max(0.0) * 10.0, FOOD_STEP_DG)
}
