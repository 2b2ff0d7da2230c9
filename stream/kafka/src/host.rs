//! One thread's worth of processing: the partitions that it owns, their inputs, their state, and the
//! transaction that moves all of them.
//!
//! Why a commit is one whole transaction, and none is open between two: whatever changes hands does so
//! between commits, in `poll`. What was polled and not committed then is simply dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::hash::Hasher;
use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, ConsumerGroupMetadata};
use stream_log::{
    Class, Commit, Failure, Key, Log, Partition, Record, Sequenced, Topic, partition_of,
};

mod committing;
mod ownership;
mod reading;
mod store;

use crate::append::KafkaAppender;
use crate::classify::failed;
use crate::clients::{self, Told};
use crate::member::Member;
use crate::merge::Merge;
use crate::restore::{RestoreTotals, Restorer};
use crate::settings::KafkaOptions;
use crate::state::PartitionState;
use crate::topics;
use crate::transaction::Transactions;

const LOOK: Duration = Duration::from_millis(5);

pub struct KafkaHost {
    options: KafkaOptions,
    appender: KafkaAppender,
    /// Before the others: a member that leaves lets its partitions go at once.
    member: Member,
    reader: BaseConsumer<Told>,
    transactions: Transactions,
    restorer: Restorer,
    active: BTreeMap<Partition, Active>,
    restoring: BTreeMap<Partition, Taking>,
    restored: RestoreTotals,
    changed: BTreeSet<Partition>,
    merge: Merge,
    /// The generation in which what is owned was looked at.
    owner: Option<ConsumerGroupMetadata>,
    rewind: bool,
    caught_up: bool,
    committed_at: Option<Instant>,
    /// Ends beyond which nothing but marks came, by place.
    empty_ends: BTreeMap<(Topic, Partition), i64>,
    /// Held while the folder of kept state is ours.
    _folder: File,
}

/// An owned partition that is ready.
struct Active {
    since: u64,
    state: PartitionState,
    inputs: BTreeMap<Topic, Input>,
}

/// An owned partition whose state is being read.
struct Taking {
    since: u64,
    inputs: BTreeMap<Topic, Input>,
}

/// Where one topic's partition is.
#[derive(Clone, Copy, Debug)]
struct Input {
    /// The next record that is not committed.
    committed: i64,
    /// The next record that is not fetched.
    cursor: i64,
}

impl KafkaHost {
    /// Joins the group. What it owns comes later, in `poll`.
    pub fn open(options: &KafkaOptions, appender: KafkaAppender) -> Result<Self, Failure> {
        topics::check(options)?;
        let folder = lock(options)?;
        let world = world(options);
        let transactions = Transactions::open(options)?;
        let mut config = clients::reader(options, "reader", &options.group());
        config.set("statistics.interval.ms", "0");
        let reader = BaseConsumer::from_config_and_context(&config, Told::default())
            .map_err(|error| failed("opening the reader of inputs", error))?;
        Ok(Self {
            member: Member::join(options)?,
            restorer: Restorer::start(options, world)?,
            options: options.clone(),
            appender,
            reader,
            transactions,
            active: BTreeMap::new(),
            restoring: BTreeMap::new(),
            restored: RestoreTotals::default(),
            changed: BTreeSet::new(),
            merge: Merge::default(),
            owner: None,
            rewind: false,
            caught_up: false,
            committed_at: None,
            empty_ends: BTreeMap::new(),
            _folder: folder,
        })
    }

    /// Whether the last poll saw the end of all inputs of what is owned.
    pub fn caught_up(&self) -> bool {
        self.caught_up
    }

    /// Partitions that are owned and not ready, and the records of their changelogs still to read.
    pub fn restoring(&self) -> (usize, u64) {
        (self.restoring.len(), self.restorer.records_left())
    }

    /// What was read of changelogs since this was opened.
    pub fn restored(&self) -> RestoreTotals {
        self.restored
    }

