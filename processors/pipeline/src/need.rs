//! Which buckets a batch needs, asked in rounds until the affected block closes.
//!
//! Day buckets that do not exist are never asked for: the head lists those that do. The reach of two
//! days around a block is the longest recording plus the widest time zone.

use std::collections::BTreeSet;

use schemas::record::state::{AthleteHead, OverrideState};
use stream_log::{BucketId, BucketNeed, Buckets, Stamped, Timer};

use crate::advise;
use crate::apply::id_print;
use crate::bucket::{Bucket, DAY_US, Kept, Kind, List, day_id, day_of, shard_id};
use crate::dirty::{Reach, any_touches, close};
use crate::identity::DraftNames;
use crate::normalize::{Body, Draft, HOUR_US};
use crate::observation;
use crate::processor::{Input, RawItem, TimerId};
use crate::sweat_tests::{self, REACH_US};

/// Days read on both sides of a block.
const NEIGHBOUR_DAYS: i32 = 2;
/// The widest slack of any grouping rule: fragments of a night may be two hours apart.
const SLACK_US: i64 = 2 * HOUR_US;

pub(crate) fn need(
    head: &AthleteHead,
    inputs: &[Stamped<Input>],
    due: &[Timer],
    loaded: &Buckets<Bucket>,
) -> BucketNeed {
    let mut wanted = Wanted {
        head,
        loaded,
        ids: BTreeSet::new(),
        spans: Vec::new(),
        tests: Vec::new(),
    };
    for stamped in inputs {
        let Input::Raw(item) = &stamped.input else {
            continue;
        };
        if wanted.item(item) {
            return BucketNeed::All;
        }
    }
    for timer in due {
        if let Some(TimerId::Day(day) | TimerId::Weather(day)) = TimerId::decode(&timer.id) {
            wanted.spans.push(whole_day(day));
        }
    }
    wanted.close()
}

fn whole_day(day: i32) -> Reach {
    let start = i64::from(day).saturating_mul(DAY_US);
    (start, start.saturating_add(DAY_US - 1))
}

/// The kind of an app event that reports a symptom.
const SYMPTOM: &str = "symptom";

struct Wanted<'a> {
    head: &'a AthleteHead,
    loaded: &'a Buckets<Bucket>,
    ids: BTreeSet<BucketId>,
    spans: Vec<Reach>,
    /// Spans that may change sweat evidence, whatever else they are.
    tests: Vec<Reach>,
}

