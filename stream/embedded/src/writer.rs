//! The one thread that writes: takes what is queued, appends first, then a processing commit, each
//! in a transaction of its own, each durable before its reply.
//!
//! Invariants:
//! * all appends that are queued share one transaction and one sync;
//! * a commit that fails cannot undo an append that was acknowledged;
//! * after a failed write the writer refuses everything that follows: of a failed sync nobody can
//!   say what reached the disk.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;

use rusqlite::Connection;
use stream_log::{Appended, Class, Failure, LogTime, Offset, Partition, Sequenced};

use crate::failed::{failed, is_busy, stop};
use crate::lock::WriterLock;
use crate::records::Prepared;
use crate::schema::{Facts, TopicIds};
use crate::shared::Shared;

mod statements;

pub(crate) use statements::Changes;

/// Records and bytes of one transaction; more is left in the queue.
const GROUP_RECORDS_MAX: usize = 16_384;
const GROUP_BYTES_MAX: usize = 32 * 1024 * 1024;

pub(crate) enum Command {
    Append {
        records: Prepared,
        reply: Reply<Vec<Appended>>,
    },
    Commit {
        outputs: Prepared,
        changes: Box<Changes>,
        owner: u64,
        reply: Reply<()>,
    },
    Trim {
        what: Trim,
        reply: Reply<u64>,
    },
    Stop,
}

/// Which records go: from the beginning of the log up to a place, while they are older than a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trim {
    pub(crate) until: Offset,
    pub(crate) older_than: LogTime,
}

impl Command {
    /// The caller is told otherwise: no callback.
    pub(crate) fn withdraw(self) {
        if let Self::Append { mut reply, .. } = self {
            reply.0 = None;
        }
    }
}

/// Answers exactly once: also when the command is dropped unheard.
pub(crate) struct Reply<T>(Option<Callback<T>>);

pub(crate) type Callback<T> = Box<dyn FnOnce(Result<T, Failure>) + Send>;

impl<T> Reply<T> {
    pub(crate) fn new(callback: Callback<T>) -> Self {
        Self(Some(callback))
    }

    pub(crate) fn send(mut self, result: Result<T, Failure>) {
        self.answer(result);
    }

    fn answer(&mut self, result: Result<T, Failure>) {
        if let Some(callback) = self.0.take()
            && catch_unwind(AssertUnwindSafe(|| callback(result))).is_err()
        {
            tracing::error!("a callback of an append panicked");
        }
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        self.answer(Err(stop("writing to a log that was closed")));
    }
}

pub(crate) struct Writer {
    pub(crate) connection: Connection,
    pub(crate) shared: Arc<Shared>,
    pub(crate) topics: TopicIds,
    pub(crate) next_seq: u64,
    pub(crate) positions: BTreeMap<Partition, Offset>,
    /// Dropped after the connection, when nothing is written any more.
    pub(crate) _lock: WriterLock,
}

#[derive(Default)]
struct Group {
    appends: Vec<(Prepared, Reply<Vec<Appended>>)>,
    commits: Vec<(Prepared, Box<Changes>, u64, Reply<()>)>,
    trims: Vec<(Trim, Reply<u64>)>,
    records: usize,
    bytes: usize,
    stop: bool,
}

impl Group {
    fn take(&mut self, command: Command) {
        match command {
            Command::Append { records, reply } => {
                self.records = self.records.saturating_add(records.rows.len());
                self.bytes = self.bytes.saturating_add(records.bytes);
                self.appends.push((records, reply));
            }
            Command::Commit {
                outputs,
                changes,
                owner,
                reply,
            } => {
                self.commits.push((outputs, changes, owner, reply));
            }
            Command::Trim { what, reply } => self.trims.push((what, reply)),
            Command::Stop => self.stop = true,
        }
    }

    fn has_room(&self) -> bool {
        self.records < GROUP_RECORDS_MAX && self.bytes < GROUP_BYTES_MAX && !self.stop
    }
}

impl Writer {
    pub(crate) fn new(
        connection: Connection,
        facts: &Facts,
        shared: Arc<Shared>,
        lock: WriterLock,
    ) -> Self {
        Self {
            connection,
            shared,
            topics: facts.topics.clone(),
            next_seq: facts.next_seq,
            positions: facts.positions.clone(),
            _lock: lock,
        }
    }

    /// Until told to stop, or until nobody can tell anything any more.
    pub(crate) fn run(mut self, commands: &Receiver<Command>) {
        while let Ok(first) = commands.recv() {
            let mut group = Group::default();
            group.take(first);
            while group.has_room()
                && let Ok(next) = commands.try_recv()
            {
                group.take(next);
            }
            self.shared
                .queued_bytes
                .fetch_sub(group.bytes, Ordering::AcqRel);
            self.append(std::mem::take(&mut group.appends));
            for (outputs, changes, owner, reply) in std::mem::take(&mut group.commits) {
                let result = self.commit(outputs, &changes, owner);
                reply.send(result);
            }
            for (what, reply) in std::mem::take(&mut group.trims) {
                reply.send(self.trim(what));
            }
            if group.stop {
                break;
            }
        }
        self.shared.wake_all();
    }

    fn refuse_if_poisoned(&self) -> Result<(), Failure> {
        match self.shared.failed.get() {
            Some(first) => Err(stop(format!("writing after a failed write ({first})"))),
            None => Ok(()),
        }
    }

