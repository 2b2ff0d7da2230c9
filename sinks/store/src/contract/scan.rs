//! Whole tables in pieces: every row of an athlete once, in the month in which it begins.

use super::{EVERYTHING, TENANT, apply, changes, facts};
use crate::{ListQuery, Month, RowScan, SeriesQuery, SeriesScan, SeriesStore, Table};

const DAY_S: i64 = 86_400;

pub(super) fn fill(store: &mut impl SeriesStore) {
    apply(store, changes(facts::story()), 1);
    // Borders of months: the last second of January 1970, the first of February, a year later.
    let starts = [31 * DAY_S - 1, 31 * DAY_S, 31 * DAY_S, 396 * DAY_S];
    let sessions = starts.iter().zip(0..);
    let sessions = sessions.map(|(start, n)| facts::session(&format!("m{n}"), 1, *start));
    apply(store, changes(sessions), 2);
}

pub(super) fn check(query: &impl SeriesQuery, scan: &impl SeriesScan) {
    let athletes = scan.athletes(None, EVERYTHING).expect("athletes are read");
    assert!(athletes.contains(&(TENANT.to_owned(), facts::ATHLETE.to_owned())));
    let mut one_by_one = Vec::new();
    while one_by_one.len() <= athletes.len() {
        let last: Option<&(String, String)> = one_by_one.last();
        let after = last.map(|(tenant, athlete)| (tenant.as_str(), athlete.as_str()));
        let next = scan.athletes(after, 1).expect("athletes are read");
        if next.is_empty() {
            break;
        }
        one_by_one.extend(next);
    }
    assert_eq!(one_by_one, athletes);
    let months = scan.months(Table::Sessions).expect("months are read");
    assert!(months.is_sorted(), "months ascend");
    for month in [197_001, 197_002, 197_102] {
        assert!(
            months.iter().any(|known| known.number() == month),
            "{month}"
        );
    }
    for table in Table::ALL.into_iter().filter(|table| table.has_history()) {
        let all = ListQuery {
            include_retracted: true,
            ..ListQuery::of(table, TENANT, facts::ATHLETE, EVERYTHING)
        };
        let listed = query.list(&all).expect("a list is read").items;
        let months = scan.months(table).expect("months are read");
        for limit in [1, 2, EVERYTHING] {
            let scanned: Vec<(String, String)> = months
                .iter()
                .flat_map(|month| walk(scan, table, *month, limit))
                .collect();
            let listed: Vec<(String, String)> = listed
                .iter()
                .map(|item| (item.id.clone(), item.body.clone()))
                .collect();
            assert_eq!(scanned, listed, "{} by {limit}", table.name());
        }
    }
}

fn walk(
    store: &impl SeriesScan,
    table: Table,
    month: Month,
    limit: usize,
) -> Vec<(String, String)> {
    let mut scan = RowScan {
        table,
        tenant_id: TENANT.to_owned(),
        athlete_id: facts::ATHLETE.to_owned(),
        month,
        after: None,
        limit,
    };
    let mut found = Vec::new();
    loop {
        let rows = store.rows(&scan).expect("rows are read");
        let Some(last) = rows.last() else {
            return found;
        };
        assert!(rows.len() <= limit, "a piece keeps its limit");
        scan.after = Some((last.start, last.id.clone()));
        for row in rows {
            assert_eq!(row.table, table);
            assert_eq!(row.cells.len(), table.columns().len());
            assert_eq!(Month::of(row.start), month);
            found.push((row.id, row.body));
        }
        assert!(found.len() <= EVERYTHING, "pieces come to an end");
    }
}
