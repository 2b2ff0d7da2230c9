//! Records that hide when they started: matched by what they do tell.
//!
//! Strava lets its user hide a start; the record then begins at the first second of the local day.
//! Such a start is no evidence, neither for nor against: the record belongs to the one session of
//! that day with the same device, length and distance. With several, or with a value untold, it
//! stays alone and both sides name each other as candidates. A file's name needs no numbers.
//!
//! It is compared with all that a session tells, because its copy may be of any member: one pushed
//! the timer only, another knows the elapsed time. Of a recording in pieces it may be one piece.

use super::Activity;
use super::matching::{
    THRESHOLDS, apart_permille, best_durations, distance_apart, is_one_file, likeness,
};
use super::split;
use crate::sport::{Compatibility, compatible};
use crate::time::{CivilDate, Span, civil_day, local_date};

/// The rule's name where it suspects and does not group.
pub(super) const RULE: &str = "hidden_start";

/// What hidden records have to do with the clusters around them, in positions of the sorted order.
#[derive(Debug, Default)]
pub(super) struct Placed {
    /// A hidden record and a member of the only cluster that fits.
    pub(super) joins: Vec<(usize, usize)>,
    /// A hidden record and a member of a cluster that may be the same workout.
    pub(super) suspects: Vec<(usize, usize)>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// Nothing contradicts, but something is untold.
    Possible,
    Agrees,
}

/// The time in which anything may concern a record: a hidden start reaches over its whole local day.
pub fn reach(activity: &Activity) -> Span {
    if activity.hidden_start {
        activity
            .span
            .hull(civil_day(day_of(activity), offset(activity)))
    } else {
        activity.span
    }
}

/// A hidden record, a cluster by its first position, and the part of the cluster that it may be of.
#[derive(Clone, Copy)]
struct Place {
    hidden: usize,
    cluster: usize,
    part: usize,
}

/// Where the hidden records of a block belong. Both sides must be each other's only fit, so that the
/// answer is the same in every order.
pub(super) fn place(
    order: &[(usize, &Activity)],
    clusters: &[Vec<usize>],
    is_split: impl Fn(&Activity, &Activity) -> bool,
) -> Placed {
    let mut agreeing: Vec<Place> = Vec::new();
    let mut possible: Vec<(usize, usize)> = Vec::new();
    for (position, (_, hidden)) in order.iter().enumerate() {
        // What the user merged has found its place.
        let is_alone = |cluster: &Vec<usize>| cluster.as_slice() == [position];
        if !hidden.hidden_start || !clusters.iter().any(is_alone) {
            continue;
        }
        for members in clusters {
            let Some(cluster) = members.first().copied() else {
                continue;
            };
            let tellers = members.iter().filter_map(|at| order.get(*at));
            let tellers: Vec<&Activity> = tellers.map(|(_, one)| *one).collect();
            let fits = fits(hidden, &tellers, &is_split);
            let agrees = (0..)
                .zip(&fits)
                .filter(|(_, fit)| **fit == Some(Fit::Agrees));
            let before = agreeing.len();
            agreeing.extend(agrees.map(|(part, _)| Place {
                hidden: position,
                cluster,
                part,
            }));
            if agreeing.len() == before && fits.contains(&Some(Fit::Possible)) {
                possible.push((position, cluster));
            }
        }
    }
    let is_sure = |place: &Place| {
        agreeing.iter().all(|other| {
            let same = (
                other.hidden == place.hidden,
                other.cluster == place.cluster,
                other.part == place.part,
            );
            // Another session for the same record, or another record for the same part.
            !matches!(same, (true, false, _) | (false, true, true))
        })
    };
    let pair = |place: &Place| (place.hidden, place.cluster);
    let mut joins: Vec<(usize, usize)> =
        agreeing.iter().filter(|it| is_sure(it)).map(pair).collect();
    joins.dedup();
    let settled = |pair: &(usize, usize)| joins.iter().any(|join| join.0 == pair.0);
    let rivals = agreeing.iter().map(pair).chain(possible);
    let mut suspects: Vec<(usize, usize)> = rivals.filter(|pair| !settled(pair)).collect();
    suspects.dedup();
    Placed { joins, suspects }
}

