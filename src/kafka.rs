//! The log on Kafka: what differs from a log in the folder. The folder then holds a copy of the log
//! for readers of this process, and the state of the partitions it owns.
//!
//! Appending and processing speak to the broker. Everything that reads (store, stream, fetchers,
//! explanations, quality, `verify`) reads the copy, which is in one order, and never knows.

mod commits;
mod control;
mod copying;
mod doctor;
mod ids;
mod question;
mod shadow;
mod topics;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, anyhow};
use edge::{Clock, SystemClock};
use processors_pipeline::{Pipeline, Rules};
use schemas::record::Micros;
use secrecy::ExposeSecret;
use sinks_api::metrics::Metrics;
use sinks_store::rfc3339;
use stream_embedded::EmbeddedLog;
use stream_kafka::{
    GroupProtocol, KafkaAppender, KafkaHost, KafkaLimits, KafkaOptions, KafkaTable, Security,
};
use stream_log::{Class, Failure, LogTime, Step, Task, TaskLimits};

use crate::adapters::Intake;
use crate::config::{self, Settings};
use crate::loops::{self, Status};
use crate::{rules, topics as catalogue};

pub(crate) use commits::check as check_commits;
pub(crate) use doctor::{brokers, topics as topics_as_made};
pub(crate) use ids::{Checked, check as check_schemas, register as register_schemas, registry};
pub(crate) use shadow::replay;
pub(crate) use topics::{create as create_topics, specs as topic_specs};

/// A broker that is there answers a start within it.
const FIRST_ANSWER: Duration = Duration::from_secs(2);
/// Between two attempts to open what a broker has to answer for.
const AGAIN: Duration = Duration::from_secs(1);
/// After a batch that was abandoned.
const ABORTED: Duration = Duration::from_millis(20);
const GROUP: &str = "processing";

/// A time before every timer.
const NEVER: LogTime = LogTime(i64::MIN);

/// Whether a process makes time, or goes by that of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ticks {
    Appended,
    ReadOnly,
}

/// What a process needs of a broker.
pub(crate) struct Side {
    options: KafkaOptions,
    appender: KafkaAppender,
}

pub(crate) fn options(settings: &Settings, kafka: &config::Kafka) -> anyhow::Result<KafkaOptions> {
    let data = &settings.log.data;
    edge::private::folder(data)
        .with_context(|| format!("cannot make the data folder {}", data.display()))?;
    of_one_generation(data, kafka.generation)?;
    Ok(options_of(settings, kafka, instance(data)?))
}

fn options_of(settings: &Settings, kafka: &config::Kafka, instance: String) -> KafkaOptions {
    KafkaOptions {
        brokers: kafka.brokers.clone(),
        prefix: kafka.topic_prefix.clone(),
        group: GROUP.to_owned(),
        generation: kafka.generation,
        instance,
        group_protocol: match kafka.group_protocol {
            config::GroupProtocol::Consumer => GroupProtocol::Consumer,
            config::GroupProtocol::Classic => GroupProtocol::Classic,
        },
        partitions: settings.log.partitions,
        topics: catalogue::CATALOGUE,
        changelog: schemas::topic::CHANGELOG,
        state: settings.log.data.join("state"),
        security: Security {
            tls: kafka.tls,
            ca_file: kafka.ca_file.clone(),
            user: kafka.user.clone(),
            password: kafka
                .password
                .as_ref()
                .map(|password| password.expose_secret().to_owned()),
        },
        ids: Arc::default(),
        limits: KafkaLimits::default(),
        now: || LogTime(SystemClock.now().0),
    }
}

/// The folder of one generation, used as that of another, would be gone on with at wrong places.
fn of_one_generation(data: &Path, generation: u32) -> anyhow::Result<()> {
    let file = data.join("generation");
    let found = match std::fs::read_to_string(&file) {
        Ok(found) => found.trim().to_owned(),
        // Folders of the first have none.
        Err(_) if generation == 1 => return Ok(()),
        Err(_) if data.join("log.db").exists() => "1".to_owned(),
        Err(_) => {
            return std::fs::write(&file, format!("{generation}\n"))
                .with_context(|| format!("cannot write {}", file.display()));
        }
    };
    if found == generation.to_string() {
        return Ok(());
    }
    Err(anyhow!(
        "{} holds what generation {found} derived, and log.generation is {generation}; log.data names the data folder of all \
         generations, each of which has a folder in it",
        data.display()
    ))
}

