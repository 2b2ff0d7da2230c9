//! The port that the rules implement.

use std::collections::{BTreeMap, BTreeSet};

use crate::{BucketId, CounterChange, Effects, Key, LogTime, Partition, Record, Sequenced, Timer};

/// An input with its place and arrival, decoded.
#[derive(Clone, Debug)]
pub struct Stamped<I> {
    pub partition: Partition,
    pub offset: crate::Offset,
    pub topic: crate::Topic,
    pub received_at: LogTime,
    pub input: I,
}

/// The log gave bytes that are no record of ours. They are rejected like any bad input.
#[derive(Clone, Debug)]
pub struct Undecodable {
    pub detail: String,
}

/// What stands in for an input that was set aside: a dead letter and its count.
#[derive(Clone, Debug)]
pub struct Rejection {
    pub records: Vec<Record>,
    pub counters: Vec<CounterChange>,
}

/// Which buckets `process` must find loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BucketNeed {
    /// These and what is loaded already; asked again until nothing new is named.
    These(BTreeSet<BucketId>),
    /// Every bucket the athlete has.
    All,
}

/// An athlete's loaded buckets. A bucket that was asked for and does not exist is absent.
pub type Buckets<B> = BTreeMap<BucketId, B>;

/// One athlete's part of a batch, with the state that it meets.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a, I, H, B> {
    pub athlete: &'a Key,
    /// The athlete's logical time after the batch.
    pub now: LogTime,
    pub inputs: &'a [Stamped<I>],
    /// The timers with `due <= now`, in order of (due, id), already removed from the store.
    pub due: &'a [Timer],
    pub head: &'a H,
    pub buckets: &'a Buckets<B>,
}

/// The pipeline for an athlete, as a value.
///
/// Synchronous, with no clock, no connection and no random source. Everything it may do is in the
/// `Effects` it returns, so that a step can be replayed and a test needs no runtime.
pub trait Processor: Send + Sync + 'static {
    type Input: Clone + Send;
    type Head: Clone + Default + Send;
    type Bucket: Clone + Default + Send;

    fn decode(&self, record: &Sequenced) -> Result<Self::Input, Undecodable>;

    /// The buckets that these inputs and timers touch, given those loaded so far. Called in rounds
    /// until the answer adds nothing, so that an affected block can close over its neighbours.
    fn buckets(
        &self,
        head: &Self::Head,
        inputs: &[Stamped<Self::Input>],
        due: &[Timer],
        loaded: &Buckets<Self::Bucket>,
    ) -> BucketNeed;

    /// Some athletes of one batch; effects of each, in the same order. What comes of one must not
    /// depend on the others: they come together so that a rule can be run over all of them while its
    /// code is at hand.
    fn process(
        &self,
        calls: &[Call<'_, Self::Input, Self::Head, Self::Bucket>],
    ) -> Vec<Effects<Self::Head, Self::Bucket>>;

    fn encode_head(&self, head: &Self::Head) -> Vec<u8>;
    fn decode_head(&self, bytes: &[u8]) -> Result<Self::Head, Undecodable>;
    fn encode_bucket(&self, bucket: &Self::Bucket) -> Vec<u8>;
    fn decode_bucket(&self, bytes: &[u8]) -> Result<Self::Bucket, Undecodable>;
    /// Rough bytes in memory, for the budget of decoded athletes.
    fn head_size(&self, head: &Self::Head) -> usize;
    fn bucket_size(&self, bucket: &Self::Bucket) -> usize;

    /// The latest logical time this head has seen. It never goes back.
    fn logical_time(&self, head: &Self::Head) -> LogTime;

    /// A tick, ready to append. `None` for a record that is no tick.
    fn tick(&self, partition: Partition, at: LogTime) -> Record;
    fn as_tick(&self, record: &Record) -> Option<LogTime>;

    /// The dead letter for an input that could not be decoded, that made a rule panic, or that
    /// arrived for a quarantined athlete. `reason` is a word of the contract's vocabulary.
    fn rejection(&self, input: &Sequenced, reason: &str, detail: &str) -> Rejection;

    /// Whether this input is a replay: it lifts its athlete's quarantine and is tried alone.
    fn is_replay(&self, input: &Self::Input) -> bool;
}
