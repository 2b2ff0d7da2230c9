//! `sudor bench`: workloads as rates per CPU second of the process.

mod embedded;
mod fold;
mod items;
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

pub(crate) fn run(args: &BenchArgs, global: GlobalArgs) -> CommandResult {
    let report = match args.workload {
        BenchWorkload::Fold => fold::run(args, global),
        BenchWorkload::Embedded => embedded::run(args, global),
        BenchWorkload::Select => return run_select(args, global),
    }
    .map_err(Failure::failed)?;
    if global.json {
        return exit::print_json(&report).map_err(Failure::failed);
    }
    let text = format!(
        "{}: {} events, {:.0} per CPU second ({:.0} per second of wall time), {:.1} CPU s, {:.0} MB, {} records written",
        report.workload,
        report.events,
        report.events_per_s,
        report.wall_events_per_s,
        report.cpu_s,
        report.rss_mb,
        report.records_written
    );
    exit::print_text(&text).map_err(Failure::failed)
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
