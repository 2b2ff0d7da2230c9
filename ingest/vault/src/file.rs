//! `vault.db`: what is in it, and how it is written and read.
//!
//! Write-ahead log, `synchronous=FULL`: a commit that returned survives the loss of power.

use std::path::Path;

use edge::UnixMicros;
use ingest_connectors::port::AthleteRef;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::key::Sealed;
use crate::memory::{DEREGISTERED, LINKED, Link, Memory};

pub(crate) mod fetching;

/// Rises when a table changes; an older program refuses a newer file.
pub(crate) const FORMAT: i64 = 3;

/// Formats that have all their tables once the missing ones are made.
pub(crate) const FORMATS_BEFORE: [&str; 2] = ["1", "2"];

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS meta (
  name TEXT PRIMARY KEY, value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS athletes (
  tenant_id TEXT NOT NULL, athlete_id TEXT NOT NULL, registered_at_us INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, athlete_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS connections (
  tenant_id TEXT NOT NULL, athlete_id TEXT NOT NULL, provider TEXT NOT NULL,
  account_id TEXT NOT NULL, state TEXT NOT NULL,
  linked_at_us INTEGER NOT NULL, changed_at_us INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, athlete_id, provider, account_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS connections_by_account ON connections (provider, account_id);
CREATE TABLE IF NOT EXISTS tokens (
  tenant_id TEXT NOT NULL, athlete_id TEXT NOT NULL, provider TEXT NOT NULL,
  account_id TEXT NOT NULL, key_id TEXT NOT NULL, nonce BLOB NOT NULL, sealed BLOB NOT NULL,
  PRIMARY KEY (tenant_id, athlete_id, provider, account_id)
) STRICT, WITHOUT ROWID;
";

/// One change, as data: several go into one commit.
pub(crate) enum Write {
    Register {
        athlete: AthleteRef,
        at: UnixMicros,
    },
    Link {
        athlete: AthleteRef,
        provider: String,
        account_id: String,
        at: UnixMicros,
    },
    Deregister {
        provider: String,
        account_id: String,
        at: UnixMicros,
    },
    /// A link as another node wrote it.
    Account {
        athlete: AthleteRef,
        provider: String,
        account_id: String,
        is_live: bool,
        linked_at: UnixMicros,
        changed_at: UnixMicros,
    },
    Seal {
        athlete: AthleteRef,
        provider: String,
        account_id: String,
        key_id: String,
        sealed: Sealed,
    },
    Fetching(fetching::Fetching),
}

pub(crate) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What is destroyed is overwritten, not only unlinked.
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.execute_batch(TABLES)?;
    connection.execute_batch(fetching::TABLES)?;
    connection.execute_batch(crate::keys::TABLES)?;
    Ok(connection)
}

pub(crate) fn meta(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    connection
        .query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| {
            row.get(0)
        })
        .optional()
}

pub(crate) fn put_meta(connection: &Connection, name: &str, value: &str) -> rusqlite::Result<()> {
    connection
        .execute(
            "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)",
            [name, value],
        )
        .map(|_| ())
}

/// All of the writes or none.
pub(crate) fn commit<'a>(
    connection: &mut Connection,
    writes: impl Iterator<Item = &'a Write>,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for write in writes {
        execute(&transaction, write)?;
    }
    transaction.commit()
}

