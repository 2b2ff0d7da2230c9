//! How this athlete sweats, compared with others: a belief that every weigh-in and patch sharpens.
//!
//! The belief is about one number, the logarithm of a multiplier on the sport's usual rate. It
//! starts at 0 (like everybody) as wide as athletes differ; each test moves it by its precision
//! (normal prior, normal evidence). It is computed from the whole set of tests each time, so that
//! a late test gives what an early one would have given.
//!
//! The belief about the rate does not age yet: the random walk of 0.10 per 90 days that the literature
//! suggests is left out until profiles of several seasons exist. Old tests show in
//! [`SweatProfile::advice`]. That about sodium does age, see [`sodium_posterior`].

mod bayes;
mod evidence;
mod sodium;

pub use bayes::{posterior as normal_posterior, predictive};
pub use evidence::{Test, TestKind, log_ratio};
pub use sodium::{SodiumEvidence, SodiumPosterior, sodium_posterior};

use std::collections::BTreeSet;

use crate::observation::ObservationId;
use crate::sport::Family;
use crate::sweat::Sex;
use crate::time::Instant;
use crate::units::{
    AirTemperature, Interval, LogMean, LogNormal, LogSd, Permille, Seconds, SodiumConcentration,
};

/// What is believed at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posterior {
    belief: LogNormal,
    families: BTreeSet<Family>,
    air_temps: BTreeSet<AirTemperature>,
    tests: u32,
}

impl Posterior {
    /// Of the multiplier; quantised, so that equal beliefs are equal.
    pub fn belief(&self) -> LogNormal {
        self.belief
    }

    pub fn tests(&self) -> u32 {
        self.tests
    }

    pub fn was_tested_in(&self, family: Family) -> bool {
        self.families.contains(&family)
    }

    /// To the air of the nearest test, in 0.1 °C; `None` where the air of no test is known.
    pub fn distance_to_tested(&self, air: AirTemperature) -> Option<i64> {
        self.air_temps
            .iter()
            .map(|tested| tested.get().saturating_sub(air.get()).saturating_abs())
            .min()
    }
}

/// How much athletes differ from each other in one sport.
const BETWEEN_ATHLETES: LogSd = LogSd::clamped(425_300);

/// The belief from all evidence up to and including `until`, in whatever order it comes.
pub fn posterior(tests: &[Test], until: Instant) -> Posterior {
    of_known(&up_to(tests, until))
}

fn of_known(known: &BTreeSet<Test>) -> Posterior {
    let prior = LogNormal::new(LogMean::clamped(0), BETWEEN_ATHLETES);
    let belief = if known.is_empty() {
        prior
    } else {
        let tests: Vec<LogNormal> = known
            .iter()
            .map(|test| LogNormal::new(test.log_ratio, test.log_sd))
            .collect();
        normal_posterior(prior, &tests)
    };
    Posterior {
        belief: LogNormal::new(belief.log_mean.quantised(), belief.log_sd.quantised()),
        families: known.iter().map(|test| test.family).collect(),
        air_temps: known.iter().filter_map(|test| test.air_temp).collect(),
        tests: u32::try_from(known.len()).unwrap_or(u32::MAX),
    }
}

/// What is published of an athlete's sweating.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweatProfile {
    pub belief: LogNormal,
    /// In thousandths of what is usual.
    pub multiplier: Interval<Permille>,
    /// As it was at the last patch; `None` before the first.
    pub sodium: Option<Interval<SodiumConcentration>>,
    pub tests: u32,
    pub last_test_at: Option<Instant>,
    pub families: BTreeSet<Family>,
    /// Coldest and warmest air of a test.
    pub air_temps: Option<(AirTemperature, AirTemperature)>,
    /// Shortest and longest test.
    pub durations: Option<(Seconds, Seconds)>,
    /// The tests it rests on, in the order of event time.
    pub evidence: Vec<ObservationId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProfileAdvice {
    Ok,
    LowConfidence,
    TestAgain,
}

impl ProfileAdvice {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::LowConfidence => "low_confidence",
            Self::TestAgain => "test_again",
        }
    }
}

/// The profile from all evidence up to and including `until`. Of sodium it tells what the last patch
/// left behind, so that a profile does not change by the mere passing of time.
pub fn profile_of(
    tests: &[Test],
    sodium: &[SodiumEvidence],
    until: Instant,
    sex: Option<Sex>,
) -> SweatProfile {
    let known = up_to(tests, until);
    let posterior = of_known(&known);
    let durations = || known.iter().map(|test| test.duration);
    let airs = &posterior.air_temps;
    let last_patch = sodium
        .iter()
        .map(|test| test.at)
        .filter(|at| *at <= until)
        .max();
    SweatProfile {
        belief: posterior.belief,
        multiplier: posterior.belief.interval(1_000),
        sodium: last_patch.map(|at| {
            sodium_posterior(sodium, at, sex)
                .belief(sex)
                .interval(SODIUM_UNITS)
        }),
        tests: posterior.tests,
        last_test_at: known.last().map(|test| test.at),
        air_temps: airs.first().copied().zip(airs.last().copied()),
        durations: durations().min().zip(durations().max()),
        evidence: known.iter().map(|test| test.observation).collect(),
        families: posterior.families,
    }
}

/// [`SodiumConcentration`] is in tenths of a mmol/L.
const SODIUM_UNITS: i64 = 10;

/// After this a test no longer speaks for the athlete.
const TEST_AGE_S_MAX: i64 = 180 * 86_400;
/// One test may not be like the athlete.
const TESTS_MIN: u32 = 2;

impl SweatProfile {
    pub fn advice(&self, now: Instant) -> ProfileAdvice {
        match self.last_test_at {
            None => ProfileAdvice::TestAgain,
            Some(last) if last.plus_seconds(TEST_AGE_S_MAX) < now => ProfileAdvice::TestAgain,
            Some(_) if self.tests < TESTS_MIN => ProfileAdvice::LowConfidence,
            Some(_) => ProfileAdvice::Ok,
        }
    }
}

/// Sorted by time and id, each told once: the same set gives the same sequence, and so the same
/// floating-point sum to the last bit.
fn up_to(tests: &[Test], until: Instant) -> BTreeSet<Test> {
    tests
        .iter()
        .filter(|test| test.at <= until)
        .copied()
        .collect()
}

#[cfg(test)]
mod tests;
