//! How much a service may be used, and when there is room again. Pure: the time is handed in.
//!
//! Use is counted in weight, as Open-Meteo counts it: a call for many places, many variables or many
//! days is many calls. What was used is remembered use by use, so that no window of its length, wherever
//! it begins, ever holds more than its limit.

use std::collections::VecDeque;
use std::time::Duration;

use edge::UnixMicros;

/// Weights that one caller may use, by window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetLimits {
    pub per_minute: u32,
    pub per_hour: u32,
    pub per_day: u32,
}

impl Default for BudgetLimits {
    /// Open-Meteo's, without a key.
    fn default() -> Self {
        Self {
            per_minute: 600,
            per_hour: 5_000,
            per_day: 10_000,
        }
    }
}

impl BudgetLimits {
    fn windows(self) -> [(Duration, u32); 3] {
        [
            (Duration::from_secs(60), self.per_minute),
            (Duration::from_secs(3_600), self.per_hour),
            (Duration::from_secs(86_400), self.per_day),
        ]
    }

    /// The heaviest call that can ever be made.
    pub(super) fn weight_max(self) -> u32 {
        self.per_minute.min(self.per_hour).min(self.per_day)
    }
}

/// What a call costs: over ten variables and over two weeks cost more in proportion.
pub(super) fn weight(variables: usize, days: usize, locations: usize) -> u32 {
    let factor = |count: usize, free: usize| (count as f64 / free as f64).max(1.0);
    let weight = factor(variables, 10) * factor(days, 14) * locations as f64;
    weight.ceil() as u32
}

/// Every use weighs 1 at least, so at most a day's limit of uses is remembered.
#[derive(Debug)]
pub(super) struct Budget {
    limits: BudgetLimits,
    used: VecDeque<(UnixMicros, u32)>,
}

impl Budget {
    pub(super) fn new(limits: BudgetLimits) -> Self {
        Self {
            limits,
            used: VecDeque::new(),
        }
    }

    pub(super) fn spend(&mut self, weight: u32, now: UnixMicros) {
        let day_ago = UnixMicros(now.0.saturating_sub(86_400_000_000));
        while self.used.front().is_some_and(|(at, _)| *at <= day_ago) {
            self.used.pop_front();
        }
        self.used.push_back((now, weight.max(1)));
    }

    /// When a call of this weight may be made; not later than now when it may be made at once.
    pub(super) fn room_at(&self, weight: u32, now: UnixMicros) -> UnixMicros {
        let windows = self.limits.windows();
        let times = windows.map(|(length, limit)| self.room_in(length, limit, weight, now));
        times.into_iter().max().unwrap_or(now)
    }

    fn room_in(&self, length: Duration, limit: u32, weight: u32, now: UnixMicros) -> UnixMicros {
        let length = i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
        // From the latest use backwards: the first that does not fit beside the later ones and the
        // new call has to leave the window.
        let mut sum = weight;
        for (at, used) in self.used.iter().rev() {
            sum = sum.saturating_add(*used);
            if sum > limit {
                return UnixMicros(at.0.saturating_add(length)).max(now);
            }
        }
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;
    const LIMITS: BudgetLimits = BudgetLimits {
        per_minute: 10,
        per_hour: 15,
        per_day: 20,
    };

    #[test]
    fn a_call_weighs_its_places_and_what_goes_beyond_the_free_measure() {
        for (variables, days, locations, expected) in [
            (4, 1, 1, 1),
            (4, 14, 100, 100),
            (10, 14, 3, 3),
            (11, 14, 10, 11),
            (15, 28, 2, 6),
            (4, 15, 1, 2),
        ] {
            assert_eq!(weight(variables, days, locations), expected);
        }
    }

    #[test]
    fn there_is_room_again_when_enough_left_the_window() {
        let at = |seconds: i64| UnixMicros(seconds * SECOND);
        let mut budget = Budget::new(LIMITS);
        assert_eq!(budget.room_at(10, at(0)), at(0));
        budget.spend(4, at(0));
        budget.spend(6, at(10));
        assert_eq!(budget.room_at(1, at(20)), at(60), "the first 4 leave");
        assert_eq!(budget.room_at(4, at(20)), at(60));
        assert_eq!(budget.room_at(5, at(20)), at(70), "all 10 leave");
        assert_eq!(budget.room_at(5, at(71)), at(71));
        budget.spend(5, at(71));
        assert_eq!(budget.room_at(1, at(140)), at(3_600), "the hour is full");
        assert_eq!(budget.room_at(5, at(3_611)), at(3_611));
        budget.spend(5, at(3_611));
        assert_eq!(budget.room_at(1, at(9_000)), at(86_400), "the day is full");
    }

    #[test]
    fn no_window_ever_holds_more_than_its_limit() {
        let mut budget = Budget::new(LIMITS);
        let mut uses = Vec::new();
        let mut now = UnixMicros(0);
        for step in 0..300_u32 {
            let weight = 1 + step * 7 % 5;
            now = budget.room_at(weight, now);
            budget.spend(weight, now);
            uses.push((now, weight));
            now.0 += i64::from(step % 3) * SECOND;
        }
        for (length, limit) in LIMITS.windows() {
            let length = i64::try_from(length.as_micros()).unwrap();
            for (end, _) in &uses {
                let within = uses
                    .iter()
                    .filter(|(at, _)| at.0 > end.0 - length && at <= end);
                assert!(within.map(|(_, weight)| weight).sum::<u32>() <= limit);
            }
        }
        assert!(budget.used.len() <= 20, "what a day ago was is forgotten");
    }
}
