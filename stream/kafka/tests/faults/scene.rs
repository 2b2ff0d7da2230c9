//! A group of worker processes over one world of topics, its inputs, and what must come out.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use stream_kafka::{GroupProtocol, KafkaAppender, KafkaHost, KafkaSubscriber};
use stream_log::contract::{DEAD, INPUT, OUTPUT, TOPICS, Tally, drive, input};
use stream_log::driver::Memory;
use stream_log::{
    Append, Appended, Class, Key, LogTime, Offset, Record, Step, Subscribe, Task, TaskLimits, Topic,
};

use super::world::{World, limits, time_of_day};

pub(crate) const WORKER_VARIABLE: &str = "SUDOR_FAULTS_WORKER";
pub(crate) static STOP: AtomicBool = AtomicBool::new(false);
const PARTITIONS: u32 = 4;
const ATHLETES: u64 = 20;
const WATCHDOG: i32 = 70;
/// No timer of the suite's processor is due before it.
const NOW: LogTime = LogTime(0);

pub(crate) fn wait(time: Duration) {
    let until = Instant::now() + time;
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        std::thread::park_timeout(left);
    }
}

/// Does something to all brokers, from outside.
pub(crate) fn all_brokers(verb: &str) {
    servers(verb, "cluster");
}

/// To one of the three.
pub(crate) fn broker(verb: &str, number: usize) {
    servers(verb, &format!("cluster/{}", number + 1));
}

fn servers(verb: &str, target: &str) {
    let xtask = std::env::var("SUDOR_TEST_XTASK").unwrap();
    let done = Command::new(xtask).args(["servers", verb, target]).status();
    assert!(done.unwrap().success(), "servers {verb} {target}");
}

pub(crate) struct Worker {
    name: String,
    child: Child,
    stopped: bool,
}

impl Worker {
    pub(crate) fn start_with(world: &World, name: &str, words: &str) -> Self {
        let protocol = world.protocol_word();
        let settings = format!(
            "brokers={} prefix={} instance={name} protocol={protocol} state={} {words}",
            world.brokers,
            world.prefix,
            world.worker_folder(name).display()
        );
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(world.worker_log(name))
            .unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["a_worker_works_until_its_input_ends", "--nocapture"])
            .env(WORKER_VARIABLE, settings)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self {
            name: name.to_owned(),
            child,
            stopped: false,
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill")
            .args([&format!("-{name}"), &pid])
            .status();
        assert!(status.unwrap().success());
    }

    /// Without closing its input first, which would tell it to end.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let input = self.child.stdin.take();
        let code = self.child.wait().unwrap().code();
        drop(input);
        code
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            self.child.wait().unwrap();
        }
    }
}

pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) protocol: GroupProtocol,
    pub(crate) ended_by_watchdog: usize,
    pub(crate) ended_otherwise: usize,
    workers: Vec<Worker>,
    appender: KafkaAppender,
    fed: u64,
    /// What was told to be durable.
    told: Vec<(Appended, Record)>,
}

impl Scene {
    pub(crate) fn new(brokers: &str, protocol: GroupProtocol) -> Self {
        let mut world = World::new(brokers, protocol, PARTITIONS, TOPICS);
        let appender = world.appender();
        Self {
            world,
            protocol,
            ended_by_watchdog: 0,
            ended_otherwise: 0,
            workers: Vec::new(),
            appender,
            fed: 0,
            told: Vec::new(),
        }
    }

    pub(crate) fn start_workers(&mut self, count: usize) {
        for number in 0..count {
            let worker = Worker::start_with(&self.world, &format!("w{number}"), "");
            self.workers.push(worker);
        }
    }

    /// Whoever ended comes back, as a supervisor would have it.
    pub(crate) fn revive(&mut self) {
        for worker in &mut self.workers {
            let Some(status) = worker.child.try_wait().unwrap() else {
                continue;
            };
            match status.code() {
                Some(WATCHDOG) => self.ended_by_watchdog += 1,
                // By us.
                Some(0) | None => {}
                Some(code) => {
                    eprintln!(
                        "worker {} of {} ended with {code}",
                        worker.name, self.world.prefix
                    );
                    self.ended_otherwise += 1;
                }
            }
            *worker = Worker::start_with(&self.world, &worker.name, "");
        }
    }

    pub(crate) fn kill(&mut self, worker: usize) {
        self.workers[worker].child.kill().unwrap();
    }

    pub(crate) fn leave(&mut self, worker: usize) {
        drop(self.workers[worker].child.stdin.take());
    }

    pub(crate) fn stop(&mut self, worker: usize) {
        let worker = &mut self.workers[worker];
        if worker.child.try_wait().unwrap().is_none() {
            worker.signal("STOP");
            worker.stopped = true;
        }
    }

