//! Who the brokers are, making topics, and saying how those that are there differ.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::config::{FromClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use stream_log::{Class, Failure};

use crate::classify::failed;
use crate::clients;
use crate::settings::{KafkaOptions, TopicSpec};

const LIMIT: Duration = Duration::from_secs(30);
/// What is heard of a client that finds nobody.
const COMPLAINTS_MAX: usize = 32;
/// Between two looks for topics that were just made.
const LOOK: Duration = Duration::from_millis(50);

/// What is to be done about one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicPlan {
    Create,
    Same,
    /// Setting, what it is, what it should be.
    Differs(Vec<(String, String, String)>),
    /// Never done: keys would be with other partitions than their past.
    PartitionCount {
        there: u32,
        wanted: u32,
    },
}

/// The cluster's brokers as they call themselves, told by one of those in the configuration. The
/// source of a failure is what the client complains of: refused, unknown host, wrong password.
pub fn brokers(options: &KafkaOptions, limit: Duration) -> Result<Vec<String>, Failure> {
    let config = clients::onlooker(options, &options.group());
    let client = BaseConsumer::from_config_and_context(&config, Complaints::default())
        .map_err(|error| failed("opening the client for brokers", error))?;
    let metadata = client.fetch_metadata(None, limit).map_err(|error| {
        let attempted = format!(
            "no broker of {} answers within {} s",
            options.brokers,
            limit.as_secs()
        );
        let failure = failed(attempted, error);
        // What it says waits to be asked for, one thing at a time.
        for _ in 0..COMPLAINTS_MAX {
            drop(client.poll(Duration::ZERO));
        }
        match client.context().said() {
            Some(said) => failure.with_source(said),
            None => failure,
        }
    })?;
    let found = metadata.brokers().iter();
    Ok(found
        .map(|broker| format!("{}:{}", broker.host(), broker.port()))
        .collect())
}

/// What a client says while it finds nobody, by connection; the error of the question itself has
/// "transport failure" only.
#[derive(Default)]
struct Complaints(Mutex<BTreeMap<String, String>>);

impl Complaints {
    /// `CONNECTION: what is wrong`
    fn keep(&self, said: &str) {
        let connection = said.split(": ").next().unwrap_or_default();
        let mut complaints = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        complaints.insert(connection.to_owned(), said.to_owned());
    }

    fn said(&self) -> Option<String> {
        let said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let said: Vec<&str> = said.values().map(String::as_str).collect();
        (!said.is_empty()).then(|| said.join("; "))
    }
}

impl ClientContext for Complaints {
    /// `[thrd:CONNECTION]: CONNECTION: what is wrong`
    fn log(&self, level: RDKafkaLogLevel, _: &str, message: &str) {
        tracing::debug!(?level, message, "kafka client");
        if let Some((_, said)) = message.split_once("]: ") {
            self.keep(said);
        }
    }

    /// The same again, and that all are down, which is known.
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "kafka client");
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            self.keep(reason);
        }
    }
}

impl ConsumerContext for Complaints {}

fn admin(options: &KafkaOptions) -> Result<AdminClient<DefaultClientContext>, Failure> {
    AdminClient::from_config(&clients::common(options, "admin"))
        .map_err(|error| failed("opening the client for topics", error))
}

/// librdkafka answers through callbacks; the answers here are waited for where they are asked.
fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(value) => return value,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

/// Partition counts of the topics that are there.
fn there(options: &KafkaOptions, limit: Duration) -> Result<BTreeMap<String, u32>, Failure> {
    let metadata = admin(options)?
        .inner()
        .fetch_metadata(None, limit)
        .map_err(|error| failed(format!("asking {} for its topics", options.brokers), error))?;
    let topics = metadata
        .topics()
        .iter()
        .filter(|topic| topic.error().is_none());
    Ok(topics
        .map(|topic| {
            let count = u32::try_from(topic.partitions().len()).unwrap_or(u32::MAX);
            (topic.name().to_owned(), count)
        })
        .collect())
}

/// Every topic that this host reads or writes is there with the count it expects. Without this a
/// commit would run into its limit again and again.
pub(crate) fn check(options: &KafkaOptions) -> Result<(), Failure> {
    let there = there(options, LIMIT)?;
    let wanted = options.topics.iter().map(|(name, _)| *name);
    for name in wanted.chain([options.changelog]) {
        let name = options.topic(name);
        match there.get(&name) {
            Some(count) if *count == options.partitions => {}
            Some(count) => {
                return Err(Failure::new(
                    Class::Stop,
                    format!(
                        "opening a log of {} partitions: topic {name} has {count}; the count is fixed when topics are made",
                        options.partitions
                    ),
                ));
            }
            None => {
                return Err(Failure::new(
                    Class::Stop,
                    format!(
                        "opening the log: there is no topic {name}; `sudor topics create` makes it"
                    ),
                ));
            }
        }
    }
    Ok(())
}

