//! `sudor rederive`: every athlete whose state other rules derived, again by the rules of today, and
//! a report of what that changes.
//!
//! The log is read once into memory, as `verify` does; then each stale athlete is one step: what was
//! observed as it is read today, what was published as it stands, and revisions where the two
//! differ. State and facts of an athlete are in one commit, and the version of the rules is part of
//! that state, so the command may be killed anywhere and run again: who is done is not stale.
//!
//! The folder is ours alone meanwhile. Readers' rows follow when the service runs again.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Context, anyhow};
use processors_pipeline::{Difference, Rederived};
use serde::Serialize;
use serde_json::{Value, json};
use stream_embedded::{EmbeddedLog, EmbeddedReader, Options, ProcessingHost};
use stream_log::{BucketId, Commit, Key, Log, StateChange, partition_of};

use crate::cli::{GlobalArgs, RederiveArgs};
use crate::config::{self, Request, Settings};
use crate::exit::{self, CommandResult, Failure};
use crate::progress::Progress;
use crate::run::existing_log;
use crate::topics;
use crate::verify::{Findings, log, rebuild};

/// Differences of a kind that are shown; all are counted.
const EXAMPLES_MAX: usize = 10;

/// How many things of a kind the rules of today see otherwise.
#[derive(Debug, Default, Serialize)]
struct Tally {
    revised: u64,
    retracted: u64,
    new: u64,
    /// Of these, sessions of other records than before.
    #[serde(skip_serializing_if = "Option::is_none")]
    regrouped: Option<u64>,
}

/// The result, as one JSON document.
#[derive(Debug, Default, Serialize)]
struct Report {
    rules_id: String,
    dry_run: bool,
    athletes_stale: u64,
    athletes_rederived: u64,
    /// In quarantine: replay what they were set aside for, then run again.
    athletes_quarantined: u64,
    /// A rule failed on them; they are as they were.
    athletes_failed: Vec<String>,
    /// Of whom records were removed: what is kept does not say all about them. They are as they were.
    athletes_past_retention: u64,
    athletes_left: u64,
    /// Facts said, by record.
    facts: BTreeMap<String, u64>,
    differences: BTreeMap<&'static str, Tally>,
    examples: BTreeMap<&'static str, Vec<Value>>,
}

pub(crate) fn run(args: &RederiveArgs, global: GlobalArgs) -> CommandResult {
    let (settings, _) = config::load(&Request::of(&args.data))?;
    if settings.log.kafka.is_some() {
        let missing = exit::NotSupported {
            what: "sudor rederive of a log on Kafka",
            instead: "process the topics from their beginning with a new topic prefix",
        };
        return Err(missing.into());
    }
    existing_log(&settings)?;
    let report = rederive(&settings, args, global).map_err(Failure::failed)?;
    if global.json {
        exit::print_json(&report).map_err(Failure::failed)?;
    } else {
        exit::print_text(&in_words(&report)).map_err(Failure::failed)?;
    }
    match report.athletes_failed.len() {
        0 => Ok(()),
        failed => {
            let error = anyhow!("a rule failed on {failed} athletes; they are as they were");
            Err(Failure::failed(error).told())
        }
    }
}

fn rederive(
    settings: &Settings,
    args: &RederiveArgs,
    global: GlobalArgs,
) -> anyhow::Result<Report> {
    let data = &settings.log.data;
    let reader = EmbeddedReader::open(data, topics::CATALOGUE)
        .with_context(|| format!("cannot read the log in {}", data.display()))?;
    let mut host = (!args.dry_run).then(|| writer(settings)).transpose()?;
    reader.hold().context("cannot hold a snapshot of the log")?;
    let total = reader.next_seq()?.0.saturating_sub(1);
    let progress = Progress::new("log", total, global);
    // What is wrong with the log is for `verify` to say.
    let counted = log::walk(&reader, &mut Findings::default(), &progress)?;
    progress.done();
    let progress = Progress::new("rebuild", counted.inputs, global);
    let again = rebuild::rebuild(settings, &reader, &counted, &progress)?;
    progress.done();
    let pipeline = again.task.processor();
    let stale = rebuild::stale(&reader, pipeline)?;
    let mut read = again.memory.state();
    let mut report = Report {
        rules_id: pipeline.rules_id().to_owned(),
        dry_run: args.dry_run,
        athletes_stale: number(stale.len()),
        ..Report::default()
    };
    let progress = Progress::new("athletes", report.athletes_stale, global);
    for name in &stale {
        if args
            .limit
            .is_some_and(|limit| report.athletes_rederived >= limit)
        {
            break;
        }
        progress.advance(1);
        let athlete = Key::new(name);
        if counted.trimmed.contains(name) {
            report.athletes_past_retention += 1;
            continue;
        }
        let kept = reader.state_of(&athlete)?;
        if kept
            .iter()
            .any(|(bucket, _)| *bucket == BucketId::QUARANTINE)
        {
            report.athletes_quarantined += 1;
            continue;
        }
        let read = Vec::from_iter(read.remove(&athlete).unwrap_or_default());
        let derived = catch_unwind(AssertUnwindSafe(|| {
            pipeline.rederive(&athlete, &kept, &read)
        }));
        let Ok(derived) = derived else {
            report.athletes_failed.push(name.clone());
            continue;
        };
        let derived = derived
            .map_err(|broken| anyhow!("the state of {name} cannot be read: {}", broken.detail))?;
        report.add(name, &derived);
        if let Some((_, host)) = &mut host {
            host.commit(commit(&athlete, reader.partitions(), derived))
                .with_context(|| format!("cannot commit {name}"))?;
        }
    }
    progress.done();
    report.athletes_left = report.athletes_stale - report.athletes_rederived;
    Ok(report)
}

