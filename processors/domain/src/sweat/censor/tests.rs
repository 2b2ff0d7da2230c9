//! The closed form against sums over a fine grid, in the middle and in both tails.

use proptest::prelude::*;
use statrs::distribution::{Continuous, ContinuousCDF, Normal};

use super::*;

fn log_normal(mean: f64, sd: f64) -> LogNormal {
    LogNormal::new(
        LogMean::from_natural(mean).unwrap(),
        LogSd::from_natural(sd).unwrap(),
    )
}

/// Mean and deviation of prior × likelihood, by the midpoint rule. The likelihood is divided by its
/// largest value on the grid first, so that no tail vanishes.
fn by_sums(belief: LogNormal, limit: LogNormal, bound: Bound) -> (f64, f64) {
    const STEPS: i32 = 40_000;
    let (mean, sd) = (belief.log_mean.natural(), belief.log_sd.natural());
    let (at, error) = (limit.log_mean.natural(), limit.log_sd.natural());
    let (low, high) = (
        (mean - 10.0 * sd).min(at - 1.0),
        (mean + 10.0 * sd).max(at + 1.0),
    );
    let width = (high - low) / f64::from(STEPS);
    let log_weight = |theta: f64| {
        let z = match bound {
            Bound::AtMost => (at - theta) / error,
            _ => (theta - at) / error,
        };
        let side = if z > -30.0 {
            (0.5 * libm::erfc(-z / std::f64::consts::SQRT_2)).ln()
        } else {
            -0.5 * z * z - (-z).ln()
        };
        side - 0.5 * ((theta - mean) / sd).powi(2)
    };
    let grid = || (0..STEPS).map(|step| low + (f64::from(step) + 0.5) * width);
    let top = grid().map(log_weight).fold(f64::NEG_INFINITY, f64::max);
    let sum = |of: &dyn Fn(f64) -> f64| -> f64 {
        grid()
            .map(|theta| of(theta) * (log_weight(theta) - top).exp())
            .sum()
    };
    let whole = sum(&|_| 1.0);
    let middle = sum(&|theta| theta) / whole;
    let spread = sum(&|theta| (theta - middle).powi(2)) / whole;
    (middle, spread.sqrt())
}

#[test]
fn moments_are_those_of_the_product() {
    let cases = [
        // belief mean and sd, limit and its error
        (0.0, 0.4, 0.0, 0.35),
        (0.1564, 0.4253, 0.6, 0.35),
        (0.1564, 0.4253, -1.0, 0.35),
        (3.5835, 0.3, 3.1, 0.24),
        (3.5835, 0.3, 4.3, 0.24),
        (0.0, 0.3, 3.0, 0.2),
        (0.0, 0.1, 2.0, 0.05),
        (0.0, 1.0, 0.5, 0.01),
        (0.2, 0.05, 0.2, 0.6),
    ];
    for (mean, sd, at, error) in cases {
        for bound in [Bound::AtLeast, Bound::AtMost] {
            let (belief, limit) = (log_normal(mean, sd), log_normal(at, error));
            let got = censored(belief, limit, bound);
            let (middle, spread) = by_sums(belief, limit, bound);
            assert!(
                (got.log_mean.natural() - middle).abs() < 1e-4
                    && (got.log_sd.natural() - spread).abs() < 1e-4,
                "{mean} {sd} {at} {error} {bound:?}: {got:?}, sums {middle} {spread}"
            );
        }
    }
}

#[test]
fn the_mills_ratio_holds_in_the_middle_and_in_the_tails() {
    let normal = Normal::new(0.0, 1.0).unwrap();
    for tenths in -50..=80 {
        let z = f64::from(tenths) / 10.0;
        let expected = normal.pdf(z) / normal.cdf(z);
        let (mills, excess) = inverse_mills(z);
        assert!(
            (mills / expected - 1.0).abs() < 1e-7,
            "{z}: {mills} {expected}"
        );
        assert!((excess - z - mills).abs() < 1e-12, "{z}");
    }
    // Both forms agree where one takes over from the other.
    let (fraction, direct) = (inverse_mills(TAIL - 1e-9), inverse_mills(TAIL + 1e-9));
    assert!((fraction.0 - direct.0).abs() < 1e-8 && (fraction.1 - direct.1).abs() < 1e-8);
    // Far out λ(z + λ) goes to 1 from below: 1 - 1/z² + …
    for x in [20.0, 100.0, 1e4, 1e7] {
        let (mills, excess) = inverse_mills(-x);
        let product = mills * excess;
        assert!(product < 1.0 && (product - (1.0 - 1.0 / (x * x))).abs() < 7.0 / x.powi(4) + 1e-12);
    }
    assert_eq!(inverse_mills(60.0).0, 0.0);
}

#[test]
fn an_exact_reading_is_no_bound() {
    let belief = log_normal(0.1, 0.4);
    assert_eq!(censored(belief, log_normal(2.0, 0.1), Bound::Exact), belief);
    let certain = log_normal(0.1, 0.0);
    assert_eq!(
        censored(certain, log_normal(2.0, 0.0), Bound::AtLeast),
        certain
    );
}

proptest! {
    #[test]
    fn a_bound_moves_only_its_way_and_never_widens(
        mean in -4_000_000_i64..4_000_000, sd in 0_i64..1_000_000,
        at in -9_000_000_i64..9_000_000, error in 0_i64..1_000_000,
    ) {
        let belief = LogNormal::new(LogMean::clamped(mean), LogSd::clamped(sd));
        let limit = LogNormal::new(LogMean::clamped(at), LogSd::clamped(error));
        let [up, down] = [Bound::AtLeast, Bound::AtMost].map(|way| censored(belief, limit, way));
        prop_assert!(up.log_mean >= belief.log_mean && down.log_mean <= belief.log_mean);
        prop_assert!(up.log_sd <= belief.log_sd && down.log_sd <= belief.log_sd);
    }

    #[test]
    fn a_higher_lower_bound_never_lowers_the_belief(
        sd in 10_000_i64..1_000_000, error in 10_000_i64..1_000_000,
        at in -5_000_000_i64..5_000_000, more in 0_i64..1_000_000,
    ) {
        let belief = LogNormal::new(LogMean::clamped(0), LogSd::clamped(sd));
        let after = |at| {
            let limit = LogNormal::new(LogMean::clamped(at), LogSd::clamped(error));
            censored(belief, limit, Bound::AtLeast).log_mean
        };
        prop_assert!(after(at) <= after(at + more));
    }
}
