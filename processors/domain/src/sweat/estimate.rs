//! The loss of one workout from all that is known: the sport, the athlete's own tests, the air, scales
//! and a patch.
//!
//! ```text
//! scales        patch         own tests      method        fluid
//! yes           -             -              weigh_in      of the scales alone
//! yes           agrees        -              fused         both, by their precision
//! yes           disagrees     -              weigh_in      of the scales alone, and `conflict`
//! -             yes           no             patch         patch and what people lose
//! -             yes           yes            fused         patch and forecast
//! -             -             yes            profile       forecast
//! -             -             no             population    what people lose
//! ```
//!
//! All fusing is of logarithms. Scales tell nothing of sodium: with them it comes from the patch, or
//! is unknown. Without them it is a belief, sharpened by a patch.

use std::collections::BTreeSet;

use super::censor::censored;
use super::predict::predictive;
use super::{
    Bound, Conditions, Loss, LossFlag, Method, Observed, Sex, WeighInLoss, WeighInOutcome,
    WholeBody, population, sodium, sodium_at_rate,
};
use crate::profile::{Posterior, SodiumPosterior, normal_posterior};
use crate::sport::Sport;
use crate::units::{BodyMass, LogMean, LogNormal, Seconds, SweatRate};

/// All that a loss rests on. The posteriors hold what was known before the workout.
#[derive(Clone, Copy, Debug)]
pub struct LossInput<'a> {
    pub sport: Sport,
    pub sex: Option<Sex>,
    /// Only for asking whether a loss is large for this body.
    pub mass: Option<BodyMass>,
    pub duration: Seconds,
    pub conditions: Conditions,
    pub tests: &'a Posterior,
    pub sodium: &'a SodiumPosterior,
    pub weigh_in: Option<&'a WeighInOutcome>,
    pub patch: Option<&'a WholeBody>,
}

/// For a workout of no length the loss is zero.
pub fn estimate(input: &LossInput<'_>) -> Loss {
    let worn = input.patch.filter(|_| wears_patch(input.sport));
    let input = LossInput {
        patch: worn,
        ..*input
    };
    let mut loss = match input.weigh_in {
        Some(WeighInOutcome::Loss(scales)) => with_scales(&input, scales),
        Some(WeighInOutcome::NotUsable(told)) => {
            let mut loss = without_scales(&input);
            loss.flags.extend(&told.flags);
            loss
        }
        None => without_scales(&input),
    };
    if let Some(patch) = input.patch
        && !loss.flags.contains(&LossFlag::Conflict)
    {
        loss.flags.extend(&patch.flags);
    }
    if matches!(loss.method, Method::Patch | Method::Fused) && is_large(&loss, &input) {
        loss.flags.insert(LossFlag::Unusual);
    }
    loss
}

/// In water a patch gathers water.
pub fn wears_patch(sport: Sport) -> bool {
    !matches!(sport, Sport::PoolSwim | Sport::OpenWater)
}

/// Whether scales and patch disagree so much that one is wrong. A bound that the scales keep is no
/// disagreement.
pub fn conflicts(scales: SweatRate, patch: &WholeBody) -> bool {
    let Some(patch) = patch.rate else {
        return false;
    };
    let ratio = patch.belief.median() / scales.litres_per_hour();
    match patch.bound {
        Bound::Exact => !RATIO_AGREES.contains(&ratio),
        Bound::AtLeast => ratio > *RATIO_AGREES.end(),
        Bound::AtMost => ratio < *RATIO_AGREES.start(),
    }
}

const RATIO_AGREES: std::ops::RangeInclusive<f64> = 0.5..=2.0;