    /// Begins a transaction. A lock that somebody else holds too long is the one thing that may
    /// be tried again: nothing was written yet.
    fn begin(&mut self, attempted: &str) -> Result<(), Failure> {
        self.refuse_if_poisoned()?;
        match self.connection.execute_batch("BEGIN IMMEDIATE") {
            Ok(()) => Ok(()),
            Err(error) if is_busy(&error) => Err(failed(attempted, error)),
            Err(error) => Err(self.poison(attempted, error)),
        }
    }

    fn poison(&mut self, attempted: &str, error: rusqlite::Error) -> Failure {
        tracing::error!(%error, attempted, "a write failed, nothing more is acknowledged");
        self.shared
            .failed
            .get_or_init(|| format!("{attempted}: {error}"));
        // What is left of the transaction must not be in the way of closing; its outcome is the
        // next opening's to find out.
        if let Err(error) = self.connection.execute_batch("ROLLBACK") {
            tracing::debug!(%error, "no transaction left to roll back");
        }
        Failure::new(Class::Stop, attempted).with_source(error)
    }

    fn append(&mut self, appends: Vec<(Prepared, Reply<Vec<Appended>>)>) {
        if appends.is_empty() {
            return;
        }
        match self.append_all(&appends) {
            Ok(first) => {
                let head = self.next_seq.saturating_sub(1);
                let mut seq = first;
                let mut replies = Vec::with_capacity(appends.len());
                let mut inputs = Vec::new();
                for (records, reply) in appends {
                    let mut places = Vec::with_capacity(records.rows.len());
                    for row in records.rows {
                        let offset = Offset(seq);
                        places.push(Appended {
                            partition: row.partition,
                            offset,
                        });
                        if self.topics.is_input(row.topic) {
                            let partition = row.partition;
                            inputs.push(Sequenced {
                                partition,
                                offset,
                                record: row.record,
                            });
                        }
                        seq = seq.saturating_add(1);
                    }
                    replies.push((reply, places));
                }
                self.shared.publish(first, head, inputs.into_iter());
                for (reply, places) in replies {
                    reply.send(Ok(places));
                }
            }
            Err(failure) => refuse_all(appends, &failure),
        }
    }

    /// One transaction for all; the first sequence number given.
    fn append_all(&mut self, appends: &[(Prepared, Reply<Vec<Appended>>)]) -> Result<u64, Failure> {
        const ATTEMPTED: &str = "appending records";
        self.begin(ATTEMPTED)?;
        let first = self.next_seq;
        let written = || -> rusqlite::Result<u64> {
            let mut seq = first;
            for (records, _) in appends {
                seq = statements::insert(&self.connection, records, seq)?;
            }
            statements::put_meta(&self.connection, "next_seq", seq)?;
            self.connection.execute_batch("COMMIT")?;
            Ok(seq)
        };
        match written() {
            Ok(next) => {
                self.next_seq = next;
                Ok(first)
            }
            Err(error) => Err(self.poison(ATTEMPTED, error)),
        }
    }

    fn commit(&mut self, outputs: Prepared, changes: &Changes, owner: u64) -> Result<(), Failure> {
        const ATTEMPTED: &str = "committing a processed batch";
        if owner != self.shared.owner.load(Ordering::Acquire) {
            return Err(Failure::new(
                Class::Rebuild,
                "committing as a host that was replaced",
            ));
        }
        for position in &changes.positions {
            if self
                .positions
                .get(&position.partition)
                .is_some_and(|at| position.offset <= *at)
            {
                return Err(stop(format!(
                    "committing partition {} a second time",
                    position.partition.0
                )));
            }
        }
        self.begin(ATTEMPTED)?;
        let first = self.next_seq;
        let written = || -> rusqlite::Result<u64> {
            let next = statements::insert(&self.connection, &outputs, first)?;
            statements::change(&self.connection, changes)?;
            statements::put_meta(&self.connection, "next_seq", next)?;
            self.connection.execute_batch("COMMIT")?;
            Ok(next)
        };
        match written() {
            Ok(next) => self.next_seq = next,
            Err(error) => return Err(self.poison(ATTEMPTED, error)),
        }
        for position in &changes.positions {
            self.positions.insert(position.partition, position.offset);
        }
        if self.next_seq > first {
            let topics = &self.topics;
            let inputs = outputs
                .rows
                .into_iter()
                .zip(first..)
                .filter_map(|(row, seq)| {
                    topics.is_input(row.topic).then_some(Sequenced {
                        partition: row.partition,
                        offset: Offset(seq),
                        record: row.record,
                    })
                });
            self.shared
                .publish(first, self.next_seq.saturating_sub(1), inputs);
        }
        Ok(())
    }
}

impl Writer {
    /// One step of it; how many records went. The last record always stays: the sequence goes on from
    /// it. So does everything that is not processed.
    fn trim(&mut self, what: Trim) -> Result<u64, Failure> {
        const ATTEMPTED: &str = "removing records";
        self.begin(ATTEMPTED)?;
        let removed = statements::trim(&self.connection, what, self.next_seq)
            .and_then(|removed| self.connection.execute_batch("COMMIT").map(|()| removed));
        removed.map_err(|error| self.poison(ATTEMPTED, error))
    }
}

/// The same news for everybody who waits; the cause goes to the log, as it cannot be copied.
fn refuse_all(appends: Vec<(Prepared, Reply<Vec<Appended>>)>, failure: &Failure) {
    for (_, reply) in appends {
        let cause = std::error::Error::source(failure).map(ToString::to_string);
        let mut told = Failure::new(failure.class, failure.attempted.clone());
        if let Some(cause) = cause {
            told = told.with_source(cause);
        }
        reply.send(Err(told));
    }
}
