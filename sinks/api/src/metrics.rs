//! The metrics of the program, behind names of our own so that the library can be changed.
//!
//! The parts of the program count through this; `/metrics` shows it. No label carries an athlete's
//! id, an account or a path as it was sent: label values come from small sets.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Gauge, Histogram, HistogramOpts, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

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
    dead_letters: IntCounterVec,
    commit_duration: Histogram,
    ingest_to_sink: Histogram,
    http_requests: IntCounterVec,
    store_position: IntGauge,
    last_commit: Gauge,
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
        Ok(Self(Arc::new(Inner {
            records_consumed: counters(
                &registry,
                "sudor_records_consumed_total",
                "Records read from a topic and processed or stored.",
                &["topic"],
            )?,
            dead_letters: counters(
                &registry,
                "sudor_dead_letters_total",
                "Items that could not be used.",
                &["stage", "reason"],
            )?,
            commit_duration: seconds(
                &registry,
                "sudor_commit_duration_seconds",
                "Time of one atomic commit of outputs, state and positions.",
            )?,
            ingest_to_sink: seconds(
                &registry,
                "sudor_ingest_to_sink_seconds",
                "Time from the arrival of an item to its rows in the store.",
            )?,
            http_requests: counters(
                &registry,
                "sudor_http_requests_total",
                "Requests answered.",
                &["method", "route", "status"],
            )?,
            store_position: registered(
                &registry,
                IntGauge::new(
                    "sudor_store_feed_position",
                    "Position of the feed up to which the store has every row.",
                )?,
            )?,
            last_commit: registered(
                &registry,
                Gauge::new(
                    "sudor_last_commit_timestamp_seconds",
                    "Unix time of the last commit.",
                )?,
            )?,
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

    /// `at_s` is the Unix time of the commit's end.
    pub fn committed(&self, took_s: f64, at_s: f64) {
        self.0.commit_duration.observe(took_s);
        self.0.last_commit.set(at_s);
    }

    pub fn ingest_to_sink(&self, took_s: f64) {
        self.0.ingest_to_sink.observe(took_s);
    }

    pub fn store_position(&self, position: u64) {
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        self.0.store_position.set(position);
    }

    fn request(&self, method: &str, route: &str, status: u16) {
        let status = status.to_string();
        let labels = [method, route, status.as_str()];
        self.0.http_requests.with_label_values(&labels).inc();
    }

    /// The text format of Prometheus.
    pub fn text(&self) -> prometheus::Result<String> {
        TextEncoder::new().encode_to_string(&self.0.registry.gather())
    }
}

/// A middleware for all routes together: counts by the route's pattern, never by what was sent.
pub async fn track(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let sent = request.method().clone();
    let method = METHODS
        .into_iter()
        .find(|method| *method == sent.as_str())
        .unwrap_or("OTHER");
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    metrics.request(method, route, response.status().as_u16());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_a_help_and_a_type_and_a_name_of_ours_or_of_the_process() {
        let metrics = Metrics::new("0.1.0", "abc").unwrap();
        metrics.records_consumed("sudor.sessions", 3);
        metrics.dead_letter("normalize", "malformed");
        metrics.committed(0.004, 1.0);
        metrics.ingest_to_sink(0.02);
        metrics.request("GET", "/v1/athletes", 200);
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
