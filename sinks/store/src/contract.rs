//! One suite for every store. An implementation calls [`check`] from its tests with a way to make an
//! empty store; what the memory store answers is what all of them answer.
//!
//! Invariants under test: the higher version stands; reading the feed again from any earlier place,
//! any number of times, in batches of any size and athletes in any interleaving, ends in the same
//! rows; every revision stays in the history, and the past is what was said then; pages show every
//! row once, also where many begin at the same instant.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a suite for tests: a store that answers with an error fails it, and a field that is \
              not there reads as null"
)]

mod facts;
mod past;
mod reading;
mod replay;
mod scan;

use crate::{
    APPLY_ROWS_MAX, FeedPosition, ListQuery, RowChange, SeriesQuery, SeriesScan, SeriesStore,
    Table, project,
};

const TENANT: &str = "default";
/// More than any scenario writes.
const EVERYTHING: usize = 10_000;

/// Rows for `check_scan`.
pub fn fill_for_scan(store: &mut impl SeriesStore) {
    scan::fill(store);
}

/// What is asked of a store that files are made from: every row once, by month and athlete.
pub fn check_scan(query: &impl SeriesQuery, scan: &impl SeriesScan) {
    scan::check(query, scan);
}

/// Runs the suite. `make` gives the two sides of an empty store.
pub fn check<S: SeriesStore, Q: SeriesQuery>(mut make: impl FnMut() -> (S, Q)) {
    the_higher_revision_stands(make());
    a_retracted_thing_stays_readable_and_may_return(make());
    a_cancelled_slot_is_retracted_and_an_expired_one_is_not(make());
    a_deletion_ends_the_entry_it_names_until_it_is_told_again(make());
    a_replayed_dead_letter_waits_no_more(make());
    replay::check(&mut make);
    past::check(&mut make);
    reading::check(make);
}

fn apply(store: &mut impl SeriesStore, rows: Vec<RowChange>, position: u64) {
    store
        .apply(rows, FeedPosition(position))
        .expect("a batch is stored");
}

fn changes(records: impl IntoIterator<Item = schemas::AnyRecord>) -> Vec<RowChange> {
    records.into_iter().filter_map(project).collect()
}

/// Bodies of a table in order of start, retracted ones too.
fn bodies(query: &impl SeriesQuery, table: Table) -> Vec<serde_json::Value> {
    let all = ListQuery {
        include_retracted: true,
        ..ListQuery::all(table, TENANT, EVERYTHING)
    };
    let page = query.list(&all).expect("a list is read");
    let read = |body: &String| serde_json::from_str(body).expect("a body is JSON");
    page.items.iter().map(|item| read(&item.body)).collect()
}

fn history_len(query: &impl SeriesQuery, table: Table, id: &str) -> usize {
    let history = query.history(table, TENANT, id, EVERYTHING);
    history.expect("a history is read").len()
}

fn the_higher_revision_stands<S: SeriesStore, Q: SeriesQuery>((mut store, query): (S, Q)) {
    let rows = |revisions: &[i64]| changes(revisions.iter().map(|r| facts::session("s1", *r, 10)));
    apply(&mut store, rows(&[1, 3]), 1);
    apply(&mut store, rows(&[2, 3]), 2);
    let found = bodies(&query, Table::Sessions);
    assert_eq!(found.len(), 1);
    assert!(found.iter().all(|body| body["revision"] == 3), "{found:?}");
    assert_eq!(history_len(&query, Table::Sessions, "s1"), 3);
    assert_eq!(query.counts().expect("rows are counted").sessions, 1);
    assert_eq!(store.position().expect("a position"), FeedPosition(2));
    apply(&mut store, Vec::new(), 1);
    assert_eq!(store.position().expect("a position"), FeedPosition(2));
}

