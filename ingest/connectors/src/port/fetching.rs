//! What fetching needs besides: its hints back from the log, and three things that outlive a crash.
//!
//! The log is the truth: which hints are open follows from the hints and the ends of fetches that
//! are in it. A mark only says where reading may begin, and a budget what a vendor has counted.

use edge::UnixMicros;
use schemas::record::ingest::RawReceived;
use schemas::record::loss::WeatherRequested;

use super::RegistryError;

/// Something in the log that asks for a request to the outside, or tells how one ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    /// A hint (Strava's `event`, Garmin's `ping`) or the end of a fetch (`fetch_result`).
    Raw(Box<RawReceived>),
    WeatherRequested(Box<WeatherRequested>),
}

/// What a read found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Each with its position, ascending. Positions are above 0 and mean nothing but order.
    pub items: Vec<(u64, Asked)>,
    /// Everything up to here was looked at: the next read's `after`. Equal to this read's `after`
    /// when the end of the log is reached.
    pub end: u64,
}

/// What asks for a fetch, in the order of the log. It may block, so it is read on a thread where
/// that is allowed.
///
/// Of raw records it has those of source `strava` and kind `event`, of source `garmin` and kind
/// `ping`, of both and kind `fetch_result`, and for the weather all of source `weather`; others do no
/// harm. Each reader has its own.
pub trait HintFeed: Send {
    /// What comes after a position, at most `max` items; 0 begins at the beginning.
    fn read(&mut self, after: u64, max: usize) -> Result<Batch, FeedError>;
}

#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// Worth another try.
    #[error("the log could not be read")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Durable positions by name: below each, everything its owner had to do is done.
pub trait Marks: Send + Sync {
    /// 0 for one that was never set.
    fn mark(&self, name: &str) -> Result<u64, RegistryError>;

    /// Durable when it returns; may block.
    fn set_mark(&self, name: &str, position: u64) -> Result<(), RegistryError>;
}

/// What was used of one window of a vendor's budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// The budget and its window, e.g. `strava/day`.
    pub window: String,
    /// When the window began.
    pub began: UnixMicros,
    pub requests: u32,
    /// What the vendor allows, as it last said.
    pub limit: u32,
}

/// Used requests, so that a restart does not believe that a budget is whole.
pub trait Budgets: Send + Sync {
    /// What was last written of each window whose name begins with `prefix`.
    fn used(&self, prefix: &str) -> Result<Vec<Used>, RegistryError>;

    /// Durable when it returns; may block.
    fn set_used(&self, used: &[Used]) -> Result<(), RegistryError>;
}
