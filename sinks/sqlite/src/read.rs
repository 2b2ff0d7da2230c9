//! Readers: connections that see the last committed batch and never hold up the writer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, Params, params, params_from_iter};
use schemas::record::Micros;
use sinks_store::{
    FeedPosition, Item, Kept, ListQuery, LiveCounts, LiveRow, Page, SeriesQuery, StoreError, Table,
    cut,
};

use crate::connection::{self, failure};
use crate::{query, retention, schema};

/// Connections that are kept open. A reader that finds none free opens its own and closes it after.
pub const READ_CONNECTIONS_MAX: usize = 8;

/// Reads a `store.db` that another connection, or another process, may be writing.
pub struct ReadStore {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl ReadStore {
    /// The file must exist. Nothing in it is changed.
    pub fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        let connection = connection::reader(path)?;
        schema::check(&connection)?;
        Ok(Self {
            path: path.to_owned(),
            idle: Mutex::new(vec![connection]),
        })
    }

    /// The position up to which the rows stand for the feed.
    pub fn position(&self) -> Result<FeedPosition, StoreError> {
        self.with("reading the feed position", |connection| {
            let position: i64 =
                connection.query_row("SELECT position FROM feed", [], |row| row.get(0))?;
            Ok(FeedPosition(u64::try_from(position).unwrap_or(0)))
        })
    }

    fn with<T>(
        &self,
        attempted: &'static str,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connection::reader(&self.path)?,
        };
        let answer = read(&connection).map_err(failure(attempted))?;
        let mut idle = self.idle();
        if idle.len() < READ_CONNECTIONS_MAX {
            idle.push(connection);
        }
        Ok(answer)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stops early where a page is full by its bytes; `cut` sees to the rest.
fn items(connection: &Connection, text: &str, params: impl Params) -> rusqlite::Result<Vec<Item>> {
    let mut statement = connection.prepare_cached(text)?;
    let mut rows = statement.query(params)?;
    let (mut items, mut bytes) = (Vec::new(), 0_usize);
    while let Some(row) = rows.next()? {
        let item = item(row)?;
        bytes = bytes.saturating_add(item.body.len());
        items.push(item);
        if bytes > Page::BYTES_MAX && items.len() > 1 {
            break;
        }
    }
    Ok(items)
}

fn item(row: &rusqlite::Row<'_>) -> rusqlite::Result<Item> {
    Ok(Item {
        start: Micros(row.get(0)?),
        id: row.get(1)?,
        body: row.get(2)?,
    })
}

impl SeriesQuery for ReadStore {
    fn kept(&self) -> Result<Kept, StoreError> {
        self.with("reading what is kept", retention::kept)
    }

    fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        let select = query::list(query);
        let items = self.with("listing rows", |connection| {
            items(connection, &select.text, params_from_iter(select.params))
        })?;
        Ok(cut(items, query.limit))
    }

    fn get(&self, table: Table, tenant_id: &str, id: &str) -> Result<Option<Item>, StoreError> {
        self.with("reading a row", |connection| {
            connection
                .prepare_cached(&query::get(table))?
                .query_row([tenant_id, id], item)
                .optional()
        })
    }

    fn history(
        &self,
        table: Table,
        tenant_id: &str,
        id: &str,
        limit: usize,
    ) -> Result<Vec<Item>, StoreError> {
        if !table.has_history() {
            return Ok(Vec::new());
        }
        self.with("reading a history", |connection| {
            connection
                .prepare_cached(&query::history(table))?
                .query_map(params![tenant_id, id, query::limit(limit)], item)?
                .collect()
        })
    }

    fn counts(&self) -> Result<LiveCounts, StoreError> {
        self.with("counting rows", |connection| {
            let count = |text: &str| {
                connection
                    .prepare_cached(text)?
                    .query_row([], |row| row.get::<_, i64>(0))
                    .map(|count| u64::try_from(count).unwrap_or(0))
            };
            let of = Table::ALL
                .into_iter()
                .map(|table| Ok((table, count(&query::count(table))?)))
                .collect::<rusqlite::Result<BTreeMap<Table, u64>>>()?;
            let athletes = count("SELECT count(*) FROM athletes")?;
            Ok(LiveCounts::from_tables(athletes, &of))
        })
    }

    fn live_rows(
        &self,
        table: Table,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Result<Vec<LiveRow>, StoreError> {
        let (tenant, id) = after.unwrap_or_default();
        self.with("dumping rows", |connection| {
            connection
                .prepare_cached(&query::live_rows(table))?
                .query_map(params![tenant, id, query::limit(limit)], |row| {
                    Ok(LiveRow {
                        table,
                        tenant_id: row.get(0)?,
                        id: row.get(1)?,
                        athlete_id: row.get(2)?,
                        revision: row.get(3)?,
                        content_hash: row.get(4)?,
                        body: row.get(5)?,
                    })
                })?
                .collect()
        })
    }
}
