//! Reading a partition's state back from the changelog, on a thread of its own.
//!
//! Up to where? The end of the changelog will not do: the positions of the last owner's transaction
//! may be committed a moment before its changes can be read. So the new owner commits a mark of its
//! own first and reads up to it: the broker shows the mark only when every transaction before it has
//! ended.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use stream_log::{Class, Failure, LogTime, Partition};

use crate::classify::{Verdict, classify, failed};
use crate::clients::{self, Told};
use crate::codec::{self, Change};
use crate::settings::KafkaOptions;
use crate::state::PartitionState;

/// Partitions of one host: all of them may wait.
const JOBS_MAX: usize = 1_024;
/// Changes that are kept in one go.
const CHANGES_MAX: usize = 2_000;
const BYTES_MAX: usize = 8 * 1024 * 1024;
const POLL: Duration = Duration::from_millis(100);
const FIRST_LOOK: Duration = Duration::from_secs(2);
/// Without any record for so long the broker is given up; the host is opened anew.
const SILENCE_MAX: Duration = Duration::from_mins(1);

pub(crate) struct Job {
    pub(crate) partition: Partition,
    /// The mark's place in the changelog.
    pub(crate) mark: i64,
    pub(crate) now: LogTime,
    /// Of the assignment that this is done for.
    pub(crate) since: u64,
}

pub(crate) struct Restored {
    pub(crate) partition: Partition,
    pub(crate) since: u64,
    pub(crate) state: PartitionState,
    /// Records of the changelog that were read.
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    pub(crate) took: Duration,
}

/// What a host read of its changelogs since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestoreTotals {
    pub partitions: u64,
    pub records: u64,
    pub bytes: u64,
    /// Partitions are read one after the other.
    pub took: Duration,
}

impl RestoreTotals {
    pub(crate) fn add(&mut self, one: &Restored) {
        self.partitions = self.partitions.saturating_add(1);
        self.records = self.records.saturating_add(one.records);
        self.bytes = self.bytes.saturating_add(one.bytes);
        self.took = self.took.saturating_add(one.took);
    }
}

pub(crate) struct Restorer {
    jobs: Option<SyncSender<Job>>,
    done: Receiver<Result<Restored, Failure>>,
    stop: Arc<AtomicBool>,
    /// Records that are still to be read, as far as known.
    left: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

struct Worker {
    consumer: BaseConsumer<Told>,
    topic: String,
    folder: PathBuf,
    world: i64,
    stop: Arc<AtomicBool>,
    left: Arc<AtomicU64>,
}

impl Restorer {
    pub(crate) fn start(options: &KafkaOptions, world: i64) -> Result<Self, Failure> {
        let config = clients::reader(options, "restore", &options.group());
        let consumer = BaseConsumer::from_config_and_context(&config, Told::default())
            .map_err(|error| failed("opening the reader of the changelog", error))?;
        let (jobs, waiting) = sync_channel(JOBS_MAX);
        let (tell, done) = sync_channel(JOBS_MAX);
        let (stop, left) = (Arc::default(), Arc::default());
        let worker = Worker {
            consumer,
            topic: options.topic(options.changelog),
            folder: options.state.clone(),
            world,
            stop: Arc::clone(&stop),
            left: Arc::clone(&left),
        };
        let thread = std::thread::Builder::new()
            .name("kafka-restore".to_owned())
            .spawn(move || worker.run(&waiting, &tell))
            .map_err(|error| {
                Failure::new(Class::Stop, "starting the thread that restores").with_source(error)
            })?;
        Ok(Self {
            jobs: Some(jobs),
            done,
            stop,
            left,
            thread: Some(thread),
        })
    }

    pub(crate) fn ask(&self, job: Job) -> Result<(), Failure> {
        let gone = || Failure::new(Class::Rebuild, "restoring state");
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.try_send(job).map_err(|_| gone())
    }

