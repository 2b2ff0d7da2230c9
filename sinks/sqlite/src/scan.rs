//! One moment of a `store.db`, as long as it takes to read all of it.
//!
//! A transaction is held open, so that a file that is written for an hour says what stood at its
//! beginning. Until it is dropped, the writer's WAL cannot be cut back.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, params};
use sinks_store::{FeedPosition, Month, Row, RowScan, SeriesScan, StoreError, Table};

use crate::connection::{self, failure};
use crate::{query, schema, sql};

pub struct Snapshot {
    connection: Mutex<Connection>,
    position: FeedPosition,
}

impl Snapshot {
    /// The file must exist. Nothing in it is changed.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = connection::reader(path)?;
        schema::check(&connection)?;
        let attempted = failure("holding a moment of the store");
        connection.execute_batch("BEGIN").map_err(attempted)?;
        // The first read fixes the moment.
        let position: i64 = connection
            .query_row("SELECT position FROM feed", [], |row| row.get(0))
            .map_err(failure("reading the feed position"))?;
        Ok(Self {
            connection: Mutex::new(connection),
            position: FeedPosition(u64::try_from(position).unwrap_or(0)),
        })
    }

    /// The position up to which the rows stand for the feed.
    pub fn position(&self) -> FeedPosition {
        self.position
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl SeriesScan for Snapshot {
    fn months(&self, table: Table) -> Result<Vec<Month>, StoreError> {
        let connection = self.connection();
        let numbers = connection
            .prepare_cached(&query::months(table))
            .and_then(|mut statement| {
                statement
                    .query_map([], |row| row.get(0))?
                    .collect::<rusqlite::Result<Vec<i32>>>()
            })
            .map_err(failure("listing months"))?;
        Ok(numbers.into_iter().filter_map(Month::from_number).collect())
    }

    fn athletes(
        &self,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let (tenant, athlete) = after.unwrap_or_default();
        let connection = self.connection();
        connection
            .prepare_cached(query::ATHLETES)
            .and_then(|mut statement| {
                statement
                    .query_map(params![tenant, athlete, query::limit(limit)], |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })?
                    .collect()
            })
            .map_err(failure("listing athletes"))
    }

    fn rows(&self, scan: &RowScan) -> Result<Vec<Row>, StoreError> {
        let month = scan.month;
        let (start, id) = match &scan.after {
            Some((start, id)) => (start.0, id.as_str()),
            None => (i64::MIN, ""),
        };
        let connection = self.connection();
        connection
            .prepare_cached(&sql::month_of(scan.table))
            .and_then(|mut statement| {
                let place = params![
                    scan.tenant_id,
                    scan.athlete_id,
                    month.start().0,
                    month.next().start().0,
                    start,
                    id,
                    query::limit(scan.limit)
                ];
                statement
                    .query_map(place, |row| sql::row(scan.table, row))?
                    .collect()
            })
            .map_err(failure("reading a month of rows"))
    }
}
