//! The reading side: pages, windows, and the merged timeline.

use std::collections::BTreeSet;

use schemas::record::Micros;

use super::{EVERYTHING, TENANT, apply, changes, facts};
use crate::{
    After, ListQuery, RowChange, SeriesQuery, SeriesStore, Table, TimelineQuery, rfc3339, timeline,
};

pub(super) fn check<S: SeriesStore, Q: SeriesQuery>(mut make: impl FnMut() -> (S, Q)) {
    pages_show_every_row_once_also_with_ties(make());
    a_window_selects_what_overlaps_it(make());
    rows_of_others_are_not_shown(make());
    the_timeline_shows_everything_once(make());
    a_page_ends_early_when_its_bodies_are_large(make());
    what_was_published_by_then_is_what_a_store_showed_then(&mut make);
}

/// Ids of all pages in turn.
fn walk(query: &impl SeriesQuery, table: Table, limit: usize) -> Vec<String> {
    let mut ids = Vec::new();
    let mut list = ListQuery::of(table, TENANT, facts::ATHLETE, limit);
    loop {
        let page = query.list(&list).expect("a page is read");
        assert!(page.items.len() <= limit, "a page keeps its limit");
        list.after = page.items.last().map(|last| After {
            start: last.start,
            id: last.id.clone(),
            inclusive: false,
        });
        ids.extend(page.items.into_iter().map(|item| item.id));
        if !page.more {
            return ids;
        }
        assert!(ids.len() <= EVERYTHING, "pages come to an end");
    }
}

fn pages_show_every_row_once_also_with_ties<S: SeriesStore, Q: SeriesQuery>(
    (mut store, query): (S, Q),
) {
    // Four rows at each of six instants, written in an order of their own.
    let sessions =
        (0..24).map(|n| facts::session(&format!("s{:02}", (n * 7) % 24), 1, n * 7 % 24 / 4));
    apply(&mut store, changes(sessions), 1);
    let expected: Vec<String> = (0..24).map(|n| format!("s{n:02}")).collect();
    for limit in [1, 2, 3, 4, 5, 23, 24, 25] {
        assert_eq!(
            walk(&query, Table::Sessions, limit),
            expected,
            "pages of {limit}"
        );
    }
}

fn a_window_selects_what_overlaps_it<S: SeriesStore, Q: SeriesQuery>((mut store, query): (S, Q)) {
    let sessions = [
        ("ab", 10, 20),
        ("point", 20, 20),
        ("bc", 20, 30),
        ("abc", 10, 30),
    ];
    let rows = sessions.map(|(id, start, end)| facts::spanning(id, 1, start, end));
    apply(&mut store, changes(rows), 1);
    for (from, to, expected) in [
        (None, None, vec!["ab", "abc", "bc", "point"]),
        (Some(20), Some(30), vec!["abc", "bc", "point"]),
        (Some(19), Some(20), vec!["ab", "abc"]),
        (Some(30), None, vec![]),
        (None, Some(10), vec![]),
        (None, Some(11), vec!["ab", "abc"]),
        (Some(21), Some(22), vec!["abc", "bc"]),
    ] {
        let list = ListQuery {
            from: from.map(|s: i64| Micros(s * 1_000_000)),
            to: to.map(|s: i64| Micros(s * 1_000_000)),
            ..ListQuery::of(Table::Sessions, TENANT, facts::ATHLETE, EVERYTHING)
        };
        let page = query.list(&list).expect("a page is read");
        let ids: Vec<String> = page.items.into_iter().map(|item| item.id).collect();
        assert_eq!(ids, expected, "{from:?} to {to:?}");
    }
}

fn rows_of_others_are_not_shown<S: SeriesStore, Q: SeriesQuery>((mut store, query): (S, Q)) {
    apply(&mut store, changes([facts::session("s1", 1, 10)]), 1);
    for (tenant, athlete) in [(TENANT, "nobody"), ("other", facts::ATHLETE)] {
        let list = ListQuery::of(Table::Sessions, tenant, athlete, EVERYTHING);
        assert!(query.list(&list).expect("a page").items.is_empty());
    }
    let row = query
        .get(Table::Sessions, "other", "s1")
        .expect("an answer");
    assert_eq!(row, None);
}