/// How well each part of a session fits a hidden record, if at all.
fn fits(
    hidden: &Activity,
    members: &[&Activity],
    is_split: impl Fn(&Activity, &Activity) -> bool,
) -> Vec<Option<Fit>> {
    let is_forbidden = |member: &&Activity| is_split(hidden, member) || member.id == hidden.id;
    if members.iter().any(is_forbidden) {
        return Vec::new();
    }
    let offset = offset(hidden);
    let is_witness = |member: &&&Activity| {
        !member.hidden_start
            && hidden.is_container() == member.is_container()
            && local_date(member.span.start(), offset) == day_of(hidden)
    };
    let witnesses: Vec<&Activity> = members.iter().filter(is_witness).copied().collect();
    // One upload is one workout: a second record by the same account is no copy of the first, unless
    // another device made it.
    let other_device = |member: &Activity| {
        let devices = member.device.zip(hidden.device);
        devices.is_some_and(|(theirs, ours)| !theirs.may_be(ours))
    };
    let second_of_account = members.iter().any(|member| {
        let same_account = member.source == hidden.source && member.account == hidden.account;
        same_account && !other_device(member)
    });
    let limit = if second_of_account {
        Fit::Possible
    } else {
        Fit::Agrees
    };
    let parts = parts(&witnesses);
    let fit = parts.iter().map(|part| fit_of(hidden, part));
    fit.map(|fit| fit.map(|fit| fit.min(limit))).collect()
}

/// A session as one part, or as its pieces, each with its copies, and what tells of the whole.
fn parts<'a>(members: &[&'a Activity]) -> Vec<Vec<&'a Activity>> {
    let pieces: Vec<&Activity> = split::pieces(members).into_iter().flatten().collect();
    if pieces.is_empty() {
        return vec![members.to_vec()];
    }
    let is_of = |member: &Activity, piece: &Activity| {
        member.id == piece.id || likeness(member, piece).is_some()
    };
    let of_piece = |piece: &&Activity| -> Vec<&'a Activity> {
        let copies = members.iter().filter(|member| is_of(member, piece));
        copies.copied().collect()
    };
    let mut parts: Vec<Vec<&Activity>> = Vec::new();
    for piece in &pieces {
        let part = of_piece(piece);
        // Copies of one piece are one part.
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    let of_whole = |member: &&&Activity| !pieces.iter().any(|piece| is_of(member, piece));
    parts.push(members.iter().filter(of_whole).copied().collect());
    parts
}

fn fit_of(hidden: &Activity, tellers: &[&Activity]) -> Option<Fit> {
    let limit = THRESHOLDS.hidden_permille;
    if tellers.iter().any(|teller| is_one_file(hidden, teller)) {
        return Some(Fit::Agrees);
    }
    let lengths = tellers
        .iter()
        .map(|teller| best_durations(hidden, teller).0);
    if lengths.min()? > limit {
        return None;
    }
    let is_device = |teller: &&Activity| Some(teller.device?.may_be(hidden.device?));
    let devices: Vec<bool> = tellers.iter().filter_map(is_device).collect();
    // What the service wrote into Health is of its own upload, and names no device.
    let wrote = |teller: &Activity| {
        let writer = teller.writer.and_then(|writer| writer.cloud_source());
        writer == Some(hidden.source)
    };
    let device = if devices.contains(&true) || tellers.iter().any(|teller| wrote(teller)) {
        Some(true)
    } else {
        devices.first().copied()
    };
    let distance = distance_fits(hidden, tellers);
    match (device, distance) {
        (Some(true), Some(true)) => Some(Fit::Agrees),
        (_, Some(false)) => None,
        // Another device says the same of length and way, and nothing else speaks for it.
        (Some(false), None) => None,
        _ => Some(Fit::Possible),
    }
}

/// Whether some teller says the same distance; `None` where that cannot be told. Indoors two devices
/// disagree, but a copy says what its original says. Where neither side covers any way, they agree.
fn distance_fits(hidden: &Activity, tellers: &[&Activity]) -> Option<bool> {
    let apart = |teller: &&Activity| {
        let devices = hidden.device.zip(teller.device);
        let of_one = devices.is_some_and(|(ours, theirs)| ours.may_be(theirs));
        let both_told = || {
            Some(apart_permille(
                hidden.told_distance_dm()?,
                teller.told_distance_dm()?,
            ))
        };
        let by_copy = if of_one { both_told() } else { None };
        by_copy.or_else(|| distance_apart(hidden, teller))
    };
    if let Some(least) = tellers.iter().filter_map(apart).min() {
        return Some(least <= THRESHOLDS.hidden_permille);
    }
    let tells_none = |teller: &&Activity| teller.told_distance_dm().is_none();
    let nobody = tells_none(&hidden) && tellers.iter().all(tells_none);
    let same_kind =
        |teller: &&Activity| compatible(hidden.family(), teller.family()) != Compatibility::No;
    (nobody && !hidden.is_manual() && tellers.iter().all(same_kind)).then_some(true)
}

fn day_of(activity: &Activity) -> CivilDate {
    local_date(activity.span.start(), offset(activity))
}

fn offset(activity: &Activity) -> i32 {
    activity.utc_offset_s.unwrap_or(0)
}

#[cfg(test)]
mod tests;
