//! Ids as people type them: whole, or so much of the beginning that only one begins so.

use anyhow::{Context, anyhow};
use sinks_store::{After, ListQuery, SeriesQuery, Table};

use crate::exit::Failure;
use crate::wiring::TENANT;

/// Less is no name: an id has 32 digits, and a mistyped one should not find another.
const PREFIX_CHARS_MIN: usize = 6;
/// Rows that are read at once.
const PAGE: usize = 1_000;
/// Ids that an ambiguous beginning lists.
const LISTED_MAX: usize = 10;

/// The whole id. `what` names the kind of thing, as a person would.
pub(super) fn complete(
    store: &dyn SeriesQuery,
    table: Table,
    what: &str,
    typed: &str,
) -> Result<String, Failure> {
    let known = store
        .get(table, TENANT, typed)
        .context("cannot read the store")?;
    if known.is_some() {
        return Ok(typed.to_owned());
    }
    let missing = || {
        Failure::bad_input(anyhow!("there is no {what} {typed}")).hint(format!(
            "sudor tail {} --no-follow lists what there is",
            topic(table)
        ))
    };
    if typed.chars().count() < PREFIX_CHARS_MIN {
        return Err(
            Failure::bad_input(anyhow!("there is no {what} {typed}")).hint(format!(
                "the whole id, or its first {PREFIX_CHARS_MIN} characters at least"
            )),
        );
    }
    let found = beginning_with(store, table, typed).context("cannot read the store")?;
    match found.as_slice() {
        [] => Err(missing()),
        [one] => Ok(one.clone()),
        many => {
            let shown: Vec<&str> = many.iter().take(LISTED_MAX).map(String::as_str).collect();
            let more = if many.len() > LISTED_MAX { ", …" } else { "" };
            Err(Failure::bad_input(anyhow!(
                "{typed} is the beginning of several ids: {}{more}",
                shown.join(", ")
            ))
            .hint("give more of the one that is meant"))
        }
    }
}

fn topic(table: Table) -> &'static str {
    match table {
        Table::SweatLosses => schemas::topic::SWEAT_LOSSES,
        Table::Recommendations => schemas::topic::RECOMMENDATIONS,
        _ => schemas::topic::SESSIONS,
    }
}

/// Live ones are found by the order of their ids, withdrawn ones by a look at all.
fn beginning_with(
    store: &dyn SeriesQuery,
    table: Table,
    prefix: &str,
) -> anyhow::Result<Vec<String>> {
    let live = store.live_rows(table, Some((TENANT, prefix)), LISTED_MAX + 1)?;
    let live: Vec<String> = live
        .into_iter()
        .map(|row| row.id)
        .filter(|id| id.starts_with(prefix))
        .collect();
    if !live.is_empty() {
        return Ok(live);
    }
    let mut found = Vec::new();
    let mut query = ListQuery {
        include_retracted: true,
        ..ListQuery::all(table, TENANT, PAGE)
    };
    while found.len() <= LISTED_MAX {
        let page = store.list(&query)?;
        let ids = page.items.iter().map(|item| &item.id);
        found.extend(ids.filter(|id| id.starts_with(prefix)).cloned());
        match page.items.last() {
            Some(last) if page.more => {
                query.after = Some(After {
                    start: last.start,
                    id: last.id.clone(),
                    inclusive: false,
                });
            }
            _ => break,
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use schemas::AnyRecord;
    use schemas::record::session::{SessionRetracted, SessionRevised};
    use schemas::sample::full;
    use sinks_store::{FeedPosition, MemoryStore, SeriesStore, Table, project};

    use super::complete;
    use crate::wiring::TENANT;

    fn store() -> MemoryStore {
        let session = |id: &str| {
            AnyRecord::from(SessionRevised {
                tenant_id: TENANT.to_owned(),
                session_id: id.to_owned(),
                revision: 1,
                ..full()
            })
        };
        let gone = AnyRecord::from(SessionRetracted {
            tenant_id: TENANT.to_owned(),
            session_id: "cccccc01".to_owned(),
            revision: 2,
            ..full()
        });
        let ids = ["aaaaaa01", "aaaaaa02", "bbbbbb01", "cccccc01"];
        let facts = ids.into_iter().map(session).chain([gone]);
        let mut store = MemoryStore::new();
        let rows = facts.filter_map(project).collect();
        store.apply(rows, FeedPosition(1)).unwrap();
        store
    }

    #[test]
    fn a_beginning_names_the_one_id_that_begins_so() {
        let store = store();
        let cases = [
            ("aaaaaa01", Ok("aaaaaa01")),
            ("bbbbbb", Ok("bbbbbb01")),
            ("cccccc", Ok("cccccc01")),
            ("aaaaaa", Err("aaaaaa01, aaaaaa02")),
            ("bbbbb", Err("the whole id")),
            ("dddddd", Err("there is no session dddddd")),
            ("", Err("the whole id")),
        ];
        for (typed, expected) in cases {
            let found = complete(&store, Table::Sessions, "session", typed);
            match (found, expected) {
                (Ok(found), Ok(id)) => assert_eq!(found, id),
                (Err(failure), Err(words)) => {
                    let text = failure.to_string();
                    assert!(text.contains(words), "{typed}: {text}");
                }
                (found, _) => panic!("{typed}: {found:?}"),
            }
        }
    }
}
