//! The settings of every client, each with its reason. What is not written here is librdkafka's
//! own default and meant to be.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionList;

use crate::settings::{GroupProtocol, KafkaOptions};

/// Largest record: a body of ingest with its envelope.
const RECORD_BYTES_MAX: usize = 20 * 1024 * 1024;
/// Room of the producer's own queue over what this crate lets into it.
const QUEUE_KIB_MAX: usize = 256 * 1024;
const QUEUE_RECORDS_MAX: usize = 200_000;
/// Records fetched ahead of a partition.
const PREFETCH_RECORDS: usize = 5_000;

fn milliseconds(duration: Duration) -> String {
    duration.as_millis().to_string()
}

/// What all of them have.
pub(crate) fn common(options: &KafkaOptions, role: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &options.brokers)
        // Members with equal names were seen to confuse assignors.
        .set(
            "client.id",
            format!(
                "{}{}-{}-{role}",
                options.prefix, options.group, options.instance
            ),
        )
        // A broker that comes back is found within a second, not ten.
        .set("reconnect.backoff.max.ms", "1000")
        // Without delay for small requests: a commit is several of them in a row.
        .set("socket.nagle.disable", "true")
        .set("log.connection.close", "false")
        .set_log_level(RDKafkaLogLevel::Warning);
    let security = &options.security;
    let protocol = match (security.tls, security.user.is_some()) {
        (false, false) => return config,
        (true, false) => "ssl",
        (false, true) => "sasl_plaintext",
        (true, true) => "sasl_ssl",
    };
    config.set("security.protocol", protocol);
    if let Some(file) = &security.ca_file {
        config.set("ssl.ca.location", file.display().to_string());
    }
    if let Some(user) = &security.user {
        config
            .set("sasl.mechanism", "SCRAM-SHA-512")
            .set("sasl.username", user)
            .set("sasl.password", security.password.as_deref().unwrap_or(""));
    }
    config
}

fn producer(options: &KafkaOptions, role: &str) -> ClientConfig {
    let mut config = common(options, role);
    config
        // Sequence numbers: a retry does not double a record.
        .set("enable.idempotence", "true")
        .set("acks", "all")
        // The partition is always said, by the same hash as Java's default; this is for nobody's key.
        .set("partitioner", "murmur2_random")
        .set("compression.type", "lz4")
        .set("message.max.bytes", RECORD_BYTES_MAX.to_string())
        .set("queue.buffering.max.kbytes", QUEUE_KIB_MAX.to_string())
        .set(
            "queue.buffering.max.messages",
            QUEUE_RECORDS_MAX.to_string(),
        )
        // Batches form while a request is under way; more waiting is only latency.
        .set("linger.ms", "2");
    config
}

/// One for each host.
pub(crate) fn transactional(options: &KafkaOptions) -> ClientConfig {
    let mut config = producer(options, "unit");
    let limits = &options.limits;
    config
        .set("transactional.id", options.transactional_id())
        // The bound of a fail-over in the middle of a commit.
        .set("transaction.timeout.ms", milliseconds(limits.transaction))
        // A record that outlives its transaction is of no use.
        .set("message.timeout.ms", milliseconds(limits.transaction));
    config
}

/// Ingest, and ticks.
pub(crate) fn appending(options: &KafkaOptions) -> ClientConfig {
    let mut config = producer(options, "append");
    config.set("message.timeout.ms", milliseconds(options.limits.delivery));
    config
}

fn consumer(options: &KafkaOptions, role: &str, group: &str) -> ClientConfig {
    let mut config = common(options, role);
    config
        .set("group.id", group)
        // Positions are committed in a transaction, or after the store, never by the clock.
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // Nothing of an open or an aborted transaction; and committed positions that are settled.
        .set("isolation.level", "read_committed")
        // A position that is gone is a loss to be told of, not to be jumped over.
        .set("auto.offset.reset", "error")
        .set("fetch.wait.max.ms", "50")
        .set("fetch.error.backoff.ms", "50")
        .set("fetch.message.max.bytes", (4 * 1024 * 1024).to_string())
        .set("queued.min.messages", PREFETCH_RECORDS.to_string())
        .set(
            "queued.max.messages.kbytes",
            options.limits.prefetch_kib.to_string(),
        )
        // Our records end in checksums of their own only when embedded.
        .set("check.crcs", "true");
    config
}

/// Says who owns what. Its partitions are paused: it reads nothing.
pub(crate) fn member(options: &KafkaOptions) -> ClientConfig {
    let mut config = consumer(options, "member", &options.group());
    let limits = &options.limits;
    config.set("auto.offset.reset", "latest").set(
        "max.poll.interval.ms",
        milliseconds(limits.max_poll_interval),
    );
    match options.group_protocol {
        // No static membership: the successor of a crashed member would be refused until its
        // session ends.
        GroupProtocol::Consumer => {
            config.set("group.protocol", "consumer");
        }
        GroupProtocol::Classic => {
            config
                .set("group.protocol", "classic")
                .set("partition.assignment.strategy", "cooperative-sticky")
                .set("session.timeout.ms", milliseconds(limits.session))
                .set("heartbeat.interval.ms", milliseconds(limits.session / 5));
        }
    }
    config
}

/// Reads inputs, changelogs or facts at places that it is told, and tells how far it is.
pub(crate) fn reader(options: &KafkaOptions, role: &str, group: &str) -> ClientConfig {
    let mut config = consumer(options, role, group);
    config.set(
        "statistics.interval.ms",
        milliseconds(options.limits.statistics),
    );
    config
}

/// Asks for the ends of topics, with what is in transactions that are open.
pub(crate) fn onlooker(options: &KafkaOptions, group: &str) -> ClientConfig {
    let mut config = consumer(options, "onlooker", group);
    config.set("isolation.level", "read_uncommitted");
    config
}

/// Reads on at these places, and nowhere else.
///
/// librdkafka 2.12 stops a partition twice that is assigned once more while it is still being stopped,
/// and aborts the process when it hears of the second stop (`assert: rktp->rktp_started`). Two assignments
/// one right after the other do that where its thread is slow. It works off one queue in order: the
/// first question comes after the stops that the assignment asked for, the second after their answers.
pub(crate) fn assign<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    places: &TopicPartitionList,
) -> KafkaResult<()> {
    consumer.assign(places)?;
    for _ in ["stops", "their answers"] {
        consumer.assignment()?;
    }
    Ok(())
}

/// What a client says by itself: its log goes to ours, and its counts are kept.
#[derive(Default)]
pub(crate) struct Told {
    brokers_away: AtomicBool,
    statistics: Mutex<Option<Statistics>>,
}

impl Told {
    pub(crate) fn brokers_away(&self) -> bool {
        self.brokers_away.load(Ordering::Acquire)
    }

    pub(crate) fn broker_answered(&self) {
        self.brokers_away.store(false, Ordering::Release);
    }

    pub(crate) fn take_statistics(&self) -> Option<Statistics> {
        self.statistics
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take()
    }
}

impl ClientContext for Told {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error => tracing::warn!(facility, message, "kafka client"),
            _ => tracing::debug!(facility, message, "kafka client"),
        }
    }

    fn stats(&self, statistics: Statistics) {
        *self
            .statistics
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            self.brokers_away.store(true, Ordering::Release);
        }
        tracing::debug!(%error, reason, "kafka client");
    }
}

impl ConsumerContext for Told {}
