//! Copies of one recording count as one record.
//!
//! A service cuts the way at a privacy zone, an app writes another type, a third leaves out that it
//! was indoors: none of that is a witness of its own. So what hangs together by a file, by the app
//! that wrote it, or by one device at one second is linked with others as one, and whatever any of
//! its copies agrees with.

use super::Activity;
use super::clusters::Clusters;
use super::matching::{Likeness, Strength, excluded, hard_link, likeness};
use crate::observation::Source;

/// The records of one block, by recording.
pub(super) struct Recordings {
    /// Positions of the copies, ascending.
    pub(super) copies: Vec<Vec<usize>>,
    /// For each position, the one that stands for its recording.
    original: Vec<usize>,
}

impl Recordings {
    pub(super) fn of(
        order: &[(usize, &Activity)],
        is_split: impl Fn(usize, usize) -> bool,
    ) -> Self {
        let mut clusters = Clusters::alone(order.len());
        for pair in hard_links(order) {
            clusters.join_if(pair, |one, other| {
                !is_split(one, other) && may_be_copies(order, one, other)
            });
        }
        let copies = clusters.into_parts();
        let mut original: Vec<usize> = (0..order.len()).collect();
        for copies in &copies {
            let Some(first) = original_of(order, copies) else {
                continue;
            };
            for position in copies {
                if let Some(original) = original.get_mut(*position) {
                    *original = first;
                }
            }
        }
        Self { copies, original }
    }

    /// The record that stands for all copies of this one.
    pub(super) fn original(&self, position: usize) -> usize {
        self.original.get(position).copied().unwrap_or(position)
    }

    /// The copies of a record, itself among them.
    pub(super) fn copies_of(&self, position: usize) -> &[usize] {
        let holds = |copies: &&Vec<usize>| copies.contains(&position);
        self.copies.iter().find(holds).map_or(&[], Vec::as_slice)
    }
}

/// Pairs of one recording, the surest first.
fn hard_links(order: &[(usize, &Activity)]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (first, (_, one)) in order.iter().enumerate() {
        for (second, (_, other)) in order.iter().enumerate().skip(first.saturating_add(1)) {
            // What is one recording overlaps.
            if other.span.start() > one.span.end() {
                break;
            }
            let hard = hard_link(one, other);
            found.extend(hard.map(|hard| (hard, (first, second))));
        }
    }
    found.sort_unstable_by(|one, other| {
        (other.0.strength, other.0.score)
            .cmp(&(one.0.strength, one.0.score))
            .then(one.1.cmp(&other.1))
    });
    found.into_iter().map(|(_, pair)| pair).collect()
}

/// Two that came by one path, or two that are nobody's copy, have to be alike themselves.
fn may_be_copies(order: &[(usize, &Activity)], one: usize, other: usize) -> bool {
    let (Some((_, one)), Some((_, other))) = (order.get(one), order.get(other)) else {
        return false;
    };
    let one_path =
        one.source == other.source && one.account == other.account && one.writer == other.writer;
    let told_by_others = !one_path && (is_copy(one) || is_copy(other));
    let is_sure = |likeness: Likeness| likeness.strength >= Strength::Strong;
    (told_by_others && !excluded(one, other)) || likeness(one, other).is_some_and(is_sure)
}

/// Made by a service or an app, mostly out of another's recording.
fn is_copy(activity: &Activity) -> bool {
    activity.source == Source::Strava || is_written_copy(activity)
}

fn is_written_copy(activity: &Activity) -> bool {
    let writes_for = activity.writer.and_then(|writer| writer.cloud_source());
    writes_for.is_some()
}

/// The nearest to the device; of a service's record and what it wrote into Health, the record.
fn original_of(order: &[(usize, &Activity)], copies: &[usize]) -> Option<usize> {
    let rank = |position: &&usize| {
        let activity = order.get(**position).map(|(_, activity)| *activity);
        let holds = |is: fn(&Activity) -> bool| activity.is_none_or(is);
        (holds(is_written_copy), holds(is_copy), **position)
    };
    copies.iter().min_by_key(rank).copied()
}
