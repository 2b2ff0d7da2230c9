//! How the pipeline does: what came and what became of it, how fresh it is, and how fast it goes.

use askama::Template;
use axum::extract::State;
use schemas::record::Micros;

use super::chart;
use super::failure::{Shown, shown};
use super::text::{UNKNOWN, ago, count};
use super::view::{Frame, made};
use crate::dto::SourceQuality;
use crate::state::{Api, problem};

struct SourceLine {
    name: String,
    received: String,
    accepted: String,
    duplicate: String,
    dead_lettered: String,
    pending: String,
    unused: String,
    adds_up: bool,
    last: String,
    silent: bool,
}

struct Waiting {
    name: &'static str,
    count: String,
    is_zero: bool,
}

#[derive(Template)]
#[template(path = "pipeline.html")]
struct PipelinePage {
    frame: Frame,
    sources: Vec<SourceLine>,
    waiting: Vec<Waiting>,
    idle: bool,
    ready: Option<String>,
    quarantined: Vec<String>,
    throughput: String,
    per_s: String,
    commit_ms: String,
    latency_ms: String,
}

/// A source that was never silent for a day before is worth a look.
const SILENT_US: i64 = 86_400 * 1_000_000;

pub(super) async fn page(State(api): State<Api>) -> Shown {
    let page = made(&api, move |api| {
        let now = Micros(api.clock.now().0);
        let quality = api.quality.quality().map_err(problem)?;
        let pace = api.metrics.pace(now.0);
        let waiting = |name, number: i64| Waiting {
            name,
            count: count(number),
            is_zero: number == 0,
        };
        let pending = &quality.pending;
        let ms = |seconds: Option<f64>| {
            seconds.map_or_else(|| UNKNOWN.to_owned(), |s| format!("{:.0} ms", s * 1_000.0))
        };
        Ok(PipelinePage {
            frame: Frame::of("Pipeline", "pipeline"),
            sources: quality
                .sources
                .iter()
                .map(|(name, of)| source(name, of, now))
                .collect(),
            waiting: vec![
                waiting("records to process or store", pending.records),
                waiting("fetches from vendors", pending.fetches),
                waiting("questions to the weather service", pending.weather),
                waiting("timers that are due", pending.timers_due),
            ],
            idle: quality.idle,
            ready: api.readiness.ready().err(),
            quarantined: quality.quarantined.clone(),
            throughput: chart::columns(
                "items processed in each ten seconds of the last ten minutes",
                &pace.columns,
            ),
            per_s: format!("{:.0}", pace.per_s),
            commit_ms: ms(pace.commit_mean_s),
            latency_ms: ms(pace.ingest_to_sink_mean_s),
        })
    });
    Ok(shown(&page.await?))
}

fn source(name: &str, of: &SourceQuality, now: Micros) -> SourceLine {
    let unused: Vec<String> = of
        .unused
        .iter()
        .map(|(kind, n)| format!("{kind} {}", count(*n)))
        .collect();
    SourceLine {
        name: name.to_owned(),
        received: count(of.received),
        accepted: count(of.accepted),
        duplicate: count(of.duplicate),
        dead_lettered: count(of.dead_lettered),
        pending: count(of.pending),
        unused: unused.join(", "),
        adds_up: of.received == of.accepted + of.duplicate + of.dead_lettered + of.pending,
        last: of
            .last_received_at
            .map_or_else(|| "not lately".to_owned(), |at| ago(at, now)),
        silent: of
            .last_received_at
            .is_none_or(|at| now.0 - at.0 > SILENT_US),
    }
}
