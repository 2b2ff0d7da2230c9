//! Differences, with a bound on how many are kept in words.

use serde::Serialize;

/// Enough to see the pattern; the rest is counted.
const KEPT_MAX: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// A stable word, such as `log_gap`.
    pub(crate) what: &'static str,
    /// What exactly, and where.
    pub(crate) detail: String,
}

#[derive(Debug, Default)]
pub(crate) struct Findings {
    first: Vec<Finding>,
    total: u64,
}

impl Findings {
    pub(crate) fn add(&mut self, what: &'static str, detail: impl Into<String>) {
        self.total += 1;
        if self.first.len() < KEPT_MAX {
            self.first.push(Finding {
                what,
                detail: detail.into(),
            });
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn into_first(self) -> Vec<Finding> {
        self.first
    }
}
