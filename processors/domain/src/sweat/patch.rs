//! What the scans of a patch tell about one workout: how fast the skin under it sweated, and how salty.
//!
//! ```text
//! local rate = volume / area / minutes of sweating
//! ```
//!
//! The minutes are those of wear that overlap the workout, from the onset of sweating on. A patch
//! gathers: the last readable scan counts, and earlier ones only witness that it filled. A full
//! channel gives a rate that was at least reached.
//!
//! It is not: a whole-body rate (`local`), or the choice between workouts. Scans that cannot be of the
//! workout are passed over, so that a caller may hand in all that are near; a patch worn through two
//! workouts has to be given to one of them by the caller.

use std::collections::BTreeSet;

use super::{Bound, LossFlag};
use crate::observation::ObservationId;
use crate::time::{Instant, Span};
use crate::units::{
    CollectionArea, LocalConcentration, LocalRate, PatchVolume, Permille, Quantity,
};

/// One photo of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scan {
    pub observation: ObservationId,
    /// A fingerprint of the patch's own id.
    pub patch: u64,
    pub applied_at: Instant,
    pub scanned_at: Instant,
    /// Of the part that gathers sweat, as the patch tells it.
    pub area: Option<CollectionArea>,
    pub volume: Option<PatchVolume>,
    pub volume_saturated: bool,
    /// `None` where nobody judged the photo.
    pub volume_quality: Option<Permille>,
    pub chloride: Option<LocalConcentration>,
    pub chloride_below_range: bool,
    pub chloride_above_range: bool,
    pub chloride_quality: Option<Permille>,
    pub failed: bool,
}

/// A local number and the side on which the truth lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading<Q> {
    pub value: Q,
    pub bound: Bound,
}

/// What a patch told of one workout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatchReading {
    /// The scan that counts; `None` where no scan is of the workout or none could be read.
    pub observation: Option<ObservationId>,
    pub rate: Option<Reading<LocalRate>>,
    pub chloride: Option<Reading<LocalConcentration>>,
    /// Worn too shortly to be trusted like others.
    pub partial: bool,
    pub flags: BTreeSet<LossFlag>,
}

/// The reading of the workout in `session` from all scans near it, in any order. Of several patches
/// the one counts that sweat ran into for longest.
pub fn read_patch(
    scans: &[Scan],
    session: Span,
    default_area: Option<CollectionArea>,
) -> PatchReading {
    let mut sorted: Vec<&Scan> = scans.iter().filter(|scan| is_of(scan, session)).collect();
    sorted.sort_unstable_by_key(|scan| (scan.patch, scan.scanned_at, scan.observation));
    sorted
        .chunk_by(|one, next| one.patch == next.patch)
        .map(|of_patch| read_one(of_patch, session, default_area))
        .max_by_key(|(worth, _)| *worth)
        .map(|(_, reading)| reading)
        .unwrap_or_default()
}

/// Sweating starts this long after exercise does.
const ONSET_S: i64 = 10 * 60;
/// A patch is scanned at most this long after the workout.
const SCAN_AFTER_S_MAX: i64 = 12 * 3_600;
const QUALITY_MIN: i64 = 500;
/// Under this wear within the workout a reading is partial.
const WEAR_S_MIN: i64 = 30 * 60;
/// Under this time of sweating the rate is noise.
const SWEATING_S_MIN: i64 = 5 * 60;

/// Time runs from putting on to scanning; a scan that says otherwise is told apart later.
fn is_of(scan: &Scan, session: Span) -> bool {
    scan.scanned_at > session.start()
        && scan.applied_at < session.end()
        && scan.scanned_at <= session.end().plus_seconds(SCAN_AFTER_S_MAX)
}

/// What makes one patch count before another.
type Worth = (bool, i64, Option<ObservationId>);

