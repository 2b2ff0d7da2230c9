//! `sudor bench`: workloads as rates per CPU second of the process.

mod embedded;
mod fold;
mod items;
#[cfg(feature = "kafka")]
mod kafka;
mod select;

use serde::Serialize;

use crate::cli::{BenchArgs, BenchWorkload, GlobalArgs};
use crate::exit::{self, CommandResult, Failure};

/// The keys of the contract. What a workload does not have is 0 (fsyncs of `fold`) or null.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) workload: &'static str,
    pub(crate) events: u64,
    pub(crate) events_per_s: f64,
    pub(crate) wall_events_per_s: f64,
    pub(crate) cpu_s: f64,
    pub(crate) wall_s: f64,
    pub(crate) rss_mb: f64,
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
    pub(crate) records_written: u64,
    pub(crate) fsyncs: Option<u64>,
    pub(crate) athletes: u32,
    pub(crate) days: u32,
}

impl std::fmt::Display for Report {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            to,
            "{}: {} events, {:.0} per CPU second ({:.0} per second of wall time), {:.1} CPU s, {:.0} MB, {} records written",
            self.workload,
            self.events,
            self.events_per_s,
            self.wall_events_per_s,
            self.cpu_s,
            self.rss_mb,
            self.records_written
        )
    }
}

pub(crate) fn run(args: &BenchArgs, global: GlobalArgs) -> CommandResult {
    let report = match args.workload {
        BenchWorkload::Fold => fold::run(args, global),
        BenchWorkload::Embedded => embedded::run(args, global),
        BenchWorkload::Select => return run_select(args, global),
        #[cfg(feature = "kafka")]
        BenchWorkload::Kafka => return run_kafka(args, global),
        // Known before anything is started.
        #[cfg(not(feature = "kafka"))]
        BenchWorkload::Kafka => Err(anyhow::anyhow!("this build has no Kafka")),
    }
    .map_err(Failure::failed)?;
    if global.json {
        return exit::print_json(&report).map_err(Failure::failed);
    }
    exit::print_text(&report.to_string()).map_err(Failure::failed)
}

#[cfg(feature = "kafka")]
fn run_kafka(args: &BenchArgs, global: GlobalArgs) -> CommandResult {
    let found = kafka::run(args, global).map_err(Failure::failed)?;
    if global.json {
        return exit::print_json(&found).map_err(Failure::failed);
    }
    exit::print_text(&found.to_string()).map_err(Failure::failed)
}

fn run_select(args: &BenchArgs, global: GlobalArgs) -> CommandResult {
    let selected = select::run(args, global).map_err(Failure::failed)?;
    if global.json {
        return exit::print_json(&selected).map_err(Failure::failed);
    }
    let (report, ms) = (&selected.report, |ms: Option<f64>| ms.unwrap_or(0.0));
    let text = format!(
        "select: {} baskets, {:.0} per CPU second, p50 {:.3} ms, p99 {:.3} ms, longest {:.3} ms, {} proven to be the best",
        report.events,
        report.events_per_s,
        ms(report.p50_ms),
        ms(report.p99_ms),
        selected.max_ms,
        selected.proven
    );
    exit::print_text(&text).map_err(Failure::failed)
}
