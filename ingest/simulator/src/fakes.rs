//! Services of others, as HTTP: Strava's API and Open-Meteo's, served from the world's own truth.
//!
//! They are routers and handles; who serves them and where is the caller's business. Time comes from
//! the clock that they are given, and everything that goes wrong follows from a seed and from the
//! number of the request, so that a test sees the same trouble every time.
//!
//! It is not: a model of the vendors' servers beyond what a client of ours can see.

mod faults;
mod strava;
mod weather;

pub use self::faults::Faults;
pub use self::strava::{FakeStrava, Limit, StravaCounters, StravaSettings};
pub use self::weather::{FakeWeather, WeatherCounters};
