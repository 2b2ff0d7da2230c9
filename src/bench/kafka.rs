//! `kafka`: the demo's world on a broker, from raw items in their topics to committed facts and state.
//!
//! Items are split and appended before the clock starts. What is measured is one process with the role
//! `process` alone: read, all steps, and the transaction with facts, changelog and positions. Then its
//! state is read back from the changelog, into an empty folder and into the one that has it.
//!
//! It works in topics of its own and removes them.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow};
use edge::{Clock, SystemClock};
use processors_pipeline::{Pipeline, Rules};
use serde::Serialize;
use stream_kafka::{
    KafkaAppender, KafkaHost, KafkaOptions, RestoreTotals, create_topics, delete_topics,
};
use stream_log::{Append, LogTime, Record, Step, Task, TaskLimits};

use super::Report;
use super::items::items_of;
use crate::adapters::raw_record;
use crate::cli::{BenchArgs, GlobalArgs};
use crate::config::{self, Request, Settings};
use crate::demo::Stopwatch;
use crate::progress::Progress;
use crate::run::runtime;
use crate::{kafka, rules, simulate, usage};

const ATHLETES: u32 = 2_000;
const DAYS: u32 = 1;
/// Records of one append; the appender has a limit in bytes.
const APPEND_RECORDS: usize = 500;
/// Until every partition is ours and restored.
const READY: Duration = Duration::from_mins(10);

#[derive(Debug, Serialize)]
pub(super) struct Measured {
    #[serde(flatten)]
    report: Report,
    partitions: u32,
    bytes_per_event: f64,
    transactions: u64,
    /// What an empty folder reads of the changelog, and how fast.
    changelog_mb: f64,
    changelog_records: u64,
    cold_s: f64,
    cold_mb_per_s: f64,
    /// From the start until all partitions are ready, with state in the folder.
    warm_s: f64,
}

impl fmt::Display for Measured {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            to,
            "{}\n{:.0} bytes an event, {} transactions over {} partitions; state: {:.1} MB of changelog in {:.2} s ({:.0} MB/s) cold, ready after {:.2} s warm",
            self.report,
            self.bytes_per_event,
            self.transactions,
            self.partitions,
            self.changelog_mb,
            self.cold_s,
            self.cold_mb_per_s,
            self.warm_s
        )
    }
}

pub(super) fn run(args: &BenchArgs, global: GlobalArgs) -> anyhow::Result<Measured> {
    let scratch = super::embedded::scratch()?;
    let (settings, options) = own_world(&scratch)?;
    let specs = kafka::topic_specs();
    create_topics(&options, &specs, 1).context("cannot make the bench's topics")?;
    let measured = measure(args, global, &settings, &options);
    delete_topics(&options, &specs).context("cannot remove the bench's topics")?;
    std::fs::remove_dir_all(&scratch).context("cannot remove the bench's folder")?;
    measured
}

/// The configured broker, and topics that nobody else has.
fn own_world(scratch: &Path) -> anyhow::Result<(Settings, KafkaOptions)> {
    let mut request = Request::default();
    request
        .flags
        .push(("log.data", "--data", scratch.display().to_string()));
    let (settings, _) = config::load(&request).map_err(|failure| anyhow!("{failure}"))?;
    let mut broker = settings.log.kafka.clone().context(
        "no broker is configured: set SUDOR__LOG__KIND=kafka and SUDOR__LOG__BROKERS=HOST:PORT",
    )?;
    broker.topic_prefix = format!("{}bench-{}.", broker.topic_prefix, std::process::id());
    let options = kafka::options(&settings, &broker)?;
    Ok((settings, options))
}

fn measure(
    args: &BenchArgs,
    global: GlobalArgs,
    settings: &Settings,
    options: &KafkaOptions,
) -> anyhow::Result<Measured> {
    let world = simulate::options(&args.world(ATHLETES, DAYS, None), None)
        .map_err(|failure| anyhow!("{failure}"))?;
    let progress = Progress::new("prepare", u64::from(world.athletes), global);
    let items = runtime()?.block_on(items_of(world, &progress))?;
    progress.done();
    let records: Vec<Record> = items.iter().map(raw_record).collect();
    drop(items);
    let events = u64::try_from(records.len()).unwrap_or(u64::MAX);
    let bytes: usize = records.iter().map(|record| record.value.len()).sum();
    let appender = KafkaAppender::open(options)?;
    for some in records.chunks(APPEND_RECORDS) {
        appender.append(some.to_vec())?;
    }
    drop(records);
    let worked = work(settings, options, &appender, events)?;
    let warm = Stopwatch::start();
    drop(ready(options, &appender)?);
    let warm_s = warm.seconds();
    std::fs::remove_dir_all(&options.state).context("cannot empty the state's folder")?;
    let cold: RestoreTotals = ready(options, &appender)?.restored();
    let changelog_mb = cold.bytes as f64 / 1e6;
    let cold_s = cold.took.as_secs_f64();
    Ok(Measured {
        report: Report {
            athletes: world.athletes,
            days: world.days,
            ..worked.report
        },
        partitions: options.partitions,
        bytes_per_event: bytes as f64 / events as f64,
        transactions: worked.transactions,
        changelog_mb,
        changelog_records: cold.records,
        cold_s,
        cold_mb_per_s: changelog_mb / cold_s,
        warm_s,
    })
}

struct Worked {
    report: Report,
    transactions: u64,
}

fn ready(options: &KafkaOptions, appender: &KafkaAppender) -> anyhow::Result<KafkaHost> {
    let mut host = KafkaHost::open(options, appender.clone())?;
    let all = usize::try_from(options.partitions).unwrap_or(usize::MAX);
    host.wait_for_partitions(all, READY)?;
    Ok(host)
}

/// Until every event is processed, and every timer that is due by now.
fn work(
    settings: &Settings,
    options: &KafkaOptions,
    appender: &KafkaAppender,
    events: u64,
) -> anyhow::Result<Worked> {
    let host = ready(options, appender)?;
    let limits = TaskLimits {
        records: settings.limits.batch_records,
        bytes: settings.limits.batch_bytes,
        cache_bytes: settings.limits.decoded_cache_bytes,
        ..TaskLimits::default()
    };
    let pipeline = Pipeline::new(Rules::new(rules::config(settings)));
    let mut task = Task::new(pipeline, host, limits);
    let (mut seen, mut records_written, mut transactions) = (0_u64, 0_u64, 0_u64);
    let (began, before) = (Stopwatch::start(), usage::now());
    loop {
        match task.step(LogTime(SystemClock.now().0))? {
            Step::Worked {
                inputs, outputs, ..
            } => {
                seen = seen.saturating_add(u64::try_from(inputs).unwrap_or(u64::MAX));
                records_written =
                    records_written.saturating_add(u64::try_from(outputs).unwrap_or(u64::MAX));
                transactions = transactions.saturating_add(1);
            }
            Step::Idle { .. } if seen >= events && task.host().caught_up() => break,
            Step::Idle { .. } | Step::Aborted => {}
        }
    }
    let (after, wall_s) = (usage::now(), began.seconds());
    let cpu_s = after.cpu_s - before.cpu_s;
    let report = Report {
        workload: "kafka",
        events,
        events_per_s: events as f64 / cpu_s,
        wall_events_per_s: events as f64 / wall_s,
        cpu_s,
        wall_s,
        rss_mb: after.rss_mb,
        p50_ms: None,
        p99_ms: None,
        records_written,
        fsyncs: None,
        athletes: 0,
        days: 0,
    };
    Ok(Worked {
        report,
        transactions,
    })
}
