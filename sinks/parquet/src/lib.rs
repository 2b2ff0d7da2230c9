//! Parquet files for analysts: live rows by table and month, with a dictionary inside.
//!
//! A crate of its own because it carries Arrow, which takes eight times as long to build as SQLite.
//! It decides nothing about facts, and reads a store through the port `SeriesScan`.
//!
//! Invariants:
//! * a file that has its name is whole: it is written beside and renamed;
//! * a file never changes; a month that was revised gets a new one, and the manifest names it;
//! * what is unknown is null, and an instant is a timestamp in UTC.

mod columns;
mod manifest;
mod store;

pub use manifest::{Manifest, Part};
pub use store::{Export, ExportError, TABLES};
