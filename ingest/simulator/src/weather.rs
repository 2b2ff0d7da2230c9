//! The weather of the world: a pure function of the cell and the hour, which the true sweat of a
//! session and the fake weather service both read.
//!
//! It is a likeness, not a climate: a year and a day swing around a mean that falls with latitude,
//! and fronts of some days pass over each cell. What matters is that it is the same for everybody
//! who asks, and that a forecast is close to what is measured later without being equal to it.

use std::f64::consts::TAU;

use crate::time::{DAY, HOUR};

/// Percentages, metres per second and watts are told in the service's own steps: one decimal for
/// temperature and wind, whole numbers for the rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weather {
    pub temperature_c: f64,
    pub humidity_pct: f64,
    pub wind_m_s: f64,
    pub solar_w_m2: f64,
}

/// A place and an hour for which somebody needs the weather: whole tenths of a degree, and the
/// start of the hour in Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    pub lat_dd: i32,
    pub lon_dd: i32,
    pub hour: i64,
}

impl Cell {
    /// The cell and hour that hold a place and an instant (Unix seconds).
    pub fn around(latitude: f64, longitude: f64, at: i64) -> Self {
        Self {
            lat_dd: (latitude * 10.0).round() as i32,
            lon_dd: (longitude * 10.0).round() as i32,
            hour: at.div_euclid(HOUR) * HOUR,
        }
    }

    fn latitude(self) -> f64 {
        f64::from(self.lat_dd) / 10.0
    }

    /// Uniform in `[-1, 1)`, by place and a number that means something to the caller.
    fn noise(self, salt: u64, number: i64) -> f64 {
        let place =
            (u64::from(self.lat_dd.cast_unsigned()) << 32) | u64::from(self.lon_dd.cast_unsigned());
        let mixed = mix(place ^ mix(salt) ^ mix(number.cast_unsigned().wrapping_add(salt)));
        (mixed >> 11) as f64 * (2.0 / (1_u64 << 53) as f64) - 1.0
    }

    /// Noise that changes over days, not at midnight.
    fn front(self, salt: u64) -> f64 {
        let day = self.hour.div_euclid(DAY);
        let share = self.hour.rem_euclid(DAY) as f64 / DAY as f64;
        self.noise(salt, day) * (1.0 - share) + self.noise(salt, day + 1) * share
    }
}

/// What is measured in the cell during the hour.
pub fn weather_at(cell: Cell) -> Weather {
    let latitude = cell.latitude();
    let north = if latitude < 0.0 { -1.0 } else { 1.0 };
    let days = cell.hour as f64 / DAY as f64;
    // The year is warmest around 20 July in the north.
    let season = north * libm::cos(TAU * (days - 200.0) / 365.2425);
    let clock = days.fract() * 24.0 + f64::from(cell.lon_dd) / 150.0;
    let afternoon = libm::cos(TAU * (clock - 15.0) / 24.0);
    let away = latitude.abs();
    let front = cell.front(1);
    let temperature = 27.0 - 0.33 * away
        + 0.2 * away * season
        + 4.5 * afternoon
        + 5.0 * front
        + 0.4 * cell.noise(2, cell.hour);
    let sun = sun_height(latitude, days, clock);
    let clear = 0.65 + 0.35 * cell.front(3);
    Weather {
        temperature_c: temperature,
        humidity_pct: 66.0 - 14.0 * afternoon - 12.0 * front + 5.0 * cell.noise(4, cell.hour),
        wind_m_s: 3.0 + 1.6 * cell.front(5) + 0.8 * cell.noise(6, cell.hour),
        solar_w_m2: 1_000.0 * sun.max(0.0) * clear,
    }
    .told()
}

/// What was forecast for it.
pub fn forecast_at(cell: Cell) -> Weather {
    let real = weather_at(cell);
    Weather {
        temperature_c: real.temperature_c + 0.8 * cell.noise(7, cell.hour),
        humidity_pct: real.humidity_pct + 4.0 * cell.noise(8, cell.hour),
        wind_m_s: real.wind_m_s + 0.6 * cell.noise(9, cell.hour),
        solar_w_m2: real.solar_w_m2 * (1.0 + 0.1 * cell.noise(10, cell.hour)),
    }
    .told()
}

