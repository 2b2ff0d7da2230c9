//! The contract between the stages: topics, records, and how a record becomes bytes.
//!
//! A crate of its own because every stage depends on it and on nothing else of ours: it is the one
//! vocabulary that travels. It knows Avro and the Confluent framing; it does not know Kafka, SQLite,
//! a vendor's payload, or a rule.
//!
//! Invariants:
//! * a record's Rust type and its `avsc/` file say the same (a test compares them);
//! * a schema only ever changes in a way that is FULL_TRANSITIVE (a test refuses the rest);
//! * ids come from `schemas.lock.json`, so bytes are the same on SQLite and on Kafka.

pub mod check;
pub mod codec;
pub mod compatibility;
pub mod control;
pub mod golden;
pub mod lock;
pub mod record;
pub mod sample;
mod subject;
mod table;
pub mod topic;

pub use codec::{DecodeError, decode, encode, fingerprint, name_of};
pub use subject::{Subject, subjects};
pub use table::{AnyRecord, AvroRecord, NAMES, Visit, decode_any, visit_records};
