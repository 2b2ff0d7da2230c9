//! Records that hide when they started: matched by what they do tell.
//!
//! Strava lets its user hide a start; the record then begins at the first second of the local day.
//! Such a start is no evidence, neither for nor against: the record belongs to the one session of
//! that day with the same device, length and distance. With several, or with a value untold, it
//! stays alone and both sides name each other as candidates. A file's name needs no numbers.

use super::Activity;
use super::matching::{THRESHOLDS, best_durations, distance_apart, is_one_file};
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

/// Where the hidden records of a block belong. Both sides must be each other's only fit, so that the
/// answer is the same in every order.
pub(super) fn place(
    order: &[(usize, &Activity)],
    clusters: &[Vec<usize>],
    is_split: impl Fn(&Activity, &Activity) -> bool,
) -> Placed {
    let mut agreeing: Vec<(usize, usize)> = Vec::new();
    let mut possible: Vec<(usize, usize)> = Vec::new();
    for (position, (_, hidden)) in order.iter().enumerate() {
        // What the user merged has found its place.
        let is_alone = |cluster: &Vec<usize>| cluster.as_slice() == [position];
        if !hidden.hidden_start || !clusters.iter().any(is_alone) {
            continue;
        }
        for cluster in clusters {
            let members = cluster.iter().filter_map(|at| order.get(*at));
            let members: Vec<&Activity> = members.map(|(_, one)| *one).collect();
            let pair = cluster.first().map(|first| (position, *first));
            match fit(hidden, &members, &is_split) {
                Some(Fit::Agrees) => agreeing.extend(pair),
                Some(Fit::Possible) => possible.extend(pair),
                None => {}
            }
        }
    }
    let alone = |pair: &&(usize, usize)| {
        let rival = |other: &&(usize, usize)| other.0 == pair.0 || other.1 == pair.1;
        agreeing.iter().filter(rival).count() == 1
    };
    let (joins, rivals): (Vec<_>, Vec<_>) = agreeing.iter().partition(alone);
    let settled =
        |pair: &(usize, usize)| joins.iter().any(|join: &(usize, usize)| join.0 == pair.0);
    possible.retain(|pair| !settled(pair));
    Placed {
        suspects: rivals.into_iter().chain(possible).collect(),
        joins,
    }
}

/// How well a session fits a hidden record, if at all: as well as the best of its members.
fn fit(
    hidden: &Activity,
    members: &[&Activity],
    is_split: impl Fn(&Activity, &Activity) -> bool,
) -> Option<Fit> {
    if members
        .iter()
        .any(|member| is_split(hidden, member) || member.id == hidden.id)
    {
        return None;
    }
    // One upload is one workout: a second record by the same account is no copy of the first.
    let second_of_account = members
        .iter()
        .any(|member| member.source == hidden.source && member.account == hidden.account);
    let best = members
        .iter()
        .filter_map(|member| fit_of(hidden, member))
        .max()?;
    Some(if second_of_account {
        Fit::Possible
    } else {
        best
    })
}

fn fit_of(hidden: &Activity, member: &Activity) -> Option<Fit> {
    let rules = &THRESHOLDS;
    let same_day = local_date(member.span.start(), offset(hidden)) == day_of(hidden);
    let same_kind = hidden.is_container() == member.is_container();
    if member.hidden_start || !same_day || !same_kind {
        return None;
    }
    if is_one_file(hidden, member) {
        return Some(Fit::Agrees);
    }
    if best_durations(hidden, member).0 > rules.hidden_permille {
        return None;
    }
    let device = match (hidden.device, member.device) {
        (Some(one), Some(other)) => Some(one == other),
        _ => None,
    };
    let distance = distance_apart(hidden, member).map(|apart| apart <= rules.hidden_permille);
    match (device, distance) {
        (Some(true), Some(true)) => Some(Fit::Agrees),
        (Some(false), _) | (_, Some(false)) => None,
        _ => Some(Fit::Possible),
    }
}

fn day_of(activity: &Activity) -> CivilDate {
    local_date(activity.span.start(), offset(activity))
}

fn offset(activity: &Activity) -> i32 {
    activity.utc_offset_s.unwrap_or(0)
}

#[cfg(test)]
mod tests;
