//! The ports of `stream-log` on Apache Kafka, exactly once.
//!
//! A crate of its own for a heavy dependency: librdkafka, compiled from C.
//!
//! One host is one thread: a member of a consumer group that says which partitions are ours, a
//! reader of their inputs, a transactional producer, and the state of those partitions.
//!
//! ```text
//! member: subscribes to the changelog, whose partitions are the ownership ──┐ who owns what
//! reader: all input topics of the owned partitions, merged by arrival      ──┤
//! one commit: outputs, changelog, input positions in one transaction       ◀─┘
//! state:  a SQLite file per partition, with the place in the changelog it stands for
//! ```
//!
//! It is not a client library: it knows the shapes of `stream-log` and nothing of what records mean.
//!
//! Invariants:
//! * a transaction is opened and ended inside one `commit`; nothing is open while partitions change
//!   hands, so that giving one up needs no commit;
//! * state changes after the transaction is committed, never before; what is in doubt is dropped and
//!   read again from the changelog;
//! * a partition is worked on only after its state was read up to a record of our own, committed
//!   after we became its owner: everything an earlier owner may have committed lies before it;
//! * every call to a broker has a limit, and a call that outlives it ends the process.

mod classify;
mod clients;
mod codec;
mod host;
mod member;
mod restore;
mod settings;
mod state;
mod transaction;
mod watchdog;

mod append;
mod ends;
mod follow;
mod merge;
mod registry;
mod subscribe;
mod table;
mod topics;

pub use append::{Callback, KafkaAppender};
pub use classify::{Verdict, classify};
pub use follow::{Followed, KafkaFollower, Places, StateNews};
pub use host::KafkaHost;
pub use registry::{Registry, SchemaIds, SchemaState};
pub use restore::RestoreTotals;
pub use settings::{GroupProtocol, KafkaLimits, KafkaOptions, Security, TopicSpec};
pub use subscribe::KafkaSubscriber;
pub use table::{KafkaShare, KafkaTable, TableRow};
pub use topics::{TopicPlan, brokers, create_topics, delete_topics, plan_topics};
