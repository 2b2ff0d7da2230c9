//! For how long an object is asked again whose answers are no use. Pure.
//!
//! A count lives as long as its process, the age of a hint is in the log: a process that never lives
//! long enough to count to the end gives up by age. Age alone would not do: a hint that waited for
//! days because the source was down deserves more than one answer, too.

use std::time::Duration;

use edge::Backoff;

/// Answers that count against one object before it is given up: with full jitter about half an hour.
pub(crate) const FETCH_ATTEMPTS_MAX: u32 = 20;

/// From this age of its oldest hint on, [`FETCH_ATTEMPTS_OLD_MAX`] answers are enough.
pub(crate) const HINT_AGE_MAX: Duration = Duration::from_hours(24);

/// About two minutes.
pub(crate) const FETCH_ATTEMPTS_OLD_MAX: u32 = 10;

/// The wait after so many answers that were no use, or `None` when that was the last one.
pub(crate) fn wait_after(attempts: u32, age_us: i64, jitter: u32) -> Option<Duration> {
    let is_old = u128::try_from(age_us).is_ok_and(|age_us| age_us >= HINT_AGE_MAX.as_micros());
    let retry = Backoff {
        base: Duration::from_millis(500),
        cap: Duration::from_secs(300),
        attempts_max: if is_old {
            FETCH_ATTEMPTS_OLD_MAX
        } else {
            FETCH_ATTEMPTS_MAX
        },
    };
    retry.wait_after(attempts, jitter)
}

#[cfg(test)]
mod tests {
    use super::wait_after;

    const DAY_US: i64 = 24 * 3_600 * 1_000_000;

    /// After how many answers an object is given up.
    fn answers(age_us: i64) -> u32 {
        let mut attempts = 1;
        while wait_after(attempts, age_us, u32::MAX).is_some() {
            attempts += 1;
        }
        attempts
    }

    #[test]
    fn an_old_hint_is_given_up_sooner_and_never_for_one_answer() {
        for (age_us, expected) in [
            (i64::MIN, 20),
            (-1, 20),
            (0, 20),
            (DAY_US - 1, 20),
            (DAY_US, 10),
            (i64::MAX, 10),
        ] {
            assert_eq!(answers(age_us), expected, "{age_us}");
        }
    }

    #[test]
    fn the_waits_of_an_old_hint_are_those_of_a_young_one() {
        for attempts in 1..10 {
            let [young, old] = [0, DAY_US].map(|age_us| wait_after(attempts, age_us, 1 << 30));
            assert_eq!(young, old);
        }
    }
}
