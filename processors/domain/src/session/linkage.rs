//! From links between pairs to sessions: complete linkage inside blocks of time, then the user.
//!
//! Complete linkage means that every two members of a group are linked with each other. Single
//! linkage would let a record that overlaps two back-to-back workouts join them into one.
//!
//! The best link is served first. A link that is skipped because a cross pair is not linked can
//! never fit later, since groups only grow; so one pass over the sorted links is the whole answer,
//! and the sort (strength, score, ids) makes it the same for every order of the input.

use super::Activity;
use super::hidden::{self, reach};
use super::matching::{Strength, THRESHOLDS, likeness};
use crate::observation::ObservationId;
use crate::time::{Instant, Span};

/// A user's merge holds for records this far apart at most: two records of one workout are never
/// farther, whatever a clock's zone did, and what a batch has to look at stays bounded.
pub const MERGE_REACH_US: i64 = 15 * 3_600 * 1_000_000;

/// Records of one workout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Indices into the slice given, by start, then id.
    pub members: Vec<usize>,
    /// 100 for a single record, less where a link is only probable.
    pub confidence_pct: u8,
    /// Groups (indices into the answer) that may be the same workout; never joined by themselves.
    pub candidates: Vec<Candidate>,
}

/// A pair of groups that a rule suspects to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    pub group: usize,
    pub rule: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OverrideKind {
    Merge,
    Split,
}

/// The user's own word on which records belong together. For a pair that several name, the latest
/// (at, received_at, id) rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    pub kind: OverrideKind,
    pub ids: Vec<ObservationId>,
    pub at: Instant,
    pub received_at: Instant,
    pub id: ObservationId,
}

/// Connected stretches of time: no record of one block can be linked with one of another, unless a
/// user merged them. A record with a hidden start ties its whole local day together. Each block by
/// start, then id; blocks by their first start.
pub fn blocks(activities: &[Activity]) -> Vec<Vec<usize>> {
    let order = sorted(activities);
    let mut reaches: Vec<(Span, usize)> = order
        .iter()
        .enumerate()
        .map(|(position, (_, activity))| (reach(activity), position))
        .collect();
    reaches.sort_unstable();
    let mut all: Vec<Vec<usize>> = Vec::new();
    let mut current: Option<(Span, Vec<usize>)> = None;
    for (span, position) in reaches {
        current = match current {
            Some((window, mut block)) if near(window, span) => {
                block.push(position);
                Some((window.hull(span), block))
            }
            closed => {
                all.extend(closed.map(|(_, block)| block));
                Some((span, vec![position]))
            }
        };
    }
    all.extend(current.map(|(_, block)| block));
    let index = |position: usize| order.get(position).map(|(index, _)| *index);
    let as_indices = |mut block: Vec<usize>| {
        block.sort_unstable();
        block.into_iter().filter_map(index).collect()
    };
    all.into_iter().map(as_indices).collect()
}

fn near(window: Span, next: Span) -> bool {
    window.gap_us(next)
        <= THRESHOLDS
            .block_gap_s
            .unsigned_abs()
            .saturating_mul(1_000_000)
}

/// Groups of records that tell of one workout; every record is in exactly one. By start of the
/// first member, then id.
pub fn group(activities: &[Activity], overrides: &[Override]) -> Vec<Group> {
    let order: Vec<(usize, &Activity)> = sorted(activities);
    let says = decisions(activities, overrides);
    let mut clusters = Clusters::alone(order.len());
    for link in links(&order, &says) {
        clusters.join_if(link.pair, |one, other| is_linked(&order, &says, one, other));
    }
    clusters.obey(&order, &says);
    let is_split =
        |one: &Activity, other: &Activity| decided(&says, one, other) == Some(OverrideKind::Split);
    let placed = hidden::place(&order, &clusters.members, is_split);
    for pair in &placed.joins {
        clusters.join_if(*pair, |_, _| true);
    }
    clusters.into_groups(&order, &says, &placed)
}

/// For each group that holds a multisport whole, the groups that are its legs, by start.
pub fn legs(groups: &[Group], activities: &[Activity]) -> Vec<Vec<usize>> {
    let is_leg_of = |leg: &Activity, whole: &Activity| {
        leg.parent == Some(whole.provider)
            && leg.source == whole.source
            && leg.account == whole.account
    };
    let members = |group: &Group| -> Vec<&Activity> {
        group
            .members
            .iter()
            .filter_map(|index| activities.get(*index))
            .collect()
    };
    let told: Vec<Vec<&Activity>> = groups.iter().map(members).collect();
    let legs_of = |wholes: &Vec<&Activity>| -> Vec<usize> {
        let containers = || wholes.iter().filter(|whole| whole.is_container());
        let has_leg = |parts: &Vec<&Activity>| {
            parts
                .iter()
                .any(|part| containers().any(|whole| is_leg_of(part, whole)))
        };
        if containers().next().is_none() {
            return Vec::new();
        }
        (0..)
            .zip(&told)
            .filter(|(_, parts)| has_leg(parts))
            .map(|(index, _)| index)
            .collect()
    };
    told.iter().map(legs_of).collect()
}