    /// Takes part in the group until so many partitions are ready.
    pub fn wait_for_partitions(&mut self, count: usize, limit: Duration) -> Result<(), Failure> {
        let started = Instant::now();
        while self.active.len() < count || !self.restoring.is_empty() {
            if started.elapsed() > limit {
                return Err(Failure::new(
                    Class::Retry,
                    format!("waiting for {count} partitions, have {}", self.active.len()),
                ));
            }
            self.follow_ownership(LOOK)?;
        }
        Ok(())
    }

    fn partition_of(&self, athlete: &Key) -> Partition {
        partition_of(athlete.as_str(), self.options.partitions)
    }

    fn state_of(&self, athlete: &Key) -> Result<&PartitionState, Failure> {
        self.state(self.partition_of(athlete))
    }

    fn state(&self, partition: Partition) -> Result<&PartitionState, Failure> {
        let active = self.active.get(&partition).ok_or_else(|| {
            Failure::new(
                Class::Abort,
                format!(
                    "reading state of partition {}, which is not ours",
                    partition.0
                ),
            )
        })?;
        Ok(&active.state)
    }
}

impl Log for KafkaHost {
    fn partitions(&self) -> Vec<Partition> {
        self.active.keys().copied().collect()
    }

    fn changed_hands(&mut self) -> Vec<Partition> {
        std::mem::take(&mut self.changed).into_iter().collect()
    }

    fn poll(&mut self, max_records: usize, max_bytes: usize) -> Result<Vec<Sequenced>, Failure> {
        self.caught_up = false;
        let idle = if self.active.is_empty() {
            self.options.limits.poll_wait
        } else {
            Duration::ZERO
        };
        self.follow_ownership(idle)?;
        if self.active.is_empty() {
            return Ok(Vec::new());
        }
        if self.rewind {
            self.go_back()?;
        }
        let wanted = max_records.max(1);
        if self.merge.records() == 0 {
            self.fetch(self.options.limits.poll_wait, wanted)?;
        }
        // What arrives until the next commit may be made comes along in one batch.
        while let Some(committed_at) = self.committed_at
            && self.merge.records() > 0
            && self.merge.records() < wanted
            && self.merge.bytes() < max_bytes
            && let Some(left) = self
                .options
                .limits
                .commit_interval
                .checked_sub(committed_at.elapsed())
            && !left.is_zero()
        {
            self.fetch(left.min(LOOK), wanted)?;
        }
        self.fetch(Duration::ZERO, wanted)?;
        if self.merge.records() == 0 {
            self.look_at_the_end(wanted)?;
        }
        Ok(self.merge.take(max_records, max_bytes))
    }

    fn commit(&mut self, commit: Commit) -> Result<(), Failure> {
        let done = self.write(&commit);
        if done.is_err() {
            self.rewind = true;
        }
        done
    }

    fn rewind(&mut self) -> Result<(), Failure> {
        self.go_back()
    }

    fn append_tick(&mut self, partition: Partition, record: Record) -> Result<(), Failure> {
        self.appender.append_to(partition, record).map(drop)
    }
}

/// Two processes on one folder would each take the other's files for their own.
fn lock(options: &KafkaOptions) -> Result<File, Failure> {
    let stop = |attempted: &str| {
        Failure::new(
            Class::Stop,
            format!("{attempted} {}", options.state.display()),
        )
    };
    std::fs::create_dir_all(&options.state)
        .map_err(|error| stop("making the folder").with_source(error))?;
    let file = File::create(options.state.join("lock"))
        .map_err(|error| stop("locking the folder").with_source(error))?;
    file.try_lock().map_err(|error| {
        stop("another process keeps its state in the folder").with_source(error)
    })?;
    Ok(file)
}

/// Kept state belongs to one changelog of one partition count.
fn world(options: &KafkaOptions) -> i64 {
    let mut hash = crc32fast::Hasher::new();
    hash.write(options.topic(options.changelog).as_bytes());
    hash.write(&options.partitions.to_be_bytes());
    i64::from(hash.finalize())
}
