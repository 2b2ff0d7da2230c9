//! When to take how much: a need, cut into portions that add up to it exactly.

use super::{FLUID_STEP_ML, FOOD_STEP_DG, Needs, SODIUM_STEP_MG};
use crate::units::{Decigrams, Milligrams, Millilitres, Seconds};

/// `after` counts from the reference point of the advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portion {
    pub after: Seconds,
    pub fluid: Millilitres,
    pub carbohydrate: Decigrams,
    pub protein: Decigrams,
    pub sodium: Milligrams,
}

/// How needs are spread over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// All at once.
    Once,
    /// Equal parts each quarter of an hour; the first after 15 minutes.
    EveryQuarter { duration: Seconds },
    /// The first part at once, then equal parts. Food is taken with the first part, but
    /// carbohydrate over `eating` where that is longer than nothing.
    Spread { window: Seconds, eating: Seconds },
}

/// A day of quarters of an hour; longer plans get larger portions, not more of them.
const PORTIONS_MAX: i64 = 96;
const QUARTER_S: i64 = 900;
const HALF_HOUR_S: i64 = 1_800;
const HOUR_S: i64 = 3_600;
/// Up to here a window is cut into half hours, then into hours.
const SHORT_WINDOW_S: i64 = 3 * HOUR_S;

impl Timing {
    pub fn window(self) -> Seconds {
        match self {
            Self::Once => Seconds::ZERO,
            Self::EveryQuarter { duration } => duration,
            Self::Spread { window, .. } => window,
        }
    }

    /// First offset, distance and number of portions.
    fn steps(self) -> (i64, i64, i64) {
        match self {
            Self::Once => (0, 0, 1),
            Self::EveryQuarter { duration } => {
                let count = (duration.get() / QUARTER_S).clamp(1, PORTIONS_MAX);
                (QUARTER_S, QUARTER_S, count)
            }
            Self::Spread { window, .. } => {
                let short = window.get() <= SHORT_WINDOW_S;
                let step = if short { HALF_HOUR_S } else { HOUR_S };
                let count = (window.get().checked_div(step).unwrap_or(1)).clamp(1, PORTIONS_MAX);
                (0, step, count)
            }
        }
    }
}

/// The portions; those with nothing in them are left out.
pub(crate) fn portions(needs: &Needs, timing: Timing) -> Vec<Portion> {
    let (first, step, count) = timing.steps();
    let eating = match timing {
        Timing::Once => 1,
        Timing::EveryQuarter { .. } => count,
        Timing::Spread { eating, .. } => {
            (eating.get().checked_div(step).unwrap_or(1)).clamp(1, count)
        }
    };
    let target = |need: Option<i64>| need.unwrap_or(0);
    let fluid = target(needs.fluid.map(|need| need.target.get()));
    let sodium = target(needs.sodium.map(|need| need.target.get()));
    let carbohydrate = target(needs.carbohydrate.map(|need| need.target.get()));
    let protein = target(needs.protein.map(|need| need.target.get()));
    (0..count)
        .map(|index| Portion {
            after: Seconds::clamped(first.saturating_add(step.saturating_mul(index))),
            fluid: Millilitres::clamped(part(fluid, index, count, FLUID_STEP_ML)),
            carbohydrate: Decigrams::clamped(part(carbohydrate, index, eating, FOOD_STEP_DG)),
            protein: Decigrams::clamped(part(protein, index, 1, FOOD_STEP_DG)),
            sodium: Milligrams::clamped(part(sodium, index, count, SODIUM_STEP_MG)),
        })
        .filter(|portion| !portion.is_empty())
        .collect()
}

impl Portion {
    fn is_empty(&self) -> bool {
        let numbers = [
            self.fluid.get(),
            self.carbohydrate.get(),
            self.protein.get(),
            self.sodium.get(),
        ];
        numbers == [0; 4]
    }
}

/// Part `index` of `count`: the difference of two rounded running totals, so that all parts are
/// whole steps, differ by one step at most, and add up to `total`.
fn part(total: i64, index: i64, count: i64, step: i64) -> i64 {
    if index >= count {
        return 0;
    }
    let running = |parts: i64| {
        if parts == count {
            return total;
        }
        let exact = total.saturating_mul(parts).checked_div(count).unwrap_or(0);
        exact.saturating_sub(exact.checked_rem(step).unwrap_or(0))
    };
    running(index.saturating_add(1)).saturating_sub(running(index))
}
