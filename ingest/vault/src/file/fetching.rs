//! The tables of fetching: sealed callback URLs, marks, used budgets.

use edge::UnixMicros;
use ingest_connectors::port::Used;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::key::Sealed;

/// A callback URL that nobody fetched for so long is dead: Garmin's tokens live for a day.
const CALLBACK_KEPT_US: i64 = 30 * 24 * 3_600 * 1_000_000;

pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS callbacks (
  reference TEXT PRIMARY KEY, key_id TEXT NOT NULL, nonce BLOB NOT NULL, sealed BLOB NOT NULL,
  sealed_at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS callbacks_by_age ON callbacks (sealed_at_us);
CREATE TABLE IF NOT EXISTS marks (
  name TEXT PRIMARY KEY, position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS budgets (
  name TEXT PRIMARY KEY, began_at_us INTEGER NOT NULL, requests INTEGER NOT NULL,
  requests_max INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// A change of these tables, as data.
pub(crate) enum Fetching {
    SealCallbacks {
        /// By reference.
        callbacks: Vec<(String, Sealed)>,
        key_id: String,
        at: UnixMicros,
    },
    DestroyCallback {
        reference: String,
    },
    SetMark {
        name: String,
        position: u64,
    },
    SetUsed(Vec<Used>),
}

pub(super) fn execute(transaction: &Transaction<'_>, write: &Fetching) -> rusqlite::Result<()> {
    match write {
        Fetching::SealCallbacks {
            callbacks,
            key_id,
            at,
        } => {
            transaction
                .prepare_cached("DELETE FROM callbacks WHERE sealed_at_us < ?1")?
                .execute([at.0.saturating_sub(CALLBACK_KEPT_US)])?;
            let mut insert = transaction
                .prepare_cached("INSERT OR IGNORE INTO callbacks VALUES (?1, ?2, ?3, ?4, ?5)")?;
            for (reference, sealed) in callbacks {
                insert.execute(params![
                    reference,
                    key_id,
                    sealed.nonce,
                    sealed.ciphertext,
                    at.0
                ])?;
            }
            Ok(())
        }
        Fetching::DestroyCallback { reference } => transaction
            .prepare_cached("DELETE FROM callbacks WHERE reference = ?1")?
            .execute([reference])
            .map(|_| ()),
        Fetching::SetMark { name, position } => transaction
            .prepare_cached("INSERT OR REPLACE INTO marks VALUES (?1, ?2)")?
            .execute(params![name, i64::try_from(*position).unwrap_or(i64::MAX)])
            .map(|_| ()),
        Fetching::SetUsed(used) => {
            let mut replace = transaction
                .prepare_cached("INSERT OR REPLACE INTO budgets VALUES (?1, ?2, ?3, ?4)")?;
            for used in used {
                replace.execute(params![
                    used.window,
                    used.began.0,
                    used.requests,
                    used.limit
                ])?;
            }
            Ok(())
        }
    }
}

/// A sealed callback URL, with the id of its key.
pub(crate) fn callback(
    connection: &Connection,
    reference: &str,
) -> rusqlite::Result<Option<(String, Sealed)>> {
    connection
        .query_row(
            "SELECT key_id, nonce, sealed FROM callbacks WHERE reference = ?1",
            [reference],
            |row| {
                let sealed = Sealed {
                    nonce: row.get(1)?,
                    ciphertext: row.get(2)?,
                };
                Ok((row.get(0)?, sealed))
            },
        )
        .optional()
}

pub(crate) fn mark(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    let position: Option<i64> = connection
        .query_row(
            "SELECT position FROM marks WHERE name = ?1",
            [name],
            |row| row.get(0),
        )
        .optional()?;
    Ok(position
        .and_then(|position| u64::try_from(position).ok())
        .unwrap_or(0))
}

pub(crate) fn used(connection: &Connection, prefix: &str) -> rusqlite::Result<Vec<Used>> {
    let mut select =
        connection.prepare_cached("SELECT * FROM budgets WHERE substr(name, 1, ?1) = ?2")?;
    let chars = i64::try_from(prefix.chars().count()).unwrap_or(i64::MAX);
    let rows = select.query_map(params![chars, prefix], |row| {
        Ok(Used {
            window: row.get(0)?,
            began: UnixMicros(row.get(1)?),
            requests: row.get(2)?,
            limit: row.get(3)?,
        })
    })?;
    rows.collect()
}
