//! The log, state, timers, positions and counters in one SQLite file: one transaction is one
//! commit.
//!
//! A crate of its own for a heavy dependency: SQLite, compiled from C.
//!
//! It is not a server and not a queue for other programs: one process writes, and any number of
//! others may read beside it with `EmbeddedReader`.
//!
//! Invariants:
//! * one thread writes, through one connection; everybody else asks it through a bounded queue;
//! * what was acknowledged is on the disk: the write-ahead log was synced before the reply;
//! * sequence numbers are dense, so that a missing or a doubled record shows, also at the end;
//! * after a failed write nothing is acknowledged any more.

mod log;
mod processing;
mod reader;
mod subscribe;

mod codec;
mod failed;
mod lock;
mod records;
mod schema;
mod shared;
mod state;
mod writer;

pub use log::{Appender, EmbeddedLog, Limits, Options, PARTITIONS_DEFAULT};
pub use processing::ProcessingHost;
pub use reader::{EmbeddedReader, Filter, Stored};
pub use subscribe::Subscriber;
