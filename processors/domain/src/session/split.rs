//! Recordings in pieces: one device was stopped and started again, another ran through.
//!
//! The pieces together are one side of the workout, and that side is compared as one record. A side
//! exists only beside a whole that tells the same length; without one, two recordings of a device
//! are two workouts, however close they are.

use std::cmp::Reverse;

use super::Activity;
use super::fields::path_rank;
use super::matching::{THRESHOLDS, apart_permille, permille_of, same_stream};
use super::recordings::Recordings;
use crate::observation::ObservationId;
use crate::sport::{Compatibility, Family, compatible};
use crate::time::Span;

/// Pieces end and begin in the same second at worst, to the rounding of formats.
const TOUCH_US: u64 = 5_000_000;

/// Pieces of one device that together are one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Side {
    /// Positions of the pieces, by start.
    pub(super) parts: Vec<usize>,
    /// Positions of the records that tell the whole of it.
    pub(super) wholes: Vec<usize>,
}

/// The sides among records in order of their start. Every record is a part of at most one side, and
/// no part is a whole. Both are told by their originals: a copy of a piece is no piece of its own,
/// but it may be a copy that knows how long the whole was.
pub(super) fn sides(
    order: &[(usize, &Activity)],
    recordings: &Recordings,
    is_split: impl Fn(&Activity, &Activity) -> bool,
) -> Vec<Side> {
    let mut found: Vec<(u64, Side)> = Vec::new();
    for (position, (_, whole)) in order.iter().enumerate() {
        if !may_be_whole(whole) {
            continue;
        }
        let original = recordings.original(position);
        for parts in pieces_in(order, recordings, position) {
            let tellers: Vec<&Activity> = at(order, &parts);
            let forbidden = tellers.iter().any(|part| is_split(whole, part));
            let Some(apart) = told_apart(whole, &tellers).filter(|_| !forbidden) else {
                continue;
            };
            match found.iter_mut().find(|(_, side)| side.parts == parts) {
                Some((least, side)) => {
                    *least = (*least).min(apart);
                    if !side.wholes.contains(&original) {
                        side.wholes.push(original);
                    }
                }
                None => found.push((
                    apart,
                    Side {
                        parts,
                        wholes: vec![original],
                    },
                )),
            }
        }
    }
    found.sort_by(|one, other| (one.0, &one.1.parts).cmp(&(other.0, &other.1.parts)));
    settled(found.into_iter().map(|(_, side)| side).collect())
}

/// The best sides first, each record in one of them.
fn settled(found: Vec<Side>) -> Vec<Side> {
    let mut parts: Vec<usize> = Vec::new();
    let mut wholes: Vec<usize> = Vec::new();
    let mut kept: Vec<Side> = Vec::new();
    for mut side in found {
        side.wholes.retain(|whole| !parts.contains(whole));
        let is_taken = |part: &usize| parts.contains(part) || wholes.contains(part);
        if side.wholes.is_empty() || side.parts.iter().any(is_taken) {
            continue;
        }
        parts.extend(&side.parts);
        wholes.extend(&side.wholes);
        kept.push(side);
    }
    kept
}

fn may_be_whole(activity: &Activity) -> bool {
    !activity.hidden_start && !activity.is_container() && activity.parent.is_none()
}

/// The records at some positions.
pub(super) fn at<'a>(order: &[(usize, &'a Activity)], positions: &[usize]) -> Vec<&'a Activity> {
    let found = positions.iter().filter_map(|position| order.get(*position));
    found.map(|(_, activity)| *activity).collect()
}

/// Pieces inside of a whole, by stream; two and more of each.
fn pieces_in(
    order: &[(usize, &Activity)],
    recordings: &Recordings,
    position: usize,
) -> Vec<Vec<usize>> {
    let Some((_, whole)) = order.get(position) else {
        return Vec::new();
    };
    let slack_us = i64::try_from(whole.span.length_us() / 8).unwrap_or(i64::MAX);
    let from = whole.span.start().0.saturating_sub(slack_us);
    let first = order.partition_point(|(_, other)| other.span.start().0 < from);
    let mut streams: Vec<Vec<usize>> = Vec::new();
    for (other, (_, piece)) in order.iter().enumerate().skip(first) {
        if piece.span.start() > whole.span.end() {
            break;
        }
        let is_copy = recordings.original(other) != other || recordings.original(position) == other;
        if is_copy || !may_be_piece(piece, whole) {
            continue;
        }
        let stream = streams.iter_mut().find(|stream| {
            let first = stream.first().and_then(|first| order.get(*first));
            first.is_some_and(|(_, first)| {
                same_stream(first, piece) && first.family() == piece.family()
            })
        });
        let Some(stream) = stream else {
            streams.push(vec![other]);
            continue;
        };
        let last = stream.last().and_then(|last| order.get(*last));
        // A second upload of a piece is a copy of it, and no piece of its own.
        if last.is_some_and(|(_, last)| follows(last.span, piece.span)) {
            stream.push(other);
        }
    }
    streams.retain(|stream| stream.len() > 1);
    streams
}

