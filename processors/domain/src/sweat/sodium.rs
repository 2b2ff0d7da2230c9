//! Sodium with the rate: what a litre holds when more or less is sweated, and what is lost.

use crate::units::{Interval, LogMean, LogNormal, LogSd, Milligrams, SODIUM_MG_PER_MMOL, Z90};

/// Who sweats more loses saltier sweat.
const RATE_SODIUM_CORRELATION: f64 = 0.4;
/// Sodium follows the rate to this power within one athlete …
const RATE_EXPONENT: f64 = 0.6;
/// … give or take this.
const RATE_EXPONENT_SD: f64 = 0.4;
/// The logarithms of 8 and 110 mmol/L: no adjustment leads beyond.
const ADJUSTED: (f64, f64) = (2.079_441_541_679_836, 4.700_480_365_792_417);

/// A belief about sodium, taken to a rate that is `e^log_ratio` times the one that it was about; a
/// step is at most a doubling or a halving.
pub fn sodium_at_rate(sodium: LogNormal, log_ratio: LogMean) -> LogNormal {
    if log_ratio.get() == 0 {
        return sodium;
    }
    let step = log_ratio
        .natural()
        .clamp(-std::f64::consts::LN_2, std::f64::consts::LN_2);
    let (sd, more) = (sodium.log_sd.natural(), RATE_EXPONENT_SD * step);
    let mean = sodium.log_mean.natural() + RATE_EXPONENT * step;
    LogNormal::new(
        LogMean::near(mean.clamp(ADJUSTED.0, ADJUSTED.1) * MILLION),
        LogSd::near(libm::sqrt(sd * sd + more * more) * MILLION),
    )
}

const MILLION: f64 = 1_000_000.0;

/// The product of two log-normal beliefs that hang together, times hours and mg per mmol.
pub(super) fn lost(rate: LogNormal, sodium: LogNormal, hours: f64) -> Interval<Milligrams> {
    let (rate_sd, sodium_sd) = (rate.log_sd.natural(), sodium.log_sd.natural());
    let variance = rate_sd * rate_sd
        + sodium_sd * sodium_sd
        + 2.0 * RATE_SODIUM_CORRELATION * rate_sd * sodium_sd;
    let middle = rate.median() * sodium.median() * hours * SODIUM_MG_PER_MMOL;
    let spread = libm::exp(Z90 * libm::sqrt(variance));
    Interval::new(
        Milligrams::near(middle),
        Milligrams::near(middle / spread),
        Milligrams::near(middle * spread),
    )
}
