//! Weighing before and after: what is gone and was not drunk, eaten or passed is sweat.
//!
//! ```text
//! sweat = (before - after) + drink + food - urine - 0.20 g per kcal      (the last where energy is known)
//! ```
//!
//! The 0.20 g per kcal cover the water of the breath and the carbon that leaves as gas together;
//! without an energy nothing is taken off, and a flag says so. Clothes keep sweat on the scales, so
//! a clothed reading is raised.

use std::collections::BTreeSet;

use super::{Loss, LossFlag, Method};
use crate::units::{
    BodyMass, Grams, Interval, Kilocalories, LogSd, Millilitres, Seconds, SweatRate,
};

/// Two weighings and what went in and out between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeighIn {
    pub mass_pre: BodyMass,
    pub mass_post: BodyMass,
    pub fluid: Millilitres,
    pub food: Grams,
    /// `None` where nobody said.
    pub urine: Option<Millilitres>,
    pub clothed: bool,
    pub energy: Option<Kilocalories>,
    pub duration: Seconds,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WeighInOutcome {
    Loss(WeighInLoss),
    NotUsable(UnusableWeighIn),
}

/// A loss that scales told. Of sodium they tell nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeighInLoss {
    pub fluid: Interval<Millilitres>,
    pub rate: Interval<SweatRate>,
    pub flags: BTreeSet<LossFlag>,
    /// How far to trust it as a test of this athlete; `None` where nothing may be learnt from it.
    pub log_sd: Option<LogSd>,
    /// The error of this one measurement, as a share of it.
    pub relative_sd: LogSd,
    /// Mass lost, in thousandths of the mass before; below zero after a gain.
    pub mass_loss_permille: i64,
}

/// What the formula gave, for showing; nothing may be built on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusableWeighIn {
    pub fluid: Millilitres,
    /// `None` where the rate is out of all bounds.
    pub rate: Option<SweatRate>,
    pub flags: BTreeSet<LossFlag>,
}

impl WeighInLoss {
    pub fn into_loss(self) -> Loss {
        Loss {
            method: Method::WeighIn,
            fluid: self.fluid,
            rate: self.rate,
            sodium_concentration: None,
            sodium: None,
            flags: self.flags,
        }
    }
}

pub fn weigh_in(input: &WeighIn) -> WeighInOutcome {
    let mut flags = flags_of(input);
    let apparent = apparent_sweat_ml(input);
    let trapped = if input.clothed {
        trapped_fraction(apparent)
    } else {
        0.0
    };
    let sweat = apparent / (1.0 - trapped);
    let fluid = Millilitres::near(sweat);
    let rate = SweatRate::of_loss(fluid, input.duration);
    let usable = rate.filter(|rate| is_plausible(input, *rate));
    if let Some(rate) = usable {
        let sd = sd_ml(input, sweat);
        return WeighInOutcome::Loss(WeighInLoss {
            fluid: above_zero(Interval::normal(sweat, sd)),
            rate: rates(rate, sweat, sd, input.duration),
            log_sd: trust(input, sd / sweat, &flags),
            relative_sd: LogSd::near(sd / sweat * 1_000_000.0),
            mass_loss_permille: mass_loss_permille(input),
            flags,
        });
    }
    flags.insert(LossFlag::Implausible);
    WeighInOutcome::NotUsable(UnusableWeighIn { fluid, rate, flags })
}

/// Beyond these nothing is used by itself (safety rule S15, its inner bounds).
const RATE_PLAUSIBLE_ML_PER_H: std::ops::RangeInclusive<i64> = 200..=4_000;
const MASS_LOSS_PERMILLE_MAX: i64 = 80;
const DURATION_S_MAX: i64 = 12 * 3_600;
const SHORT_S: i64 = 45 * 60;

fn flags_of(input: &WeighIn) -> BTreeSet<LossFlag> {
    let words = [
        (input.clothed, LossFlag::Clothed),
        (input.urine.is_none(), LossFlag::UrineUnknown),
        (input.energy.is_none(), LossFlag::EnergyUnknown),
        (input.duration.get() < SHORT_S, LossFlag::Short),
        (input.mass_post > input.mass_pre, LossFlag::Gain),
    ];
    words
        .into_iter()
        .filter(|word| word.0)
        .map(|word| word.1)
        .collect()
}

