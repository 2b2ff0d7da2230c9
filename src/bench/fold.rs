//! `fold`: all steps on athletes with 90 days of history, effects built and dropped.
//!
//! What is measured begins with observations: raw items were normalized before the clock runs, and
//! so begins with *reconcile* and ends with effects. State is read and written as bytes.
//!
//! A hundred athletes live through their history once; ten thousand share those histories, which is
//! what the state of ten thousand is for a fold: encoded buckets that have to be read. Each gets the
//! fresh day of the athlete whose history it has. Nothing is stored, so no athlete sees another.

mod normalized;

use std::collections::BTreeMap;
use std::sync::Arc;

use edge::UnixMicros;
use processors_pipeline::{Pipeline, Rules, RulesConfig};
use schemas::record::ingest::RawReceived;
use stream_log::driver::Memory;
use stream_log::{
    BucketId, Commit, Failure, Key, Log, LogTime, Offset, Partition, Record, Sequenced, StateStore,
    Step, Task, TaskLimits, Timer, partition_of,
};

use self::normalized::Normalized;
use super::Report;
use super::items::{Splitter, asked_for};
use crate::adapters::raw_record;
use crate::cli::{BenchArgs, GlobalArgs};
use crate::demo::Stopwatch;
use crate::progress::Progress;
use crate::run::runtime;
use crate::{simulate, topics, usage};

const ATHLETES: u32 = 10_000;
const HISTORY_DAYS: u32 = 90;
/// Athletes whose history is really lived.
const TEMPLATES: u32 = 100;
const DAY_US: i64 = 86_400_000_000;
const PARTITIONS: u32 = 8;
const CACHE_BYTES: usize = 256 * 1_024;
/// A batch that stays near the processor, with the state it needs; larger ones fetch it from memory twice.
const BATCH_RECORDS: usize = 200;

type Buckets = BTreeMap<BucketId, Vec<u8>>;

pub(super) fn run(args: &BenchArgs, global: GlobalArgs) -> anyhow::Result<Report> {
    let athletes = args.athletes.unwrap_or(ATHLETES);
    let days = args.days.unwrap_or(HISTORY_DAYS);
    let mut world = args.world(TEMPLATES.min(athletes), days, None);
    (world.athletes, world.days) = (TEMPLATES.min(athletes), days.saturating_add(1));
    let options =
        simulate::options(&world, None).map_err(|failure| anyhow::anyhow!("{failure}"))?;
    let fresh_from = options.end - DAY_US;
    let runtime = runtime()?;
    let progress = Progress::new("history", u64::from(options.athletes), global);
    let mut templates = Vec::new();
    let splitter = Splitter::new(UnixMicros(options.end));
    for world in ingest_simulator::world(options) {
        let items: anyhow::Result<Vec<RawReceived>> = runtime.block_on(async {
            let mut items = Vec::new();
            for delivery in world.registrations.iter().chain(&world.deliveries) {
                items.extend(splitter.split(delivery).await?);
            }
            items.extend(asked_for(&world));
            items.sort_by_key(|item| item.received_at);
            Ok(items)
        });
        templates.push(template(items?, fresh_from)?);
        progress.advance(1);
    }
    progress.done();
    measure(Arc::new(templates), athletes, days)
}

/// A lived history, and the day that is still to come.
struct Template {
    state: Buckets,
    fresh: Vec<RawReceived>,
}

fn template(items: Vec<RawReceived>, fresh_from: i64) -> anyhow::Result<Template> {
    let (fresh, past): (Vec<_>, Vec<_>) = items
        .into_iter()
        .partition(|item| item.received_at.0 >= fresh_from);
    let memory = Memory::new(PARTITIONS, topics::CATALOGUE);
    let records = past
        .iter()
        .map(raw_record)
        .zip(1..)
        .map(|(record, at)| sequenced(record, at));
    memory.load(records);
    let mut task = Task::new(pipeline(), memory.open(), TaskLimits::default());
    while !matches!(task.step(LogTime(i64::MIN))?, Step::Idle { .. }) {
        drop(memory.take_outputs());
    }
    let state = memory.state().into_values().next().unwrap_or_default();
    Ok(Template { state, fresh })
}

fn pipeline() -> Pipeline {
    Pipeline::new(Rules::new(RulesConfig::default()))
}

fn sequenced(record: Record, at: u64) -> Sequenced {
    let partition = partition_of(record.key.as_str(), PARTITIONS);
    Sequenced {
        partition,
        offset: Offset(at),
        record,
    }
}

/// Inputs are prepared and measured in turns, so that those that wait do not fill the memory.
const TURN_ATHLETES: u32 = 2_000;

