//! The ports of a host. `contract` runs one suite over every implementation.

use std::collections::BTreeMap;

use crate::{
    BucketId, Commit, Failure, Key, LogTime, Offset, Partition, Record, Sequenced, Timer, Topic,
};

/// Where a record was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    pub partition: Partition,
    pub offset: Offset,
}

/// Ingest's side. `Ok` means that all of it is durable: the sender may be told 2xx. After an error
/// some of it may be there, and what is sent again is a duplicate that processing tells apart.
pub trait Append: Send + Sync {
    fn append(&self, records: Vec<Record>) -> Result<Vec<Appended>, Failure>;
}

/// The processing side: committed inputs in, one atomic commit out. One owner per partition.
pub trait Log: Send {
    /// What this host owns at present, ready to be worked on. It changes in `poll` only.
    fn partitions(&self) -> Vec<Partition>;

    /// Partitions that this host stopped or began to own since the last call. What is remembered
    /// of their athletes may be stale. Empty for a host that owns everything.
    fn changed_hands(&mut self) -> Vec<Partition>;

    /// Inputs after the committed positions (and after those polled since), co-partitioned topics
    /// merged in the order of the log, or of arrival where each topic is a log of its own. Empty
    /// when there is nothing new. Bounded by `max_records`
    /// and `max_bytes`, but a single larger record still comes.
    fn poll(&mut self, max_records: usize, max_bytes: usize) -> Result<Vec<Sequenced>, Failure>;

    /// All of it, or nothing. After an error nothing of it is visible and the next poll begins at
    /// the committed positions again; whether it happened is never in doubt once `rewind` returned.
    fn commit(&mut self, commit: Commit) -> Result<(), Failure>;

    /// Forget what was polled and not committed.
    fn rewind(&mut self) -> Result<(), Failure>;

    /// Append a tick to a partition, durable like an ingest append. A tick's key is nobody's, so
    /// the partition is said instead of hashed.
    fn append_tick(&mut self, partition: Partition, record: Record) -> Result<(), Failure>;
}

/// Reads of committed state.
pub trait StateStore: Send {
    fn get(&self, athlete: &Key, bucket: BucketId) -> Result<Option<Vec<u8>>, Failure>;
    /// Everything stored under an athlete, the head included.
    fn scan(&self, athlete: &Key) -> Result<Vec<(BucketId, Vec<u8>)>, Failure>;
    /// Timers of one athlete with `due <= until`, by (due, id).
    fn timers_of(&self, athlete: &Key, until: LogTime) -> Result<Vec<Timer>, Failure>;
    /// Timers of a partition with `due <= until`, by (due, athlete, id), at most `limit`.
    fn due(
        &self,
        partition: Partition,
        until: LogTime,
        limit: usize,
    ) -> Result<Vec<Timer>, Failure>;
    /// The earliest timer of a partition.
    fn next_due(&self, partition: Partition) -> Result<Option<LogTime>, Failure>;
    fn counters(&self) -> Result<BTreeMap<(Partition, String), i64>, Failure>;
    /// Athletes with a value in the given bucket (used for the quarantine list), at most `limit`.
    fn athletes_with(&self, bucket: BucketId, limit: usize) -> Result<Vec<Key>, Failure>;
}

/// The sinks' side: committed records of some topics from a position on, in log order per athlete
/// and topic.
///
/// The offsets it gives are positions in this reading: they rise over all partitions. In a log of
/// one sequence they are the log's own.
pub trait Subscribe: Send {
    fn read(
        &mut self,
        topics: &[Topic],
        after: Offset,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<Vec<Sequenced>, Failure>;
}
