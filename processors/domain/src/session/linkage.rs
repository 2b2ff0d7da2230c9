//! From links between pairs to sessions: complete linkage inside blocks of time, then the user.
//!
//! Complete linkage means that every two members of a group are linked with each other. Single
//! linkage would let a record that overlaps two back-to-back workouts join them into one. The pieces
//! of a split recording are one side ([`super::split`]) and are linked as one record.
//!
//! The best link is served first. A link that is skipped because a cross pair is not linked can
//! never fit later, since groups only grow; so one pass over the sorted links is the whole answer,
//! and the sort (strength, score, ids) makes it the same for every order of the input.

use super::Activity;
use super::clusters::{Clusters, Pair};
use super::evidence::Found;
use super::hidden::{self, reach};
use super::matching::{Likeness, Strength, THRESHOLDS, likeness};
use super::split::{self, Side};
use super::suspects::candidates;
use super::words::{Override, Words};
use crate::time::Span;

/// Records of one workout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Indices into the slice given, by start, then id.
    pub members: Vec<usize>,
    /// 100 for a single record, less where a link is only probable.
    pub confidence_pct: u8,
    /// What holds the members together: a tree, one tie for each member but the first.
    pub ties: Vec<Tie>,
    /// Groups (indices into the answer) that may be the same workout; never joined by themselves.
    pub candidates: Vec<Candidate>,
}

/// The best evidence for one member, with another that is tied already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tie {
    /// Indices into the slice given.
    pub member: usize,
    pub with: usize,
    pub rule: &'static str,
    /// In thousandths; 0 where numbers are not what speaks for it.
    pub score: u32,
}

/// A pair of groups that a rule suspects to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    pub group: usize,
    pub rule: &'static str,
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
    if let ([_], []) = (activities, overrides) {
        return vec![Group::alone(0)];
    }
    let order: Vec<(usize, &Activity)> = sorted(activities);
    let words = Words::of(activities, overrides);
    let sides = split::sides(&order, |one, other| words.is_split(one, other));
    let mut clusters = link_all(&order, &sides, &words);
    take_in(&mut clusters, &order, &sides, &words);
    obey(&mut clusters, &order, &words);
    let placed = hidden::place(&order, &clusters.members, |one, other| {
        words.is_split(one, other)
    });
    for pair in &placed.joins {
        clusters.join_if(*pair, |_, _| true);
    }
    let parts = clusters.into_parts();
    let suspected = candidates(&parts, &placed.suspects, &order, &words);
    let found = Found {
        order: &order,
        words: &words,
        sides: &sides,
        hidden: &placed.joins,
    };
    parts
        .into_iter()
        .zip(suspected)
        .map(|(positions, candidates)| found.group(&positions, candidates))
        .collect()
}

/// For each group that holds a multisport whole, the groups that are its legs, by start: those that
/// name it, else those that lie in it, because not every source knows of the other legs.
pub fn legs(groups: &[Group], activities: &[Activity]) -> Vec<Vec<usize>> {
    let members = |group: &Group| -> Vec<&Activity> {
        group
            .members
            .iter()
            .filter_map(|index| activities.get(*index))
            .collect()
    };
    let told: Vec<Vec<&Activity>> = groups.iter().map(members).collect();
    let legs_of = |wholes: &Vec<&Activity>| -> Vec<usize> {
        if !wholes.iter().any(|whole| whole.is_container()) {
            return Vec::new();
        }
        let those = |is_leg: &dyn Fn(&Activity) -> bool| -> Vec<usize> {
            (0..)
                .zip(&told)
                .filter(|(_, parts)| parts.iter().any(|part| is_leg(part)))
                .map(|(index, _)| index)
                .collect()
        };
        let named = those(&|part| wholes.iter().any(|whole| names(part, whole)));
        if named.is_empty() {
            those(&|part| wholes.iter().any(|whole| lies_in(part, whole)))
        } else {
            named
        }
    };
    told.iter().map(legs_of).collect()
}

fn names(leg: &Activity, whole: &Activity) -> bool {
    whole.is_container()
        && leg.parent == Some(whole.provider)
        && leg.source == whole.source
        && leg.account == whole.account
}

