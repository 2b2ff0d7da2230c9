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
use processors_pipeline::Rederived;
use schemas::AnyRecord;
use serde::Serialize;
use stream_embedded::{EmbeddedLog, EmbeddedReader, Options, ProcessingHost};
use stream_log::{BucketId, Commit, Key, Log, StateChange, partition_of};

use crate::cli::{GlobalArgs, RederiveArgs};
use crate::config::{self, Request, Settings};
use crate::differences::{self, Change, Differences, record_at};
use crate::exit::{self, CommandResult, Failure};
use crate::progress::Progress;
use crate::run::existing_log;
use crate::topics;
use crate::verify::facts::{EntityId, Facts, entity_of};
use crate::verify::{Findings, log, rebuild};

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
    #[serde(flatten)]
    differences: Differences,
}

pub(crate) fn run(args: &RederiveArgs, global: GlobalArgs) -> CommandResult {
    let (settings, _) = config::load(&Request::of(&args.data))?;
    if settings.log.kafka.is_some() {
        let missing = exit::NotSupported {
            what: "sudor rederive of a log on Kafka",
            instead: "sudor replay --shadow derives the next generation beside this one",
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
        report.add(name, &derived, &reader, &counted.facts)?;
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
    fn add(
        &mut self,
        athlete: &str,
        derived: &Rederived,
        reader: &EmbeddedReader,
        said: &Facts,
    ) -> anyhow::Result<()> {
        self.athletes_rederived += 1;
        let mut emitted = BTreeMap::new();
        for record in &derived.emit {
            let kind = record
                .headers
                .iter()
                .find(|header| header.name == "ce_type");
            let kind = kind.map_or_else(String::new, |kind| {
                String::from_utf8_lossy(&kind.value).into_owned()
            });
            *self.facts.entry(kind).or_default() += 1;
            let fact = schemas::decode_any(&record.value)
                .with_context(|| format!("a fact of {athlete} cannot be read"))?;
            if let Some(entity) = entity_of(&fact) {
                emitted.insert((entity.1, state_id(&fact, &entity)), (entity, fact));
            }
        }
        for difference in &derived.differences {
            let told = emitted.get(&(difference.kind, difference.id.clone()));
            let before = told.and_then(|(entity, _)| said.place_of(entity));
            let before = before.map(|at| record_at(reader, at)).transpose()?;
            let change = match difference.change {
                "new" => Change::New,
                "retracted" => Change::Retracted,
                _ => Change::Revised,
            };
            self.differences.add(&differences::Difference {
                kind: difference.kind,
                athlete,
                id: &difference.id,
                change,
                regrouped: difference.regrouped,
                before: before.as_ref().filter(|_| change != Change::New),
                after: told
                    .map(|(_, fact)| fact)
                    .filter(|_| change != Change::Retracted),
            })?;
        }
        Ok(())
    }
}

/// State keeps a loss with its session, and a profile with its athlete.
fn state_id(fact: &AnyRecord, (athlete, kind, id): &EntityId) -> String {
    match fact {
        AnyRecord::SweatLossEstimated(loss) => loss.session_id.clone(),
        AnyRecord::SweatLossRetracted(loss) => loss.session_id.clone(),
        _ if *kind == "profile" => athlete.clone(),
        _ => id.clone(),
    }
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
    text.push_str(&report.differences.in_words());
    text
}

fn number(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
