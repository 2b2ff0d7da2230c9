//! What to take before, during, between and after workouts, and when.
//!
//! Each phase has one rule that turns a small set of inputs into a [`Draft`]: needs in integers,
//! rounded as they are shown, with the codes that say why. A draft is not advice yet: only
//! [`crate::safety::apply`] makes it [`Advised`], so that nothing leaves without the safety rules.
//!
//! Rounding: fluid to 10 mL, sodium and caffeine to 10 mg, carbohydrate and protein to 1 g, halves
//! upwards. The rules never see a clock: all times are lengths relative to the workout.
//!
//! It is not: a choice of products, or sentences. Codes with parameters are turned into words by
//! whoever speaks the reader's language.

mod after;
mod before;
mod between;
mod caffeine;
mod confidence;
mod during;
mod need;
mod night;
mod portions;

pub use after::{AfterInput, NextWorkout, after};
pub use before::{BeforeInput, before};
pub use between::{Between, BridgeInput, GapBounds, GapClass, bridge};
pub use caffeine::{CaffeineInput, caffeine};
pub use confidence::{Basis, Confidence, ConfidenceInput};
pub use during::{DuringInput, during, usual_sweat_rate};
pub use need::{Need, Needs};
pub use night::{NightInput, pre_sleep};
pub(crate) use portions::portions as schedule;
pub use portions::{Portion, Timing};

use std::collections::BTreeSet;

use crate::safety::{Ceilings, SafetyRule};
use crate::units::{DrinkRate, Seconds};

/// Stands in every piece of advice; changes with any number in this module.
pub const RULES_VERSION: &str = "rules-2025.1";

/// How hard a workout is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Intensity {
    Low,
    #[default]
    Moderate,
    High,
}

impl Intensity {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Moderate => "moderate",
            Self::High => "high",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        [Self::Low, Self::Moderate, Self::High]
            .into_iter()
            .find(|one| one.as_str() == word)
    }
}

/// Something in the needs that a reader must not overlook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NeedFlag {
    CappedByRate,
    DeficitGt2Pct,
    NoDeficit,
    MassGain,
    LowConfidence,
    Unmet,
}

impl NeedFlag {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CappedByRate => "CAPPED_BY_RATE",
            Self::DeficitGt2Pct => "DEFICIT_GT_2PCT",
            Self::NoDeficit => "NO_DEFICIT",
            Self::MassGain => "MASS_GAIN",
            Self::LowConfidence => "LOW_CONFIDENCE",
            Self::Unmet => "UNMET",
        }
    }
}

/// Why, as a code with parameters and the keys of the literature behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub code: &'static str,
    /// The unit ends each name.
    pub params: Vec<(&'static str, i64)>,
    pub evidence: &'static [&'static str],
}

impl Reason {
    pub(crate) fn new<const N: usize>(
        code: &'static str,
        params: [(&'static str, i64); N],
        evidence: &'static [&'static str],
    ) -> Self {
        Self {
            code,
            params: params.to_vec(),
            evidence,
        }
    }
}

/// What a rule of this module proposes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub(crate) needs: Needs,
    pub(crate) flags: BTreeSet<NeedFlag>,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) timing: Timing,
}

impl Draft {
    pub fn needs(&self) -> &Needs {
        &self.needs
    }

    pub fn flags(&self) -> &BTreeSet<NeedFlag> {
        &self.flags
    }

    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    /// The time that the advice covers, from its first portion's reference point.
    pub fn window(&self) -> Seconds {
        self.timing.window()
    }
}

/// Advice that passed the safety rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advised {
    pub needs: Needs,
    pub flags: BTreeSet<NeedFlag>,
    pub reasons: Vec<Reason>,
    /// Offsets from the start (before: the present; during: the start; otherwise the last end).
    pub schedule: Vec<Portion>,
    pub window: Seconds,
    /// For the choice of products, where a target was taken away.
    pub ceilings: Ceilings,
    /// The rules that lowered or stopped something.
    pub safety: BTreeSet<SafetyRule>,
}

/// How fast this athlete may drink: 0.8 L/h; 1.0 where a history shows that it is tolerated and
/// 1.2 L/h or more is sweated. A rate of 1.2 is the end of the type.
pub fn usual_cap(rate: Option<crate::units::SweatRate>, tolerated: bool) -> DrinkRate {
    let heavy = rate.is_some_and(|rate| rate.get() >= 1_200);
    DrinkRate::clamped(if heavy && tolerated { 1_000 } else { 800 })
}

pub(crate) const FLUID_STEP_ML: i64 = 10;
pub(crate) const SODIUM_STEP_MG: i64 = 10;
/// 1 g in decigrams.
pub(crate) const FOOD_STEP_DG: i64 = 10;

#[cfg(test)]
mod tests;
