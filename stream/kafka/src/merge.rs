//! Inputs of several topics in one order: each topic's partition as it is, and among them the one
//! that arrived first.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use stream_log::{Offset, Partition, Sequenced, Topic};

use crate::codec::footprint;

/// What was fetched and not handed out yet.
#[derive(Default)]
pub(crate) struct Merge {
    queues: BTreeMap<(Partition, Topic), VecDeque<Sequenced>>,
    records: usize,
    bytes: usize,
}

impl Merge {
    pub(crate) fn push(&mut self, record: Sequenced) {
        self.records = self.records.saturating_add(1);
        self.bytes = self.bytes.saturating_add(footprint(&record.record));
        self.queues
            .entry((record.partition, record.record.topic))
            .or_default()
            .push_back(record);
    }

    pub(crate) fn records(&self) -> usize {
        self.records
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The first record of each place that waits here.
    pub(crate) fn firsts(&self) -> Vec<((Topic, Partition), Offset)> {
        let firsts = self
            .queues
            .iter()
            .filter_map(|((partition, topic), queue)| {
                Some(((*topic, *partition), queue.front()?.offset))
            });
        firsts.collect()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Drops what belongs to partitions that are ours no longer.
    pub(crate) fn retain(&mut self, owned: &BTreeSet<Partition>) {
        self.queues
            .retain(|(partition, _), _| owned.contains(partition));
        let records = || self.queues.values().flatten();
        self.records = records().count();
        self.bytes = records().map(|record| footprint(&record.record)).sum();
    }

    /// At most so many, by arrival; one that is larger than the bytes comes alone.
    pub(crate) fn take(&mut self, max_records: usize, max_bytes: usize) -> Vec<Sequenced> {
        let mut taken = Vec::new();
        let mut bytes = 0_usize;
        while taken.len() < max_records
            && let Some(next) = self.first()
        {
            let Some(queue) = self.queues.get_mut(&next) else {
                break;
            };
            let size = queue.front().map_or(0, |record| footprint(&record.record));
            if !taken.is_empty() && bytes.saturating_add(size) > max_bytes {
                break;
            }
            bytes = bytes.saturating_add(size);
            taken.extend(queue.pop_front());
            if queue.is_empty() {
                self.queues.remove(&next);
            }
            self.records = self.records.saturating_sub(1);
            self.bytes = self.bytes.saturating_sub(size);
        }
        taken
    }

    fn first(&self) -> Option<(Partition, Topic)> {
        self.queues
            .iter()
            .filter_map(|(place, queue)| Some((queue.front()?.record.received_at, place)))
            .min()
            .map(|(_, place)| *place)
    }
}

#[cfg(test)]
mod tests {
    use super::Merge;
    use stream_log::{Key, LogTime, Offset, Partition, Record, Sequenced, Topic};

    fn record(topic: &'static str, offset: u64, at: i64, bytes: usize) -> Sequenced {
        Sequenced {
            partition: Partition(0),
            offset: Offset(offset),
            record: Record {
                topic: Topic(topic),
                key: Key::new(""),
                received_at: LogTime(at),
                headers: Vec::new(),
                value: vec![0; bytes],
            },
        }
    }

    #[test]
    fn topics_are_merged_by_arrival_and_each_keeps_its_own_order() {
        let mut merge = Merge::default();
        // The second of `a` has an earlier stamp than the first: the log's order counts.
        for input in [
            record("a", 0, 5, 1),
            record("a", 1, 1, 1),
            record("b", 0, 3, 1),
        ] {
            merge.push(input);
        }
        let order: Vec<(&str, u64)> = merge
            .take(10, 100)
            .iter()
            .map(|found| (found.record.topic.0, found.offset.0))
            .collect();
        assert_eq!(order, [("b", 0), ("a", 0), ("a", 1)]);
        assert_eq!((merge.records(), merge.bytes()), (0, 0));
    }

    #[test]
    fn a_taking_is_bounded_but_never_empty() {
        let mut merge = Merge::default();
        for (offset, bytes) in [(0, 10), (1, 500), (2, 10), (3, 10)] {
            merge.push(record("a", offset, 0, bytes));
        }
        let sizes: Vec<usize> = (0..4).map(|_| merge.take(1_000, 100).len()).collect();
        assert_eq!(sizes, [1, 1, 2, 0]);
    }
}
