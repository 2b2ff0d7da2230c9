//! The next generation beside the present one: its topics, its processing, and a comparison of both
//! copies.
//!
//! It is what a process of that generation would do, without making time and without serving anybody;
//! so what it did is there when such a process starts, and it may be ended and started at any moment.
//! Of the present generation it reads a copy: that of the process in the folder, or one of its own
//! where there is no process.
//!
//! Invariant: an athlete is compared only at a moment when both generations have processed exactly the
//! same inputs of theirs; a difference counts when two such moments show it.

mod look;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, anyhow};
use edge::{Clock, SystemClock};
use processors_pipeline::{Pipeline, Rules};
use sinks_api::metrics::Metrics;
use stream_embedded::{EmbeddedLog, EmbeddedReader, Options};

use super::{Side, Ticks, topics};
use crate::cli::GlobalArgs;
use crate::config::{Kafka, Settings};
use crate::differences::{Compared, compare};
use crate::loops::Status;
use crate::progress::Progress;
use crate::replay::{Generations, Report};
use crate::verify::rebuild;
use crate::{rules, topics as catalogue};
use look::{Look, Seen};

const BETWEEN_LOOKS: Duration = Duration::from_millis(500);
/// Looks after which who is still worked on is told as such.
const LOOKS_MAX: usize = 240;

pub(crate) fn replay(
    live: &Settings,
    shadow: &Settings,
    global: GlobalArgs,
) -> anyhow::Result<Report> {
    let (Some(kafka_live), Some(kafka)) = (&live.log.kafka, &shadow.log.kafka) else {
        return Err(anyhow!("the log is not on Kafka"));
    };
    let pipeline = Pipeline::new(Rules::new(rules::config(shadow)));
    if shadow.log.data.join("log.db").exists() {
        by_these_rules(shadow, &pipeline)?;
    }
    topics::make(shadow, kafka).context("cannot make the topics of the next generation")?;
    let published = Copy::of_published(live, kafka_live)?;
    let shadowed = Copy::of_shadow(shadow, kafka)?;
    let report = caught_up(&published, &shadowed, live, shadow, global)
        .and_then(|()| by_these_rules(shadow, &pipeline))
        .and_then(|()| compared(live, shadow, [&published, &shadowed]));
    let ended = published.end().and(shadowed.end());
    let (compared, left, athletes) = report?;
    ended?;
    Ok(Report {
        generations: Some(Generations {
            live: kafka_live.generation,
            shadow: kafka.generation,
        }),
        athletes_in_motion: left,
        athletes,
        ..Report::new(pipeline.rules_id(), compared)
    })
}

/// A generation that was begun by other rules says nothing about these.
fn by_these_rules(shadow: &Settings, pipeline: &Pipeline) -> anyhow::Result<()> {
    let reader = EmbeddedReader::open(&shadow.log.data, catalogue::CATALOGUE)?;
    let stale = rebuild::stale(&reader, pipeline)?.len();
    if stale == 0 {
        return Ok(());
    }
    let generation = shadow.log.generation();
    Err(anyhow!(
        "generation {generation} holds what other rules derived, of {stale} athletes: name a later one with --generation"
    ))
}

/// What keeps the copy of a generation.
struct Copy {
    status: Arc<Status>,
    threads: Vec<JoinHandle<anyhow::Result<()>>>,
    log: Option<Arc<EmbeddedLog>>,
}

fn open(settings: &Settings) -> Result<Arc<EmbeddedLog>, stream_log::Failure> {
    let mut options = Options::new(catalogue::CATALOGUE);
    options.partitions = settings.log.partitions;
    EmbeddedLog::open(&settings.log.data, &options).map(Arc::new)
}

impl Copy {
    /// A process that has the folder keeps the copy itself.
    fn of_published(settings: &Settings, kafka: &Kafka) -> anyhow::Result<Self> {
        let status = Arc::new(Status::default());
        let side = Side::open(settings, kafka)?;
        let log = match open(settings) {
            Ok(log) => log,
            Err(failure) if failure.to_string().contains("another sudor process") => {
                tracing::info!(folder = %settings.log.data.display(), "reading the copy of the process there");
                return Ok(Self {
                    status,
                    threads: Vec::new(),
                    log: None,
                });
            }
            Err(failure) => {
                return Err(failure).context("cannot open the copy of what is published");
            }
        };
        let threads = vec![side.copy(&log, &status, false)?];
        Ok(Self {
            status,
            threads,
            log: Some(log),
        })
    }

