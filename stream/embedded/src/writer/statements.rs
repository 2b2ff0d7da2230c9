//! What is written, as SQL.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use stream_log::{Key, Partition, Position, StateChange, TimerChange, partition_of};

use crate::codec;
use crate::records::Prepared;
use crate::schema::{FORMAT_TRIMMED, signed, unsigned};

use super::Trim;

/// A processing commit without its outputs.
pub(crate) struct Changes {
    pub(crate) state: Vec<StateChange>,
    pub(crate) timers: Vec<(Key, TimerChange)>,
    pub(crate) counters: BTreeMap<(Partition, String), i64>,
    pub(crate) positions: Vec<Position>,
    /// Every input up to here is processed once this is committed.
    pub(crate) processed: u64,
    pub(crate) partitions: u32,
}

/// Inserts all rows from `seq` on; the next free sequence number.
pub(super) fn insert(
    connection: &Connection,
    records: &Prepared,
    mut seq: u64,
) -> rusqlite::Result<u64> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO records (seq, topic, partition, key, received_at, headers, value, crc32)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for row in &records.rows {
        insert.execute(params![
            signed(seq),
            row.topic,
            row.partition.0,
            row.record.key.as_str(),
            row.record.received_at.0,
            records.headers(row),
            row.record.value,
            codec::placed_crc(row.content_crc, seq),
        ])?;
        seq = seq.saturating_add(1);
    }
    Ok(seq)
}

pub(super) fn put_meta(connection: &Connection, key: &str, value: u64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE meta SET value = ?2 WHERE key = ?1")?
        .execute(params![key, signed(value)])?;
    Ok(())
}

pub(super) fn change(connection: &Connection, changes: &Changes) -> rusqlite::Result<()> {
    change_state(connection, &changes.state)?;
    change_timers(connection, changes)?;
    let mut add = connection.prepare_cached(
        "INSERT INTO counters (partition, name, value) VALUES (?1, ?2, ?3)
         ON CONFLICT (partition, name) DO UPDATE SET value = value + excluded.value",
    )?;
    for ((partition, name), by) in &changes.counters {
        add.execute(params![partition.0, name, by])?;
    }
    let mut place = connection.prepare_cached(
        "INSERT INTO positions (partition, seq) VALUES (?1, ?2)
         ON CONFLICT (partition) DO UPDATE SET seq = excluded.seq",
    )?;
    for position in &changes.positions {
        place.execute(params![position.partition.0, signed(position.offset.0)])?;
    }
    put_meta(connection, "processed", changes.processed)
}

/// Records that one step looks at: appends wait for it, some ten milliseconds.
const TRIM_RECORDS_MAX: u64 = 2_000;

pub(super) fn trim(connection: &Connection, what: Trim, next_seq: u64) -> rusqlite::Result<u64> {
    let processed: i64 = connection.query_row(
        "SELECT value FROM meta WHERE key = 'processed'",
        [],
        |row| row.get(0),
    )?;
    let last = next_seq.saturating_sub(2).min(what.until.0);
    let last = signed(last).min(processed);
    let mut upto = None;
    let mut oldest = connection.prepare_cached(
        "SELECT seq, received_at FROM records WHERE seq <= ?1 ORDER BY seq LIMIT ?2",
    )?;
    let mut rows = oldest.query([last, signed(TRIM_RECORDS_MAX)])?;
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(1)? >= what.older_than.0 {
            break;
        }
        upto = Some(row.get::<_, i64>(0)?);
    }
    drop(rows);
    let Some(upto) = upto else {
        return Ok(0);
    };
    connection.execute(
        "INSERT OR IGNORE INTO trimmed (athlete) SELECT DISTINCT key FROM records WHERE seq <= ?1",
        [upto],
    )?;
    put_meta(connection, "format", unsigned(FORMAT_TRIMMED))?;
    let removed = connection.execute("DELETE FROM records WHERE seq <= ?1", [upto])?;
    Ok(u64::try_from(removed).unwrap_or(u64::MAX))
}

fn change_state(connection: &Connection, state: &[StateChange]) -> rusqlite::Result<()> {
    let mut put = connection.prepare_cached(
        "INSERT INTO state (athlete, bucket, value) VALUES (?1, ?2, ?3)
         ON CONFLICT (athlete, bucket) DO UPDATE SET value = excluded.value",
    )?;
    let mut remove =
        connection.prepare_cached("DELETE FROM state WHERE athlete = ?1 AND bucket = ?2")?;
    for change in state {
        let (athlete, bucket) = (change.athlete.as_str(), change.bucket.0);
        match &change.value {
            Some(value) => put.execute(params![athlete, bucket, value])?,
            None => remove.execute(params![athlete, bucket])?,
        };
    }
    Ok(())
}

fn change_timers(connection: &Connection, changes: &Changes) -> rusqlite::Result<()> {
    let mut set = connection.prepare_cached(
        "INSERT INTO timers (athlete, id, due, partition) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (athlete, id) DO UPDATE SET due = excluded.due",
    )?;
    let mut clear =
        connection.prepare_cached("DELETE FROM timers WHERE athlete = ?1 AND id = ?2")?;
    for (athlete, change) in &changes.timers {
        match change {
            TimerChange::Set { id, due } => {
                let partition = partition_of(athlete.as_str(), changes.partitions);
                set.execute(params![athlete.as_str(), id, due.0, partition.0])?
            }
            TimerChange::Clear { id } => clear.execute(params![athlete.as_str(), id])?,
        };
    }
    Ok(())
}
