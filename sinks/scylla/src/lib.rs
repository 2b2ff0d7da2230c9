//! Rows in ScyllaDB or Apache Cassandra: the store of a fleet of machines.
//!
//! A crate of its own because it carries the driver. It decides nothing about facts; `sinks-store`
//! made rows of them already.
//!
//! There are no transactions. What takes their place:
//! * delivery at least once, and writes that may be repeated: every table is a function of the feed;
//! * the row by id is what a batch is decided by, and it is written last of all rows: a batch that
//!   was cut short is decided and written again in the same way;
//! * every write that may be revised carries the microseconds of its revision as its timestamp, made
//!   monotone for each thing, so that an old revision loses even where it arrives last;
//! * the position is stored after every row it stands for was acknowledged.
//!
//! A reader may see a thing that moved to another month twice for a moment, and never none.

mod cluster;
mod ddl;
mod options;
mod pages;
mod plan;
mod read;
mod rows;
mod store;

pub use options::{Credentials, Dialect, Options};
pub use read::ScyllaReader;
pub use store::ScyllaStore;
