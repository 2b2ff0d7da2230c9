//! Bringing records in: durable on all replicas in sync before anybody is told.
//!
//! It keeps nothing for a broker that is away: what waits has a limit in bytes and in time, and while
//! no broker answers everything is refused at once, but for one delivery at a time that tries.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use stream_log::{Append, Appended, Class, Failure, Partition, Record, partition_of};

use crate::classify::failed;
use crate::clients::{self, Told};
use crate::codec::{self, footprint};
use crate::settings::KafkaOptions;

/// Between two tries of a broker that is away. A try waits as long as a delivery may take; whoever comes
/// in between is refused at once.
const TRY_EVERY: Duration = Duration::from_secs(1);
/// The rest of what is queued is waited for so long when the last appender goes.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

pub type Callback = Box<dyn FnOnce(Result<Vec<Appended>, Failure>) + Send>;

/// Cheap to clone.
#[derive(Clone)]
pub struct KafkaAppender {
    shared: Arc<Shared>,
}

struct Shared {
    producer: ThreadedProducer<Answers>,
    options: KafkaOptions,
    tries: Arc<Mutex<Tries>>,
}

/// Deliveries that try a broker that is away, one at a time: with few senders all of them would wait
/// otherwise, and nobody be refused at once.
#[derive(Default)]
struct Tries {
    is_under_way: bool,
    ended: Option<Instant>,
}

impl Tries {
    fn begin(&mut self) -> bool {
        let is_due = self.ended.is_none_or(|at| at.elapsed() >= TRY_EVERY);
        let begins = is_due && !self.is_under_way;
        self.is_under_way |= begins;
        begins
    }

    fn end(&mut self) {
        self.is_under_way = false;
        self.ended = Some(Instant::now());
    }
}

#[derive(Default)]
struct Answers {
    told: Told,
    queued_bytes: AtomicUsize,
}

/// Records that are told of together.
struct Delivery {
    waiting: AtomicUsize,
    answer: Mutex<Answer>,
}

struct Answer {
    places: Vec<Option<Appended>>,
    refused: Option<KafkaError>,
    callback: Option<Callback>,
}

/// One record of a delivery.
struct Part {
    delivery: Arc<Delivery>,
    index: usize,
    bytes: usize,
}

impl ClientContext for Answers {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.told.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.told.error(error, reason);
    }
}

impl ProducerContext for Answers {
    type DeliveryOpaque = Box<Part>;

    fn delivery(&self, result: &DeliveryResult<'_>, part: Box<Part>) {
        self.queued_bytes.fetch_sub(part.bytes, Ordering::AcqRel);
        let result = match result {
            Ok(message) => {
                self.told.broker_answered();
                Ok(Appended {
                    partition: codec::partition(message.partition()),
                    offset: codec::offset(message.offset()),
                })
            }
            Err((error, _)) => Err(error.clone()),
        };
        part.delivery.tell(part.index, result);
    }
}

impl Delivery {
    fn tell(&self, index: usize, result: Result<Appended, KafkaError>) {
        let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(appended) => {
                if let Some(place) = answer.places.get_mut(index) {
                    *place = Some(appended);
                }
            }
            Err(error) => {
                answer.refused.get_or_insert(error);
            }
        }
        if self.waiting.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        let Some(callback) = answer.callback.take() else {
            return;
        };
        let told = match answer.refused.take() {
            None => Ok(answer.places.drain(..).flatten().collect()),
            Some(error) => Err(refusal(error)),
        };
        drop(answer);
        callback(told);
    }
}

/// What is told of a record that was not delivered: the same one may be taken later.
fn refusal(error: KafkaError) -> Failure {
    let attempted = "appending to the log";
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize) => {
            Failure::new(Class::DeadLetter, attempted).with_source(error)
        }
        Some(RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::Fatal) => {
            Failure::new(Class::Stop, attempted).with_source(error)
        }
        _ => Failure::new(Class::Retry, attempted).with_source(error),
    }
}

impl KafkaAppender {
    pub fn open(options: &KafkaOptions) -> Result<Self, Failure> {
        let producer = ThreadedProducer::from_config_and_context(
            &clients::appending(options),
            Answers::default(),
        )
        .map_err(|error| failed("opening the producer of ingest", error))?;
        Ok(Self {
            shared: Arc::new(Shared {
                producer,
                options: options.clone(),
                tries: Arc::default(),
            }),
        })
    }

    /// Returns at once; the callback runs on the client's thread when all records are durable, or
    /// when one of them is not. It must be quick.
    ///
    /// An error is told at once, and then the callback is not called.
    pub fn append_with(&self, records: Vec<Record>, callback: Callback) -> Result<(), Failure> {
        let partitions = self.shared.options.partitions;
        let placed = records.into_iter().map(|record| {
            let partition = partition_of(record.key.as_str(), partitions);
            (partition, record)
        });
        self.send(placed.collect(), callback)
    }

