//! From open places to few calls. Pure.
//!
//! A call names cells and one range of days for all of them. Its cost is its cells, as long as the
//! range stays within two weeks; so ranges lie within fixed fortnights, and everything that falls
//! into one shares calls. A range that moved with what is open would now and then save a call, and
//! would make what is asked depend on what came first.

use std::collections::{BTreeMap, BTreeSet};

use super::place::{Cell, DAY_S, Model, Place};

/// Beyond it, the days cost extra.
pub(super) const DAYS_MAX: i64 = 14;

/// The service takes 1,000; a URL of a hundred stays below 2 KiB.
pub(super) const CELLS_MAX: usize = 100;

/// Today and fifteen more is what the service forecasts. A day beyond it makes it refuse the call.
const FORECAST_DAYS_AHEAD_MAX: i64 = 15;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) model: Model,
    /// Ascending, each once.
    pub(super) cells: Vec<Cell>,
    /// Days since 1970-01-01, both included.
    pub(super) first_day: i64,
    pub(super) last_day: i64,
    /// What it is made for.
    pub(super) places: Vec<Place>,
}

impl Call {
    pub(super) fn days(&self) -> usize {
        let days = self
            .last_day
            .saturating_sub(self.first_day)
            .saturating_add(1);
        usize::try_from(days).unwrap_or(usize::MAX)
    }

    /// The call with the cells that are asked for alone taken out, and a call for each of those.
    pub(super) fn without(self, alone: &BTreeSet<Cell>) -> Vec<Self> {
        if self.cells.len() < 2 || !self.cells.iter().any(|cell| alone.contains(cell)) {
            return vec![self];
        }
        let only = |cells: Vec<Cell>| Self {
            places: self
                .places
                .iter()
                .filter(|place| cells.contains(&place.cell))
                .copied()
                .collect(),
            cells,
            ..self.clone()
        };
        let (apart, together): (Vec<Cell>, Vec<Cell>) =
            self.cells.iter().partition(|cell| alone.contains(cell));
        let apart = apart.into_iter().map(|cell| only(vec![cell]));
        let together = (!together.is_empty()).then(|| only(together));
        apart.chain(together).collect()
    }

    fn of(model: Model, cells: &[(Cell, Vec<i64>)]) -> Self {
        let days = || {
            cells
                .iter()
                .flat_map(|(_, hours)| hours)
                .map(|hour_s| day_of(*hour_s))
        };
        Self {
            model,
            cells: cells.iter().map(|(cell, _)| *cell).collect(),
            first_day: days().min().unwrap_or_default(),
            last_day: days().max().unwrap_or_default(),
            places: cells
                .iter()
                .flat_map(|(cell, hours)| {
                    hours.iter().map(|hour_s| Place {
                        cell: *cell,
                        hour_s: *hour_s,
                    })
                })
                .collect(),
        }
    }
}

/// The calls that cover all places, forecasts first and then the latest days first: who waits for
/// them waits now.
pub(super) fn plan(
    places: &BTreeSet<Place>,
    now_s: i64,
    archive_after_days: u32,
    cells_max: usize,
) -> Vec<Call> {
    let mut groups: BTreeMap<(Model, i64), BTreeMap<Cell, Vec<i64>>> = BTreeMap::new();
    for place in places {
        let model = Model::of_hour(place.hour_s, now_s, archive_after_days);
        let fortnight = day_of(place.hour_s).div_euclid(DAYS_MAX);
        groups
            .entry((model, fortnight.saturating_neg()))
            .or_default()
            .entry(place.cell)
            .or_default()
            .push(place.hour_s);
    }
    let mut calls = Vec::new();
    for ((model, _), cells) in groups {
        let cells: Vec<_> = cells.into_iter().collect();
        let chunks = cells.chunks(cells_max.clamp(1, CELLS_MAX));
        calls.extend(chunks.map(|cells| Call::of(model, cells)));
    }
    calls
}

