//! Strava's API: activities under their owner's token, tokens that rotate, read limits.
//!
//! Invariants:
//! * an activity is served only to the account that owns it;
//! * a refresh token works once; the next one replaces it (see [`StravaSettings::keeps_old_refresh`]);
//! * every answer of the API carries the four limit headers.

mod limits;
mod routes;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use edge::Clock;

use crate::account::StravaAccount;
use crate::delivery::{Delivery, Source};
use crate::fakes::Faults;
use crate::fakes::strava::state::State;

pub use self::limits::Limit;

/// How the service behaves.
#[derive(Clone, Debug)]
pub struct StravaSettings {
    pub client_id: Option<String>,
    pub client_secret: Option<String>,
    /// Of all requests, and of reading ones: per natural quarter of an hour, and per UTC day.
    pub overall: Limit,
    pub read: Limit,
    /// The old refresh token works until one of the new tokens was used. Strava does not promise
    /// it; without it a client that dies between the answer and its disk has lost the account.
    pub keeps_old_refresh: bool,
    pub faults: Faults,
}

impl Default for StravaSettings {
    fn default() -> Self {
        Self {
            client_id: None,
            client_secret: None,
            overall: Limit::HUGE,
            read: Limit::HUGE,
            keeps_old_refresh: false,
            faults: Faults::default(),
        }
    }
}

/// What the service was asked and what it answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StravaCounters {
    /// All requests, also for tokens.
    pub requests: u64,
    pub activities: u64,
    pub streams: u64,
    pub tokens: u64,
    /// Bodies of activities that were served.
    pub served: u64,
    pub unauthorised: u64,
    pub not_found: u64,
    /// Requests beyond a limit.
    pub over_limit: u64,
    /// Answers that a fault made: 429, 500 and 503.
    pub faults: u64,
    /// Refreshes that were refused: the token was used before, or never given out.
    pub refresh_refused: u64,
    /// The most reading requests in one quarter of an hour, and in one day.
    pub most_in_quarter: u32,
    pub most_in_day: u32,
}

/// The service. Clones share one state.
#[derive(Clone)]
pub struct FakeStrava {
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
}

impl FakeStrava {
    pub fn new(clock: Arc<dyn Clock>, settings: StravaSettings) -> Self {
        Self {
            clock,
            state: Arc::new(Mutex::new(State::new(settings))),
        }
    }

    /// `/api/v3/…` and `/oauth/token`.
    pub fn router(&self) -> Router {
        routes::router(self.clone())
    }

    /// Knows an account from now on and serves its activities as they stand at the world's end.
    pub fn register(&self, account: &StravaAccount) {
        self.state().register(account, true);
    }

    /// Knows an account from now on; its activities appear and change as [`Self::told`] says.
    pub fn register_as_told(&self, account: &StravaAccount) {
        self.state().register(account, false);
    }

    /// What the event of a delivery tells of has happened; to be called before the delivery is
    /// posted. An older event never undoes a newer one. Deliveries of other sources are ignored.
    pub fn told(&self, delivery: &Delivery) {
        if delivery.source == Source::Strava {
            self.state().told(&delivery.body);
        }
    }

    pub fn set_faults(&self, faults: Faults) {
        self.state().settings.faults = faults;
    }

    pub fn counters(&self) -> StravaCounters {
        self.state().counters
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Unix seconds.
    fn now(&self) -> i64 {
        self.clock.now().0.div_euclid(1_000_000)
    }
}
