//! What stood at an earlier time: the same as a store that had been fed no further.

use schemas::AnyRecord;
use schemas::record::Micros;

use super::{EVERYTHING, TENANT, apply, changes, facts};
use crate::{After, Item, ListQuery, SeriesQuery, SeriesStore, Table, TimelineQuery, timeline};

pub(super) fn check<S: SeriesStore, Q: SeriesQuery>(mut make: impl FnMut() -> (S, Q)) {
    the_past_is_what_a_store_said_that_was_fed_so_far(make());
}

/// Facts with the time of their publication.
fn published() -> Vec<(i64, AnyRecord)> {
    vec![
        (1, facts::session("s1", 1, 10)),
        (2, facts::session("s2", 2, 20)),
        // Moves behind the other, over the border of a month and of a page.
        (3, facts::session("s1", 3, 40 * 86_400)),
        (4, facts::session_gone("s2", 4)),
        (5, facts::session("s3", 5, 5)),
        (6, facts::session("s2", 6, 25)),
        (7, facts::intake("o1", "p1", 7)),
        (8, facts::deletion("p1", 8)),
        (9, facts::intake("o1", "p1", 9)),
        (10, facts::issued("slot1", 10)),
        (11, facts::cancelled("slot1", 11)),
        (12, facts::session("s1", 12, 15)),
    ]
}

fn lists(query: &impl SeriesQuery, as_of: Option<Micros>) -> Vec<Vec<Item>> {
    let mut pages = Vec::new();
    for table in [
        Table::Sessions,
        Table::TimelineEntries,
        Table::Recommendations,
    ] {
        for include_retracted in [false, true] {
            for (from, to) in [(None, None), (Some(12), Some(30)), (Some(100), None)] {
                let instant = |s: Option<i64>| s.map(|s| Micros(s * 1_000_000));
                let list = ListQuery {
                    include_retracted,
                    as_of,
                    from: instant(from),
                    to: instant(to),
                    ..ListQuery::of(table, TENANT, facts::ATHLETE, 2)
                };
                pages.push(walk(query, list));
            }
        }
    }
    pages
}

fn walk(query: &impl SeriesQuery, mut list: ListQuery) -> Vec<Item> {
    let mut items = Vec::new();
    loop {
        let page = query.list(&list).expect("a page is read");
        list.after = page.items.last().map(|last| After {
            start: last.start,
            id: last.id.clone(),
            inclusive: false,
        });
        items.extend(page.items);
        if !page.more {
            return items;
        }
        assert!(items.len() <= EVERYTHING, "pages come to an end");
    }
}

fn whole_timeline(query: &impl SeriesQuery, as_of: Option<Micros>) -> Vec<String> {
    let all = TimelineQuery {
        tenant_id: TENANT.to_owned(),
        athlete_id: facts::ATHLETE.to_owned(),
        from: None,
        to: None,
        include_retracted: true,
        as_of,
        after: None,
        limit: EVERYTHING,
    };
    let page = timeline(query, &all).expect("a timeline is read");
    page.items.into_iter().map(|item| item.body).collect()
}

fn the_past_is_what_a_store_said_that_was_fed_so_far<S: SeriesStore, Q: SeriesQuery>(
    (mut store, query): (S, Q),
) {
    let mut said = Vec::new();
    for (at, fact) in published() {
        apply(&mut store, changes([fact]), 1);
        said.push((at, lists(&query, None), whole_timeline(&query, None)));
    }
    for (at, lists_then, timeline_then) in said {
        let past = Some(Micros(at));
        assert_eq!(lists(&query, past), lists_then, "as of {at}");
        assert_eq!(whole_timeline(&query, past), timeline_then, "as of {at}");
    }
    let before = lists(&query, Some(Micros(0)));
    assert!(before.iter().all(Vec::is_empty), "nothing was said yet");
}
