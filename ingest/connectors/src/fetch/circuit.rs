//! A source that is down is left alone, but for one probe at a time. Pure: time is an argument.

use std::time::Duration;

use edge::{Backoff, UnixMicros};

/// The longest pause of a source that does not answer.
const DOWN_PAUSE_MAX: Duration = Duration::from_secs(30);

const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(500),
    cap: DOWN_PAUSE_MAX,
    // An outage has no end that could be counted to.
    attempts_max: u32::MAX,
};

#[derive(Debug, Default)]
pub(crate) struct Circuit {
    state: State,
    failures: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Closed,
    Open {
        until: UnixMicros,
        why: &'static str,
    },
    /// One request is under way to see whether the source is back.
    Probing { why: &'static str },
}

impl Circuit {
    /// Whether a request may be sent while `in_flight` others are under way.
    pub(crate) fn allows(&self, now: UnixMicros, in_flight: usize) -> bool {
        match self.state {
            State::Closed => true,
            State::Open { until, .. } => until <= now && in_flight == 0,
            State::Probing { .. } => false,
        }
    }

    pub(crate) fn sent(&mut self) {
        if let State::Open { why, .. } = self.state {
            self.state = State::Probing { why };
        }
    }

    /// There was an answer, whatever it said.
    pub(crate) fn up(&mut self) {
        self.state = State::Closed;
        self.failures = 0;
    }

    /// There was none. Of requests that were under way together, the first one tells it all.
    pub(crate) fn down(&mut self, now: UnixMicros, jitter: u32) {
        if matches!(self.state, State::Open { .. }) {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        let wait = BACKOFF
            .wait_after(self.failures, jitter)
            .unwrap_or(DOWN_PAUSE_MAX);
        self.pause(super::after(now, wait), "down");
    }

    /// The request was never sent, so nothing is known.
    pub(crate) fn unasked(&mut self, now: UnixMicros) {
        if let State::Probing { why } = self.state {
            self.state = State::Open { until: now, why };
        }
    }

    pub(crate) fn pause(&mut self, until: UnixMicros, why: &'static str) {
        self.state = State::Open { until, why };
    }

    /// Until when it is left alone, and why.
    pub(crate) fn waiting(&self, now: UnixMicros) -> Option<(UnixMicros, &'static str)> {
        match self.state {
            State::Closed => None,
            State::Open { until, why } => Some((until, why)),
            State::Probing { why } => Some((now, why)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> UnixMicros {
        UnixMicros(seconds * 1_000_000)
    }

    #[test]
    fn a_source_that_is_down_gets_one_probe_at_a_time() {
        let mut circuit = Circuit::default();
        assert!(circuit.allows(at(0), 7));
        circuit.down(at(0), u32::MAX);
        assert!(!circuit.allows(at(0), 0));
        assert_eq!(circuit.waiting(at(0)), Some((UnixMicros(500_000), "down")));
        assert!(circuit.allows(at(1), 0) && !circuit.allows(at(1), 1));
        circuit.sent();
        assert!(!circuit.allows(at(9), 0));
        circuit.up();
        assert!(circuit.allows(at(9), 7));
    }

    #[test]
    fn pauses_grow_up_to_the_cap_and_start_anew_after_an_answer() {
        let mut circuit = Circuit::default();
        let mut pause = || {
            circuit.sent();
            circuit.down(at(0), u32::MAX);
            let pause = circuit.waiting(at(0)).unwrap().0.0 / 100_000;
            (pause, circuit.failures)
        };
        let pauses: Vec<_> = (0..8).map(|_| pause().0).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300]);
        circuit.up();
        circuit.down(at(0), u32::MAX);
        assert_eq!(circuit.failures, 1);
    }

    #[test]
    fn failures_of_one_moment_count_once_and_an_unsent_probe_proves_nothing() {
        let mut circuit = Circuit::default();
        circuit.down(at(0), u32::MAX);
        circuit.down(at(0), u32::MAX);
        assert_eq!(circuit.failures, 1);
        circuit.sent();
        circuit.unasked(at(1));
        assert!(circuit.allows(at(1), 0) && !circuit.allows(at(1), 1));
    }
}
