//! What a request is about: a cell, an hour, and who asked.

use schemas::record::loss::WeatherRequested;

use crate::port::AthleteRef;

pub(super) const HOUR_S: i64 = 3_600;
pub(super) const DAY_S: i64 = 86_400;

/// Whole tenths of a degree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cell {
    pub(super) lat_dd: i32,
    pub(super) lon_dd: i32,
}

impl Cell {
    const LAT_DD_MAX: f64 = 900.0;
    const LON_DD_MAX: f64 = 1_800.0;

    fn of_degrees(lat: f64, lon: f64) -> Option<Self> {
        let (lat_dd, lon_dd) = ((lat * 10.0).round(), (lon * 10.0).round());
        let is_on_earth = lat_dd.abs() <= Self::LAT_DD_MAX && lon_dd.abs() <= Self::LON_DD_MAX;
        // Rounded, and far inside of the type.
        is_on_earth.then_some(Self {
            lat_dd: lat_dd as i32,
            lon_dd: lon_dd as i32,
        })
    }
}

/// Weather is known by the cell and the hour. Cells first: calls are made for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) cell: Cell,
    /// Start of the hour in Unix seconds.
    pub(super) hour_s: i64,
}

/// One request, and what its answer repeats.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Request {
    pub(super) place: Place,
    pub(super) athlete: AthleteRef,
    pub(super) attempt: i32,
}

impl Request {
    /// `None` for a place that does not exist: a rule that asks for it is broken, and no answer
    /// could be read by it.
    pub(super) fn of(asked: &WeatherRequested) -> Option<Self> {
        let hour_s = asked.hour.0.div_euclid(1_000_000);
        let is_an_hour = asked.hour.0.rem_euclid(HOUR_S.saturating_mul(1_000_000)) == 0;
        let cell = Cell::of_degrees(asked.lat_cell, asked.lon_cell)?;
        is_an_hour.then(|| Self {
            place: Place { cell, hour_s },
            athlete: AthleteRef::new(&asked.tenant_id, &asked.athlete_id),
            attempt: asked.attempt,
        })
    }
}

/// Which of the two services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Model {
    Forecast,
    Archive,
}

impl Model {
    /// The archive opens once the hour is old enough; until then the forecast, which also looks
    /// back, is all there is.
    pub(super) fn of_hour(hour_s: i64, now_s: i64, archive_after_days: u32) -> Self {
        let archive_after_s = i64::from(archive_after_days).saturating_mul(DAY_S);
        if now_s.saturating_sub(hour_s) >= archive_after_s {
            Self::Archive
        } else {
            Self::Forecast
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Forecast => "forecast",
            Self::Archive => "archive",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_whole_tenths_of_a_degree_on_earth() {
        for (lat, lon, cell) in [
            (52.5, 13.4, Some((525, 134))),
            (52.499_999_999, -0.100_000_001, Some((525, -1))),
            (-0.04, 0.04, Some((0, 0))),
            (-90.0, 180.0, Some((-900, 1800))),
            (90.1, 0.0, None),
            (0.0, -180.1, None),
            (f64::NAN, 0.0, None),
            (f64::INFINITY, 0.0, None),
        ] {
            let found = Cell::of_degrees(lat, lon).map(|cell| (cell.lat_dd, cell.lon_dd));
            assert_eq!(found, cell, "{lat} {lon}");
        }
    }

    #[test]
    fn the_archive_opens_when_the_hour_is_old_enough() {
        let now_s = 100 * DAY_S;
        for (hour_s, days, model) in [
            (now_s - 5 * DAY_S, 5, Model::Archive),
            (now_s - 5 * DAY_S + 1, 5, Model::Forecast),
            (now_s + DAY_S, 5, Model::Forecast),
            (now_s, 0, Model::Archive),
        ] {
            assert_eq!(
                Model::of_hour(hour_s, now_s, days),
                model,
                "{hour_s} {days}"
            );
        }
    }
}