    pub(crate) fn resume_all(&mut self) {
        for worker in &mut self.workers {
            if std::mem::take(&mut worker.stopped) && worker.child.try_wait().unwrap().is_none() {
                worker.signal("CONT");
            }
        }
    }

    /// Inputs of many athletes; what the broker does not take is not sent again here.
    pub(crate) fn feed(&mut self, count: u64) {
        let records: Vec<Record> = (self.fed..self.fed + count)
            .map(|number| {
                let athlete = format!("t/a{}", number % ATHLETES);
                input(&athlete, time_of_day(), &format!("add {number}"))
            })
            .collect();
        self.fed += count;
        if let Ok(places) = self.appender.append(records.clone()) {
            self.told.extend(places.into_iter().zip(records));
        }
    }

    pub(crate) fn wait_for_outputs(&mut self, count: usize) {
        let mut reader = KafkaSubscriber::open(&self.world.options(), None).unwrap();
        let (mut seen, mut after) = (0, Offset(0));
        while seen < count {
            let page = reader.read(&[OUTPUT], after, 1_000, usize::MAX).unwrap();
            seen += page.len();
            after = page.last().map_or(after, |last| last.offset);
        }
    }

    /// Waits until everything is processed, then compares with a run in memory over the same log.
    pub(crate) fn check(&mut self, limit: Duration) -> Checked {
        let checked = self.compare(Some(limit));
        self.workers.clear();
        checked
    }

    /// What came out so far is what comes out first in a run in memory.
    pub(crate) fn look(&mut self) -> Checked {
        self.compare(None)
    }

    fn compare(&mut self, limit: Option<Duration>) -> Checked {
        // Before the inputs: nothing can come out of what is not in.
        let early = limit.is_none().then(|| self.read_all(OUTPUT));
        let inputs = self.read_all(INPUT);
        for (place, record) in &self.told {
            let found = inputs.get(&(place.partition.0, place.offset.0));
            assert_eq!(found, Some(record), "what was told is durable is there");
        }
        let memory = Memory::new(PARTITIONS, TOPICS);
        memory.append(inputs.values().cloned().collect()).unwrap();
        let mut task = Task::new(Tally, memory.open(), TaskLimits::default());
        drive(&mut task, NOW).unwrap();
        let expected = by_athlete(
            memory
                .take_outputs()
                .into_iter()
                .map(|output| output.record),
        );
        let count = expected.values().map(Vec::len).sum();
        let outputs = match limit {
            Some(limit) => self.everything(OUTPUT, count, limit),
            None => early.unwrap_or_default(),
        };
        let mut found = by_athlete(outputs.into_values());
        let mut checked = Checked {
            inputs: inputs.len(),
            rejected: self.read_all(DEAD).len(),
            ..Checked::default()
        };
        for (athlete, texts) in &expected {
            let theirs = found.remove(athlete).unwrap_or_default();
            let so_far = match limit {
                Some(_) => texts.len(),
                None => theirs.len().min(texts.len()),
            };
            checked.compare(athlete, &texts[..so_far], &theirs);
        }
        for (athlete, theirs) in found {
            checked.compare(&athlete, &[], &theirs);
        }
        checked
    }

    /// A topic to its end, once it has so many records; workers that end meanwhile come back.
    fn everything(
        &mut self,
        topic: Topic,
        count: usize,
        limit: Duration,
    ) -> BTreeMap<(u32, u64), Record> {
        let started = Instant::now();
        loop {
            let found = self.read_all(topic);
            if found.len() >= count || started.elapsed() > limit {
                return found;
            }
            self.revive();
            wait(Duration::from_millis(500));
        }
    }

    fn read_all(&self, topic: Topic) -> BTreeMap<(u32, u64), Record> {
        let mut reader = KafkaSubscriber::open(&self.world.options(), None).unwrap();
        let mut found = BTreeMap::new();
        let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
        let mut after = Offset(0);
        loop {
            let page = reader.read(&[topic], after, 10_000, usize::MAX).unwrap();
            let Some(last) = page.last() else {
                match reader.is_at_end() {
                    Ok(true) => return found,
                    Ok(false) => {}
                    // The broker may have come back a moment ago.
                    Err(failure) => assert_eq!(failure.class, Class::Retry, "{failure:?}"),
                }
                continue;
            };
            after = last.offset;
            for one in page {
                // Inputs have one place after the other; outputs have marks between them.
                let count = counts.entry(one.partition.0).or_insert(0);
                found.insert((one.partition.0, *count), one.record);
                *count += 1;
            }
        }
    }
}

