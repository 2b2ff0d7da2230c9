//! Records and the small types that name where they are.

use std::sync::Arc;

use crate::Header;

/// Logical time: microseconds since the epoch, UTC. It enters with records and ticks only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogTime(pub i64);

/// The record key, `tenant/athlete`: unit of order and of state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub Arc<str>);

impl Key {
    pub fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A topic's name. The catalogue is static, so a name is a pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(pub &'static str);

/// The catalogue a host is opened with: each topic's name, and whether processors read it.
pub type Topics = &'static [(&'static str, bool)];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(pub u32);

/// Position of a record within its partition. Rising, not always dense.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub u64);

/// Day bucket or index shard of one athlete's state; the processor gives the numbers a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketId(pub i32);

impl BucketId {
    /// The athlete's head is stored beside the buckets, under the one id no bucket may have.
    pub const HEAD: Self = Self(i32::MAX);
    /// Where the engine keeps its own note that an athlete is quarantined.
    pub const QUARANTINE: Self = Self(i32::MAX - 1);
}

/// A record as it is appended. `received_at` is carried outside of the value, so that inputs of
/// several topics are merged without decoding them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub topic: Topic,
    pub key: Key,
    pub received_at: LogTime,
    pub headers: Vec<Header>,
    pub value: Vec<u8>,
}

/// A record with the place the log gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequenced {
    pub partition: Partition,
    pub offset: Offset,
    pub record: Record,
}

/// A timer of an athlete. `id` is the processor's own; setting it again moves it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    pub due: LogTime,
    pub athlete: Key,
    pub id: Vec<u8>,
}
