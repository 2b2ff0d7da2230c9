//! The tests of an athlete.

use crate::observation::ObservationId;
use crate::sport::{Family, Sport};
use crate::sweat::population;
use crate::time::Instant;
use crate::units::{AirTemperature, LogMean, LogSd, Seconds, SweatRate};

/// What an athlete was tested with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TestKind {
    WeighIn,
    Patch,
}

impl TestKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WeighIn => "weigh_in",
            Self::Patch => "patch",
        }
    }
}

/// One test of the athlete, with what it was done in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Test {
    pub at: Instant,
    pub observation: ObservationId,
    pub kind: TestKind,
    /// Logarithm of what was measured over what is usual in the sport.
    pub log_ratio: LogMean,
    pub log_sd: LogSd,
    pub family: Family,
    pub duration: Seconds,
    /// `None` indoors, and where the weather is unknown.
    pub air_temp: Option<AirTemperature>,
}

/// Logarithm of a rate over the usual one of a sport; `None` only if it is out of bounds, which no
/// rate's is.
pub fn log_ratio(rate: SweatRate, sport: Sport) -> Option<LogMean> {
    let measured = LogMean::ln(rate.litres_per_hour())?;
    let usual = population(sport).rate.log_mean;
    LogMean::new(measured.get().saturating_sub(usual.get()))
}