impl Weather {
    fn told(self) -> Self {
        let tenth = |value: f64| (value * 10.0).round() / 10.0;
        Self {
            temperature_c: tenth(self.temperature_c),
            humidity_pct: self.humidity_pct.round().clamp(12.0, 100.0),
            wind_m_s: tenth(self.wind_m_s.clamp(0.2, 20.0)),
            solar_w_m2: self.solar_w_m2.round().clamp(0.0, 1_100.0),
        }
    }
}

/// Sine of the sun's height over the horizon.
fn sun_height(latitude: f64, days: f64, clock: f64) -> f64 {
    let tilt = 0.409 * libm::cos(TAU * (days - 172.0) / 365.2425);
    let latitude = latitude.to_radians();
    let turn = libm::cos(TAU * (clock - 12.0) / 24.0);
    libm::sin(latitude) * libm::sin(tilt) + libm::cos(latitude) * libm::cos(tilt) * turn
}

/// SplitMix64's finaliser: neighbouring numbers come out unlike each other.
pub(crate) fn mix(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-15T12:00Z and 2026-07-15T12:00Z.
    const JANUARY: i64 = 1_768_478_400;
    const JULY: i64 = 1_784_116_800;

    fn mean(latitude: f64, longitude: f64, from: i64, what: impl Fn(Weather) -> f64) -> f64 {
        let hours = (0..24 * 20).map(|hour| {
            what(weather_at(Cell::around(
                latitude,
                longitude,
                from + hour * HOUR,
            )))
        });
        hours.sum::<f64>() / (24.0 * 20.0)
    }

    #[test]
    fn places_and_instants_fall_into_tenths_of_a_degree_and_whole_hours() {
        let cases = [
            ((52.5, 13.4, JULY + 1_799), (525, 134, JULY)),
            ((-33.86, 151.21, JULY - 1), (-339, 1_512, JULY - HOUR)),
            ((51.5, -0.1, -1), (515, -1, -HOUR)),
        ];
        for ((latitude, longitude, at), (lat_dd, lon_dd, hour)) in cases {
            let cell = Cell::around(latitude, longitude, at);
            assert_eq!(
                (cell.lat_dd, cell.lon_dd, cell.hour),
                (lat_dd, lon_dd, hour)
            );
        }
    }

    #[test]
    fn summers_are_warm_where_they_are_summers() {
        let temperature = |latitude, longitude, from| {
            mean(latitude, longitude, from, |weather| weather.temperature_c)
        };
        assert!(temperature(52.5, 13.4, JULY) > temperature(52.5, 13.4, JANUARY) + 12.0);
        assert!(temperature(-33.9, 151.2, JANUARY) > temperature(-33.9, 151.2, JULY) + 8.0);
        let tropics = temperature(4.7, -74.1, JULY) - temperature(4.7, -74.1, JANUARY);
        assert!(tropics.abs() < 5.0, "{tropics}");
    }

    #[test]
    fn days_are_warmer_and_brighter_than_nights_on_the_local_clock() {
        // Tokyo's afternoon is the night of Greenwich.
        let at = |hour| weather_at(Cell::around(35.7, 139.7, JULY + hour * HOUR));
        let (afternoon, night) = (at(18), at(7));
        assert!(
            afternoon.temperature_c > night.temperature_c + 3.0,
            "{afternoon:?} {night:?}"
        );
        assert!(afternoon.solar_w_m2 > 100.0 && night.solar_w_m2 == 0.0);
    }

    #[test]
    fn forecasts_are_close_to_what_comes_and_seldom_equal() {
        let mut equal = 0;
        for hour in 0..500 {
            let cell = Cell::around(40.7, -74.0, JULY + hour * HOUR);
            let (real, told) = (weather_at(cell), forecast_at(cell));
            assert!((real.temperature_c - told.temperature_c).abs() < 1.0);
            assert!((12.0..=100.0).contains(&told.humidity_pct) && told.wind_m_s >= 0.2);
            equal += u32::from(real.temperature_c == told.temperature_c);
        }
        assert!(equal < 60, "{equal}");
    }
}
