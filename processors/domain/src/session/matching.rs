//! Whether two records tell of one workout.
//!
//! A pair is judged by itself, from both sides alike. Overlap in time carries the decision, because
//! one body cannot do two workouts at once; length, distance and family must not contradict it.
//! "Same day and same sport" is no evidence: people run twice a day.

use super::Activity;
use crate::sport::{Compatibility, compatible};
use crate::time::Span;

/// Every number of the matching rules. Part of the rules' version through `Debug`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// A copy starts with its original, to the rounding of the format.
    pub copy_start_s: i64,
    pub strong_start_s: i64,
    pub strong_iou_permille: u32,
    pub strong_duration_permille: u64,
    pub strong_distance_permille: u64,
    pub weak_start_s: i64,
    pub weak_iou_permille: u32,
    pub weak_duration_permille: u64,
    pub weak_distance_permille: u64,
    /// A hidden start leaves length and distance to judge by, so they must agree better.
    pub hidden_permille: u64,
    /// What counts as "at exactly the same time" for a family that says nothing.
    pub identical_iou_permille: u32,
    /// Records that are further apart never meet in one block.
    pub block_gap_s: i64,
    pub confidence_strong_pct: u8,
    pub confidence_weak_pct: u8,
}

pub const THRESHOLDS: Thresholds = Thresholds {
    copy_start_s: 5,
    strong_start_s: 120,
    strong_iou_permille: 800,
    strong_duration_permille: 100,
    strong_distance_permille: 100,
    weak_start_s: 300,
    weak_iou_permille: 500,
    weak_duration_permille: 150,
    weak_distance_permille: 150,
    hidden_permille: 20,
    identical_iou_permille: 950,
    block_gap_s: 15 * 60,
    confidence_strong_pct: 95,
    confidence_weak_pct: 60,
};

impl Thresholds {
    /// The rules as text, for the hash that names their version.
    pub fn describe(&self) -> String {
        format!("{self:?}")
    }
}

/// How sure it is that two records are one workout; a surer link is a greater one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    Weak,
    Strong,
    /// A copy that the writing app made of a record that we have.
    Copy,
}

/// How alike two records are in numbers.
struct Likeness {
    starts_apart_us: u64,
    iou_permille: u32,
    duration_permille: u64,
    /// `None` where a distance is missing or is no measurement.
    distance_permille: Option<u64>,
}

/// The link between two records with its score in thousandths, if there is one.
pub fn likeness(one: &Activity, other: &Activity) -> Option<(Strength, u32)> {
    let rules = &THRESHOLDS;
    if !one
        .span
        .start()
        .within(other.span.start(), rules.weak_start_s)
        || excluded(one, other)
    {
        return None;
    }
    let alike = measure(one, other);
    let strength = if is_copy(one, other) {
        Some(Strength::Copy)
    } else {
        judge(rules, &alike, compatible(one.family(), other.family()))
    }?;
    let weak_only = strength == Strength::Weak;
    (!(weak_only && same_device(one, other))).then_some((strength, score(&alike)))
}

/// Pairs that are two things whatever their numbers say.
fn excluded(one: &Activity, other: &Activity) -> bool {
    let same_account = one.source == other.source && one.account == other.account;
    let two_legs = same_account && one.parent.is_some() && other.parent.is_some();
    let apart = one.span.overlap_us(other.span) == 0 && one.span != other.span;
    // A hidden start is no time to compare.
    let hidden = one.hidden_start || other.hidden_start;
    one.is_container() != other.is_container() || two_legs || apart || hidden
}

/// One watch records one thing at a time: of one device only a second upload of the same recording
/// may be a duplicate, and that one agrees well.
fn same_device(one: &Activity, other: &Activity) -> bool {
    one.source == other.source
        && one.account == other.account
        && one.writer == other.writer
        && one.device.is_some()
        && one.device == other.device
}