    /// Waits until the record is durable in the partition that is said.
    pub(crate) fn append_to(
        &self,
        partition: Partition,
        record: Record,
    ) -> Result<Vec<Appended>, Failure> {
        self.wait(vec![(partition, record)])
    }

    /// Whether a broker answered, as far as is known.
    pub fn is_up(&self) -> bool {
        !self.shared.producer.context().told.brokers_away()
    }

    fn wait(&self, records: Vec<(Partition, Record)>) -> Result<Vec<Appended>, Failure> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let (sender, receiver) = sync_channel(1);
        self.send(
            records,
            Box::new(move |result| {
                if sender.send(result).is_err() {
                    tracing::debug!("nobody waits for an append any more");
                }
            }),
        )?;
        receiver
            .recv()
            .unwrap_or_else(|_| Err(Failure::new(Class::Retry, "appending to the log")))
    }

    fn send(&self, records: Vec<(Partition, Record)>, callback: Callback) -> Result<(), Failure> {
        if records.is_empty() {
            callback(Ok(Vec::new()));
            return Ok(());
        }
        let callback = match self.admit(&records)? {
            true => self.trying(callback),
            false => callback,
        };
        let delivery = Arc::new(Delivery {
            waiting: AtomicUsize::new(records.len()),
            answer: Mutex::new(Answer {
                places: vec![None; records.len()],
                refused: None,
                callback: Some(callback),
            }),
        });
        for (index, (partition, record)) in records.iter().enumerate() {
            self.produce(*partition, record, index, &delivery);
        }
        Ok(())
    }

    fn produce(
        &self,
        partition: Partition,
        record: &Record,
        index: usize,
        delivery: &Arc<Delivery>,
    ) {
        let bytes = footprint(record);
        let topic = self.shared.options.topic(record.topic.0);
        let part = Box::new(Part {
            delivery: Arc::clone(delivery),
            index,
            bytes,
        });
        let mut next = BaseRecord::<[u8], [u8], Box<Part>>::with_opaque_to(&topic, part)
            .partition(codec::number(partition))
            .key(record.key.as_str().as_bytes())
            .timestamp(codec::timestamp_ms(record.received_at))
            .headers(codec::headers(record));
        // None at all where it is empty: in a compacted topic that removes the key.
        let value = self.shared.options.ids.outward(&record.value);
        if !value.is_empty() {
            next = next.payload(&value);
        }
        if let Err((error, _)) = self.shared.producer.send(next) {
            let queued = &self.shared.producer.context().queued_bytes;
            queued.fetch_sub(bytes, Ordering::AcqRel);
            delivery.tell(index, Err(error));
        }
    }

    fn tries(&self) -> MutexGuard<'_, Tries> {
        let tries = self.shared.tries.lock();
        tries.unwrap_or_else(PoisonError::into_inner)
    }

    /// What ends the try when it is told.
    fn trying(&self, callback: Callback) -> Callback {
        let tries = Arc::clone(&self.shared.tries);
        Box::new(move |result| {
            tries.lock().unwrap_or_else(PoisonError::into_inner).end();
            callback(result);
        })
    }

    /// All of it or none: beyond the limits nothing is queued. Says whether it tries a broker that is
    /// away.
    fn admit(&self, records: &[(Partition, Record)]) -> Result<bool, Failure> {
        let shared = &self.shared;
        let tries = shared.producer.context().told.brokers_away();
        if tries && !self.tries().begin() {
            return Err(Failure::new(
                Class::Retry,
                "appending to the log: no broker answers",
            ));
        }
        let bytes: usize = records.iter().map(|(_, record)| footprint(record)).sum();
        let queued = &shared.producer.context().queued_bytes;
        let before = queued.fetch_add(bytes, Ordering::AcqRel);
        if before > 0 && before.saturating_add(bytes) > shared.options.limits.queued_bytes {
            queued.fetch_sub(bytes, Ordering::AcqRel);
            if tries {
                self.tries().end();
            }
            return Err(Failure::new(
                Class::Retry,
                "appending to a log that is behind",
            ));
        }
        Ok(tries)
    }
}

impl Append for KafkaAppender {
    fn append(&self, records: Vec<Record>) -> Result<Vec<Appended>, Failure> {
        let partitions = self.shared.options.partitions;
        let placed = records.into_iter().map(|record| {
            let partition = partition_of(record.key.as_str(), partitions);
            (partition, record)
        });
        self.wait(placed.collect())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Err(error) = self.producer.flush(CLOSE_LIMIT) {
            tracing::debug!(%error, "closing the producer of ingest");
        }
    }
}
