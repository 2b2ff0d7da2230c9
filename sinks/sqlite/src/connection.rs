//! How a file is opened, and what SQLite's errors mean to a writer's loop.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use sinks_store::StoreError;

/// A statement for each table and kind of work, with room for the reads' filters.
const STATEMENTS_MAX: usize = 128;
/// How long a connection waits for another one's write. A batch takes milliseconds; a checkpoint of
/// a large WAL on a slow disk takes seconds.
const BUSY: Duration = Duration::from_secs(10);

/// `synchronous=FULL`: one fsync for each batch, so that a position that was seen is never lost.
/// The WAL is checkpointed every 16 MiB (4,096 pages of 4 KiB) and cut back to 64 MiB after a burst;
/// 16 MiB of cache hold the inner pages of every index of a million rows.
const WRITER: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 4096;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA cache_size = -16384;
    PRAGMA temp_store = MEMORY;
";

const READER: &str = "
    PRAGMA query_only = ON;
    PRAGMA cache_size = -4096;
    PRAGMA temp_store = MEMORY;
";

pub(crate) fn writer(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    open(path, flags, WRITER).map_err(failure("opening the store for writing"))
}

pub(crate) fn reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    open(path, flags, READER).map_err(failure("opening the store for reading"))
}

fn open(path: &Path, flags: OpenFlags, pragmas: &str) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.execute_batch(pragmas)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}

/// Busy is worth another try; a full disk, a broken file or a wrong statement is not.
pub(crate) fn failure(attempted: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError {
    move |error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::unavailable(attempted, error)
        }
        _ => StoreError::failed(attempted, error),
    }
}
