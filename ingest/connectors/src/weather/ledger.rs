//! Which requests are open, from what the log says. Pure.
//!
//! A request opens at its position and closes at the first answer after it. Copies of one request
//! are one: the answer that closes it is read by all.

use std::collections::BTreeMap;

use schemas::record::ingest::RawReceived;

use super::place::Request;
use super::record;
use crate::port::{Asked, Batch};

/// Beyond this many nothing more is read until some were answered. At about 200 bytes each.
pub(super) const OPEN_MAX: usize = 50_000;

#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// With the position of the earliest copy.
    open: BTreeMap<Request, u64>,
    /// Everything up to here was looked at.
    end: u64,
    /// The log had nothing more when it was last read.
    has_caught_up: bool,
}

impl Ledger {
    pub(super) fn starting_after(mark: u64) -> Self {
        Self {
            end: mark,
            ..Self::default()
        }
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn is_full(&self) -> bool {
        self.open.len() >= OPEN_MAX
    }

    /// Whether all answers that are in the log were seen: before that, an open request may have
    /// been answered by an earlier life of this process.
    pub(super) fn has_caught_up(&self) -> bool {
        self.has_caught_up || self.is_full()
    }

    pub(super) fn take(&mut self, batch: Batch) {
        self.has_caught_up = batch.end == self.end;
        for (position, asked) in batch.items {
            match asked {
                Asked::WeatherRequested(asked) => match Request::of(&asked) {
                    Some(request) => {
                        self.open.entry(request).or_insert(position);
                    }
                    None => tracing::error!(id = asked.id, "weather was asked for no place"),
                },
                Asked::Raw(raw) => self.take_raw(&raw),
            }
        }
        self.end = self.end.max(batch.end);
    }

    fn take_raw(&mut self, raw: &RawReceived) {
        if let Some(request) = record::answered(raw) {
            self.open.remove(&request);
        }
    }

    pub(super) fn open(&self) -> impl Iterator<Item = &Request> {
        self.open.keys()
    }

    /// Its answer is durable.
    pub(super) fn close(&mut self, request: &Request) {
        self.open.remove(request);
    }

    /// Where the next life has to begin to read.
    pub(super) fn mark(&self) -> u64 {
        let first_open = self.open.values().min();
        first_open.map_or(self.end, |position| {
            position.saturating_sub(1).min(self.end)
        })
    }
}

#[cfg(test)]
mod tests {
    use schemas::record::Micros;
    use schemas::record::loss::WeatherRequested;

    use super::*;
    use crate::weather::parse::Values;
    use crate::weather::place::{HOUR_S, Model};

    fn asked(hour: i64) -> Asked {
        Asked::WeatherRequested(Box::new(WeatherRequested {
            id: hour.to_string(),
            tenant_id: "default".to_owned(),
            athlete_id: "ada".to_owned(),
            recorded_at: Micros(0),
            revised_at: Micros(0),
            rules_id: String::new(),
            licence: None,
            key_id: None,
            lat_cell: 52.5,
            lon_cell: -13.4,
            hour: Micros(hour * HOUR_S * 1_000_000),
            attempt: 1,
        }))
    }

    fn answer(ledger: &Ledger, index: usize) -> Asked {
        let request = ledger.open().nth(index).unwrap().clone();
        let told = [(request, Ok((Model::Archive, Values::default())))];
        let raw = record::records(&told, edge::UnixMicros(7), None).remove(0);
        Asked::Raw(Box::new(raw))
    }

    fn batch(items: Vec<(u64, Asked)>, end: u64) -> Batch {
        Batch { items, end }
    }

    #[test]
    fn the_mark_stays_before_the_earliest_open_request() {
        let mut ledger = Ledger::starting_after(10);
        assert_eq!(ledger.mark(), 10);
        ledger.take(batch(
            vec![(12, asked(1)), (14, asked(2)), (15, asked(1))],
            20,
        ));
        assert_eq!((ledger.mark(), ledger.open().count()), (11, 2));
        let second = answer(&ledger, 1);
        ledger.take(batch(vec![(21, second)], 21));
        assert_eq!(ledger.mark(), 11);
        let first = answer(&ledger, 0);
        ledger.take(batch(vec![(23, first.clone()), (24, asked(1))], 30));
        assert_eq!(ledger.mark(), 23, "asked again after its answer");
        ledger.take(batch(vec![(31, first)], 31));
        assert_eq!((ledger.mark(), ledger.open().count()), (31, 0));
    }

    #[test]
    fn it_has_caught_up_when_a_read_finds_nothing_more_or_there_is_no_room() {
        let mut ledger = Ledger::default();
        assert!(!ledger.has_caught_up());
        ledger.take(batch(vec![(1, asked(1))], 1));
        assert!(!ledger.has_caught_up(), "an answer may follow");
        ledger.take(batch(Vec::new(), 1));
        assert!(ledger.has_caught_up());

        let requests = (1..).zip(1..).take(OPEN_MAX);
        let requests: Vec<_> = requests.map(|(at, hour)| (at, asked(hour))).collect();
        ledger.take(batch(requests, 60_000));
        assert!(ledger.is_full() && ledger.has_caught_up());
    }
}
