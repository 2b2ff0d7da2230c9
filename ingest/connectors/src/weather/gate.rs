//! Whether a service may be asked now, and how hard to try. Pure: the time is handed in.
//!
//! Three things stand between a call and its service: our own budget, a service that asked for
//! patience, and an outage. The budget makes a call wait, since room comes by itself. The other two
//! end in a failure when they last, because whoever asked is better served by "no weather" today
//! than by weather next week.

use std::time::Duration;

use edge::UnixMicros;

use super::budget::{Budget, BudgetLimits};
use super::place::Model;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// Ask, as often as a failing call is repeated, or only once after an outage.
    Go { is_probe: bool },
    /// Leave it open until then.
    Wait { until: UnixMicros },
    /// Answer without asking.
    Refuse { why: String },
}

#[derive(Debug)]
pub(super) struct Gate {
    budget: Budget,
    forecast: Health,
    archive: Health,
    probe_after: Duration,
    patience: Duration,
}

/// What is known of one service. They have different hosts, so one may fail without the other.
#[derive(Clone, Copy, Debug, Default)]
struct Health {
    /// It failed; the next probe is due then.
    probe_at: Option<UnixMicros>,
    /// It asked not to be asked before.
    blocked_until: Option<UnixMicros>,
    /// It has answered nothing but that since.
    blocked_since: Option<UnixMicros>,
}

impl Gate {
    pub(super) fn new(limits: BudgetLimits, probe_after: Duration, patience: Duration) -> Self {
        Self {
            budget: Budget::new(limits),
            forecast: Health::default(),
            archive: Health::default(),
            probe_after,
            patience,
        }
    }

    pub(super) fn admit(&self, model: Model, weight: u32, now: UnixMicros) -> Admission {
        let health = self.health(model);
        if let Some(until) = health.blocked_until.filter(|until| *until > now) {
            let since = health.blocked_since.unwrap_or(now);
            return if after(since, self.patience) < until {
                Admission::Refuse {
                    why: "the weather service limits our requests".to_owned(),
                }
            } else {
                Admission::Wait { until }
            };
        }
        if health.probe_at.is_some_and(|at| at > now) {
            return Admission::Refuse {
                why: "the weather service is down".to_owned(),
            };
        }
        let room_at = self.budget.room_at(weight, now);
        if room_at > now {
            return Admission::Wait { until: room_at };
        }
        Admission::Go {
            is_probe: health.probe_at.is_some(),
        }
    }

    /// A call is made; it counts whether it is answered or not.
    pub(super) fn spend(&mut self, weight: u32, now: UnixMicros) {
        self.budget.spend(weight, now);
    }

    /// The service works, whatever it said.
    pub(super) fn answered(&mut self, model: Model) {
        *self.health_mut(model) = Health::default();
    }

    /// The service did not answer, also after several tries.
    pub(super) fn failed(&mut self, model: Model, now: UnixMicros) {
        let probe_at = after(now, self.probe_after);
        self.health_mut(model).probe_at = Some(probe_at);
    }

    /// The service asked to wait.
    pub(super) fn limited(&mut self, model: Model, wait: Duration, now: UnixMicros) {
        let health = self.health_mut(model);
        health.probe_at = None;
        health.blocked_since = health.blocked_since.or(Some(now));
        // A wait of nothing would be asked again at once, and for ever.
        health.blocked_until = Some(after(now, wait.max(Duration::from_secs(1))));
    }

    fn health(&self, model: Model) -> &Health {
        match model {
            Model::Forecast => &self.forecast,
            Model::Archive => &self.archive,
        }
    }

    fn health_mut(&mut self, model: Model) -> &mut Health {
        match model {
            Model::Forecast => &mut self.forecast,
            Model::Archive => &mut self.archive,
        }
    }
}

pub(super) fn after(now: UnixMicros, wait: Duration) -> UnixMicros {
    let wait = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
    UnixMicros(now.0.saturating_add(wait))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORECAST: Model = Model::Forecast;

    fn gate() -> Gate {
        let limits = BudgetLimits {
            per_minute: 10,
            ..BudgetLimits::default()
        };
        Gate::new(limits, Duration::from_secs(30), Duration::from_secs(100))
    }

    fn at(seconds: i64) -> UnixMicros {
        UnixMicros(seconds * 1_000_000)
    }

    fn go(is_probe: bool) -> Admission {
        Admission::Go { is_probe }
    }

    fn is_refused(admission: &Admission) -> bool {
        matches!(admission, Admission::Refuse { .. })
    }

    #[test]
    fn an_outage_refuses_until_a_probe_is_answered() {
        let mut gate = gate();
        assert_eq!(gate.admit(FORECAST, 1, at(0)), go(false));
        gate.failed(FORECAST, at(0));
        assert!(is_refused(&gate.admit(FORECAST, 1, at(29))));
        assert_eq!(
            gate.admit(Model::Archive, 1, at(29)),
            go(false),
            "the other service is another"
        );
        assert_eq!(gate.admit(FORECAST, 1, at(30)), go(true));
        gate.failed(FORECAST, at(30));
        assert!(is_refused(&gate.admit(FORECAST, 1, at(59))));
        assert_eq!(gate.admit(FORECAST, 1, at(60)), go(true));
        gate.answered(FORECAST);
        assert_eq!(gate.admit(FORECAST, 1, at(60)), go(false));
    }

    #[test]
    fn a_service_that_asks_for_patience_gets_it_up_to_a_limit() {
        let mut gate = gate();
        let wait = Duration::from_secs(40);
        for start in [0, 40] {
            gate.limited(FORECAST, wait, at(start));
            let until = at(start + 40);
            assert_eq!(
                gate.admit(FORECAST, 1, at(start + 1)),
                Admission::Wait { until }
            );
            assert_eq!(gate.admit(FORECAST, 1, until), go(false));
        }
        gate.limited(FORECAST, wait, at(80));
        assert!(is_refused(&gate.admit(FORECAST, 1, at(80))), "120 s in all");
        assert_eq!(
            gate.admit(FORECAST, 1, at(120)),
            go(false),
            "but it asks again"
        );
        gate.answered(FORECAST);
        gate.limited(FORECAST, wait, at(120));
        assert_eq!(
            gate.admit(FORECAST, 1, at(120)),
            Admission::Wait { until: at(160) }
        );
        gate.limited(FORECAST, Duration::from_secs(86_400), at(160));
        assert!(is_refused(&gate.admit(FORECAST, 1, at(160))));
    }

    #[test]
    fn a_wait_of_nothing_is_still_a_wait() {
        let mut gate = gate();
        gate.limited(FORECAST, Duration::ZERO, at(0));
        assert_eq!(
            gate.admit(FORECAST, 1, at(0)),
            Admission::Wait { until: at(1) }
        );
    }

    #[test]
    fn our_own_budget_makes_wait_and_never_refuses() {
        let mut gate = gate();
        gate.spend(10, at(0));
        assert_eq!(
            gate.admit(FORECAST, 1, at(5)),
            Admission::Wait { until: at(60) }
        );
        assert_eq!(gate.admit(FORECAST, 1, at(60)), go(false));
    }
}
