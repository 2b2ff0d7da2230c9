//! Following the group: partitions that come are restored first, those that go are dropped.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::message::OwnedHeaders;
use rdkafka::topic_partition_list::{Offset as At, TopicPartitionList};
use stream_log::{Class, Failure, Partition, Topic};

use super::{Active, Input, KafkaHost, Taking};
use crate::classify::failed;
use crate::codec::{self, Change};
use crate::restore::{Job, Restored};
use crate::transaction::Outgoing;

impl KafkaHost {
    /// What the group says, acted upon.
    pub(super) fn follow_ownership(&mut self, wait: Duration) -> Result<(), Failure> {
        // In this order: see `Member::metadata`.
        self.owner = self.member.metadata().ok();
        let heard = self.member.serve(wait);
        let owned = if heard.is_err() || self.member.is_lost() {
            BTreeMap::new()
        } else {
            self.member.owned()
        };
        let is_same = |partition: &Partition, since: u64| owned.get(partition) == Some(&since);
        let before = self.active.len();
        self.restoring
            .retain(|one, taking| is_same(one, taking.since));
        let changed = &mut self.changed;
        self.active.retain(|one, active| {
            let kept = is_same(one, active.since);
            if !kept {
                changed.insert(*one);
            }
            kept
        });
        let mut moved = self.active.len() != before;
        if heard.is_err() {
            self.merge.clear();
        }
        heard?;
        let new: BTreeMap<Partition, u64> = owned
            .into_iter()
            .filter(|(one, _)| !self.active.contains_key(one) && !self.restoring.contains_key(one))
            .collect();
        if !new.is_empty() {
            self.take_over(&new)?;
        }
        while let Some(restored) = self.restorer.finished()? {
            self.restored.add(&restored);
            moved |= self.activate(restored)?;
        }
        if moved {
            let ours = self.active.keys().copied().collect();
            self.merge.retain(&ours);
            self.assign()?;
        }
        Ok(())
    }

    fn take_over(&mut self, new: &BTreeMap<Partition, u64>) -> Result<(), Failure> {
        let mut inputs = self.committed(new.keys().copied())?;
        let (key, value) =
            codec::write_change(&Change::Mark(self.options.transactional_id().into_bytes()));
        let topic = self.options.topic(self.options.changelog);
        let now = (self.options.now)();
        let marks = new.keys().map(|partition| Outgoing {
            topic: &topic,
            partition: codec::number(*partition),
            key: &key,
            value: value.as_deref(),
            timestamp_ms: codec::timestamp_ms(now),
            headers: OwnedHeaders::new(),
        });
        let places = self.transactions.run(marks, None)?;
        for (&partition, &since) in new {
            let mark = *places
                .get(&codec::number(partition))
                .ok_or_else(|| Failure::new(Class::Rebuild, "marking the changelog as ours"))?;
            self.restorer.ask(Job {
                partition,
                mark,
                now,
                since,
            })?;
            let inputs = inputs.remove(&partition).unwrap_or_default();
            self.restoring.insert(partition, Taking { since, inputs });
        }
        Ok(())
    }

    /// Where the group is in the inputs of partitions; the beginning where it never was.
    fn committed(
        &self,
        partitions: impl Iterator<Item = Partition>,
    ) -> Result<BTreeMap<Partition, BTreeMap<Topic, Input>>, Failure> {
        let mut wanted = TopicPartitionList::new();
        for partition in partitions {
            for topic in self.options.inputs() {
                wanted.add_partition(&self.options.topic(topic), codec::number(partition));
            }
        }
        let started = Instant::now();
        let found = loop {
            match self
                .member
                .committed(wanted.clone(), self.options.limits.call)
            {
                Err(failure)
                    if failure.class == Class::Retry
                        && started.elapsed()
                            < self.options.limits.transaction.saturating_mul(2) => {}
                Err(failure) if failure.class == Class::Retry => {
                    return Err(
                        Failure::new(Class::Rebuild, "reading the committed positions")
                            .with_source(failure),
                    );
                }
                found => break found?,
            }
        };
        let mut inputs: BTreeMap<Partition, BTreeMap<Topic, Input>> = BTreeMap::new();
        for element in found.elements() {
            let Some(topic) = self.options.known(element.topic()) else {
                continue;
            };
            element
                .error()
                .map_err(|error| failed("reading the committed positions", error))?;
            let at = match element.offset() {
                At::Offset(at) => at,
                _ => 0,
            };
            let input = Input {
                committed: at,
                cursor: at,
            };
            inputs
                .entry(codec::partition(element.partition()))
                .or_default()
                .insert(Topic(topic), input);
        }
        Ok(inputs)
    }

    fn activate(&mut self, restored: Restored) -> Result<bool, Failure> {
        let Restored {
            partition,
            since,
            state,
            records,
            bytes,
            took,
        } = restored;
        let is_wanted = |taking: &Taking| taking.since == since;
        if !self.restoring.get(&partition).is_some_and(is_wanted) {
            return Ok(false);
        }
        let Some(Taking { mut inputs, .. }) = self.restoring.remove(&partition) else {
            return Ok(false);
        };
        // The state says itself which inputs are in it.
        let told = state.inputs()?;
        for (topic, input) in &inputs {
            let next = told.get(topic.0).copied().unwrap_or_default();
            if next < input.committed {
                return Err(Failure::new(
                    Class::Stop,
                    format!(
                        "taking over partition {}: the group is at {} of {}, the changelog at {next}",
                        partition.0, input.committed, topic.0
                    ),
                ));
            }
        }
        for (topic, input) in &mut inputs {
            if let Some(next) = told.get(topic.0) {
                *input = Input {
                    committed: *next,
                    cursor: *next,
                };
            }
        }
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            partition = partition.0,
            records,
            bytes,
            took_ms,
            inputs = ?told,
            "state restored"
        );
        self.changed.insert(partition);
        self.active.insert(
            partition,
            Active {
                since,
                state,
                inputs,
            },
        );
        Ok(true)
    }
}
