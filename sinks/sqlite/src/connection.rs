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

/// A session's row has some 5 KiB. In a page of 4 KiB it takes a second one, which is a second fetch
/// for each row of a month that is read from the disk; three of them fill a page of 16 KiB. The size
/// is decided when a file is made; later, only rewriting the whole file changes it.
pub const PAGE_BYTES: u32 = 16 * 1_024;
/// The WAL is checkpointed when it has grown by so much.
const CHECKPOINT_BYTES: i64 = 16 * 1_024 * 1_024;

/// `synchronous=FULL`: one fsync for each batch, so that a position that was seen is never lost.
/// The WAL is cut back to 64 MiB after a burst; 16 MiB of cache hold the inner pages of every index
/// of a million rows.
const WRITER: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
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
    let pragmas = format!("PRAGMA page_size = {PAGE_BYTES}; {WRITER}");
    let connection = open(path, flags, &pragmas).and_then(|connection| {
        let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let pages = CHECKPOINT_BYTES.checked_div(page).unwrap_or(1);
        connection.pragma_update_and_check(None, "wal_autocheckpoint", pages, |_| Ok(()))?;
        Ok(connection)
    });
    connection.map_err(failure("opening the store for writing"))
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
