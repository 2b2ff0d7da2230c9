//! One transactional producer and its bounded calls.
//!
//! `run` is one whole transaction: begin, the records, the positions, commit. It comes back with the
//! transaction ended, one way or the other, or with a failure that says `Rebuild`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::TopicPartitionList;
use stream_log::{Class, Failure};

use crate::classify::{Verdict, classify, failed};
use crate::clients::{self, Told};
use crate::settings::KafkaOptions;
use crate::watchdog::Watchdog;

/// A call that took longer may have been sent twice by the client: an old request could then end a
/// later transaction. A new producer shuts it out.
const DOUBT_AFTER: Duration = Duration::from_secs(2);
const NAP: Duration = Duration::from_micros(200);
const RETRY_NAP: Duration = Duration::from_millis(20);

/// A record as it is produced.
pub(crate) struct Outgoing<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) key: &'a [u8],
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) timestamp_ms: i64,
    pub(crate) headers: OwnedHeaders,
}

pub(crate) type UnitProducer = ThreadedProducer<Delivered>;

/// Where the records of the present transaction went.
pub(crate) struct Delivered {
    told: Told,
    /// Topic whose places are wanted.
    changelog: String,
    last: Mutex<BTreeMap<i32, i64>>,
    refused: Mutex<Option<KafkaError>>,
}

impl ClientContext for Delivered {
    fn log(&self, level: rdkafka::config::RDKafkaLogLevel, facility: &str, message: &str) {
        self.told.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.told.error(error, reason);
    }
}

impl ProducerContext for Delivered {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(message) if message.topic() == self.changelog => {
                let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
                let place = last.entry(message.partition()).or_insert(-1);
                *place = message.offset().max(*place);
            }
            Ok(_) => {}
            Err((error, _)) => {
                let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
                refused.get_or_insert_with(|| error.clone());
            }
        }
    }
}

pub(crate) struct Transactions {
    producer: UnitProducer,
    config: ClientConfig,
    changelog: String,
    call: Duration,
    limit: Duration,
    watchdog: Watchdog,
    in_doubt: bool,
}

impl Transactions {
    /// Shuts out whoever had this id before, and ends what he left open.
    pub(crate) fn open(options: &KafkaOptions) -> Result<Self, Failure> {
        let limits = &options.limits;
        let watchdog = Watchdog::new(limits.watchdog).map_err(|error| {
            Failure::new(Class::Stop, "starting the watchdog").with_source(error)
        })?;
        let config = clients::transactional(options);
        let changelog = options.topic(options.changelog);
        let mut opened = Self {
            producer: producer(&config, &changelog)?,
            config,
            changelog,
            call: limits.call,
            limit: limits.transaction,
            watchdog,
            in_doubt: false,
        };
        opened.init()?;
        Ok(opened)
    }

    fn init(&mut self) -> Result<(), Failure> {
        let (producer, call) = (&self.producer, self.call);
        self.bounded("taking over the transactional id", || {
            producer.init_transactions(call)
        })
    }

