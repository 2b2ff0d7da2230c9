//! Weather for the hours that a session needs: answers requests of the log with records of the log.
//!
//! ```text
//! WeatherRequested → ledger of open requests → in the cache? → plan: few calls for many requests
//!                 → gate: quota, outage → client → answer → one raw record per request → published
//! ```
//!
//! Of two services of one shape, archive and forecast, the hour's age at the fetch picks one. A
//! failure is an answer too: whoever asked goes on without weather, and may ask again.
//!
//! It is not: an interpreter of the weather. Values pass as they came, after their units were
//! compared with what was asked for.
//!
//! Invariants:
//! * the mark never passes an open request, and an answer that is in the log closes its request:
//!   after a crash nothing is lost, and nothing is asked twice that was answered;
//! * a place leaves this process as a cell of a tenth of a degree, never finer;
//! * nothing waits while it holds something that another could use: what must wait stays open.

mod budget;
mod cache;
mod client;
mod fetcher;
mod gate;
mod ledger;
mod parse;
mod place;
mod plan;
mod record;

#[cfg(test)]
mod tests;

use std::time::Duration;

use edge::Backoff;
use edge::http::Limits;
use secrecy::SecretString;

pub use budget::BudgetLimits;
pub use fetcher::{WeatherFetcher, WeatherPorts};

/// An answer for a hundred cells over two weeks is below 2 MiB.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What an operator decides.
#[derive(Clone, Debug)]
pub struct WeatherSettings {
    /// Empty turns the forecast off: what needs it is answered with a failure.
    pub forecast_url: String,
    /// Empty turns the archive off.
    pub archive_url: String,
    /// Hours that are older than this at the fetch come from the archive.
    pub archive_after_days: u32,
    pub api_key: Option<SecretString>,
    pub limits: Limits,
    /// The tries of one call while the service fails.
    pub backoff: Backoff,
    /// How long an outage is believed before one call tries again.
    pub probe_after: Duration,
    /// The longest time to wait for a service that asks for patience; beyond it is a failure.
    pub patience: Duration,
    /// What the service lets one caller use.
    pub budget: BudgetLimits,
    /// How long to rest when there was nothing to do and nobody wakes.
    pub poll: Duration,
}

impl Default for WeatherSettings {
    /// Open-Meteo without a key.
    fn default() -> Self {
        Self {
            forecast_url: "https://api.open-meteo.com/v1/forecast".to_owned(),
            archive_url: "https://archive-api.open-meteo.com/v1/archive".to_owned(),
            archive_after_days: 5,
            api_key: None,
            limits: Limits {
                connect_timeout: Duration::from_secs(5),
                total_timeout: Duration::from_secs(30),
                body_bytes_max: BODY_BYTES_MAX,
            },
            // At most 1 + 2 + 4 + 4 seconds of waiting.
            backoff: Backoff {
                base: Duration::from_secs(1),
                cap: Duration::from_secs(4),
                attempts_max: 5,
            },
            probe_after: Duration::from_secs(30),
            patience: Duration::from_secs(600),
            budget: BudgetLimits::default(),
            poll: Duration::from_millis(100),
        }
    }
}
