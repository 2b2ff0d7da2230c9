//! Hidden starts through the whole pipeline: a record without a start finds its session however
//! late either of them comes, and whatever else was told of that day meanwhile.

use std::collections::BTreeMap;

use schemas::AnyRecord;
use schemas::record::ingest::RawReceived;

use super::reports::{self, MONDAY_S, OFFSET_S};

/// The live sessions after all items, by their local start: members, candidates, hour of the start.
fn sessions(items: &[RawReceived], batch: usize) -> Vec<(String, usize, usize)> {
    let mut live = BTreeMap::new();
    for fact in reports::told(items, batch) {
        match fact {
            AnyRecord::SessionRevised(fact) => {
                let hour = (fact.start.0 / 1_000_000 - MONDAY_S + OFFSET_S) as f64 / 3_600.0;
                let said = (
                    format!("{} {:.1}", fact.local_date, hour % 24.0),
                    fact.members.len(),
                    fact.candidates.len(),
                );
                live.insert(fact.session_id, said);
            }
            AnyRecord::SessionRetracted(fact) => {
                live.remove(&fact.session_id);
            }
            AnyRecord::RecordRejected(fact) => panic!("{} {}", fact.reason, fact.detail),
            _ => {}
        }
    }
    let mut said: Vec<_> = live.into_values().collect();
    said.sort();
    said
}

/// Every order of a few items, by swapping as Heap does it.
pub(crate) fn orders(
    items: &mut Vec<RawReceived>,
    count: usize,
    seen: &mut dyn FnMut(&[RawReceived]),
) {
    if count <= 1 {
        return seen(items);
    }
    for at in 0..count {
        orders(items, count - 1, seen);
        let other = if count.is_multiple_of(2) { at } else { 0 };
        items.swap(other, count - 1);
    }
}

pub(crate) fn check(mut items: Vec<RawReceived>, expected: &[(&str, usize, usize)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(start, members, candidates)| ((*start).to_owned(), *members, *candidates))
        .collect();
    let count = items.len();
    orders(&mut items, count, &mut |items| {
        for batch in [1, count] {
            let ids: Vec<&str> = items.iter().map(|item| item.id.as_str()).collect();
            assert_eq!(sessions(items, batch), expected, "{batch} {ids:?}");
        }
    });
}

#[test]
fn a_hidden_start_joins_the_one_run_of_its_day_in_any_order() {
    check(
        reports::one_run_fits().into(),
        &[
            ("2025-10-07 19.0", 2, 0),
            ("2025-10-07 7.0", 1, 0),
            ("2025-10-08 7.0", 1, 0),
        ],
    );
}

#[test]
fn a_second_run_that_fits_as_well_takes_it_out_again() {
    check(
        reports::a_second_run_fits().into(),
        &[
            ("2025-10-07 0.0", 1, 2),
            ("2025-10-07 19.0", 1, 1),
            ("2025-10-07 7.0", 1, 1),
        ],
    );
}

#[test]
fn two_hidden_records_of_one_day_are_told_apart_by_what_they_measured() {
    check(
        reports::told_apart().into(),
        &[("2025-10-07 19.0", 2, 0), ("2025-10-07 7.0", 2, 0)],
    );
}

#[test]
fn what_a_user_merged_stays_together_whichever_of_it_is_told_again() {
    check(
        reports::merged_and_told_again().into(),
        &[("2025-10-06 8.0", 2, 0)],
    );
}

#[test]
fn a_merge_of_runs_days_apart_holds_whichever_of_it_is_told_again() {
    check(
        reports::merged_over_days().into(),
        &[("2025-10-06 8.0", 2, 0)],
    );
}
