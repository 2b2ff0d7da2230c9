//! The writer: one transaction for each batch.
//!
//! Of an entity only the last revision of a batch becomes its current row, because what comes between
//! would be overwritten before anybody could see it. Every other one goes to the superseded ones, and
//! so does the row that stood before: each revision is in the file once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use sinks_store::{
    APPLY_ROWS_MAX, FeedPosition, Retraction, Row, RowChange, SeriesStore, StoreError, Table, Told,
};

use crate::connection::{self, failure};
use crate::sql::{self, Statements};
use crate::{marks, schema};

/// The one writer of a `store.db`.
pub struct SqliteStore {
    connection: Connection,
    statements: BTreeMap<Table, Statements>,
}

impl SqliteStore {
    /// Opens or makes the file. That nobody else writes is for the owner of the data folder to see to.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut connection = connection::writer(path)?;
        schema::migrate(&mut connection)?;
        let statements = Table::ALL
            .into_iter()
            .map(|table| (table, Statements::of(table)))
            .collect();
        Ok(Self {
            connection,
            statements,
        })
    }
}

impl SeriesStore for SqliteStore {
    fn position(&self) -> Result<FeedPosition, StoreError> {
        let position: i64 = self
            .connection
            .query_row("SELECT position FROM feed", [], |row| row.get(0))
            .map_err(failure("reading the feed position"))?;
        Ok(FeedPosition(u64::try_from(position).unwrap_or(0)))
    }

    fn apply(&mut self, rows: Vec<RowChange>, position: FeedPosition) -> Result<(), StoreError> {
        if rows.len() > APPLY_ROWS_MAX {
            return Err(StoreError::BatchTooLarge {
                rows: rows.len(),
                max: APPLY_ROWS_MAX,
            });
        }
        let attempted = failure("storing a batch of rows");
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate);
        let stored = transaction.and_then(|transaction| {
            let batch = Batch::new(&transaction, &self.statements);
            batch.run(&rows)?;
            advance(&transaction, position)?;
            transaction.commit()
        });
        stored.map_err(attempted)
    }
}

fn advance(transaction: &Transaction<'_>, position: FeedPosition) -> rusqlite::Result<()> {
    let position = i64::try_from(position.0).unwrap_or(i64::MAX);
    transaction
        .prepare_cached("UPDATE feed SET position = max(position, ?1)")?
        .execute([position])?;
    Ok(())
}

/// Rows whose current version was not written yet, by entity.
type Pending<'r> = BTreeMap<(Table, &'r str, &'r str), &'r Row>;

struct Batch<'t> {
    transaction: &'t Transaction<'t>,
    statements: &'t BTreeMap<Table, Statements>,
}

impl<'t> Batch<'t> {
    fn new(transaction: &'t Transaction<'t>, statements: &'t BTreeMap<Table, Statements>) -> Self {
        Self {
            transaction,
            statements,
        }
    }

    fn run(&self, changes: &[RowChange]) -> rusqlite::Result<()> {
        let mut pending = Pending::new();
        let mut athletes = BTreeSet::new();
        for change in changes {
            match change {
                RowChange::Put(row) => {
                    let entity = (row.table, row.tenant_id.as_str(), row.id.as_str());
                    athletes.extend(row.athlete_id.as_deref().map(|id| (entity.1, id)));
                    let Some(latest) = pending.get_mut(&entity) else {
                        pending.insert(entity, row);
                        continue;
                    };
                    let mut other: &Row = row;
                    if latest.version < row.version {
                        other = std::mem::replace(latest, row);
                    }
                    if (other.version, other.status) != (latest.version, latest.status) {
                        self.keep(other)?;
                    }
                }
                RowChange::Retract(change) => {
                    let entity = (change.table, change.tenant_id.as_str(), change.id.as_str());
                    self.flush(pending.remove(&entity))?;
                    self.retract(change)?;
                    athletes.insert((entity.1, change.athlete_id.as_str()));
                }
                RowChange::TakeBack(told) => {
                    let entries =
                        pending.extract_if(.., |(table, _, _), _| *table == Table::TimelineEntries);
                    self.flush(entries.map(|(_, row)| row))?;
                    self.take_back(told)?;
                }
                RowChange::Replayed(change) => {
                    let id = (change.tenant_id.as_str(), change.id.as_str());
                    self.flush(pending.remove(&(Table::DeadLetters, id.0, id.1)))?;
                    marks::mark(self.transaction, change)?;
                }
            }
        }
        self.flush(pending.into_values())?;
        self.know(athletes)
    }

