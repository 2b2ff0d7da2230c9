//! The processing side: committed inputs in, one atomic commit out.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;

use rusqlite::Connection;
use stream_log::{
    BucketId, Commit, Failure, Key, Log, LogTime, Offset, Partition, Position, Record, Sequenced,
    StateStore, Timer,
};

use crate::failed::{failed, stop};
use crate::log::{Appender, answer_to};
use crate::records::{self, COLUMNS, Prepared, footprint};
use crate::schema::{self, Place, signed};
use crate::shared::Found;
use crate::state;
use crate::writer::{Changes, Command, Reply};

/// One owner of all partitions; a later one shuts this one out.
pub struct ProcessingHost {
    connection: Connection,
    appender: Appender,
    owner: u64,
    partitions: u32,
    positions: BTreeMap<Partition, Offset>,
    /// Everything up to here is processed and committed.
    processed: u64,
    /// Everything up to here was polled.
    cursor: u64,
    /// Polled and not committed, in log order.
    polled: VecDeque<(Partition, Offset)>,
    inputs: String,
}

impl ProcessingHost {
    pub(crate) fn open(
        place: &Place,
        appender: Appender,
        partitions: u32,
    ) -> Result<Self, Failure> {
        let owner = appender
            .shared
            .owner
            .fetch_add(1, Ordering::AcqRel)
            .saturating_add(1);
        let connection = place.reader()?;
        let attempted = "reading the committed positions";
        let meta = schema::meta(&connection).map_err(|error| failed(attempted, error))?;
        let processed = schema::unsigned(meta.get("processed").copied().unwrap_or(0));
        let positions = schema::positions(&connection).map_err(|error| failed(attempted, error))?;
        let inputs = appender.topics.inputs();
        Ok(Self {
            connection,
            appender,
            owner,
            partitions,
            positions,
            processed,
            cursor: processed,
            polled: VecDeque::new(),
            inputs,
        })
    }

    /// Tells how far the log is and waits for more.
    pub fn appender(&self) -> &Appender {
        &self.appender
    }

    fn read_back(
        &self,
        head: u64,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<(Vec<Sequenced>, u64), Failure> {
        let bad = |error| failed("reading inputs", error);
        let mut select = self
            .connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM records WHERE seq > ?1 AND seq <= ?2 AND topic IN ({})
                 ORDER BY seq",
                self.inputs
            ))
            .map_err(bad)?;
        let mut rows = select
            .query([signed(self.cursor), signed(head)])
            .map_err(bad)?;
        let mut found: Vec<Sequenced> = Vec::new();
        let mut bytes = 0_usize;
        while let Some(row) = rows.next().map_err(bad)? {
            let record = records::read_intact(row, &self.appender.topics)?;
            bytes = bytes.saturating_add(footprint(&record.record));
            if found.len() >= max_records || (bytes > max_bytes && !found.is_empty()) {
                let upto = found.last().map_or(self.cursor, |last| last.offset.0);
                return Ok((found, upto));
            }
            found.push(record);
        }
        Ok((found, head))
    }

    fn is_processed(&self, record: &Sequenced) -> bool {
        self.positions
            .get(&record.partition)
            .is_some_and(|at| record.offset <= *at)
    }

    /// How far the log is processed once these positions are committed.
    fn processed_after(&self, commit: &Commit) -> u64 {
        let mut positions = self.positions.clone();
        positions.extend(commit.positions.iter().map(|at| (at.partition, at.offset)));
        let open = self
            .polled
            .iter()
            .find(|(partition, offset)| positions.get(partition).is_none_or(|at| offset > at));
        open.map_or(self.cursor, |(_, offset)| offset.0.saturating_sub(1))
    }

    /// Takes over records of another log into the partitions they have there, with what that log
    /// says of state: all of it or nothing, as a commit. The records go after `Appender::head`.
    pub fn copy(
        &mut self,
        records: Vec<(Partition, Record)>,
        commit: Commit,
    ) -> Result<(), Failure> {
        let mut prepared = Prepared::default();
        for (partition, record) in records {
            prepared.push(record, partition, &self.appender.topics)?;
        }
        self.write_with(prepared, commit)
    }

    fn write(&mut self, mut commit: Commit) -> Result<(), Failure> {
        let outputs = std::mem::take(&mut commit.outputs);
        let outputs = Prepared::new(outputs, self.partitions, &self.appender.topics)?;
        self.write_with(outputs, commit)
    }

    fn write_with(&mut self, outputs: Prepared, mut commit: Commit) -> Result<(), Failure> {
        commit.positions = greatest(&commit.positions);
        let processed = self.processed_after(&commit);
        let positions = commit.positions.clone();
        let changes = Box::new(Changes {
            state: commit.state,
            timers: commit.timers,
            counters: commit.counters,
            positions: commit.positions,
            processed,
            partitions: self.partitions,
        });
        let owner = self.owner;
        self.ask(|reply| Command::Commit {
            outputs,
            changes,
            owner,
            reply,
        })?;
        self.positions
            .extend(positions.iter().map(|at| (at.partition, at.offset)));
        self.processed = processed;
        while self
            .polled
            .front()
            .is_some_and(|(_, offset)| offset.0 <= processed)
        {
            self.polled.pop_front();
        }
        Ok(())
    }

    fn ask<T: Send + 'static>(
        &self,
        command: impl FnOnce(Reply<T>) -> Command,
    ) -> Result<T, Failure> {
        let (sender, receiver) = sync_channel(1);
        let command = command(Reply::new(answer_to(sender)));
        self.appender
            .sender
            .send(command)
            .map_err(|_| stop("writing to a log that was closed"))?;
        receiver
            .recv()
            .unwrap_or_else(|_| Err(stop("waiting for the log's writer")))
    }
}

