//! The normal prior and normal evidence of a logarithm.
//!
//! ```text
//! V = 1 / (1/prior² + Σ 1/s²)        m = V · (μ/prior² + Σ y/s²)
//! ```

use crate::units::{LogMean, LogNormal, LogSd};

/// Nothing is known more exactly than this, so that no precision is infinite.
const LOG_SD_FLOOR: f64 = 1e-4;

/// The belief after `tests`, each the logarithm of what was seen and its spread. Their order does
/// not matter.
pub fn posterior(prior: LogNormal, tests: &[LogNormal]) -> LogNormal {
    let mut sorted = tests.to_vec();
    sorted.sort_unstable();
    let (mut weight, mut weighted) = weigh(prior);
    for test in sorted {
        let (one, value) = weigh(test);
        weight += one;
        weighted += value;
    }
    LogNormal::new(
        LogMean::near(weighted / weight * MILLION),
        LogSd::near(libm::sqrt(1.0 / weight) * MILLION),
    )
}

/// What another day may show, `day` being how days differ.
pub fn predictive(belief: LogNormal, day: LogSd) -> LogNormal {
    let (known, day) = (belief.log_sd.natural(), day.natural());
    let sd = libm::sqrt(known * known + day * day);
    LogNormal::new(belief.log_mean, LogSd::near(sd * MILLION))
}

const MILLION: f64 = 1_000_000.0;

fn weigh(belief: LogNormal) -> (f64, f64) {
    let sd = belief.log_sd.natural().max(LOG_SD_FLOOR);
    let weight = 1.0 / (sd * sd);
    (weight, weight * belief.log_mean.natural())
}
