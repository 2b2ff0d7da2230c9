//! What a task does when a host refuses, and that its memory is bounded.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests; only test functions are exempt by configuration"
)]

use std::collections::BTreeMap;

use stream_log::contract::{DEAD, OUTPUT, TOPICS, Tally, drive, input};
use stream_log::driver::{Memory, MemoryHost};
use stream_log::{
    Append, BucketId, Class, Commit, Failure, Key, Log, LogTime, Partition, Record, Sequenced,
    StateStore, Step, Task, TaskLimits, Timer,
};

/// Refuses for good whatever would write one of these texts.
struct Picky {
    host: MemoryHost,
    refused: &'static [&'static str],
    class: Class,
}

impl Log for Picky {
    fn partitions(&self) -> Vec<Partition> {
        self.host.partitions()
    }

    fn changed_hands(&mut self) -> Vec<Partition> {
        self.host.changed_hands()
    }

    fn poll(&mut self, max_records: usize, max_bytes: usize) -> Result<Vec<Sequenced>, Failure> {
        self.host.poll(max_records, max_bytes)
    }

    fn commit(&mut self, commit: Commit) -> Result<(), Failure> {
        let bad = |record: &Record| {
            let text = String::from_utf8_lossy(&record.value).into_owned();
            self.refused.iter().any(|refused| text.contains(refused))
        };
        if commit.outputs.iter().any(bad) {
            return Err(Failure::new(self.class, "committing what is refused"));
        }
        self.host.commit(commit)
    }

    fn rewind(&mut self) -> Result<(), Failure> {
        self.host.rewind()
    }

    fn append_tick(&mut self, partition: Partition, record: Record) -> Result<(), Failure> {
        self.host.append_tick(partition, record)
    }
}

impl StateStore for Picky {
    fn get(&self, athlete: &Key, bucket: BucketId) -> Result<Option<Vec<u8>>, Failure> {
        self.host.get(athlete, bucket)
    }

    fn scan(&self, athlete: &Key) -> Result<Vec<(BucketId, Vec<u8>)>, Failure> {
        self.host.scan(athlete)
    }

    fn timers_of(&self, athlete: &Key, until: LogTime) -> Result<Vec<Timer>, Failure> {
        self.host.timers_of(athlete, until)
    }

    fn due(
        &self,
        partition: Partition,
        until: LogTime,
        limit: usize,
    ) -> Result<Vec<Timer>, Failure> {
        self.host.due(partition, until, limit)
    }

    fn next_due(&self, partition: Partition) -> Result<Option<LogTime>, Failure> {
        self.host.next_due(partition)
    }

    fn counters(&self) -> Result<BTreeMap<(Partition, String), i64>, Failure> {
        self.host.counters()
    }

    fn athletes_with(&self, bucket: BucketId, limit: usize) -> Result<Vec<Key>, Failure> {
        self.host.athletes_with(bucket, limit)
    }
}

fn picky(memory: &Memory, refused: &'static [&'static str], class: Class) -> Task<Tally, Picky> {
    Task::new(
        Tally,
        Picky {
            host: memory.open(),
            refused,
            class,
        },
        TaskLimits::default(),
    )
}

fn said(memory: &Memory, athlete: &str) -> Vec<String> {
    memory
        .records()
        .into_iter()
        .filter(|found| [OUTPUT, DEAD].contains(&found.record.topic))
        .filter(|found| found.record.key.as_str() == athlete)
        .map(|found| String::from_utf8(found.record.value).unwrap())
        .collect()
}

#[test]
fn the_one_input_that_cannot_be_committed_is_found_and_rejected() {
    let memory = Memory::new(2, TOPICS);
    let script = (1..=40).map(|n| input(&format!("t/a{}", n % 5), LogTime(n), &format!("add {n}")));
    memory.append(script.collect()).unwrap();
    // Athlete 3 adds 3, 8, 13: a sum of 24.
    let mut task = picky(&memory, &["3 sum 24"], Class::DeadLetter);
    drive(&mut task, LogTime(0)).unwrap();
    let said3 = said(&memory, "t/a3");
    assert_eq!(
        said3[..3],
        ["1 sum 3 day 3", "2 sum 11 day 11", "dead too_large add 13"]
    );
    assert_eq!(
        said3[3], "3 sum 29 day 29",
        "the next one goes on without it"
    );
    assert_eq!(said(&memory, "t/a4").len(), 8, "others lose nothing");
}

