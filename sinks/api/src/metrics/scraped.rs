//! What is looked up when somebody scrapes: committed counts of each source, its silence, and what the
//! fetchers do. The counts are the pipeline's state, so that they survive a restart.

use prometheus::{Gauge, GaugeVec, Opts, Registry};

use super::registered;
use crate::dto::QualityReport;
use crate::ports::FetchState;

pub(crate) struct Scraped {
    items: GaugeVec,
    pending: GaugeVec,
    last_received: GaugeVec,
    silence: GaugeVec,
    waiting: GaugeVec,
    quarantined: Gauge,
    fetch_open: GaugeVec,
    fetch_waiting: GaugeVec,
}

impl Scraped {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let of = |name: &str, help: &str, labels: &[&str]| {
            registered(registry, GaugeVec::new(Opts::new(name, help), labels)?)
        };
        Ok(Self {
            items: of(
                "sudor_source_items",
                "Items of a source by what became of them, since the beginning: received is the sum of \
                 accepted, duplicate, dead_lettered and pending.",
                &["source", "outcome"],
            )?,
            pending: of(
                "sudor_source_pending_items",
                "Items that are not through yet.",
                &["source"],
            )?,
            last_received: of(
                "sudor_source_last_received_timestamp_seconds",
                "Unix time of the last arrival.",
                &["source"],
            )?,
            silence: of(
                "sudor_source_silence_seconds",
                "Time since the last arrival.",
                &["source"],
            )?,
            waiting: of(
                "sudor_pending",
                "What has not come to its end: records, fetches, weather, timers_due.",
                &["what"],
            )?,
            quarantined: registered(
                registry,
                Gauge::new(
                    "sudor_quarantined_athletes",
                    "Athletes that were set aside.",
                )?,
            )?,
            fetch_open: of(
                "sudor_fetch_open",
                "Hints whose fetch has not ended, objects to ask for, and requests under way.",
                &["provider", "what"],
            )?,
            fetch_waiting: of(
                "sudor_fetch_waiting_seconds",
                "How long a provider is not asked yet, and why; absent while it is asked.",
                &["provider", "reason"],
            )?,
        })
    }

    pub(crate) fn quality(&self, report: &QualityReport, now_us: i64) {
        for (source, of) in &report.sources {
            let outcomes = [
                ("received", of.received),
                ("accepted", of.accepted),
                ("duplicate", of.duplicate),
                ("dead_lettered", of.dead_lettered),
                ("pending", of.pending),
            ];
            for (outcome, count) in outcomes {
                self.items
                    .with_label_values(&[source.as_str(), outcome])
                    .set(count as f64);
            }
            let labels = [source.as_str()];
            self.pending
                .with_label_values(&labels)
                .set(of.pending as f64);
            if let Some(at) = of.last_received_at {
                let silence_us = now_us.saturating_sub(at.0).max(0);
                self.last_received
                    .with_label_values(&labels)
                    .set(at.0 as f64 / 1e6);
                self.silence
                    .with_label_values(&labels)
                    .set(silence_us as f64 / 1e6);
            }
        }
        let pending = &report.pending;
        for (what, count) in [
            ("records", pending.records),
            ("fetches", pending.fetches),
            ("weather", pending.weather),
            ("timers_due", pending.timers_due),
        ] {
            self.waiting.with_label_values(&[what]).set(count as f64);
        }
        self.quarantined.set(report.quarantined.len() as f64);
    }

    pub(crate) fn fetches(&self, states: &[FetchState], now_us: i64) {
        self.fetch_waiting.reset();
        for state in states {
            for (what, count) in [
                ("hints", state.hints_open),
                ("objects", state.jobs_open),
                ("requests", state.in_flight),
            ] {
                self.fetch_open
                    .with_label_values(&[state.provider, what])
                    .set(count as f64);
            }
            if let Some((until_us, reason)) = state.waiting {
                let wait_us = until_us.saturating_sub(now_us).max(0);
                self.fetch_waiting
                    .with_label_values(&[state.provider, reason])
                    .set(wait_us as f64 / 1e6);
            }
        }
    }
}
