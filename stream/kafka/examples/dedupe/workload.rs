//! The topics, the settings and the input, which all that are compared have in common.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;

use rdkafka::ClientConfig;
use serde_json::{Value, json};
use stream_kafka::{
    GroupProtocol, KafkaAppender, KafkaLimits, KafkaOptions, Security, TopicSpec, create_topics,
    delete_topics,
};
use stream_log::{Key, LogTime, Record, Topic};

const INPUT: &str = "dedupe-in";
/// One record in so many is one that was there before.
const DUPLICATE_EVERY: u64 = 20;
/// How many new records ago, at most.
const DUPLICATE_AGE_MAX: u64 = 10_000;
const APPEND_RECORDS: u64 = 1_000;
const APPENDS_IN_FLIGHT: usize = 16;

pub(crate) struct Workload {
    pub(crate) brokers: String,
    /// Names the output, the changelog and the group.
    pub(crate) run: String,
    pub(crate) records: u64,
    pub(crate) partitions: u32,
    pub(crate) folder: PathBuf,
    pub(crate) state_bytes: usize,
    value_bytes: usize,
    athletes: u64,
}

impl Workload {
    pub(crate) fn of(words: impl Iterator<Item = String>) -> Self {
        let settings: BTreeMap<String, String> = words
            .map(|word| {
                let (name, value) = word.split_once('=').expect("settings are NAME=VALUE");
                (name.to_owned(), value.to_owned())
            })
            .collect();
        let number = |name: &str, default: u64| {
            let value = settings.get(name);
            value.map_or(default, |value| value.parse().expect("a number"))
        };
        let run = settings.get("run").cloned();
        Self {
            brokers: std::env::var("SUDOR_TEST_KAFKA").expect("SUDOR_TEST_KAFKA names a broker"),
            run: run.unwrap_or_else(|| "engine".to_owned()),
            records: number("records", 500_000),
            partitions: u32::try_from(number("partitions", 16)).unwrap(),
            folder: settings
                .get("folder")
                .map_or("dedupe-state".into(), PathBuf::from),
            state_bytes: usize::try_from(number("state_bytes", 1)).unwrap(),
            value_bytes: usize::try_from(number("value_bytes", 400)).unwrap(),
            athletes: number("athletes", 10_000),
        }
    }

    pub(crate) fn input(&self) -> &'static str {
        INPUT
    }

    pub(crate) fn output(&self) -> String {
        format!("{}-out", self.run)
    }

    pub(crate) fn changelog(&self) -> String {
        format!("{}-changelog", self.run)
    }

    /// The settings of `sudor run`, but for the names.
    pub(crate) fn options(&self) -> KafkaOptions {
        // As long as the process: a catalogue is static.
        let output: &'static str = self.output().leak();
        KafkaOptions {
            brokers: self.brokers.clone(),
            prefix: String::new(),
            generation: 1,
            group: self.run.clone(),
            instance: "one".to_owned(),
            group_protocol: GroupProtocol::default(),
            partitions: self.partitions,
            topics: vec![(INPUT, true), (output, false)].leak(),
            changelog: self.changelog().leak(),
            state: self.folder.clone(),
            security: Security::default(),
            ids: std::sync::Arc::default(),
            limits: KafkaLimits::default(),
            now: time_of_day,
        }
    }

    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        config
    }

    pub(crate) fn make_topics(&self) -> Value {
        let options = self.options();
        let spec = |name, compacted| TopicSpec {
            name,
            compacted,
            record_bytes_max: 1_048_588,
        };
        let named = options.topics.iter().map(|(name, _)| spec(name, false));
        let specs: Vec<TopicSpec> = named.chain([spec(options.changelog, true)]).collect();
        create_topics(&options, &specs, 1).unwrap();
        json!({ "topics": specs.len() })
    }

    pub(crate) fn drop_topics(&self) -> Value {
        let (output, changelog) = (self.output(), self.changelog());
        // Kafka Streams names its own.
        let theirs = format!("{}-seen-changelog", self.run);
        let spec = |name: String| TopicSpec {
            name: name.leak(),
            compacted: false,
            record_bytes_max: 0,
        };
        let specs = [output, changelog, theirs].map(spec);
        delete_topics(&self.options(), &specs).unwrap();
        json!({ "topics": specs.len() })
    }

    pub(crate) fn fill(&self) -> Value {
        self.make_topics();
        let appender = KafkaAppender::open(&self.options()).unwrap();
        let (done, waiting) = sync_channel(APPENDS_IN_FLIGHT);
        let mut under_way = 0;
        let (mut bytes, mut unique) = (0, 0);
        for first in (0..self.records).step_by(usize::try_from(APPEND_RECORDS).unwrap()) {
            let last = (first + APPEND_RECORDS).min(self.records);
            let records: Vec<Record> = (first..last)
                .map(|number| {
                    let id = self.id(number);
                    unique = unique.max(id + 1);
                    let record = self.record(id);
                    bytes += record.key.as_str().len() + record.value.len();
                    record
                })
                .collect();
            if under_way == APPENDS_IN_FLIGHT {
                waiting.recv().unwrap();
                under_way -= 1;
            }
            let done = done.clone();
            let told = move |result: Result<Vec<_>, stream_log::Failure>| {
                result.unwrap();
                done.send(()).unwrap();
            };
            appender.append_with(records, Box::new(told)).unwrap();
            under_way += 1;
        }
        (0..under_way).for_each(|_| waiting.recv().unwrap());
        json!({
            "records": self.records,
            "unique": unique,
            "bytes_per_record": bytes as f64 / self.records as f64,
        })
    }

    /// The id of a record: a new one, or one that was there lately.
    fn id(&self, number: u64) -> u64 {
        let new = number - number / DUPLICATE_EVERY;
        if number % DUPLICATE_EVERY < DUPLICATE_EVERY - 1 {
            return new;
        }
        new - 1 - mixed(number) % DUPLICATE_AGE_MAX.min(new)
    }

    fn record(&self, id: u64) -> Record {
        let athlete = mixed(id) % self.athletes;
        // Half of it compresses, as of what vendors send.
        let noise = (id..).flat_map(|word| mixed(word).to_le_bytes());
        let mut value = u32::try_from(id).unwrap().to_be_bytes().to_vec();
        value.extend(noise.take(self.value_bytes / 2));
        value.resize(self.value_bytes, b'v');
        Record {
            topic: Topic(INPUT),
            key: Key::new(&format!("t/athlete-{athlete:06}")),
            received_at: time_of_day(),
            headers: Vec::new(),
            value,
        }
    }
}

pub(crate) fn time_of_day() -> LogTime {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    LogTime(i64::try_from(since.as_micros()).unwrap())
}

/// Splitmix64: the same numbers everywhere.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
