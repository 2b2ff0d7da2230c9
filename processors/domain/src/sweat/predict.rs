//! What an athlete will lose, or has lost unmeasured, from the sport and the athlete's own tests.
//!
//! Without a test the sport's own spread is the whole answer. With tests, the rate is the sport's
//! median times the athlete's multiplier, and its spread is what is still unknown of the multiplier
//! with what differs from day to day.

use super::{Conditions, Method, population};
use crate::profile::Posterior;
use crate::sport::Sport;
use crate::units::{LogMean, LogNormal, LogSd};

/// The same athlete, the same conditions, another day.
const DAY_LOG_SD: f64 = 0.12;
/// How far the usual rate of one sport may be from that of all sports: those that are listed lie a
/// factor of 0.7 to 1.25 from it (Barnes and others 2019), and gentle ones are not listed.
const UNLISTED_LOG_SD: f64 = 0.25;

/// The rate that is expected in a workout, in L/h, before any look at it.
pub(super) fn predictive(
    sport: Sport,
    posterior: &Posterior,
    conditions: &Conditions,
) -> (Method, LogNormal) {
    let row = population(sport);
    if posterior.tests() == 0 {
        return (Method::Population, row.rate);
    }
    // Of an unlisted sport not even the level is known, unless the athlete was tested in its family.
    let level = if row.listed || posterior.was_tested_in(sport.family()) {
        0.0
    } else {
        UNLISTED_LOG_SD
    };
    let known = posterior.belief().log_sd.natural();
    let variance = known * known
        + DAY_LOG_SD * DAY_LOG_SD
        + level * level
        + conditions.log_variance(posterior, sport.family());
    (Method::Profile, personal(row.rate, posterior, variance))
}

/// Who was tested is not less known than a stranger, however odd the day.
fn personal(sport_rate: LogNormal, posterior: &Posterior, variance: f64) -> LogNormal {
    let mean = sport_rate
        .log_mean
        .get()
        .saturating_add(posterior.belief().log_mean.get());
    let sd = LogSd::near(libm::sqrt(variance) * 1_000_000.0);
    LogNormal::new(LogMean::clamped(mean), sd.min(sport_rate.log_sd))
}

#[cfg(test)]
mod tests;