fn settings(spec: &TopicSpec) -> Vec<(&'static str, String)> {
    let mut settings = vec![
        ("max.message.bytes", spec.record_bytes_max.to_string()),
        // Records are dated by their arrival with us, which may be long before or, in a test, after.
        ("message.timestamp.type", "CreateTime".to_owned()),
        ("message.timestamp.after.max.ms", i64::MAX.to_string()),
        // Facts are kept for ever; what is compacted keeps the last of each key.
        ("retention.ms", "-1".to_owned()),
        ("retention.bytes", "-1".to_owned()),
    ];
    if spec.compacted {
        settings.push(("cleanup.policy", "compact".to_owned()));
        // Kept state may be a day old; see `state`.
        settings.push(("delete.retention.ms", "86400000".to_owned()));
    } else {
        settings.push(("cleanup.policy", "delete".to_owned()));
    }
    settings
}

/// What is there compared with what should be. No question to the brokers takes longer than `limit`.
pub fn plan_topics(
    options: &KafkaOptions,
    specs: &[TopicSpec],
    limit: Duration,
) -> Result<Vec<(String, TopicPlan)>, Failure> {
    let there = there(options, limit)?;
    let admin = admin(options)?;
    let mut plan = Vec::new();
    for spec in specs {
        let name = options.topic(spec.name);
        let step = match there.get(&name) {
            None => TopicPlan::Create,
            Some(count) if *count != options.partitions => TopicPlan::PartitionCount {
                there: *count,
                wanted: options.partitions,
            },
            Some(_) => compare(&admin, &name, spec, limit)?,
        };
        plan.push((name, step));
    }
    Ok(plan)
}

fn compare(
    admin: &AdminClient<DefaultClientContext>,
    name: &str,
    spec: &TopicSpec,
    limit: Duration,
) -> Result<TopicPlan, Failure> {
    let attempted = || format!("reading the settings of topic {name}");
    let resource = ResourceSpecifier::Topic(name);
    let limits = AdminOptions::new().request_timeout(Some(limit));
    let answer = wait(admin.describe_configs([&resource], &limits))
        .map_err(|error| failed(attempted(), error))?;
    let mut differs = Vec::new();
    for found in answer {
        let found = found.map_err(|code| failed(attempted(), KafkaError::AdminOp(code)))?;
        for (setting, wanted) in settings(spec) {
            let value = found.get(setting).and_then(|entry| entry.value.clone());
            let value = value.unwrap_or_default();
            if value != wanted {
                differs.push((setting.to_owned(), value, wanted));
            }
        }
    }
    if differs.is_empty() {
        return Ok(TopicPlan::Same);
    }
    Ok(TopicPlan::Differs(differs))
}

/// Makes what is missing; leaves what is there. Somebody else may be making them too.
pub fn create_topics(
    options: &KafkaOptions,
    specs: &[TopicSpec],
    replication: i32,
) -> Result<(), Failure> {
    let admin = admin(options)?;
    let count = i32::try_from(options.partitions).unwrap_or(i32::MAX);
    let names: Vec<String> = specs.iter().map(|spec| options.topic(spec.name)).collect();
    let settings: Vec<Vec<(&str, String)>> = specs.iter().map(settings).collect();
    let topics: Vec<NewTopic<'_>> = names
        .iter()
        .zip(&settings)
        .map(|(name, settings)| {
            let topic = NewTopic::new(name, count, TopicReplication::Fixed(replication));
            settings
                .iter()
                .fold(topic, |topic, (key, value)| topic.set(key, value))
        })
        .collect();
    let limits = AdminOptions::new()
        .operation_timeout(Some(LIMIT))
        .request_timeout(Some(LIMIT));
    let made = wait(admin.create_topics(&topics, &limits))
        .map_err(|error| failed("making topics", error))?;
    for one in made {
        match one {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, code)) => {
                return Err(failed(
                    format!("making topic {name}"),
                    KafkaError::AdminOp(code),
                ));
            }
        }
    }
    until_known(options, &names)
}

/// A controller answers before the brokers have heard of it. Who opens the log next is not to be told
/// that topics are missing.
fn until_known(options: &KafkaOptions, names: &[String]) -> Result<(), Failure> {
    let started = Instant::now();
    loop {
        let there = there(options, LIMIT)?;
        let Some(name) = names.iter().find(|name| !there.contains_key(*name)) else {
            return Ok(());
        };
        if started.elapsed() > LIMIT {
            return Err(Failure::new(
                Class::Retry,
                format!("making topic {name}: it is made, and no broker says that it is there"),
            ));
        }
        std::thread::park_timeout(LOOK);
    }
}

/// For worlds that are thrown away.
pub fn delete_topics(options: &KafkaOptions, specs: &[TopicSpec]) -> Result<(), Failure> {
    let admin = admin(options)?;
    let names: Vec<String> = specs.iter().map(|spec| options.topic(spec.name)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    wait(admin.delete_topics(&names, &AdminOptions::new()))
        .map(drop)
        .map_err(|error| failed("removing topics", error))
}
