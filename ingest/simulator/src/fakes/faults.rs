//! Trouble by plan: which request fails how follows from a seed and the request's number.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use crate::weather::mix;

/// What goes wrong. The default is nothing.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    pub seed: u64,
    /// Parts of the requests, in `[0, 1]`, that are answered with 429, with 500, and late.
    pub too_many: f64,
    pub server_error: f64,
    pub slow: f64,
    pub slow_by: Duration,
    /// Numbers of requests (from 0) that find the service down: 503.
    pub down: Vec<Range<u64>>,
    /// Activities that are not there, whatever the world says.
    pub missing: BTreeSet<String>,
}

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Served,
    Late(Duration),
    TooMany,
    Broken,
    Down,
}

impl Faults {
    pub(super) fn of(&self, request: u64) -> Fate {
        if self.down.iter().any(|window| window.contains(&request)) {
            return Fate::Down;
        }
        let bits = mix(self.seed ^ mix(request)) >> 11;
        let mut draw = bits as f64 * (1.0 / (1_u64 << 53) as f64);
        let fates = [
            (self.too_many, Fate::TooMany),
            (self.server_error, Fate::Broken),
            (self.slow, Fate::Late(self.slow_by)),
        ];
        for (part, fate) in fates {
            if draw < part {
                return fate;
            }
            draw -= part;
        }
        Fate::Served
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_comes_at_its_rate_and_again_at_the_same_requests() {
        let faults = Faults {
            seed: 3,
            too_many: 0.1,
            server_error: 0.2,
            slow: 0.05,
            slow_by: Duration::from_millis(1),
            down: vec![10..20, 100..101],
            ..Faults::default()
        };
        let fates: Vec<Fate> = (0..20_000).map(|request| faults.of(request)).collect();
        assert_eq!(fates, (0..20_000).map(|n| faults.of(n)).collect::<Vec<_>>());
        let count = |wanted: Fate| fates.iter().filter(|fate| **fate == wanted).count();
        assert_eq!(count(Fate::Down), 11);
        assert!((1_800..2_200).contains(&count(Fate::TooMany)));
        assert!((3_700..4_300).contains(&count(Fate::Broken)));
        assert!((850..1_150).contains(&count(Fate::Late(Duration::from_millis(1)))));
        assert!((0..1_000).all(|request| Faults::default().of(request) == Fate::Served));
    }
}
