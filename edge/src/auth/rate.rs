//! How often a key may read: a bucket of turns for each, refilled by the clock.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::UnixMicros;

/// Keys whose buckets are kept. Beyond that the fullest are forgotten, which costs nothing: a full
/// bucket is what a stranger starts with.
const KEYS_MAX: usize = 10_000;
const MICROS_PER_S: i64 = 1_000_000;
/// A burst of this many seconds' worth may come at once.
const BURST_S: i64 = 2;

/// Turns are counted in millionths, so that a slow clock refills exactly.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    turns: i64,
    at: UnixMicros,
}

#[derive(Debug)]
pub struct Rates {
    per_s: i64,
    buckets: Mutex<BTreeMap<String, Bucket>>,
}

impl Rates {
    /// 0 is no limit.
    pub fn new(requests_per_s: u32) -> Self {
        Self {
            per_s: i64::from(requests_per_s),
            buckets: Mutex::default(),
        }
    }

    /// Whether there was a turn left.
    pub fn take(&self, key_id: &str, now: UnixMicros) -> bool {
        if self.per_s == 0 {
            return true;
        }
        let full = self.per_s.saturating_mul(MICROS_PER_S * BURST_S);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= KEYS_MAX {
            buckets.retain(|_, bucket| bucket.refilled(self.per_s, full, now).turns < full);
        }
        let fresh = Bucket {
            turns: full,
            at: now,
        };
        let bucket = buckets.entry(key_id.to_owned()).or_insert(fresh);
        *bucket = bucket.refilled(self.per_s, full, now);
        let allowed = bucket.turns >= MICROS_PER_S;
        if allowed {
            bucket.turns -= MICROS_PER_S;
        }
        allowed
    }
}

impl Bucket {
    /// A clock that steps back refills nothing and takes nothing away.
    fn refilled(self, per_s: i64, full: i64, now: UnixMicros) -> Self {
        let passed = now.0.saturating_sub(self.at.0).max(0);
        let turns = self.turns.saturating_add(passed.saturating_mul(per_s));
        Self {
            turns: turns.min(full),
            at: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_as_many_as_the_clock_refills() {
        let rates = Rates::new(10);
        let mut now = UnixMicros(1_000_000);
        let taken = |now| (0..100).filter(|_| rates.take("k", now)).count();
        assert_eq!(taken(now), 20);
        now.0 += 500_000;
        assert_eq!(taken(now), 5);
        now.0 -= 400_000;
        assert_eq!(taken(now), 0, "a clock that steps back");
        assert!(rates.take("other", now), "each key has its own");
        assert!((0..1_000).all(|_| Rates::new(0).take("k", now)));
    }
}