/// The one writer of the folder; refused beside a running service.
fn writer(settings: &Settings) -> anyhow::Result<(EmbeddedLog, ProcessingHost)> {
    let data = &settings.log.data;
    let mut options = Options::new(topics::CATALOGUE);
    options.partitions = settings.log.partitions;
    let log = EmbeddedLog::open(data, &options).with_context(|| {
        format!(
            "cannot write the log in {}; stop the service",
            data.display()
        )
    })?;
    let host = log.processing()?;
    Ok((log, host))
}

fn commit(athlete: &Key, partitions: u32, derived: Rederived) -> Commit {
    let mut commit = Commit {
        outputs: derived.emit,
        ..Commit::default()
    };
    let changes = derived.state.into_iter();
    commit
        .state
        .extend(changes.map(|(bucket, value)| StateChange {
            athlete: athlete.clone(),
            bucket,
            value,
        }));
    let timers = derived.timers.into_iter();
    commit
        .timers
        .extend(timers.map(|change| (athlete.clone(), change)));
    let partition = partition_of(athlete.as_str(), partitions);
    for change in derived.counters {
        *commit.counters.entry((partition, change.name)).or_default() += change.by;
    }
    commit
}

impl Report {
    fn add(&mut self, athlete: &str, derived: &Rederived) {
        self.athletes_rederived += 1;
        for record in &derived.emit {
            let kind = record
                .headers
                .iter()
                .find(|header| header.name == "ce_type");
            let kind = kind.map_or_else(String::new, |kind| {
                String::from_utf8_lossy(&kind.value).into_owned()
            });
            *self.facts.entry(kind).or_default() += 1;
        }
        for difference in &derived.differences {
            let tally = self.differences.entry(difference.kind).or_default();
            match difference.change {
                "new" => tally.new += 1,
                "retracted" => tally.retracted += 1,
                _ => tally.revised += 1,
            }
            if difference.kind == "session" {
                *tally.regrouped.get_or_insert(0) += u64::from(difference.regrouped);
            }
            let examples = self.examples.entry(difference.kind).or_default();
            if examples.len() < EXAMPLES_MAX {
                examples.push(example(athlete, difference));
            }
        }
    }
}

fn example(athlete: &str, difference: &Difference) -> Value {
    let mut sides = [serde_json::Map::new(), serde_json::Map::new()];
    let [before, after] = &mut sides;
    for (name, was, now) in &difference.values {
        before.insert((*name).to_owned(), json!(was));
        after.insert((*name).to_owned(), json!(now));
    }
    json!({
        "athlete_id": athlete.split_once('/').map_or(athlete, |(_, id)| id),
        "id": difference.id,
        "change": difference.change,
        "regrouped": difference.regrouped,
        "before": before,
        "after": after,
    })
}

fn in_words(report: &Report) -> String {
    let mut text = format!(
        "{} of {} stale athletes {} by rules {}",
        report.athletes_rederived,
        report.athletes_stale,
        if report.dry_run {
            "would be derived again"
        } else {
            "derived again"
        },
        report.rules_id
    );
    if report.athletes_quarantined > 0 {
        text.push_str(&format!(
            "\n{} wait in quarantine",
            report.athletes_quarantined
        ));
    }
    if report.athletes_past_retention > 0 {
        text.push_str(&format!(
            "\n{} are past retention: the log does not have all about them, and they stand as they were derived",
            report.athletes_past_retention
        ));
    }
    if report.differences.is_empty() {
        text.push_str("\nnothing differs");
    }
    for (kind, tally) in &report.differences {
        text.push_str(&format!(
            "\n{kind}: {} revised, {} retracted, {} new",
            tally.revised, tally.retracted, tally.new
        ));
        if let Some(regrouped) = tally.regrouped {
            text.push_str(&format!(", {regrouped} of other records than before"));
        }
        for example in report.examples.get(kind).into_iter().flatten() {
            let word = |name: &str| example[name].as_str().unwrap_or_default().to_owned();
            text.push_str(&format!(
                "\n  {} {} of {}: {} -> {}",
                word("id"),
                word("change"),
                word("athlete_id"),
                example["before"],
                example["after"]
            ));
        }
    }
    text
}

fn number(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