/// Whether the forecast ends before this hour.
pub(super) fn is_beyond_forecast(hour_s: i64, now_s: i64) -> bool {
    day_of(hour_s) > day_of(now_s).saturating_add(FORECAST_DAYS_AHEAD_MAX)
}

fn day_of(unix_s: i64) -> i64 {
    unix_s.div_euclid(DAY_S)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weather::place::HOUR_S;

    const NOW_S: i64 = 20_000 * DAY_S + 12 * HOUR_S;

    fn place(lat_dd: i32, day: i64, hour: i64) -> Place {
        Place {
            cell: Cell { lat_dd, lon_dd: 0 },
            hour_s: day * DAY_S + hour * HOUR_S,
        }
    }

    /// Model, cells, days relative to today, and the number of places of each call.
    fn planned(
        places: &[Place],
        cells_max: usize,
    ) -> Vec<(&'static str, Vec<i32>, i64, i64, usize)> {
        let places = places.iter().copied().collect();
        plan(&places, NOW_S, 5, cells_max)
            .into_iter()
            .map(|call| {
                let cells = call.cells.iter().map(|cell| cell.lat_dd).collect();
                let (first, last) = (call.first_day - 20_000, call.last_day - 20_000);
                (call.model.word(), cells, first, last, call.places.len())
            })
            .collect()
    }

    #[test]
    fn places_of_one_fortnight_share_a_call_and_the_archive_has_its_own() {
        // Day 20,000 is the ninth of its fortnight: 19,992 to 20,005.
        let places = [
            place(1, 20_000, 10),
            place(1, 20_000, 11),
            place(2, 19_996, 0),
            place(2, 20_006, 0),
            place(1, 19_992, 5),
            place(3, 19_991, 5),
        ];
        assert_eq!(
            planned(&places, 100),
            [
                ("forecast", vec![2], 6, 6, 1),
                ("forecast", vec![1, 2], -4, 0, 3),
                ("archive", vec![1], -8, -8, 1),
                ("archive", vec![3], -9, -9, 1),
            ]
        );
    }

    #[test]
    fn no_call_has_more_cells_than_it_may() {
        let places: Vec<_> = (0..250).map(|cell| place(cell, 20_000, 1)).collect();
        let sizes = |cells_max| -> Vec<usize> {
            planned(&places, cells_max)
                .iter()
                .map(|call| call.1.len())
                .collect()
        };
        assert_eq!(sizes(1_000), [100, 100, 50]);
        assert_eq!(sizes(120), [100, 100, 50]);
        assert_eq!(sizes(90), [90, 90, 70]);
        assert_eq!(sizes(0).len(), 250, "a call of none would be made for ever");
    }

    #[test]
    fn every_place_is_in_one_call_whose_range_holds_it() {
        let places: BTreeSet<_> = (0..2_000_i64)
            .map(|index| {
                let cell = i32::try_from(index * 37 % 150).unwrap();
                place(cell, 19_950 + index * 13 % 64, index * 7 % 24)
            })
            .collect();
        let calls = plan(&places, NOW_S, 5, 100);
        let mut covered = BTreeSet::new();
        for call in &calls {
            assert!(call.days() <= 14 && call.cells.len() <= 100);
            for place in &call.places {
                assert!(covered.insert(*place) && call.cells.contains(&place.cell));
                assert!((call.first_day..=call.last_day).contains(&day_of(place.hour_s)));
                assert_eq!(Model::of_hour(place.hour_s, NOW_S, 5), call.model);
            }
        }
        assert_eq!(covered, places);
    }

    #[test]
    fn the_forecast_ends_with_the_fifteenth_day_after_today() {
        assert!(!is_beyond_forecast(place(0, 20_015, 23).hour_s, NOW_S));
        assert!(is_beyond_forecast(place(0, 20_016, 0).hour_s, NOW_S));
    }
}
