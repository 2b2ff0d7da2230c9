//! Generations on a real broker: another one is made beside the one that is served, compared with it,
//! taken over and left again, while deliveries go on arriving.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a test that finds a server by its environment, and reads answers that it knows"
)]

#[cfg(test)]
#[allow(dead_code, reason = "shared with the suite of the program on a broker")]
#[path = "../kafka/cluster.rs"]
mod cluster;
#[cfg(test)]
#[allow(dead_code, reason = "shared with the suite about order")]
#[path = "../order/items.rs"]
mod items;
#[cfg(test)]
#[allow(dead_code, reason = "shared with the suite of the program")]
#[path = "../program/support.rs"]
mod support;

#[cfg(test)]
mod faults;
#[cfg(test)]
mod load;
#[cfg(test)]
mod report;
#[cfg(test)]
mod taking_over;
