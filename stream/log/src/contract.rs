//! What every host owes a task: one suite, run by each implementation from its own tests.
//!
//! It needs no broker and no sleep. A host is given by a `HostFactory`; the suite drives a small
//! processor over it, straight, crashed at every call, and re-partitioned, and compares what is left.
//!
//! It panics at the first promise that is broken, with the name of the case.

use std::collections::BTreeMap;

use crate::{
    Append, BucketId, Failure, Key, Log, LogTime, Offset, Record, StateStore, Step, Subscribe,
    Task, TaskLimits, Timer, Topic, Topics,
};

mod crash;
mod ports;
mod rules;
mod tally;

pub use tally::{DEAD, INPUT, OUTPUT, TICKS, TOPICS, Tally, input};

/// Steps of one drive before the suite says that it does not come to rest.
const STEPS_MAX: usize = 10_000;
/// One read of a subscriber.
const READ_RECORDS: usize = 7;
const READ_BYTES: usize = 1024 * 1024;

/// A world that survives its hosts.
pub trait HostFactory {
    type Host: Log + StateStore;
    type Appender: Append;
    type Reader: Subscribe;

    /// An empty world in place of the last one.
    fn create(&mut self, partitions: u32, topics: Topics);
    /// A host on what is committed, as in a new process. The suite has dropped earlier ones.
    fn open(&mut self) -> Self::Host;
    /// One that the suite keeps and does not use while it opens the next.
    fn open_to_be_replaced(&mut self) -> Self::Host {
        self.open()
    }
    fn appender(&mut self) -> Self::Appender;
    fn reader(&mut self) -> Self::Reader;
    /// A crash is tried at every so many calls. More than 1 is for hosts that take seconds to open.
    fn crash_stride(&self) -> u64 {
        1
    }
}

/// The whole suite.
pub fn check<F: HostFactory>(factory: &mut F) {
    ports::check(factory);
    rules::check(factory);
    crash::check(factory);
}

/// What is left of a run, apart from places in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Per athlete, in log order.
    pub outputs: BTreeMap<Key, Vec<String>>,
    /// Dead letters, sorted: where they stand among the outputs of their batch is not promised.
    pub dead: BTreeMap<Key, Vec<String>>,
    pub state: BTreeMap<Key, Vec<(BucketId, Vec<u8>)>>,
    pub timers: Vec<Timer>,
    /// Summed over partitions.
    pub counters: BTreeMap<String, i64>,
}

/// Steps until nothing is left to do at this time of day.
pub fn drive<H: Log + StateStore>(task: &mut Task<Tally, H>, now: LogTime) -> Result<(), Failure> {
    for _ in 0..STEPS_MAX {
        if let Step::Idle { next_due } = task.step(now)? {
            assert!(
                next_due.is_none_or(|due| due > now),
                "idle at {now:?} although a timer is due at {next_due:?}"
            );
            return Ok(());
        }
    }
    panic!("no rest after {STEPS_MAX} steps")
}

/// Appends a script, drives it through the given times, tells what is left.
fn run<F: HostFactory>(
    factory: &mut F,
    partitions: u32,
    limits: TaskLimits,
    script: &[Record],
    times: &[LogTime],
) -> Outcome {
    factory.create(partitions, TOPICS);
    append(factory, script);
    let mut task = Task::new(Tally, factory.open(), limits);
    for &now in times {
        must(drive(&mut task, now));
    }
    let host = task.into_host();
    outcome(factory, &host, script)
}

fn append<F: HostFactory>(factory: &mut F, script: &[Record]) {
    must(factory.appender().append(script.to_vec()));
}

fn outcome<F: HostFactory>(factory: &mut F, host: &F::Host, script: &[Record]) -> Outcome {
    let outputs = texts(factory, OUTPUT);
    let mut dead = texts(factory, DEAD);
    dead.values_mut()
        .for_each(|letters| letters.sort_unstable());
    let mut state = BTreeMap::new();
    let mut timers = Vec::new();
    for key in script.iter().map(|record| &record.key) {
        state.insert(key.clone(), must(host.scan(key)));
        timers.extend(must(host.timers_of(key, LogTime(i64::MAX))));
    }
    timers.sort_unstable();
    timers.dedup();
    let mut counters: BTreeMap<String, i64> = BTreeMap::new();
    for ((_, name), by) in must(host.counters()) {
        let count = counters.entry(name).or_insert(0);
        *count = count.saturating_add(by);
    }
    Outcome {
        outputs,
        dead,
        state,
        timers,
        counters,
    }
}

fn texts<F: HostFactory>(factory: &mut F, topic: Topic) -> BTreeMap<Key, Vec<String>> {
    let mut texts: BTreeMap<Key, Vec<String>> = BTreeMap::new();
    for record in everything(factory, &[topic]) {
        let text = String::from_utf8_lossy(&record.value).into_owned();
        texts.entry(record.key).or_default().push(text);
    }
    texts
}

/// All records of some topics, read in small pieces.
fn everything<F: HostFactory>(factory: &mut F, topics: &[Topic]) -> Vec<Record> {
    let mut reader = factory.reader();
    let mut records = Vec::new();
    let mut after = Offset(0);
    loop {
        let page = must(reader.read(topics, after, READ_RECORDS, READ_BYTES));
        let Some(last) = page.last() else {
            return records;
        };
        assert!(last.offset > after, "a subscriber goes forward");
        assert!(
            page.len() <= READ_RECORDS,
            "a subscriber's batch is bounded"
        );
        after = last.offset;
        records.extend(page.into_iter().map(|found| found.record));
    }
}

fn must<T>(result: Result<T, Failure>) -> T {
    match result {
        Ok(value) => value,
        Err(failure) => panic!(
            "{:?}: {failure}: {:?}",
            failure.class,
            std::error::Error::source(&failure).map(ToString::to_string)
        ),
    }
}