    fn flush<'r>(&self, rows: impl IntoIterator<Item = &'r Row>) -> rusqlite::Result<()> {
        for row in rows {
            self.put(row)?;
        }
        Ok(())
    }

    fn put(&self, row: &Row) -> rusqlite::Result<()> {
        let Some(statements) = self.statements.get(&row.table) else {
            return Ok(());
        };
        let Some(past) = &statements.past else {
            return self.write(&statements.put, row).map(|_| ());
        };
        if self.write(&statements.insert, row)? > 0 {
            return Ok(());
        }
        self.transaction
            .prepare_cached(&past.supersede)?
            .execute(params![
                row.tenant_id,
                row.id,
                row.version.revision,
                row.version.step
            ])?;
        if self.write(&statements.put, row)? == 0 {
            self.write(&past.keep, row)?;
        }
        Ok(())
    }

    /// A revision that does not stand.
    fn keep(&self, row: &Row) -> rusqlite::Result<()> {
        let past = self.statements.get(&row.table);
        if let Some(past) = past.and_then(|statements| statements.past.as_ref()) {
            self.write(&past.keep, row)?;
        }
        Ok(())
    }

    /// Ends a row without raising its version, so that its next revision stands again.
    fn end(&self, row: &Row) -> rusqlite::Result<()> {
        let Some(statements) = self.statements.get(&row.table) else {
            return Ok(());
        };
        let before = self.current(row.table, &row.tenant_id, &row.id)?;
        self.write(&statements.force, row)?;
        if let Some(past) = &statements.past {
            let now = params![
                row.tenant_id,
                row.id,
                row.version.revision,
                row.version.step,
                row.status.word()
            ];
            self.transaction
                .prepare_cached(&past.revive)?
                .execute(now)?;
        }
        before.map_or(Ok(()), |before| self.keep(&before))
    }

    fn write(&self, text: &str, row: &Row) -> rusqlite::Result<usize> {
        sql::run(&mut *self.transaction.prepare_cached(text)?, row)
    }

    fn retract(&self, change: &Retraction) -> rusqlite::Result<()> {
        let before = self.current(change.table, &change.tenant_id, &change.id)?;
        if let Some(row) = sinks_store::retract(before.as_ref(), change) {
            self.put(&row)?;
        }
        Ok(())
    }

    fn take_back(&self, told: &Told) -> rusqlite::Result<()> {
        let mut statement = self.transaction.prepare_cached(&sql::told())?;
        let names = params![
            told.tenant_id,
            told.athlete_id,
            told.source,
            told.provider_id,
            told.account_id
        ];
        let rows = statement
            .query_map(names, |row| sql::row(Table::TimelineEntries, row))?
            .collect::<rusqlite::Result<Vec<Row>>>()?;
        for row in rows
            .iter()
            .filter_map(|row| sinks_store::take_back(row, told))
        {
            self.end(&row)?;
        }
        Ok(())
    }

    fn current(&self, table: Table, tenant: &str, id: &str) -> rusqlite::Result<Option<Row>> {
        let Some(statements) = self.statements.get(&table) else {
            return Ok(None);
        };
        self.transaction
            .prepare_cached(&statements.get)?
            .query_row([tenant, id], |row| sql::row(table, row))
            .optional()
    }

    fn know(&self, athletes: BTreeSet<(&str, &str)>) -> rusqlite::Result<()> {
        let mut statement = self.transaction.prepare_cached(
            "INSERT OR IGNORE INTO athletes (tenant_id, athlete_id) VALUES (?1, ?2)",
        )?;
        for (tenant, athlete) in athletes {
            statement.execute([tenant, athlete])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ReadStore, Snapshot, SqliteMarks};
    use schemas::record::Micros;
    use sinks_store::{ReplayMarks, SeriesQuery, SeriesScan};

    #[test]
    fn the_sqlite_store_keeps_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        let mut made = 0;
        sinks_store::contract::check(|| {
            made += 1;
            let path = folder.path().join(format!("{made}.db"));
            let store = SqliteStore::open(&path).unwrap();
            (store, ReadStore::open_read_only(&path).unwrap())
        });
    }

    #[test]
    fn a_scan_shows_every_row_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let mut store = SqliteStore::open(&path).unwrap();
        let reader = ReadStore::open_read_only(&path).unwrap();
        sinks_store::contract::fill_for_scan(&mut store);
        let snapshot = Snapshot::open(&path).unwrap();
        sinks_store::contract::check_scan(&reader, &snapshot);
    }

    #[test]
    fn a_snapshot_stays_what_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let mut store = SqliteStore::open(&path).unwrap();
        store.apply(Vec::new(), FeedPosition(1)).unwrap();
        let snapshot = Snapshot::open(&path).unwrap();
        let fact: schemas::record::session::SessionRevised = schemas::sample::full();
        let rows = sinks_store::project(fact.into()).into_iter().collect();
        store.apply(rows, FeedPosition(2)).unwrap();
        assert_eq!(snapshot.position(), FeedPosition(1));
        assert!(snapshot.athletes(None, 10).unwrap().is_empty());
        let now = Snapshot::open(&path).unwrap();
        assert_eq!(now.athletes(None, 10).unwrap().len(), 1);
    }

    #[test]
    fn a_store_that_is_opened_again_goes_on_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let mut store = SqliteStore::open(&path).unwrap();
        store.apply(Vec::new(), FeedPosition(41)).unwrap();
        drop(store);
        let store = SqliteStore::open(&path).unwrap();
        assert_eq!(store.position().unwrap(), FeedPosition(41));
        let reader = ReadStore::open_read_only(&path).unwrap();
        assert_eq!(reader.position().unwrap(), FeedPosition(41));
    }

    #[test]
    fn a_file_of_a_later_version_is_refused_by_writers_and_readers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        drop(SqliteStore::open(&path).unwrap());
        let later = Connection::open(&path).unwrap();
        later
            .execute("INSERT INTO migrations VALUES (99, 'of the future')", [])
            .unwrap();
        let refusals = [
            SqliteStore::open(&path).err(),
            ReadStore::open_read_only(&path).err(),
        ];
        for refusal in refusals {
            assert!(matches!(
                refusal,
                Some(StoreError::NewerSchema { found: 99, .. })
            ));
        }
    }

    #[test]
    fn a_dead_letter_is_marked_as_replayed_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let mut store = SqliteStore::open(&path).unwrap();
        let fact: schemas::record::ingest::RecordRejected = schemas::sample::full();
        let (tenant, id) = (fact.tenant_id.clone(), fact.id.clone());
        let rows = sinks_store::project(fact.into()).into_iter().collect();
        store.apply(rows, FeedPosition(1)).unwrap();
        let marks = SqliteMarks::open(&path).unwrap();
        assert!(!marks.mark_replayed(&tenant, "no such", Micros(5)).unwrap());
        assert!(marks.mark_replayed(&tenant, &id, Micros(5)).unwrap());
        assert!(!marks.mark_replayed(&tenant, &id, Micros(6)).unwrap());
        let reader = ReadStore::open_read_only(&path).unwrap();
        assert_eq!(reader.counts().unwrap().dead_letters, 0);
    }
}
