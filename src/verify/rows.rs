//! What readers are shown: every live row against the facts it came from.
//!
//! The facts are projected again into a store in memory, up to the store's own position, so that a
//! store that lags is no difference and one that lost, doubled or altered a row is.

use std::collections::BTreeSet;

use schemas::record::Micros;
use sinks_store::{
    FeedPosition, LiveRow, MemoryStore, SeriesQuery, SeriesStore, StoreError, Table, project,
    rfc3339,
};
use stream_embedded::EmbeddedReader;
use stream_log::Offset;

use super::Findings;
use crate::config::Settings;
use crate::stores;

const PAGE: usize = 1_000;

/// Compares and returns how many live rows there are.
pub(crate) fn compare(
    settings: &Settings,
    reader: &EmbeddedReader,
    trimmed: &BTreeSet<String>,
    findings: &mut Findings,
) -> anyhow::Result<u64> {
    let stores::Reading {
        query: store,
        position,
    } = stores::read(settings)?;
    let head = reader.next_seq()?.0.saturating_sub(1);
    if position.0 > head {
        findings.add(
            "store_position",
            format!(
                "the store read up to {}, the log ends with {head}",
                position.0
            ),
        );
    }
    let mut memory = MemoryStore::default();
    project_again(reader, position, &mut memory)?;
    let past = PastRetention {
        athletes: trimmed,
        dead_letters_since: store.kept()?.dead_letters_since,
        shortened: !trimmed.is_empty(),
    };
    let mut rows = 0;
    for table in Table::ALL {
        rows += table_rows(table, &*store, &memory, &past, findings)?;
    }
    Ok(rows)
}

/// What cannot be compared, because facts of it or the row itself were removed.
struct PastRetention<'t> {
    athletes: &'t BTreeSet<String>,
    dead_letters_since: Option<Micros>,
    shortened: bool,
}

impl PastRetention<'_> {
    fn covers(&self, table: Table, row: &LiveRow) -> bool {
        if table == Table::DeadLetters && (self.shortened || self.dead_letters_since.is_some()) {
            let since = self.dead_letters_since.unwrap_or(Micros(i64::MAX));
            return self.shortened || received_before(&row.body, since);
        }
        let owner = row.athlete_id.as_ref();
        owner.is_some_and(|id| self.athletes.contains(&format!("{}/{id}", row.tenant_id)))
    }
}

fn received_before(body: &str, since: Micros) -> bool {
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let told = body.get("received_at").and_then(serde_json::Value::as_str);
    // Without the last letter, so that whole seconds come before their fractions.
    let since = rfc3339(since);
    told.is_none_or(|told| told.trim_end_matches('Z') < since.trim_end_matches('Z'))
}

/// Both sides are sorted by (tenant, id): one walk finds what is missing, too much, or different.
fn table_rows(
    table: Table,
    store: &dyn SeriesQuery,
    memory: &MemoryStore,
    past: &PastRetention<'_>,
    findings: &mut Findings,
) -> anyhow::Result<u64> {
    let mut shown = Rows::new(store, table);
    let mut due = Rows::new(memory, table);
    let (mut left, mut right) = (shown.next()?, due.next()?);
    let mut rows = 0;
    loop {
        let order = match (&left, &right) {
            (None, None) => return Ok(rows),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(a), Some(b)) => (&a.tenant_id, &a.id).cmp(&(&b.tenant_id, &b.id)),
        };
        match order {
            std::cmp::Ordering::Less => {
                if let Some(row) = left.filter(|row| !past.covers(table, row)) {
                    findings.add(
                        "row_unexplained",
                        format!("{table:?} {} is shown, no fact explains it", row.id),
                    );
                }
                rows += 1;
                left = shown.next()?;
            }
            std::cmp::Ordering::Greater => {
                if let Some(row) = right.filter(|row| !past.covers(table, row)) {
                    findings.add("row_missing", format!("{table:?} {} is not shown", row.id));
                }
                right = due.next()?;
            }
            std::cmp::Ordering::Equal => {
                if left != right
                    && let Some(row) = left.as_ref().filter(|row| !past.covers(table, row))
                {
                    findings.add(
                        "row_altered",
                        format!("{table:?} {} differs from its fact", row.id),
                    );
                }
                rows += 1;
                left = shown.next()?;
                right = due.next()?;
            }
        }
    }
}

struct Rows<'s, Q: ?Sized> {
    store: &'s Q,
    table: Table,
    page: std::vec::IntoIter<LiveRow>,
    last: Option<(String, String)>,
    ended: bool,
}

impl<'s, Q: SeriesQuery + ?Sized> Rows<'s, Q> {
    fn new(store: &'s Q, table: Table) -> Self {
        Self {
            store,
            table,
            page: Vec::new().into_iter(),
            last: None,
            ended: false,
        }
    }

    fn next(&mut self) -> Result<Option<LiveRow>, StoreError> {
        if let Some(row) = self.page.next() {
            return Ok(Some(row));
        }
        if self.ended {
            return Ok(None);
        }
        let after = self
            .last
            .as_ref()
            .map(|(tenant, id)| (tenant.as_str(), id.as_str()));
        let page = self.store.live_rows(self.table, after, PAGE)?;
        self.ended = page.len() < PAGE;
        self.last = page
            .last()
            .map(|row| (row.tenant_id.clone(), row.id.clone()));
        self.page = page.into_iter();
        Ok(self.page.next())
    }
}

/// Put the facts of the held snapshot into a store in memory, up to where the real store is.
fn project_again(
    reader: &EmbeddedReader,
    until: FeedPosition,
    memory: &mut MemoryStore,
) -> anyhow::Result<()> {
    let mut after = Offset(0);
    loop {
        let page = reader.page(after, PAGE)?;
        let Some(last) = page.last().map(|stored| stored.sequenced.offset) else {
            return Ok(());
        };
        let mut rows = Vec::new();
        for stored in page.into_iter().filter(|stored| stored.crc_ok) {
            let read = stored.sequenced;
            let shown =
                read.offset.0 <= until.0 && sinks_store::TOPICS.contains(&read.record.topic.0);
            // What cannot be read was found by the walk over the log.
            if let Some(record) = shown
                .then(|| schemas::decode_any(&read.record.value).ok())
                .flatten()
            {
                rows.extend(project(record));
            }
        }
        memory.apply(rows, FeedPosition(last.0))?;
        if last.0 >= until.0 {
            return Ok(());
        }
        after = last;
    }
}