    fn of_shadow(settings: &Settings, kafka: &Kafka) -> anyhow::Result<Self> {
        let status = Arc::new(Status::default());
        let side = Side::open(settings, kafka)?;
        let log = open(settings).context("cannot open the copy of the next generation")?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let metrics = Metrics::new(env!("CARGO_PKG_VERSION"), "release")?;
        let threads = vec![
            side.copy(&log, &status, true)?,
            side.processing(settings, &status, &clock, &metrics, Ticks::ReadOnly)?,
        ];
        status.nothing_to_store();
        Ok(Self {
            status,
            threads,
            log: Some(log),
        })
    }

    /// It has shown all there was at some moment.
    fn was_complete(&self) -> anyhow::Result<bool> {
        if let Some(failure) = self.status.failure() {
            return Err(anyhow!("{failure}"));
        }
        Ok(self.log.is_none() || !self.status.is_behind())
    }

    fn end(self) -> anyhow::Result<()> {
        self.status.stop();
        for thread in self.threads {
            let ended = thread.join();
            ended.map_err(|_| anyhow!("a loop panicked"))??;
        }
        Ok(())
    }
}

/// Waits until both have been at the end of the log.
fn caught_up(
    published: &Copy,
    shadowed: &Copy,
    live: &Settings,
    shadow: &Settings,
    global: GlobalArgs,
) -> anyhow::Result<()> {
    let progress = Progress::new("shadow", 0, global);
    let (mut both, mut far) = ([false; 2], 0);
    while both != [true; 2] {
        for (done, copy) in both.iter_mut().zip([published, shadowed]) {
            *done = *done || copy.was_complete()?;
        }
        let lengths = [look::length(live), look::length(shadow)];
        let [there, done] = lengths;
        progress.reach(done, there.max(done));
        if done / 100_000 > far {
            far = done / 100_000;
            tracing::info!(records = done, of = there, "the shadow goes on");
        }
        std::thread::park_timeout(BETWEEN_LOOKS);
    }
    progress.done();
    Ok(())
}

/// The differences, how many athletes could not be compared, and how many were.
fn compared(
    live: &Settings,
    shadow: &Settings,
    copies: [&Copy; 2],
) -> anyhow::Result<(Compared, usize, u64)> {
    let mut looks = [Look::open(live)?, Look::open(shadow)?];
    let mut told = Compared::default();
    let mut decided: BTreeSet<String> = BTreeSet::new();
    let mut suspects: BTreeMap<String, Seen> = BTreeMap::new();
    let mut left = 0;
    for _ in 0..LOOKS_MAX {
        for copy in copies {
            copy.was_complete()?;
        }
        for look in &mut looks {
            look.go_on()?;
        }
        let [published, shadowed] = &looks;
        let now = published.now.max(shadowed.now);
        let open: BTreeSet<&str> = published.athletes().chain(shadowed.athletes()).collect();
        let open = open.into_iter().filter(|one| !decided.contains(*one));
        let (still, moving): (BTreeSet<&str>, BTreeSet<&str>) =
            open.partition(|one| published.seen(one) == shadowed.seen(one));
        let sides = [published.side(), shadowed.side()];
        let mut found = Compared::default();
        compare(
            sides[0],
            sides[1],
            now,
            &|one| still.contains(one),
            &mut found,
        )?;
        let again = |one: &str| suspects.get(one).copied() == published.seen(one);
        let sure: BTreeSet<&str> = found.differing.iter().map(String::as_str).collect();
        let sure: BTreeSet<&str> = sure.into_iter().filter(|one| again(one)).collect();
        compare(
            sides[0],
            sides[1],
            now,
            &|one| sure.contains(one),
            &mut told,
        )?;
        left = moving.len() + found.differing.len() - sure.len();
        let settled = still
            .iter()
            .filter(|one| sure.contains(**one) || !found.differing.contains(**one));
        let settled: Vec<String> = settled.map(|one| (*one).to_owned()).collect();
        let seen = found
            .differing
            .iter()
            .filter_map(|one| Some((one.clone(), published.seen(one)?)));
        suspects = seen.collect();
        decided.extend(settled);
        if left == 0 {
            break;
        }
        std::thread::park_timeout(BETWEEN_LOOKS);
    }
    let athletes = decided.iter().filter(|one| !one.contains("/~")).count();
    Ok((told, left, u64::try_from(athletes).unwrap_or(u64::MAX)))
}