fn apparent_sweat_ml(input: &WeighIn) -> f64 {
    let scales = input.mass_pre.as_f64() - input.mass_post.as_f64();
    let urine = input.urine.map_or(0.0, Millilitres::as_f64);
    let unseen = input.energy.map_or(0.0, Kilocalories::as_f64) * NON_SWEAT_G_PER_KCAL;
    scales + input.fluid.as_f64() + input.food.as_f64() - urine - unseen
}

const NON_SWEAT_G_PER_KCAL: f64 = 0.20;

/// The share of the sweat that clothes hold: 8 % at 1.1 L, 16 % at 2.12 L, straight between.
fn trapped_fraction(apparent_ml: f64) -> f64 {
    (0.08 + 0.08 * (apparent_ml / 1_000.0 - 1.10) / 1.02).clamp(0.05, 0.18)
}

/// One weighing, a drink that was told, urine that was told, urine that was not.
const SCALE_SD_ML: f64 = 75.0;
const FLUID_SD_ML: f64 = 50.0;
const URINE_SD_ML: f64 = 50.0;
const URINE_UNKNOWN_SD_ML: f64 = 100.0;
/// Per hour, where breath and burnt mass were not taken off: about half of what they usually are.
const ENERGY_UNKNOWN_SD_ML_PER_H: f64 = 80.0;
/// Of the sweat, in clothes.
const CLOTHED_SD_FRACTION: f64 = 0.07;

fn sd_ml(input: &WeighIn, sweat_ml: f64) -> f64 {
    let fluid = if input.fluid.get() > 0 {
        FLUID_SD_ML
    } else {
        0.0
    };
    let urine = match input.urine {
        None => URINE_UNKNOWN_SD_ML,
        Some(urine) if urine.get() > 0 => URINE_SD_ML,
        Some(_) => 0.0,
    };
    let hours = input.duration.hours();
    let energy = if input.energy.is_some() {
        0.0
    } else {
        ENERGY_UNKNOWN_SD_ML_PER_H * hours
    };
    let clothes = if input.clothed {
        CLOTHED_SD_FRACTION * sweat_ml
    } else {
        0.0
    };
    let parts = [SCALE_SD_ML, SCALE_SD_ML, fluid, urine, energy, clothes];
    libm::sqrt(parts.iter().map(|part| part * part).sum())
}

/// Rule of thumb for trust in one test: 0.10 after an hour unclothed, 0.12 below that, 0.15 in
/// clothes. A short test is trusted no more than its scales allow.
fn trust(input: &WeighIn, relative_sd: f64, flags: &BTreeSet<LossFlag>) -> Option<LogSd> {
    if flags.contains(&LossFlag::Gain) {
        return None;
    }
    let usual = match (input.clothed, input.duration.get() >= 3_600) {
        (true, _) => 0.15,
        (false, true) => 0.10,
        (false, false) => 0.12,
    };
    let short = flags.contains(&LossFlag::Short);
    LogSd::from_natural(if short { relative_sd.max(usual) } else { usual })
}

fn is_plausible(input: &WeighIn, rate: SweatRate) -> bool {
    let [fluid, food] = [input.fluid.get(), input.food.get()];
    let urine = input.urine.map_or(0, Millilitres::get);
    RATE_PLAUSIBLE_ML_PER_H.contains(&rate.get())
        && mass_loss_permille(input).abs() <= MASS_LOSS_PERMILLE_MAX
        && input.duration.get() <= DURATION_S_MAX
        && fluid >= 0
        && food >= 0
        && urine >= 0
}

fn mass_loss_permille(input: &WeighIn) -> i64 {
    let change = input.mass_pre.get().saturating_sub(input.mass_post.get());
    // Away from zero, so that a change just above a limit is not taken for the limit.
    let scaled = change.saturating_mul(1_000);
    let whole = scaled.checked_div(input.mass_pre.get()).unwrap_or(0);
    let rest = scaled.checked_rem(input.mass_pre.get()).unwrap_or(0);
    whole.saturating_add(rest.signum())
}

fn rates(rate: SweatRate, sweat: f64, sd: f64, duration: Seconds) -> Interval<SweatRate> {
    let hours = duration.hours();
    let wide: Interval<SweatRate> = Interval::normal(sweat / hours, sd / hours);
    Interval::new(rate, wide.lo90(), wide.hi90())
}

fn above_zero(interval: Interval<Millilitres>) -> Interval<Millilitres> {
    interval.map(|volume| volume.max(Millilitres::ZERO))
}

#[cfg(test)]
mod tests;