    pub(crate) fn finished(&self) -> Result<Option<Restored>, Failure> {
        match self.done.try_recv() {
            Ok(done) => done.map(Some),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(Failure::new(Class::Rebuild, "restoring state")),
        }
    }

    pub(crate) fn records_left(&self) -> u64 {
        self.left.load(Ordering::Acquire)
    }
}

impl Drop for Restorer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that restores panicked");
        }
    }
}

impl Worker {
    fn run(&self, jobs: &Receiver<Job>, tell: &SyncSender<Result<Restored, Failure>>) {
        // A client that knows no broker yet looks for leaders once a second only.
        if let Err(error) = self.consumer.fetch_metadata(Some(&self.topic), FIRST_LOOK) {
            tracing::debug!(%error, "looking for the changelog");
        }
        loop {
            // A client that is never polled tells nothing.
            drop(self.consumer.poll(Duration::ZERO));
            match jobs.recv_timeout(POLL) {
                Ok(job) => {
                    let done = self.restore(&job);
                    self.left.store(0, Ordering::Release);
                    if self.stop.load(Ordering::Acquire) || tell.send(done).is_err() {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn restore(&self, job: &Job) -> Result<Restored, Failure> {
        let started = Instant::now();
        let mut state = PartitionState::open(&self.folder, job.partition, self.world, job.now)?;
        if state.applied().is_some_and(|applied| applied >= job.mark) {
            // Ahead of our own mark: it was kept from a changelog that is no more.
            tracing::warn!(
                partition = job.partition.0,
                "kept state is ahead of the changelog"
            );
            state = state.anew(&self.folder, self.world)?;
        }
        let from = state
            .applied()
            .map_or(0, |applied| applied.saturating_add(1));
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(
            &self.topic,
            codec::number(job.partition),
            Offset::Offset(from),
        )
        .and_then(|()| clients::assign(&self.consumer, &list))
        .map_err(|error| failed("reading the changelog", error))?;
        let (records, bytes) = self.read_to_mark(job, &mut state)?;
        state.complete()?;
        clients::assign(&self.consumer, &TopicPartitionList::new())
            .map_err(|error| failed("reading the changelog", error))?;
        Ok(Restored {
            partition: job.partition,
            since: job.since,
            state,
            records,
            bytes,
            took: started.elapsed(),
        })
    }

    fn read_to_mark(&self, job: &Job, state: &mut PartitionState) -> Result<(u64, u64), Failure> {
        let (mut records, mut bytes) = (0_u64, 0_u64);
        let mut changes: Vec<Change> = Vec::new();
        let mut held = 0_usize;
        let mut heard = Instant::now();
        loop {
            if self.stop.load(Ordering::Acquire) {
                return Err(Failure::new(Class::Rebuild, "restoring state"));
            }
            let message = match self.consumer.poll(POLL) {
                Some(Ok(message)) => message,
                Some(Err(error)) if classify(&error) != Verdict::Retry => {
                    return Err(failed("reading the changelog", error));
                }
                _ if heard.elapsed() > SILENCE_MAX => {
                    return Err(Failure::new(Class::Rebuild, "reading the changelog"));
                }
                _ => continue,
            };
            heard = Instant::now();
            if codec::partition(message.partition()) != job.partition {
                continue;
            }
            let at = message.offset();
            let key = message.key().unwrap_or_default();
            let size = key.len().saturating_add(message.payload_len());
            changes.push(codec::read_change(key, message.payload())?);
            held = held.saturating_add(size);
            records = records.saturating_add(1);
            bytes = bytes.saturating_add(u64::try_from(size).unwrap_or(0));
            let left = u64::try_from(job.mark.saturating_sub(at)).unwrap_or(0);
            self.left.store(left, Ordering::Release);
            if at >= job.mark || changes.len() >= CHANGES_MAX || held >= BYTES_MAX {
                state.apply(&changes, at, job.now)?;
                changes.clear();
                held = 0;
            }
            if at >= job.mark {
                return Ok((records, bytes));
            }
        }
    }
}
