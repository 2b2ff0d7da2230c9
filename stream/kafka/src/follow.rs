//! Everything that is committed, facts, inputs and changes of state, for who keeps a copy.
//!
//! Within one answer inputs stand before facts, so that a copy in this order has a cause before what
//! follows from it where both came together; what came apart is the copy's own to hold back.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::{Offset as At, TopicPartitionList};
use stream_log::{BucketId, Failure, Key, LogTime, Offset, Partition, Sequenced};

use crate::classify::{Verdict, classify, failed};
use crate::clients::{self, Told};
use crate::codec::{self, Change};
use crate::ends::{Onlooker, ends};
use crate::settings::KafkaOptions;

const BYTES_MAX: usize = 16 * 1024 * 1024;
const LOOK: Duration = Duration::from_millis(20);
const END_LIMIT: Duration = Duration::from_secs(10);

/// The next record of each topic's partition.
pub type Places = BTreeMap<(&'static str, Partition), i64>;

/// One thing that was committed.
#[derive(Clone, Debug)]
pub enum Followed {
    /// With the offset that it has in its topic.
    Record(Sequenced),
    State {
        partition: Partition,
        offset: Offset,
        news: StateNews,
        /// Inputs that were processed, by topic: the last of each.
        processed: Vec<(String, Offset)>,
    },
}

#[derive(Clone, Debug)]
pub enum StateNews {
    Bucket(Key, BucketId, Option<Vec<u8>>),
    Timer(Key, Vec<u8>, Option<LogTime>),
    Counter(String, i64),
    /// The end of a commit: the next input of every topic that is not in it.
    Inputs(BTreeMap<String, i64>),
    /// Somebody became the owner.
    Nothing,
}

pub struct KafkaFollower {
    options: KafkaOptions,
    consumer: BaseConsumer<Told>,
    onlooker: Onlooker,
    /// After what was given.
    given: Places,
    /// Fetched, with the place after it.
    held: VecDeque<((&'static str, Partition), i64, Followed)>,
    held_bytes: usize,
    heard: Heard,
}

/// How far the client has read, marks of transactions included. It tells of its places and of all that
/// waits in its one queue: what it had read by then is fetched once as much has been taken from there.
#[derive(Default)]
struct Heard {
    /// Taken from the queue.
    taken: u64,
    /// Places that hold once so much is taken.
    told: Option<(u64, Places)>,
    read: Places,
}

impl Heard {
    fn take(&mut self) {
        self.taken = self.taken.saturating_add(1);
        if self.told.as_ref().is_some_and(|(at, _)| self.taken >= *at) {
            self.read = self.told.take().map(|(_, read)| read).unwrap_or_default();
        }
    }

    fn hear(&mut self, options: &KafkaOptions, told: &Statistics) {
        let mut waiting = 0;
        let mut read = Places::new();
        for (name, topic) in &told.topics {
            let Some(known) = options.known(name) else {
                continue;
            };
            for (number, one) in &topic.partitions {
                waiting = waiting.max(u64::try_from(one.fetchq_cnt).unwrap_or(0));
                read.insert((known, codec::partition(*number)), one.next_offset);
            }
        }
        if waiting == 0 {
            self.told = None;
            self.read = read;
        } else if self.told.is_none() {
            self.told = Some((self.taken.saturating_add(waiting), read));
        }
    }

    fn is_read(&self, place: &(&'static str, Partition), end: i64) -> bool {
        self.read.get(place).is_some_and(|next| *next >= end)
    }
}

impl KafkaFollower {
    /// From these places on; the beginning where there is none.
    pub fn open(options: &KafkaOptions, places: Places) -> Result<Self, Failure> {
        let group = format!("{}-copy-{}", options.group(), options.instance);
        let config = clients::reader(options, "copy", &group);
        let consumer = BaseConsumer::from_config_and_context(&config, Told::default())
            .map_err(|error| failed("opening a reader of the whole log", error))?;
        let follower = Self {
            options: options.clone(),
            consumer,
            onlooker: Onlooker::open(options, &group)?,
            given: places,
            held: VecDeque::new(),
            held_bytes: 0,
            heard: Heard::default(),
        };
        let given = &follower.given;
        let list =
            follower.list(|place| At::Offset(given.get(place).copied().unwrap_or_default()))?;
        clients::assign(&follower.consumer, &list)
            .map_err(|error| failed("reading the whole log", error))?;
        Ok(follower)
    }

    /// Bounded by count and bytes; empty when nothing came in time.
    pub fn read(&mut self, max: usize, wait: Duration) -> Result<Vec<Followed>, Failure> {
        self.fetch(max, wait)?;
        let mut found = Vec::new();
        while found.len() < max
            && let Some((place, next, one)) = self.held.pop_front()
        {
            self.given.insert(place, next);
            found.push(one);
        }
        if self.held.is_empty() {
            self.held_bytes = 0;
        }
        Ok(found)
    }

    fn fetch(&mut self, max: usize, mut wait: Duration) -> Result<(), Failure> {
        if let Some(told) = self.consumer.context().take_statistics() {
            self.heard.hear(&self.options, &told);
        }
        while self.held.len() < max && self.held_bytes < BYTES_MAX {
            let polled = self.consumer.poll(wait);
            if polled.is_some() {
                self.heard.take();
            }
            let message = match polled {
                None => break,
                Some(Err(error)) if classify(&error) != Verdict::Retry => {
                    return Err(failed("reading the whole log", error));
                }
                Some(Err(error)) => {
                    tracing::debug!(%error, "reading the whole log");
                    break;
                }
                Some(Ok(message)) => message,
            };
            wait = Duration::ZERO;
            let Some(topic) = self.options.known(message.topic()) else {
                continue;
            };
            let partition = codec::partition(message.partition());
            self.held_bytes = self.held_bytes.saturating_add(message.payload_len());
            let one = if topic == self.options.changelog {
                news(&message, partition)?
            } else {
                Followed::Record(codec::sequenced(&message, topic, &self.options.ids))
            };
            let next = message.offset().saturating_add(1);
            self.held.push_back(((topic, partition), next, one));
        }
        Ok(())
    }

    /// Where the next answer goes on.
    pub fn places(&self) -> &Places {
        &self.given
    }

    /// The ends of what is decided now, marks of transactions included.
    pub fn ends(&self) -> Result<Places, Failure> {
        ends(&self.consumer, &self.options, self.list(|_| At::End)?)
    }

    /// The ends of all that is written now, in transactions that are open, too.
    pub fn written_ends(&self) -> Result<Places, Failure> {
        self.onlooker
            .written_ends(&self.options, self.list(|_| At::End)?)
    }

    /// Takes out what was given up to its end. Waits for nothing: where an end is a mark, it takes until
    /// the client tells its counts again.
    pub fn pass(&self, ends: &mut Places) {
        ends.retain(|place, end| {
            let is_held = self.held.iter().any(|(held, ..)| held == place);
            let given = self.given.get(place).copied().unwrap_or_default();
            given < *end && (is_held || !self.heard.is_read(place, *end))
        });
    }

    /// Whether everything that was written when this is asked is decided, and was given where it was
    /// committed. Waits for the client's own counts, because the end of a topic may be a mark.
    pub fn is_at_end(&mut self) -> Result<bool, Failure> {
        if !self.held.is_empty() {
            return Ok(false);
        }
        let started = Instant::now();
        let list = self.list(|_| At::End)?;
        let decided = self
            .onlooker
            .decided_ends(&self.consumer, &self.options, list)?;
        let Some(mut wanted) = decided else {
            return Ok(false);
        };
        loop {
            self.pass(&mut wanted);
            if wanted.is_empty() {
                return Ok(true);
            }
            if started.elapsed() > END_LIMIT {
                return Ok(false);
            }
            self.fetch(1, LOOK)?;
            if !self.held.is_empty() {
                return Ok(false);
            }
        }
    }

    fn list(
        &self,
        at: impl Fn(&(&'static str, Partition)) -> At,
    ) -> Result<TopicPartitionList, Failure> {
        let mut list = TopicPartitionList::new();
        for (topic, _) in self.options.topics {
            for number in 0..self.options.partitions {
                let place = (*topic, Partition(number));
                list.add_partition_offset(
                    &self.options.topic(topic),
                    codec::number(place.1),
                    at(&place),
                )
                .map_err(|error| failed("reading the whole log", error))?;
            }
        }
        Ok(list)
    }
}

fn news(
    message: &rdkafka::message::BorrowedMessage<'_>,
    partition: Partition,
) -> Result<Followed, Failure> {
    let change = codec::read_change(message.key().unwrap_or_default(), message.payload())?;
    let mut processed = Vec::new();
    let headers = message.headers();
    for header in headers.iter().flat_map(|headers| headers.iter()) {
        if header.key == codec::SOURCE {
            let text = String::from_utf8_lossy(header.value.unwrap_or_default()).into_owned();
            processed.extend(text.split(' ').filter_map(last_of));
        }
    }
    Ok(Followed::State {
        partition,
        offset: codec::offset(message.offset()),
        news: match change {
            Change::State(athlete, bucket, value) => StateNews::Bucket(athlete, bucket, value),
            Change::Timer(athlete, id, due) => StateNews::Timer(athlete, id, due),
            Change::Counter(name, count) => StateNews::Counter(name, count),
            Change::Positions(next) => StateNews::Inputs(next),
            Change::Mark(_) => StateNews::Nothing,
        },
        processed,
    })
}

/// `topic/partition/offset`.
fn last_of(place: &str) -> Option<(String, Offset)> {
    let (rest, offset) = place.rsplit_once('/')?;
    let (topic, _) = rest.rsplit_once('/')?;
    Some((topic.to_owned(), Offset(offset.parse().ok()?)))
}
