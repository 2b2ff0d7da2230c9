//! Sessions that may be one workout and are not joined.

use super::Activity;
use super::clusters::Pair;
use super::hidden;
use super::linkage::Candidate;
use super::matching::{THRESHOLDS, excluded, permille_of};
use super::words::Words;
use super::zone;
use crate::sport::{Compatibility, compatible};

/// The rule's name where nothing but time speaks for one workout.
const OVERLAP: &str = "overlap";

/// For each part, the other parts that a suspicion ties it to.
pub(super) fn candidates(
    parts: &[Vec<usize>],
    hidden: &[Pair],
    order: &[(usize, &Activity)],
    words: &Words,
) -> Vec<Vec<Candidate>> {
    let mut found: Vec<Vec<Candidate>> = vec![Vec::new(); parts.len()];
    if parts.len() < 2 {
        return found;
    }
    let mut home: Vec<usize> = vec![0; order.len()];
    for (part, positions) in parts.iter().enumerate() {
        for position in positions {
            if let Some(home) = home.get_mut(*position) {
                *home = part;
            }
        }
    }
    let part_of = |position: usize| home.get(position).copied().unwrap_or(0);
    let mut suspect = |one: usize, other: usize, rule: &'static str| {
        for (here, group) in [(one, other), (other, one)] {
            if let Some(list) = found.get_mut(here) {
                list.push(Candidate { group, rule });
            }
        }
    };
    for (one, other) in hidden {
        suspect(part_of(*one), part_of(*other), hidden::RULE);
    }
    let tellers = |part: usize| -> Vec<&Activity> {
        let positions = parts.get(part).into_iter().flatten();
        positions
            .filter_map(|at| order.get(*at).map(|(_, activity)| *activity))
            .collect()
    };
    let forbidden = |ours: &[&Activity], theirs: &[&Activity]| {
        ours.iter()
            .any(|a| theirs.iter().any(|b| words.is_split(a, b)))
    };
    for (one, other) in zone_pairs(order) {
        let (one, other) = (part_of(one), part_of(other));
        let (ours, theirs) = (tellers(one), tellers(other));
        if one != other && !forbidden(&ours, &theirs) && zone::is_suspect(&ours, &theirs) {
            suspect(one, other, zone::RULE);
        }
    }
    for (one, other) in overlapping(order) {
        let (one, other) = (part_of(one), part_of(other));
        if one != other && !forbidden(&tellers(one), &tellers(other)) {
            suspect(one, other, OVERLAP);
        }
    }
    for list in &mut found {
        list.sort_unstable();
        list.dedup();
    }
    found
}

/// Pairs of positions that tell of one kind of sport at one time: nobody does two workouts at once.
fn overlapping(order: &[(usize, &Activity)]) -> Vec<Pair> {
    let mut found = Vec::new();
    for (first, (_, one)) in order.iter().enumerate() {
        for (second, (_, other)) in order.iter().enumerate().skip(first.saturating_add(1)) {
            if other.span.start() >= one.span.end() {
                break;
            }
            let shorter_us = one.span.length_us().min(other.span.length_us());
            let inside = permille_of(one.span.overlap_us(other.span), shorter_us);
            let same_kind = compatible(one.family(), other.family()) == Compatibility::Equal;
            let is_half = inside.is_some_and(|inside| inside >= THRESHOLDS.overlap_permille);
            if is_half && same_kind && !excluded(one, other) {
                found.push((first, second));
            }
        }
    }
    found
}

/// Pairs of positions that a clock in a wrong zone may lie between.
fn zone_pairs(order: &[(usize, &Activity)]) -> Vec<Pair> {
    let far = THRESHOLDS
        .zone_max_s
        .saturating_add(THRESHOLDS.zone_slack_s);
    let mut found = Vec::new();
    for (first, (_, one)) in order.iter().enumerate() {
        for (second, (_, other)) in order.iter().enumerate().skip(first.saturating_add(1)) {
            if !one.span.start().within(other.span.start(), far) {
                break;
            }
            if zone::is_zone_error(one, other) {
                found.push((first, second));
            }
        }
    }
    found
}