fn sorted(activities: &[Activity]) -> Vec<(usize, &Activity)> {
    let mut order: Vec<(usize, &Activity)> = activities.iter().enumerate().collect();
    order.sort_unstable_by_key(|(index, activity)| (activity.span, activity.id, *index));
    order
}

/// Positions in the sorted order, the smaller first.
type Pair = (usize, usize);

struct Link {
    strength: Strength,
    score: u32,
    pair: Pair,
}

/// All links that no user forbade, the best first. Records are in order of their start, so the inner
/// walk ends where starts are too far apart for any rule.
fn links(order: &[(usize, &Activity)], says: &[Decision]) -> Vec<Link> {
    let mut found = Vec::new();
    for (first, (_, one)) in order.iter().enumerate() {
        for (second, (_, other)) in order.iter().enumerate().skip(first.saturating_add(1)) {
            if !one
                .span
                .start()
                .within(other.span.start(), THRESHOLDS.weak_start_s)
            {
                break;
            }
            if let Some((strength, score)) = likeness(one, other)
                && decided(says, one, other) != Some(OverrideKind::Split)
            {
                found.push(Link {
                    strength,
                    score,
                    pair: (first, second),
                });
            }
        }
    }
    found.sort_unstable_by(|one, other| {
        (other.strength, other.score)
            .cmp(&(one.strength, one.score))
            .then(one.pair.cmp(&other.pair))
    });
    found
}

fn is_linked(order: &[(usize, &Activity)], says: &[Decision], one: usize, other: usize) -> bool {
    match (order.get(one), order.get(other)) {
        (Some((_, one)), Some((_, other))) => {
            decided(says, one, other) != Some(OverrideKind::Split) && likeness(one, other).is_some()
        }
        _ => false,
    }
}

/// What users said about one pair, and when.
struct Decision {
    pair: (ObservationId, ObservationId),
    rank: (Instant, Instant, ObservationId),
    kind: OverrideKind,
}

/// The ruling decision for each pair of live records, sorted by pair.
fn decisions(activities: &[Activity], overrides: &[Override]) -> Vec<Decision> {
    let mut said = Vec::new();
    for word in overrides {
        let live = |id: &&ObservationId| activities.iter().any(|activity| activity.id == **id);
        let ids: Vec<ObservationId> = word.ids.iter().filter(live).copied().collect();
        for (position, one) in ids.iter().enumerate() {
            for other in ids
                .iter()
                .skip(position.saturating_add(1))
                .filter(|other| *other != one)
            {
                said.push(Decision {
                    pair: (*one.min(other), *one.max(other)),
                    rank: (word.at, word.received_at, word.id),
                    kind: word.kind,
                });
            }
        }
    }
    said.sort_unstable_by(|one, other| {
        one.pair
            .cmp(&other.pair)
            .then((other.rank, other.kind).cmp(&(one.rank, one.kind)))
    });
    said.dedup_by_key(|decision| decision.pair);
    said
}

fn decided(says: &[Decision], one: &Activity, other: &Activity) -> Option<OverrideKind> {
    if says.is_empty() {
        return None;
    }
    let pair = (one.id.min(other.id), one.id.max(other.id));
    let index = says
        .binary_search_by(|decision| decision.pair.cmp(&pair))
        .ok()?;
    says.get(index).map(|decision| decision.kind)
}

/// A partition of positions: whose cluster each is in, and who is in each cluster.
struct Clusters {
    home: Vec<usize>,
    members: Vec<Vec<usize>>,
}

impl Clusters {
    fn alone(count: usize) -> Self {
        Self {
            home: (0..count).collect(),
            members: (0..count).map(|index| vec![index]).collect(),
        }
    }