fn lies_in(leg: &Activity, whole: &Activity) -> bool {
    let inside = leg.span.overlap_us(whole.span).saturating_mul(10);
    let enough = leg.span.length_us().saturating_mul(9);
    // A session of the whole itself is no leg of it.
    let shorter =
        leg.span.length_us().saturating_mul(10) < whole.span.length_us().saturating_mul(9);
    let holds_whole = leg.is_container() || leg.hidden_start;
    whole.is_container() && !holds_whole && shorter && inside > 0 && inside >= enough
}

fn sorted(activities: &[Activity]) -> Vec<(usize, &Activity)> {
    let mut order: Vec<(usize, &Activity)> = activities.iter().enumerate().collect();
    order.sort_unstable_by_key(|(index, activity)| (activity.span, activity.id, *index));
    order
}

struct Link {
    likeness: Likeness,
    pair: Pair,
}

/// Complete linkage over records, where the pieces of a side are one record. Positions of the order.
fn link_all(order: &[(usize, &Activity)], sides: &[Side], words: &Words) -> Clusters {
    let mut clusters = Clusters::alone(order.len());
    if sides.is_empty() {
        let is_split = |one: usize, other: usize| splits(order, words, one, other);
        for link in links(order, &[], is_split) {
            clusters.join_if(link.pair, |one, other| {
                !is_split(one, other) && pair_of(order, one, other).is_some()
            });
        }
        return clusters;
    }
    let items = Items::of(order, sides);
    let units = items.order();
    let is_split = |one: usize, other: usize| {
        let pairs = items.records(one).iter().flat_map(|a| {
            let theirs = items.records(other).iter();
            theirs.map(move |b| (*a, *b))
        });
        pairs.into_iter().any(|(a, b)| splits(order, words, a, b))
    };
    let mut united = Clusters::alone(units.len());
    for link in links(&units, &items.bonds, is_split) {
        united.join_if(link.pair, |one, other| {
            let bond = items.bonds.contains(&(one, other));
            !is_split(one, other) && (bond || pair_of(&units, one, other).is_some())
        });
    }
    for members in united.into_parts() {
        let records: Vec<usize> = members
            .iter()
            .flat_map(|unit| items.records(*unit).iter().copied())
            .collect();
        if let Some((first, rest)) = records.split_first() {
            for other in rest {
                clusters.join_if((*first, *other), |_, _| true);
            }
        }
    }
    clusters
}

/// Records and sides as units of linkage, by start, then id.
struct Items {
    /// Each with the positions of its records.
    units: Vec<(Activity, Vec<usize>)>,
    /// Units that are one workout by the rule of splits.
    bonds: Vec<Pair>,
}

impl Items {
    fn of(order: &[(usize, &Activity)], sides: &[Side]) -> Self {
        let mut units: Vec<(Activity, Vec<usize>)> = Vec::with_capacity(order.len());
        for side in sides {
            let parts: Vec<&Activity> = side
                .parts
                .iter()
                .filter_map(|part| order.get(*part).map(|(_, activity)| *activity))
                .collect();
            units.extend(split::together(&parts).map(|side_of| (side_of, side.parts.clone())));
        }
        let is_part = |position: &usize| sides.iter().any(|side| side.parts.contains(position));
        let singles = order.iter().enumerate().filter(|(at, _)| !is_part(at));
        units.extend(singles.map(|(at, (_, activity))| ((*activity).clone(), vec![at])));
        units.sort_by_key(|unit| (unit.0.span, unit.0.id));
        let unit_of = |position: usize| {
            units
                .iter()
                .position(|(_, records)| records.contains(&position))
        };
        let bond = |side: &Side| -> Vec<Pair> {
            let parts = side.parts.first().and_then(|first| unit_of(*first));
            let wholes = side.wholes.iter().filter_map(|whole| unit_of(*whole));
            wholes
                .filter_map(|whole| parts.map(|parts| (parts.min(whole), parts.max(whole))))
                .collect()
        };
        let bonds = sides.iter().flat_map(bond).collect();
        Self { units, bonds }
    }

