//! After a workout: more than what is missing, because some of it passes through, with the sodium
//! that keeps it in, spread so that nobody has to gulp.

use std::collections::BTreeSet;

use super::need::{Need, Needs, fluid_ml, fluid_ml_below, food_dg, sodium_mg};
use super::{Draft, GapBounds, GapClass, Intensity, NeedFlag, Reason, Timing};
use crate::units::{BodyMass, Decigrams, DrinkRate, Milligrams, Millilitres, Seconds};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AfterInput {
    pub mass: BodyMass,
    /// Of the workout that ended.
    pub duration: Seconds,
    pub intensity: Intensity,
    /// Mass before less mass after where weighed, otherwise what was missing at the start and
    /// sweated, less what was drunk; below zero after a gain.
    pub deficit: Millilitres,
    pub sodium_lost: Milligrams,
    pub sodium_taken: Milligrams,
    pub next: Option<NextWorkout>,
    /// From the end of the workout; `None` where no bed time is known.
    pub to_bed: Option<Seconds>,
    pub cap: DrinkRate,
    pub bounds: GapBounds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextWorkout {
    /// From the end of this workout to the start of that.
    pub gap: Seconds,
    /// What would be drunk before that; folded in where the gap is rapid.
    pub fluid_before: Option<Millilitres>,
}

pub fn after(input: &AfterInput) -> Draft {
    let window = window(input);
    let deficit = input.deficit.as_f64();
    let wanted = wanted_ml(input);
    let ceiling = input.cap.as_f64() * window.hours();
    let capped = wanted > ceiling;
    let fluid = if capped {
        fluid_ml_below(ceiling)
    } else {
        fluid_ml(wanted)
    };
    let missing = input.sodium_lost.as_f64() - input.sodium_taken.as_f64();
    let sodium = missing.min(SODIUM_MG_PER_ML * fluid as f64);
    let carbohydrate = food_dg(carbohydrate_g(input));
    let protein = food_dg((0.3 * input.mass.kilograms()).clamp(20.0, 40.0));
    let eating = if gap(input) < EATING_GAP {
        EATING
    } else {
        Seconds::ZERO
    };

    let flags = [
        (capped, NeedFlag::CappedByRate),
        (deficit <= 0.0, NeedFlag::NoDeficit),
        (
            deficit <= -MASS_GAIN_FRACTION * input.mass.as_f64(),
            NeedFlag::MassGain,
        ),
    ];
    Draft {
        needs: Needs {
            fluid: Some(Need::up_to(fluid)),
            carbohydrate: Some(Need::around(carbohydrate)),
            protein: Some(Need::<Decigrams>::around(protein)),
            // Never above what was lost (safety rule S9).
            sodium: Some(Need::up_to(sodium_mg(sodium))),
            carry_over: Some(Millilitres::clamped(if capped {
                fluid_ml(wanted).saturating_sub(fluid)
            } else {
                0
            })),
            ..Needs::default()
        },
        flags: flags
            .into_iter()
            .filter(|flag| flag.0)
            .map(|flag| flag.1)
            .collect::<BTreeSet<_>>(),
        reasons: reasons(input, capped, carbohydrate),
        timing: Timing::Spread { window, eating },
    }
}

/// No longer than this, whatever time there is.
const WINDOW_S_MAX: i64 = 6 * 3_600;
/// Sodium for each mL that is drunk, 52 mmol/L.
const SODIUM_MG_PER_ML: f64 = 1.2;
const MASS_GAIN_FRACTION: f64 = 0.005;
/// A next start before this asks for quick and full replacement.
const QUICK_GAP: Seconds = Seconds::clamped(12 * 3_600);
const DAY: Seconds = Seconds::clamped(24 * 3_600);
/// A next start before this asks for carbohydrate each hour, for at most this long.
const EATING_GAP: Seconds = Seconds::clamped(8 * 3_600);
const EATING: Seconds = Seconds::clamped(4 * 3_600);
/// A deficit below this share of the body mass is made good by usual meals, with a day's rest.
const MEALS_FRACTION: f64 = 0.05;

/// Without a next workout the gap has no end.
fn gap(input: &AfterInput) -> Seconds {
    input.next.map_or(Seconds::MAX, |next| next.gap)
}

fn window(input: &AfterInput) -> Seconds {
    let next = gap(input).get().saturating_sub(1_800);
    let bed = input
        .to_bed
        .map_or(i64::MAX, |bed| bed.get().saturating_sub(3_600));
    Seconds::clamped(WINDOW_S_MAX.min(next).min(bed).max(0))
}

fn multiple(input: &AfterInput) -> f64 {
    if gap(input) < QUICK_GAP { 1.5 } else { 1.25 }
}

fn wanted_ml(input: &AfterInput) -> f64 {
    let replaced = (multiple(input) * input.deficit.as_f64()).max(0.0);
    let folded = input.next.and_then(|next| {
        let rapid = GapClass::of(next.gap, &input.bounds) == GapClass::Rapid;
        next.fluid_before.filter(|_| rapid)
    });
    replaced.max(folded.map_or(0.0, Millilitres::as_f64))
}

fn carbohydrate_g(input: &AfterInput) -> f64 {
    let hours = gap(input).hours();
    let mass = input.mass.kilograms();
    if hours < 4.0 {
        return 1.2 * mass * (hours - 0.5).clamp(0.0, 4.0);
    }
    if hours < 8.0 {
        return mass * 4.0;
    }
    let hard = input.duration.get() >= 3_600 || input.intensity == Intensity::High;
    if hard { mass } else { 0.0 }
}

fn reasons(input: &AfterInput, capped: bool, carbohydrate_dg: i64) -> Vec<Reason> {
    let deficit = ("deficit_g", input.deficit.get());
    let mut reasons = Vec::new();
    if input.deficit.get() <= 0 {
        reasons.push(Reason::new("NO_DEFICIT", [deficit], &[]));
    } else if gap(input) < QUICK_GAP {
        reasons.push(Reason::new(
            "POST_150PCT",
            [deficit],
            &["acsm2007", "dge2020"],
        ));
    } else {
        reasons.push(Reason::new("POST_125PCT", [deficit], &["and2016"]));
    }
    if let Some(next) = input.next {
        let class = GapClass::of(next.gap, &input.bounds);
        reasons.push(Reason::new(
            class.reason_code(),
            [("gap_s", next.gap.get())],
            &[],
        ));
    }
    if capped {
        reasons.push(Reason::new(
            "POST_CAP",
            [("ml_per_h", input.cap.get())],
            &["eah2015"],
        ));
    }
    if carbohydrate_dg > 0 {
        let amount = ("carbohydrate_dg", carbohydrate_dg);
        reasons.push(Reason::new("POST_CARBOHYDRATE", [amount], &["issn2017"]));
    }
    reasons.push(Reason::new("POST_PROTEIN", [], &["issn2017"]));
    let rested = gap(input) >= DAY;
    if rested && input.deficit.as_f64() < MEALS_FRACTION * input.mass.as_f64() {
        reasons.push(Reason::new("WITH_NORMAL_MEALS", [], &["dge2020"]));
    }
    reasons
}

#[cfg(test)]
mod tests;
