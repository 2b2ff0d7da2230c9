//! How salty this athlete's sweat is: a belief that patches sharpen and time wears off.
//!
//! The logarithm of whole-body sodium walks at random, 0.15² in 30 days. A test of long ago is seen
//! through all of that walk, so that its precision fades and the belief goes back to what people
//! show. Taking each test's walk for its own (they share steps) forgets a little too fast; in return
//! a test can only sharpen, and the order of tests cannot matter.

use std::collections::BTreeSet;

use super::normal_posterior;
use crate::observation::ObservationId;
use crate::sweat::{Sex, sodium_at_rate, sodium_prior};
use crate::time::Instant;
use crate::units::{LogMean, LogNormal, LogSd};

/// What one patch told, taken to the sport's usual rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SodiumEvidence {
    pub at: Instant,
    pub observation: ObservationId,
    /// Logarithm of whole-body sodium in mmol/L at the usual rate of the sport.
    pub log_mean: LogMean,
    pub log_sd: LogSd,
}

impl SodiumEvidence {
    /// `log_ratio` is the logarithm of the rate at the test over the usual one of the sport, as in
    /// [`super::Test::log_ratio`]; without it the rate is taken as usual.
    pub fn new(
        at: Instant,
        observation: ObservationId,
        sodium: LogNormal,
        log_ratio: Option<LogMean>,
    ) -> Self {
        let back = log_ratio.map_or(0, |ratio| ratio.get().saturating_neg());
        let usual = sodium_at_rate(sodium, LogMean::clamped(back));
        Self {
            at,
            observation,
            log_mean: usual.log_mean,
            log_sd: usual.log_sd,
        }
    }
}

/// What is believed of an athlete's sodium at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SodiumPosterior {
    /// `None` before the first test: then what people show is all.
    learnt: Option<LogNormal>,
    tests: u32,
}

impl SodiumPosterior {
    /// Before the first test.
    pub const NOTHING: Self = Self {
        learnt: None,
        tests: 0,
    };

    pub fn tests(&self) -> u32 {
        self.tests
    }

    /// The belief, quantised; the prior of the sex before the first test.
    pub fn belief(&self, sex: Option<Sex>) -> LogNormal {
        self.learnt.unwrap_or_else(|| sodium_prior(sex))
    }

    /// What another day may show. A tested athlete is not less known than a stranger.
    pub fn predictive(&self, sex: Option<Sex>) -> LogNormal {
        let prior = sodium_prior(sex);
        self.learnt.map_or(prior, |learnt| {
            let (known, day) = (learnt.log_sd.natural(), DAY_LOG_SD);
            let sd = LogSd::near(libm::sqrt(known * known + day * day) * MILLION);
            LogNormal::new(learnt.log_mean, sd.min(prior.log_sd))
        })
    }
}

/// The same athlete and effort on another day.
const DAY_LOG_SD: f64 = 0.10;
const WALK_VARIANCE_PER_S: f64 = 0.15 * 0.15 / (30.0 * 86_400.0);
const MILLION: f64 = 1_000_000.0;

/// The belief from all evidence up to and including `until`, in whatever order it comes.
pub fn sodium_posterior(
    evidence: &[SodiumEvidence],
    until: Instant,
    sex: Option<Sex>,
) -> SodiumPosterior {
    if evidence.is_empty() {
        return SodiumPosterior::NOTHING;
    }
    let known: BTreeSet<SodiumEvidence> = evidence
        .iter()
        .filter(|test| test.at <= until)
        .copied()
        .collect();
    if known.is_empty() {
        return SodiumPosterior::NOTHING;
    }
    let tests: Vec<LogNormal> = known.iter().map(|test| faded(test, until)).collect();
    let belief = normal_posterior(sodium_prior(sex), &tests);
    SodiumPosterior {
        learnt: Some(LogNormal::new(
            belief.log_mean.quantised(),
            belief.log_sd.quantised(),
        )),
        tests: u32::try_from(known.len()).unwrap_or(u32::MAX),
    }
}

fn faded(test: &SodiumEvidence, until: Instant) -> LogNormal {
    let age_s = until.0.saturating_sub(test.at.0).max(0) as f64 / 1_000_000.0;
    let sd = test.log_sd.natural();
    let walked = libm::sqrt(sd * sd + WALK_VARIANCE_PER_S * age_s);
    LogNormal::new(test.log_mean, LogSd::near(walked * MILLION))
}

#[cfg(test)]
mod tests;
