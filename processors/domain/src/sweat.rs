//! What was lost in a workout: measured by scales or a patch, or believed from the sport and the
//! athlete.
//!
//! Every answer is a median with a 90 % interval and says its method. Scales tell nothing of sodium,
//! and then sodium is unknown, not some default. Rates are means over a whole workout; a ramp for
//! short ones is not modelled here, and weather only widens.

mod body;
mod censor;
mod conditions;
mod estimate;
mod flags;
mod local;
mod patch;
mod population;
mod predict;
mod sodium;
mod weigh_in;

pub use self::conditions::{Conditions, WeatherState};
pub use self::estimate::{LossInput, conflicts, estimate, wears_patch};
pub use self::local::{
    Electrolyte, Line, Observed, PatchModel, Site, WholeBody, local_to_whole_body,
};
pub use self::population::{PopulationRow, Sex, population, sodium_prior};
pub use self::weigh_in::{UnusableWeighIn, WeighIn, WeighInLoss, WeighInOutcome, weigh_in};
pub use self::{
    body::Body, censor::Bound, flags::LossFlag, patch::PatchReading, patch::Reading, patch::Scan,
    patch::read_patch, sodium::sodium_at_rate,
};

use std::collections::BTreeSet;

use crate::units::{Interval, Milligrams, Millilitres, SodiumConcentration, SweatRate};

/// Version of the formulas below; stands in every published loss.
pub const MODEL_VERSION: &str = "sweat-2";

/// How a loss was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    WeighIn,
    /// A patch and what people lose in that sport.
    Patch,
    /// Scales with a patch, or a patch with the athlete's own history.
    Fused,
    /// The athlete's own history.
    Profile,
    /// What people lose in that sport.
    Population,
}

impl Method {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WeighIn => "weigh_in",
            Self::Patch => "patch",
            Self::Fused => "fused",
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
