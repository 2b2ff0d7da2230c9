//! What a processor wants done, and what a host commits: data, not calls.

use std::collections::BTreeMap;

use crate::{BucketId, Key, LogTime, Offset, Partition, Record, Topic};

/// All that one call of a processor may do to the world.
#[derive(Clone, Debug)]
pub struct Effects<H, B> {
    pub emit: Vec<Record>,
    /// `None` leaves the head as it is.
    pub head: Option<H>,
    /// New value per bucket; `None` removes it.
    pub buckets: BTreeMap<BucketId, Option<B>>,
    pub timers: Vec<TimerChange>,
    pub counters: Vec<CounterChange>,
}

impl<H, B> Default for Effects<H, B> {
    fn default() -> Self {
        Self {
            emit: Vec::new(),
            head: None,
            buckets: BTreeMap::new(),
            timers: Vec::new(),
            counters: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimerChange {
    /// Replaces a timer of the same id.
    Set {
        id: Vec<u8>,
        due: LogTime,
    },
    Clear {
        id: Vec<u8>,
    },
}

/// A committed count, kept per partition. Counts are state, not metrics: `verify` recounts them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterChange {
    pub name: String,
    pub by: i64,
}

/// One atomic step of a task: all of it becomes visible, or nothing.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    pub outputs: Vec<Record>,
    pub state: Vec<StateChange>,
    /// In order; later changes of one (athlete, id) win.
    pub timers: Vec<(Key, TimerChange)>,
    pub counters: BTreeMap<(Partition, String), i64>,
    pub positions: Vec<Position>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    pub athlete: Key,
    pub bucket: BucketId,
    pub value: Option<Vec<u8>>,
}

/// The next record to read of a topic's partition is the one after `offset`. Where one log holds all
/// topics of a partition, the greatest of its positions is the one that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub topic: Topic,
    pub partition: Partition,
    pub offset: Offset,
}
