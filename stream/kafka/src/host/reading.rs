//! Reading inputs, going back, and telling the end of them.

use std::time::{Duration, Instant};

use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset as At, TopicPartitionList};
use stream_log::{Class, Failure, Partition, Topic};

use super::KafkaHost;
use crate::classify::{Verdict, classify, failed};
use crate::clients;
use crate::codec;
use crate::ends::ends;

/// Fetched and waiting in memory, over what the client fetches ahead.
const FETCHED_BYTES_MAX: usize = 32 * 1024 * 1024;
/// A place that no record comes from for so long, though the topic's end is beyond it, is where
/// only marks of transactions follow.
const END_WAIT: Duration = Duration::from_secs(10);

/// A place and its topic's end there.
type End = ((Topic, Partition), i64);

impl KafkaHost {
    /// Reads on from the cursors. What the client had fetched ahead is dropped.
    pub(super) fn assign(&self) -> Result<(), Failure> {
        let mut list = TopicPartitionList::new();
        for (partition, active) in &self.active {
            for (topic, input) in &active.inputs {
                list.add_partition_offset(
                    &self.options.topic(topic.0),
                    codec::number(*partition),
                    At::Offset(input.cursor),
                )
                .map_err(|error| failed("reading inputs", error))?;
            }
        }
        clients::assign(&self.reader, &list).map_err(|error| failed("reading inputs", error))
    }

    pub(super) fn go_back(&mut self) -> Result<(), Failure> {
        self.merge.clear();
        for active in self.active.values_mut() {
            for input in active.inputs.values_mut() {
                input.cursor = input.committed;
            }
        }
        self.assign()?;
        self.rewind = false;
        Ok(())
    }

    /// Takes what the client has, waiting for the first so long.
    pub(super) fn fetch(&mut self, mut wait: Duration, max_records: usize) -> Result<(), Failure> {
        while self.merge.records() < max_records && self.merge.bytes() < FETCHED_BYTES_MAX {
            let message = match self.reader.poll(wait) {
                None => return Ok(()),
                Some(Err(error)) if classify(&error) != Verdict::Retry => {
                    return Err(failed("reading inputs", error));
                }
                Some(Err(error)) => {
                    tracing::debug!(%error, "reading inputs");
                    return Ok(());
                }
                Some(Ok(message)) => message,
            };
            wait = Duration::ZERO;
            let Some(topic) = self.options.known(message.topic()) else {
                continue;
            };
            let partition = codec::partition(message.partition());
            let Some(active) = self.active.get_mut(&partition) else {
                continue;
            };
            let Some(input) = active.inputs.get_mut(&Topic(topic)) else {
                continue;
            };
            if message.offset() < input.cursor {
                continue;
            }
            input.cursor = message.offset().saturating_add(1);
            self.merge
                .push(codec::sequenced(&message, topic, &self.options.ids));
        }
        Ok(())
    }

    /// Places whose topic goes on beyond what was fetched.
    fn beyond(&self) -> Result<Vec<End>, Failure> {
        let mut list = TopicPartitionList::new();
        for (partition, active) in &self.active {
            for topic in active.inputs.keys() {
                list.add_partition_offset(
                    &self.options.topic(topic.0),
                    codec::number(*partition),
                    At::End,
                )
                .map_err(|error| failed("asking for the end of inputs", error))?;
            }
        }
        if list.count() == 0 {
            return Ok(Vec::new());
        }
        let mut beyond = Vec::new();
        for ((topic, partition), end) in ends(&self.reader, &self.options, list)? {
            let place = (Topic(topic), partition);
            let cursor = self
                .active
                .get(&place.1)
                .and_then(|active| active.inputs.get(&place.0))
                .map(|input| input.cursor);
            if cursor.is_some_and(|cursor| cursor < end)
                && self.empty_ends.get(&place) != Some(&end)
            {
                beyond.push((place, end));
            }
        }
        Ok(beyond)
    }

    /// Nothing came: is there nothing? A fetch may be under way.
    pub(super) fn look_at_the_end(&mut self, max_records: usize) -> Result<(), Failure> {
        let started = Instant::now();
        loop {
            let beyond = match self.beyond() {
                Ok(beyond) => beyond,
                // The broker is away: nothing is known, and nothing comes.
                Err(failure) if failure.class == Class::Retry => return Ok(()),
                Err(failure) => return Err(failure),
            };
            if beyond.is_empty() {
                self.caught_up = true;
                return Ok(());
            }
            self.fetch(self.options.limits.poll_wait, max_records)?;
            if self.merge.records() > 0 {
                return Ok(());
            }
            if started.elapsed() > END_WAIT {
                self.empty_ends.extend(beyond);
                return Ok(());
            }
        }
    }
}
