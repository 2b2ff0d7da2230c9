//! The working set of one `process` call: what was loaded, what was changed, what is to be said.
//!
//! It is an overlay: loaded buckets are borrowed, and copied only when they change. Nothing leaves
//! but through [`Work::into_effects`].

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use schemas::AvroRecord;
use schemas::record::Micros;
use schemas::record::state::{AthleteHead, IndexShard, SessionState};
use stream_log::{
    BucketId, Buckets, CounterChange, Effects, Header, Key, LogTime, Offset, Partition, Record,
    TimerChange, Topic,
};

use crate::bucket::{Bucket, Day, Kept, Kind, day_id, shard_id};
use crate::dirty::Dirty;
use crate::rules::Rules;
use crate::settings::Settings;

/// Stands for the rules of a state that more than one version had a part in: stale for all of them.
const MIXED_RULES: &str = "mixed";

/// The input that made something change, for the `cause` header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cause {
    pub(crate) topic: Topic,
    pub(crate) partition: Partition,
    pub(crate) offset: Offset,
}

pub(crate) struct Work<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) key: &'a Key,
    pub(crate) tenant: &'a str,
    pub(crate) athlete: &'a str,
    pub(crate) now: Micros,
    pub(crate) head: AthleteHead,
    pub(crate) dirty: Dirty,
    pub(crate) cause: Option<Cause>,
    settings: OnceCell<Arc<Settings>>,
    loaded: &'a Buckets<Bucket>,
    days: BTreeMap<i32, Day>,
    shards: BTreeMap<u16, IndexShard>,
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
        Self {
            rules,
            key,
            tenant,
            athlete,
            now: head.logical_time,
            head,
            dirty: Dirty::default(),
            cause: None,
            settings: OnceCell::new(),
            loaded,
            days: BTreeMap::new(),
            shards: BTreeMap::new(),
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

    pub(crate) fn day(&self, day: i32) -> Option<&Day> {
        self.days
            .get(&day)
            .or_else(|| match self.loaded.get(&day_id(day)) {
                Some(Bucket::Day(bucket)) => Some(bucket),
                _ => None,
            })
    }

    pub(crate) fn day_mut(&mut self, day: i32) -> &mut Day {
        if !self.days.contains_key(&day) {
            let bucket = self.day(day).cloned().unwrap_or_default();
            self.days.insert(day, bucket);
        }
        self.days.entry(day).or_default()
    }

    /// Buckets that are loaded or were made now, by day.
    pub(crate) fn days(&self) -> impl Iterator<Item = (i32, &Day)> {
        let untouched = self.loaded.iter().filter_map(|(id, bucket)| match bucket {
            Bucket::Day(bucket) if !self.days.contains_key(&id.0) => Some((id.0, bucket)),
            Bucket::Day(_) | Bucket::Index(_) => None,
        });
        let mut days: Vec<(i32, &Day)> = untouched
            .chain(self.days.iter().map(|(day, bucket)| (*day, bucket)))
            .collect();
        days.sort_unstable_by_key(|(day, _)| *day);
        days.into_iter()
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

    pub(crate) fn shard(&self, shard: u16) -> Option<&IndexShard> {
        self.shards
            .get(&shard)
            .or_else(|| match self.loaded.get(&shard_id(shard)) {
                Some(Bucket::Index(index)) => Some(index),
                _ => None,
            })
    }

    pub(crate) fn shard_mut(&mut self, shard: u16) -> &mut IndexShard {
        if !self.shards.contains_key(&shard) {
            let index = self.shard(shard).cloned().unwrap_or_default();
            self.shards.insert(shard, index);
        }
        self.shards.entry(shard).or_default()
    }

    pub(crate) fn changed_days(&self) -> Vec<i32> {
        self.days.keys().copied().collect()
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

    /// Publish a fact: framed, with the headers that a reader routes by.
    pub(crate) fn emit<T: AvroRecord>(&mut self, topic: &'static str, fact_id: &str, fact: &T) {
        let mut headers = vec![
            header("ce_id", fact_id),
            header("ce_type", T::NAME),
            header("ce_source", "sudor"),
            header("ce_time", &self.now.0.to_string()),
        ];
        if let Some(cause) = self.cause {
            let text = format!("{}/{}/{}", cause.topic.0, cause.partition.0, cause.offset.0);
            headers.push(header("cause", &text));
        }
        self.records.push(Record {
            topic: Topic(topic),
            key: self.key.clone(),
            received_at: LogTime(self.now.0),
            headers,
            value: schemas::codec::encode(fact),
        });
    }

    pub(crate) fn into_effects(mut self) -> Effects<AthleteHead, Bucket> {
        let mut buckets: BTreeMap<BucketId, Option<Bucket>> = BTreeMap::new();
        for (day, bucket) in self.days {
            let empty = bucket == Day::default();
            match self.head.days.binary_search(&day) {
                Ok(at) if empty => drop(self.head.days.remove(at)),
                Err(at) if !empty => self.head.days.insert(at, day),
                _ => {}
            }
            buckets.insert(day_id(day), (!empty).then_some(Bucket::Day(bucket)));
        }
        for (shard, index) in self.shards {
            buckets.insert(shard_id(shard), Some(Bucket::Index(index)));
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

fn header(name: &'static str, value: &str) -> Header {
    Header {
        name,
        value: value.as_bytes().to_vec(),
    }
}
