//! One pipeline of its own on the broker of the environment.

use std::io::Write;
use std::path::PathBuf;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use stream_kafka::{
    GroupProtocol, KafkaLimits, KafkaOptions, KafkaSubscriber, Security, TopicSpec, delete_topics,
};
use stream_log::{Class, LogTime, Offset, Sequenced, Subscribe, Topic};

use crate::items::TOPICS;
use crate::support::{Service, sudor};

const PARTITIONS: u32 = 4;
const PAGE_RECORDS: usize = 10_000;
/// How long a loaded broker is waited for.
const FIRST_RECORD: Duration = Duration::from_secs(2);
const PAGE_BYTES: usize = 16 * 1024 * 1024;

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
    pub(crate) folder: tempfile::TempDir,
    settings: Vec<(&'static str, String)>,
    /// On the broker, under its prefix.
    has_topics: AtomicBool,
}

impl World {
    pub(crate) fn new(brokers: &str, name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("cluster.key");
        std::fs::write(&key, format!("{}\n", "5a".repeat(32))).unwrap();
        let prefix = format!("{name}{}.", std::process::id());
        let settings = vec![
            ("SUDOR__LOG__KIND", "kafka".to_owned()),
            ("SUDOR__LOG__BROKERS", brokers.to_owned()),
            ("SUDOR__LOG__TOPIC_PREFIX", prefix),
            ("SUDOR__LOG__PARTITIONS", PARTITIONS.to_string()),
            ("SUDOR__LOG__REPLICATION", "1".to_owned()),
            ("SUDOR__VAULT__KEY_FILE", key.display().to_string()),
        ];
        Self {
            folder,
            settings,
            has_topics: AtomicBool::new(false),
        }
    }

    pub(crate) fn settings(&self) -> Vec<(&str, &str)> {
        let settings = self.settings.iter();
        settings
            .map(|(name, value)| (*name, value.as_str()))
            .collect()
    }

    pub(crate) fn output(&self, arguments: &[&str]) -> Output {
        sudor(arguments)
            .envs(self.settings())
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let done = self.output(arguments);
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        let told = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{arguments:?}: {said}{told}");
        let has_topics = arguments == ["topics", "create"];
        self.has_topics.fetch_or(has_topics, Ordering::AcqRel);
        said
    }

    /// What it says while it fails.
    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        let done = self.output(arguments);
        let said = [done.stdout, done.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert_eq!(done.status.code(), Some(1), "{arguments:?}: {said}");
        said
    }

    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.settings.retain(|(known, _)| *known != name);
        self.settings.push((name, value.to_owned()));
    }

    pub(crate) async fn start(&self, name: &str) -> Service {
        Service::start_with(&self.folder.path().join(name), &self.settings()).await
    }

    pub(crate) async fn start_as(&self, name: &str, roles: &str) -> Service {
        Service::start_as(&self.folder.path().join(name), roles, &self.settings()).await
    }

    pub(crate) fn verify(&self, name: &str) {
        let data = self.folder.path().join(name);
        self.run(&["verify", "--json", "--data", data.to_str().unwrap()]);
    }

    fn generation(&self) -> u32 {
        let mut set = self.settings.iter();
        let set = set.find(|(name, _)| *name == "SUDOR__LOG__GENERATION");
        set.map_or(1, |(_, number)| number.parse().unwrap())
    }

    /// Speaks to the broker as the program does.
    pub(crate) fn options(&self) -> KafkaOptions {
        let setting = |wanted| {
            let found = self.settings.iter().find(|(name, _)| *name == wanted);
            found.unwrap().1.clone()
        };
        KafkaOptions {
            brokers: setting("SUDOR__LOG__BROKERS"),
            prefix: setting("SUDOR__LOG__TOPIC_PREFIX"),
            group: "look".to_owned(),
            generation: self.generation(),
            instance: "test".to_owned(),
            group_protocol: GroupProtocol::Classic,
            partitions: PARTITIONS,
            topics: TOPICS,
            changelog: schemas::topic::CHANGELOG,
            state: PathBuf::new(),
            security: Security::default(),
            ids: Arc::default(),
            limits: KafkaLimits::default(),
            now: || LogTime(0),
        }
    }
}

impl Drop for World {
    /// A broker that is killed looks through everything that it has before it is back.
    fn drop(&mut self) {
        // What a test that failed left is looked at.
        if std::thread::panicking() || !self.has_topics.load(Ordering::Acquire) {
            return;
        }
        let spec = |topic: &schemas::topic::TopicSpec| TopicSpec {
            name: topic.name,
            compacted: false,
            record_bytes_max: 0,
        };
        let specs: Vec<TopicSpec> = schemas::control::of_a_cluster().map(spec).collect();
        if let Err(failure) = delete_topics(&self.options(), &specs) {
            let told = format!("the topics of {} stay: {failure}\n", self.options().prefix);
            std::io::stderr().write_all(told.as_bytes()).unwrap();
        }
    }
}

/// What is committed of some topics, in the order of each partition.
pub(crate) struct Reading {
    reader: KafkaSubscriber,
    topics: Vec<Topic>,
    after: Offset,
}

impl Reading {
    pub(crate) fn new(world: &World, topics: Vec<Topic>) -> Self {
        let mut options = world.options();
        // The first page is read from the beginning as often as nothing came in time.
        options.limits.poll_wait = FIRST_RECORD;
        Self {
            reader: KafkaSubscriber::open(&options, None).unwrap(),
            topics,
            after: Offset(0),
        }
    }

    /// What came since, which may be nothing.
    pub(crate) fn next(&mut self) -> Vec<Sequenced> {
        let page = self
            .reader
            .read(&self.topics, self.after, PAGE_RECORDS, PAGE_BYTES);
        let page = page.unwrap();
        self.after = page.last().map_or(self.after, |last| last.offset);
        page
    }

    /// The rest of it, up to the end as it is now.
    pub(crate) fn rest(&mut self) -> Vec<Sequenced> {
        let mut all = Vec::new();
        loop {
            let page = self.next();
            if !page.is_empty() {
                all.extend(page);
                continue;
            }
            match self.reader.is_at_end() {
                Ok(true) => return all,
                Ok(false) => {}
                // The broker may have come back a moment ago.
                Err(failure) => assert_eq!(failure.class, Class::Retry, "{failure:?}"),
            }
        }
    }
}

pub(crate) fn workout(user: &str) -> Value {
    json!({"activities": [{"userId": user, "summaryId": "1", "activityId": 1,
        "activityType": "RUNNING", "startTimeInSeconds": 1_790_841_600, "startTimeOffsetInSeconds": 7_200,
        "durationInSeconds": 3_900, "distanceInMeters": 12_000.0}]})
}
