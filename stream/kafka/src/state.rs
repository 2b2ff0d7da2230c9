//! A partition's state in a file of its own: a cache of the changelog, and the only place it is read
//! from.
//!
//! The file says up to which place in the changelog it stands for, in the transaction that brought it
//! there; so it is never half of a commit, only behind. Nothing is synced: after a power loss it is
//! further behind, or damaged, and then it is made anew. A file that was not closed is checked before
//! it is used, and one that was not filled to the end of its first restoring is made anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};
use stream_log::{BucketId, Class, Failure, Key, LogTime, Partition, Timer};

use crate::codec::Change;

/// Changed with every change of the tables; another one is made anew.
const FORMAT: i64 = 2;
/// Kafka forgets a deletion after a day; a file that slept longer might keep what is gone.
const AGE_MAX_US: i64 = 20 * 3_600 * 1_000_000;

const TABLES: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE state (athlete TEXT NOT NULL, bucket INTEGER NOT NULL, value BLOB NOT NULL,
  PRIMARY KEY (athlete, bucket)) WITHOUT ROWID;
CREATE INDEX state_by_bucket ON state (bucket, athlete) WHERE bucket = 2147483646;
CREATE TABLE timers (athlete TEXT NOT NULL, id BLOB NOT NULL, due INTEGER NOT NULL,
  PRIMARY KEY (athlete, id)) WITHOUT ROWID;
