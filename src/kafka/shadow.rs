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

/// Inputs between two words in the log.
const TOLD_EVERY: u64 = 100_000;
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
    // Where there is nothing to read yet, it is asked again when there is.
    if let Ok(reader) = EmbeddedReader::open(&shadow.log.data, catalogue::CATALOGUE) {
        by_these_rules(shadow, &reader, &pipeline)?;
    }
    topics::make(shadow, kafka).context("cannot make the topics of the next generation")?;
    let published = Copy::of_published(live, kafka_live)?;
    let shadowed = Copy::of_shadow(shadow, kafka)?;
    let report = look_and_compare(live, shadow, &pipeline, [&published, &shadowed], global);
    let ended = published.end().and(shadowed.end());
    let (comparison, left) = report?;
    ended?;
    Ok(Report {
        generations: Some(Generations {
            live: kafka_live.generation,
            shadow: kafka.generation,
        }),
        athletes_in_motion: left,
        athletes: comparison.athletes(),
        ..Report::new(pipeline.rules_id(), comparison.told)
    })
}

fn look_and_compare(
    live: &Settings,
    shadow: &Settings,
    pipeline: &Pipeline,
    copies: [&Copy; 2],
    global: GlobalArgs,
) -> anyhow::Result<(Comparison, usize)> {
    let mut looks = [Look::open(live)?, Look::open(shadow)?];
    caught_up(copies, &mut looks, global)?;
    by_these_rules(shadow, looks[1].side().reader, pipeline)?;
    Comparison::run(copies, &mut looks)
}

/// A generation that was begun by other rules says nothing about these.
fn by_these_rules(
    shadow: &Settings,
    reader: &EmbeddedReader,
    pipeline: &Pipeline,
) -> anyhow::Result<()> {
    let stale = rebuild::stale(reader, pipeline)?.len();
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
                });
            }
            Err(failure) => {
                return Err(failure).context("cannot open the copy of what is published");
            }
        };
        let threads = vec![side.copy(&log, &status, false)?];
        Ok(Self { status, threads })
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
        Ok(Self { status, threads })
    }

    /// It has all that there was when this began.
    fn has_caught_up(&self) -> anyhow::Result<bool> {
        if let Some(failure) = self.status.failure() {
            return Err(anyhow!("{failure}"));
        }
        Ok(self.threads.is_empty() || self.status.elsewhere.has_caught_up())
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

/// Waits until both copies have what there was at the beginning, and the shadow has processed it.
fn caught_up(copies: [&Copy; 2], looks: &mut [Look; 2], global: GlobalArgs) -> anyhow::Result<()> {
    let progress = Progress::new("shadow", 0, global);
    let (mut goal, mut told) = (None, 0);
    loop {
        let mut both = true;
        for (copy, look) in copies.into_iter().zip(looks.iter_mut()) {
            both &= copy.has_caught_up()?;
            look.go_on()?;
        }
        let [published, shadowed] = &*looks;
        let (there, done) = (published.processed(), shadowed.processed());
        progress.reach(done, there.max(done));
        if done / TOLD_EVERY > told {
            told = done / TOLD_EVERY;
            tracing::info!(inputs = done, of = there, "the shadow goes on");
        }
        let end = *goal.get_or_insert(shadowed.end());
        if both && !shadowed.is_open_before(end) {
            progress.done();
            return Ok(());
        }
        if !both {
            goal = None;
        }
        std::thread::park_timeout(BETWEEN_LOOKS);
    }
}

/// Athletes one by one, as their moments come.
#[derive(Default)]
struct Comparison {
    told: Compared,
    decided: BTreeSet<String>,
    /// Who differed at the last look, and what of theirs had been processed.
    suspects: BTreeMap<String, Seen>,
}

impl Comparison {
    fn run(copies: [&Copy; 2], looks: &mut [Look; 2]) -> anyhow::Result<(Self, usize)> {
        let mut comparison = Self::default();
        let mut left = 0;
        for _ in 0..LOOKS_MAX {
            for (copy, look) in copies.into_iter().zip(looks.iter_mut()) {
                copy.has_caught_up()?;
                look.go_on()?;
            }
            left = comparison.look(looks)?;
            if left == 0 {
                break;
            }
            std::thread::park_timeout(BETWEEN_LOOKS);
        }
        Ok((comparison, left))
    }

    /// How many are left to be compared.
    fn look(&mut self, looks: &[Look; 2]) -> anyhow::Result<usize> {
        let [published, shadowed] = looks;
        let (live, again) = (published.side(), shadowed.side());
        let now = published.now.max(shadowed.now);
        let everybody: BTreeSet<&str> = published.athletes().chain(shadowed.athletes()).collect();
        let open = everybody
            .into_iter()
            .filter(|one| !self.decided.contains(*one));
        let (still, moving): (BTreeSet<&str>, BTreeSet<&str>) =
            open.partition(|one| published.seen(one) == shadowed.seen(one));
        let mut found = Compared::default();
        compare(live, again, now, &|one| still.contains(one), &mut found)?;
        let differ = found.differing;
        let seen = |one: &String| Some((one.clone(), published.seen(one)?));
        let suspects: BTreeMap<String, Seen> = differ.iter().filter_map(seen).collect();
        let sure = |one: &str| {
            let before = self.suspects.get(one);
            before.is_some() && before == suspects.get(one)
        };
        compare(live, again, now, &sure, &mut self.told)?;
        let settled: Vec<String> = still
            .iter()
            .filter(|one| !differ.contains(**one) || sure(one))
            .map(|one| (*one).to_owned())
            .collect();
        let left = moving.len() + still.len() - settled.len();
        self.decided.extend(settled);
        self.suspects = suspects;
        Ok(left)
    }

    fn athletes(&self) -> u64 {
        // What came for an account that nobody linked is of no athlete.
        let athletes = self.decided.iter().filter(|one| !one.contains("/~"));
        u64::try_from(athletes.count()).unwrap_or(u64::MAX)
    }
}
