//! Rows in one SQLite file, `store.db`: the store of a single machine, and a file analysts can open.
//!
//! A crate of its own because it carries SQLite. It decides nothing about facts; `sinks-store` made
//! rows of them already.
//!
//! Invariants:
//! * rows and the position of the feed are one transaction, and that is one fsync;
//! * one connection writes; readers have their own, and never wait for it;
//! * a file of a later version of this program is refused, not guessed at.

mod connection;
mod marks;
mod query;
mod read;
mod retention;
mod scan;
mod schema;
mod sql;
mod store;

pub use connection::PAGE_BYTES;
pub use marks::SqliteMarks;
pub use read::{READ_CONNECTIONS_MAX, ReadStore};
pub use retention::SqliteRetention;
pub use scan::Snapshot;
pub use store::SqliteStore;
