//! Reads of committed state, for the processing side and for readers beside it.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use stream_log::{BucketId, Failure, Key, LogTime, Partition, Timer};

use crate::failed::failed;

fn all<T>(
    connection: &Connection,
    attempted: &'static str,
    sql: &str,
    parameters: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, Failure> {
    let run = || -> rusqlite::Result<Vec<T>> {
        connection
            .prepare_cached(sql)?
            .query_map(parameters, read)?
            .collect()
    };
    run().map_err(|error| failed(attempted, error))
}

fn one<T>(
    connection: &Connection,
    attempted: &'static str,
    sql: &str,
    parameters: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, Failure> {
    let run = || {
        connection
            .prepare_cached(sql)?
            .query_row(parameters, read)
            .optional()
    };
    run().map_err(|error| failed(attempted, error))
}

pub(crate) fn key(row: &Row<'_>, column: usize) -> rusqlite::Result<Key> {
    Ok(Key::new(row.get_ref(column)?.as_str()?))
}

fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(crate) fn get(
    connection: &Connection,
    athlete: &Key,
    bucket: BucketId,
) -> Result<Option<Vec<u8>>, Failure> {
    let sql = "SELECT value FROM state WHERE athlete = ?1 AND bucket = ?2";
    let parameters = params![athlete.as_str(), bucket.0];
    one(connection, "reading state", sql, parameters, |row| {
        row.get(0)
    })
}

pub(crate) fn scan(
    connection: &Connection,
    athlete: &Key,
) -> Result<Vec<(BucketId, Vec<u8>)>, Failure> {
    let sql = "SELECT bucket, value FROM state WHERE athlete = ?1 ORDER BY bucket";
    let read = |row: &Row<'_>| Ok((BucketId(row.get(0)?), row.get(1)?));
    all(
        connection,
        "reading an athlete's state",
        sql,
        [athlete.as_str()],
        read,
    )
}

pub(crate) fn timers_of(
    connection: &Connection,
    athlete: &Key,
    until: LogTime,
) -> Result<Vec<Timer>, Failure> {
    let sql = "SELECT due, id FROM timers WHERE athlete = ?1 AND due <= ?2 ORDER BY due, id";
    let parameters = params![athlete.as_str(), until.0];
    all(
        connection,
        "reading an athlete's timers",
        sql,
        parameters,
        |row| {
            Ok(Timer {
                due: LogTime(row.get(0)?),
                athlete: athlete.clone(),
                id: row.get(1)?,
            })
        },
    )
}

fn timer(row: &Row<'_>) -> rusqlite::Result<Timer> {
    Ok(Timer {
        due: LogTime(row.get(0)?),
        athlete: key(row, 1)?,
        id: row.get(2)?,
    })
}

pub(crate) fn due(
    connection: &Connection,
    partition: Partition,
    until: LogTime,
    limit: usize,
) -> Result<Vec<Timer>, Failure> {
    let sql = "SELECT due, athlete, id FROM timers WHERE partition = ?1 AND due <= ?2
               ORDER BY due, athlete, id LIMIT ?3";
    let parameters = params![partition.0, until.0, rows(limit)];
    all(connection, "reading due timers", sql, parameters, timer)
}

/// Every timer there is, by (due, athlete, id).
pub(crate) fn timers(connection: &Connection) -> Result<Vec<Timer>, Failure> {
    let sql = "SELECT due, athlete, id FROM timers ORDER BY due, athlete, id";
    all(connection, "reading timers", sql, [], timer)
}

pub(crate) fn next_due(
    connection: &Connection,
    partition: Partition,
) -> Result<Option<LogTime>, Failure> {
    let sql = "SELECT due FROM timers WHERE partition = ?1 ORDER BY due LIMIT 1";
    one(
        connection,
        "reading the next timer",
        sql,
        [partition.0],
        |row| Ok(LogTime(row.get(0)?)),
    )
}

pub(crate) fn counters(
    connection: &Connection,
) -> Result<BTreeMap<(Partition, String), i64>, Failure> {
    let sql = "SELECT partition, name, value FROM counters";
    let read = |row: &Row<'_>| Ok(((Partition(row.get(0)?), row.get(1)?), row.get(2)?));
    Ok(all(connection, "reading counters", sql, [], read)?
        .into_iter()
        .collect())
}

pub(crate) fn athletes_with(
    connection: &Connection,
    bucket: BucketId,
    limit: usize,
) -> Result<Vec<Key>, Failure> {
    // The number stands in the text so that the index over quarantined athletes is used for them.
    let sql = format!(
        "SELECT athlete FROM state WHERE bucket = {} ORDER BY athlete LIMIT ?1",
        bucket.0
    );
    all(connection, "reading athletes", &sql, [rows(limit)], |row| {
        key(row, 0)
    })
}
