//! Reads of the state of owned partitions.

use std::collections::BTreeMap;

use stream_log::{BucketId, Failure, Key, LogTime, Partition, StateStore, Timer};

use super::KafkaHost;

impl StateStore for KafkaHost {
    fn get(&self, athlete: &Key, bucket: BucketId) -> Result<Option<Vec<u8>>, Failure> {
        self.state_of(athlete)?.get(athlete, bucket)
    }

    fn scan(&self, athlete: &Key) -> Result<Vec<(BucketId, Vec<u8>)>, Failure> {
        self.state_of(athlete)?.scan(athlete)
    }

    fn timers_of(&self, athlete: &Key, until: LogTime) -> Result<Vec<Timer>, Failure> {
        self.state_of(athlete)?.timers_of(athlete, until)
    }

    fn due(
        &self,
        partition: Partition,
        until: LogTime,
        limit: usize,
    ) -> Result<Vec<Timer>, Failure> {
        self.state(partition)?.due(until, limit)
    }

    fn next_due(&self, partition: Partition) -> Result<Option<LogTime>, Failure> {
        self.state(partition)?.next_due()
    }

    /// Of the partitions that are ours.
    fn counters(&self) -> Result<BTreeMap<(Partition, String), i64>, Failure> {
        let counters = self.active.iter().flat_map(|(partition, active)| {
            let counters = active.state.counters.iter();
            counters.map(|(name, count)| ((*partition, name.clone()), *count))
        });
        Ok(counters.collect())
    }

    /// Of the partitions that are ours.
    fn athletes_with(&self, bucket: BucketId, limit: usize) -> Result<Vec<Key>, Failure> {
        let mut athletes = Vec::new();
        for active in self.active.values() {
            let left = limit.saturating_sub(athletes.len());
            athletes.extend(active.state.athletes_with(bucket, left)?);
        }
        Ok(athletes)
    }
}
