//! Two workouts in a row: how the gap between them changes what comes after the first and before
//! the second. The bounds are conventions of this project, not of the literature, and so are
//! configuration.

use std::collections::BTreeSet;

use super::need::{Need, Needs, fluid_ml_below, food_dg};
use super::{Draft, Reason, Timing};
use crate::units::{BodyMass, DrinkRate, Millilitres, Seconds};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GapClass {
    Merged,
    Bridge,
    Rapid,
    Fast,
    SameDay,
    Supplemental,
    Independent,
}

/// What is advised between the two workouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Between {
    /// Nothing extra: what is missing is carried into the second workout.
    Nothing,
    /// One small item instead of the advice after the first and before the second.
    Bridge,
    /// The advice after the first, with that before the second folded in.
    AfterFolded,
    /// Both.
    Both,
}

impl GapClass {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Merged => "merged",
            Self::Bridge => "bridge",
            Self::Rapid => "rapid",
            Self::Fast => "fast",
            Self::SameDay => "same_day",
            Self::Supplemental => "supplemental",
            Self::Independent => "independent",
        }
    }

    /// A gap below zero (the workouts overlap) is no gap.
    pub fn of(gap: Seconds, bounds: &GapBounds) -> Self {
        let classes = [
            (bounds.merged, Self::Merged),
            (bounds.bridge, Self::Bridge),
            (bounds.rapid, Self::Rapid),
            (bounds.fast, Self::Fast),
            (bounds.same_day, Self::SameDay),
            (bounds.supplemental, Self::Supplemental),
        ];
        let found = classes.into_iter().find(|class| gap < class.0);
        found.map_or(Self::Independent, |class| class.1)
    }

    pub const fn between(self) -> Between {
        match self {
            Self::Merged => Between::Nothing,
            Self::Bridge => Between::Bridge,
            Self::Rapid => Between::AfterFolded,
            Self::Fast | Self::SameDay | Self::Supplemental | Self::Independent => Between::Both,
        }
    }

    pub(crate) const fn reason_code(self) -> &'static str {
        match self {
            Self::Merged => "GAP_MERGED",
            Self::Bridge => "GAP_BRIDGE",
            Self::Rapid => "GAP_RAPID",
            Self::Fast => "GAP_FAST",
            Self::SameDay => "GAP_SAME_DAY",
            Self::Supplemental => "GAP_SUPPLEMENTAL",
            Self::Independent => "GAP_INDEPENDENT",
        }
    }
}

/// Each class ends before its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GapBounds {
    pub merged: Seconds,
    pub bridge: Seconds,
    pub rapid: Seconds,
    pub fast: Seconds,
    pub same_day: Seconds,
    pub supplemental: Seconds,
}

impl Default for GapBounds {
    fn default() -> Self {
        Self {
            merged: Seconds::clamped(45 * 60),
            bridge: Seconds::clamped(2 * HOUR_S),
            rapid: Seconds::clamped(4 * HOUR_S),
            fast: Seconds::clamped(8 * HOUR_S),
            same_day: Seconds::clamped(12 * HOUR_S),
            supplemental: Seconds::clamped(24 * HOUR_S),
        }
    }
}

const HOUR_S: i64 = 3_600;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BridgeInput {
    pub mass: BodyMass,
    pub deficit: Millilitres,
    pub gap: Seconds,
    pub cap: DrinkRate,
}

/// Half an hour before the second start the drinking ends, a quarter before it the eating.
pub fn bridge(input: &BridgeInput) -> Draft {
    let drinking_h = (input.gap.hours() - 0.5).max(0.0);
    let eating_h = (input.gap.hours() - 0.25).max(0.0);
    let fluid = fluid_ml_below(input.deficit.as_f64().min(input.cap.as_f64() * drinking_h));
    let carbohydrate = (input.mass.kilograms() * eating_h).min(BRIDGE_CARBOHYDRATE_G_MAX);
    let params = [
        ("deficit_g", input.deficit.get()),
        ("gap_s", input.gap.get()),
    ];
    Draft {
        needs: Needs {
            fluid: Some(Need::up_to(fluid)),
            carbohydrate: Some(Need::up_to(food_dg(carbohydrate))),
            protein: Some(Need::up_to(0)),
            ..Needs::default()
        },
        flags: BTreeSet::new(),
        reasons: vec![Reason::new("GAP_BRIDGE", params, &[])],
        timing: Timing::Spread {
            window: Seconds::near(drinking_h * 3_600.0),
            eating: Seconds::near(eating_h * 3_600.0),
        },
    }
}

const BRIDGE_CARBOHYDRATE_G_MAX: f64 = 60.0;