    fn order(&self) -> Vec<(usize, &Activity)> {
        let units = self.units.iter().enumerate();
        units
            .map(|(index, (activity, _))| (index, activity))
            .collect()
    }

    fn records(&self, unit: usize) -> &[usize] {
        self.units
            .get(unit)
            .map(|(_, records)| records.as_slice())
            .unwrap_or_default()
    }
}

pub(super) fn pair_of(order: &[(usize, &Activity)], one: usize, other: usize) -> Option<Likeness> {
    likeness(order.get(one)?.1, order.get(other)?.1)
}

fn splits(order: &[(usize, &Activity)], words: &Words, one: usize, other: usize) -> bool {
    match (order.get(one), order.get(other)) {
        (Some((_, one)), Some((_, other))) => words.is_split(one, other),
        _ => false,
    }
}

/// All links that no user forbade, the best first. Records are in order of their start, so the inner
/// walk ends where neither rules of starts nor overlap can reach.
fn links(
    order: &[(usize, &Activity)],
    bonds: &[Pair],
    is_split: impl Fn(usize, usize) -> bool,
) -> Vec<Link> {
    let mut found = Vec::new();
    for (first, (_, one)) in order.iter().enumerate() {
        for (second, (_, other)) in order.iter().enumerate().skip(first.saturating_add(1)) {
            let start = other.span.start();
            let near = one.span.start().within(start, THRESHOLDS.weak_start_s);
            if !near && start > one.span.end() {
                break;
            }
            let pair = (first, second);
            let bond = bonds.contains(&pair).then_some(SPLIT);
            let likeness = bond.max(likeness(one, other));
            if let Some(likeness) = likeness
                && !is_split(first, second)
            {
                found.push(Link { likeness, pair });
            }
        }
    }
    let rank = |link: &Link| (link.likeness.strength, link.likeness.score);
    found
        .sort_unstable_by(|one, other| rank(other).cmp(&rank(one)).then(one.pair.cmp(&other.pair)));
    found
}

/// The link of a side with its whole.
pub(super) const SPLIT: Likeness = Likeness {
    strength: Strength::Strong,
    score: 0,
    rule: "split",
};

/// Copies of single pieces go where the pieces went: a whole tells nothing of them.
fn take_in(clusters: &mut Clusters, order: &[(usize, &Activity)], sides: &[Side], words: &Words) {
    let mut wanted: Vec<(Strength, u32, Pair)> = Vec::new();
    for piece in sides.iter().flat_map(|side| &side.parts) {
        for position in 0..order.len() {
            let is_side = sides
                .iter()
                .any(|side| side.parts.contains(&position) || side.wholes.contains(&position));
            let pair = ((*piece).min(position), (*piece).max(position));
            if let Some(found) = pair_of(order, pair.0, pair.1)
                && !is_side
            {
                wanted.push((found.strength, found.score, pair));
            }
        }
    }
    wanted.sort_unstable_by(|one, other| {
        (other.0, other.1)
            .cmp(&(one.0, one.1))
            .then(one.2.cmp(&other.2))
    });
    for (_, _, pair) in wanted {
        let holds_side = |position: usize| {
            let mine = clusters
                .members
                .iter()
                .find(|members| members.contains(&position));
            mine.is_some_and(|members| {
                let is_part = |at: &usize| sides.iter().any(|side| side.parts.contains(at));
                members.iter().any(is_part)
            })
        };
        if holds_side(pair.0) && holds_side(pair.1) {
            continue;
        }
        clusters.join_if(pair, |one, other| !splits(order, words, one, other));
    }
}

/// Merges what users merged, the latest word first, as far as no ruling split stands between.
/// Copies come along, because they are already grouped with their originals.
fn obey(clusters: &mut Clusters, order: &[(usize, &Activity)], words: &Words) {
    for (one, other) in words.merges() {
        let position = |id| order.iter().position(|(_, activity)| activity.id == id);
        if let (Some(one), Some(other)) = (position(one), position(other)) {
            clusters.join_if((one, other), |a, b| !splits(order, words, a, b));
        }
    }
}

impl Group {
    fn alone(index: usize) -> Self {
        Self {
            members: vec![index],
            confidence_pct: 100,
            ties: Vec::new(),
            candidates: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