fn the_timeline_shows_everything_once<S: SeriesStore, Q: SeriesQuery>((mut store, query): (S, Q)) {
    apply(&mut store, changes(facts::story()), 1);
    let sessions = (0..9).map(|n| facts::session(&format!("t{n}"), 1, 14));
    apply(&mut store, changes(sessions), 2);
    let walk = |limit: usize| {
        let mut list = TimelineQuery {
            tenant_id: TENANT.to_owned(),
            athlete_id: facts::ATHLETE.to_owned(),
            from: None,
            to: None,
            include_retracted: true,
            as_of: None,
            after: None,
            limit,
        };
        let mut items = Vec::new();
        loop {
            let page = timeline(&query, &list).expect("a page is read");
            assert!(page.items.len() <= limit, "a page keeps its limit");
            let last = page.items.last();
            list.after = last.map(|last| (last.start, last.id.clone(), last.lane));
            items.extend(page.items);
            if !page.more {
                return items;
            }
            assert!(items.len() <= EVERYTHING, "pages come to an end");
        }
    };
    let whole = walk(EVERYTHING);
    assert!(whole.is_sorted_by_key(|item| (item.start, item.id.clone(), item.lane)));
    for item in &whole {
        let body: serde_json::Value = serde_json::from_str(&item.body).expect("a body is JSON");
        assert!(body["type"].is_string());
        assert_eq!(body["start"], rfc3339(item.start));
    }
    for limit in [1, 2, 3, 7] {
        assert_eq!(walk(limit), whole, "pages of {limit}");
    }
}

fn a_page_ends_early_when_its_bodies_are_large<S: SeriesStore, Q: SeriesQuery>(
    (mut store, query): (S, Q),
) {
    let large = |id: &str| match facts::rejected(id, 1) {
        schemas::AnyRecord::RecordRejected(mut fact) => {
            fact.athlete_id = Some(facts::ATHLETE.to_owned());
            fact.body = vec![0; 3 * 1_024 * 1_024];
            schemas::AnyRecord::RecordRejected(fact)
        }
        other => other,
    };
    apply(&mut store, changes(["d1", "d2", "d3", "d4"].map(large)), 1);
    let list = ListQuery::all(Table::DeadLetters, TENANT, EVERYTHING);
    let page = query.list(&list).expect("a page is read");
    // Three mebibytes are four in base64, and a page has eight.
    assert_eq!((page.items.len(), page.more), (1, true));
    assert_eq!(
        walk(&query, Table::DeadLetters, 100),
        ["d1", "d2", "d3", "d4"]
    );
}

/// When a change was published. Dead letters keep no history, and `as_of` does not ask for them.
fn published(change: &RowChange) -> Option<Micros> {
    match change {
        RowChange::Put(row) if row.table.has_history() => Some(row.revised_at),
        RowChange::Retract(change) => Some(change.revised_at),
        RowChange::TakeBack(told) => Some(told.revised_at),
        RowChange::Put(_) | RowChange::Replayed(_) => None,
    }
}

fn what_was_published_by_then_is_what_a_store_showed_then<S: SeriesStore, Q: SeriesQuery>(
    make: &mut impl FnMut() -> (S, Q),
) {
    let story = || changes(facts::story());
    let times: BTreeSet<Micros> = story().iter().filter_map(published).collect();
    assert!(times.len() >= 4, "the story takes some time");
    let (mut store, whole) = make();
    apply(&mut store, story(), 1);
    for at in times {
        let (mut store, then) = make();
        let by_then = |change: &RowChange| published(change).is_some_and(|told| told <= at);
        apply(&mut store, story().into_iter().filter(by_then).collect(), 1);
        for (table, include_retracted) in Table::ALL
            .into_iter()
            .filter(|table| table.has_history())
            .flat_map(|table| [(table, true), (table, false)])
        {
            let present = ListQuery {
                include_retracted,
                ..ListQuery::of(table, TENANT, facts::ATHLETE, EVERYTHING)
            };
            let as_of = ListQuery {
                as_of: Some(at),
                ..present.clone()
            };
            let shown = whole.list(&as_of).expect("a list as of then");
            let stood = then.list(&present).expect("a list");
            assert_eq!(shown, stood, "{} at {at:?}", table.name());
        }
    }
}
