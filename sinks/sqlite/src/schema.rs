//! Versions of the file. Each migration runs once, in order, and is never edited afterwards.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use sinks_store::{StoreError, Table};

use crate::connection::failure;
use crate::sql;

/// The schema this program writes.
pub(crate) const VERSION: i64 = 2;

/// What each version brought, from 1. A new file begins with the last.
const NAMES: [&str; 2] = ["first tables", "each revision once"];

const MIGRATIONS_TABLE: &str = "CREATE TABLE IF NOT EXISTS migrations (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL
) STRICT;";

const FEED_AND_ATHLETES: &str = "
CREATE TABLE feed (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    position INTEGER NOT NULL
) STRICT;
INSERT INTO feed (one, position) VALUES (1, 0);
CREATE TABLE athletes (
    tenant_id TEXT NOT NULL,
    athlete_id TEXT NOT NULL,
    PRIMARY KEY (tenant_id, athlete_id)
) STRICT, WITHOUT ROWID;";

/// From when on there is all of it; null is from the beginning.
const KEPT: &str = "
CREATE TABLE kept (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    history_since_us INTEGER,
    dead_letters_since_us INTEGER
) STRICT;
INSERT INTO kept (one) VALUES (1);";

/// Brings a file to the present schema; refuses one that is newer.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let attempted = failure("migrating the store");
    let found = apply(connection).map_err(attempted)?;
    newer_is_refused(found)
}

/// For readers, who may not change the file.
pub(crate) fn check(connection: &Connection) -> Result<(), StoreError> {
    let found = found(connection).map_err(failure("reading the store's version"))?;
    newer_is_refused(found)
}

fn newer_is_refused(found: i64) -> Result<(), StoreError> {
    if found > VERSION {
        return Err(StoreError::NewerSchema {
            found,
            known: VERSION,
        });
    }
    Ok(())
}

fn found(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .query_row("SELECT max(version) FROM migrations", [], |row| {
            row.get::<_, Option<i64>>(0)
        })
        .optional()
        .map(|version| version.flatten().unwrap_or(0))
}

fn apply(connection: &mut Connection) -> rusqlite::Result<i64> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(MIGRATIONS_TABLE)?;
    let found = found(&transaction)?;
    if found < 1 {
        transaction.execute_batch(FEED_AND_ATHLETES)?;
        for table in Table::ALL {
            transaction.execute_batch(&sql::create(table))?;
        }
    } else if found < 2 {
        for table in Table::ALL.into_iter().filter(|table| table.has_history()) {
            transaction.execute_batch(&sql::without_copies(table))?;
        }
    }
    if found < 2 {
        transaction.execute_batch(KEPT)?;
    }
    for (version, name) in (1..).zip(NAMES) {
        if found < version {
            transaction.execute(
                "INSERT INTO migrations (version, name) VALUES (?1, ?2)",
                (version, name),
            )?;
        }
    }
    transaction.commit()?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use sinks_store::{SeriesQuery, SeriesStore};

    use super::*;
    use crate::{ReadStore, SqliteStore};

    /// A simulated athlete's two days, written by version 1.
    const VERSION_1: &str = include_str!("golden/store-v1.sql");

    /// Every revision of a table as text, and how many there are.
    fn revisions(connection: &Connection, table: Table) -> (BTreeSet<String>, usize) {
        let (name, id, revision) = (table.name(), table.id_column(), table.revision_column());
        let text = format!("SELECT {id}, {revision}, step, status, body FROM {name}_history");
        let mut statement = connection.prepare(&text).unwrap();
        let rows = statement.query_map([], |row| {
            let (id, body): (String, String) = (row.get(0)?, row.get(4)?);
            let (revision, step): (i64, i64) = (row.get(1)?, row.get(2)?);
            let status: String = row.get(3)?;
            Ok(format!("{id} {revision} {step} {status} {body}"))
        });
        let all: Vec<String> = rows.unwrap().map(Result::unwrap).collect();
        (all.iter().cloned().collect(), all.len())
    }

    fn histories(path: &Path) -> Vec<(BTreeSet<String>, usize)> {
        let connection = Connection::open(path).unwrap();
        let tables = Table::ALL.into_iter().filter(|table| table.has_history());
        tables.map(|table| revisions(&connection, table)).collect()
    }

    #[test]
    fn a_file_of_version_1_keeps_every_revision_and_each_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(VERSION_1).unwrap();
        drop(old);
        let before = histories(&path);
        let reader = ReadStore::open_read_only(&path).unwrap();
        let counts = reader.counts().unwrap();
        let position = SqliteStore::open(&path).unwrap().position().unwrap();
        assert!(position.0 > 0, "it goes on where it was");
        assert_eq!(histories(&path), before);
        // Twice changes nothing, and a reader of before reads on.
        drop(SqliteStore::open(&path).unwrap());
        assert_eq!(histories(&path), before);
        assert_eq!(reader.counts().unwrap(), counts);
        let now = Connection::open(&path).unwrap();
        let superseded: i64 = now
            .query_row("SELECT count(*) FROM recommendations_superseded", [], |r| {
                r.get(0)
            })
            .unwrap();
        assert_eq!(superseded, 1, "three revisions of two slots");
    }
}