fn may_be_piece(piece: &Activity, whole: &Activity) -> bool {
    let rules = &THRESHOLDS;
    let share = permille_of(piece.span.length_us(), whole.span.length_us());
    let same_kind = match compatible(piece.family(), whole.family()) {
        Compatibility::Equal => true,
        Compatibility::Wild => whole.family() == Family::Any,
        Compatibility::OnlyStrong | Compatibility::No => false,
    };
    may_be_whole(piece)
        && same_kind
        && piece.is_manual() == whole.is_manual()
        && is_inside(piece.span, whole.span)
        && share.is_some_and(|share| share <= rules.part_inside_permille)
}

/// Two devices are started and stopped by two hands: what lies outside is a tenth of the piece, or no
/// more than two starts of one workout are apart.
fn is_inside(piece: Span, whole: Span) -> bool {
    let rules = &THRESHOLDS;
    let overlap_us = piece.overlap_us(whole);
    let outside_us = piece.length_us().saturating_sub(overlap_us);
    let share = permille_of(overlap_us, piece.length_us()).unwrap_or(0);
    share >= rules.part_inside_permille
        || (share >= rules.overlap_permille && outside_us <= micros(rules.strong_start_s))
}

fn follows(before: Span, next: Span) -> bool {
    before.end() <= next.start() || before.overlap_us(next) <= TOUCH_US
}

/// How far pieces together are from the whole in length, in thousandths; `None` where they are not
/// the same workout.
fn told_apart(whole: &Activity, parts: &[&Activity]) -> Option<u64> {
    let side = together(parts)?;
    let limit = THRESHOLDS.split_permille;
    let distance = super::matching::distance_apart(whole, &side);
    if distance.is_some_and(|apart| apart > limit) {
        return None;
    }
    let elapsed: i64 = parts
        .iter()
        .fold(0, |sum, part| sum.saturating_add(part.elapsed_s));
    let worked = [side.timer_s, side.moving_s, Some(elapsed)];
    let lengths = [whole.timer_s, whole.moving_s, Some(whole.elapsed_s)];
    let pairs = worked.into_iter().flatten().flat_map(|one| {
        let others = lengths.into_iter().flatten();
        others.map(move |other| apart_permille(one, other))
    });
    // The break between the pieces is in the whole's length: then only the way can tell.
    let with_break = distance.map(|_| apart_permille(side.elapsed_s, whole.elapsed_s));
    pairs
        .chain(with_break)
        .min()
        .filter(|apart| *apart <= limit)
}

/// Pieces as one record: sums where a sum is meant, means over their time where a mean is, else what
/// the first piece tells. It has the id of the first piece. `None` without pieces.
pub fn together(parts: &[&Activity]) -> Option<Activity> {
    let mut ordered = parts.to_vec();
    ordered.sort_unstable_by_key(|part| (part.span, part.id));
    let first = *ordered.first()?;
    let span = ordered
        .iter()
        .map(|part| part.span)
        .reduce(Span::hull)
        .unwrap_or(first.span);
    let sum = |get: fn(&Activity) -> Option<i64>| sum_of(&ordered, get);
    let mean = |get: fn(&Activity) -> Option<i64>| mean_of(&ordered, get);
    let edited = ordered
        .iter()
        .max_by_key(|part| (part.sport_edited_at, part.title_edited_at));
    Some(Activity {
        span,
        elapsed_s: span.length_s(),
        timer_s: sum(|part| part.timer_s),
        moving_s: sum(|part| part.moving_s),
        distance_dm: sum(|part| part.distance_dm),
        energy_j: sum(|part| part.energy_j),
        elevation_gain_dm: sum(|part| part.elevation_gain_dm),
        heart_rate_avg_bpm: mean(|part| part.heart_rate_avg_bpm.map(i64::from))
            .and_then(|mean| i32::try_from(mean).ok()),
        heart_rate_max_bpm: ordered
            .iter()
            .filter_map(|part| part.heart_rate_max_bpm)
            .max(),
        power_avg_dw: mean(|part| part.power_avg_dw),
        speed_avg_mm_s: mean(|part| part.speed_avg_mm_s),
        title: edited
            .and_then(|part| part.title.clone())
            .or_else(|| first.title.clone()),
        sport_edited_at: edited.and_then(|part| part.sport_edited_at),
        title_edited_at: edited.and_then(|part| part.title_edited_at),
        first_received: ordered
            .iter()
            .map(|part| part.first_received)
            .min()
            .unwrap_or_default(),
        ..first.clone()
    })
}

/// `None` where a piece does not tell its share.
fn sum_of(parts: &[&Activity], get: fn(&Activity) -> Option<i64>) -> Option<i64> {
    parts
        .iter()
        .try_fold(0_i64, |sum, part| Some(sum.saturating_add(get(part)?)))
}

