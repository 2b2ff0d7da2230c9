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
    /// One device starts one recording at a time; formats round a second.
    pub device_start_s: i64,
    pub strong_start_s: i64,
    pub strong_iou_permille: u32,
    pub strong_duration_permille: u64,
    pub strong_distance_permille: u64,
    pub weak_start_s: i64,
    pub weak_iou_permille: u32,
    pub weak_duration_permille: u64,
    pub weak_distance_permille: u64,
    /// Who types a start in rounds it.
    pub typed_start_s: i64,
    /// A hidden start leaves length and distance to judge by, so they must agree better.
    pub hidden_permille: u64,
    /// What counts as "at exactly the same time" for a family that says nothing.
    pub identical_iou_permille: u32,
    /// A part of a split recording lies in the whole by so much, and is so much shorter; what was
    /// started late or ended early lies in the other by so much.
    pub part_inside_permille: u64,
    pub split_permille: u64,
    /// What a user merged is one recording in pieces up to this break and this length; further apart
    /// it is one workout told twice.
    pub piece_gap_s: i64,
    pub pieces_max_s: i64,
    /// Two devices on one body end so far apart; an end that hides pauses gives way to a later one.
    pub later_end_s: i64,
    /// Records of one kind that share so much of the shorter's time may be one.
    pub overlap_permille: u64,
    /// A clock in a wrong zone is off by whole steps, up to so many seconds, and says the rest alike.
    pub zone_step_s: i64,
    pub zone_slack_s: i64,
    pub zone_max_s: i64,
    pub zone_permille: u64,
    /// Records that are further apart never meet in one block.
    pub block_gap_s: i64,
    pub confidence_strong_pct: u8,
    pub confidence_split_pct: u8,
    pub confidence_weak_pct: u8,
}

pub const THRESHOLDS: Thresholds = Thresholds {
    copy_start_s: 5,
    device_start_s: 2,
    strong_start_s: 120,
    strong_iou_permille: 800,
    strong_duration_permille: 100,
    strong_distance_permille: 100,
    weak_start_s: 300,
    weak_iou_permille: 500,
    weak_duration_permille: 150,
    weak_distance_permille: 150,
    typed_start_s: 600,
    hidden_permille: 20,
    identical_iou_permille: 950,
    part_inside_permille: 900,
    split_permille: 150,
    piece_gap_s: 6 * 3_600,
    pieces_max_s: 24 * 3_600,
    later_end_s: 120,
    overlap_permille: 500,
    zone_step_s: 15 * 60,
    zone_slack_s: 10,
    zone_max_s: 14 * 3_600,
    zone_permille: 20,
    block_gap_s: 15 * 60,
    confidence_strong_pct: 95,
    confidence_split_pct: 85,
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
    /// One recording of one device, whatever a service made of it afterwards.
    Recording,
    /// A copy that the writing app made of a record that we have, or the same file.
    Copy,
}

/// Why two records are one workout, and how much speaks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Likeness {
    pub strength: Strength,
    /// Thousandths of overlap, less a point for each second between the starts.
    pub score: u32,
    pub rule: &'static str,
}

/// How alike two records are in numbers.
struct Numbers {
    starts_apart_us: u64,
    ends_apart_us: u64,
    iou_permille: u32,
    /// How much of the shorter lies in the longer.
    inside_permille: u64,
    duration_permille: u64,
    /// `None` where a distance is missing or is no measurement.
    distance_permille: Option<u64>,
    /// Likewise.
    speed_permille: Option<u64>,
    /// One of them was typed in.
    typed: bool,
}

/// The link between two records, if there is one.
pub fn likeness(one: &Activity, other: &Activity) -> Option<Likeness> {
    hard_link(one, other).or_else(|| by_numbers(one, other))
}

/// The link of two that are one recording.
pub(super) fn hard_link(one: &Activity, other: &Activity) -> Option<Likeness> {
    let rules = &THRESHOLDS;
    // A file's name outweighs what a service made of its content.
    let file = is_one_file(one, other);
    let near = one
        .span
        .start()
        .within(other.span.start(), rules.copy_start_s);
    if !(file || near) || excluded(one, other) {
        return None;
    }
    let alike = measure(one, other);
    let (strength, rule) = if file {
        (Strength::Copy, "file")
    } else if is_copy(one, other) {
        (Strength::Copy, "copy")
    } else if is_one_start(rules, one, other) && alike.iou_permille >= rules.strong_iou_permille {
        (Strength::Recording, "device_and_start")
    } else {
        return None;
    };
    Some(says(&alike, strength, rule))
}

