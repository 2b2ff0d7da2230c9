//! From links between pairs to sessions: complete linkage inside blocks of time, then the user.
//!
//! Complete linkage means that every two members of a group are linked with each other. Single
//! linkage would let a record that overlaps two back-to-back workouts join them into one. Copies of
//! one recording ([`super::recordings`]) and the pieces of a split one ([`super::split`]) are linked
//! as one record.
//!
//! The best link is served first. A link that is skipped because a cross pair is not linked can
//! never fit later, since groups only grow; so one pass over the sorted links is the whole answer,
//! and the sort (strength, score, ids) makes it the same for every order of the input.

use super::Activity;
use super::clusters::{Clusters, Pair};
use super::evidence::Found;
use super::hidden::{self, reach};
use super::matching::{Likeness, Strength, THRESHOLDS, by_numbers, likeness};
use super::recordings::Recordings;
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
    let is_split = |one: usize, other: usize| splits(&order, &words, one, other);
    let recordings = Recordings::of(&order, is_split);
    let sides = split::sides(&order, &recordings, |one, other| words.is_split(one, other));
    let mut clusters = link_all(&order, &recordings, &sides, is_split);
    take_in(&mut clusters, &order, &recordings, &sides, is_split);
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
        recordings: &recordings,
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

/// Complete linkage over recordings and sides. Positions of the order.
fn link_all(
    order: &[(usize, &Activity)],
    recordings: &Recordings,
    sides: &[Side],
    is_split: impl Fn(usize, usize) -> bool,
) -> Clusters {
    let together: Vec<Option<Activity>> = sides
        .iter()
        .map(|side| split::together(&split::at(order, &side.parts)))
        .collect();
    let units = units(order, recordings, sides, &together);
    let bonds = bonds(&units, sides);
    let forbidden = |one: &Unit<'_>, other: &Unit<'_>| {
        let mut pairs = one
            .records
            .iter()
            .flat_map(|a| other.records.iter().map(move |b| (*a, *b)));
        pairs.any(|(a, b)| is_split(a, b))
    };
    let mut united = Clusters::alone(units.len());
    for link in links(&units, &bonds) {
        united.join_if(link.pair, |one, other| {
            let pair = units.get(one).zip(units.get(other));
            pair.is_some_and(|(ours, theirs)| {
                let linked = bonds.contains(&(one, other)) || ours.likeness(theirs).is_some();
                linked && !forbidden(ours, theirs)
            })
        });
    }
    let mut clusters = Clusters::alone(order.len());
    for members in united.into_parts() {
        let units = members.iter().filter_map(|unit| units.get(*unit));
        let records: Vec<usize> = units
            .flat_map(|unit| unit.records.iter().copied())
            .collect();
        if let Some((first, rest)) = records.split_first() {
            for other in rest {
                clusters.join_if((*first, *other), |_, _| true);
            }
        }
    }
    clusters
}

/// What is linked as one: a recording with its copies, or the pieces of a side as one record.
struct Unit<'a> {
    /// Each of them may agree with another unit.
    tellers: Vec<&'a Activity>,
    records: Vec<usize>,
    span: Span,
}

impl<'a> Unit<'a> {
    fn new(tellers: Vec<&'a Activity>, records: Vec<usize>) -> Option<Self> {
        let span = tellers
            .iter()
            .map(|teller| teller.span)
            .reduce(Span::hull)?;
        Some(Self {
            tellers,
            records,
            span,
        })
    }

    /// The best of any two tellers. What could be one recording is one already.
    fn likeness(&self, other: &Self) -> Option<Likeness> {
        let pairs = self.tellers.iter().flat_map(|ours| {
            let theirs = other.tellers.iter();
            theirs.filter_map(|theirs| by_numbers(ours, theirs))
        });
        pairs.max()
    }
}

/// By start, then first record.
fn units<'a>(
    order: &[(usize, &'a Activity)],
    recordings: &Recordings,
    sides: &[Side],
    together: &'a [Option<Activity>],
) -> Vec<Unit<'a>> {
    let of_side = |(side, together): (&Side, &'a Option<Activity>)| {
        let copies = side
            .parts
            .iter()
            .flat_map(|part| recordings.copies_of(*part));
        Unit::new(together.iter().collect(), copies.copied().collect())
    };
    let is_part = |copies: &Vec<usize>| {
        let is_of = |side: &Side| side.parts.iter().any(|part| copies.contains(part));
        sides.iter().any(is_of)
    };
    let singles = recordings.copies.iter().filter(|copies| !is_part(copies));
    let of_copies = |copies: &Vec<usize>| Unit::new(split::at(order, copies), copies.clone());
    let mut units: Vec<Unit<'a>> = sides
        .iter()
        .zip(together)
        .filter_map(of_side)
        .chain(singles.filter_map(of_copies))
        .collect();
    units.sort_by(|one, other| (one.span, &one.records).cmp(&(other.span, &other.records)));
    units
}

/// Units that are one workout by the rule of splits.
fn bonds(units: &[Unit<'_>], sides: &[Side]) -> Vec<Pair> {
    let unit_of = |record: &usize| units.iter().position(|unit| unit.records.contains(record));
    let bond = |side: &Side| -> Vec<Pair> {
        let parts = side.parts.first().and_then(unit_of);
        let wholes = side.wholes.iter().filter_map(unit_of);
        wholes
            .filter_map(|whole| parts.map(|parts| (parts.min(whole), parts.max(whole))))
            .collect()
    };
    sides.iter().flat_map(bond).collect()
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

/// All links, the best first. Units are in order of their start, so the inner walk ends where
/// nothing overlaps any more.
fn links(units: &[Unit<'_>], bonds: &[Pair]) -> Vec<Link> {
    let mut found = Vec::new();
    for (first, one) in units.iter().enumerate() {
        for (second, other) in units.iter().enumerate().skip(first.saturating_add(1)) {
            // Records of no length touch where they are the same.
            if other.span.start() > one.span.end() {
                break;
            }
            let pair = (first, second);
            let bond = bonds.contains(&pair).then_some(SPLIT);
            let likeness = bond.max(one.likeness(other));
            found.extend(likeness.map(|likeness| Link { likeness, pair }));
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

/// What tells of single pieces goes where the pieces went: a whole tells nothing of them.
fn take_in(
    clusters: &mut Clusters,
    order: &[(usize, &Activity)],
    recordings: &Recordings,
    sides: &[Side],
    is_split: impl Fn(usize, usize) -> bool,
) {
    let is_side = |position: usize| {
        let original = recordings.original(position);
        let holds = |side: &Side| side.parts.contains(&original) || side.wholes.contains(&original);
        sides.iter().any(holds)
    };
    let mut wanted: Vec<(Strength, u32, Pair)> = Vec::new();
    let parts = sides.iter().flat_map(|side| &side.parts);
    for piece in parts.flat_map(|part| recordings.copies_of(*part)) {
        for position in 0..order.len() {
            let pair = ((*piece).min(position), (*piece).max(position));
            if let Some(found) = pair_of(order, pair.0, pair.1)
                && !is_side(position)
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
                let is_part = |at: &usize| {
                    let original = recordings.original(*at);
                    sides.iter().any(|side| side.parts.contains(&original))
                };
                members.iter().any(is_part)
            })
        };
        if holds_side(pair.0) && holds_side(pair.1) {
            continue;
        }
        clusters.join_if(pair, |one, other| !is_split(one, other));
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
