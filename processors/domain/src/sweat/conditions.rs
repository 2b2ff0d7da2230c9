//! The air a workout was done in, and how far a forecast may be trusted in it.
//!
//! ```text
//! σ² = (0.015 · °C to the nearest test)² + (0.10 in an untested family)² + (0.05 without humidity)²
//! ```
//!
//! It widens what is concluded from the athlete's own tests. What people lose in a sport was measured
//! in all kinds of weather and is as wide as that already. Weather changes widths and flags, never
//! whether there is a loss.

use super::LossFlag;
use crate::profile::Posterior;
use crate::sport::Family;
use crate::units::{AirTemperature, Humidity};

/// Whether the weather of a workout is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WeatherState {
    Known,
    /// It was asked for.
    Pending,
    /// Nobody could tell, or the place is unknown.
    Missing,
    /// Indoors.
    NotNeeded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    pub weather: WeatherState,
    pub air_temp: Option<AirTemperature>,
    pub humidity: Option<Humidity>,
    pub indoor: bool,
}

impl Conditions {
    pub const INDOOR: Self = Self {
        indoor: true,
        ..Self::without(WeatherState::NotNeeded)
    };
    pub const PENDING: Self = Self::without(WeatherState::Pending);
    pub const MISSING: Self = Self::without(WeatherState::Missing);

    /// Outdoors; a weather without a temperature is none.
    pub const fn outdoor(air_temp: Option<AirTemperature>, humidity: Option<Humidity>) -> Self {
        Self {
            air_temp,
            humidity,
            ..Self::without(WeatherState::Known)
        }
    }

    const fn without(weather: WeatherState) -> Self {
        Self {
            weather,
            air_temp: None,
            humidity: None,
            indoor: false,
        }
    }

    /// The state that the parts add up to.
    pub const fn state(&self) -> WeatherState {
        match (self.indoor, self.weather, self.air_temp) {
            (true, _, _) | (_, WeatherState::NotNeeded, _) => WeatherState::NotNeeded,
            (_, WeatherState::Known, None) => WeatherState::Missing,
            (_, state, _) => state,
        }
    }

    /// Of the air outdoors; `None` where it is unknown or does not matter.
    fn air(&self) -> Option<AirTemperature> {
        self.air_temp
            .filter(|_| self.state() == WeatherState::Known)
    }

    fn lacks_humidity(&self) -> bool {
        self.humidity.is_none() && self.air().is_some_and(|air| air.get() > WARM_DC)
    }

    /// What the reader of a forecast should know of the air.
    pub(super) fn flags(&self, posterior: &Posterior, family: Family) -> [(bool, LossFlag); 4] {
        let state = self.state();
        [
            (state == WeatherState::Pending, LossFlag::WeatherPending),
            (state == WeatherState::Missing, LossFlag::WeatherMissing),
            (self.lacks_humidity(), LossFlag::HumidityMissing),
            (
                self.is_outside(posterior, family),
                LossFlag::OutsideEnvelope,
            ),
        ]
    }

    fn is_outside(&self, posterior: &Posterior, family: Family) -> bool {
        let untested = posterior.tests() > 0 && !posterior.was_tested_in(family);
        let Some(air) = self.air() else {
            return untested;
        };
        let muggy = air.get() > MUGGY_DC
            && self
                .humidity
                .is_some_and(|humidity| humidity.get() > MUGGY_PCT);
        let far = match posterior.distance_to_tested(air) {
            Some(distance) => distance > FAR_DC,
            None => !MEASURED_DC.contains(&air.get()),
        };
        untested || muggy || far
    }

    /// The variance that a forecast from the athlete's own tests gains here.
    pub(super) fn log_variance(&self, posterior: &Posterior, family: Family) -> f64 {
        let untested = if posterior.was_tested_in(family) {
            0.0
        } else {
            OTHER_FAMILY_LOG_SD
        };
        let air = match (self.state(), self.air()) {
            (WeatherState::NotNeeded, _) => 0.0,
            (_, Some(air)) => posterior
                .distance_to_tested(air)
                .map_or(AIR_UNKNOWN_LOG_SD, |tenths| {
                    LOG_SD_PER_DEGREE * tenths as f64 / 10.0
                }),
            (_, None) => AIR_UNKNOWN_LOG_SD,
        };
        let humidity = if self.lacks_humidity() {
            HUMIDITY_UNKNOWN_LOG_SD
        } else {
            0.0
        };
        untested * untested + air * air + humidity * humidity
    }
}

/// A family of sports in which the athlete was never tested.
const OTHER_FAMILY_LOG_SD: f64 = 0.10;
const LOG_SD_PER_DEGREE: f64 = 0.015;
const HUMIDITY_UNKNOWN_LOG_SD: f64 = 0.05;
/// Two days on which a person trains outdoors differ by some 8 °C (a guess at the spread over one
/// year in a temperate place): 8 × 0.015. It holds wherever the distance between the air of the
/// workout and that of the tests is unknown.
const AIR_UNKNOWN_LOG_SD: f64 = 0.12;
/// Above it humidity decides how much sweat drips.
const WARM_DC: i64 = 150;
/// Farther from every test than this another test would be wise.
const FAR_DC: i64 = 50;
/// The athletes of the population were measured at 15 °C to 46 °C.
const MEASURED_DC: std::ops::RangeInclusive<i64> = 150..=460;
const MUGGY_DC: i64 = 280;
const MUGGY_PCT: i64 = 75;

#[cfg(test)]
mod tests;
