//! Versions of the file. Each migration runs once, in order, and is never edited afterwards.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use sinks_store::{StoreError, Table};

use crate::connection::failure;
use crate::sql;

/// The schema this program writes.
pub(crate) const VERSION: i64 = 1;

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
        transaction.execute(
            "INSERT INTO migrations (version, name) VALUES (?1, 'first tables')",
            [1],
        )?;
    }
    transaction.commit()?;
    Ok(found)
}
