//! Before a workout: a slow drink early enough to be passed, and fuel for what is long or hard.

use std::collections::BTreeSet;

use super::need::{Need, Needs, fluid_ml, food_dg};
use super::{Draft, Intensity, Reason, Timing};
use crate::units::{BodyMass, Permille, Seconds};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BeforeInput {
    pub mass: BodyMass,
    /// Of the workout to come.
    pub duration: Seconds,
    pub intensity: Intensity,
    /// From now to the start; below zero it has begun, and nothing is taken before it.
    pub lead: Seconds,
    /// Dark urine, or none since waking.
    pub dark_urine: bool,
    /// The amounts are for competition; ordinary training may take half.
    pub carbohydrate_scale: Permille,
}

pub fn before(input: &BeforeInput) -> Draft {
    let (target, lo, hi) = fluid_band_ml(input);
    let fluid = Need::banded(fluid_ml(target), fluid_ml(lo), fluid_ml(hi));
    let carbohydrate = food_dg(carbohydrate_g(input) * input.carbohydrate_scale.fraction());
    let params = [("lead_s", input.lead.get()), ("fluid_ml", fluid_ml(target))];
    Draft {
        needs: Needs {
            fluid: Some(fluid),
            carbohydrate: Some(Need::around(carbohydrate)),
            protein: Some(Need::around(0)),
            ..Needs::default()
        },
        flags: BTreeSet::new(),
        reasons: vec![Reason::new("PRE_FLUID", params, &["acsm2007"])],
        timing: Timing::Once,
    }
}

const HALF_HOUR_S: i64 = 1_800;
const HOUR_S: i64 = 3_600;

/// Target, low and high.
fn fluid_band_ml(input: &BeforeInput) -> (f64, f64, f64) {
    let mass = input.mass.kilograms();
    let lead = input.lead.get();
    if lead < 0 {
        (0.0, 0.0, 0.0)
    } else if lead < HALF_HOUR_S {
        (200.0, 0.0, 300.0)
    } else if lead < 2 * HOUR_S {
        (4.0 * mass, 3.0 * mass, 5.0 * mass)
    } else {
        let per_kg: f64 = if input.dark_urine { 6.0 + 4.0 } else { 6.0 };
        (per_kg.min(10.0) * mass, 5.0 * mass, 10.0 * mass)
    }
}

fn carbohydrate_g(input: &BeforeInput) -> f64 {
    let worth_it = input.duration.get() >= HOUR_S || input.intensity == Intensity::High;
    if !worth_it || input.lead.get() < 0 {
        0.0
    } else if input.lead.get() < HOUR_S {
        30.0
    } else {
        input.lead.hours().clamp(1.0, 4.0) * input.mass.kilograms()
    }
}

#[cfg(test)]
mod tests;