/// The link that times, lengths and families make.
pub(super) fn by_numbers(one: &Activity, other: &Activity) -> Option<Likeness> {
    let rules = &THRESHOLDS;
    if !may_be_one(rules, one, other) || excluded(one, other) {
        return None;
    }
    let alike = measure(one, other);
    // What was cropped is no copy: it may be a piece.
    if is_one_start(rules, one, other) && alike.iou_permille >= rules.weak_iou_permille {
        return Some(says(&alike, Strength::Strong, "device_and_start"));
    }
    let (strength, rule) = judge(rules, &alike, compatible(one.family(), other.family()))?;
    let weak_only = strength == Strength::Weak;
    (!(weak_only && same_stream(one, other) && one.device.is_some()))
        .then_some(says(&alike, strength, rule))
}

fn says(alike: &Numbers, strength: Strength, rule: &'static str) -> Likeness {
    Likeness {
        strength,
        score: score(alike),
        rule,
    }
}

/// Starts or ends are near enough for a look at the rest.
fn may_be_one(rules: &Thresholds, one: &Activity, other: &Activity) -> bool {
    let (ours, theirs) = (one.span, other.span);
    let typed = one.is_manual() || other.is_manual();
    let start_s = if typed {
        rules.typed_start_s
    } else {
        rules.weak_start_s
    };
    ours.start().within(theirs.start(), start_s)
        || ours.end().within(theirs.end(), rules.weak_start_s)
}

/// Pairs that are two things whatever their numbers say.
pub(super) fn excluded(one: &Activity, other: &Activity) -> bool {
    let same_account = one.source == other.source && one.account == other.account;
    let two_legs = same_account && one.parent.is_some() && other.parent.is_some();
    let apart = one.span.overlap_us(other.span) == 0 && one.span != other.span;
    // A hidden start is no time to compare.
    let hidden = one.hidden_start || other.hidden_start;
    let part_and_whole = one.is_container() != other.is_container() && !tells_the_whole(one, other);
    part_and_whole || two_legs || apart || hidden
}

/// A source without a word for a race tells the whole of one as a workout of no kind, at exactly
/// the time of the race.
fn tells_the_whole(one: &Activity, other: &Activity) -> bool {
    let says_nothing = |activity: &Activity| activity.parent.is_none() && !activity.is_container();
    let vague = compatible(one.family(), other.family()) == Compatibility::Wild;
    vague
        && (says_nothing(one) || says_nothing(other))
        && one.span.iou_permille(other.span) >= THRESHOLDS.identical_iou_permille
}

/// One watch records one thing at a time: of one device only a second upload of the same recording
/// may be a duplicate, and that one agrees well.
pub(super) fn same_stream(one: &Activity, other: &Activity) -> bool {
    one.source == other.source
        && one.account == other.account
        && one.writer == other.writer
        && one.device == other.device
}

/// Both came out of one file, or one names the other's record as what it was uploaded from.
pub(super) fn is_one_file(one: &Activity, other: &Activity) -> bool {
    let names = |copy: &Activity, original: &Activity| {
        copy.uploaded_from.is_some_and(|(source, provider)| {
            source == original.source && provider == original.provider
        })
    };
    let same_name = one.external.is_some() && one.external == other.external;
    same_name || names(one, other) || names(other, one)
}

