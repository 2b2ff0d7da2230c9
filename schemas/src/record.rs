//! The records, one module for each stage that writes them.
//!
//! Names, units and meaning are the contract (`docs/ARCHITECTURE.md`): fields are added with a
//! default, never renamed. Instants are microseconds since the epoch in UTC; durations end in `_s`;
//! every other number carries its unit at the end of its name. `None` is unknown, never zero.

pub mod control;
mod fact;
pub mod ingest;
pub mod loss;
pub mod night;
pub mod observation;
pub mod recommendation;
pub mod session;
pub mod state;

pub use fact::{Interval, Micros, Text};