CREATE INDEX timers_by_due ON timers (due, athlete, id);
CREATE TABLE inputs (topic TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE counters (name TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
";

/// Between two commits everything is read in one transaction: each on its own would ask the system for
/// a lock and give it back, which costs more than the read.
const READING: &str = "BEGIN";

/// How a file is written that is kept up to date: what is killed in the middle of a commit leaves the
/// one before.
const KEPT: &str =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -4096;";
/// How it is written until it is complete, and of no use before: each page once, and not into a log
/// first. One file at a time, so that its pages may stay in memory (32 MB).
const FILLED: &str =
    "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA cache_size = -32768;";

pub(crate) struct PartitionState {
    /// In a transaction that reads.
    connection: Connection,
    partition: Partition,
    /// The last record of the changelog that is in here.
    applied: Option<i64>,
    /// Restored once; a file that is not is made anew.
    is_complete: bool,
    pub(crate) counters: BTreeMap<String, i64>,
}

fn bad(attempted: &'static str) -> impl Fn(rusqlite::Error) -> Failure {
    move |error| Failure::new(Class::Rebuild, attempted).with_source(error)
}

impl PartitionState {
    /// The file of a partition, or an empty one in place of one that is of no use: another world's,
    /// too old, damaged.
    pub(crate) fn open(
        folder: &Path,
        partition: Partition,
        world: i64,
        now: LogTime,
    ) -> Result<Self, Failure> {
        let file = folder.join(format!("{}.db", partition.0));
        match Self::try_open(&file, partition, world, now) {
            Ok(Some(state)) => return Ok(state),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(file = %file.display(), %error, "kept state is of no use");
            }
        }
        remove(&file)?;
        Self::create(&file, partition, world).map_err(bad("making a file for state"))
    }

    fn try_open(
        file: &Path,
        partition: Partition,
        world: i64,
        now: LogTime,
    ) -> rusqlite::Result<Option<Self>> {
        if !file.exists() {
            return Ok(None);
        }
        let connection = connect(file, KEPT)?;
        let meta = |name: &str| -> rusqlite::Result<Option<i64>> {
            connection
                .query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| {
                    row.get(0)
                })
                .optional()
        };
        let age = now.0.saturating_sub(meta("written_at")?.unwrap_or(0));
        if meta("format")? != Some(FORMAT) || meta("world")? != Some(world) || age > AGE_MAX_US {
            return Ok(None);
        }
        if meta("closed")? != Some(1) {
            let check: String =
                connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
            if check != "ok" {
                return Ok(None);
            }
        }
        connection.execute("DELETE FROM meta WHERE name = 'closed'", [])?;
        let applied = meta("applied")?;
        let counters = connection
            .prepare("SELECT name, count FROM counters")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        connection.execute_batch(READING)?;
        Ok(Some(Self {
            connection,
            partition,
            applied,
            is_complete: true,
            counters,
        }))
    }

    fn create(file: &Path, partition: Partition, world: i64) -> rusqlite::Result<Self> {
        let connection = connect(file, FILLED)?;
        connection.execute_batch(TABLES)?;
        connection.execute("INSERT INTO meta VALUES ('world', ?1)", [world])?;
        connection.execute_batch(READING)?;
        Ok(Self {
            connection,
            partition,
            applied: None,
            is_complete: false,
            counters: BTreeMap::new(),
        })
    }

    /// Everything up to the mark is in: from here on the file is worth keeping.
    pub(crate) fn complete(&mut self) -> Result<(), Failure> {
        if self.is_complete {
            return Ok(());
        }
        self.try_complete()
            .map_err(bad("completing a file for state"))?;
        self.is_complete = true;
        Ok(())
    }

    fn try_complete(&self) -> rusqlite::Result<()> {
        self.connection.execute_batch("COMMIT")?;
        self.connection
            .execute("INSERT INTO meta VALUES ('format', ?1)", [FORMAT])?;
        self.connection.execute_batch(KEPT)?;
        self.connection.execute_batch(READING)
    }

    /// An empty file in place of this one.
    pub(crate) fn anew(self, folder: &Path, world: i64) -> Result<Self, Failure> {
        let partition = self.partition;
        drop(self);
        let file = folder.join(format!("{}.db", partition.0));
        remove(&file)?;
        Self::create(&file, partition, world).map_err(bad("making a file for state"))
    }

    pub(crate) fn applied(&self) -> Option<i64> {
        self.applied
    }

    /// All of it, with the place it stands for, or nothing.
    pub(crate) fn apply(
        &mut self,
        changes: &[Change],
        upto: i64,
        now: LogTime,
    ) -> Result<(), Failure> {
        self.try_apply(changes, upto, now)
            .map_err(bad("keeping state"))?;
        self.applied = Some(upto);
        for change in changes {
            if let Change::Counter(name, count) = change {
                self.counters.insert(name.clone(), *count);
            }
        }
        Ok(())
    }

    fn try_apply(&self, changes: &[Change], upto: i64, now: LogTime) -> rusqlite::Result<()> {
        let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| -> rusqlite::Result<()> {
            self.connection.prepare_cached(sql)?.execute(values)?;
            Ok(())
        };
        run("COMMIT", &[])?;
        run("BEGIN IMMEDIATE", &[])?;
        let written = (|| {
            for change in changes {
                write(&run, change)?;
            }
            run(
                "INSERT OR REPLACE INTO meta VALUES ('applied', ?1)",
                &[&upto],
            )?;
            run(
                "INSERT OR REPLACE INTO meta VALUES ('written_at', ?1)",
                &[&now.0],
            )
        })();
        match written {
            Ok(()) => run("COMMIT", &[])?,
            Err(error) => {
                run("ROLLBACK", &[])?;
                run(READING, &[])?;
                return Err(error);
            }
        }
        run(READING, &[])
    }

    /// Where the inputs are that this state stands for; nothing where none was processed.
    pub(crate) fn inputs(&self) -> Result<BTreeMap<String, i64>, Failure> {
        let rows = self.all("SELECT topic, next FROM inputs", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        Ok(rows.into_iter().collect())
    }

    pub(crate) fn get(&self, athlete: &Key, bucket: BucketId) -> Result<Option<Vec<u8>>, Failure> {
        self.one(
            "SELECT value FROM state WHERE athlete = ?1 AND bucket = ?2",
            params![athlete.as_str(), bucket.0],
        )
    }

    fn one<T: rusqlite::types::FromSql>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
    ) -> Result<Option<T>, Failure> {
        let run = || {
            self.connection
                .prepare_cached(sql)?
                .query_row(values, |row| row.get(0))
                .optional()
        };
        run().map_err(bad("reading state"))
    }

    fn all<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Failure> {
        let run = || -> rusqlite::Result<Vec<T>> {
            self.connection
                .prepare_cached(sql)?
                .query_map(values, read)?
                .collect()
        };
        run().map_err(bad("reading state"))
    }

    pub(crate) fn scan(&self, athlete: &Key) -> Result<Vec<(BucketId, Vec<u8>)>, Failure> {
        self.all(
            "SELECT bucket, value FROM state WHERE athlete = ?1 ORDER BY bucket",
            [athlete.as_str()],
            |row| Ok((BucketId(row.get(0)?), row.get(1)?)),
        )
    }

    pub(crate) fn timers_of(&self, athlete: &Key, until: LogTime) -> Result<Vec<Timer>, Failure> {
        self.all(
            "SELECT due, athlete, id FROM timers WHERE athlete = ?1 AND due <= ?2 ORDER BY due, id",
            params![athlete.as_str(), until.0],
            timer,
        )
    }

    pub(crate) fn due(&self, until: LogTime, limit: usize) -> Result<Vec<Timer>, Failure> {
        self.all(
            "SELECT due, athlete, id FROM timers WHERE due <= ?1 ORDER BY due, athlete, id LIMIT ?2",
            params![until.0, i64::try_from(limit).unwrap_or(i64::MAX)],
            timer,
        )
    }

    pub(crate) fn next_due(&self) -> Result<Option<LogTime>, Failure> {
        let due: Option<i64> = self.one("SELECT due FROM timers ORDER BY due LIMIT 1", [])?;
        Ok(due.map(LogTime))
    }

    pub(crate) fn athletes_with(
        &self,
        bucket: BucketId,
        limit: usize,
    ) -> Result<Vec<Key>, Failure> {
        let sql = if bucket == BucketId::QUARANTINE {
            "SELECT athlete FROM state WHERE bucket = 2147483646 AND ?1 = ?1 ORDER BY athlete LIMIT ?2"
        } else {
            "SELECT athlete FROM state WHERE bucket = ?1 ORDER BY athlete LIMIT ?2"
        };
        self.all(
            sql,
            params![bucket.0, i64::try_from(limit).unwrap_or(i64::MAX)],
            |row| Ok(Key::new(row.get_ref(0)?.as_str()?)),
        )
    }
}

