//! Committed records of some topics, all partitions, for who stores or follows them.
//!
//! What it gives is numbered from where the caller says, upward by one: the numbers are positions of
//! this reading, not of the log. With a group the true position is the group's: it is committed when
//! the caller asks for what comes after something, because then it has kept that.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset as At, TopicPartitionList};
use stream_log::{Failure, Offset, Partition, Sequenced, Subscribe, Topic};

use crate::classify::{Verdict, classify, failed};
use crate::clients::{self, Told};
use crate::codec;
use crate::ends::Onlooker;
use crate::merge::Merge;
use crate::settings::KafkaOptions;

/// Fetched and not given yet.
const FETCHED_RECORDS_MAX: usize = 4_096;
const FETCHED_BYTES_MAX: usize = 16 * 1024 * 1024;
const END_LIMIT: Duration = Duration::from_secs(30);

pub struct KafkaSubscriber {
    options: KafkaOptions,
    consumer: BaseConsumer<Told>,
    /// For who asks for the end.
    onlooker: Option<Onlooker>,
    group: Option<String>,
    /// The group's, or one that nobody joins.
    name: String,
    topics: Vec<Topic>,
    /// The client reads on from the cursors.
    is_placed: bool,
    /// The next record of each place that was not fetched.
    cursors: BTreeMap<(Topic, Partition), i64>,
    /// Given and not acknowledged, at most one batch: the number, and where it is.
    given: VecDeque<(u64, (Topic, Partition), i64)>,
    /// Acknowledged, by place.
    kept: BTreeMap<(Topic, Partition), i64>,
    committed: BTreeMap<(Topic, Partition), i64>,
    last: u64,
    merge: Merge,
    wait: Duration,
}

impl KafkaSubscriber {
    /// With a group, what it has acknowledged is not given again to the next of its name.
    pub fn open(options: &KafkaOptions, group: Option<&str>) -> Result<Self, Failure> {
        let group = group.map(|name| options.group_named(name));
        let any = format!("{}{}-follow", options.prefix, options.group);
        let name = group.as_deref().unwrap_or(&any);
        let config = clients::reader(options, "follow", name);
        let consumer = BaseConsumer::from_config_and_context(&config, Told::default())
            .map_err(|error| failed("opening a reader of the log", error))?;
        Ok(Self {
            wait: options.limits.poll_wait,
            options: options.clone(),
            consumer,
            onlooker: None,
            name: name.to_owned(),
            group,
            topics: Vec::new(),
            is_placed: false,
            cursors: BTreeMap::new(),
            given: VecDeque::new(),
            kept: BTreeMap::new(),
            committed: BTreeMap::new(),
            last: 0,
            merge: Merge::default(),
        })
    }

    /// Whether everything that was written to the topics when this is asked is decided, and was given
    /// where it was committed. Waits for the client's counts.
    pub fn is_at_end(&mut self) -> Result<bool, Failure> {
        if self.merge.records() > 0 {
            return Ok(false);
        }
        let list = self.list(&self.topics, |_| At::End)?;
        let onlooker = match &self.onlooker {
            Some(open) => open,
            None => self
                .onlooker
                .insert(Onlooker::open(&self.options, &self.name)?),
        };
        let decided = onlooker.decided_ends(&self.consumer, &self.options, list)?;
        let Some(ends) = decided else {
            return Ok(false);
        };
        let started = Instant::now();
        // Counts from before the question say nothing.
        drop(self.consumer.context().take_statistics());
        loop {
            self.fetch(Duration::from_millis(20))?;
            if self.merge.records() > 0 {
                return Ok(false);
            }
            if let Some(read) = self.read_up_to()
                && ends.iter().all(|((topic, partition), end)| {
                    let place = &(Topic(topic), *partition);
                    read.get(place).is_some_and(|read| read >= end)
                        || self.cursors.get(place).is_some_and(|cursor| cursor >= end)
                })
            {
                self.fetch(Duration::ZERO)?;
                return Ok(self.merge.records() == 0);
            }
            if started.elapsed() > END_LIMIT {
                return Ok(false);
            }
        }
    }

    /// How far the client has read each place, marks of transactions included, where nothing of it
    /// waits in the client's queue.
    fn read_up_to(&self) -> Option<BTreeMap<(Topic, Partition), i64>> {
        let told = self.consumer.context().take_statistics()?;
        let mut read = BTreeMap::new();
        for (name, topic) in &told.topics {
            let Some(known) = self.options.known(name) else {
                continue;
            };
            for (number, one) in &topic.partitions {
                if one.fetchq_cnt == 0 {
                    read.insert((Topic(known), codec::partition(*number)), one.next_offset);
                }
            }
        }
        Some(read)
    }

    fn list(
        &self,
        topics: &[Topic],
        at: impl Fn(&(Topic, Partition)) -> At,
    ) -> Result<TopicPartitionList, Failure> {
        let mut list = TopicPartitionList::new();
        for topic in topics {
            for number in 0..self.options.partitions {
                let place = (*topic, Partition(number));
                list.add_partition_offset(
                    &self.options.topic(topic.0),
                    codec::number(place.1),
                    at(&place),
                )
                .map_err(|error| failed("reading the log", error))?;
            }
        }
        Ok(list)
    }