/// An app copied a cloud source's record into HealthKit, and we have the original.
fn is_copy(one: &Activity, other: &Activity) -> bool {
    let wrote = |copy: &Activity, original: &Activity| {
        copy.source != original.source
            && copy.writer.and_then(|writer| writer.cloud_source()) == Some(original.source)
    };
    (wrote(one, other) || wrote(other, one))
        && one
            .span
            .start()
            .within(other.span.start(), THRESHOLDS.copy_start_s)
}

fn judge(rules: &Thresholds, alike: &Likeness, families: Compatibility) -> Option<Strength> {
    let within = |start_s: i64, iou: u32, duration: u64, distance: u64| {
        alike.starts_apart_us <= start_s.unsigned_abs().saturating_mul(1_000_000)
            && alike.iou_permille >= iou
            && alike.duration_permille <= duration
            && alike
                .distance_permille
                .is_none_or(|apart| apart <= distance)
    };
    let strong = within(
        rules.strong_start_s,
        rules.strong_iou_permille,
        rules.strong_duration_permille,
        rules.strong_distance_permille,
    );
    let weak = within(
        rules.weak_start_s,
        rules.weak_iou_permille,
        rules.weak_duration_permille,
        rules.weak_distance_permille,
    );
    let identical = alike.iou_permille >= rules.identical_iou_permille;
    match families {
        Compatibility::Equal | Compatibility::OnlyStrong if strong => Some(Strength::Strong),
        Compatibility::Equal if weak => Some(Strength::Weak),
        Compatibility::Wild if strong && identical => Some(Strength::Strong),
        // All but the family agrees: a type that was edited, or mapped by another taste.
        Compatibility::Wild | Compatibility::No if strong => Some(Strength::Weak),
        _ => None,
    }
}

fn measure(one: &Activity, other: &Activity) -> Likeness {
    let (duration_permille, lengths) = best_durations(one, other);
    // Some sources tell the timer as the length: where there was a pause, only like lengths compare.
    let cut = |activity: &Activity, seconds: i64| Span::from_start(activity.span.start(), seconds);
    let like_for_like = cut(one, lengths.0).iou_permille(cut(other, lengths.1));
    Likeness {
        starts_apart_us: one.span.start().distance_us(other.span.start()),
        iou_permille: one.span.iou_permille(other.span).max(like_for_like),
        duration_permille,
        distance_permille: distance_apart(one, other),
    }
}

/// The pair of durations that agree best over timer, moving and elapsed time of both sides.
pub(super) fn best_durations(one: &Activity, other: &Activity) -> (u64, (i64, i64)) {
    let told = |activity: &Activity| {
        [
            activity.timer_s,
            activity.moving_s,
            Some(activity.elapsed_s),
        ]
    };
    let mut best = (u64::MAX, (0, 0));
    for first in told(one).into_iter().flatten() {
        for second in told(other).into_iter().flatten() {
            let apart = apart_permille(first, second);
            if apart < best.0 {
                best = (apart, (first, second));
            }
        }
    }
    best
}

pub(super) fn distance_apart(one: &Activity, other: &Activity) -> Option<u64> {
    let measured = |activity: &Activity| {
        let trusted = !activity.is_manual() && activity.indoor != Some(true);
        activity.distance_dm.filter(|metres| trusted && *metres > 0)
    };
    Some(apart_permille(measured(one)?, measured(other)?))
}

/// The difference in thousandths of the greater, rounded up: what is over a threshold stays over it.
fn apart_permille(one: i64, other: i64) -> u64 {
    // Two zeros are alike.
    let greater = u128::from(one.unsigned_abs().max(other.unsigned_abs())).max(1);
    let apart = u128::from(one.abs_diff(other)).saturating_mul(1000);
    u64::try_from(apart.div_ceil(greater)).unwrap_or(u64::MAX)
}

/// Overlap first; a second between the starts weighs as much as a thousandth of overlap.
fn score(alike: &Likeness) -> u32 {
    let seconds = u32::try_from(alike.starts_apart_us / 1_000_000).unwrap_or(u32::MAX);
    alike.iou_permille.saturating_sub(seconds)
}

#[cfg(test)]
pub(super) mod tests;
