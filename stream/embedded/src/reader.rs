//! Reading a data folder beside a running service, or without one: for `verify`, `explain` and `tail`.
//!
//! It opens the file read-only and takes no lock that a writer would notice.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};
use stream_log::{
    BucketId, Failure, Key, LogTime, Offset, Partition, Sequenced, Timer, Topic, Topics,
};

use crate::failed::failed;
use crate::records::{self, COLUMNS};
use crate::schema::{self, Place, TopicIds, signed, unsigned};
use crate::state;

/// A record as the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub sequenced: Sequenced,
    /// The checksum holds and the headers can be read.
    pub crc_ok: bool,
}

/// Which records to look at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'f> {
    /// None is all of them.
    pub topics: &'f [Topic],
    pub key: Option<&'f Key>,
}

pub struct EmbeddedReader {
    connection: Connection,
    topics: TopicIds,
    meta: BTreeMap<String, i64>,
}

impl EmbeddedReader {
    pub fn open(folder: &Path, topics: Topics) -> Result<Self, Failure> {
        let place = Place::new(folder, None);
        let connection = place.reader()?;
        let meta = schema::meta(&connection)
            .map_err(|error| failed(format!("reading {}", place.file.display()), error))?;
        let topics = schema::topic_ids(&connection, topics, &place)?;
        Ok(Self {
            connection,
            topics,
            meta,
        })
    }

    /// From now on every answer is of one moment, until `release`. Meanwhile the service's
    /// write-ahead log cannot shrink: for `verify`, not for `tail`.
    pub fn hold(&self) -> Result<(), Failure> {
        // The first read takes the snapshot.
        self.connection
            .execute_batch("BEGIN; SELECT count(*) FROM meta;")
            .map_err(|error| failed("holding a snapshot", error))
    }

    pub fn release(&self) -> Result<(), Failure> {
        self.connection
            .execute_batch("COMMIT")
            .map_err(|error| failed("releasing a snapshot", error))
    }

    pub fn partitions(&self) -> u32 {
        self.meta
            .get("partitions")
            .and_then(|count| u32::try_from(*count).ok())
            .unwrap_or(0)
    }

    /// Format, partition count, when it was made (seconds), and how far it was when it was opened.
    pub fn meta(&self) -> &BTreeMap<String, i64> {
        &self.meta
    }

    /// The sequence number that the next record will get: the log holds 1 up to this, without gap.
    pub fn next_seq(&self) -> Result<Offset, Failure> {
        let meta = schema::meta(&self.connection).map_err(|error| failed("reading meta", error))?;
        Ok(Offset(unsigned(meta.get("next_seq").copied().unwrap_or(0))))
    }

    /// The first record that is kept: 1 until something is removed. Of an empty log, the one that will come.
    pub fn first_seq(&self) -> Result<Offset, Failure> {
        let bad = |error| failed("reading the beginning of the log", error);
        let select = "SELECT min(seq) FROM records";
        let first: Option<i64> = self
            .connection
            .query_row(select, [], |row| row.get(0))
            .map_err(bad)?;
        first.map_or_else(|| self.next_seq(), |first| Ok(Offset(unsigned(first))))
    }

    /// Those of whom records were removed: what is kept does not say all about them.
    pub fn trimmed(&self) -> Result<BTreeSet<String>, Failure> {
        self.trimmed_where("", [])
    }

    /// Whether records of an athlete were removed.
    pub fn is_trimmed(&self, athlete: &Key) -> Result<bool, Failure> {
        let found = self.trimmed_where(" WHERE athlete = ?1", [athlete.as_str()])?;
        Ok(!found.is_empty())
    }

    fn trimmed_where(
        &self,
        condition: &str,
        params: impl rusqlite::Params,
    ) -> Result<BTreeSet<String>, Failure> {
        let read = || -> rusqlite::Result<BTreeSet<String>> {
            let there = "SELECT 1 FROM sqlite_schema WHERE name = 'trimmed'";
            let there = self
                .connection
                .query_row(there, [], |_| Ok(()))
                .optional()?;
            if there.is_none() {
                return Ok(BTreeSet::new());
            }
            let text = format!("SELECT athlete FROM trimmed{condition}");
            let mut select = self.connection.prepare_cached(&text)?;
            select.query_map(params, |row| row.get(0))?.collect()
        };
        read().map_err(|error| failed("reading of whom records were removed", error))
    }

