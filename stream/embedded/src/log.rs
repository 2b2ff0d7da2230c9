//! Opening a data folder for writing, and the appending side.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use stream_log::{Append, Appended, Class, Failure, LogTime, Offset, Record, Topics};

use crate::failed::stop;
use crate::lock::WriterLock;
use crate::processing::ProcessingHost;
use crate::records::Prepared;
use crate::schema::{self, Facts, Place, TopicIds};
use crate::shared::Shared;
use crate::subscribe::Subscriber;
use crate::writer::{Command, Reply, Trim, Writer};

pub const PARTITIONS_DEFAULT: u32 = 8;
const QUEUED_COMMANDS_MAX: usize = 1_024;
/// 32 MiB: each page is then written back once for many commits.
const CHECKPOINT_PAGES: u32 = 4_000;
const QUEUED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bounds of the writer's queue. Beyond them an append is refused with `Retry`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub queued_commands: usize,
    pub queued_bytes: usize,
    /// Pages of 8 KiB in SQLite's write-ahead log before they are folded back into the file.
    pub checkpoint_pages: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queued_commands: QUEUED_COMMANDS_MAX,
            queued_bytes: QUEUED_BYTES_MAX,
            checkpoint_pages: CHECKPOINT_PAGES,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Fixed when the folder is made.
    pub partitions: u32,
    /// Every topic's name, and whether the processors read it.
    pub topics: Topics,
    pub limits: Limits,
    /// A storage layer registered with SQLite; only tests have a reason for one that fails.
    pub vfs: Option<&'static str>,
}

impl Options {
    pub fn new(topics: Topics) -> Self {
        Self {
            partitions: PARTITIONS_DEFAULT,
            topics,
            limits: Limits::default(),
            vfs: None,
        }
    }
}

/// The open log. Dropping it finishes what is queued, ends the writer and releases the folder.
pub struct EmbeddedLog {
    appender: Appender,
    place: Place,
    facts: Facts,
    writer: Option<JoinHandle<()>>,
}

impl EmbeddedLog {
    /// Opens the log in a folder, both made where they are missing. Refused where another process
    /// has it open, or where the partition count is another one.
    pub fn open(folder: &Path, options: &Options) -> Result<Self, Failure> {
        std::fs::create_dir_all(folder).map_err(|error| {
            stop(format!("making the data folder {}", folder.display())).with_source(error)
        })?;
        let lock = WriterLock::take(folder)?;
        let place = Place::new(folder, options.vfs);
        let mut connection = place.writer(options.limits.checkpoint_pages)?;
        let facts = schema::prepare(&mut connection, &place, options.partitions, options.topics)?;
        let shared = Arc::new(Shared::new(facts.next_seq.saturating_sub(1)));
        let (sender, receiver) = sync_channel(options.limits.queued_commands.max(1));
        let writer = Writer::new(connection, &facts, Arc::clone(&shared), lock);
        let thread = std::thread::Builder::new()
            .name("sudor-log-writer".to_owned())
            .spawn(move || writer.run(&receiver))
            .map_err(|error| stop("starting the log's writer").with_source(error))?;
        let appender = Appender {
            sender,
            shared,
            partitions: facts.partitions,
            topics: Arc::new(facts.topics.clone()),
            limits: options.limits,
        };
        Ok(Self {
            appender,
            place,
            facts,
            writer: Some(thread),
        })
    }

    /// For the sides that bring records in. Cheap to clone.
    pub fn appender(&self) -> Appender {
        self.appender.clone()
    }

    /// For the processing loop. A host opened earlier can commit no more.
    pub fn processing(&self) -> Result<ProcessingHost, Failure> {
        ProcessingHost::open(&self.place, self.appender.clone(), self.facts.partitions)
    }

    /// For a sink.
    pub fn subscriber(&self) -> Result<Subscriber, Failure> {
        Subscriber::open(&self.place, self.facts.topics.clone())
    }

    /// The last record's place; 0 while there is none.
    pub fn head(&self) -> Offset {
        self.appender.head()
    }

