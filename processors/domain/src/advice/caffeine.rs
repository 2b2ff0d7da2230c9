//! Caffeine: off unless asked for, never for the young, never near bed time, never to make up for
//! lost sleep with a higher dose.

use crate::units::{BodyMass, Milligrams, Seconds, floor_to};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaffeineInput {
    pub mass: BodyMass,
    /// In years; an unknown age is treated as too young.
    pub age: Option<u32>,
    pub opted_in: bool,
    /// Pregnant, nursing, heart, anxiety, hypertension, caffeine-free or a competition rule.
    pub refused: bool,
    pub to_bed: Seconds,
    pub taken_today: Milligrams,
    pub short_sleep: bool,
    /// A key session, or an hour and more.
    pub worth_it: bool,
}

const ADULT_YEARS: u32 = 18;
const SINGLE_MG_MAX: f64 = 200.0;
const DAY_MG_MAX: f64 = 400.0;
const NEAR_BED_MG_MAX: f64 = 100.0;
const STEP_MG: i64 = 10;
const HOUR_S: i64 = 3_600;

/// The most to take an hour before the start; 0 is none.
pub fn caffeine(input: &CaffeineInput) -> Milligrams {
    let adult = input.age.is_some_and(|age| age >= ADULT_YEARS);
    if !adult || !input.opted_in || input.refused || !input.worth_it {
        return Milligrams::ZERO;
    }
    let mass = input.mass.kilograms();
    let left_today = DAY_MG_MAX - input.taken_today.as_f64();
    let dose = (3.0 * mass).min(SINGLE_MG_MAX).min(left_today);
    let before_bed = match input.to_bed.get() {
        bed if bed < 6 * HOUR_S => 0.0,
        bed if bed < 9 * HOUR_S => NEAR_BED_MG_MAX,
        _ => SINGLE_MG_MAX,
    };
    let tired = input.short_sleep && input.to_bed.get() < 9 * HOUR_S;
    let after_short_sleep = if tired { mass } else { SINGLE_MG_MAX };
    let allowed = dose.min(before_bed).min(after_short_sleep).max(0.0);
    Milligrams::clamped(floor_to(allowed, STEP_MG))
}

#[cfg(test)]
mod tests;
