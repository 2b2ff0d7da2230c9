//! `select`: the best baskets out of the whole catalogue, for needs that simulated athletes had.
//!
//! Athletes live through days in the real pipeline; the needs of what it advised, over all phases,
//! are drawn evenly and solved one by one, each anew: what the pipeline remembers between athletes
//! would only measure how alike they are.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use edge::UnixMicros;
use processors_pipeline::calc::Baskets;
use processors_pipeline::{Pipeline, Rules, RulesConfig};
use schemas::AnyRecord;
use schemas::record::recommendation::Needs;
use serde::Serialize;
use stream_log::driver::Memory;
use stream_log::{Append, LogTime, Step, Task, TaskLimits};

use super::Report;
use super::items::Splitter;
use crate::adapters::raw_record;
use crate::cli::{BenchArgs, GlobalArgs};
use crate::demo::Stopwatch;
use crate::progress::Progress;
use crate::run::runtime;
use crate::{simulate, topics, usage};

const ATHLETES: u32 = 1_000;
const DAYS: u32 = 7;
const SOLVES: usize = 10_000;

#[derive(Debug, Serialize)]
pub(super) struct Selected {
    #[serde(flatten)]
    pub(super) report: Report,
    /// Answers of which it is proven that none is better.
    pub(super) proven: usize,
    pub(super) max_ms: f64,
    /// How many of the needs that were drawn are of each phase.
    pub(super) phases: BTreeMap<String, usize>,
}

struct Asked {
    phase: String,
    needs: Needs,
}

pub(super) fn run(args: &BenchArgs, global: GlobalArgs) -> anyhow::Result<Selected> {
    let world = args.world(ATHLETES, DAYS, None);
    let options =
        simulate::options(&world, None).map_err(|failure| anyhow::anyhow!("{failure}"))?;
    let (athletes, days) = (world.athletes, world.days);
    let runtime = runtime()?;
    let splitter = Splitter::new(UnixMicros(options.end));
    let progress = Progress::new("needs", u64::from(options.athletes), global);
    let mut asked = Vec::new();
    for world in ingest_simulator::world(options) {
        let records = runtime.block_on(async {
            let mut records = Vec::new();
            for delivery in world.registrations.iter().chain(&world.deliveries) {
                records.extend(splitter.split(delivery).await?.iter().map(raw_record));
            }
            anyhow::Ok(records)
        })?;
        asked.extend(advised(records)?);
        progress.advance(1);
    }
    progress.done();
    ensure!(
        !asked.is_empty(),
        "no athlete of this world was advised to take anything; more days have more workouts"
    );
    measure(&drawn(asked), athletes, days)
}

/// The needs of everything that was advised to one athlete, where there was anything to take.
fn advised(records: Vec<stream_log::Record>) -> anyhow::Result<Vec<Asked>> {
    let memory = Memory::new(1, topics::CATALOGUE);
    memory.append(records).context("cannot append")?;
    let pipeline = Pipeline::new(Rules::new(RulesConfig::default()));
    let mut task = Task::new(pipeline, memory.open(), TaskLimits::default());
    let mut asked = Vec::new();
    while !matches!(task.step(LogTime(i64::MIN))?, Step::Idle { .. }) {
        for output in memory.take_outputs() {
            let advice = match schemas::decode_any(&output.record.value) {
                Ok(AnyRecord::RecommendationIssued(fact)) => Some(fact.advice),
                Ok(AnyRecord::RecommendationExpired(fact)) => Some(fact.advice),
                _ => None,
            };
            asked.extend(
                advice
                    .filter(|advice| wants_something(&advice.needs))
                    .map(|advice| Asked {
                        phase: advice.phase,
                        needs: advice.needs,
                    }),
            );
        }
    }
    Ok(asked)
}

fn wants_something(needs: &Needs) -> bool {
    let wanted = [
        needs.fluid_ml,
        needs.carbohydrate_dg,
        needs.protein_dg,
        needs.casein_dg,
        needs.sodium_mg,
        needs.caffeine_mg,
    ];
    wanted
        .into_iter()
        .flatten()
        .any(|need| need.lo.is_some_and(|lo| lo > 0))
}

/// Evenly over all athletes; from the start again where there are too few.
fn drawn(asked: Vec<Asked>) -> Vec<Asked> {
    let every = (asked.len() / SOLVES).max(1);
    asked.into_iter().step_by(every).take(SOLVES).collect()
}

fn measure(asked: &[Asked], athletes: u32, days: u32) -> anyhow::Result<Selected> {
    let baskets = Baskets::default();
    let mut took_ms = Vec::with_capacity(SOLVES);
    let mut proven = 0;
    let (began, before) = (Stopwatch::start(), usage::now());
    for one in asked.iter().cycle().take(SOLVES) {
        let solving = Stopwatch::start();
        let basket = baskets.solve(&one.phase, &one.needs);
        took_ms.push((solving.seconds() * 1e6).round() / 1e3);
        let basket = basket.with_context(|| format!("no candidates for phase {}", one.phase))?;
        proven += usize::from(basket.proven);
    }
    let (after, wall_s) = (usage::now(), began.seconds());
    took_ms.sort_unstable_by(f64::total_cmp);
    let share = |thousandths: usize| {
        let last = took_ms.len().saturating_sub(1);
        let at = (took_ms.len() * thousandths).div_ceil(1_000);
        took_ms.get(at.saturating_sub(1).min(last)).copied()
    };
    let cpu_s = after.cpu_s - before.cpu_s;
    let events = took_ms.len() as f64;
    let mut phases = BTreeMap::<String, usize>::new();
    for one in asked {
        *phases.entry(one.phase.clone()).or_default() += 1;
    }
    Ok(Selected {
        report: Report {
            workload: "select",
            events: u64::try_from(took_ms.len()).unwrap_or(u64::MAX),
            // A tick of the CPU clock is 10 ms: less than that is not known.
            events_per_s: events / cpu_s.max(0.01),
            wall_events_per_s: events / wall_s,
            cpu_s,
            wall_s,
            rss_mb: after.rss_mb,
            p50_ms: share(500),
            p99_ms: share(990),
            records_written: 0,
            fsyncs: Some(0),
            athletes,
            days,
        },
        proven,
        max_ms: took_ms.last().copied().unwrap_or(0.0),
        phases,
    })
}
