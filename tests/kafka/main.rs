//! The program on a real broker: processes that take over from one another, what comes of every scenario
//! of the pipeline when they are killed, and where the ids of schemas come from.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a test that finds a server by its environment, and reads answers that it knows"
)]

#[cfg(test)]
mod cluster;
#[cfg(test)]
mod fetching;
#[cfg(test)]
mod guide;
#[cfg(test)]
#[allow(dead_code, reason = "shared with the suite about order")]
#[path = "../order/items.rs"]
mod items;
#[cfg(test)]
mod linking;
#[cfg(test)]
mod processes;
#[cfg(test)]
mod registry;
#[cfg(test)]
#[path = "../../processors/pipeline/tests/it/reports.rs"]
mod reports;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod shuffled;
#[cfg(test)]
#[allow(dead_code, reason = "shared with the suite of the program")]
#[path = "../program/support.rs"]
mod support;
#[cfg(test)]
mod told;
#[cfg(test)]
#[allow(dead_code, reason = "shared with the suite of the program")]
#[path = "../program/vendors.rs"]
mod vendors;
