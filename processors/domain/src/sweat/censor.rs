//! What a bound teaches: a full channel says "at least", a colour off its scale "at most".
//!
//! Belief N(m, v) about θ; a reading with error s would have shown θ + e, and only told on which side
//! of c it lay. The likelihood is a normal distribution function, and the belief afterwards has these
//! exact first two moments (for "at least"; "at most" is its mirror):
//!
//! ```text
//! t² = v + s²     z = (m - c) / t     λ = φ(z) / Φ(z)
//! mean = m + v λ / t                  variance = v - v² λ (z + λ) / t²
//! ```
//!
//! The belief is then taken as normal again with these moments.

use crate::units::{LogMean, LogNormal, LogSd};

/// On which side of its value a reading lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bound {
    #[default]
    Exact,
    AtLeast,
    AtMost,
}

/// The belief after a bound; `limit` holds the bound and the error of the reading. An exact reading
/// is no bound and changes nothing here.
pub(super) fn censored(belief: LogNormal, limit: LogNormal, bound: Bound) -> LogNormal {
    let sign = match bound {
        Bound::Exact => return belief,
        Bound::AtLeast => 1.0,
        Bound::AtMost => -1.0,
    };
    let (mean, sd) = (belief.log_mean.natural(), belief.log_sd.natural());
    let (variance, error) = (sd * sd, limit.log_sd.natural());
    let total = variance + error * error;
    if total <= 0.0 {
        return belief;
    }
    let spread = libm::sqrt(total);
    let z = sign * (mean - limit.log_mean.natural()) / spread;
    let (mills, excess) = inverse_mills(z);
    let moved = mean + sign * variance * mills / spread;
    let left = variance * (1.0 - variance / total * (mills * excess).clamp(0.0, 1.0));
    LogNormal::new(
        LogMean::near(moved * 1_000_000.0),
        LogSd::near(libm::sqrt(left.max(0.0)) * 1_000_000.0),
    )
}

/// λ = φ(z)/Φ(z), and z + λ.
///
/// Far to the left both φ and Φ vanish, and z + λ is a small difference of large numbers: there it
/// comes from the continued fraction of Laplace, Φ(−x)/φ(x) = 1/(x + 1/(x + 2/(x + 3/(x + …)))).
fn inverse_mills(z: f64) -> (f64, f64) {
    if z < TAIL {
        let x = -z;
        let excess = (1..=FRACTION_TERMS)
            .rev()
            .fold(0.0, |rest, term| f64::from(term) / (x + rest));
        return (x + excess, excess);
    }
    let density = INVERSE_SQRT_TAU * libm::exp(-0.5 * z * z);
    let mills = density / below(z);
    (mills, z + mills)
}

/// Φ, whose left tail keeps its digits because it is not a difference.
fn below(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// Below it the fraction has all digits after few terms.
const TAIL: f64 = -8.0;
const FRACTION_TERMS: u32 = 24;
/// 1/√(2π).
const INVERSE_SQRT_TAU: f64 = 0.398_942_280_401_432_7;

#[cfg(test)]
mod tests;