/// The log is one sequence for all topics, so the greatest position of a partition counts.
fn greatest(positions: &[Position]) -> Vec<Position> {
    let mut greatest: BTreeMap<Partition, Position> = BTreeMap::new();
    for &at in positions {
        let known = greatest.entry(at.partition).or_insert(at);
        if at.offset > known.offset {
            *known = at;
        }
    }
    greatest.into_values().collect()
}

impl Log for ProcessingHost {
    fn partitions(&self) -> Vec<Partition> {
        (0..self.partitions).map(Partition).collect()
    }

    fn changed_hands(&mut self) -> Vec<Partition> {
        Vec::new()
    }

    fn poll(&mut self, max_records: usize, max_bytes: usize) -> Result<Vec<Sequenced>, Failure> {
        loop {
            let (mut records, upto) =
                match self
                    .appender
                    .shared
                    .take(self.cursor, max_records, max_bytes)
                {
                    Found::Covered { records, upto } => (records, upto),
                    Found::InFile { head } => self.read_back(head, max_records, max_bytes)?,
                };
            let more = upto > self.cursor;
            self.cursor = upto;
            records.retain(|record| !self.is_processed(record));
            if !records.is_empty() || !more {
                let places = records
                    .iter()
                    .map(|record| (record.partition, record.offset));
                self.polled.extend(places);
                return Ok(records);
            }
        }
    }

    fn commit(&mut self, commit: Commit) -> Result<(), Failure> {
        let done = self.write(commit);
        if done.is_err() {
            self.rewind()?;
        }
        done
    }

    fn rewind(&mut self) -> Result<(), Failure> {
        self.cursor = self.processed;
        self.polled.clear();
        Ok(())
    }
    fn append_tick(&mut self, partition: Partition, record: Record) -> Result<(), Failure> {
        let mut records = Prepared::default();
        records.push(record, partition, &self.appender.topics)?;
        self.appender
            .shared
            .queued_bytes
            .fetch_add(records.bytes, Ordering::AcqRel);
        self.ask(|reply| Command::Append { records, reply })
            .map(drop)
    }
}

impl StateStore for ProcessingHost {
    fn get(&self, athlete: &Key, bucket: BucketId) -> Result<Option<Vec<u8>>, Failure> {
        state::get(&self.connection, athlete, bucket)
    }

    fn scan(&self, athlete: &Key) -> Result<Vec<(BucketId, Vec<u8>)>, Failure> {
        state::scan(&self.connection, athlete)
    }

    fn timers_of(&self, athlete: &Key, until: LogTime) -> Result<Vec<Timer>, Failure> {
        state::timers_of(&self.connection, athlete, until)
    }

    fn due(
        &self,
        partition: Partition,
        until: LogTime,
        limit: usize,
    ) -> Result<Vec<Timer>, Failure> {
        state::due(&self.connection, partition, until, limit)
    }

    fn next_due(&self, partition: Partition) -> Result<Option<LogTime>, Failure> {
        state::next_due(&self.connection, partition)
    }

    fn counters(&self) -> Result<BTreeMap<(Partition, String), i64>, Failure> {
        state::counters(&self.connection)
    }

    fn athletes_with(&self, bucket: BucketId, limit: usize) -> Result<Vec<Key>, Failure> {
        state::athletes_with(&self.connection, bucket, limit)
    }
}
