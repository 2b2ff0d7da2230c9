//! The metrics of the program, behind names of our own so that the library can be changed.
//!
//! The parts of the program count through this; `/metrics` shows it. No label carries an athlete's
//! id, an account or a path as it was sent: label values come from small sets.

mod pace;
mod scraped;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use edge::Clock;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

pub(crate) use pace::Pace;
use pace::Ring;
use scraped::Scraped;

pub(crate) const TEXT_FORMAT: &str = prometheus::TEXT_FORMAT;

/// 1, 2 and 5 of every power of ten from 1 ms to a minute, in seconds.
const SECONDS: [f64; 15] = [
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0,
];
/// Methods that have a label of their own.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"];

/// A handle; clones count together.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    records_consumed: IntCounterVec,
    records_produced: IntCounterVec,
    dead_letters: IntCounterVec,
    process_duration: HistogramVec,
    commit_duration: Histogram,
    sink_write_duration: Histogram,
    ingest_to_sink: Histogram,
    event_time_lag: Gauge,
    web: Web,
    store_position: IntGauge,
    last_commit: Gauge,
    scraped: Scraped,
    ring: Mutex<Ring>,
}

/// Of requests and their answers.
struct Web {
    requests: IntCounterVec,
    duration: HistogramVec,
    readers: IntGauge,
}

impl Web {
    fn new(registry: &Registry) -> prometheus::Result<Self> {
        let readers = IntGauge::new("sudor_stream_readers", "Readers of the event stream.")?;
        Ok(Self {
            requests: counters(
                registry,
                "sudor_http_requests_total",
                "Requests answered.",
                &["method", "route", "status"],
            )?,
            duration: seconds_by(
                registry,
                "sudor_http_request_duration_seconds",
                "Time to the first byte of an answer.",
                "route",
            )?,
            readers: registered(registry, readers)?,
        })
    }
}

/// One commit of the processors.
#[derive(Clone, Copy, Debug, Default)]
pub struct Committed {
    /// Items that came in.
    pub inputs: u64,
    /// Facts that went out.
    pub outputs: u64,
    /// From the first look at the batch to the end of its commit.
    pub took_s: f64,
    /// Unix time of its end.
    pub at_s: f64,
}

impl Metrics {
    /// `version` and `revision` tell which build this is.
    pub fn new(version: &str, revision: &str) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let build = IntGaugeVec::new(
            Opts::new("sudor_build_info", "Always 1; the labels tell the build."),
            &["version", "revision"],
        )?;
        build.with_label_values(&[version, revision]).set(1);
        registry.register(Box::new(build))?;
        registry.register(Box::new(ProcessCollector::for_self()))?;
        let count =
            |name: &str, help: &str, labels: &[&str]| counters(&registry, name, help, labels);
        let time = |name: &str, help: &str| seconds(&registry, name, help);
        let gauge = |name: &str, help: &str| registered(&registry, Gauge::new(name, help)?);
        let whole = |name: &str, help: &str| registered(&registry, IntGauge::new(name, help)?);
        Ok(Self(Arc::new(Inner {
            records_consumed: count(
                "sudor_records_consumed_total",
                "Records read from a topic and processed or stored.",
                &["topic"],
            )?,
            records_produced: count(
                "sudor_records_produced_total",
                "Records that a stage committed.",
                &["stage"],
            )?,
            dead_letters: count(
                "sudor_dead_letters_total",
                "Items that could not be used.",
                &["stage", "reason"],
            )?,
            process_duration: seconds_by(
                &registry,
                "sudor_process_duration_seconds",
                "Time of one batch through a stage, its commit included.",
                "stage",
            )?,
            commit_duration: time(
                "sudor_commit_duration_seconds",
                "Time of one atomic commit of outputs, state and positions, with the work before it.",
            )?,
            sink_write_duration: time(
                "sudor_sink_write_duration_seconds",
                "Time of one transaction of rows and position into the store.",
            )?,
            ingest_to_sink: time(
                "sudor_ingest_to_sink_seconds",
                "Time from the arrival of an item to its rows in the store, the oldest of each batch.",
            )?,
            event_time_lag: gauge(
                "sudor_event_time_lag_seconds",
                "How long before now the oldest item of the last stored batch had arrived.",
            )?,
            web: Web::new(&registry)?,
            store_position: whole(
                "sudor_store_feed_position",
                "Position of the feed up to which the store has every row.",
            )?,
            last_commit: gauge(
                "sudor_last_commit_timestamp_seconds",
                "Unix time of the last commit.",
            )?,
            scraped: Scraped::new(&registry)?,
            ring: Mutex::default(),
            registry,
        })))
    }

    pub fn records_consumed(&self, topic: &str, records: u64) {
        let counter = self.0.records_consumed.with_label_values(&[topic]);
        counter.inc_by(records);
    }

    pub fn dead_letter(&self, stage: &str, reason: &str) {
        let counter = self.0.dead_letters.with_label_values(&[stage, reason]);
        counter.inc();
    }

    pub fn committed(&self, commit: Committed) {
        let inner = &self.0;
        inner.commit_duration.observe(commit.took_s);
        inner
            .process_duration
            .with_label_values(&["process"])
            .observe(commit.took_s);
        inner
            .records_produced
            .with_label_values(&["process"])
            .inc_by(commit.outputs);
        inner.last_commit.set(commit.at_s);
        self.ring().committed(&commit);
    }

    /// A batch of rows in the store. `waited_s` is the age of its oldest item, where it is known.
    pub fn stored(&self, took_s: f64, waited_s: Option<f64>, rows: u64, at_s: f64) {
        let inner = &self.0;
        inner.sink_write_duration.observe(took_s);
        inner
            .process_duration
            .with_label_values(&["store"])
            .observe(took_s);
        inner
            .records_produced
            .with_label_values(&["store"])
            .inc_by(rows);
        if let Some(waited_s) = waited_s {
            inner.ingest_to_sink.observe(waited_s);
            inner.event_time_lag.set(waited_s);
            self.ring().stored(waited_s, at_s);
        }
    }

    pub fn store_position(&self, position: u64) {
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        self.0.store_position.set(position);
    }

    pub(crate) fn stream_reader(&self, change: i64) {
        self.0.web.readers.add(change);
    }

    /// How the last minutes went.
    pub(crate) fn pace(&self, now_us: i64) -> Pace {
        self.ring().pace(now_us)
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn request(&self, method: &str, route: &str, status: u16, took_s: f64) {
        let status = status.to_string();
        let labels = [method, route, status.as_str()];
        self.0.web.requests.with_label_values(&labels).inc();
        self.0
            .web
            .duration
            .with_label_values(&[route])
            .observe(took_s);
    }

    pub(crate) fn scraped(&self) -> &Scraped {
        &self.0.scraped
    }

    /// The text format of Prometheus.
    pub fn text(&self) -> prometheus::Result<String> {
        TextEncoder::new().encode_to_string(&self.0.registry.gather())
    }
}

