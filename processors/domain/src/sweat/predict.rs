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
    (
        Method::Profile,
        personal(row.rate, sport, posterior, conditions),
    )
}

/// Who was tested is not less known than a stranger, however odd the day.
fn personal(
    sport_rate: LogNormal,
    sport: Sport,
    posterior: &Posterior,
    conditions: &Conditions,
) -> LogNormal {
    let known = posterior.belief().log_sd.natural();
    let variance = known * known
        + DAY_LOG_SD * DAY_LOG_SD
        + conditions.log_variance(posterior, sport.family());
    let mean = sport_rate
        .log_mean
        .get()
        .saturating_add(posterior.belief().log_mean.get());
    let sd = LogSd::near(libm::sqrt(variance) * 1_000_000.0);
    LogNormal::new(LogMean::clamped(mean), sd.min(sport_rate.log_sd))
}

#[cfg(test)]
mod tests;
