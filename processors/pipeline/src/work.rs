//! The working set of one `process` call: what was loaded, what was changed, what is to be said.
//!
//! It is an overlay: loaded buckets are borrowed, and copied only when they change. Nothing leaves
//! but through [`Work::into_effects`].

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use schemas::AvroRecord;
use schemas::codec::{self, RecordView};
use schemas::record::Micros;
use schemas::record::state::{AthleteHead, SessionState};
use stream_log::{
    BucketId, Buckets, Bytes, CounterChange, Effects, Header, Key, LogTime, Offset, Partition,
    Record, TimerChange, Topic,
};

use crate::beliefs::Beliefs;
use crate::bucket::{Bucket, Day, Kept, Kind, Shard, day_id, shard_id};
use crate::dirty::Dirty;
use crate::rules::Rules;
use crate::settings::Settings;

/// Stands for the rules of a state that more than one version had a part in: stale for all of them.
const MIXED_RULES: &str = "mixed";

/// Headers of a fact.
const HEADERS: usize = 5;

pub(crate) struct Work<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) key: &'a Key,
    pub(crate) tenant: &'a str,
    pub(crate) athlete: &'a str,
    pub(crate) now: Micros,
    pub(crate) head: AthleteHead,
    pub(crate) dirty: Dirty,
    /// The `cause` header: the input that made something change.
    cause: Option<Bytes>,
    /// The `ce_time` header.
    time: Bytes,
    settings: OnceCell<Arc<Settings>>,
    beliefs: OnceCell<Rc<Beliefs>>,
    /// Borrowed as they were loaded, and owned once they changed.
    days: BTreeMap<i32, Cow<'a, Day>>,
    shards: BTreeMap<BucketId, Cow<'a, Shard>>,
    records: Vec<Record>,
    /// By source, then by what is counted.
    counters: BTreeMap<String, BTreeMap<String, i64>>,
    timers: BTreeMap<Vec<u8>, TimerChange>,
}

impl<'a> Work<'a> {
    pub(crate) fn new(
        rules: &'a Rules,
        key: &'a Key,
        now: LogTime,
        head: &AthleteHead,
        loaded: &'a Buckets<Bucket>,
    ) -> Self {
        let (tenant, athlete) = key
            .as_str()
            .split_once('/')
            .unwrap_or(("default", key.as_str()));
        let mut head = head.clone();
        head.logical_time = head.logical_time.max(Micros(now.0));
        let time = head.logical_time.0.to_string().into();
        let (mut days, mut shards) = (BTreeMap::new(), BTreeMap::new());
        for (id, bucket) in loaded {
            match bucket {
                Bucket::Day(day) => drop(days.insert(id.0, Cow::Borrowed(day))),
                Bucket::Index(index) => drop(shards.insert(*id, Cow::Borrowed(index))),
            }
        }
        Self {
            rules,
            key,
            tenant,
            athlete,
            now: head.logical_time,
            head,
            dirty: Dirty::default(),
            cause: None,
            time,
            settings: OnceCell::new(),
            beliefs: OnceCell::new(),
            days,
            shards,
            records: Vec::new(),
            counters: BTreeMap::new(),
            timers: BTreeMap::new(),
        }
    }

