//! Clocks in a wrong zone: the same workout, whole quarters of an hour apart.
//!
//! Two workouts a day on the same way look just like it, so this is never more than a suspicion:
//! both sessions stay, and name each other until somebody decides.

use super::Activity;
use super::matching::{THRESHOLDS, apart_permille, best_durations};
use crate::sport::{Compatibility, compatible};
use crate::time::Instant;

/// The rule's name where it suspects.
pub(super) const RULE: &str = "zone_error";

/// Whether a clock's zone alone may lie between two starts.
pub fn is_zone_apart(one: Instant, other: Instant) -> bool {
    let rules = &THRESHOLDS;
    let micros = |seconds: i64| seconds.unsigned_abs().saturating_mul(1_000_000);
    let (step, slack) = (micros(rules.zone_step_s), micros(rules.zone_slack_s));
    let apart = one.distance_us(other);
    let beside = apart.checked_rem(step).unwrap_or(0);
    let near_a_step = beside <= slack || step.saturating_sub(beside) <= slack;
    near_a_step
        && apart.saturating_add(slack) >= step
        && apart <= micros(rules.zone_max_s).saturating_add(slack)
}

/// Whether one may be the other, told by a clock in a wrong zone.
pub fn is_zone_error(one: &Activity, other: &Activity) -> bool {
    let rules = &THRESHOLDS;
    is_zone_apart(one.span.start(), other.span.start())
        && !one.hidden_start
        && !other.hidden_start
        && one.is_container() == other.is_container()
        && compatible(one.family(), other.family()) != Compatibility::No
        && best_durations(one, other).0 <= rules.zone_permille
        && is_one_way(one, other)
}

/// Both tell the same distance, or both tell none. A copy says what its original says, also indoors,
/// where two devices would disagree.
fn is_one_way(one: &Activity, other: &Activity) -> bool {
    match (one.told_distance_dm(), other.told_distance_dm()) {
        (Some(one), Some(other)) => apart_permille(one, other) <= THRESHOLDS.zone_permille,
        (None, None) => !one.is_manual() && !other.is_manual(),
        _ => false,
    }
}

/// Whether two sessions may be one by their members. A source that tells both tells of two workouts.
pub(super) fn is_suspect(ours: &[&Activity], theirs: &[&Activity]) -> bool {
    let told_twice = ours.iter().any(|one| {
        theirs.iter().any(|other| {
            one.source == other.source && one.account == other.account && one.writer == other.writer
        })
    });
    let pair = |one: &&Activity| theirs.iter().any(|other| is_zone_error(one, other));
    !told_twice && ours.iter().any(pair)
}
