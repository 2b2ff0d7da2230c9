//! `sudor vacuum`: gives the room that deleted and rewritten pages left in the data folder's databases
//! back to the file system. No record and no row is removed by it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rusqlite::{Connection, OpenFlags};
use serde::Serialize;
use stream_embedded::{EmbeddedLog, Options};

use crate::cli::{GlobalArgs, VacuumArgs};
use crate::config::{self, Request};
use crate::exit::{self, CommandResult, Failure};
use crate::run::{existing_log, opening};
use crate::topics;

#[derive(Debug, Serialize)]
struct Vacuumed {
    file: String,
    bytes_before: u64,
    bytes_after: u64,
}

pub(crate) fn run(args: &VacuumArgs, global: GlobalArgs) -> CommandResult {
    let settings = config::load(&Request::of(&args.data))?.0;
    let data = &settings.log.data;
    let log = existing_log(&settings)?;
    // For its lock: whoever holds it is the only writer, and nothing grows meanwhile.
    let lock = EmbeddedLog::open(data, &Options::new(topics::CATALOGUE))
        .map_err(|error| opening(error.into()))?;
    let mut files = Vec::new();
    let store = Some(sinks_sqlite::PAGE_BYTES);
    for (path, pages) in [
        (&log, None),
        (&settings.store.path, store),
        (&settings.vault.path, None),
    ] {
        // With rows on a cluster there is no file of them.
        if path.exists() {
            files.push(vacuum(path, pages).map_err(|error| {
                Failure::failed(error).hint(
                    "it needs as much free room as the largest file has; nothing was lost, \
                     and the service can be started",
                )
            })?);
        }
    }
    drop(lock);
    let printed = if global.json {
        exit::print_json(&serde_json::json!({"files": files}))
    } else {
        exit::print_text(&in_words(&files))
    };
    printed.map_err(Failure::failed)
}

fn in_words(files: &[Vacuumed]) -> String {
    files
        .iter()
        .map(|one| {
            format!(
                "{}: {} bytes, {} before\n",
                one.file, one.bytes_after, one.bytes_before
            )
        })
        .collect()
}

/// With `pages`, in pages of so many bytes.
fn vacuum(path: &Path, pages: Option<u32>) -> anyhow::Result<Vacuumed> {
    let bytes_before = bytes(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(path, flags)
        .with_context(|| format!("cannot open {}", path.display()))?;
    let rewrite = match pages {
        // A page changes its size only where there is no write-ahead log.
        Some(size) => format!(
            "PRAGMA journal_mode = DELETE; PRAGMA page_size = {size}; VACUUM;
             PRAGMA journal_mode = WAL;"
        ),
        None => "VACUUM".to_owned(),
    };
    database
        .execute_batch(&rewrite)
        .with_context(|| format!("cannot rewrite {}", path.display()))?;
    // The new pages are in the write-ahead log; the file shrinks when they are taken over.
    let busy: i64 = database
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .with_context(|| format!("cannot shorten {}", path.display()))?;
    if busy != 0 {
        bail!("somebody reads {}: end that first", path.display());
    }
    drop(database);
    let name = path.file_name().unwrap_or(path.as_os_str());
    Ok(Vacuumed {
        file: name.to_string_lossy().into_owned(),
        bytes_before,
        bytes_after: bytes(path)?,
    })
}

/// Of the file and what waits beside it.
fn bytes(path: &Path) -> anyhow::Result<u64> {
    let mut ahead = path.as_os_str().to_owned();
    ahead.push("-wal");
    let ahead = fs::metadata(PathBuf::from(ahead)).map_or(0, |found| found.len());
    let found = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(found.len() + ahead)
}
