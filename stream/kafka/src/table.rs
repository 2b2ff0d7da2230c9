//! A compacted topic as a table: everything that is in it, then every change.
//!
//! Rows are read from the beginning at each start. A table is small (a row for an athlete, not for a
//! fact), and a place kept elsewhere could disagree with what was made of the rows.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset as At, TopicPartitionList};
use stream_log::{Class, Failure, Partition};

use crate::classify::{Verdict, classify, failed};
use crate::clients::{self, Told};
use crate::codec;
use crate::member::Member;
use crate::settings::KafkaOptions;

/// Rows of one read.
const ROWS_MAX: usize = 1_000;

type Place = (&'static str, Partition);

/// The last one of a key counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRow {
    pub topic: &'static str,
    pub key: String,
    /// `None`: it is gone.
    pub value: Option<Vec<u8>>,
}

pub struct KafkaTable {
    options: KafkaOptions,
    topics: &'static [&'static str],
    consumer: BaseConsumer<Told>,
    /// The next row of each place.
    next: BTreeMap<Place, i64>,
}

impl KafkaTable {
    /// The broker may be away while a table is read for the first time.
    pub const OPEN_LIMIT: Duration = Duration::from_secs(60);

    /// Several tables in one reading; each key belongs to one of them.
    pub fn open(options: &KafkaOptions, topics: &'static [&'static str]) -> Result<Self, Failure> {
        let group = format!("{}-table-{}", options.group(), options.instance);
        let config = clients::reader(options, "table", &group);
        let consumer = BaseConsumer::from_config_and_context(&config, Told::default())
            .map_err(|error| failed("opening a table", error))?;
        let mut list = TopicPartitionList::new();
        let mut next = BTreeMap::new();
        for topic in topics {
            for number in 0..options.partitions {
                let place = (*topic, Partition(number));
                next.insert(place, 0);
                let name = options.topic(topic);
                list.add_partition_offset(&name, codec::number(place.1), At::Beginning)
                    .map_err(|error| failed("reading a table", error))?;
            }
        }
        clients::assign(&consumer, &list).map_err(|error| failed("reading a table", error))?;
        Ok(Self {
            options: options.clone(),
            topics,
            consumer,
            next,
        })
    }

    /// In the order of the topic for each key; empty when nothing came in time.
    pub fn read(&mut self, mut wait: Duration) -> Result<Vec<TableRow>, Failure> {
        let mut rows = Vec::new();
        while rows.len() < ROWS_MAX {
            let message = match self.consumer.poll(wait) {
                None => break,
                Some(Err(error)) if classify(&error) != Verdict::Retry => {
                    return Err(failed("reading a table", error));
                }
                Some(Err(error)) => {
                    tracing::debug!(%error, "reading a table");
                    break;
                }
                Some(Ok(message)) => message,
            };
            wait = Duration::ZERO;
            let named = |topic: &&&str| self.options.topic(topic) == message.topic();
            let Some(topic) = self.topics.iter().find(named) else {
                continue;
            };
            let place = (*topic, codec::partition(message.partition()));
            self.next.insert(place, message.offset().saturating_add(1));
            let value = message.payload().filter(|value| !value.is_empty());
            rows.push(TableRow {
                topic,
                key: String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned(),
                value: value.map(|value| self.options.ids.inward(value.to_vec())),
            });
        }
        Ok(rows)
    }

    /// Everything that is in the topics as this is called.
    pub fn read_all(&mut self) -> Result<Vec<TableRow>, Failure> {
        let started = Instant::now();
        let mut left = loop {
            match self.ends() {
                Err(failure) if failure.class == Class::Retry => {}
                found => break found?,
            }
            if started.elapsed() > Self::OPEN_LIMIT {
                return Err(Failure::new(Class::Retry, "asking for the end of a table"));
            }
        };
        let mut rows = Vec::new();
        drop(self.consumer.context().take_statistics());
        loop {
            rows.extend(self.read(self.options.limits.poll_wait)?);
            let read = |place: &Place| self.next.get(place).copied().unwrap_or_default();
            left.retain(|place, end| read(place) < *end);
            self.drop_emptied(&mut left);
            if left.is_empty() {
                return self.drain(rows);
            }
            if started.elapsed() > Self::OPEN_LIMIT {
                return Err(Failure::new(Class::Retry, "reading a table to its end"));
            }
        }
    }

    /// What came while the end was looked for.
    fn drain(&mut self, mut rows: Vec<TableRow>) -> Result<Vec<TableRow>, Failure> {
        loop {
            let more = self.read(Duration::ZERO)?;
            if more.is_empty() {
                return Ok(rows);
            }
            rows.extend(more);
        }
    }

    /// The last places of a topic may be of rows that are gone: only the client's counts get there.
    fn drop_emptied(&self, left: &mut BTreeMap<Place, i64>) {
        let Some(told) = self.consumer.context().take_statistics() else {
            return;
        };
        left.retain(|(topic, partition), end| {
            let found = told.topics.get(&self.options.topic(topic));
            let one = found.and_then(|one| one.partitions.get(&codec::number(*partition)));
            one.is_none_or(|one| one.fetchq_cnt > 0 || one.next_offset < *end)
        });
    }

    fn ends(&self) -> Result<BTreeMap<Place, i64>, Failure> {
        let mut ends = BTreeMap::new();
        for place in self.next.keys() {
            let name = self.options.topic(place.0);
            let (_, high) = self
                .consumer
                .fetch_watermarks(&name, codec::number(place.1), self.options.limits.call)
                .map_err(|error| failed(format!("asking for the end of {name}"), error))?;
            ends.insert(*place, high);
        }
        Ok(ends)
    }
}

/// Which share of the athletes is this process's, for work that is not processing.
pub struct KafkaShare {
    member: Member,
}

impl KafkaShare {
    /// Shares are the changelog's partitions, dealt among the processes that joined under this name.
    pub fn join(options: &KafkaOptions, name: &str) -> Result<Self, Failure> {
        let mut options = options.clone();
        options.group = name.to_owned();
        Ok(Self {
            member: Member::join(&options)?,
        })
    }

    /// The partitions that are ours now, each with a count that changes when it went and came back.
    pub fn look(&self, wait: Duration) -> Result<BTreeMap<Partition, u64>, Failure> {
        self.member.serve(wait)?;
        Ok(self.member.owned())
    }
}
