//! `sudor replay --shadow`: everything derived again from what was received, beside what is published,
//! and a report of what would differ.
//!
//! What is published is only read. The shadow is a log like any other, with the same inputs at the
//! same logical times: ticks are among the inputs, and a shadow appends none of its own, so that no
//! two derivations of one log disagree about time.
//!
//! Two derivations by the same rules differ in nothing: that is what the comparison is held to.

mod embedded;

use std::path::PathBuf;

use anyhow::anyhow;
use serde::Serialize;

use crate::cli::{GlobalArgs, ReplayArgs};
use crate::config::{self, Request};
use crate::differences::{Compared, Differences};
use crate::exit::{self, CommandResult, Failure};
use crate::run::existing_log;

/// Which two were compared.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Generations {
    pub(crate) live: u32,
    pub(crate) shadow: u32,
}

/// The result, as one JSON document.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// On Kafka.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) generations: Option<Generations>,
    /// Nothing differs.
    pub(crate) same: bool,
    /// The rules of the shadow.
    pub(crate) rules_id: String,
    pub(crate) athletes: u64,
    pub(crate) athletes_differing: usize,
    /// Not compared: the log does not have all about them any more.
    pub(crate) athletes_past_retention: usize,
    /// Not compared: something of theirs was processed in one of both at every look.
    pub(crate) athletes_in_motion: usize,
    pub(crate) sessions_merged_differently: u64,
    pub(crate) recommendations_changed: u64,
    /// Advice for the time to come that would be withdrawn, with its push.
    pub(crate) pushes_cancelled: u64,
    #[serde(flatten)]
    pub(crate) differences: Differences,
    /// Where what was derived is kept.
    pub(crate) out: Option<PathBuf>,
}

impl Report {
    pub(crate) fn new(rules_id: &str, compared: Compared) -> Self {
        let differences = compared.differences;
        Self {
            same: differences.is_empty(),
            rules_id: rules_id.to_owned(),
            athletes: compared.athletes,
            athletes_differing: compared.differing.len(),
            athletes_past_retention: 0,
            athletes_in_motion: 0,
            generations: None,
            sessions_merged_differently: differences.count("session").1,
            recommendations_changed: differences.count("recommendation").0,
            pushes_cancelled: compared.withdrawn,
            differences,
            out: None,
        }
    }
}

pub(crate) fn run(args: &ReplayArgs, global: GlobalArgs) -> CommandResult {
    let (settings, _) = config::load(&Request::of(&args.data))?;
    let report = match &settings.log.kafka {
        None => {
            existing_log(&settings)?;
            if args.generation.is_some() {
                let error = anyhow!("--generation is for a log on Kafka");
                return Err(Failure::bad_input(error).hint("--out names a folder for the shadow"));
            }
            embedded::replay(&settings, args.out.as_deref(), global)?
        }
        #[cfg(feature = "kafka")]
        Some(_) => on_kafka(args, &settings, global)?,
        // Refused with the configuration.
        #[cfg(not(feature = "kafka"))]
        Some(_) => return Err(Failure::failed(anyhow!("this build has no Kafka"))),
    };
    if global.json {
        return exit::print_json(&report).map_err(Failure::failed);
    }
    exit::print_text(&in_words(&report)).map_err(Failure::failed)
}

/// The configuration as it would be after the cut-over: all of the shadow's names come from there.
#[cfg(feature = "kafka")]
fn on_kafka(
    args: &ReplayArgs,
    live: &config::Settings,
    global: GlobalArgs,
) -> Result<Report, Failure> {
    if args.out.is_some() {
        let error = anyhow!("--out is for a log in the data folder");
        return Err(Failure::bad_input(error).hint(
            "on Kafka the shadow stays in topics of its own, and in a folder of the data folder",
        ));
    }
    crate::telemetry::start(global, live.log.format, live.log.filter.as_deref());
    let mut request = Request::of(&args.data);
    let present = live.log.generation();
    let next = args.generation.unwrap_or(present.saturating_add(1));
    if next == present {
        let error = anyhow!("generation {next} is the one that is served");
        return Err(Failure::bad_input(error).hint("--generation names another one"));
    }
    let flag = ("log.generation", "--generation", next.to_string());
    request.flags.push(flag);
    let (shadow, _) = config::load(&request)?;
    crate::kafka::replay(live, &shadow, global).map_err(Failure::failed)
}

fn in_words(report: &Report) -> String {
    let mut text = format!(
        "{} athletes by rules {}: {} differ\n{} sessions merge differently, {} recommendations change, {} pushes would be cancelled",
        report.athletes,
        report.rules_id,
        report.athletes_differing,
        report.sessions_merged_differently,
        report.recommendations_changed,
        report.pushes_cancelled
    );
    if report.athletes_past_retention > 0 {
        text.push_str(&format!(
            "\n{} athletes are past retention: the log does not have all about them, and they were not compared",
            report.athletes_past_retention
        ));
    }
    if report.athletes_in_motion > 0 {
        text.push_str(&format!(
            "\n{} athletes were worked on at every look, and were not compared; run it again",
            report.athletes_in_motion
        ));
    }
    text.push_str(&report.differences.in_words());
    if let Some(Generations { live, shadow }) = report.generations {
        text.push_str(&format!(
            "\ngeneration {shadow} is as far as generation {live}; to take it over, start the processes with log.generation = {shadow}"
        ));
    }
    if let Some(out) = &report.out {
        text.push_str(&format!("\nkept in {}", out.display()));
    }
    text
}

/// A folder that holds something else is not written into.
fn refused(folder: &std::path::Path, why: &str) -> Failure {
    let error = anyhow!("{} {why}", folder.display());
    Failure::bad_input(error)
        .hint("--out names a folder that is empty, not there, or of an earlier run of this command")
}
