//! What a host is opened with, and its limits.

use std::path::PathBuf;
use std::time::Duration;

use stream_log::{LogTime, Topics};

/// One catalogue, many settings: what a topic is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    pub name: &'static str,
    /// The last record of a key stays; everything else stays too where this is false.
    pub compacted: bool,
    /// Largest record, with room for its envelope.
    pub record_bytes_max: u32,
}

/// How members of a group agree on who owns what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupProtocol {
    /// The broker assigns (brokers from 4.0 on).
    #[default]
    Consumer,
    /// The members assign among themselves, moving only what has to move.
    Classic,
}

/// How a broker knows us, and we it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Security {
    pub tls: bool,
    /// A file of certificates that are trusted; without it, the system's.
    pub ca_file: Option<PathBuf>,
    /// SCRAM-SHA-512.
    pub user: Option<String>,
    pub password: Option<String>,
}

#[derive(Clone, Debug)]
pub struct KafkaOptions {
    /// `host:port`, separated by commas.
    pub brokers: String,
    /// Stands before every topic, group and transactional id: several worlds on one broker.
    pub prefix: String,
    pub group: String,
    /// Names this process over its restarts, so that a new life shuts out the last one.
    pub instance: String,
    pub group_protocol: GroupProtocol,
    pub partitions: u32,
    /// Every topic's name, and whether the processors read it.
    pub topics: Topics,
    /// Topic of the state's changes.
    pub changelog: &'static str,
    /// Where partitions keep their state between two lives.
    pub state: PathBuf,
    pub security: Security,
    /// Ids of schemas, where they are not those of the lock file.
    pub ids: std::sync::Arc<crate::registry::SchemaIds>,
    pub limits: KafkaLimits,
    /// The time of day; kept state has an age.
    pub now: fn() -> LogTime,
}

/// Named limits; the defaults are those of production, tests shorten them.
#[derive(Clone, Copy, Debug)]
pub struct KafkaLimits {
    /// Least time between two commits; what arrives in between is one batch. Below 50 ms a broker
    /// pays more for transactions than anybody gains.
    pub commit_interval: Duration,
    /// How long a poll waits for the first record.
    pub poll_wait: Duration,
    /// How long one call to a broker may take before it is made again.
    pub call: Duration,
    /// How long a transaction may stay open. Also how long the partitions of a host that died in
    /// the middle of one are blocked.
    pub transaction: Duration,
    /// A call that did not return by then, with its retries, ends the process. Longer than
    /// `transaction`: a call that still answers is given up in an orderly way before.
    pub watchdog: Duration,
    /// A member that is not heard of for so long is taken for dead (classic protocol; otherwise it
    /// is the broker's setting).
    pub session: Duration,
    /// A member that does not poll for so long is taken for stuck.
    pub max_poll_interval: Duration,
    /// How long ingest waits for its records to be durable before it refuses.
    pub delivery: Duration,
    /// Bytes that wait for the broker at ingest; beyond it, appends are refused.
    pub queued_bytes: usize,
    /// Bytes that are fetched ahead.
    pub prefetch_kib: usize,
    /// How often a client tells its counts.
    pub statistics: Duration,
}

impl Default for KafkaLimits {
    fn default() -> Self {
        Self {
            commit_interval: Duration::from_millis(50),
            poll_wait: Duration::from_millis(50),
            call: Duration::from_secs(5),
            transaction: Duration::from_secs(15),
            watchdog: Duration::from_secs(25),
            session: Duration::from_secs(10),
            max_poll_interval: Duration::from_mins(2),
            delivery: Duration::from_secs(8),
            queued_bytes: 64 * 1024 * 1024,
            prefetch_kib: 16 * 1024,
            statistics: Duration::from_millis(500),
        }
    }
}

impl KafkaOptions {
    pub(crate) fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The catalogue's own name of a topic on the broker.
    pub(crate) fn known(&self, name: &str) -> Option<&'static str> {
        let bare = name.strip_prefix(&self.prefix)?;
        let mut topics = self.topics.iter();
        topics
            .find(|(known, _)| *known == bare)
            .map(|(known, _)| *known)
    }

    pub(crate) fn inputs(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.topics
            .iter()
            .filter(|(_, input)| *input)
            .map(|(name, _)| *name)
    }

    pub(crate) fn group(&self) -> String {
        format!("{}{}", self.prefix, self.group)
    }

    pub(crate) fn transactional_id(&self) -> String {
        format!("{}{}.{}", self.prefix, self.group, self.instance)
    }
}