fn execute(transaction: &Transaction<'_>, write: &Write) -> rusqlite::Result<()> {
    let rows = match write {
        Write::Register { athlete, at } => transaction
            .prepare_cached("INSERT OR IGNORE INTO athletes VALUES (?1, ?2, ?3)")?
            .execute(params![athlete.tenant_id, athlete.athlete_id, at.0]),
        Write::Link {
            athlete,
            provider,
            account_id,
            at,
        } => transaction
            .prepare_cached(
                "INSERT INTO connections VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
                 ON CONFLICT DO UPDATE SET state = ?5, changed_at_us = ?6",
            )?
            .execute(params![
                athlete.tenant_id,
                athlete.athlete_id,
                provider,
                account_id,
                LINKED,
                at.0
            ]),
        Write::Deregister {
            provider,
            account_id,
            at,
        } => transaction
            .prepare_cached(
                "UPDATE connections SET state = ?3, changed_at_us = ?4
                 WHERE provider = ?1 AND account_id = ?2",
            )?
            .execute(params![provider, account_id, DEREGISTERED, at.0]),
        Write::Account { .. } => return put_account(transaction, write),
        Write::Seal {
            athlete,
            provider,
            account_id,
            key_id,
            sealed,
        } => transaction
            .prepare_cached("INSERT OR REPLACE INTO tokens VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
            .execute(params![
                athlete.tenant_id,
                athlete.athlete_id,
                provider,
                account_id,
                key_id,
                sealed.nonce,
                sealed.ciphertext
            ]),
        Write::Fetching(write) => return fetching::execute(transaction, write),
    };
    rows.map(|_| ())
}

/// A link as it is said to be, whatever it was.
fn put_account(transaction: &Transaction<'_>, write: &Write) -> rusqlite::Result<()> {
    let Write::Account {
        athlete,
        provider,
        account_id,
        is_live,
        linked_at,
        changed_at,
    } = write
    else {
        return Ok(());
    };
    transaction
        .prepare_cached("INSERT OR REPLACE INTO connections VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .execute(params![
            athlete.tenant_id,
            athlete.athlete_id,
            provider,
            account_id,
            if *is_live { LINKED } else { DEREGISTERED },
            linked_at.0,
            changed_at.0
        ])
        .map(|_| ())
}

pub(crate) fn load(connection: &Connection) -> rusqlite::Result<Memory> {
    let mut memory = Memory::default();
    let mut athletes = connection.prepare("SELECT * FROM athletes")?;
    let mut rows = athletes.query([])?;
    while let Some(row) = rows.next()? {
        let athlete = AthleteRef::new(row.get::<_, String>(0)?, row.get::<_, String>(1)?);
        memory.athletes.insert(athlete, UnixMicros(row.get(2)?));
    }
    let mut links = connection.prepare("SELECT * FROM connections")?;
    let mut rows = links.query([])?;
    while let Some(row) = rows.next()? {
        let athlete = AthleteRef::new(row.get::<_, String>(0)?, row.get::<_, String>(1)?);
        let (provider, account_id): (String, String) = (row.get(2)?, row.get(3)?);
        let is_live = row.get::<_, String>(4)? == LINKED;
        let link = Link {
            is_live,
            linked_at: UnixMicros(row.get(5)?),
        };
        memory.put_link(&athlete, &provider, &account_id, link);
    }
    Ok(memory)
}

/// What was sealed for a connection, with the id of its key.
pub(crate) fn sealed(
    connection: &Connection,
    athlete: &AthleteRef,
    provider: &str,
    account_id: &str,
) -> rusqlite::Result<Option<(String, Sealed)>> {
    connection
        .query_row(
            "SELECT key_id, nonce, sealed FROM tokens
             WHERE tenant_id = ?1 AND athlete_id = ?2 AND provider = ?3 AND account_id = ?4",
            params![athlete.tenant_id, athlete.athlete_id, provider, account_id],
            |row| {
                Ok((
                    row.get(0)?,
                    Sealed {
                        nonce: row.get(1)?,
                        ciphertext: row.get(2)?,
                    },
                ))
            },
        )
        .optional()
}

/// Tokens of a connection as they are on disk: athlete, provider, account, key.
type SealedTokens = (AthleteRef, String, String, String, Sealed);

pub(crate) fn all_sealed(connection: &Connection) -> rusqlite::Result<Vec<SealedTokens>> {
    let mut select = connection.prepare(
        "SELECT tenant_id, athlete_id, provider, account_id, key_id, nonce, sealed FROM tokens",
    )?;
    let rows = select.query_map([], |row| {
        let athlete = AthleteRef::new(row.get::<_, String>(0)?, row.get::<_, String>(1)?);
        let sealed = Sealed {
            nonce: row.get(5)?,
            ciphertext: row.get(6)?,
        };
        Ok((athlete, row.get(2)?, row.get(3)?, row.get(4)?, sealed))
    })?;
    rows.collect()
}
