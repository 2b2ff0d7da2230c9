//! Strava: events are hints to fetch; what counts is the activity as it was fetched.
//!
//! It is not the upload interface and not the account archive. An activity has no version and no
//! time of change: the time of its fetch is its order, and the latest fetch rules.

mod activity;
mod event;

use schemas::record::ingest::RawReceived;

use crate::normalize::{Rejected, Told};
pub(crate) use event::{hint, hinted_at};

/// The kind of a webhook event.
pub(crate) const EVENT: &str = "event";

pub(crate) fn normalize(raw: &RawReceived) -> Told {
    match raw.kind.as_str() {
        EVENT => event::normalize(raw),
        "activity" => activity::normalize(raw).map(|draft| Some(vec![draft])),
        // Kept for whoever wants the samples; no rule reads them.
        "streams" => Ok(None),
        kind => Err(Rejected::new(
            "unsupported_kind",
            format!("strava {kind} is not known; event, activity and streams are"),
        )),
    }
}
