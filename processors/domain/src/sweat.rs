//! What was lost in a workout: measured by scales, or believed from the sport and the athlete.
//!
//! Every answer is a median with a 90 % interval and says its method. Scales tell nothing of sodium,
//! and then sodium is unknown, not some default. Rates are means over a whole workout; a ramp for
//! short ones and the weather are not modelled here.

mod flags;
mod population;
mod predict;
mod weigh_in;

pub use flags::LossFlag;
pub use population::{PopulationRow, Sex, population, sodium_prior};
pub use predict::predict;
pub use weigh_in::{UnusableWeighIn, WeighIn, WeighInLoss, WeighInOutcome, weigh_in};

use std::collections::BTreeSet;

use crate::units::{Interval, Milligrams, Millilitres, SodiumConcentration, SweatRate};

/// Version of the formulas below; stands in every published loss.
pub const MODEL_VERSION: &str = "sweat-1";

/// How a loss was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    WeighIn,
    /// The athlete's own history.
    Profile,
    /// What people lose in that sport.
    Population,
}

impl Method {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WeighIn => "weigh_in",
            Self::Profile => "profile",
            Self::Population => "population",
        }
    }
}

/// The loss of one workout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    pub method: Method,
    pub fluid: Interval<Millilitres>,
    pub rate: Interval<SweatRate>,
    /// `None` is unknown.
    pub sodium_concentration: Option<Interval<SodiumConcentration>>,
    pub sodium: Option<Interval<Milligrams>>,
    pub flags: BTreeSet<LossFlag>,
}
