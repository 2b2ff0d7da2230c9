//! The way in: receives a delivery, verifies its sender, splits it into one raw record per item and
//! athlete, and has it stored before the sender is told 2xx.
//!
//! A crate of its own because it carries the web server's routes and knows the vendors' envelopes,
//! which nothing behind the log may depend on.
//!
//! It is not: the place where a payload is understood. A connector reads what it must to route an
//! item (whose it is, what it is called) and leaves the rest to normalize, verbatim.
//!
//! Invariants:
//! * a 2xx means that the publisher said the bytes are durable;
//! * no credential of a payload is ever published: it is replaced before the body is hashed;
//! * one bad item never takes its neighbours with it;
//! * a webhook without a configured secret does not exist.

pub mod memory;
pub mod port;

mod accounts;
mod app;
mod fetch;
mod garmin;
mod healthkit;
mod json;
mod names;
mod not_built;
mod receive;
mod recent;
mod redact;
mod refusal;
mod routes;
mod scan;
mod strava;
mod weather;

#[cfg(test)]
mod tests;

pub use fetch::{FetchStatus, Fetcher, OpenError, Waiting};
pub use receive::{Connectors, GarminSettings, Ports, Settings};
pub use routes::router;
pub use strava::StravaSettings;
pub use weather::{BudgetLimits, WeatherFetcher, WeatherPorts, WeatherSettings};