    /// From where the group was, or from the beginning.
    fn begin(&mut self, topics: &[Topic], after: u64) -> Result<(), Failure> {
        // Where the positions cannot be read, whoever asks again begins again.
        self.topics.clear();
        self.is_placed = false;
        self.merge.clear();
        self.given.clear();
        self.kept.clear();
        self.cursors.clear();
        self.last = after;
        if self.group.is_some() && after > 0 {
            let committed = self
                .consumer
                .committed_offsets(
                    self.list(topics, |_| At::Invalid)?,
                    self.options.limits.call,
                )
                .map_err(|error| failed("reading the group's positions", error))?;
            for one in committed.elements() {
                if let (Some(topic), At::Offset(at)) =
                    (self.options.known(one.topic()), one.offset())
                {
                    let place = (Topic(topic), codec::partition(one.partition()));
                    self.cursors.insert(place, at);
                }
            }
        }
        self.committed = self.cursors.clone();
        self.topics = topics.to_vec();
        Ok(())
    }

    /// Reads on from the cursors, where the client does not do so yet: until it was told, it may read
    /// elsewhere, or nothing.
    fn assign(&mut self) -> Result<(), Failure> {
        if self.is_placed {
            return Ok(());
        }
        let cursors = &self.cursors;
        let list = self.list(&self.topics, |place| {
            At::Offset(cursors.get(place).copied().unwrap_or(0))
        })?;
        clients::assign(&self.consumer, &list).map_err(|error| failed("reading the log", error))?;
        self.is_placed = true;
        Ok(())
    }

    fn fetch(&mut self, mut wait: Duration) -> Result<(), Failure> {
        while self.merge.records() < FETCHED_RECORDS_MAX && self.merge.bytes() < FETCHED_BYTES_MAX {
            let message = match self.consumer.poll(wait) {
                None => return Ok(()),
                Some(Err(error)) if classify(&error) != Verdict::Retry => {
                    return Err(failed("reading the log", error));
                }
                Some(Err(error)) => {
                    tracing::debug!(%error, "reading the log");
                    return Ok(());
                }
                Some(Ok(message)) => message,
            };
            wait = Duration::ZERO;
            let Some(topic) = self.options.known(message.topic()) else {
                continue;
            };
            let place = (Topic(topic), codec::partition(message.partition()));
            let cursor = self.cursors.entry(place).or_insert(0);
            if message.offset() < *cursor {
                continue;
            }
            *cursor = message.offset().saturating_add(1);
            self.merge
                .push(codec::sequenced(&message, topic, &self.options.ids));
        }
        Ok(())
    }

    /// What was given and not kept comes again: the caller could not keep it.
    fn give_again(&mut self, after: u64) {
        if after >= self.last {
            return;
        }
        for (place, at) in self.merge.firsts() {
            self.cursors.insert(place, codec::raw_offset(at));
        }
        for (_, place, at) in self.given.drain(..).rev() {
            self.cursors.insert(place, at);
        }
        self.last = after;
        self.merge.clear();
        self.is_placed = false;
    }

    /// What was given up to this number is kept by the caller.
    fn acknowledge(&mut self, upto: u64) -> Result<(), Failure> {
        while let Some((number, place, at)) = self.given.front().copied()
            && number <= upto
        {
            self.kept.insert(place, at.saturating_add(1));
            self.given.pop_front();
        }
        if self.group.is_none() || self.kept == self.committed || self.kept.is_empty() {
            return Ok(());
        }
        let mut list = TopicPartitionList::new();
        for ((topic, partition), next) in &self.kept {
            list.add_partition_offset(
                &self.options.topic(topic.0),
                codec::number(*partition),
                At::Offset(*next),
            )
            .map_err(|error| failed("keeping the group's positions", error))?;
        }
        // Not waited for: after a crash some is given again, and stored again to no effect.
        self.consumer
            .commit(&list, CommitMode::Async)
            .map_err(|error| failed("keeping the group's positions", error))?;
        self.committed.extend(std::mem::take(&mut self.kept));
        Ok(())
    }
}

impl Subscribe for KafkaSubscriber {
    fn read(
        &mut self,
        topics: &[Topic],
        after: Offset,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<Vec<Sequenced>, Failure> {
        // Asked again before anything was given: reading anew would throw away what is on its way.
        let is_anew = after.0 == 0 && self.last > 0;
        if self.topics != topics || is_anew || after.0 > self.last {
            self.begin(topics, after.0)?;
        } else {
            self.acknowledge(after.0)?;
            self.give_again(after.0);
        }
        self.assign()?;
        if self.merge.records() == 0 {
            self.fetch(self.wait)?;
        }
        self.fetch(Duration::ZERO)?;
        let mut taken = self.merge.take(max_records, max_bytes);
        for record in &mut taken {
            self.last = self.last.saturating_add(1);
            let place = (record.record.topic, record.partition);
            let at = codec::raw_offset(record.offset);
            self.given.push_back((self.last, place, at));
            record.offset = Offset(self.last);
        }
        Ok(taken)
    }
}
