//! How this athlete sweats, compared with others: a belief that every weigh-in sharpens.
//!
//! The belief is about one number, the logarithm of a multiplier on the sport's usual rate. It
//! starts at 0 (like everybody) as wide as athletes differ; each test moves it by its precision
//! (normal prior, normal evidence). It is computed from the whole set of evidence each time, so that
//! a late test gives what an early one would have given.
//!
//! A belief does not age yet: the random walk of 0.10 per 90 days that the literature suggests is
//! left out until profiles of several seasons exist. Old tests show in [`SweatProfile::advice`].

mod bayes;

pub use bayes::{posterior as normal_posterior, predictive};

use std::collections::BTreeSet;

use crate::observation::ObservationId;
use crate::sport::{Family, Sport};
use crate::sweat::population;
use crate::time::Instant;
use crate::units::{Interval, LogMean, LogNormal, LogSd, Permille, Seconds, SweatRate};

/// One test of the athlete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evidence {
    pub at: Instant,
    pub observation: ObservationId,
    /// Logarithm of what was measured over what is usual in the sport.
    pub log_ratio: LogMean,
    pub log_sd: LogSd,
    pub family: Family,
    pub duration: Seconds,
}

impl Evidence {
    /// From a measured rate; `None` only if its logarithm is out of bounds, which no rate's is.
    pub fn of_rate(
        at: Instant,
        observation: ObservationId,
        rate: SweatRate,
        log_sd: LogSd,
        sport: Sport,
        duration: Seconds,
    ) -> Option<Self> {
        let measured = LogMean::ln(rate.litres_per_hour())?;
        let usual = population(sport).rate.log_mean;
        let log_ratio = LogMean::new(measured.get().saturating_sub(usual.get()))?;
        Some(Self {
            at,
            observation,
            log_ratio,
            log_sd,
            family: sport.family(),
            duration,
        })
    }
}

/// What is believed at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posterior {
    belief: LogNormal,
    families: BTreeSet<Family>,
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
}

/// How much athletes differ from each other in one sport.
const BETWEEN_ATHLETES: LogSd = LogSd::clamped(425_300);

/// The belief from all evidence up to and including `until`, in whatever order it comes.
pub fn posterior(evidence: &[Evidence], until: Instant) -> Posterior {
    let known = up_to(evidence, until);
    let prior = LogNormal::new(LogMean::clamped(0), BETWEEN_ATHLETES);
    let tests: Vec<LogNormal> = known
        .iter()
        .map(|test| LogNormal::new(test.log_ratio, test.log_sd))
        .collect();
    let belief = normal_posterior(prior, &tests);
    Posterior {
        belief: LogNormal::new(belief.log_mean.quantised(), belief.log_sd.quantised()),
        families: known.iter().map(|test| test.family).collect(),
        tests: u32::try_from(known.len()).unwrap_or(u32::MAX),
    }
}

/// What is published of an athlete's sweating.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweatProfile {
    pub belief: LogNormal,
    /// In thousandths of what is usual.
    pub multiplier: Interval<Permille>,
    pub tests: u32,
    pub last_test_at: Option<Instant>,
    pub families: BTreeSet<Family>,
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

/// The profile from all evidence up to and including `until`.
pub fn profile(evidence: &[Evidence], until: Instant) -> SweatProfile {
    let known = up_to(evidence, until);
    let posterior = posterior(evidence, until);
    let durations = || known.iter().map(|test| test.duration);
    SweatProfile {
        belief: posterior.belief,
        multiplier: posterior.belief.interval(1_000),
        tests: posterior.tests,
        last_test_at: known.last().map(|test| test.at),
        durations: durations().min().zip(durations().max()),
        evidence: known.iter().map(|test| test.observation).collect(),
        families: posterior.families,
    }
}

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
fn up_to(evidence: &[Evidence], until: Instant) -> BTreeSet<Evidence> {
    evidence
        .iter()
        .filter(|test| test.at <= until)
        .copied()
        .collect()
}

#[cfg(test)]
mod tests;
