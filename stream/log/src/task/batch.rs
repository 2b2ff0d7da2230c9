//! From polled records to each athlete's share of a batch.
//!
//! Invariants:
//! * the batch is a prefix of what was polled. A tick whose timers do not all fit stays out, and so
//!   does everything after it, until its timers are drained page by page;
//! * inputs before a tick are committed before it is looked at, and what it fires is committed
//!   before what follows, so that a timer fires by the same tick however the log was cut.

use std::collections::{BTreeMap, VecDeque};

use super::guard::guard;
use super::limits::TaskLimits;
use crate::{
    Failure, Key, LogTime, Offset, Partition, Processor, Sequenced, Stamped, StateStore, Topic,
};

/// Names one input.
pub(super) type InputPlace = (Topic, Partition, Offset);

/// A prefix of the polled records, by athlete.
pub(super) struct Batch<I> {
    pub(super) shares: BTreeMap<Key, Share<I>>,
    pub(super) positions: BTreeMap<(Topic, Partition), Offset>,
    /// At most one tick of a partition.
    pub(super) ticks: BTreeMap<Partition, LogTime>,
    pub(super) records: usize,
    holds_inputs: bool,
}

/// What one athlete gets of a batch.
pub(super) struct Share<I> {
    pub(super) partition: Partition,
    /// In log order, beside their decoded form.
    pub(super) originals: Vec<Sequenced>,
    pub(super) inputs: Vec<Stamped<I>>,
    pub(super) undecodable: Vec<Unread>,
    /// A tick that found timers of this athlete due.
    pub(super) tick: Option<LogTime>,
}

/// An input that could not be decoded, and why.
pub(super) struct Unread {
    pub(super) record: Sequenced,
    pub(super) reason: &'static str,
    pub(super) detail: String,
}

impl<I> Share<I> {
    fn new(partition: Partition) -> Self {
        Self {
            partition,
            originals: Vec::new(),
            inputs: Vec::new(),
            undecodable: Vec::new(),
            tick: None,
        }
    }

    pub(super) fn first_input(&self) -> Option<InputPlace> {
        self.originals
            .first()
            .or_else(|| self.undecodable.first().map(|unread| &unread.record))
            .map(|record| (record.record.topic, record.partition, record.offset))
    }
}

pub(super) fn take<P: Processor, S: StateStore>(
    processor: &P,
    store: &S,
    limits: &TaskLimits,
    window: usize,
    pending: &mut VecDeque<Sequenced>,
) -> Result<Batch<P::Input>, Failure> {
    let mut batch = Batch {
        shares: BTreeMap::new(),
        positions: BTreeMap::new(),
        ticks: BTreeMap::new(),
        records: 0,
        holds_inputs: false,
    };
    let page = limits.timers.min(window).max(1);
    let mut timers = 0_usize;
    while batch.records < window
        && let Some(record) = pending.pop_front()
    {
        match guard(|| processor.as_tick(&record.record)) {
            Ok(Some(at)) => {
                if batch.holds_inputs || batch.ticks.contains_key(&record.partition) {
                    pending.push_front(record);
                    return Ok(batch);
                }
                let room = page.saturating_sub(timers);
                let due = store.due(record.partition, at, room.saturating_add(1))?;
                let fits = due.len() <= room;
                timers = timers.saturating_add(due.len().min(room));
                for timer in due.into_iter().take(room) {
                    batch.share(timer.athlete, record.partition).tick = Some(at);
                }
                if !fits {
                    pending.push_front(record);
                    return Ok(batch);
                }
                batch.ticks.insert(record.partition, at);
                batch.advance(&record);
            }
            Ok(None) if timers > 0 => {
                pending.push_front(record);
                return Ok(batch);
            }
            Ok(None) => batch.add(processor, record),
            Err(panicked) => batch.reject(record, "rule_panic", panicked.0),
        }
    }
    Ok(batch)
}

impl<I: Clone + Send> Batch<I> {
    fn share(&mut self, athlete: Key, partition: Partition) -> &mut Share<I> {
        self.shares
            .entry(athlete)
            .or_insert_with(|| Share::new(partition))
    }

    fn advance(&mut self, record: &Sequenced) {
        let place = (record.record.topic, record.partition);
        self.positions.insert(place, record.offset);
        self.records = self.records.saturating_add(1);
    }

    fn add<P: Processor<Input = I>>(&mut self, processor: &P, record: Sequenced) {
        match guard(|| processor.decode(&record)) {
            Ok(Ok(input)) => {
                self.advance(&record);
                self.holds_inputs = true;
                let share = self.share(record.record.key.clone(), record.partition);
                share.inputs.push(Stamped {
                    partition: record.partition,
                    offset: record.offset,
                    topic: record.record.topic,
                    received_at: record.record.received_at,
                    input,
                });
                share.originals.push(record);
            }
            Ok(Err(undecodable)) => self.reject(record, "schema_mismatch", undecodable.detail),
            Err(panicked) => self.reject(record, "rule_panic", panicked.0),
        }
    }

    fn reject(&mut self, record: Sequenced, reason: &'static str, detail: String) {
        self.advance(&record);
        self.holds_inputs = true;
        let share = self.share(record.record.key.clone(), record.partition);
        share.undecodable.push(Unread {
            record,
            reason,
            detail,
        });
    }
}