    /// One transaction. The places of its records in the changelog, by partition, once it is
    /// committed; after an error nothing of it is visible, or it is in doubt (`Rebuild`).
    pub(crate) fn run<'a>(
        &mut self,
        records: impl Iterator<Item = Outgoing<'a>>,
        positions: Option<(&TopicPartitionList, &ConsumerGroupMetadata)>,
    ) -> Result<BTreeMap<i32, i64>, Failure> {
        if self.in_doubt {
            self.producer = producer(&self.config, &self.changelog)?;
            self.init()?;
            self.in_doubt = false;
        }
        let context = Arc::clone(self.producer.context());
        context
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        *context
            .refused
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
        self.producer
            .begin_transaction()
            .map_err(|error| as_rebuild(failed("beginning a transaction", error)))?;
        match self.fill_and_commit(records, positions) {
            Ok(()) => {
                let mut last = context.last.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(std::mem::take(&mut *last))
            }
            Err(failure) if failure.class == Class::Rebuild => Err(failure),
            Err(failure) => {
                self.abort()?;
                Err(failure)
            }
        }
    }

    fn fill_and_commit<'a>(
        &mut self,
        records: impl Iterator<Item = Outgoing<'a>>,
        positions: Option<(&TopicPartitionList, &ConsumerGroupMetadata)>,
    ) -> Result<(), Failure> {
        for record in records {
            self.produce(record)?;
        }
        // First the records, then the question whether they are ours to write: a broker that lets the
        // positions in has all records before anything that a later owner writes.
        self.wait_for_deliveries()?;
        let call = self.call;
        if let Some((positions, owner)) = positions {
            let producer = &self.producer;
            self.bounded("adding positions to a transaction", || {
                producer.send_offsets_to_transaction(positions, owner, call)
            })?;
        }
        let started = Instant::now();
        let producer = &self.producer;
        let committed = self.bounded("committing a transaction", || {
            producer.commit_transaction(call)
        });
        self.in_doubt |= started.elapsed() > DOUBT_AFTER;
        committed
    }

    fn produce(&self, record: Outgoing<'_>) -> Result<(), Failure> {
        let topic = record.topic;
        let mut next = BaseRecord::<[u8], [u8]>::to(topic)
            .partition(record.partition)
            .key(record.key)
            .timestamp(record.timestamp_ms)
            .headers(record.headers);
        if let Some(value) = record.value {
            next = next.payload(value);
        }
        let mut waiting: Option<Instant> = None;
        while let Err((error, back)) = self.producer.send(next) {
            let since = *waiting.get_or_insert_with(Instant::now);
            let full = classify(&error) == Verdict::Retry;
            if !full || since.elapsed() > self.limit {
                return Err(failed(format!("producing to {topic}"), error));
            }
            std::thread::sleep(NAP);
            next = back;
        }
        Ok(())
    }

    /// The client's own wait polls in steps of 100 ms while another thread takes the answers.
    fn wait_for_deliveries(&self) -> Result<(), Failure> {
        let started = Instant::now();
        while self.producer.in_flight_count() > 0 {
            if started.elapsed() > self.limit {
                return Err(Failure::new(
                    Class::Abort,
                    "waiting for the records of a transaction",
                ));
            }
            std::thread::sleep(NAP);
        }
        let context = self.producer.context();
        let refused = context
            .refused
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match refused {
            Some(error)
                if error.rdkafka_error_code() == Some(RDKafkaErrorCode::MessageSizeTooLarge) =>
            {
                Err(failed("delivering a record of a transaction", error))
            }
            Some(error) => Err(
                Failure::new(Class::Abort, "delivering a record of a transaction")
                    .with_source(error),
            ),
            None => Ok(()),
        }
    }

    fn abort(&mut self) -> Result<(), Failure> {
        let (producer, call) = (&self.producer, self.call);
        let started = Instant::now();
        let aborted = self
            .bounded("aborting a transaction", || {
                producer.abort_transaction(call)
            })
            .map_err(as_rebuild);
        self.in_doubt |= started.elapsed() > DOUBT_AFTER;
        aborted
    }

    /// Again while the client says that this resumes the call; what is undecided when the
    /// transaction has timed out is in doubt.
    fn bounded(
        &self,
        attempted: &'static str,
        call: impl Fn() -> Result<(), KafkaError>,
    ) -> Result<(), Failure> {
        let started = Instant::now();
        self.watchdog.call(|| {
            loop {
                let Err(error) = call() else {
                    return Ok(());
                };
                if classify(&error) != Verdict::Retry {
                    return Err(failed(attempted, error));
                }
                if started.elapsed() > self.limit {
                    return Err(as_rebuild(failed(attempted, error)));
                }
                tracing::debug!(%error, attempted, "again");
                std::thread::sleep(RETRY_NAP);
            }
        })
    }
}

fn as_rebuild(failure: Failure) -> Failure {
    if failure.class == Class::Stop {
        return failure;
    }
    Failure::new(Class::Rebuild, failure.attempted.clone()).with_source(failure)
}

fn producer(config: &ClientConfig, changelog: &str) -> Result<UnitProducer, Failure> {
    let context = Delivered {
        told: Told::default(),
        changelog: changelog.to_owned(),
        last: Mutex::new(BTreeMap::new()),
        refused: Mutex::new(None),
    };
    UnitProducer::from_config_and_context(config, context)
        .map_err(|error| failed("opening the transactional producer", error))
}
