//! B-cubed of one kind of thing: weights of groups, of events and of what they share.

use std::collections::BTreeMap;

use crate::score::{Bcubed, Pairs, ThingTold};
use crate::truth::{AthleteTruth, EventKind};

/// A group of the answer, or a record that is in none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Thing(usize),
    Alone(usize),
}

/// The records that a group and an event share.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    weight: f64,
    records: u64,
}

/// How one athlete's live records were grouped, beside how they belong.
pub(super) struct Grouping<'a> {
    things: Vec<&'a ThingTold>,
    groups: BTreeMap<Group, f64>,
    events: BTreeMap<&'a str, f64>,
    shared: BTreeMap<(Group, &'a str), Cell>,
    records: u64,
    alone: u64,
}

impl<'a> Grouping<'a> {
    pub(super) fn new(
        truth: &'a AthleteTruth,
        told: &'a [ThingTold],
        wanted: impl Fn(EventKind) -> bool,
    ) -> Self {
        let things: Vec<&ThingTold> = told.iter().filter(|thing| !thing.container).collect();
        let mut home: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for (index, thing) in things.iter().enumerate() {
            for (source, provider_id) in &thing.members {
                home.entry((source, provider_id)).or_insert(index);
            }
        }
        let kinds: BTreeMap<&str, EventKind> = truth
            .events
            .iter()
            .map(|event| (event.event_id.as_str(), event.kind))
            .collect();
        let mut made = Self {
            things,
            groups: BTreeMap::new(),
            events: BTreeMap::new(),
            shared: BTreeMap::new(),
            records: 0,
            alone: 0,
        };
        for (index, record) in truth.records.iter().enumerate() {
            let event = record.event_id.as_str();
            let counts = record.live && !record.container && !record.candidate;
            if !counts || !kinds.get(event).copied().is_some_and(&wanted) {
                continue;
            }
            let key = (record.source.as_str(), record.provider_id.as_str());
            let group = home
                .get(&key)
                .map_or(Group::Alone(index), |thing| Group::Thing(*thing));
            made.records += 1;
            made.alone += u64::from(matches!(group, Group::Alone(_)));
            *made.groups.entry(group).or_default() += record.weight;
            *made.events.entry(event).or_default() += record.weight;
            let cell = made.shared.entry((group, event)).or_default();
            cell.weight += record.weight;
            cell.records += 1;
        }
        made
    }

    pub(super) fn records(&self) -> u64 {
        self.records
    }

    pub(super) fn alone(&self) -> u64 {
        self.alone
    }

    /// Pairs of records that were put together, and those of them that tell of two events.
    pub(super) fn pairs(&self) -> Pairs {
        let two_of = |records: u64| records * records.saturating_sub(1) / 2;
        let mut sizes: BTreeMap<Group, u64> = BTreeMap::new();
        let mut right = 0;
        for ((group, _), cell) in &self.shared {
            *sizes.entry(*group).or_default() += cell.records;
            right += two_of(cell.records);
        }
        let merged = sizes.values().map(|records| two_of(*records)).sum();
        Pairs {
            merged,
            wrong: merged - right,
        }
    }

    /// Each thing with the event that most of its weight tells of, unless another thing holds more
    /// of that event.
    pub(super) fn matches(&self) -> Vec<(&'a ThingTold, &'a str)> {
        let mut best_event: BTreeMap<usize, (&'a str, f64)> = BTreeMap::new();
        for ((group, event), cell) in &self.shared {
            let Group::Thing(thing) = *group else {
                continue;
            };
            let best = best_event.entry(thing).or_insert((*event, cell.weight));
            if cell.weight > best.1 {
                *best = (*event, cell.weight);
            }
        }
        let mut best_thing: BTreeMap<&'a str, (usize, f64)> = BTreeMap::new();
        for (thing, (event, weight)) in best_event {
            let best = best_thing.entry(event).or_insert((thing, weight));
            if weight > best.1 {
                *best = (thing, weight);
            }
        }
        let pair = |(event, (thing, _)): (&'a str, (usize, f64))| {
            self.things.get(thing).map(|thing| (*thing, event))
        };
        best_thing.into_iter().filter_map(pair).collect()
    }
}

/// Weighted sums over athletes.
#[derive(Default)]
pub(super) struct Sums {
    records: u64,
    weight: f64,
    precision: f64,
    recall: f64,
}

impl Sums {
    /// Every record of a shared cell has the same parts, so a cell of weight w adds w²/group to
    /// precision and w²/event to recall.
    pub(super) fn add(&mut self, grouping: &Grouping<'_>, counts: impl Fn(&str) -> bool) {
        for ((group, event), cell) in &grouping.shared {
            if !counts(event) {
                continue;
            }
            let weight = cell.weight;
            let of_group = grouping.groups.get(group).copied().unwrap_or(weight);
            let of_event = grouping.events.get(event).copied().unwrap_or(weight);
            self.records += cell.records;
            self.weight += weight;
            self.precision += weight * weight / of_group;
            self.recall += weight * weight / of_event;
        }
    }

    pub(super) fn score(&self) -> Bcubed {
        if self.weight <= 0.0 {
            return Bcubed {
                precision: 1.0,
                recall: 1.0,
                f1: 1.0,
                records: self.records,
            };
        }
        let precision = self.precision / self.weight;
        let recall = self.recall / self.weight;
        Bcubed {
            precision,
            recall,
            f1: 2.0 * precision * recall / (precision + recall),
            records: self.records,
        }
    }
}
