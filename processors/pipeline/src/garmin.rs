//! Garmin: Connect Developer Program pushes (Health API and Activity API).
//!
//! What arrives: activities (as recorded, corrected by hand, or with samples), sleeps with naps,
//! body composition, and deregistrations. It is not the unofficial Connect JSON and not the account
//! archive; their shapes differ and are rejected as missing fields.

mod normalize;
mod payload;
mod ping;

pub(crate) use normalize::{nap_id, normalize};
pub(crate) use ping::ping;

/// The kind of a ping: summaries wait at Garmin to be fetched.
pub(crate) const PING: &str = "ping";
/// The connector that fetches them; what it brings is otherwise like a push.
const PULL_CONNECTOR: &str = "garmin-pull";