fn measure(templates: Arc<Vec<Template>>, athletes: u32, days: u32) -> anyhow::Result<Report> {
    // No athlete comes twice, so a large cache would only measure how fast memory is cleared.
    let limits = TaskLimits {
        records: BATCH_RECORDS,
        cache_bytes: CACHE_BYTES,
        ..TaskLimits::default()
    };
    let host = Dropping {
        templates: Arc::clone(&templates),
        owners: BTreeMap::new(),
        inputs: Vec::new().into_iter(),
        records: 0,
    };
    let mut task = Task::new(Normalized::new(pipeline()), host, limits);
    let (mut events, mut cpu_s, mut wall_s, mut rss_mb) = (0_u64, 0.0, 0.0, 0.0);
    for from in (0..athletes).step_by(TURN_ATHLETES as usize) {
        let until = from.saturating_add(TURN_ATHLETES).min(athletes);
        let mut inputs = Vec::new();
        for athlete in from..until {
            let Some(index) = (athlete as usize).checked_rem(templates.len()) else {
                break;
            };
            let Some(template) = templates.get(index) else {
                break;
            };
            let id = format!("fold-{athlete:05}");
            for item in &template.fresh {
                let item = RawReceived {
                    athlete_id: Some(id.clone()),
                    ..item.clone()
                };
                events += 1;
                let sequenced = sequenced(raw_record(&item), events);
                let host = task.host_mut();
                host.owners
                    .entry(sequenced.record.key.clone())
                    .or_insert(index);
                task.processor().prepare(&sequenced)?;
                inputs.push(sequenced);
            }
        }
        task.host_mut().inputs = inputs.into_iter();
        let (began, before) = (Stopwatch::start(), usage::now());
        while !matches!(task.step(LogTime(i64::MIN))?, Step::Idle { .. }) {}
        let after = usage::now();
        cpu_s += after.cpu_s - before.cpu_s;
        wall_s += began.seconds();
        rss_mb = after.rss_mb.max(rss_mb);
        task.host_mut().owners.clear();
    }
    Ok(Report {
        workload: "fold",
        events,
        events_per_s: events as f64 / cpu_s,
        wall_events_per_s: events as f64 / wall_s,
        cpu_s,
        wall_s,
        rss_mb,
        p50_ms: None,
        p99_ms: None,
        records_written: task.host().records,
        fsyncs: Some(0),
        athletes,
        days,
    })
}

/// A host that gives prepared inputs and drops what is committed.
struct Dropping {
    templates: Arc<Vec<Template>>,
    owners: BTreeMap<Key, usize>,
    inputs: std::vec::IntoIter<Sequenced>,
    records: u64,
}

impl Dropping {
    fn buckets(&self, athlete: &Key) -> Option<&Buckets> {
        Some(&self.templates.get(*self.owners.get(athlete)?)?.state)
    }
}

impl Log for Dropping {
    fn partitions(&self) -> Vec<Partition> {
        (0..PARTITIONS).map(Partition).collect()
    }

    fn changed_hands(&mut self) -> Vec<Partition> {
        Vec::new()
    }

    fn poll(&mut self, max_records: usize, _max_bytes: usize) -> Result<Vec<Sequenced>, Failure> {
        Ok(self.inputs.by_ref().take(max_records).collect())
    }

    fn commit(&mut self, commit: Commit) -> Result<(), Failure> {
        self.records += u64::try_from(commit.outputs.len()).unwrap_or(0);
        Ok(())
    }

    fn rewind(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn append_tick(&mut self, _partition: Partition, _record: Record) -> Result<(), Failure> {
        Ok(())
    }
}

impl StateStore for Dropping {
    fn get(&self, athlete: &Key, bucket: BucketId) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self
            .buckets(athlete)
            .and_then(|buckets| buckets.get(&bucket))
            .cloned())
    }

    fn scan(&self, athlete: &Key) -> Result<Vec<(BucketId, Vec<u8>)>, Failure> {
        let buckets = self.buckets(athlete).into_iter().flatten();
        Ok(buckets
            .map(|(bucket, value)| (*bucket, value.clone()))
            .collect())
    }

    fn timers_of(&self, _athlete: &Key, _until: LogTime) -> Result<Vec<Timer>, Failure> {
        Ok(Vec::new())
    }

    fn due(
        &self,
        _partition: Partition,
        _until: LogTime,
        _limit: usize,
    ) -> Result<Vec<Timer>, Failure> {
        Ok(Vec::new())
    }

    fn next_due(&self, _partition: Partition) -> Result<Option<LogTime>, Failure> {
        Ok(None)
    }

    fn counters(&self) -> Result<BTreeMap<(Partition, String), i64>, Failure> {
        Ok(BTreeMap::new())
    }

    fn athletes_with(&self, _bucket: BucketId, _limit: usize) -> Result<Vec<Key>, Failure> {
        Ok(Vec::new())
    }
}