/// The same device at the same second: what was cropped or trimmed afterwards does not count.
fn is_one_start(rules: &Thresholds, one: &Activity, other: &Activity) -> bool {
    let of_one_device = one.device.zip(other.device);
    of_one_device.is_some_and(|(one, other)| one.may_be(other))
        && !one.is_manual()
        && !other.is_manual()
        && one
            .span
            .start()
            .within(other.span.start(), rules.device_start_s)
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

fn judge(
    rules: &Thresholds,
    alike: &Numbers,
    families: Compatibility,
) -> Option<(Strength, &'static str)> {
    let within = |start_s: i64, iou: u32, duration: u64, distance: u64| {
        alike.starts_apart_us <= micros(start_s)
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
    let weak_start_s = if alike.typed {
        rules.typed_start_s
    } else {
        rules.weak_start_s
    };
    let weak = within(
        weak_start_s,
        rules.weak_iou_permille,
        rules.weak_duration_permille,
        rules.weak_distance_permille,
    );
    let identical = alike.iou_permille >= rules.identical_iou_permille;
    let mostly = alike.iou_permille >= rules.strong_iou_permille;
    match families {
        Compatibility::Equal | Compatibility::OnlyStrong if strong => {
            Some((Strength::Strong, "duplicate"))
        }
        Compatibility::Equal if weak => Some((Strength::Weak, "alike")),
        Compatibility::Equal if is_cut(rules, alike) => Some((Strength::Weak, "cut")),
        Compatibility::Wild if strong && identical => Some((Strength::Strong, "same_time")),
        // All but the family agrees: a type that was edited, or mapped by another taste.
        Compatibility::Wild | Compatibility::No if strong => Some((Strength::Weak, "other_family")),
        Compatibility::Wild if weak && mostly => Some((Strength::Weak, "same_time")),
        _ => None,
    }
}

/// Started late or ended early: one lies in the other, begins or ends with it, and was as fast; or
/// one was stopped late, and both went as far.
fn is_cut(rules: &Thresholds, alike: &Numbers) -> bool {
    let near_us = micros(rules.weak_start_s);
    let is_far = |limit| move |apart: u64| apart > limit;
    let other_speed = is_far(rules.weak_distance_permille);
    let other_way = is_far(rules.strong_distance_permille);
    (alike.starts_apart_us <= near_us || alike.ends_apart_us <= near_us)
        && alike.inside_permille >= rules.part_inside_permille
        && alike.iou_permille >= rules.weak_iou_permille
        && !(alike.speed_permille.is_some_and(other_speed)
            && alike.distance_permille.is_some_and(other_way))
}

fn micros(seconds: i64) -> u64 {
    seconds.unsigned_abs().saturating_mul(1_000_000)
}

fn measure(one: &Activity, other: &Activity) -> Numbers {
    let (duration_permille, lengths) = best_durations(one, other);
    // Some sources tell the timer as the length: where there was a pause, only like lengths compare.
    let cut = |activity: &Activity, seconds: i64| Span::from_start(activity.span.start(), seconds);
    let like_for_like = cut(one, lengths.0).iou_permille(cut(other, lengths.1));
    let shorter_us = one.span.length_us().min(other.span.length_us());
    Numbers {
        starts_apart_us: one.span.start().distance_us(other.span.start()),
        ends_apart_us: one.span.end().distance_us(other.span.end()),
        iou_permille: one.span.iou_permille(other.span).max(like_for_like),
        inside_permille: permille_of(one.span.overlap_us(other.span), shorter_us).unwrap_or(0),
        duration_permille,
        distance_permille: distance_apart(one, other),
        speed_permille: speed_apart(one, other),
        typed: one.is_manual() || other.is_manual(),
    }
}

/// A share in thousandths; `None` of nothing.
pub(super) fn permille_of(part: u64, whole: u64) -> Option<u64> {
    let share = u128::from(part).saturating_mul(1000);
    let share = share.checked_div(u128::from(whole))?;
    u64::try_from(share).ok()
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
    Some(apart_permille(measured_dm(one)?, measured_dm(other)?))
}

/// Way over elapsed time, each side multiplied by the time of the other.
pub(super) fn speed_apart(one: &Activity, other: &Activity) -> Option<u64> {
    let ours = measured_dm(one)?.saturating_mul(other.elapsed_s);
    let theirs = measured_dm(other)?.saturating_mul(one.elapsed_s);
    Some(apart_permille(ours, theirs))
}

fn measured_dm(activity: &Activity) -> Option<i64> {
    let outdoors = activity.indoor != Some(true);
    activity.told_distance_dm().filter(|_| outdoors)
}

/// The difference in thousandths of the greater, rounded up: what is over a threshold stays over it.
pub(super) fn apart_permille(one: i64, other: i64) -> u64 {
    // Two zeros are alike.
    let greater = u128::from(one.unsigned_abs().max(other.unsigned_abs())).max(1);
    let apart = u128::from(one.abs_diff(other)).saturating_mul(1000);
    u64::try_from(apart.div_ceil(greater)).unwrap_or(u64::MAX)
}

/// Overlap first; a second between the starts weighs as much as a thousandth of overlap.
fn score(alike: &Numbers) -> u32 {
    let seconds = u32::try_from(alike.starts_apart_us / 1_000_000).unwrap_or(u32::MAX);
    alike.iou_permille.saturating_sub(seconds)
}

#[cfg(test)]
pub(super) mod tests;
