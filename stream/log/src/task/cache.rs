//! Decoded state of hot athletes, under a byte budget, least recently used first out.
//!
//! It holds committed values only: what a batch reads may be kept, what it computes waits for the
//! commit.

#[expect(clippy::disallowed_types, reason = "looked up by key, never iterated")]
use std::collections::HashMap;
use std::collections::{BTreeMap, BTreeSet};

use super::athlete::Outcome;
use crate::{BucketId, Buckets, Class, Failure, Key, LogTime, Processor, StateStore, TimerChange};

/// Rough cost of an entry, a bucket or a timer beyond what the processor counts.
const OVERHEAD_BYTES: usize = 128;

pub(super) struct Entry<P: Processor> {
    pub(super) head: P::Head,
    pub(super) buckets: Buckets<P::Bucket>,
    /// Read from the store, present there or not.
    known: BTreeSet<BucketId>,
    /// Every bucket is known.
    complete: bool,
    pub(super) timers: BTreeMap<Vec<u8>, LogTime>,
    sizes: BTreeMap<BucketId, usize>,
    bytes: usize,
    /// What of `bytes` the cache has in its sum.
    counted: usize,
    used: u64,
}

impl<P: Processor> Clone for Entry<P> {
    fn clone(&self) -> Self {
        Self {
            head: self.head.clone(),
            buckets: self.buckets.clone(),
            known: self.known.clone(),
            complete: self.complete,
            timers: self.timers.clone(),
            sizes: self.sizes.clone(),
            bytes: self.bytes,
            counted: self.counted,
            used: self.used,
        }
    }
}

impl<P: Processor> Entry<P> {
    fn read<S: StateStore>(processor: &P, store: &S, athlete: &Key) -> Result<Self, Failure> {
        let head = match store.get(athlete, BucketId::HEAD)? {
            Some(bytes) => processor
                .decode_head(&bytes)
                .map_err(|bad| unreadable(athlete, BucketId::HEAD, bad.detail))?,
            None => P::Head::default(),
        };
        let timers = store
            .timers_of(athlete, LogTime(i64::MAX))?
            .into_iter()
            .map(|timer| (timer.id, timer.due))
            .collect();
        let mut entry = Self {
            head,
            buckets: BTreeMap::new(),
            known: BTreeSet::new(),
            complete: false,
            timers,
            sizes: BTreeMap::new(),
            bytes: 0,
            counted: 0,
            used: 0,
        };
        entry.weigh(processor);
        Ok(entry)
    }

    /// Loads what is asked for and not known yet; says whether anything new came.
    pub(super) fn want<S: StateStore>(
        &mut self,
        processor: &P,
        store: &S,
        athlete: &Key,
        asked: &BTreeSet<BucketId>,
    ) -> Result<bool, Failure> {
        if self.complete {
            return Ok(false);
        }
        let mut news = false;
        let missing: Vec<BucketId> = asked.difference(&self.known).copied().collect();
        for bucket in missing {
            news = true;
            self.known.insert(bucket);
            if let Some(bytes) = store.get(athlete, bucket)? {
                self.put(processor, athlete, bucket, &bytes)?;
            }
        }
        self.weigh(processor);
        Ok(news)
    }

    pub(super) fn want_all<S: StateStore>(
        &mut self,
        processor: &P,
        store: &S,
        athlete: &Key,
    ) -> Result<bool, Failure> {
        if self.complete {
            return Ok(false);
        }
        for (bucket, bytes) in store.scan(athlete)? {
            if bucket == BucketId::HEAD || bucket == BucketId::QUARANTINE {
                continue;
            }
            if self.known.insert(bucket) {
                self.put(processor, athlete, bucket, &bytes)?;
            }
        }
        self.complete = true;
        self.weigh(processor);
        Ok(true)
    }

    fn put(
        &mut self,
        processor: &P,
        athlete: &Key,
        bucket: BucketId,
        bytes: &[u8],
    ) -> Result<(), Failure> {
        let value = processor
            .decode_bucket(bytes)
            .map_err(|bad| unreadable(athlete, bucket, bad.detail))?;
        self.sizes.insert(bucket, processor.bucket_size(&value));
        self.buckets.insert(bucket, value);
        Ok(())
    }