impl Drop for PartitionState {
    fn drop(&mut self) {
        let closed = self
            .connection
            .execute_batch("COMMIT; INSERT OR REPLACE INTO meta VALUES ('closed', 1);");
        if let Err(error) = closed {
            tracing::warn!(%error, "kept state was not closed; it is checked at the next opening");
        }
    }
}

fn timer(row: &rusqlite::Row<'_>) -> rusqlite::Result<Timer> {
    Ok(Timer {
        due: LogTime(row.get(0)?),
        athlete: Key::new(row.get_ref(1)?.as_str()?),
        id: row.get(2)?,
    })
}

type Run<'r> = &'r dyn Fn(&str, &[&dyn rusqlite::ToSql]) -> rusqlite::Result<()>;

fn write(run: Run<'_>, change: &Change) -> rusqlite::Result<()> {
    match change {
        Change::State(athlete, bucket, Some(value)) => run(
            "INSERT OR REPLACE INTO state VALUES (?1, ?2, ?3)",
            &[&athlete.as_str(), &bucket.0, value],
        ),
        Change::State(athlete, bucket, None) => run(
            "DELETE FROM state WHERE athlete = ?1 AND bucket = ?2",
            &[&athlete.as_str(), &bucket.0],
        ),
        Change::Timer(athlete, id, Some(due)) => run(
            "INSERT OR REPLACE INTO timers VALUES (?1, ?2, ?3)",
            &[&athlete.as_str(), id, &due.0],
        ),
        Change::Timer(athlete, id, None) => run(
            "DELETE FROM timers WHERE athlete = ?1 AND id = ?2",
            &[&athlete.as_str(), id],
        ),
        Change::Counter(name, count) => run(
            "INSERT OR REPLACE INTO counters VALUES (?1, ?2)",
            &[name, count],
        ),
        Change::Mark(_) => Ok(()),
        Change::Positions(positions) => positions.iter().try_for_each(|(topic, next)| {
            run(
                "INSERT OR REPLACE INTO inputs VALUES (?1, ?2)",
                &[topic, next],
            )
        }),
    }
}

fn connect(file: &Path, settings: &str) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.execute_batch(settings)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

fn remove(file: &Path) -> Result<(), Failure> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        let file = PathBuf::from(name);
        if file.exists() {
            std::fs::remove_file(&file).map_err(|error| {
                Failure::new(Class::Stop, format!("removing {}", file.display())).with_source(error)
            })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::PartitionState;
    use crate::codec::Change;
    use stream_log::{BucketId, Key, LogTime, Partition};

    const NOW: LogTime = LogTime(1_700_000_000_000_000);
    const WORLD: i64 = 7;

    fn open(folder: &std::path::Path, world: i64, now: LogTime) -> PartitionState {
        PartitionState::open(folder, Partition(3), world, now).unwrap()
    }

    fn filled(folder: &std::path::Path) {
        let athlete = Key::new("t/a");
        let changes = [
            Change::State(athlete.clone(), BucketId::HEAD, Some(vec![1])),
            Change::Counter("seen".to_owned(), 4),
        ];
        let mut state = open(folder, WORLD, NOW);
        state.apply(&changes, 41, NOW).unwrap();
        state.complete().unwrap();
        let mode: Option<String> = state.one("PRAGMA journal_mode", []).unwrap();
        assert_eq!(mode.as_deref(), Some("wal"));
    }

    #[test]
    fn a_file_goes_on_where_it_was_and_another_worlds_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path());
        let state = open(folder.path(), WORLD, NOW);
        assert_eq!(state.applied(), Some(41));
        assert_eq!(state.counters.get("seen"), Some(&4));
        drop(state);
        assert_eq!(open(folder.path(), WORLD + 1, NOW).applied(), None);
    }

    #[test]
    fn a_file_that_slept_too_long_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path());
        let later = LogTime(NOW.0 + 30 * 3_600 * 1_000_000);
        assert_eq!(open(folder.path(), WORLD, later).applied(), None);
    }

    #[test]
    fn a_file_that_was_not_filled_to_the_end_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = open(folder.path(), WORLD, NOW);
        let change = Change::Counter("seen".to_owned(), 4);
        state.apply(&[change], 41, NOW).unwrap();
        drop(state);
        assert_eq!(open(folder.path(), WORLD, NOW).applied(), None);
    }

    #[test]
    fn a_damaged_file_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path());
        let file = folder.path().join("3.db");
        let mut bytes = std::fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        for byte in &mut bytes[100..middle] {
            *byte = !*byte;
        }
        std::fs::write(&file, bytes).unwrap();
        let state = open(folder.path(), WORLD, NOW);
        assert_eq!(state.applied(), None);
        assert_eq!(state.scan(&Key::new("t/a")).unwrap(), []);
    }
}