    /// Joins the clusters of a pair if every cross pair `fits`.
    fn join_if(&mut self, pair: Pair, fits: impl Fn(usize, usize) -> bool) {
        let (Some(&one), Some(&other)) = (self.home.get(pair.0), self.home.get(pair.1)) else {
            return;
        };
        let (Some(ours), Some(theirs)) = (self.members.get(one), self.members.get(other)) else {
            return;
        };
        let all_fit = || {
            ours.iter()
                .all(|a| theirs.iter().all(|b| fits(*a.min(b), *a.max(b))))
        };
        if one == other || !all_fit() {
            return;
        }
        let moved = self
            .members
            .get_mut(other)
            .map(std::mem::take)
            .unwrap_or_default();
        for position in &moved {
            if let Some(home) = self.home.get_mut(*position) {
                *home = one;
            }
        }
        if let Some(kept) = self.members.get_mut(one) {
            kept.extend(moved);
        }
    }

    /// Merges what users merged (within reach of each other), the latest word first, as far as no ruling split stands between.
    /// Copies come along, because they are already grouped with their originals.
    fn obey(&mut self, order: &[(usize, &Activity)], says: &[Decision]) {
        let mut merges: Vec<&Decision> = says
            .iter()
            .filter(|decision| decision.kind == OverrideKind::Merge)
            .collect();
        merges.sort_unstable_by(|one, other| {
            other.rank.cmp(&one.rank).then(one.pair.cmp(&other.pair))
        });
        let position = |id: ObservationId| order.iter().position(|(_, one)| one.id == id);
        for merge in merges {
            if let (Some(one), Some(other)) = (position(merge.pair.0), position(merge.pair.1)) {
                let near = match (order.get(one), order.get(other)) {
                    (Some((_, one)), Some((_, other))) => {
                        reach(one).gap_us(reach(other)) <= MERGE_REACH_US.unsigned_abs()
                    }
                    _ => false,
                };
                if !near {
                    continue;
                }
                self.join_if((one, other), |a, b| match (order.get(a), order.get(b)) {
                    (Some((_, a)), Some((_, b))) => {
                        decided(says, a, b) != Some(OverrideKind::Split)
                    }
                    _ => false,
                });
            }
        }
    }

    fn into_groups(
        self,
        order: &[(usize, &Activity)],
        says: &[Decision],
        placed: &hidden::Placed,
    ) -> Vec<Group> {
        let mut parts: Vec<Vec<usize>> = self
            .members
            .into_iter()
            .filter(|members| !members.is_empty())
            .collect();
        for members in &mut parts {
            members.sort_unstable();
        }
        parts.sort_unstable();
        let suspected = candidates(&parts, &placed.suspects);
        let as_group = |(positions, candidates): (Vec<usize>, Vec<Candidate>)| Group {
            confidence_pct: if placed.joins.iter().any(|pair| positions.contains(&pair.0)) {
                confidence(order, says, &positions).min(THRESHOLDS.confidence_weak_pct)
            } else {
                confidence(order, says, &positions)
            },
            members: positions
                .into_iter()
                .filter_map(|position| order.get(position).map(|(index, _)| *index))
                .collect(),
            candidates,
        };
        parts.into_iter().zip(suspected).map(as_group).collect()
    }
}

/// For each part, the other parts that a suspected pair ties it to.
fn candidates(parts: &[Vec<usize>], suspects: &[Pair]) -> Vec<Vec<Candidate>> {
    let mut found: Vec<Vec<Candidate>> = vec![Vec::new(); parts.len()];
    let part_of = |position: usize| parts.iter().position(|part| part.contains(&position));
    for (one, other) in suspects {
        let (Some(one), Some(other)) = (part_of(*one), part_of(*other)) else {
            continue;
        };
        for (here, group) in [(one, other), (other, one)] {
            if let Some(list) = found.get_mut(here) {
                list.push(Candidate {
                    group,
                    rule: hidden::RULE,
                });
            }
        }
    }
    for list in &mut found {
        list.sort_unstable();
        list.dedup();
    }
    found
}

/// A group is as sure as its weakest pair; a user's merge is certain.
fn confidence(order: &[(usize, &Activity)], says: &[Decision], positions: &[usize]) -> u8 {
    let mut least = 100;
    for (taken, first) in positions.iter().enumerate() {
        for second in positions.iter().skip(taken.saturating_add(1)) {
            let (Some((_, one)), Some((_, other))) = (order.get(*first), order.get(*second)) else {
                continue;
            };
            if decided(says, one, other) == Some(OverrideKind::Merge) {
                continue;
            }
            let sure = match likeness(one, other) {
                Some((Strength::Copy, _)) => 100,
                Some((Strength::Strong, _)) => THRESHOLDS.confidence_strong_pct,
                // No link: both were merged with a third by the user's word.
                None => 100,
                Some((Strength::Weak, _)) => THRESHOLDS.confidence_weak_pct,
            };
            least = least.min(sure);
        }
    }
    least
}

#[cfg(test)]
mod tests;