/// What a comparison found. An output tells the sum of its inputs so far, so that the difference of two
/// neighbours names the input that was added.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) inputs: usize,
    pub(crate) rejected: usize,
    pub(crate) missing: usize,
    pub(crate) doubled: usize,
    /// Athletes whose outputs are not those that should be, in their order; a few are told of.
    pub(crate) different: usize,
    pub(crate) examples: Vec<String>,
}

const EXAMPLES_MAX: usize = 4;

impl Checked {
    fn compare(&mut self, athlete: &Key, wanted: &[String], found: &[String]) {
        if wanted == found {
            return;
        }
        let (wanted_steps, found_steps) = (steps(wanted), steps(found));
        let times = |steps: &[i64], one| steps.iter().filter(|step| **step == one).count();
        let missing = |one: &&i64| times(&found_steps, **one) == 0;
        self.missing += wanted_steps.iter().filter(missing).count();
        let distinct: std::collections::BTreeSet<i64> = found_steps.iter().copied().collect();
        let extra = |one: i64| times(&found_steps, one).saturating_sub(times(&wanted_steps, one));
        self.doubled += distinct.into_iter().map(extra).sum::<usize>();
        self.different += 1;
        if self.examples.len() < EXAMPLES_MAX {
            let pairs = wanted.iter().zip(found);
            let same = pairs.take_while(|(a, b)| a == b).count();
            let around = |texts: &[String]| {
                let from = same.saturating_sub(1);
                texts.iter().skip(from).take(8).cloned().collect::<Vec<_>>()
            };
            self.examples.push(format!(
                "{}: {} outputs, {} wanted, equal up to {same}: {:?}, wanted {:?}",
                athlete.as_str(),
                found.len(),
                wanted.len(),
                around(found),
                around(wanted)
            ));
        }
    }

    pub(crate) fn is_good(&self) -> bool {
        self.different == 0 && self.rejected == 0
    }
}

impl std::fmt::Display for Checked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} inputs, {} missing, {} doubled, {} rejected, {} athletes differ",
            self.inputs, self.missing, self.doubled, self.rejected, self.different
        )?;
        self.examples
            .iter()
            .try_for_each(|example| write!(f, "\n  {example}"))
    }
}

/// `17 sum 340 day 340`: what each output added.
fn steps(texts: &[String]) -> Vec<i64> {
    let mut before = 0;
    let sum = |text: &String| text.split(' ').nth(2)?.parse::<i64>().ok();
    let after = |sum: i64| {
        let step = sum - before;
        before = sum;
        step
    };
    texts.iter().filter_map(sum).map(after).collect()
}

fn by_athlete(records: impl Iterator<Item = Record>) -> BTreeMap<Key, Vec<String>> {
    let mut athletes: BTreeMap<Key, Vec<String>> = BTreeMap::new();
    for record in records {
        let text = String::from_utf8_lossy(&record.value).into_owned();
        athletes.entry(record.key).or_default().push(text);
    }
    athletes
}

/// A worker's life: a task that is opened anew where it asks for it.
pub(crate) fn run_worker(settings: &str) {
    // What it owned and committed, and when, is all there is to go by after a run that failed.
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    let words: BTreeMap<&str, &str> = settings
        .split_whitespace()
        .filter_map(|word| word.split_once('='))
        .collect();
    let mut options = World::options_of(words["brokers"], words["prefix"], PARTITIONS, TOPICS);
    options.instance = words["instance"].to_owned();
    options.state = words["state"].into();
    options.group_protocol = World::protocol_named(words["protocol"]);
    options.limits = limits();
    let milliseconds = |name| {
        let number: Option<&&str> = words.get(name);
        number.map(|number| Duration::from_millis(number.parse().unwrap()))
    };
    options.limits.watchdog = milliseconds("watchdog").unwrap_or(options.limits.watchdog);
    let task_limits = TaskLimits {
        records: 20,
        ..TaskLimits::default()
    };
    while !STOP.load(Ordering::Acquire) {
        let opened =
            KafkaAppender::open(&options).and_then(|appender| KafkaHost::open(&options, appender));
        let host = match opened {
            Ok(host) => host,
            Err(failure) => {
                eprintln!("{} opening: {failure:?}", options.instance);
                wait(Duration::from_millis(500));
                continue;
            }
        };
        let mut task = Task::new(Tally, host, task_limits);
        while !STOP.load(Ordering::Acquire) {
            match task.step(NOW) {
                Ok(Step::Worked { .. } | Step::Idle { .. } | Step::Aborted) => {}
                Err(failure) if failure.class == Class::Rebuild => {
                    eprintln!("{} anew: {failure:?}", options.instance);
                    break;
                }
                Err(failure) => panic!("{failure:?}"),
            }
        }
    }
}