impl Wanted<'_> {
    /// Whether the item needs every bucket of the athlete.
    fn item(&mut self, item: &RawItem) -> bool {
        self.ids.insert(shard_id(item.names.shard));
        for (draft, names) in item.outcome.drafts().iter().zip(&item.names.drafts) {
            match &draft.body {
                Body::AccountClosed
                | Body::Profile(_)
                | Body::LinkOverride(_)
                | Body::Symptom(_) => {
                    if !self.head.days.is_empty() {
                        return true;
                    }
                }
                // A hold is a matter of all reports, also of one that is taken back.
                Body::Deletion if item.raw.kind == SYMPTOM && !self.head.days.is_empty() => {
                    return true;
                }
                _ => self.draft(draft, names),
            }
        }
        false
    }

    fn draft(&mut self, draft: &Draft, names: &DraftNames) {
        self.ids.insert(shard_id(names.shard));
        let mut reaches: Vec<Reach> = Vec::new();
        if let Some((start, end)) = draft.body.span() {
            reaches.push((start.0, end.0));
        }
        if let Body::Activity(body) = &draft.body {
            reaches.extend(observation::hidden_day(body));
        }
        for (print, day) in self.known(draft, names) {
            self.ids.insert(day_id(day));
            let mut known = self.observations(day).iter();
            let before = known.find(|kept| kept.print() == print);
            reaches.extend(before.and_then(Kept::reach));
            // A reading that moves or goes leaves its time to the one before.
            let mass = before.filter(|kept| kept.kind() == Kind::BodyMass);
            let mass = mass.and_then(|kept| observation::current(kept)?.body_mass.as_deref());
            if let Some(mass) = mass {
                let reach = observation::mass_reach(&self.head.masses, mass.at);
                self.spans.push(reach);
            }
        }
        match &draft.body {
            Body::BodyMass(body) => self
                .spans
                .push(observation::mass_reach(&self.head.masses, body.at)),
            Body::WeighIn(_) | Body::Scan(_) | Body::Deletion | Body::DatedDeletion => {
                self.tests.extend(reaches.iter().copied());
            }
            Body::Plan(_) => {
                let near = reaches.iter().copied().map(observation::plan_reach);
                self.spans.extend(near);
            }
            _ => {}
        }
        self.spans.extend(reaches);
    }

    /// What is there of it, and of what it may replace or take back: first halves of ids, and days.
    fn known(&mut self, draft: &Draft, names: &DraftNames) -> Vec<(i64, i32)> {
        let mut known = Vec::new();
        if let Some(Bucket::Index(index)) = self.loaded.get(&shard_id(names.shard)) {
            let print = id_print(&names.id);
            let day = index.get(List::Known, print);
            let day = day.and_then(|day| i32::try_from(day).ok());
            known.extend(day.map(|day| (print, day)));
            if matches!(draft.body, Body::Naps(_)) {
                known.extend(observation::naps_told(index, names));
            }
        }
        if let Some(name) = names.replaces {
            self.ids.insert(shard_id(name.shard));
            if let Some(Bucket::Index(index)) = self.loaded.get(&shard_id(name.shard)) {
                known.extend(observation::called(index, &name));
            }
        }
        known
    }

    fn observations(&self, day: i32) -> &[Kept] {
        match self.loaded.get(&day_id(day)) {
            Some(Bucket::Day(bucket)) => &bucket.observations,
            _ => &[],
        }
    }

    /// What the inputs are about, with all that may share a group with it.
    fn block(&self, items: &[Reach]) -> Vec<Reach> {
        let mut block = close(&self.spans, items, SLACK_US);
        let mut words: Vec<&OverrideState> = observation::overrides(self.head).collect();
        loop {
            let before = words.len();
            let mut named: Vec<Reach> = Vec::new();
            words.retain(|word| {
                let days: Vec<Reach> = word.days.iter().copied().map(whole_day).collect();
                let touches = days.iter().any(|day| any_touches(&block, *day, SLACK_US));
                if touches {
                    named.extend(days);
                }
                !touches
            });
            if words.len() == before {
                return block;
            }
            named.extend(block);
            block = close(&named, items, SLACK_US);
        }
    }

    fn close(mut self) -> BucketNeed {
        let mut items: Vec<Reach> = Vec::new();
        let mut weigh_ins: Vec<Reach> = self
            .head
            .evidence
            .iter()
            .map(|test| (test.at.0, test.at.0))
            .collect();
        for bucket in self.loaded.values() {
            let Bucket::Day(bucket) = bucket else {
                continue;
            };
            for kept in &bucket.observations {
                let Some(reach) = kept.reach() else {
                    continue;
                };
                match kept.kind() {
                    Kind::Activity | Kind::Sleep => items.push(reach),
                    Kind::WeighIn | Kind::Scan => weigh_ins.push(reach),
                    _ => {}
                }
            }
        }
        let block = self.block(&items);
        // A session near a sweat test may gain or lose that test: all later losses may change.
        let mut tests = std::mem::take(&mut self.tests);
        tests.extend(
            block
                .iter()
                .copied()
                .filter(|span| any_touches(&weigh_ins, *span, REACH_US)),
        );
        let later = tests.iter().map(|(start, _)| (*start, i64::MAX)).min();
        let stale: Vec<Reach> = block.into_iter().chain(later).collect();
        let more: Vec<BucketId> = self.looked_at(&stale);
        self.ids.extend(more);
        for (start, end) in stale {
            let from = day_of(start).saturating_sub(NEIGHBOUR_DAYS);
            let until = if end == i64::MAX {
                i32::MAX
            } else {
                day_of(end).saturating_add(NEIGHBOUR_DAYS)
            };
            let from = if start == i64::MIN { i32::MIN } else { from };
            let days = self
                .head
                .days
                .iter()
                .filter(|day| **day >= from && **day <= until);
            self.ids.extend(days.map(|day| day_id(*day)));
        }
        BucketNeed::These(self.ids)
    }

    /// Days that hold what is compared with what is at hand: the sessions that a test may be about, and the
    /// workouts around one of which advice is worked out again.
    fn looked_at(&self, stale: &[Reach]) -> Vec<BucketId> {
        let mut spans: Vec<Reach> = Vec::new();
        let advised = |workout: Reach| {
            let is_stale = any_touches(stale, advise::hangs_on(workout), 0);
            is_stale.then(|| advise::looks_at(workout))
        };
        for bucket in self.loaded.values() {
            let Bucket::Day(bucket) = bucket else {
                continue;
            };
            let sessions = bucket.sessions.iter();
            spans.extend(sessions.filter_map(|state| advised((state.start.0, state.end.0))));
            for kept in &bucket.observations {
                let Some((start, end)) = kept.reach() else {
                    continue;
                };
                match kept.kind() {
                    Kind::WeighIn | Kind::Scan => {
                        let near = any_touches(stale, (start, end), REACH_US);
                        spans.extend(near.then(|| sweat_tests::looks_at((start, end))));
                    }
                    Kind::Plan => spans.extend(advised((start, end))),
                    _ => {}
                }
            }
        }
        // Each of them a few times; days are many.
        let spans = close(&spans, &[], DAY_US);
        let is_in = |day: &&i32| any_touches(&spans, whole_day(**day), 0);
        let days = self.head.days.iter().filter(is_in);
        days.map(|day| day_id(*day)).collect()
    }
}
