//! What a score says.

use std::collections::BTreeMap;

use crate::score::Rival;

/// All parts in `[0, 1]`; 1 where there was nothing to group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bcubed {
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
    /// How many live records were counted.
    pub records: u64,
}

/// Pairs of records in one live session, and those of them that tell of two events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pairs {
    pub merged: u64,
    pub wrong: u64,
}

impl Pairs {
    pub(crate) fn add(&mut self, other: Self) {
        self.merged += other.merged;
        self.wrong += other.wrong;
    }

    pub fn wrong_part(self) -> f64 {
        self.wrong as f64 / self.merged.max(1) as f64
    }
}

/// Records whose clock is wrong by hours: how many there are, how many were joined with others, and
/// how many stand in a session that lists candidates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Suspects {
    pub records: u64,
    pub joined: u64,
    pub listed: u64,
}

impl Suspects {
    pub(crate) fn add(&mut self, other: Self) {
        self.records += other.records;
        self.joined += other.joined;
        self.listed += other.listed;
    }
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
    pub asleep_s: Spread,
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
    pub session_tags: BTreeMap<String, Bcubed>,
    pub night_tags: BTreeMap<String, Bcubed>,
    pub pairs: Pairs,
    pub suspects: Suspects,
    /// By device, as the truth names it.
    pub rivals: BTreeMap<String, Rival>,
    pub counts: Counts,
    pub field_errors: FieldErrors,
    pub sweat: SweatScore,
}
