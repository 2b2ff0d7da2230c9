//! Buckets of an athlete's state: one per UTC day, and index shards.
//!
//! A bucket id below [`SHARD_BASE`] plus [`SHARDS`] is a shard; days since the epoch are far above.
//! An id's shard is a hash of its provider id alone, so that an item, its revisions, its deletion
//! and the naps inside of it meet in one shard whatever else is known of them.

mod kept;
mod packed;
mod shard;

use std::sync::Arc;

use processors_domain::observation::fingerprint;
use schemas::codec;
use schemas::record::Micros;
use schemas::record::state::{
    DayBucket, DayBucketView, NightState, ObservationState, SessionState, SlotState,
    WeatherAskState,
};
use stream_log::{BucketId, Undecodable};

pub(crate) use kept::{Kept, Kind};
pub(crate) use shard::List;
pub(crate) use shard::Shard;

/// 64 shards keep one shard near 3 kB after five years of ten records a day.
pub(crate) const SHARDS: u16 = 64;
const SHARD_BASE: i32 = i32::MIN;
pub(crate) const DAY_US: i64 = 86_400_000_000;

/// What happened, or was told to happen, on one UTC day; [`DayBucket`] is how it is stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Day {
    /// Ascending by id.
    pub(crate) observations: Vec<Kept>,
    /// Shared: a batch that touches one leaves the others where they are.
    pub(crate) sessions: Vec<Arc<SessionState>>,
    pub(crate) nights: Vec<Arc<NightState>>,
    pub(crate) slots: Vec<Arc<SlotState>>,
    pub(crate) timer_due: Micros,
    pub(crate) weather_asks: Vec<WeatherAskState>,
}

impl Day {
    fn of(stored: DayBucket) -> Result<Self, Undecodable> {
        Ok(Self {
            observations: packed::unpack(stored.packed, stored.observations)?,
            sessions: stored.sessions,
            nights: stored.nights,
            slots: stored.slots,
            timer_due: stored.timer_due,
            weather_asks: stored.weather_asks,
        })
    }

    fn encode(&self) -> Vec<u8> {
        codec::encode_view(&DayBucketView {
            observations: &[],
            sessions: &self.sessions,
            nights: &self.nights,
            slots: &self.slots,
            timer_due: self.timer_due,
            weather_asks: &self.weather_asks,
            packed: &packed::pack(&self.observations),
        })
    }
}

/// The observations in the bytes of a bucket; none in those of a head or an index shard.
pub fn observations_in(bytes: &[u8]) -> Vec<ObservationState> {
    match Bucket::decode(bytes) {
        Ok(Bucket::Day(day)) => {
            let observations = day.observations.into_iter();
            observations.map(Kept::into_state).collect()
        }
        Ok(Bucket::Index(_)) | Err(_) => Vec::new(),
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Bucket {
    Day(Day),
    Index(Shard),
}

impl Default for Bucket {
    fn default() -> Self {
        Self::Day(Day::default())
    }
}

impl Bucket {
    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Day(day) => day.encode(),
            Self::Index(index) => index.encode(),
        }
    }

    /// The framing's schema id tells the two apart.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Undecodable> {
        let broken = |error: codec::DecodeError| Undecodable {
            detail: error.to_string(),
        };
        match codec::name_of(bytes).map_err(broken)? {
            "IndexShard" => Shard::of(codec::decode(bytes).map_err(broken)?).map(Self::Index),
            _ => Day::of(codec::decode(bytes).map_err(broken)?).map(Self::Day),
        }
    }

    /// A bound on its size in memory, for the cache's budget.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Day(bucket) => {
                let observations: usize = bucket.observations.iter().map(Kept::size).sum();
                256 + observations
                    + bucket.sessions.len() * 500
                    + bucket.nights.len() * 400
                    + bucket.slots.len() * 250
            }
            Self::Index(index) => 64 + index.entries_len() * 16,
        }
    }
}

pub(crate) fn day_id(day: i32) -> BucketId {
    BucketId(day)
}

pub(crate) fn shard_id(shard: u16) -> BucketId {
    BucketId(SHARD_BASE + i32::from(shard))
}

/// The day bucket an instant belongs to.
pub(crate) fn day_of(at: i64) -> i32 {
    i32::try_from(at.div_euclid(DAY_US)).unwrap_or(0)
}

/// Garmin's naps carry their record's id before a `#`.
pub(crate) fn shard_of(provider_id: &str) -> u16 {
    let base = provider_id
        .split_once('#')
        .map_or(provider_id, |(base, _)| base);
    u16::try_from(fingerprint(base) % u64::from(SHARDS)).unwrap_or(0)
}