/// A name that this folder keeps: a restart shuts out its own earlier life, and nobody else's.
fn instance(data: &Path) -> anyhow::Result<String> {
    let file = data.join("instance");
    if let Ok(name) = std::fs::read_to_string(&file) {
        return Ok(name.trim().to_owned());
    }
    let mut chance = RandomState::new().build_hasher();
    chance.write_i64(SystemClock.now().0);
    let name = format!("{:016x}", chance.finish());
    std::fs::write(&file, format!("{name}\n"))
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(name)
}

/// The first question waits for a broker that is still starting, and whoever watches a silent start
/// knows neither that nor for whom.
fn say_if_nobody_answers(options: &KafkaOptions) {
    let Err(failure) = stream_kafka::brokers(options, FIRST_ANSWER) else {
        return;
    };
    let limit = i64::try_from(KafkaTable::OPEN_LIMIT.as_micros()).unwrap_or(i64::MAX);
    let until = rfc3339(Micros(SystemClock.now().0.saturating_add(limit)));
    let cause = std::error::Error::source(&failure).map(ToString::to_string);
    let brokers = &options.brokers;
    tracing::warn!(brokers, until, cause, "no broker answers; waiting for one");
}

impl Side {
    pub(crate) fn open(settings: &Settings, kafka: &config::Kafka) -> anyhow::Result<Self> {
        let mut options = options(settings, kafka)?;
        say_if_nobody_answers(&options);
        ids::apply(&mut options, kafka)?;
        let appender = KafkaAppender::open(&options)?;
        Ok(Self { options, appender })
    }

    pub(crate) fn intake(&self, status: &Arc<Status>) -> Intake {
        Intake::Kafka(self.appender.clone(), Arc::clone(status))
    }

    /// Keeps the copy in the folder.
    pub(crate) fn copy(
        &self,
        log: &Arc<EmbeddedLog>,
        status: &Arc<Status>,
        processes: bool,
    ) -> anyhow::Result<JoinHandle<anyhow::Result<()>>> {
        status.elsewhere.begin(processes);
        let (options, log, status_in) = (self.options.clone(), Arc::clone(log), Arc::clone(status));
        loops::thread("copy", status, move || {
            copying::run(&options, &log, &status_in)
        })
    }

    /// The processors over the partitions that the group gives to this process.
    pub(crate) fn processing(
        &self,
        settings: &Settings,
        status: &Arc<Status>,
        clock: &Arc<dyn Clock>,
        metrics: &Metrics,
        ticks: Ticks,
    ) -> anyhow::Result<JoinHandle<anyhow::Result<()>>> {
        let pipeline = Rules::new(rules::config(settings));
        let limits = TaskLimits {
            records: settings.limits.batch_records,
            bytes: settings.limits.batch_bytes,
            cache_bytes: settings.limits.decoded_cache_bytes,
            ..TaskLimits::default()
        };
        let (options, appender) = (self.options.clone(), self.appender.clone());
        let (status_in, clock, metrics) = (Arc::clone(status), Arc::clone(clock), metrics.clone());
        loops::thread("processing", status, move || {
            while !status_in.is_stopping() {
                let ended = KafkaHost::open(&options, appender.clone()).and_then(|host| {
                    let mut task = Task::new(Pipeline::new(pipeline.clone()), host, limits);
                    process(&mut task, &status_in, &*clock, (&metrics, ticks))
                });
                match ended {
                    Ok(()) => return Ok(()),
                    Err(failure) if failure.class == Class::Stop => {
                        return Err(anyhow::Error::new(failure).context("processing stopped"));
                    }
                    // A broker that is away comes back; until then nothing is taken in either.
                    Err(failure) => {
                        let cause = std::error::Error::source(&failure).map(ToString::to_string);
                        tracing::warn!(error = %failure, cause, "processing is opened anew");
                        std::thread::park_timeout(AGAIN);
                    }
                }
            }
            Ok(())
        })
    }
}

fn process(
    task: &mut Task<Pipeline, KafkaHost>,
    status: &Status,
    clock: &dyn Clock,
    (metrics, ticks): (&Metrics, Ticks),
) -> Result<(), Failure> {
    while !status.is_stopping() {
        // Taken before the step: what is done during it is not covered by what the step finds.
        let done = status.elsewhere.done();
        let began = clock.now();
        let now = match ticks {
            Ticks::Appended => LogTime(began.0),
            Ticks::ReadOnly => NEVER,
        };
        match task.step(now)? {
            Step::Worked {
                inputs, outputs, ..
            } => {
                status.elsewhere.did();
                loops::count_step(metrics, clock, began, (inputs, outputs));
            }
            // The host waits for records by itself.
            Step::Idle { .. } if task.host().caught_up() => status.elsewhere.idle(done),
            Step::Idle { .. } => {}
            Step::Aborted => std::thread::park_timeout(ABORTED),
        }
    }
    Ok(())
}
