//! The tables of `log.db`, its settings, and what is checked when it is opened.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use stream_log::{Failure, Offset, Partition, Topics};

use crate::failed::{failed, stop};

const LOG_FILE: &str = "log.db";
/// Raised with every change that an older program could not read.
const FORMAT: i64 = 1;
/// Of a log whose beginning was removed: an older program would call that a gap.
pub(crate) const FORMAT_TRIMMED: i64 = 2;
/// How long a statement waits for somebody else's lock, in milliseconds.
const BUSY_MS: u64 = 5_000;
/// Page cache of the writer and of a reader, in KiB.
const WRITER_CACHE_KIB: u32 = 16 * 1024;
const READER_CACHE_KIB: u32 = 8 * 1024;
const STATEMENTS_CACHED: usize = 32;
const TOPICS_MAX: usize = 256;

const TABLES: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE topics (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE records (
  seq INTEGER PRIMARY KEY, topic INTEGER NOT NULL, partition INTEGER NOT NULL, key TEXT NOT NULL,
  received_at INTEGER NOT NULL, headers BLOB NOT NULL, value BLOB NOT NULL, crc32 INTEGER NOT NULL
) STRICT;
CREATE TABLE positions (partition INTEGER PRIMARY KEY, seq INTEGER NOT NULL) STRICT;
CREATE TABLE state (
  athlete TEXT NOT NULL, bucket INTEGER NOT NULL, value BLOB NOT NULL,
  PRIMARY KEY (athlete, bucket)
) STRICT, WITHOUT ROWID;
CREATE TABLE timers (
  athlete TEXT NOT NULL, id BLOB NOT NULL, due INTEGER NOT NULL, partition INTEGER NOT NULL,
  PRIMARY KEY (athlete, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX timers_due ON timers (partition, due, athlete, id);
CREATE INDEX state_quarantined ON state (athlete) WHERE bucket = 2147483646;
CREATE TABLE counters (
  partition INTEGER NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL,
  PRIMARY KEY (partition, name)
) STRICT, WITHOUT ROWID;
";

/// Athletes of whom records were removed. Not among the tables of a new file, so that one of before
/// gets it too.
const TRIMMED: &str =
    "CREATE TABLE IF NOT EXISTS trimmed (athlete TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;";

/// What the file says about itself, read once at opening.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) partitions: u32,
    pub(crate) next_seq: u64,
    pub(crate) positions: BTreeMap<Partition, Offset>,
    pub(crate) topics: TopicIds,
}

/// Topic names and their small numbers in this file.
#[derive(Clone, Debug, Default)]
pub(crate) struct TopicIds {
    by_id: BTreeMap<i64, (&'static str, bool)>,
    by_name: BTreeMap<&'static str, i64>,
}

impl TopicIds {
    pub(crate) fn id(&self, name: &str) -> Option<i64> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn name(&self, id: i64) -> Option<&'static str> {
        self.by_id.get(&id).map(|(name, _)| *name)
    }

    pub(crate) fn is_input(&self, id: i64) -> bool {
        self.by_id.get(&id).is_some_and(|(_, input)| *input)
    }

    /// `1,2,7`: the numbers of the topics that processors read.
    pub(crate) fn inputs(&self) -> String {
        let ids = self.by_id.iter().filter(|(_, (_, input))| *input);
        ids.map(|(id, _)| id.to_string())
            .collect::<Vec<_>>()
            .join(",")
    }
}

/// Where a folder's log is and through which storage layer it is reached.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) file: PathBuf,
    pub(crate) vfs: Option<&'static str>,
}

impl Place {
    pub(crate) fn new(folder: &Path, vfs: Option<&'static str>) -> Self {
        Self {
            file: folder.join(LOG_FILE),
            vfs,
        }
    }

    fn connect(&self, flags: OpenFlags) -> Result<Connection, Failure> {
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = match self.vfs {
            Some(vfs) => Connection::open_with_flags_and_vfs(&self.file, flags, vfs),
            None => Connection::open_with_flags(&self.file, flags),
        };
        let attempted = || format!("opening {}", self.file.display());
        let connection = opened.map_err(|error| failed(attempted(), error))?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
        connection
            .busy_timeout(std::time::Duration::from_millis(BUSY_MS))
            .map_err(|error| failed(attempted(), error))?;
        Ok(connection)
    }

    /// The one connection that writes. Creates the file where there is none.
    pub(crate) fn writer(&self, checkpoint_pages: u32) -> Result<Connection, Failure> {
        let connection =
            self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        // `fullfsync` is what makes a sync reach the disk on macOS; elsewhere it does nothing.
        let settings = format!(
            "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;
             PRAGMA wal_autocheckpoint = {checkpoint_pages}; PRAGMA temp_store = MEMORY;
             PRAGMA cache_size = -{WRITER_CACHE_KIB};"
        );
        connection
            .execute_batch(&settings)
            .map_err(|error| failed(format!("setting up {}", self.file.display()), error))?;
        Ok(connection)
    }

    pub(crate) fn reader(&self) -> Result<Connection, Failure> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection
            .execute_batch(&format!("PRAGMA cache_size = -{READER_CACHE_KIB};"))
            .map_err(|error| failed(format!("setting up {}", self.file.display()), error))?;
        Ok(connection)
    }
}

