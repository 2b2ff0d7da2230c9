//! Records that were not there for all of a workout.
//!
//! A watch that died, an app that was started late, a copy whose ends were cropped: they tell the
//! truth of a part. What another device knows of the whole goes before a nearer path.

use super::super::matching::{
    THRESHOLDS, best_durations, distance_apart, permille_of, speed_apart,
};
use super::Activity;
use crate::observation::Source;

/// Whether a record tells of a part of what another tells: it lies in it, is shorter, went less far,
/// and was as fast. One that went as far was only stopped earlier.
pub(super) fn is_part(part: &Activity, whole: &Activity) -> bool {
    let rules = &THRESHOLDS;
    let tells_no_time = |it: &Activity| it.is_manual() || it.hidden_start;
    let comparable = !tells_no_time(part) && !tells_no_time(whole);
    if !comparable
        || part.is_container() != whole.is_container()
        || part.elapsed_s >= whole.elapsed_s
    {
        return false;
    }
    let inside = permille_of(part.span.overlap_us(whole.span), part.span.length_us());
    let shorter = |limit: u64| {
        best_durations(part, whole).0 > limit
            && distance_apart(part, whole).is_some_and(|apart| apart > limit)
            && part.told_distance_dm() < whole.told_distance_dm()
    };
    let limit = if is_cropped(part, whole) {
        rules.hidden_permille
    } else {
        rules.weak_distance_permille
    };
    inside.is_some_and(|inside| inside >= rules.part_inside_permille)
        && shorter(limit)
        && speed_apart(part, whole).is_some_and(|apart| apart <= rules.weak_distance_permille)
}

/// Strava lets its user cut the ends off; what is left begins or ends with the recording.
fn is_cropped(part: &Activity, whole: &Activity) -> bool {
    let near_s = THRESHOLDS.copy_start_s;
    part.source == Source::Strava
        && (part.span.start().within(whole.span.start(), near_s)
            || part.span.end().within(whole.span.end(), near_s))
}

/// Whether a record tells of some of the pieces, and not of all.
pub(super) fn is_in_pieces(member: &Activity, pieces: &[&Activity]) -> bool {
    let sum = |of: &dyn Fn(&Activity) -> u64| -> u64 {
        let lengths = pieces.iter().map(|piece| of(piece));
        lengths.fold(0, u64::saturating_add)
    };
    let covered = sum(&|piece| piece.span.overlap_us(member.span));
    let all = sum(&|piece| piece.span.length_us());
    let rules = &THRESHOLDS;
    let share = permille_of(covered, all).unwrap_or(0);
    let inside = permille_of(covered, member.span.length_us()).unwrap_or(0);
    !member.hidden_start
        && share > 0
        && 1_000_u64.saturating_sub(share) > rules.split_permille
        && inside >= rules.overlap_permille
}

#[cfg(test)]
mod tests;
