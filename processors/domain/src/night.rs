//! Nights and naps out of everything that devices told of one athlete's sleep.
//!
//! A night arrives as one record that grows, as dozens of fragments, from several devices at once,
//! wrapped in time in bed. Fragments are clustered by time over all sources; inside a cluster one
//! witness (one device through one path) is believed for the times and stages, and others only fill
//! what it did not see. Sleep is a union of intervals: two copies of an hour are one hour.
//!
//! Which cluster is *the* night depends on the others of its wake date, so recomputation takes all
//! records around a date ([`REACH_S`] on both sides of a change), not one cluster.

mod clusters;
mod merge;
mod witness;

use crate::observation::{Choice, Device, ObservationId, Role, Source, Writer};
use crate::time::{CivilDate, Instant, Span};

pub use clusters::{Cluster, clusters};

/// A gap up to here belongs to the same night.
pub const GAP_S: i64 = 120 * 60;

/// Fragments of one device up to here apart are one run, which is never torn. A stretch awake that
/// nobody tells is shorter in a night, and longer between a night and a nap.
const RUN_GAP_S: i64 = 30 * 60;

/// The cluster with the most sleep of a date is a night from here on.
pub const NIGHT_MIN_S: i64 = 3 * 3600;

/// Sleep that only a lesser witness saw, outside of the better one's window, counts from here on. A
/// shorter difference is two opinions on one onset or one awakening.
pub const FILL_MIN_S: i64 = 3600;

/// How far around a changed record other records can change its night: a wake date on either side.
pub const REACH_S: i64 = 38 * 3600;

/// The rules as text, for the hash that names their version.
pub fn describe() -> String {
    format!("gap {GAP_S} run {RUN_GAP_S} night {NIGHT_MIN_S} fill {FILL_MIN_S}")
}

/// What a record or a segment of one says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SleepKind {
    /// A whole record of a night or nap, with or without segments.
    Session,
    InBed,
    /// Asleep, stage unspecified.
    Asleep,
    Awake,
    Light,
    Deep,
    Rem,
}

impl SleepKind {
    pub const ALL: [Self; 7] = [
        Self::Session,
        Self::InBed,
        Self::Asleep,
        Self::Awake,
        Self::Light,
        Self::Deep,
        Self::Rem,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::InBed => "in_bed",
            Self::Asleep => "asleep",
            Self::Awake => "awake",
            Self::Light => "light",
            Self::Deep => "deep",
            Self::Rem => "rem",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    pub const fn is_stage(self) -> bool {
        matches!(self, Self::Light | Self::Deep | Self::Rem)
    }

    pub const fn is_asleep(self) -> bool {
        matches!(self, Self::Asleep | Self::Light | Self::Deep | Self::Rem)
    }
}

/// One live record or fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SleepRecord {
    pub id: ObservationId,
    pub source: Source,
    /// Fingerprint of the account at the source.
    pub account: u64,
    pub writer: Option<Writer>,
    pub device: Option<Device>,
    pub kind: SleepKind,
    /// The source itself calls it a nap.
    pub nap: bool,
    pub span: Span,
    /// Of a session, where the source tells them. `Session` is no kind of a segment.
    pub segments: Vec<(SleepKind, Span)>,
    pub asleep_s: Option<i64>,
    pub awake_s: Option<i64>,
    pub deep_s: Option<i64>,
    pub light_s: Option<i64>,
    pub rem_s: Option<i64>,
    pub utc_offset_s: Option<i32>,
    pub zone: Option<String>,
    /// Typed in, not measured.
    pub manual: bool,
    pub first_received: Instant,
}

impl SleepRecord {
    /// A record that tells nothing but its time; for building others with `..`.
    pub fn bare(id: ObservationId, source: Source, kind: SleepKind, span: Span) -> Self {
        Self {
            id,
            source,
            account: 0,
            writer: None,
            device: None,
            kind,
            nap: false,
            span,
            segments: Vec::new(),
            asleep_s: None,
            awake_s: None,
            deep_s: None,
            light_s: None,
            rem_s: None,
            utc_offset_s: None,
            zone: None,
            manual: false,
            first_received: Instant(0),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NightKind {
    Night,
    Nap,
}

impl NightKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Night => "night",
            Self::Nap => "nap",
        }
    }
}

/// One stretch of sleep as its members tell it together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Night {
    pub kind: NightKind,
    /// Indices into the slice given, by start, then id.
    pub members: Vec<usize>,
    /// Onset of sleep.
    pub start: Instant,
    /// The last awakening.
    pub end: Instant,
    pub in_bed: Option<Span>,
    pub asleep_s: i64,
    pub awake_s: Option<i64>,
    pub deep_s: Option<i64>,
    pub light_s: Option<i64>,
    pub rem_s: Option<i64>,
    /// The day of waking, in the zone at waking.
    pub local_date: CivilDate,
    pub utc_offset_s: i32,
    pub provenance: Vec<Choice>,
    /// One role a member, in the order of `members`.
    pub roles: Vec<(ObservationId, Role)>,
}

/// All nights and naps of the records given, by start; every record is in exactly one.
///
/// `home_zone` is the athlete's own zone, for records that tell neither offset nor zone.
pub fn nights(records: &[SleepRecord], home_zone: Option<&str>) -> Vec<Night> {
    let found = clusters(records);
    let mut nights: Vec<Night> = found
        .iter()
        .map(|cluster| merge::merge(records, cluster, home_zone))
        .collect();
    let chosen: Vec<bool> = (0..nights.len())
        .map(|index| is_night(&nights, &found, index))
        .collect();
    for (night, is_night) in nights.iter_mut().zip(chosen) {
        night.kind = if is_night {
            NightKind::Night
        } else {
            NightKind::Nap
        };
    }
    nights.sort_by_key(|night| (night.start, night.end));
    nights
}

/// The most sleep of its wake date; of equals the earlier one, which `clusters` puts first.
fn is_night(nights: &[Night], found: &[Cluster], index: usize) -> bool {
    let Some(night) = nights.get(index) else {
        return false;
    };
    let is_declared = |position: usize| found.get(position).is_some_and(|it| it.declared_nap);
    if is_declared(index) || night.asleep_s < NIGHT_MIN_S {
        return false;
    }
    let beats = |(position, other): (usize, &Night)| {
        position != index
            && other.local_date == night.local_date
            && !is_declared(position)
            && (other.asleep_s > night.asleep_s
                || (other.asleep_s == night.asleep_s && position < index))
    };
    !nights.iter().enumerate().any(beats)
}

#[cfg(test)]
mod tests;
