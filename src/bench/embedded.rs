//! `embedded`: the demo's world from the publisher to rows in the store, durable.
//!
//! Deliveries are split before the clock starts; what is measured is append, all steps, commit and
//! projection to rows, in a fresh folder that is removed afterwards.

use std::path::PathBuf;

use anyhow::Context;
use ingest_connectors::port::Publisher;
use schemas::record::ingest::RawReceived;

use super::Report;
use super::items::items_of;
use crate::cli::{BenchArgs, GlobalArgs};
use crate::config::{self, Request};
use crate::demo::Stopwatch;
use crate::progress::Progress;
use crate::run::runtime;
use crate::simulate;
use crate::usage;
use crate::wiring::Service;

const ATHLETES: u32 = 16_000;
const DAYS: u32 = 1;
/// Items of one append: what a busy minute of deliveries shares in a group commit.
const APPEND_ITEMS: usize = 500;
/// Appends under way at once; more would only be refused by the queue.
const APPENDS_IN_FLIGHT: usize = 8;

pub(super) fn run(args: &BenchArgs, global: GlobalArgs) -> anyhow::Result<Report> {
    let world = args.world(ATHLETES, DAYS, None);
    let options =
        simulate::options(&world, None).map_err(|failure| anyhow::anyhow!("{failure}"))?;
    let runtime = runtime()?;
    let progress = Progress::new("prepare", u64::from(options.athletes), global);
    let items = runtime.block_on(items_of(options, &progress))?;
    progress.done();
    let folder = scratch()?;
    let mut request = Request::default();
    request
        .flags
        .push(("log.data", "--data", folder.display().to_string()));
    let (settings, _) = config::load(&request).map_err(|failure| anyhow::anyhow!("{failure}"))?;
    let service = Service::open(&settings)?;
    let events = u64::try_from(items.len()).unwrap_or(u64::MAX);
    let (began, before) = (Stopwatch::start(), usage::now());
    runtime.block_on(publish_all(&service, items))?;
    runtime.block_on(service.settled())?;
    let (after, wall_s) = (usage::now(), began.seconds());
    let counts = service.store().counts()?;
    tracing::debug!(?counts, "live things");
    let records_written = service.log_length();
    service.close()?;
    std::fs::remove_dir_all(&folder).context("cannot remove the bench's folder")?;
    let cpu_s = after.cpu_s - before.cpu_s;
    Ok(Report {
        workload: "embedded",
        events,
        events_per_s: events as f64 / cpu_s,
        wall_events_per_s: events as f64 / wall_s,
        cpu_s,
        wall_s,
        rss_mb: after.rss_mb,
        p50_ms: None,
        p99_ms: None,
        records_written,
        fsyncs: None,
        athletes: options.athletes,
        days: options.days,
    })
}

async fn publish_all(service: &Service, items: Vec<RawReceived>) -> anyhow::Result<()> {
    let publisher = service.publisher();
    let mut items = items.into_iter();
    let mut under_way = std::collections::VecDeque::new();
    loop {
        let chunk: Vec<RawReceived> = items.by_ref().take(APPEND_ITEMS).collect();
        let done = chunk.is_empty();
        if !done {
            under_way.push_back(publisher.publish(chunk));
        }
        while under_way.len() >= APPENDS_IN_FLIGHT || (done && !under_way.is_empty()) {
            if let Some(append) = under_way.pop_front() {
                append.await.context("the log refused an append")?;
            }
        }
        if done {
            return Ok(());
        }
    }
}

/// A folder on the same disk as the working folder, because that is the disk that is measured.
pub(super) fn scratch() -> anyhow::Result<PathBuf> {
    let folder = PathBuf::from(format!("./sudor-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).context("cannot make the bench's folder")?;
    Ok(folder)
}
