//! One commit: what it changes, as records, and what is kept of it afterwards.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Instant;

use rdkafka::topic_partition_list::{Offset as At, TopicPartitionList};
use stream_log::{
    Class, Commit, Failure, Key, LogTime, Partition, Position, Record, TimerChange, partition_of,
};

use super::KafkaHost;
use crate::classify::failed;
use crate::codec::{self, Change};
use crate::settings::KafkaOptions;
use crate::transaction::Outgoing;

impl KafkaHost {
    fn check_positions(&self, positions: &[Position]) -> Result<(), Failure> {
        for at in positions {
            let input = self
                .active
                .get(&at.partition)
                .and_then(|active| active.inputs.get(&at.topic))
                .ok_or_else(|| {
                    Failure::new(
                        Class::Abort,
                        format!("committing partition {}, which is not ours", at.partition.0),
                    )
                })?;
            if codec::raw_offset(at.offset) < input.committed {
                return Err(Failure::new(
                    Class::Stop,
                    format!("committing partition {} a second time", at.partition.0),
                ));
            }
        }
        Ok(())
    }

    /// The commit's state, timers and counts as changes of partitions: the last of each.
    fn changes(&self, commit: &Commit) -> Result<BTreeMap<Partition, Vec<Change>>, Failure> {
        let mut changes: BTreeMap<Partition, Vec<Change>> = BTreeMap::new();
        for change in &commit.state {
            let partition = self.partition_of(&change.athlete);
            changes.entry(partition).or_default().push(Change::State(
                change.athlete.clone(),
                change.bucket,
                change.value.clone(),
            ));
        }
        let mut timers: BTreeMap<(&Key, &[u8]), Option<LogTime>> = BTreeMap::new();
        for (athlete, change) in &commit.timers {
            match change {
                TimerChange::Set { id, due } => timers.insert((athlete, id), Some(*due)),
                TimerChange::Clear { id } => timers.insert((athlete, id), None),
            };
        }
        for ((athlete, id), due) in timers {
            let partition = self.partition_of(athlete);
            let change = Change::Timer(athlete.clone(), id.to_vec(), due);
            changes.entry(partition).or_default().push(change);
        }
        for ((partition, name), by) in &commit.counters {
            let counters = &self.state(*partition)?.counters;
            let count = counters.get(name).copied().unwrap_or(0).saturating_add(*by);
            let change = Change::Counter(name.clone(), count);
            changes.entry(*partition).or_default().push(change);
        }
        for at in &commit.positions {
            changes.entry(at.partition).or_default();
        }
        for (partition, changes) in &mut changes {
            changes.push(Change::Positions(self.inputs_after(*partition, commit)));
        }
        Ok(changes)
    }

    /// Where all inputs of a partition are once this is committed. In the changelog, because what the
    /// group has may be seen earlier or later than the state that belongs to it.
    fn inputs_after(&self, partition: Partition, commit: &Commit) -> BTreeMap<String, i64> {
        let mut inputs: BTreeMap<String, i64> = BTreeMap::new();
        if let Some(active) = self.active.get(&partition) {
            let committed = active.inputs.iter();
            inputs.extend(committed.map(|(topic, input)| (topic.0.to_owned(), input.committed)));
        }
        for at in commit
            .positions
            .iter()
            .filter(|at| at.partition == partition)
        {
            let next = codec::raw_offset(at.offset).saturating_add(1);
            inputs.insert(at.topic.0.to_owned(), next);
        }
        inputs
    }

    fn positions(&self, commit: &Commit) -> Result<TopicPartitionList, Failure> {
        let mut list = TopicPartitionList::new();
        for at in &commit.positions {
            list.add_partition_offset(
                &self.options.topic(at.topic.0),
                codec::number(at.partition),
                At::Offset(codec::raw_offset(at.offset).saturating_add(1)),
            )
            .map_err(|error| failed("naming the positions of a commit", error))?;
        }
        Ok(list)
    }

