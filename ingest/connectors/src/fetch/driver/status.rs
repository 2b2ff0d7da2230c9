//! What a fetcher tells of itself, for metrics and logs.

use edge::UnixMicros;

use super::Fetcher;

/// What a fetcher does and why it does not do more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchStatus {
    pub source: &'static str,
    /// Hints whose fetch has not ended, and the objects that they ask for.
    pub hints_open: usize,
    pub jobs_open: usize,
    pub in_flight: usize,
    /// Everything in the log was read.
    pub caught_up: bool,
    pub waiting: Option<Waiting>,
}

/// There is something to ask for, and it is not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub until: UnixMicros,
    /// `rate_limited`, `down`, `inactive`, `log` (it takes no records).
    pub reason: &'static str,
}

impl Fetcher {
    pub(super) fn tell_status(&mut self) {
        let now = self.now();
        let refused_by_log = (!self.unpublished.is_empty()).then_some((now, "log"));
        let waiting = refused_by_log.or_else(|| self.plan.waiting(now));
        let status = FetchStatus {
            source: self.source.name(),
            hints_open: self.plan.queue.hints_open(),
            jobs_open: self.plan.queue.jobs_open(),
            in_flight: self.plan.in_flight(),
            caught_up: self.caught_up,
            waiting: waiting.map(|(until, reason)| Waiting { until, reason }),
        };
        self.status.send_if_modified(|told| {
            let before = told.waiting.map(|waiting| waiting.reason);
            let reason = status.waiting.map(|waiting| waiting.reason);
            if before != reason {
                tracing::info!(source = status.source, reason, "fetching waits, or goes on");
            }
            let is_new = *told != status;
            *told = status;
            is_new
        });
    }
}