    /// What the athlete said about themself, folded once.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        let fold = || Arc::new(Settings::of(&self.head));
        Arc::clone(self.settings.get_or_init(fold))
    }

    /// The athlete said something else about themself.
    pub(crate) fn forget_settings(&mut self) {
        self.settings.take();
    }

    /// How the athlete sweats, by the evidence in the head.
    pub(crate) fn beliefs(&self) -> Rc<Beliefs> {
        let beliefs = || Rc::new(Beliefs::of(&self.head));
        Rc::clone(self.beliefs.get_or_init(beliefs))
    }

    /// The evidence in the head is another one.
    pub(crate) fn forget_beliefs(&mut self) {
        self.beliefs.take();
    }

    pub(crate) fn day(&self, day: i32) -> Option<&Day> {
        self.days.get(&day).map(Cow::as_ref)
    }

    pub(crate) fn day_mut(&mut self, day: i32) -> &mut Day {
        self.days.entry(day).or_default().to_mut()
    }

    /// Buckets that are loaded or were made now, by day.
    pub(crate) fn days(&self) -> impl Iterator<Item = (i32, &Day)> {
        self.days.iter().map(|(day, bucket)| (*day, &**bucket))
    }

    /// Every observation at hand, by day, then id.
    pub(crate) fn observations(&self) -> impl Iterator<Item = &Kept> {
        self.days().flat_map(|(_, bucket)| &bucket.observations)
    }

    /// Those of some kinds, in the same order. None of the others is read.
    pub(crate) fn observations_of(&self, kinds: &'static [Kind]) -> impl Iterator<Item = &Kept> {
        self.observations()
            .filter(move |kept| kinds.contains(&kept.kind()))
    }

    /// Every session at hand, live or retracted, by day, then start.
    pub(crate) fn sessions(&self) -> impl Iterator<Item = &SessionState> {
        self.days()
            .flat_map(|(_, bucket)| bucket.sessions.iter().map(Arc::as_ref))
    }

    /// Sessions to keep while the work goes on.
    pub(crate) fn shared_sessions(&self) -> impl Iterator<Item = &Arc<SessionState>> {
        self.days().flat_map(|(_, bucket)| &bucket.sessions)
    }

    pub(crate) fn shard(&self, shard: u16) -> Option<&Shard> {
        self.shards.get(&shard_id(shard)).map(Cow::as_ref)
    }

    pub(crate) fn shard_mut(&mut self, shard: u16) -> &mut Shard {
        self.shards.entry(shard_id(shard)).or_default().to_mut()
    }

    pub(crate) fn changed_days(&self) -> Vec<i32> {
        let is_changed = |bucket| matches!(bucket, &Cow::Owned(_));
        let changed = self.days.iter().filter(|(_, bucket)| is_changed(*bucket));
        changed.map(|(day, _)| *day).collect()
    }

    pub(crate) fn count(&mut self, source: &str, what: &str, by: i64) {
        let known = self.counters.get_mut(source);
        match known.and_then(|counts| counts.get_mut(what)) {
            Some(count) => *count += by,
            None => {
                let counts = self.counters.entry(source.to_owned()).or_default();
                counts.insert(what.to_owned(), by);
            }
        }
    }

    pub(crate) fn set_timer(&mut self, id: Vec<u8>, due: Micros) {
        self.timers.insert(
            id.clone(),
            TimerChange::Set {
                id,
                due: LogTime(due.0),
            },
        );
    }

    pub(crate) fn clear_timer(&mut self, id: Vec<u8>) {
        self.timers.insert(id.clone(), TimerChange::Clear { id });
    }

    /// When an observation is told of: each fact is later than the one before it, also where logical
    /// time stands still between two of them.
    pub(crate) fn telling(&mut self) -> Micros {
        let next = |told: Micros| Micros(told.0.saturating_add(1));
        let at = self
            .head
            .told_at
            .map_or(self.now, |told| self.now.max(next(told)));
        self.head.told_at = Some(at);
        at
    }

    /// Publish a fact: framed, with the headers that a reader routes by.
    pub(crate) fn emit<V: RecordView>(&mut self, topic: &'static str, fact_id: &str, fact: &V) {
        let value = codec::encode_view(fact);
        self.put(topic, V::Record::NAME, fact_id, value);
    }

    fn put(&mut self, topic: &'static str, name: &'static str, fact_id: &str, value: Vec<u8>) {
        let mut headers = Vec::with_capacity(HEADERS);
        headers.push(header("ce_id", Bytes::copy_from_slice(fact_id.as_bytes())));
        headers.push(header("ce_type", name.into()));
        headers.push(header("ce_source", "sudor".into()));
        headers.push(header("ce_time", self.time.clone()));
        headers.extend(self.cause.clone().map(|cause| header("cause", cause)));
        self.records.push(Record {
            topic: Topic(topic),
            key: self.key.clone(),
            received_at: LogTime(self.now.0),
            headers,
            value,
        });
    }

    /// From now on facts name this input as what made them.
    pub(crate) fn caused_by(&mut self, topic: Topic, partition: Partition, offset: Offset) {
        let text = format!("{}/{}/{}", topic.0, partition.0, offset.0);
        self.cause = Some(text.into());
    }

    pub(crate) fn into_effects(mut self) -> Effects<AthleteHead, Bucket> {
        let mut buckets: BTreeMap<BucketId, Option<Bucket>> = BTreeMap::new();
        for (day, bucket) in self.days {
            let Cow::Owned(bucket) = bucket else { continue };
            let empty = bucket == Day::default();
            match self.head.days.binary_search(&day) {
                Ok(at) if empty => drop(self.head.days.remove(at)),
                Err(at) if !empty => self.head.days.insert(at, day),
                _ => {}
            }
            buckets.insert(day_id(day), (!empty).then_some(Bucket::Day(bucket)));
        }
        for (shard, index) in self.shards {
            if let Cow::Owned(index) = index {
                buckets.insert(shard, Some(Bucket::Index(index)));
            }
        }
        // What other rules derived is not ours until all of it is derived again, and no longer theirs.
        if self.head.rules_id.is_empty() {
            self.head.rules_id.clone_from(&self.rules.id);
        } else if self.head.rules_id != self.rules.id {
            MIXED_RULES.clone_into(&mut self.head.rules_id);
        }
        Effects {
            emit: self.records,
            head: Some(self.head),
            buckets,
            timers: self.timers.into_values().collect(),
            counters: self
                .counters
                .into_iter()
                .flat_map(|(source, counts)| {
                    let changes = counts.into_iter().filter(|(_, by)| *by != 0);
                    changes.map(move |(what, by)| CounterChange {
                        name: format!("{source}.{what}"),
                        by,
                    })
                })
                .collect(),
        }
    }
}

fn header(name: &'static str, value: Bytes) -> Header {
    Header { name, value }
}
