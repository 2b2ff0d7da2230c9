//! `sudor verify`: recount every item, rebuild every athlete from the log, compare with what was
//! published and with what readers are shown.
//!
//! It opens everything read-only, so it may run beside the service; what was appended after it
//! began is not looked at. It repairs nothing.
//!
//! What is compared: the log with its own arithmetic (gaps, checksums, revisions), counters with a
//! recount, published content with a rebuild by the same rules, state and timers with those of the
//! rebuild, rows with the facts they came from. Content is everything but ids, revisions, hashes and
//! processing times, so a rebuild in other batches is still equal.

pub(crate) mod facts;
mod finding;
pub(crate) mod log;
pub(crate) mod rebuild;
mod rows;

use std::path::Path;

use anyhow::{Context, anyhow};
use serde::Serialize;
use stream_embedded::EmbeddedReader;

use crate::cli::{GlobalArgs, VerifyArgs};
use crate::config::{self, Request, Settings};
use crate::exit::{self, CommandResult, Failure};
use crate::progress::Progress;
use crate::run::existing_log;
use crate::topics;

pub(crate) use finding::{Finding, Findings};

/// Clean, or what is the matter with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Clean,
    /// No difference, but some of it stands as other rules derived it: `sudor rederive` is due.
    Stale,
    /// A true difference under the same rules.
    Wrong,
}

impl Outcome {
    fn of(findings: u64, stale: u64) -> Self {
        match (findings, stale) {
            (0, 0) => Self::Clean,
            (0, _) => Self::Stale,
            _ => Self::Wrong,
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct PastRetention {
    pub(crate) records: u64,
    pub(crate) athletes: usize,
}

/// The result, as one JSON document.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) ok: bool,
    pub(crate) outcome: Outcome,
    pub(crate) records: u64,
    pub(crate) athletes: u64,
    pub(crate) facts: u64,
    pub(crate) rows: u64,
    /// Athletes whose state was derived by other rules: counted, not compared.
    pub(crate) stale: u64,
    /// Records that were removed from the beginning of the log, and athletes of whom some were: they
    /// cannot be counted or rebuilt, and were not compared.
    pub(crate) past_retention: PastRetention,
    pub(crate) pending: u64,
    /// On Kafka, transactions whose inputs were followed from one to the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) commits: Option<u64>,
    pub(crate) findings_total: u64,
    pub(crate) findings: Vec<Finding>,
}

pub(crate) fn run(args: &VerifyArgs, global: GlobalArgs) -> CommandResult {
    let (settings, _) = config::load(&Request::of(&args.data))?;
    existing_log(&settings)?;
    let report = verify(&settings, global).map_err(Failure::failed)?;
    if global.json {
        exit::print_json(&report).map_err(Failure::failed)?;
    } else {
        exit::print_text(&in_words(&report)).map_err(Failure::failed)?;
    }
    if report.ok {
        return Ok(());
    }
    let total = report.findings_total;
    Err(Failure::failed(anyhow!("{total} differences; the first are listed above")).told())
}

pub(crate) fn verify(settings: &Settings, global: GlobalArgs) -> anyhow::Result<Report> {
    let data = &settings.log.data;
    let reader = open(data)?;
    // One moment for all that is read from the log, however long it takes.
    reader.hold().context("cannot hold a snapshot of the log")?;
    let mut findings = Findings::default();
    let total = reader.next_seq()?.0.saturating_sub(1);
    let progress = Progress::new("log", total, global);
    let counted = log::walk(&reader, &mut findings, &progress)?;
    progress.done();
    let progress = Progress::new("rebuild", counted.inputs, global);
    let stale = rebuild::compare(settings, &reader, &counted, &mut findings, &progress)?;
    progress.done();
    let rows = rows::compare(settings, &reader, &counted.trimmed, &mut findings)?;
    let commits = commits(settings, &mut findings)?;
    Ok(Report {
        ok: findings.total() == 0,
        outcome: Outcome::of(findings.total(), stale),
        records: counted.records,
        athletes: counted.facts.athletes(),
        facts: counted.facts.total(),
        rows,
        stale,
        past_retention: PastRetention {
            records: counted.removed,
            athletes: counted.trimmed.len(),
        },
        pending: counted.pending,
        commits,
        findings_total: findings.total(),
        findings: findings.into_first(),
    })
}

/// On Kafka, what only the broker has.
#[cfg(feature = "kafka")]
fn commits(settings: &Settings, findings: &mut Findings) -> anyhow::Result<Option<u64>> {
    let kafka = settings.log.kafka.as_ref();
    let check = |kafka| crate::kafka::check_commits(settings, kafka, findings);
    kafka.map(check).transpose()
}

#[cfg(not(feature = "kafka"))]
fn commits(_: &Settings, _: &mut Findings) -> anyhow::Result<Option<u64>> {
    Ok(None)
}

fn open(data: &Path) -> anyhow::Result<EmbeddedReader> {
    EmbeddedReader::open(data, topics::CATALOGUE)
        .with_context(|| format!("cannot read the log in {}", data.display()))
}

fn in_words(report: &Report) -> String {
    let mut text = format!(
        "{} records, {} facts, {} athletes, {} rows: ",
        report.records, report.facts, report.athletes, report.rows
    );
    text.push_str(match report.outcome {
        Outcome::Clean if report.past_retention.records > 0 => "what is kept agrees",
        Outcome::Clean => "everything agrees",
        Outcome::Stale => "what can be compared agrees",
        Outcome::Wrong => "differences found",
    });
    if let Some(commits) = report.commits {
        text.push_str(&format!(
            "\n{commits} commits on Kafka were followed, from input to input"
        ));
    }
    if report.stale > 0 {
        text.push_str(&format!(
            "\n{} athletes stand as other rules derived them: they are stale, not wrong, and were not compared; run sudor rederive",
            report.stale
        ));
    }
    let past = &report.past_retention;
    if past.records > 0 {
        text.push_str(&format!(
            "\n{} records are past retention: items were not recounted, and {} athletes of whom some are were not rebuilt",
            past.records, past.athletes
        ));
    }
    if report.pending > 0 {
        text.push_str(&format!(
            "\n{} records wait to be processed",
            report.pending
        ));
    }
    for finding in &report.findings {
        text.push_str(&format!("\n{}: {}", finding.what, finding.detail));
    }
    text
}
