//! A middle and the 90 % around it; and the log-normal belief that yields one.

use super::{LogMean, LogSd, Quantity, Z90};

/// A median with the bounds of its central 90 % interval; low ≤ median ≤ high always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval<Q> {
    median: Q,
    lo90: Q,
    hi90: Q,
}

impl<Q: Quantity> Interval<Q> {
    /// Bounds on the wrong side are moved to the median.
    pub fn new(median: Q, lo90: Q, hi90: Q) -> Self {
        Self {
            median,
            lo90: lo90.min(median),
            hi90: hi90.max(median),
        }
    }

    /// From a middle and a standard deviation, both in the unit of `Q`.
    pub(crate) fn normal(median: f64, sd: f64) -> Self {
        let half = Z90 * sd;
        Self::new(
            rounded(median),
            rounded(median - half),
            rounded(median + half),
        )
    }

    pub fn median(self) -> Q {
        self.median
    }

    pub fn lo90(self) -> Q {
        self.lo90
    }

    pub fn hi90(self) -> Q {
        self.hi90
    }

    /// The same interval in another quantity; `change` must keep order.
    pub(crate) fn map<R: Quantity>(self, change: impl Fn(Q) -> R) -> Interval<R> {
        Interval::new(change(self.median), change(self.lo90), change(self.hi90))
    }
}

/// A quantity whose logarithm is normal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogNormal {
    pub log_mean: LogMean,
    pub log_sd: LogSd,
}

impl LogNormal {
    pub const fn new(log_mean: LogMean, log_sd: LogSd) -> Self {
        Self { log_mean, log_sd }
    }

    /// `unit` is how many units of `Q` make one of what the logarithm was taken of: 1000 for a rate
    /// in mL/h whose logarithm is of L/h.
    pub fn interval<Q: Quantity>(self, unit: i64) -> Interval<Q> {
        let (middle, half) = (self.log_mean.natural(), Z90 * self.log_sd.natural());
        let at = |log: f64| rounded(libm::exp(log) * unit as f64);
        Interval::new(at(middle), at(middle - half), at(middle + half))
    }

    pub fn median(self) -> f64 {
        libm::exp(self.log_mean.natural())
    }

    /// The ends of the central 90 % interval, low and high.
    pub fn bounds90(self) -> [f64; 2] {
        let (middle, half) = (self.log_mean.natural(), Z90 * self.log_sd.natural());
        [libm::exp(middle - half), libm::exp(middle + half)]
    }
}

fn rounded<Q: Quantity>(value: f64) -> Q {
    Q::of(libm::round(value) as i64)
}
