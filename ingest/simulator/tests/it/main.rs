//! The world as its users see it: same seed same bytes, truth that fits what is sent, shapes that
//! vendors would send.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests stand outside test functions, and fail by panicking like them"
)]

mod scenes;
mod strava_fake;
mod truth;
mod weather_fake;
mod wire;
mod world;
