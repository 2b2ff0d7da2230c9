//! What a score says.

use std::collections::BTreeMap;

/// All parts in `[0, 1]`; 1 where there was nothing to group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bcubed {
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
}

/// Live things of the answer beside the events that at least one live record tells of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub sessions_live: u64,
    pub sessions_truth: u64,
    pub nights_live: u64,
    pub nights_truth: u64,
    pub naps_live: u64,
    pub naps_truth: u64,
    /// Live records of the truth, and those of them in no live thing of the answer.
    pub records: u64,
    pub records_alone: u64,
}

/// Median and 95th percentile of absolute errors; `None` without any.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    pub count: u64,
    pub median: Option<f64>,
    pub p95: Option<f64>,
}

/// Of sessions, each against the event that most of its members tell of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FieldErrors {
    pub start_s: Spread,
    pub end_s: Spread,
    pub distance_pct: Spread,
    pub duration_pct: Spread,
    /// Of sleep, nights and naps.
    pub sleep_start_s: Spread,
    pub sleep_end_s: Spread,
    /// Part of the sessions whose sport is right.
    pub sport_right: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SweatMethodScore {
    pub count: u64,
    pub median_abs_error_pct: Option<f64>,
    /// Part of the true losses inside the 90 % interval.
    pub coverage_90: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SweatScore {
    pub overall: SweatMethodScore,
    pub by_method: BTreeMap<String, SweatMethodScore>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    pub sessions: Bcubed,
    pub nights: Bcubed,
    pub counts: Counts,
    pub field_errors: FieldErrors,
    pub sweat: SweatScore,
}
