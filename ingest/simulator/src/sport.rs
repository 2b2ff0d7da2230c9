//! The sports of the world: what each vendor calls them, how fast and how sweaty they are.
//!
//! Median sweat rates are the medians of the log-normals fitted to published means and deviations
//! (endurance 1.17, soccer 0.87 L/h); sports without such a table have a plain guess, which is
//! part of the world and claims nothing about anybody.

use crate::dice::Dice;

#[derive(Debug, PartialEq)]
pub(crate) struct Sport {
    pub(crate) name: &'static str,
    pub(crate) garmin: &'static str,
    /// What the watch takes it for before its owner corrects it.
    pub(crate) garmin_guess: &'static str,
    pub(crate) healthkit: &'static str,
    pub(crate) title: &'static str,
    pub(crate) indoor: bool,
    pub(crate) minutes: (f64, f64),
    /// Metres per second; none for sports without a distance.
    pub(crate) speed: Option<(f64, f64)>,
    pub(crate) kcal_per_kg_h: (f64, f64),
    pub(crate) sweat_l_per_h: f64,
    weight: u32,
}

macro_rules! sport {
    ($name:literal, $garmin:literal, $guess:literal, $healthkit:literal, $title:literal,
     $indoor:literal, $minutes:expr, $speed:expr, $kcal:expr, $sweat:literal, $weight:literal) => {
        Sport {
            name: $name,
            garmin: $garmin,
            garmin_guess: $guess,
            healthkit: concat!("HKWorkoutActivityType", $healthkit),
            title: $title,
            indoor: $indoor,
            minutes: $minutes,
            speed: $speed,
            kcal_per_kg_h: $kcal,
            sweat_l_per_h: $sweat,
            weight: $weight,
        }
    };
}

#[rustfmt::skip]
static OPEN_WATER: Sport = sport!("open_water", "OPEN_WATER_SWIMMING", "OPEN_WATER_SWIMMING",
    "Swimming", "Open water swim",
    false, (25.0, 75.0), Some((0.6, 1.2)), (6.0, 10.0), 0.34, 0);

#[rustfmt::skip]
static RUN: Sport = sport!("run", "RUNNING", "RUNNING", "Running", "Run",
    false, (25.0, 110.0), Some((2.4, 4.3)), (8.0, 13.0), 1.169, 34);

#[rustfmt::skip]
static SPORTS: [Sport; 10] = [
    sport!("trail_run", "TRAIL_RUNNING", "RUNNING", "Running", "Trail run",
        false, (40.0, 180.0), Some((1.9, 3.2)), (7.5, 11.0), 1.169, 8),
    sport!("treadmill", "TREADMILL_RUNNING", "TREADMILL_RUNNING", "Running", "Treadmill",
        true, (25.0, 70.0), Some((2.4, 4.0)), (8.0, 12.0), 1.169, 6),
    sport!("road_ride", "ROAD_BIKING", "CYCLING", "Cycling", "Ride",
        false, (40.0, 180.0), Some((6.0, 10.0)), (6.0, 11.0), 1.169, 18),
    sport!("gravel_ride", "GRAVEL_CYCLING", "CYCLING", "Cycling", "Gravel ride",
        false, (50.0, 180.0), Some((5.0, 8.0)), (6.0, 10.5), 1.169, 4),
    sport!("indoor_ride", "INDOOR_CYCLING", "INDOOR_CYCLING", "Cycling", "Indoor ride",
        true, (30.0, 100.0), Some((7.0, 10.0)), (6.5, 11.0), 1.169, 9),
    sport!("strength", "STRENGTH_TRAINING", "STRENGTH_TRAINING", "TraditionalStrengthTraining",
        "Strength", true, (30.0, 70.0), None, (3.5, 6.0), 0.75, 8),
    sport!("yoga", "YOGA", "YOGA", "Yoga", "Yoga",
        true, (25.0, 60.0), None, (2.0, 3.5), 0.4, 3),
    sport!("walk", "WALKING", "WALKING", "Walking", "Walk",
        false, (25.0, 90.0), Some((1.1, 1.7)), (3.0, 4.5), 0.55, 4),
    sport!("pool_swim", "LAP_SWIMMING", "LAP_SWIMMING", "Swimming", "Swim",
        true, (30.0, 75.0), Some((0.6, 1.2)), (6.0, 10.0), 0.34, 3),
    sport!("soccer", "SOCCER", "SOCCER", "Soccer", "Soccer",
        false, (60.0, 105.0), Some((1.4, 2.3)), (6.5, 10.0), 0.871, 3),
];

/// The sport of this name; running where there is none.
pub(crate) fn named(name: &str) -> &'static Sport {
    let all = SPORTS.iter().chain([&RUN, &OPEN_WATER]);
    all.into_iter()
        .find(|sport| sport.name == name)
        .unwrap_or(&RUN)
}

impl Sport {
    /// Which of the vendors' names mean nearly the same.
    pub(crate) fn family(&self) -> &'static str {
        match self.name {
            "run" | "trail_run" | "treadmill" => "run",
            "road_ride" | "gravel_ride" | "indoor_ride" => "ride",
            "pool_swim" | "open_water" => "swim",
            other => other,
        }
    }
}

/// A sport for somebody who prefers `favourite`.
pub(crate) fn choose(dice: &mut Dice, favourite: &'static Sport) -> &'static Sport {
    if dice.chance(0.5) {
        favourite
    } else {
        any(dice)
    }
}

pub(crate) fn any(dice: &mut Dice) -> &'static Sport {
    let total: u32 = RUN.weight + SPORTS.iter().map(|sport| sport.weight).sum::<u32>();
    let mut left = dice.whole(0, i64::from(total) - 1);
    for sport in &SPORTS {
        left -= i64::from(sport.weight);
        if left < 0 {
            return sport;
        }
    }
    &RUN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sport_comes_up_and_is_possible() {
        let mut dice = Dice::new(1, 1);
        let seen: std::collections::BTreeSet<_> = (0..5_000).map(|_| any(&mut dice).name).collect();
        assert_eq!(seen.len(), SPORTS.len() + 1);
        for sport in SPORTS.iter().chain([&RUN]) {
            assert!(
                sport.minutes.0 >= 25.0 && sport.minutes.1 <= 180.0,
                "{}",
                sport.name
            );
            assert!(sport.speed.is_none_or(|(low, high)| low < high));
        }
    }
}
