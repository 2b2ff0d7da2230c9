//! The engine, without I/O: what a record, a processor and a commit are, and how a task turns a
//! batch of inputs into one atomic commit.
//!
//! A crate of its own for purity: the hosts (`stream-embedded`, `stream-kafka`) and the rules
//! (`processors-pipeline`) meet here and never see each other.
//!
//! It is not a log: it opens no file and no socket, starts no thread and reads no clock.
//!
//! Invariants:
//! * a processor returns `Effects`; nothing else can change state or emit a record;
//! * effects become visible by one `Log::commit`, with the input positions, or not at all;
//! * the task's own state changes only after that commit returned `Ok`;
//! * an athlete's logical time never goes back; timers fire inside processing only, by (due, id).

mod task;

pub mod contract;
pub mod driver;
mod effects;
mod failure;
mod header;
mod partition;
mod port;
mod processor;
mod record;

pub use effects::{Commit, CounterChange, Effects, Position, StateChange, TimerChange};
pub use failure::{Class, Failure};
pub use header::{Bytes, Header};
pub use partition::{murmur2, partition_of};
pub use port::{Append, Appended, Log, StateStore, Subscribe};
pub use processor::{BucketNeed, Buckets, Call, Processor, Rejection, Stamped, Undecodable};
pub use record::{
    BucketId, Key, LogTime, Offset, Partition, Record, Sequenced, Timer, Topic, Topics,
};
pub use task::{Step, Task, TaskLimits};
