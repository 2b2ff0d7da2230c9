//! Garmin: Connect Developer Program pushes (Health API and Activity API).
//!
//! What arrives: activities (as recorded, corrected by hand, or with samples), sleeps with naps,
//! body composition, and deregistrations. It is not the unofficial Connect JSON and not the account
//! archive; their shapes differ and are rejected as missing fields.

mod normalize;
mod payload;

pub(crate) use normalize::normalize;

/// The kind of a ping: summaries wait at Garmin to be fetched.
pub(crate) const PING: &str = "ping";

/// Whether a ping can be followed.
pub(crate) fn ping(
    _raw: &schemas::record::ingest::RawReceived,
) -> Result<(), crate::normalize::Rejected> {
    Err(crate::normalize::Rejected::new(
        "unsupported_kind",
        "not read yet",
    ))
}