    /// Goes through the log in its order until told to break. Streams: memory does not grow.
    pub fn visit(
        &self,
        after: Offset,
        visitor: &mut dyn FnMut(Stored) -> ControlFlow<()>,
    ) -> Result<(), Failure> {
        let bad = |error| failed("reading the log", error);
        let mut select = self
            .connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM records WHERE seq > ?1 ORDER BY seq"
            ))
            .map_err(bad)?;
        let mut rows = select.query([signed(after.0)]).map_err(bad)?;
        while let Some(row) = rows.next().map_err(bad)? {
            let (sequenced, crc_ok) = records::read(row, &self.topics)?;
            if visitor(Stored { sequenced, crc_ok }).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The record at a place, by its key: nothing else is read.
    pub fn at(&self, offset: Offset) -> Result<Option<Stored>, Failure> {
        let bad = |error| failed(format!("reading record {}", offset.0), error);
        let mut select = self
            .connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM records WHERE seq = ?1"))
            .map_err(bad)?;
        let mut rows = select.query([signed(offset.0)]).map_err(bad)?;
        let Some(row) = rows.next().map_err(bad)? else {
            return Ok(None);
        };
        let (sequenced, crc_ok) = records::read(row, &self.topics)?;
        Ok(Some(Stored { sequenced, crc_ok }))
    }

    /// The place before the first input that arrived at `at` or later, in few steps: inputs arrive
    /// nearly in the order of the log. One that was overtaken may lie a little before or after, so
    /// that a caller asks for an earlier time than it means.
    pub fn before(&self, at: LogTime) -> Result<Offset, Failure> {
        let bad = |error| failed("looking for a time in the log", error);
        let inputs = self.topics.inputs();
        let mut select = self
            .connection
            .prepare_cached(&format!(
                "SELECT seq, received_at FROM records
                 WHERE seq > ?1 AND seq <= ?2 AND topic IN ({inputs}) ORDER BY seq LIMIT 1"
            ))
            .map_err(bad)?;
        let mut low = 0;
        let mut high = self.next_seq()?.0.saturating_sub(1);
        while low < high {
            let middle = low + (high - low) / 2;
            let input = select
                .query_row([signed(middle), signed(high)], |row| {
                    Ok((unsigned(row.get(0)?), row.get::<_, i64>(1)?))
                })
                .optional()
                .map_err(bad)?;
            match input {
                Some((seq, received_at)) if received_at < at.0 => low = seq,
                _ => high = middle,
            }
        }
        Ok(Offset(low))
    }

    /// Goes through what a filter lets pass, after one place and up to another, until told to break.
    /// What does not pass is skipped where it lies.
    pub fn visit_some(
        &self,
        after: Offset,
        until: Offset,
        filter: &Filter<'_>,
        visitor: &mut dyn FnMut(Stored) -> ControlFlow<()>,
    ) -> Result<(), Failure> {
        let bad = |error| failed("reading the log", error);
        let mut text = format!("SELECT {COLUMNS} FROM records WHERE seq > ?1 AND seq <= ?2");
        if !filter.topics.is_empty() {
            let ids = filter
                .topics
                .iter()
                .filter_map(|topic| self.topics.id(topic.0));
            let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
            text.push_str(&format!(" AND topic IN ({})", ids.join(",")));
        }
        if filter.key.is_some() {
            text.push_str(" AND key = ?3");
        }
        text.push_str(" ORDER BY seq");
        let mut select = self.connection.prepare_cached(&text).map_err(bad)?;
        let (after, until) = (signed(after.0), signed(until.0));
        let mut rows = match filter.key {
            Some(key) => select.query(params![after, until, key.as_str()]),
            None => select.query(params![after, until]),
        }
        .map_err(bad)?;
        while let Some(row) = rows.next().map_err(bad)? {
            let (sequenced, crc_ok) = records::read(row, &self.topics)?;
            if visitor(Stored { sequenced, crc_ok }).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// At most `limit` records after a place, in log order.
    pub fn page(&self, after: Offset, limit: usize) -> Result<Vec<Stored>, Failure> {
        let mut page = Vec::new();
        if limit == 0 {
            return Ok(page);
        }
        self.visit(after, &mut |stored| {
            page.push(stored);
            if page.len() < limit {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        Ok(page)
    }

    /// Goes through all state, by (athlete, bucket); the head is a bucket of its own.
    pub fn visit_state(
        &self,
        visitor: &mut dyn FnMut(Key, BucketId, Vec<u8>) -> ControlFlow<()>,
    ) -> Result<(), Failure> {
        let bad = |error| failed("reading state", error);
        let mut select = self
            .connection
            .prepare_cached("SELECT athlete, bucket, value FROM state ORDER BY athlete, bucket")
            .map_err(bad)?;
        let mut rows = select.query([]).map_err(bad)?;
        while let Some(row) = rows.next().map_err(bad)? {
            let athlete = state::key(row, 0).map_err(bad)?;
            let bucket = BucketId(row.get(1).map_err(bad)?);
            if visitor(athlete, bucket, row.get(2).map_err(bad)?).is_break() {
                break;
            }
        }
        Ok(())
    }

    pub fn state_of(&self, athlete: &Key) -> Result<Vec<(BucketId, Vec<u8>)>, Failure> {
        state::scan(&self.connection, athlete)
    }

    /// By (due, athlete, id).
    pub fn timers(&self) -> Result<Vec<Timer>, Failure> {
        state::timers(&self.connection)
    }

    pub fn positions(&self) -> Result<BTreeMap<Partition, Offset>, Failure> {
        schema::positions(&self.connection).map_err(|error| failed("reading positions", error))
    }

    pub fn counters(&self) -> Result<BTreeMap<(Partition, String), i64>, Failure> {
        state::counters(&self.connection)
    }

    pub fn athletes_with(&self, bucket: BucketId, limit: usize) -> Result<Vec<Key>, Failure> {
        state::athletes_with(&self.connection, bucket, limit)
    }
}
