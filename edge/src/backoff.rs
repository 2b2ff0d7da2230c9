//! How long to wait before the next try, as a pure function.
//!
//! It does not wait and it draws no random number: the caller has a timer and a source of
//! randomness, and a test has neither.

use std::time::Duration;

/// Doubling waits with full jitter, a cap, and an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    pub base: Duration,
    pub cap: Duration,
    /// Tries in all, the first one included.
    pub attempts_max: u32,
}

impl Backoff {
    /// The wait after `attempt` failed (the first is 1), or `None` when that was the last one.
    ///
    /// `jitter` is a uniform draw over all of `u32`. The whole wait is drawn, not a part of it:
    /// many senders that failed together then come back evenly spread instead of in a wave.
    pub fn wait_after(&self, attempt: u32, jitter: u32) -> Option<Duration> {
        if attempt >= self.attempts_max {
            return None;
        }
        let doublings = attempt.saturating_sub(1).min(31);
        let ceiling = self.base.saturating_mul(1 << doublings).min(self.cap);
        Some(ceiling.mul_f64(f64::from(jitter) / f64::from(u32::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff {
        base: Duration::from_millis(100),
        cap: Duration::from_secs(1),
        attempts_max: 6,
    };

    #[test]
    fn waits_double_up_to_the_cap_and_then_end() {
        let waits: Vec<_> = (1..=6)
            .map(|attempt| {
                BACKOFF
                    .wait_after(attempt, u32::MAX)
                    .map(|wait| wait.as_millis())
            })
            .collect();
        assert_eq!(
            waits,
            [Some(100), Some(200), Some(400), Some(800), Some(1000), None]
        );
    }

    #[test]
    fn jitter_spreads_the_whole_wait() {
        assert_eq!(BACKOFF.wait_after(1, 0), Some(Duration::ZERO));
        let half = BACKOFF.wait_after(1, u32::MAX / 2).unwrap();
        assert!(half > Duration::from_millis(49) && half < Duration::from_millis(51));
    }

    #[test]
    fn no_number_of_attempts_overflows() {
        let endless = Backoff {
            attempts_max: u32::MAX,
            ..BACKOFF
        };
        assert_eq!(
            endless.wait_after(u32::MAX - 1, u32::MAX),
            Some(endless.cap)
        );
    }
}