/// What the middleware needs.
#[derive(Clone)]
pub struct Tracking {
    pub metrics: Metrics,
    pub clock: Arc<dyn Clock>,
}

/// A middleware for all routes together: counts by the route's pattern, never by what was sent.
pub async fn track(State(of): State<Tracking>, request: Request, next: Next) -> Response {
    let began = of.clock.now();
    let sent = request.method().clone();
    let method = METHODS
        .into_iter()
        .find(|method| *method == sent.as_str())
        .unwrap_or("OTHER");
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let took_s = of.clock.now().0.saturating_sub(began.0) as f64 / 1e6;
    of.metrics
        .request(method, route, response.status().as_u16(), took_s);
    response
}

fn registered<C: prometheus::core::Collector + Clone + 'static>(
    registry: &Registry,
    collector: C,
) -> prometheus::Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> prometheus::Result<IntCounterVec> {
    registered(registry, IntCounterVec::new(Opts::new(name, help), labels)?)
}

fn seconds(registry: &Registry, name: &str, help: &str) -> prometheus::Result<Histogram> {
    let opts = HistogramOpts::new(name, help).buckets(SECONDS.to_vec());
    registered(registry, Histogram::with_opts(opts)?)
}

fn seconds_by(
    registry: &Registry,
    name: &str,
    help: &str,
    label: &str,
) -> prometheus::Result<HistogramVec> {
    let opts = HistogramOpts::new(name, help).buckets(SECONDS.to_vec());
    registered(registry, HistogramVec::new(opts, &[label])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_a_help_and_a_type_and_a_name_of_ours_or_of_the_process() {
        let metrics = Metrics::new("0.1.0", "abc").unwrap();
        metrics.records_consumed("sudor.sessions", 3);
        metrics.dead_letter("normalize", "malformed");
        metrics.committed(Committed {
            inputs: 1,
            outputs: 2,
            took_s: 0.004,
            at_s: 1.0,
        });
        metrics.stored(0.001, Some(0.02), 3, 1.0);
        metrics.request("GET", "/v1/athletes", 200, 0.01);
        metrics.store_position(7);
        let text = metrics.text().unwrap();
        let names = |word: &str| -> Vec<String> {
            let lines = text.lines().filter_map(|line| line.strip_prefix(word));
            lines
                .map(|rest| rest.split(' ').next().unwrap().to_owned())
                .collect()
        };
        assert_eq!(names("# HELP "), names("# TYPE "));
        for name in names("# HELP ") {
            assert!(name.starts_with("sudor_") || name.starts_with("process_"));
        }
        for line in [
            "sudor_records_consumed_total{topic=\"sudor.sessions\"} 3",
            "sudor_dead_letters_total{reason=\"malformed\",stage=\"normalize\"} 1",
            "sudor_commit_duration_seconds_bucket{le=\"0.005\"} 1",
            "sudor_build_info{revision=\"abc\",version=\"0.1.0\"} 1",
            "sudor_store_feed_position 7",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
    }
}