/// Makes the tables in a new file; checks an old one.
pub(crate) fn prepare(
    connection: &mut Connection,
    place: &Place,
    partitions: u32,
    topics: Topics,
) -> Result<Facts, Failure> {
    let attempted = || format!("preparing {}", place.file.display());
    let transaction = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(|error| failed(attempted(), error))?;
    create(&transaction, partitions).map_err(|error| failed(attempted(), error))?;
    for (name, _) in topics {
        transaction
            .execute("INSERT OR IGNORE INTO topics (name) VALUES (?1)", [name])
            .map_err(|error| failed(attempted(), error))?;
    }
    let facts = facts(&transaction, place, topics)?;
    if facts.partitions != partitions {
        return Err(stop(format!(
            "{} has {} partitions and {partitions} are configured; the count is fixed when a \
             data folder is made",
            place.file.display(),
            facts.partitions
        )));
    }
    transaction
        .commit()
        .map_err(|error| failed(attempted(), error))?;
    Ok(facts)
}

fn create(connection: &Connection, partitions: u32) -> rusqlite::Result<()> {
    let made = connection
        .query_row(
            "SELECT 1 FROM sqlite_schema WHERE name = 'meta'",
            [],
            |_| Ok(()),
        )
        .optional()?;
    connection.execute_batch(TRIMMED)?;
    if made.is_some() {
        return Ok(());
    }
    connection.execute_batch(TABLES)?;
    let mut insert = connection.prepare("INSERT INTO meta (key, value) VALUES (?1, ?2)")?;
    insert.execute(params!["format", FORMAT])?;
    insert.execute(params!["partitions", partitions])?;
    insert.execute(params!["next_seq", 1])?;
    insert.execute(params!["processed", 0])?;
    connection.execute(
        "INSERT INTO meta (key, value) VALUES ('created', unixepoch())",
        [],
    )?;
    Ok(())
}

/// Reads what the file says about itself and refuses what does not hang together.
pub(crate) fn facts(
    connection: &Connection,
    place: &Place,
    topics: Topics,
) -> Result<Facts, Failure> {
    let attempted = || format!("reading {}", place.file.display());
    let meta = meta(connection).map_err(|error| failed(attempted(), error))?;
    let number = |key: &str| {
        meta.get(key)
            .copied()
            .ok_or_else(|| stop(format!("{}: no {key} in meta", place.file.display())))
    };
    let format = number("format")?;
    if format != FORMAT && format != FORMAT_TRIMMED {
        return Err(stop(format!(
            "{} has format {format}, this program reads formats {FORMAT} and {FORMAT_TRIMMED}",
            place.file.display()
        )));
    }
    let next_seq = unsigned(number("next_seq")?);
    let last = last_seq(connection).map_err(|error| failed(attempted(), error))?;
    if last.saturating_add(1) != next_seq {
        return Err(stop(format!(
            "{} ends at record {last}, but {} were acknowledged",
            place.file.display(),
            next_seq.saturating_sub(1)
        )));
    }
    Ok(Facts {
        partitions: u32::try_from(number("partitions")?).unwrap_or(0),
        next_seq,
        positions: positions(connection).map_err(|error| failed(attempted(), error))?,
        topics: topic_ids(connection, topics, place)?,
    })
}

pub(crate) fn meta(connection: &Connection) -> rusqlite::Result<BTreeMap<String, i64>> {
    let mut select = connection.prepare("SELECT key, value FROM meta")?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

pub(crate) fn positions(connection: &Connection) -> rusqlite::Result<BTreeMap<Partition, Offset>> {
    let mut select = connection.prepare("SELECT partition, seq FROM positions")?;
    let rows = select.query_map([], |row| {
        Ok((Partition(row.get(0)?), Offset(unsigned(row.get(1)?))))
    })?;
    rows.collect()
}

pub(crate) fn last_seq(connection: &Connection) -> rusqlite::Result<u64> {
    let last: Option<i64> =
        connection.query_row("SELECT max(seq) FROM records", [], |row| row.get(0))?;
    Ok(last.map_or(0, unsigned))
}

pub(crate) fn topic_ids(
    connection: &Connection,
    topics: Topics,
    place: &Place,
) -> Result<TopicIds, Failure> {
    let attempted = || format!("reading the topics of {}", place.file.display());
    let mut ids = TopicIds::default();
    let read = || -> rusqlite::Result<Vec<(i64, String)>> {
        let mut select = connection.prepare("SELECT id, name FROM topics ORDER BY id")?;
        select
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
    };
    let rows = read().map_err(|error| failed(attempted(), error))?;
    if rows.len() > TOPICS_MAX {
        return Err(stop(format!(
            "{}: more than {TOPICS_MAX} topics",
            place.file.display()
        )));
    }
    for (id, name) in rows {
        let input = topics.iter().any(|(known, input)| *known == name && *input);
        let name = crate::codec::intern(&name, topics).ok_or_else(|| stop(attempted()))?;
        ids.by_id.insert(id, (name, input));
        ids.by_name.insert(name, id);
    }
    Ok(ids)
}

/// Columns that hold what is never negative.
pub(crate) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
