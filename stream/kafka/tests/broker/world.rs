//! A world of topics on a real broker, made for one test and removed after it.

#![allow(dead_code, reason = "each test target uses a part of it")]

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, Producer};
use stream_kafka::{
    GroupProtocol, KafkaAppender, KafkaHost, KafkaLimits, KafkaOptions, Security, TopicSpec,
    create_topics, delete_topics,
};
use stream_log::{Class, LogTime, Topics};
use tempfile::TempDir;

pub(crate) const CHANGELOG: &str = "changelog";
const READY_LIMIT: Duration = Duration::from_secs(60);

static WORLDS: AtomicU32 = AtomicU32::new(0);

/// The address of a server, or a word on the terminal that there is none.
pub(crate) fn server(variable: &str) -> Option<String> {
    if let Ok(address) = std::env::var(variable) {
        return Some(address);
    }
    let required = std::env::var("SUDOR_REQUIRE_SERVERS").is_ok_and(|value| value == "1");
    assert!(!required, "{variable} is not set and servers are required");
    let told = format!("SKIPPED: {variable} is not set; `cargo xtask servers test` sets it\n");
    std::io::stderr().write_all(told.as_bytes()).unwrap();
    None
}

pub(crate) struct World {
    pub(crate) brokers: String,
    pub(crate) prefix: String,
    protocol: GroupProtocol,
    partitions: u32,
    topics: Topics,
    folder: TempDir,
    /// Its own while no test opened anything.
    appender: Option<KafkaAppender>,
    folders: u32,
}

pub(crate) fn time_of_day() -> LogTime {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    LogTime(i64::try_from(since.as_micros()).unwrap())
}

impl World {
    pub(crate) fn new(
        brokers: &str,
        protocol: GroupProtocol,
        partitions: u32,
        topics: Topics,
    ) -> Self {
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        let world = Self {
            brokers: brokers.to_owned(),
            prefix: format!("w{}-{number}.", std::process::id()),
            protocol,
            partitions,
            topics,
            folder: TempDir::new().unwrap(),
            appender: None,
            folders: 0,
        };
        // As many replicas as the brokers' own default says.
        create_topics(&world.options(), &world.specs(), -1).unwrap();
        world
    }

    pub(crate) fn specs(&self) -> Vec<TopicSpec> {
        let spec = |name, compacted| TopicSpec {
            name,
            compacted,
            record_bytes_max: 1_048_588,
        };
        let inputs = self.topics.iter().map(|(name, _)| spec(*name, false));
        inputs.chain([spec(CHANGELOG, true)]).collect()
    }

    pub(crate) fn options(&self) -> KafkaOptions {
        let mut options =
            Self::options_of(&self.brokers, &self.prefix, self.partitions, self.topics);
        options.group_protocol = self.protocol;
        options.state = self.state_folder(self.folders);
        options
    }

    pub(crate) fn options_of(
        brokers: &str,
        prefix: &str,
        partitions: u32,
        topics: Topics,
    ) -> KafkaOptions {
        KafkaOptions {
            brokers: brokers.to_owned(),
            prefix: prefix.to_owned(),
            group: "unit".to_owned(),
            generation: 1,
            instance: "one".to_owned(),
            group_protocol: GroupProtocol::default(),
            partitions,
            topics,
            changelog: CHANGELOG,
            state: PathBuf::new(),
            security: Security::default(),
            ids: std::sync::Arc::default(),
            limits: limits(),
            now: time_of_day,
        }
    }

    pub(crate) fn protocol_word(&self) -> &'static str {
        match self.protocol {
            GroupProtocol::Consumer => "consumer",
            GroupProtocol::Classic => "classic",
        }
    }

    pub(crate) fn protocol_named(word: &str) -> GroupProtocol {
        match word {
            "classic" => GroupProtocol::Classic,
            _ => GroupProtocol::Consumer,
        }
    }

    pub(crate) fn worker_folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn worker_log(&self, name: &str) -> PathBuf {
        let file = format!("{}{name}.log", self.prefix);
        std::env::temp_dir().join(file)
    }

    pub(crate) fn state_folder(&self, number: u32) -> PathBuf {
        self.folder.path().join(number.to_string())
    }

    /// A member that nobody waits for: a busy machine does not make it lose its partitions.
    pub(crate) fn open(&mut self) -> KafkaHost {
        self.open_with(Duration::from_secs(60))
    }

    /// A member that loses its partitions when it reads nothing for so long. On the folder of the last
    /// one, unless that one is still alive.
    pub(crate) fn open_with(&mut self, max_poll_interval: Duration) -> KafkaHost {
        let mut options = self.options();
        options.limits.max_poll_interval = max_poll_interval;
        let appender = self.appender();
        let mut host = match KafkaHost::open(&options, appender.clone()) {
            Err(failure) if failure.class == Class::Stop => {
                self.folders += 1;
                options.state = self.state_folder(self.folders);
                KafkaHost::open(&options, appender).unwrap()
            }
            opened => opened.unwrap(),
        };
        let count = usize::try_from(self.partitions).unwrap();
        host.wait_for_partitions(count, READY_LIMIT).unwrap();
        host
    }

    /// Somebody with transactions of its own, of which a test says when they end.
    pub(crate) fn stranger(&self) -> BaseProducer {
        let config = ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .set("transactional.id", format!("{}stranger", self.prefix))
            .clone();
        let producer: BaseProducer = config.create().unwrap();
        producer.init_transactions(limits().call).unwrap();
        producer
    }

    pub(crate) fn appender(&mut self) -> KafkaAppender {
        if self.appender.is_none() {
            self.appender = Some(KafkaAppender::open(&self.options()).unwrap());
        }
        self.appender.clone().unwrap()
    }
}

/// Nothing waits for company, and who is gone is noticed soon.
pub(crate) fn limits() -> KafkaLimits {
    KafkaLimits {
        commit_interval: Duration::ZERO,
        poll_wait: Duration::from_millis(5),
        session: Duration::from_secs(6),
        max_poll_interval: Duration::from_secs(6),
        statistics: Duration::from_millis(20),
        ..KafkaLimits::default()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // What a test that failed left is looked at.
        if std::thread::panicking() {
            return;
        }
        if delete_topics(&self.options(), &self.specs()).is_err() {
            eprintln!("the topics of {} stay", self.prefix);
        }
    }
}