    /// Removes records from the beginning: up to a place, while they are older than a time. One step
    /// of it; 0 records when there is nothing more to remove. Whoever asks knows that nobody reads
    /// them any more; what is not processed stays anyway.
    pub fn trim(&self, until: Offset, older_than: LogTime) -> Result<u64, Failure> {
        let (sender, receiver) = sync_channel(1);
        let reply = Reply::new(answer_to(sender));
        let what = Trim { until, older_than };
        self.appender
            .sender
            .send(Command::Trim { what, reply })
            .map_err(|_| stop("removing records of a log that was closed"))?;
        receiver
            .recv()
            .unwrap_or_else(|_| Err(stop("waiting for the log's writer")))
    }

    /// What the first failed write was about. Nothing is taken after it: the folder has to be opened
    /// again.
    pub fn failed(&self) -> Option<&str> {
        self.appender.shared.failed.get().map(String::as_str)
    }

    /// As `Appender::wait_for`.
    pub fn wait_for(&self, after: Offset, timeout: Duration) -> Offset {
        self.appender.wait_for(after, timeout)
    }
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        // An error means that the writer is gone already.
        if self.appender.sender.send(Command::Stop).is_err() {
            tracing::debug!("the log's writer had ended before");
        }
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the log's writer panicked");
        }
    }
}

/// Puts records into the log; also tells how far it is.
#[derive(Clone)]
pub struct Appender {
    pub(crate) sender: SyncSender<Command>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) partitions: u32,
    pub(crate) topics: Arc<TopicIds>,
    limits: Limits,
}

impl Appender {
    /// Returns at once; the callback runs on the writer's thread when the records are durable, or
    /// when they never will be. It must be quick and must not wait for the log.
    ///
    /// A full queue is an error at once: `Retry`, and the callback is not called.
    pub fn append_with(
        &self,
        records: Vec<Record>,
        callback: Box<dyn FnOnce(Result<Vec<Appended>, Failure>) + Send>,
    ) -> Result<(), Failure> {
        let records = Prepared::new(records, self.partitions, &self.topics)?;
        let bytes = records.bytes;
        let before = self.shared.queued_bytes.fetch_add(bytes, Ordering::AcqRel);
        if before > 0 && before.saturating_add(bytes) > self.limits.queued_bytes {
            self.shared.queued_bytes.fetch_sub(bytes, Ordering::AcqRel);
            return Err(full());
        }
        let reply = Reply::new(callback);
        let (command, failure) = match self.sender.try_send(Command::Append { records, reply }) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Full(command)) => (command, full()),
            Err(TrySendError::Disconnected(command)) => {
                (command, stop("writing to a log that was closed"))
            }
        };
        command.withdraw();
        self.shared.queued_bytes.fetch_sub(bytes, Ordering::AcqRel);
        Err(failure)
    }

    /// The last record's place; 0 while there is none.
    pub fn head(&self) -> Offset {
        self.shared.head()
    }

    /// Sleeps until the log is longer than `after`, at most for `timeout`; says how long it is.
    pub fn wait_for(&self, after: Offset, timeout: Duration) -> Offset {
        self.shared.wait_for(after, timeout)
    }
}

impl Append for Appender {
    fn append(&self, records: Vec<Record>) -> Result<Vec<Appended>, Failure> {
        let (sender, receiver) = sync_channel(1);
        self.append_with(records, answer_to(sender))?;
        receiver
            .recv()
            .unwrap_or_else(|_| Err(stop("waiting for the log's writer")))
    }
}

/// A callback that hands the result to whoever waits on the channel.
pub(crate) fn answer_to<T: Send + 'static>(
    sender: SyncSender<Result<T, Failure>>,
) -> Box<dyn FnOnce(Result<T, Failure>) + Send> {
    Box::new(move |result| {
        // Nobody waits any more where the receiver is gone.
        sender.try_send(result).unwrap_or_default();
    })
}

fn full() -> Failure {
    Failure::new(Class::Retry, "appending while the log's queue is full")
}
