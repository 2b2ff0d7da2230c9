//! What people lose, by sport, before anything is known of the one athlete.
//!
//! Rates are log-normal in L/h, fitted to means and deviations of large samples of athletes (Barnes
//! et al. 2019 for the sports that have a row; Baker et al. 2016 for all together). Rows without
//! such a sample are marked as stand-ins and say so in the loss.

use crate::sport::Sport;
use crate::units::{LogMean, LogNormal, LogSd};

/// The rate of a sport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PopulationRow {
    /// Of the sweat rate in L/h.
    pub rate: LogNormal,
    /// False where people of other sports stand in.
    pub listed: bool,
}

/// As far as it matters to the sodium prior.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sex {
    Female,
    Male,
}

impl Sex {
    /// Words other than these two tell nothing here.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "female" => Some(Self::Female),
            "male" => Some(Self::Male),
            _ => None,
        }
    }
}

pub fn population(sport: Sport) -> PopulationRow {
    match sport {
        Sport::Run
        | Sport::TrailRun
        | Sport::Treadmill
        | Sport::RoadRide
        | Sport::GravelRide
        | Sport::Mtb
        | Sport::EBike
        | Sport::IndoorRide
        | Sport::Hike
        | Sport::Row
        | Sport::Paddle
        | Sport::NordicSki
        | Sport::Multisport => ENDURANCE,
        Sport::Soccer => SOCCER,
        Sport::Basketball => BASKETBALL,
        Sport::AmericanFootball => AMERICAN_FOOTBALL,
        Sport::Baseball => BASEBALL,
        Sport::PoolSwim | Sport::OpenWater => SWIM,
        Sport::Walk => WALK,
        Sport::Yoga => MIND,
        Sport::Alpine
        | Sport::Strength
        | Sport::Cardio
        | Sport::Tennis
        | Sport::Racket
        | Sport::Team
        | Sport::Other => OVERALL,
    }
}

/// Sodium in whole-body sweat: 36 mmol/L, women 32; the logarithm is of mmol/L.
pub fn sodium_prior(sex: Option<Sex>) -> LogNormal {
    let log_mean = match sex {
        Some(Sex::Female) => LOG_32,
        Some(Sex::Male) | None => LOG_36,
    };
    LogNormal::new(LogMean::clamped(log_mean), LogSd::clamped(300_000))
}

/// ln 36 and ln 32, in millionths.
const LOG_36: i64 = 3_583_519;
const LOG_32: i64 = 3_465_736;

const ENDURANCE: PopulationRow = listed(156_400, 425_300);
const SOCCER: PopulationRow = listed(-137_600, 389_100);
const BASKETBALL: PopulationRow = listed(-140_600, 422_500);
const AMERICAN_FOOTBALL: PopulationRow = listed(314_800, 441_200);
const BASEBALL: PopulationRow = listed(-263_900, 393_900);

const OVERALL: PopulationRow = stand_in(53_400, 523_900);

/// A mean of 0.37 L/h is remembered from the literature, with no deviation: 0.45 is a guess as wide
/// as the widest team sport. ln 0.37 − 0.45² / 2 = −0.994 252 − 0.101 250.
const SWIM: PopulationRow = stand_in(-1_095_502, 450_000);

/// An easy effort is put at 0.75 of a moderate one, as the rule for unknown rates does: + ln 0.75.
const WALK: PopulationRow = stand_in(53_400 - 287_682, 523_900);

/// Yoga and mobility hardly raise heat production; half of the overall rate is a guess: + ln 0.5.
const MIND: PopulationRow = stand_in(53_400 - 693_147, 523_900);

const fn listed(log_mean: i64, log_sd: i64) -> PopulationRow {
    row(log_mean, log_sd, true)
}

const fn stand_in(log_mean: i64, log_sd: i64) -> PopulationRow {
    row(log_mean, log_sd, false)
}

const fn row(log_mean: i64, log_sd: i64, listed: bool) -> PopulationRow {
    let rate = LogNormal::new(LogMean::clamped(log_mean), LogSd::clamped(log_sd));
    PopulationRow { rate, listed }
}
