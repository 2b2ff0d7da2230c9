//! What an athlete will lose, or has lost unmeasured, from the sport and the athlete's own tests.
//!
//! Without a test the sport's own spread is the whole answer. With tests, the rate is the sport's
//! median times the athlete's multiplier, and its spread is what is still unknown of the multiplier
//! with what differs from day to day.

use super::{Loss, LossFlag, Method, Sex, population, sodium_prior};
use crate::profile::Posterior;
use crate::sport::Sport;
use crate::units::{Interval, LogMean, LogNormal, LogSd, Milligrams, SODIUM_MG_PER_MMOL, Seconds};

/// The same athlete, the same conditions, another day.
const DAY_LOG_SD: f64 = 0.12;
/// A family of sports in which the athlete was never tested.
const OTHER_FAMILY_LOG_SD: f64 = 0.10;
/// Who sweats more loses saltier sweat.
const RATE_SODIUM_CORRELATION: f64 = 0.4;

/// For a workout of no length the loss is zero.
pub fn predict(sport: Sport, sex: Option<Sex>, posterior: &Posterior, duration: Seconds) -> Loss {
    let row = population(sport);
    let sodium = sodium_prior(sex);
    let (method, rate) = if posterior.tests() == 0 {
        (Method::Population, row.rate)
    } else {
        (Method::Profile, personal(row.rate, sport, posterior))
    };
    let duration = duration.max(Seconds::ZERO);
    let rates = rate.interval(1_000);
    Loss {
        method,
        fluid: rates.map(|rate: crate::units::SweatRate| rate.over(duration)),
        rate: rates,
        sodium_concentration: Some(sodium.interval(10)),
        sodium: Some(sodium_lost(rate, sodium, duration)),
        flags: [
            (method == Method::Population, LossFlag::PopulationOnly),
            (!row.listed, LossFlag::SportUnlisted),
        ]
        .into_iter()
        .filter(|word| word.0)
        .map(|word| word.1)
        .collect(),
    }
}

fn personal(sport_rate: LogNormal, sport: Sport, posterior: &Posterior) -> LogNormal {
    let known = posterior.belief().log_sd.natural();
    let family = if posterior.was_tested_in(sport.family()) {
        0.0
    } else {
        OTHER_FAMILY_LOG_SD
    };
    let sd = libm::sqrt(known * known + DAY_LOG_SD * DAY_LOG_SD + family * family);
    let mean = sport_rate
        .log_mean
        .get()
        .saturating_add(posterior.belief().log_mean.get());
    LogNormal::new(LogMean::clamped(mean), LogSd::near(sd * 1_000_000.0))
}

/// The product of two log-normal beliefs that hang together, times hours and mg per mmol.
fn sodium_lost(rate: LogNormal, sodium: LogNormal, duration: Seconds) -> Interval<Milligrams> {
    let (rate_sd, sodium_sd) = (rate.log_sd.natural(), sodium.log_sd.natural());
    let variance = rate_sd * rate_sd
        + sodium_sd * sodium_sd
        + 2.0 * RATE_SODIUM_CORRELATION * rate_sd * sodium_sd;
    let scale = duration.hours() * SODIUM_MG_PER_MMOL;
    let middle = rate.median() * sodium.median() * scale;
    let spread = libm::exp(crate::units::Z90 * libm::sqrt(variance));
    Interval::new(
        Milligrams::near(middle),
        Milligrams::near(middle / spread),
        Milligrams::near(middle * spread),
    )
}

#[cfg(test)]
mod tests;
