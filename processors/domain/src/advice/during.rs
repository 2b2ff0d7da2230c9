//! During a workout: enough that less than 2 % of the body mass is lost, never more than is sweated
//! and never faster than a gut takes. Every amount is an upper bound: less if not thirsty.

use std::collections::BTreeSet;

use super::need::{Need, Needs, fluid_ml, fluid_ml_below, food_dg, sodium_mg};
use super::{Draft, FLUID_STEP_ML, Intensity, NeedFlag, Reason, Timing};
use crate::units::{
    BodyMass, DrinkRate, Millilitres, SODIUM_MG_PER_MMOL, Seconds, SodiumConcentration, SweatRate,
    half_up,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DuringInput {
    pub mass: BodyMass,
    pub duration: Seconds,
    pub rate: SweatRate,
    pub sodium: SodiumConcentration,
    pub intensity: Intensity,
    /// What is still missing from an earlier workout; a surplus counts as nothing missing.
    pub start_deficit: Millilitres,
    pub cap: DrinkRate,
    /// Used to much carbohydrate, from glucose and fructose together.
    pub gut_trained: bool,
    /// A workout shortly before that counts as one with this, for the carbohydrate band.
    pub merged_before: Seconds,
}

pub fn during(input: &DuringInput) -> Draft {
    let hours = input.duration.hours().max(0.0);
    let drink = drink_ml_per_h(input, hours);
    let lost = input.rate.as_f64() * hours;
    let deficit = start_deficit_ml(input) + lost - drink * hours;
    let carbohydrate = carbohydrate_g_per_h(input);
    let sodium = sodium_mg_per_h(input, drink, hours);

    let mut flags = BTreeSet::new();
    if deficit > DEFICIT_FRACTION_MAX * input.mass.as_f64() + DUST {
        flags.insert(NeedFlag::DeficitGt2Pct);
    }
    let fluid = fluid_ml(drink * hours).min(fluid_ml_below(lost.max(0.0)));
    let per_hour = DrinkRate::clamped(half_up(drink, FLUID_STEP_ML)).min(input.cap);
    Draft {
        needs: Needs {
            fluid: Some(Need::up_to(fluid)),
            fluid_per_hour: Some(per_hour),
            carbohydrate: Some(Need::around(food_dg(carbohydrate * hours))),
            protein: Some(Need::around(0)),
            sodium: Some(Need::around(sodium_mg(sodium * hours))),
            ..Needs::default()
        },
        flags,
        reasons: reasons(input, drink, carbohydrate, sodium),
        timing: Timing::EveryQuarter {
            duration: input.duration.max(Seconds::ZERO),
        },
    }
}

/// 15.3 mL/kg/h for moderate work, a quarter less or more for low or high, between 0.3 and 2.0 L/h:
/// for where nothing else is known of the sweat rate.
pub fn usual_sweat_rate(mass: BodyMass, intensity: Intensity) -> SweatRate {
    let factor = match intensity {
        Intensity::Low => 0.75,
        Intensity::Moderate => 1.0,
        Intensity::High => 1.25,
    };
    SweatRate::near((15.3 * mass.kilograms() * factor).clamp(300.0, 2_000.0))
}

/// Below this nobody needs a plan to drink.
const NO_PLAN_S: i64 = 40 * 60;
const DEFICIT_FRACTION_MAX: f64 = 0.02;
/// Free drinking replaces about two thirds of what is sweated.
const FREE_DRINKING: f64 = 0.7;
/// Binary dust of decimal fractions, in mL.
const DUST: f64 = 1e-6;

fn start_deficit_ml(input: &DuringInput) -> f64 {
    input.start_deficit.as_f64().max(0.0)
}

fn drink_ml_per_h(input: &DuringInput, hours: f64) -> f64 {
    // What is merged with the one before goes on with its drinking.
    let all = input
        .duration
        .get()
        .saturating_add(input.merged_before.get());
    if input.duration.get() <= 0 || all < NO_PLAN_S {
        return 0.0;
    }
    let rate = input.rate.as_f64();
    let allowed = DEFICIT_FRACTION_MAX * input.mass.as_f64();
    let to_stay_above = ((start_deficit_ml(input) + rate * hours - allowed) / hours).max(0.0);
    to_stay_above
        .max(FREE_DRINKING * rate)
        .min(rate)
        .min(input.cap.as_f64())
}

fn carbohydrate_g_per_h(input: &DuringInput) -> f64 {
    let minutes = input
        .duration
        .get()
        .saturating_add(input.merged_before.get().max(0))
        / 60;
    let high = input.intensity == Intensity::High;
    match minutes {
        ..45 => 0.0,
        45..75 => f64::from(u8::from(high)) * 15.0,
        _ if minutes <= 150 => match input.intensity {
            Intensity::Low => 30.0,
            Intensity::Moderate => 45.0,
            Intensity::High => 60.0,
        },
        _ => match input.intensity {
            Intensity::Low => 45.0,
            Intensity::Moderate => 60.0,
            Intensity::High if input.gut_trained => 90.0,
            Intensity::High => 60.0,
        },
    }
}

fn sodium_mg_per_h(input: &DuringInput, drink_ml_per_h: f64, hours: f64) -> f64 {
    if hours < 1.0 {
        return 0.0;
    }
    let salty = hours > 2.0 || input.rate.get() > 1_200 || input.sodium.get() > 600;
    let (mg_per_l, top) = if salty {
        (700.0, 1_000.0)
    } else {
        (500.0, 600.0)
    };
    let lost = input.rate.as_f64() / 1_000.0 * input.sodium.mmol_per_l() * SODIUM_MG_PER_MMOL;
    (drink_ml_per_h / 1_000.0 * mg_per_l)
        .max(SODIUM_MG_PER_H_MIN)
        .min(top)
        .min(lost)
}

const SODIUM_MG_PER_H_MIN: f64 = 300.0;

fn reasons(input: &DuringInput, drink: f64, carbohydrate: f64, sodium: f64) -> Vec<Reason> {
    let sweat = ("sweat_rate_ml_per_h", input.rate.get());
    if drink <= 0.0 {
        let minutes = input.duration.get() / 60;
        return vec![Reason::new(
            "DURING_THIRST_ONLY",
            [("duration_min", minutes)],
            &["dge2020"],
        )];
    }
    let rate = half_up(drink, 1);
    let mut reasons = vec![Reason::new(
        "DURING_RATE",
        [("ml_per_h", rate), sweat],
        &["acsm2007", "nata2017"],
    )];
    if input.start_deficit.get() > 0 {
        let deficit = ("deficit_g", input.start_deficit.get());
        reasons.push(Reason::new(
            "DURING_START_DEFICIT",
            [deficit],
            &["acsm2007"],
        ));
    }
    if rate >= input.cap.get() {
        reasons.push(Reason::new(
            "DURING_CAP",
            [("ml_per_h", input.cap.get())],
            &["eah2015"],
        ));
    }
    if carbohydrate > 0.0 {
        let rate = ("g_per_h", half_up(carbohydrate, 1));
        reasons.push(Reason::new(
            "DURING_CARBOHYDRATE",
            [rate],
            &["ais", "issn2017"],
        ));
    }
    if sodium > 0.0 {
        let rate = ("mg_per_h", half_up(sodium, 1));
        reasons.push(Reason::new("DURING_SODIUM", [rate], &["acsm2007"]));
    }
    reasons
}
