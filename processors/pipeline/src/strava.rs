//! Strava: events are hints to fetch; what counts is the activity as it was fetched.

use schemas::record::ingest::RawReceived;

use crate::normalize::{Rejected, Told};

/// The kind of a webhook event.
pub(crate) const EVENT: &str = "event";

/// Whether an event says that something may have changed which only a fetch can tell.
pub(crate) fn asks_for_a_fetch(_raw: &RawReceived) -> bool {
    false
}

pub(crate) fn normalize(_raw: &RawReceived) -> Told {
    Err(Rejected::new("unsupported_kind", "not read yet"))
}