#[test]
fn an_athlete_whose_timer_cannot_be_committed_is_quarantined() {
    let memory = Memory::new(1, TOPICS);
    let script = (1..=6).map(|n| input(&format!("t/a{n}"), LogTime(n), &format!("timer t{n} 50")));
    memory.append(script.collect()).unwrap();
    let mut task = picky(&memory, &["fired t4"], Class::DeadLetter);
    drive(&mut task, LogTime(0)).unwrap();
    drive(&mut task, LogTime(60)).unwrap();
    for n in [1, 2, 3, 5, 6] {
        assert_eq!(
            said(&memory, &format!("t/a{n}")),
            [format!("fired t{n} 50")]
        );
    }
    let host = memory.open();
    assert_eq!(
        host.athletes_with(BucketId::QUARANTINE, 10).unwrap(),
        [Key::new("t/a4")]
    );
}

#[test]
fn a_dead_letter_that_cannot_be_committed_stops_the_process() {
    let memory = Memory::new(1, TOPICS);
    memory
        .append(vec![input("t/a", LogTime(1), "add 1")])
        .unwrap();
    let mut task = picky(&memory, &["sum 1", "too_large"], Class::DeadLetter);
    assert_eq!(drive(&mut task, LogTime(0)).unwrap_err().class, Class::Stop);
}

#[test]
fn a_commit_that_fails_again_and_again_asks_for_a_new_host() {
    for class in [Class::Retry, Class::Abort] {
        let memory = Memory::new(1, TOPICS);
        memory
            .append(vec![input("t/a", LogTime(1), "add 1")])
            .unwrap();
        let mut task = picky(&memory, &["sum 1"], class);
        let failures = TaskLimits::default().failures;
        for _ in 0..failures {
            assert_eq!(task.step(LogTime(0)).unwrap(), Step::Aborted);
        }
        assert_eq!(task.step(LogTime(0)).unwrap_err().class, Class::Rebuild);
        assert_eq!(said(&memory, "t/a"), Vec::<String>::new());
    }
}

#[test]
fn decoded_state_stays_below_its_budget() {
    let memory = Memory::new(4, TOPICS);
    let script = (0..500).map(|n| input(&format!("t/a{n}"), LogTime(n), "add 1"));
    memory.append(script.collect()).unwrap();
    let limits = TaskLimits {
        records: 20,
        cache_bytes: 5_000,
        ..TaskLimits::default()
    };
    let mut task = Task::new(Tally, memory.open(), limits);
    while !matches!(task.step(LogTime(0)).unwrap(), Step::Idle { .. }) {
        assert!(task.cached_bytes() <= limits.cache_bytes);
    }
    assert!(task.cached_bytes() > 0, "and it is used");
}

#[test]
fn a_busy_task_still_fires_the_timers_of_quiet_athletes() {
    let memory = Memory::new(1, TOPICS);
    memory
        .append(vec![input("t/quiet", LogTime(1), "timer t 5")])
        .unwrap();
    let limits = TaskLimits {
        records: 2,
        ..TaskLimits::default()
    };
    let mut task = Task::new(Tally, memory.open(), limits);
    let mut now = LogTime(0);
    for n in 0..20 {
        // Two new inputs a step: never idle.
        let busy = |m: i64| input("t/busy", LogTime(n * 2 + m), "add 1");
        memory.append(vec![busy(0), busy(1)]).unwrap();
        now = LogTime(now.0 + 400_000);
        let step = task.step(now).unwrap();
        assert!(matches!(step, Step::Worked { .. }), "{step:?}");
    }
    assert_eq!(said(&memory, "t/quiet"), ["fired t 5"]);
    let ticks = memory
        .records()
        .into_iter()
        .filter(|found| found.record.topic.0.ends_with("ticks"));
    assert_eq!(ticks.count(), 1, "one tick is enough");
}
