//! Garmin: Connect Developer Program pushes (Health API and Activity API).
//!
//! What arrives: activities (as recorded, corrected by hand, or with samples), sleeps with naps,
//! body composition, and deregistrations. It is not the unofficial Connect JSON and not the account
//! archive; their shapes differ and are rejected as missing fields.

mod normalize;
mod payload;

pub(crate) use normalize::normalize;