/// The mean over the time that all pieces worked, halves up. `None` where a piece does not tell its
/// own: the mean of a part is not that of the whole.
fn mean_of(parts: &[&Activity], get: fn(&Activity) -> Option<i64>) -> Option<i64> {
    let mut sum = 0_i128;
    let mut time_s = 0_i128;
    for part in parts {
        let worked_s = part.timer_s.or(part.moving_s).unwrap_or(part.elapsed_s);
        let worked_s = i128::from(worked_s.max(0));
        let weighted = i128::from(get(part)?).saturating_mul(worked_s);
        sum = sum.saturating_add(weighted);
        time_s = time_s.saturating_add(worked_s);
    }
    let doubled = sum.saturating_mul(2).saturating_add(time_s);
    let mean = doubled.checked_div_euclid(time_s.saturating_mul(2))?;
    i64::try_from(mean).ok()
}

/// The pieces among the members of one session: records of one device, one after the other. The
/// user may have merged them, or a whole holds them together.
///
/// Two that differ by a clock's zone alone are one piece told twice. Halves of one length may look
/// just so, but where another recording holds both, no clock was wrong.
pub fn pieces<'a>(members: &[&'a Activity]) -> Vec<Vec<&'a Activity>> {
    let mut ordered: Vec<&Activity> = members
        .iter()
        .filter(|member| may_be_whole(member))
        .copied()
        .collect();
    ordered.sort_unstable_by_key(|member| (member.span, member.id));
    let is_told_twice = |one: &Activity, other: &Activity| {
        let is_held = || ordered.iter().any(|whole| holds(whole, [one, other]));
        super::zone::is_zone_error(one, other) && !is_held()
    };
    let mut streams: Vec<Vec<&Activity>> = Vec::new();
    for member in ordered.iter().copied() {
        let piece_of = |stream: &&mut Vec<&Activity>| {
            let last = stream.last().copied();
            let is_held = || {
                let whole = |last: &Activity| ordered.iter().any(|it| holds(it, [last, member]));
                last.is_some_and(whole)
            };
            (is_near(stream, member) || is_held())
                && stream.iter().all(|other| {
                    same_stream(other, member)
                        && follows(other.span, member.span)
                        && !is_told_twice(other, member)
                })
        };
        match streams.iter_mut().find(piece_of) {
            Some(stream) => stream.push(member),
            None => streams.push(vec![member]),
        }
    }
    streams.retain(|stream| stream.len() > 1);
    if streams.is_empty() {
        streams.extend(relay(&ordered, is_told_twice));
    }
    streams
}

/// Recordings of several devices, one after the other, that only a user can have merged: one died, and
/// another went on. Of those that overlap the one nearest to its device counts.
fn relay<'a>(
    ordered: &[&'a Activity],
    is_told_twice: impl Fn(&Activity, &Activity) -> bool,
) -> Option<Vec<&'a Activity>> {
    let mut ranked = ordered.to_vec();
    ranked.retain(|member| !member.is_manual());
    ranked.sort_by_key(|member| (path_rank(member), Reverse(member.elapsed_s), member.id));
    let first = *ranked.first()?;
    let mut chain: Vec<&Activity> = vec![first];
    let mut left = ranked.split_off(1);
    // One that is too far from those that are there may be near to one that comes.
    loop {
        let next = left.iter().position(|next| {
            let goes_on = |one: &&Activity| {
                one.family() == next.family()
                    && (follows(one.span, next.span) || follows(next.span, one.span))
                    && !is_told_twice(one, next)
            };
            is_near(&chain, next) && chain.iter().all(goes_on)
        });
        let Some(next) = next else { break };
        chain.push(left.remove(next));
    }
    chain.sort_unstable_by_key(|member| (member.span, member.id));
    (chain.len() > 1).then_some(chain)
}

/// Whether a recording of another device ran through both.
fn holds(whole: &Activity, parts: [&Activity; 2]) -> bool {
    parts.iter().all(|part| {
        !same_stream(whole, part)
            && whole.is_manual() == part.is_manual()
            && is_inside(part.span, whole.span)
    })
}

/// Whether a record may go on where pieces ended, and all of them stay one day's work.
fn is_near(stream: &[&Activity], next: &Activity) -> bool {
    let rules = &THRESHOLDS;
    let spans = stream.iter().map(|piece| piece.span);
    spans.reduce(Span::hull).is_some_and(|so_far| {
        so_far.gap_us(next.span) <= micros(rules.piece_gap_s)
            && so_far.hull(next.span).length_us() <= micros(rules.pieces_max_s)
    })
}

fn micros(seconds: i64) -> u64 {
    seconds.unsigned_abs().saturating_mul(1_000_000)
}

/// Whether a record is one of the pieces.
pub(super) fn is_piece(streams: &[Vec<&Activity>], id: ObservationId) -> bool {
    streams.iter().flatten().any(|piece| piece.id == id)
}