fn read_one(
    scans: &[&Scan],
    session: Span,
    default_area: Option<CollectionArea>,
) -> (Worth, PatchReading) {
    let readable = || scans.iter().copied().filter(|scan| is_readable(scan));
    let Some(last) = readable().next_back() else {
        return (
            (false, 0, None),
            PatchReading {
                flags: BTreeSet::from([LossFlag::ScanFailed]),
                ..PatchReading::default()
            },
        );
    };
    let mut reading = PatchReading {
        observation: Some(last.observation),
        ..PatchReading::default()
    };
    if contradict(readable()) {
        reading.flags.insert(LossFlag::Implausible);
        return ((false, 0, reading.observation), reading);
    }
    let wear = Span::new(last.applied_at, last.scanned_at);
    let sweating = sweating_s(wear, session);
    reading.partial = wear.overlap(session).map_or(0, Span::length_s) < WEAR_S_MIN;
    reading.rate = rate(last, sweating, default_area, &mut reading.flags);
    reading.chloride = readable().rev().find_map(chloride);
    if reading.partial && reading.rate.is_some() {
        reading.flags.insert(LossFlag::Short);
    }
    (
        (reading.rate.is_some(), sweating, reading.observation),
        reading,
    )
}

fn is_readable(scan: &Scan) -> bool {
    let told = scan.volume.is_some() || chloride(scan).is_some();
    !scan.failed && is_good(scan.volume_quality) && told
}

fn is_good(quality: Option<Permille>) -> bool {
    quality.is_none_or(|quality| quality.get() >= QUALITY_MIN)
}

/// Sweat does not flow back, and nobody photographs a patch before it is there.
fn contradict<'s>(scans: impl Iterator<Item = &'s Scan>) -> bool {
    let mut most = PatchVolume::MIN;
    for scan in scans {
        let volume = scan.volume.unwrap_or(most);
        if scan.scanned_at <= scan.applied_at || volume < most {
            return true;
        }
        most = volume;
    }
    false
}

/// From the onset of sweating, or from putting on what was put on later.
fn sweating_s(wear: Span, session: Span) -> i64 {
    let onset = session.start().plus_seconds(ONSET_S);
    if onset >= session.end() {
        return 0;
    }
    Span::new(onset, session.end())
        .overlap(wear)
        .map_or(0, Span::length_s)
}

fn rate(
    scan: &Scan,
    sweating_s: i64,
    default_area: Option<CollectionArea>,
    flags: &mut BTreeSet<LossFlag>,
) -> Option<Reading<LocalRate>> {
    let volume = scan.volume?;
    let area = match (scan.area, default_area) {
        (Some(area), _) => area,
        (None, Some(area)) => {
            flags.insert(LossFlag::AreaAssumed);
            area
        }
        (None, None) => {
            flags.insert(LossFlag::AreaUnknown);
            return None;
        }
    };
    if sweating_s < SWEATING_S_MIN {
        flags.insert(LossFlag::Short);
        return None;
    }
    let minutes = sweating_s as f64 / 60.0;
    let Some(value) = LocalRate::from_mg_per_cm2_min(volume.microlitres() / area.cm2() / minutes)
    else {
        flags.insert(LossFlag::Implausible);
        return None;
    };
    if !RATE_USUAL.contains(&value.number()) {
        flags.insert(LossFlag::Unusual);
    }
    let bound = if scan.volume_saturated {
        Bound::AtLeast
    } else {
        Bound::Exact
    };
    Some(Reading { value, bound })
}

/// A colour off both ends of its scale is no colour.
fn chloride(scan: &Scan) -> Option<Reading<LocalConcentration>> {
    let bound = match (scan.chloride_below_range, scan.chloride_above_range) {
        (false, false) => Bound::Exact,
        (true, false) => Bound::AtMost,
        (false, true) => Bound::AtLeast,
        (true, true) => return None,
    };
    let value = scan.chloride.filter(|_| is_good(scan.chloride_quality))?;
    Some(Reading { value, bound })
}

/// Most forearms sweat 0.1 to 3 mg/cm²/min.
const RATE_USUAL: std::ops::RangeInclusive<i64> = 100..=3_000;

#[cfg(test)]
mod tests;