    /// Takes over what was committed, or, in a draft, what is about to be tried further.
    pub(super) fn apply(
        &mut self,
        processor: &P,
        head: Option<P::Head>,
        buckets: BTreeMap<BucketId, Option<P::Bucket>>,
        timers: &[TimerChange],
    ) {
        if let Some(head) = head {
            self.head = head;
        }
        for (bucket, value) in buckets {
            self.known.insert(bucket);
            match value {
                Some(value) => {
                    self.sizes.insert(bucket, processor.bucket_size(&value));
                    self.buckets.insert(bucket, value);
                }
                None => {
                    self.sizes.remove(&bucket);
                    self.buckets.remove(&bucket);
                }
            }
        }
        for change in timers {
            match change {
                TimerChange::Set { id, due } => {
                    self.timers.insert(id.clone(), *due);
                }
                TimerChange::Clear { id } => {
                    self.timers.remove(id);
                }
            }
        }
        self.weigh(processor);
    }

    fn weigh(&mut self, processor: &P) {
        let parts = self
            .known
            .len()
            .saturating_add(self.timers.len())
            .saturating_add(1);
        self.bytes = processor
            .head_size(&self.head)
            .saturating_add(self.sizes.values().sum::<usize>())
            .saturating_add(parts.saturating_mul(OVERHEAD_BYTES));
    }
}

/// Committed state that cannot be read is no bad input: going on would write over it.
fn unreadable(athlete: &Key, bucket: BucketId, detail: String) -> Failure {
    Failure::new(
        Class::Stop,
        format!(
            "decoding stored state of {}, bucket {}",
            athlete.as_str(),
            bucket.0
        ),
    )
    .with_source(detail)
}

pub(super) struct Cache<P: Processor> {
    #[expect(clippy::disallowed_types, reason = "looked up by key, never iterated")]
    entries: HashMap<Key, Entry<P>>,
    /// Use counter → athlete, oldest first.
    order: BTreeMap<u64, Key>,
    uses: u64,
    /// Used since the last `shrink`: their bytes may have changed.
    touched: Vec<Key>,
    bytes: usize,
    budget: usize,
}

impl<P: Processor> Cache<P> {
    #[expect(clippy::disallowed_types, reason = "looked up by key, never iterated")]
    pub(super) fn new(budget: usize) -> Self {
        Self {
            entries: HashMap::new(),
            order: BTreeMap::new(),
            uses: 0,
            touched: Vec::new(),
            bytes: 0,
            budget,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The athlete's entry, read from the store where it is not there yet.
    pub(super) fn load<S: StateStore>(
        &mut self,
        processor: &P,
        store: &S,
        athlete: &Key,
    ) -> Result<&mut Entry<P>, Failure> {
        use std::collections::hash_map::Entry as Slot;
        self.uses = self.uses.saturating_add(1);
        self.touched.push(athlete.clone());
        match self.entries.entry(athlete.clone()) {
            Slot::Occupied(found) => {
                let entry = found.into_mut();
                self.order.remove(&entry.used);
                entry.used = self.uses;
                self.order.insert(self.uses, athlete.clone());
                Ok(entry)
            }
            Slot::Vacant(place) => {
                let mut entry = Entry::read(processor, store, athlete)?;
                entry.used = self.uses;
                self.order.insert(self.uses, athlete.clone());
                Ok(place.insert(entry))
            }
        }
    }

    /// One that was loaded in this batch.
    pub(super) fn get(&self, athlete: &Key) -> Option<&Entry<P>> {
        self.entries.get(athlete)
    }

    pub(super) fn apply(&mut self, processor: &P, athlete: &Key, outcome: Outcome<P>) {
        if let Some(entry) = self.entries.get_mut(athlete) {
            entry.apply(processor, outcome.head, outcome.buckets, &outcome.timers);
        }
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.order.clear();
        self.touched.clear();
        self.bytes = 0;
    }

    /// Drops the least recently used until the budget holds.
    pub(super) fn shrink(&mut self) {
        for athlete in std::mem::take(&mut self.touched) {
            if let Some(entry) = self.entries.get_mut(&athlete) {
                self.bytes = self
                    .bytes
                    .saturating_sub(entry.counted)
                    .saturating_add(entry.bytes);
                entry.counted = entry.bytes;
            }
        }
        while self.bytes > self.budget
            && let Some((_, athlete)) = self.order.pop_first()
        {
            if let Some(entry) = self.entries.remove(&athlete) {
                self.bytes = self.bytes.saturating_sub(entry.counted);
            }
        }
    }
}
