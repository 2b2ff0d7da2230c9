//! Buckets of an athlete's state: one per UTC day, and index shards.
//!
//! A bucket id below [`SHARD_BASE`] plus [`SHARDS`] is a shard; days since the epoch are far above.
//! An id's shard is a hash of its provider id alone, so that an item, its revisions, its deletion
//! and the naps inside of it meet in one shard whatever else is known of them.

use processors_domain::observation::fingerprint;
use schemas::codec;
use schemas::record::state::{DayBucket, IndexShard};
use stream_log::{BucketId, Undecodable};

/// 64 shards keep one shard near 3 kB after five years of ten records a day.
pub(crate) const SHARDS: u16 = 64;
const SHARD_BASE: i32 = i32::MIN;
pub(crate) const DAY_US: i64 = 86_400_000_000;

#[derive(Clone, Debug, PartialEq)]
pub enum Bucket {
    Day(DayBucket),
    Index(IndexShard),
}

impl Default for Bucket {
    fn default() -> Self {
        Self::Day(DayBucket::default())
    }
}

impl Bucket {
    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Day(bucket) => codec::encode(bucket),
            Self::Index(index) => codec::encode(index),
        }
    }

    /// The framing's schema id tells the two apart.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Undecodable> {
        let broken = |error: codec::DecodeError| Undecodable {
            detail: error.to_string(),
        };
        match codec::name_of(bytes).map_err(broken)? {
            "IndexShard" => codec::decode(bytes).map(Self::Index).map_err(broken),
            _ => codec::decode(bytes).map(Self::Day).map_err(broken),
        }
    }

    /// A bound on its size in memory, for the cache's budget.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Day(bucket) => {
                let versions: usize = bucket
                    .observations
                    .iter()
                    .map(|seen| seen.versions.len())
                    .sum();
                256 + versions * 900
                    + bucket.sessions.len() * 500
                    + bucket.nights.len() * 400
                    + bucket.slots.len() * 250
            }
            Self::Index(index) => {
                64 + index.seen.len() * 16 + index.known.len() * 16 + index.deleted.len() * 16
            }
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
