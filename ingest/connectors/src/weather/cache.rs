//! What the service said lately, so that athletes in one place share one call. Pure.
//!
//! The archive does not change. A forecast does with every run of the model, so it holds until the
//! next hour. What is forgotten is asked again: the cache saves calls, and nothing rests on it.

use std::collections::{BTreeMap, VecDeque};

use super::parse::Values;
use super::place::{HOUR_S, Model, Place};

/// About 150 bytes each. More than the places of the largest call.
const ENTRIES_MAX: usize = 40_000;

type Key = (Model, Place);

#[derive(Debug, Default)]
pub(super) struct Cache {
    entries: BTreeMap<Key, Entry>,
    oldest_first: VecDeque<Key>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    values: Values,
    fetched_at_s: i64,
}

impl Cache {
    pub(super) fn insert(&mut self, model: Model, place: Place, values: Values, now_s: i64) {
        let entry = Entry {
            values,
            fetched_at_s: now_s,
        };
        let key = (model, place);
        if self.entries.insert(key, entry).is_none() {
            self.oldest_first.push_back(key);
        }
        if self.oldest_first.len() > ENTRIES_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.entries.remove(&oldest);
        }
    }

    pub(super) fn get(&self, model: Model, place: Place, now_s: i64) -> Option<Values> {
        let entry = self.entries.get(&(model, place))?;
        let hour_of = |unix_s: i64| unix_s.div_euclid(HOUR_S);
        let holds = model == Model::Archive || hour_of(entry.fetched_at_s) == hour_of(now_s);
        holds.then_some(entry.values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weather::place::Cell;
    use crate::weather::plan::{CELLS_MAX, DAYS_MAX};

    fn place(hour: i64) -> Place {
        Place {
            cell: Cell {
                lat_dd: 1,
                lon_dd: 2,
            },
            hour_s: hour * HOUR_S,
        }
    }

    #[test]
    fn a_forecast_holds_until_the_next_hour_and_the_archive_for_ever() {
        let mut cache = Cache::default();
        for model in [Model::Forecast, Model::Archive] {
            cache.insert(model, place(1), Values::default(), HOUR_S);
        }
        for (now_s, forecast) in [(HOUR_S, true), (2 * HOUR_S - 1, true), (2 * HOUR_S, false)] {
            assert_eq!(
                cache.get(Model::Forecast, place(1), now_s).is_some(),
                forecast
            );
            assert!(cache.get(Model::Archive, place(1), now_s).is_some());
        }
        assert!(cache.get(Model::Archive, place(2), HOUR_S).is_none());
        cache.insert(Model::Forecast, place(1), Values::default(), 2 * HOUR_S);
        assert!(cache.get(Model::Forecast, place(1), 2 * HOUR_S).is_some());
    }

    #[test]
    fn the_oldest_goes_beyond_the_limit() {
        let mut cache = Cache::default();
        let count = i64::try_from(ENTRIES_MAX).unwrap();
        for hour in 0..=count {
            cache.insert(Model::Archive, place(hour), Values::default(), 0);
            cache.insert(Model::Archive, place(hour), Values::default(), 0);
        }
        assert_eq!(cache.entries.len(), ENTRIES_MAX);
        assert!(cache.get(Model::Archive, place(0), 0).is_none());
        assert!(cache.get(Model::Archive, place(count), 0).is_some());
    }

    #[test]
    fn the_largest_call_fits() {
        let hours = usize::try_from(DAYS_MAX * 24).unwrap();
        assert!(CELLS_MAX * hours <= ENTRIES_MAX);
    }
}
