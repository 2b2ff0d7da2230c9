//! The clock, as an argument.
//!
//! It is not a timer: nothing here waits. Durations measured for logs come from the same clock, so
//! a test that moves time by hand sees the same figures every time.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMicros(pub i64);

/// Where the time comes from.
pub trait Clock: Send + Sync {
    fn now(&self) -> UnixMicros;
}

/// The machine's clock. It may step back when the machine is corrected: who needs order adds it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clock"
    )]
    fn now(&self) -> UnixMicros {
        // A clock before 1970 or after the year 294,000 is broken hardware: the nearest bound is
        // as good an answer as any, and better than a panic.
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        UnixMicros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug, Default)]
pub struct ManualClock {
    now: AtomicI64,
}

impl ManualClock {
    pub fn at(now: UnixMicros) -> Self {
        Self {
            now: AtomicI64::new(now.0),
        }
    }

    pub fn set(&self, now: UnixMicros) {
        self.now.store(now.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixMicros {
        UnixMicros(self.now.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_is_after_2020_and_does_not_stand_at_a_bound() {
        let now = SystemClock.now();
        assert!(now > UnixMicros(1_577_836_800_000_000));
        assert!(now < UnixMicros(i64::MAX));
    }

    #[test]
    fn a_manual_clock_moves_only_by_hand() {
        let clock = ManualClock::at(UnixMicros(5));
        assert_eq!((clock.now(), clock.now()), (UnixMicros(5), UnixMicros(5)));
        clock.set(UnixMicros(3));
        assert_eq!(clock.now(), UnixMicros(3));
    }
}