fn with_scales(input: &LossInput<'_>, scales: &WeighInLoss) -> Loss {
    let patch = input
        .patch
        .filter(|patch| patch.rate.is_some() || patch.sodium.is_some());
    let Some(patch) = patch else {
        return scales.clone().into_loss();
    };
    if conflicts(scales.rate.median(), patch) {
        let mut loss = scales.clone().into_loss();
        loss.flags.insert(LossFlag::Conflict);
        return loss;
    }
    let Some(log_mean) = LogMean::ln(scales.rate.median().litres_per_hour()) else {
        return scales.clone().into_loss();
    };
    let told = LogNormal::new(log_mean, scales.relative_sd);
    let rate = after(told, patch.rate);
    let mut loss = Loss {
        flags: scales.flags.clone(),
        ..loss_of(Method::Fused, rate, None, input.duration)
    };
    if let Some(seen) = patch.sodium {
        let sodium = after(sodium_before(input, rate), Some(seen));
        loss.sodium_concentration = Some(sodium.interval(10));
        loss.sodium = Some(sodium::lost(rate, sodium, hours(input.duration)));
    }
    if patch.rate.is_none() {
        loss.fluid = scales.fluid;
        loss.rate = scales.rate;
    }
    loss
}

fn without_scales(input: &LossInput<'_>) -> Loss {
    let (method, before) = predictive(input.sport, input.tests, &input.conditions);
    let seen = input.patch.and_then(|patch| patch.rate);
    let rate = after(before, seen);
    let sodium = after(
        sodium_before(input, rate),
        input.patch.and_then(|patch| patch.sodium),
    );
    let method = match (method, seen) {
        (Method::Profile, Some(_)) => Method::Fused,
        (_, Some(_)) => Method::Patch,
        (method, None) => method,
    };
    let row = population(input.sport);
    let words = [
        (method == Method::Population, LossFlag::PopulationOnly),
        (!row.listed, LossFlag::SportUnlisted),
    ];
    let air = input.conditions.flags(input.tests, input.sport.family());
    let flags: BTreeSet<LossFlag> = words
        .into_iter()
        .chain(air)
        .filter(|word| word.0)
        .map(|word| word.1)
        .collect();
    Loss {
        flags,
        ..loss_of(method, rate, Some(sodium), input.duration)
    }
}

/// What is believed of the sodium in this workout at this rate before any look at it. The prior is
/// about everybody's usual rate and wide enough for any; only what was learnt moves with the rate.
fn sodium_before(input: &LossInput<'_>, rate: LogNormal) -> LogNormal {
    let known = input.sodium.predictive(input.sex);
    if input.sodium.tests() == 0 {
        return known;
    }
    let usual = population(input.sport).rate.log_mean.get();
    let ratio = LogMean::clamped(rate.log_mean.get().saturating_sub(usual));
    sodium_at_rate(known, ratio)
}

/// A belief after an observation, or as it was.
fn after(belief: LogNormal, seen: Option<Observed>) -> LogNormal {
    match seen {
        None => belief,
        Some(seen) if seen.bound == Bound::Exact => normal_posterior(belief, &[seen.belief]),
        Some(seen) => censored(belief, seen.belief, seen.bound),
    }
}

fn loss_of(method: Method, rate: LogNormal, sodium: Option<LogNormal>, duration: Seconds) -> Loss {
    let duration = duration.max(Seconds::ZERO);
    let rates = rate.interval(1_000);
    Loss {
        method,
        fluid: rates.map(|rate: SweatRate| rate.over(duration)),
        rate: rates,
        sodium_concentration: sodium.map(|sodium| sodium.interval(10)),
        sodium: sodium.map(|sodium| sodium::lost(rate, sodium, hours(duration))),
        flags: BTreeSet::new(),
    }
}

fn hours(duration: Seconds) -> f64 {
    duration.max(Seconds::ZERO).hours()
}

/// More than 4 % of the body or 6 g of sodium an hour.
fn is_large(loss: &Loss, input: &LossInput<'_>) -> bool {
    let share = input.mass.is_some_and(|mass| {
        let litres = loss.fluid.median().litres();
        litres > LOSS_SHARE_MAX * mass.kilograms()
    });
    let salt = loss.sodium.is_some_and(|sodium| {
        sodium.median().get() as f64 > SODIUM_MG_PER_H_MAX * hours(input.duration)
    });
    share || salt
}

const LOSS_SHARE_MAX: f64 = 0.04;
/// The highest ever published is 4.5 g an hour.
const SODIUM_MG_PER_H_MAX: f64 = 6_000.0;

#[cfg(test)]
mod tests;