fn a_retracted_thing_stays_readable_and_may_return<S: SeriesStore, Q: SeriesQuery>(
    (mut store, query): (S, Q),
) {
    apply(&mut store, changes([facts::session("s1", 1, 10)]), 1);
    apply(&mut store, changes([facts::session_gone("s1", 2)]), 2);
    let live = ListQuery::all(Table::Sessions, TENANT, EVERYTHING);
    assert!(query.list(&live).expect("a list").items.is_empty());
    assert_eq!(query.counts().expect("rows are counted").sessions, 0);
    for body in bodies(&query, Table::Sessions) {
        assert_eq!(body["status"], "retracted");
        assert_eq!(body["reason"], "merged");
        assert_eq!(body["revision"], 2);
        assert_eq!(body["superseded_by"], "s0");
        assert_eq!(body["start"], "1970-01-01T00:00:10Z");
    }
    let item = query.get(Table::Sessions, TENANT, "s1").expect("a row");
    assert!(item.is_some(), "an old id stays resolvable");
    apply(&mut store, changes([facts::session("s1", 3, 20)]), 3);
    let back = bodies(&query, Table::Sessions);
    assert!(back.iter().all(|body| body["status"] == "live"), "{back:?}");
    assert_eq!(history_len(&query, Table::Sessions, "s1"), 3);
}

fn a_cancelled_slot_is_retracted_and_an_expired_one_is_not<S: SeriesStore, Q: SeriesQuery>(
    (mut store, query): (S, Q),
) {
    let rows = changes([
        facts::issued("slot1", 1),
        facts::cancelled("slot1", 1),
        facts::issued("slot2", 1),
        facts::expired("slot2", 1, false),
        facts::expired("slot3", 1, true),
    ]);
    apply(&mut store, rows, 1);
    let found = bodies(&query, Table::Recommendations);
    let of = |slot: &str| {
        let body = found.iter().find(|body| body["slot"] == slot);
        body.expect("the slot has a row").clone()
    };
    assert_eq!(of("slot1")["status"], "retracted");
    assert_eq!(of("slot1")["reason"], "WORKOUT_DELETED");
    for (slot, late) in [("slot2", false), ("slot3", true)] {
        assert_eq!(of(slot)["status"], "live");
        assert_eq!(of(slot)["late"], late);
        assert!(of(slot)["expired_at"].is_string());
    }
}

fn a_deletion_ends_the_entry_it_names_until_it_is_told_again<S: SeriesStore, Q: SeriesQuery>(
    (mut store, query): (S, Q),
) {
    let told = |at| facts::intake("o1", "p1", at);
    let other = facts::intake("o2", "p2", 1);
    apply(
        &mut store,
        changes([told(1), other, facts::deletion("p1", 2)]),
        1,
    );
    let status = |query: &Q| -> Vec<String> {
        let mut rows = bodies(query, Table::TimelineEntries);
        rows.sort_by_key(|body| body["observation_id"].to_string());
        let word = |body: &serde_json::Value| body["status"].as_str().map(str::to_owned);
        rows.iter().filter_map(word).collect()
    };
    assert_eq!(status(&query), ["retracted", "live"]);
    apply(&mut store, changes([told(3)]), 2);
    assert_eq!(status(&query), ["live", "live"]);
    apply(&mut store, changes([facts::deletion("p1", 2)]), 3);
    assert_eq!(status(&query), ["live", "live"], "an old deletion is over");
}

fn a_replayed_dead_letter_waits_no_more<S: SeriesStore, Q: SeriesQuery>(
    (mut store, query): (S, Q),
) {
    apply(&mut store, changes([facts::rejected("d1", 1)]), 1);
    assert_eq!(query.counts().expect("rows are counted").dead_letters, 1);
    apply(&mut store, changes([facts::arrived_again("d1", 2)]), 2);
    apply(&mut store, changes([facts::rejected("d1", 1)]), 3);
    assert_eq!(query.counts().expect("rows are counted").dead_letters, 0);
    for body in bodies(&query, Table::DeadLetters) {
        assert_eq!(body["status"], "retracted");
        assert!(body["replayed_at"].is_string());
        assert_eq!(body["reason"], "malformed", "why it was rejected stays");
    }
}