    pub(super) fn write(&mut self, commit: &Commit) -> Result<(), Failure> {
        self.check_positions(&commit.positions)?;
        let changes = self.changes(commit)?;
        for partition in changes.keys() {
            self.state(*partition)?;
        }
        let now = (self.options.now)();
        let outputs = Outputs::new(&self.options, commit, &changes, now);
        let positions = self.positions(commit)?;
        let owner = self.owner.as_ref().ok_or_else(|| {
            Failure::new(
                Class::Abort,
                "committing without being a member of the group",
            )
        })?;
        let with = (!commit.positions.is_empty()).then_some((&positions, owner));
        let began = Instant::now();
        let places = self.transactions.run(outputs.iter(), with)?;
        tracing::debug!(positions = ?commit.positions, ?places, "committed");
        self.keep(commit, &changes, &places, now)?;
        self.committed_at = Some(began);
        Ok(())
    }

    /// After the commit: state and positions. A failure here is no failure of the commit, so that
    /// everything is opened anew.
    fn keep(
        &mut self,
        commit: &Commit,
        changes: &BTreeMap<Partition, Vec<Change>>,
        places: &BTreeMap<i32, i64>,
        now: LogTime,
    ) -> Result<(), Failure> {
        for (partition, changes) in changes {
            let doubt = || Failure::new(Class::Rebuild, "keeping state after a commit");
            let place = places.get(&codec::number(*partition)).ok_or_else(doubt)?;
            let active = self.active.get_mut(partition).ok_or_else(doubt)?;
            active.state.apply(changes, *place, now)?;
        }
        for at in &commit.positions {
            if let Some(active) = self.active.get_mut(&at.partition)
                && let Some(input) = active.inputs.get_mut(&at.topic)
            {
                input.committed = codec::raw_offset(at.offset).saturating_add(1);
            }
        }
        Ok(())
    }
}

/// Everything a commit produces, encoded, so that a retry need not encode again.
struct Outputs<'c> {
    records: Vec<(String, i32, &'c Record, Cow<'c, [u8]>)>,
    changelog: String,
    changes: Vec<(i32, Vec<u8>, Option<Vec<u8>>)>,
    /// Per partition: which inputs led to the changes.
    sources: BTreeMap<i32, Vec<u8>>,
    now: LogTime,
}

impl<'c> Outputs<'c> {
    fn new(
        options: &KafkaOptions,
        commit: &'c Commit,
        changes: &BTreeMap<Partition, Vec<Change>>,
        now: LogTime,
    ) -> Self {
        let records = commit.outputs.iter().map(|record| {
            let partition = partition_of(record.key.as_str(), options.partitions);
            let topic = options.topic(record.topic.0);
            let value = options.ids.outward(&record.value);
            (topic, codec::number(partition), record, value)
        });
        let changes = changes.iter().flat_map(|(partition, changes)| {
            changes.iter().map(|change| {
                let (key, value) = codec::write_change(change);
                (codec::number(*partition), key, value)
            })
        });
        let mut sources: BTreeMap<i32, Vec<u8>> = BTreeMap::new();
        for at in &commit.positions {
            let source = sources.entry(codec::number(at.partition)).or_default();
            let text = format!("{}/{}/{} ", at.topic.0, at.partition.0, at.offset.0);
            source.extend(text.as_bytes());
        }
        Self {
            records: records.collect(),
            changelog: options.topic(options.changelog),
            changes: changes.collect(),
            sources,
            now,
        }
    }

    fn iter(&self) -> impl Iterator<Item = Outgoing<'_>> {
        let outputs = self
            .records
            .iter()
            .map(|(topic, partition, record, value)| Outgoing {
                topic,
                partition: *partition,
                key: record.key.as_str().as_bytes(),
                value: Some(value.as_ref()),
                timestamp_ms: codec::timestamp_ms(record.received_at),
                headers: codec::headers(record),
            });
        let changes = self.changes.iter().map(|(partition, key, value)| Outgoing {
            topic: &self.changelog,
            partition: *partition,
            key,
            value: value.as_deref(),
            timestamp_ms: codec::timestamp_ms(self.now),
            headers: codec::source(self.sources.get(partition)),
        });
        outputs.chain(changes)
    }
}
