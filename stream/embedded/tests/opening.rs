//! Who may open a data folder, and what a reader beside the service sees.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests; only test functions are exempt by configuration"
)]

use std::ops::ControlFlow;
use std::time::Duration;

use stream_embedded::{EmbeddedLog, EmbeddedReader, Limits, Options};
use stream_log::contract::{INPUT, OUTPUT, TOPICS, Tally, drive, input};
use stream_log::{Append, Class, Key, LogTime, Offset, Record, Subscribe, Task, TaskLimits};
use tempfile::TempDir;

fn records(count: i64) -> Vec<Record> {
    (0..count)
        .map(|n| input(&format!("t/a{}", n % 3), LogTime(n), &format!("add {n}")))
        .collect()
}

#[test]
fn a_second_writer_is_refused_by_name() {
    let folder = TempDir::new().unwrap();
    let first = EmbeddedLog::open(folder.path(), &Options::new(TOPICS)).unwrap();
    let refused = EmbeddedLog::open(folder.path(), &Options::new(TOPICS))
        .err()
        .unwrap();
    assert_eq!(refused.class, Class::Stop);
    let expected = format!(
        "another sudor process (pid {}) is using",
        std::process::id()
    );
    assert!(
        refused.attempted.starts_with(&expected),
        "{}",
        refused.attempted
    );
    drop(first);
    EmbeddedLog::open(folder.path(), &Options::new(TOPICS)).unwrap();
}

#[test]
fn another_partition_count_is_refused() {
    let folder = TempDir::new().unwrap();
    let eight = Options::new(TOPICS);
    drop(EmbeddedLog::open(folder.path(), &eight).unwrap());
    let refused = EmbeddedLog::open(
        folder.path(),
        &Options {
            partitions: 4,
            ..eight
        },
    )
    .err()
    .unwrap();
    assert!(
        refused
            .attempted
            .contains("has 8 partitions and 4 are configured")
    );
    EmbeddedLog::open(folder.path(), &eight).unwrap();
}

#[test]
fn a_log_that_lost_its_tail_is_refused() {
    let folder = TempDir::new().unwrap();
    let log = EmbeddedLog::open(folder.path(), &Options::new(TOPICS)).unwrap();
    log.appender().append(records(5)).unwrap();
    drop(log);
    let file = rusqlite::Connection::open(folder.path().join("log.db")).unwrap();
    file.execute("DELETE FROM records WHERE seq = 5", [])
        .unwrap();
    drop(file);
    let refused = EmbeddedLog::open(folder.path(), &Options::new(TOPICS))
        .err()
        .unwrap();
    assert!(
        refused
            .attempted
            .contains("ends at record 4, but 5 were acknowledged")
    );
}

#[test]
fn a_reader_sees_what_is_committed_beside_the_running_service() {
    let folder = TempDir::new().unwrap();
    let log = EmbeddedLog::open(folder.path(), &Options::new(TOPICS)).unwrap();
    log.appender().append(records(6)).unwrap();
    let reader = EmbeddedReader::open(folder.path(), TOPICS).unwrap();
    assert_eq!(reader.partitions(), 8);
    assert_eq!(reader.next_seq().unwrap(), Offset(7));
    reader.hold().unwrap();
    let mut task = Task::new(Tally, log.processing().unwrap(), TaskLimits::default());
    drive(&mut task, LogTime(0)).unwrap();
    assert_eq!(
        reader.page(Offset(0), 100).unwrap().len(),
        6,
        "a held snapshot stands still"
    );
    reader.release().unwrap();
    let all = reader.page(Offset(0), 100).unwrap();
    assert_eq!(all.len(), 12);
    for (stored, seq) in all.iter().zip(1..) {
        assert_eq!(stored.sequenced.offset, Offset(seq), "dense");
        assert!(stored.crc_ok);
    }
    assert_eq!(all[0].sequenced.record, records(1)[0]);
    assert_eq!(
        reader.page(Offset(4), 3).unwrap()[0].sequenced.offset,
        Offset(5)
    );
    let mut athletes = Vec::new();
    reader
        .visit_state(&mut |athlete, _, _| {
            athletes.push(athlete);
            ControlFlow::Continue(())
        })
        .unwrap();
    athletes.dedup();
    assert_eq!(athletes, ["t/a0", "t/a1", "t/a2"].map(Key::new));
    assert_eq!(reader.counters().unwrap().into_values().sum::<i64>(), 6);
    let last = reader.positions().unwrap().into_values().max();
    assert_eq!(last, Some(Offset(6)));
}

#[test]
fn a_changed_byte_is_seen() {
    let folder = TempDir::new().unwrap();
    let log = EmbeddedLog::open(folder.path(), &Options::new(TOPICS)).unwrap();
    log.appender().append(records(3)).unwrap();
    drop(log);
    let file = rusqlite::Connection::open(folder.path().join("log.db")).unwrap();
    file.execute(
        "UPDATE records SET value = X'616464203939' WHERE seq = 2",
        [],
    )
    .unwrap();
    drop(file);
    let reader = EmbeddedReader::open(folder.path(), TOPICS).unwrap();
    let intact: Vec<bool> = reader
        .page(Offset(0), 10)
        .unwrap()
        .iter()
        .map(|stored| stored.crc_ok)
        .collect();
    assert_eq!(intact, [true, false, true]);
    let log = EmbeddedLog::open(folder.path(), &Options::new(TOPICS)).unwrap();
    let mut task = Task::new(Tally, log.processing().unwrap(), TaskLimits::default());
    let stopped = drive(&mut task, LogTime(0)).err().unwrap();
    assert_eq!(
        stopped.class,
        Class::Stop,
        "a damaged record is never processed"
    );
}

#[test]
fn a_waiter_wakes_when_the_log_grows() {
    let folder = TempDir::new().unwrap();
    let log = EmbeddedLog::open(folder.path(), &Options::new(TOPICS)).unwrap();
    assert_eq!(log.head(), Offset(0));
    assert_eq!(log.wait_for(Offset(0), Duration::ZERO), Offset(0));
    let appender = log.appender();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| log.wait_for(Offset(0), Duration::from_secs(60)));
        appender.append(records(2)).unwrap();
        assert_eq!(waiter.join().unwrap(), Offset(2));
    });
}

#[test]
fn a_full_queue_refuses_at_once_and_recovers() {
    let folder = TempDir::new().unwrap();
    let limits = Limits {
        queued_commands: 2,
        ..Limits::default()
    };
    let log = EmbeddedLog::open(
        folder.path(),
        &Options {
            limits,
            ..Options::new(TOPICS)
        },
    )
    .unwrap();
    let appender = log.appender();
    let (entered, wait_entered) = std::sync::mpsc::sync_channel(1);
    let (release, wait_release) = std::sync::mpsc::sync_channel::<()>(1);
    // The writer is held in the first callback, so that the queue fills behind it.
    let hold = Box::new(move |result: Result<_, _>| {
        assert!(result.is_ok());
        entered.send(()).unwrap();
        wait_release.recv().unwrap();
    });
    appender.append_with(records(1), hold).unwrap();
    wait_entered.recv().unwrap();
    let (done, answers) = std::sync::mpsc::sync_channel(16);
    let mut refused = 0;
    for _ in 0..5 {
        let done = done.clone();
        let told = Box::new(move |result: Result<Vec<_>, _>| done.send(result.is_ok()).unwrap());
        if let Err(failure) = appender.append_with(records(1), told) {
            assert_eq!(failure.class, Class::Retry);
            refused += 1;
        }
    }
    assert_eq!(refused, 3, "two places in the queue");
    release.send(()).unwrap();
    drop(done);
    assert_eq!(
        answers.iter().collect::<Vec<_>>(),
        [true, true],
        "each accepted one is answered"
    );
    appender.append(records(1)).unwrap();
    assert_eq!(log.head(), Offset(4));
}

#[test]
fn bytes_in_the_queue_are_limited() {
    let folder = TempDir::new().unwrap();
    let limits = Limits {
        queued_bytes: 10_000,
        ..Limits::default()
    };
    let log = EmbeddedLog::open(
        folder.path(),
        &Options {
            limits,
            ..Options::new(TOPICS)
        },
    )
    .unwrap();
    let appender = log.appender();
    let (entered, wait_entered) = std::sync::mpsc::sync_channel(1);
    let (release, wait_release) = std::sync::mpsc::sync_channel::<()>(1);
    let hold = Box::new(move |_: Result<_, _>| {
        entered.send(()).unwrap();
        wait_release.recv().unwrap();
    });
    appender.append_with(records(1), hold).unwrap();
    wait_entered.recv().unwrap();
    let large = Record {
        value: vec![0; 9_000],
        ..records(1).remove(0)
    };
    appender
        .append_with(vec![large.clone()], Box::new(|_| ()))
        .unwrap();
    let refused = appender
        .append_with(vec![large], Box::new(|_| ()))
        .unwrap_err();
    assert_eq!(refused.class, Class::Retry);
    release.send(()).unwrap();
}

#[test]
fn an_append_after_closing_is_refused() {
    let folder = TempDir::new().unwrap();
    let log = EmbeddedLog::open(folder.path(), &Options::new(TOPICS)).unwrap();
    let appender = log.appender();
    drop(log);
    assert_eq!(appender.append(records(1)).unwrap_err().class, Class::Stop);
}

#[test]
fn a_record_of_an_unknown_topic_is_refused() {
    let folder = TempDir::new().unwrap();
    let log = EmbeddedLog::open(folder.path(), &Options::new(&[(OUTPUT.0, false)])).unwrap();
    let refused = log.appender().append(records(1)).unwrap_err();
    assert!(refused.attempted.contains(INPUT.0));
    assert_eq!(log.head(), Offset(0), "nothing of it is there");
}

#[test]
fn a_record_far_too_large_can_never_be_committed() {
    let folder = TempDir::new().unwrap();
    let log = EmbeddedLog::open(folder.path(), &Options::new(TOPICS)).unwrap();
    let large = Record {
        value: vec![0; 65 * 1024 * 1024],
        ..records(1).remove(0)
    };
    assert_eq!(
        log.appender().append(vec![large]).unwrap_err().class,
        Class::DeadLetter
    );
}

/// Inputs that come faster than they are handed over in memory are read back from the file.
#[test]
fn nothing_is_skipped_between_memory_and_file() {
    let folder = TempDir::new().unwrap();
    let log = EmbeddedLog::open(folder.path(), &Options::new(TOPICS)).unwrap();
    let limits = TaskLimits {
        records: 3,
        ..TaskLimits::default()
    };
    let mut task = Task::new(Tally, log.processing().unwrap(), limits);
    let appender = log.appender();
    let mut sent = 0;
    for round in 1..40 {
        appender.append(records(round)).unwrap();
        sent += round;
        // Some rounds leave a rest, some catch up, some begin again at the committed position.
        for _ in 0..(round % 5) * 4 {
            task.step(LogTime(0)).unwrap();
        }
        if round % 7 == 0 {
            task = Task::new(Tally, log.processing().unwrap(), limits);
        }
    }
    drive(&mut task, LogTime(0)).unwrap();
    let reader = EmbeddedReader::open(folder.path(), TOPICS).unwrap();
    assert_eq!(reader.counters().unwrap().into_values().sum::<i64>(), sent);
}

#[test]
fn a_subscriber_of_a_quiet_topic_misses_nothing() {
    let folder = TempDir::new().unwrap();
    let log = EmbeddedLog::open(folder.path(), &Options::new(TOPICS)).unwrap();
    let mut quiet = log.subscriber().unwrap();
    let appender = log.appender();
    let output = Record {
        topic: OUTPUT,
        ..records(1).remove(0)
    };
    for round in 0..3 {
        appender.append(records(10)).unwrap();
        assert_eq!(
            quiet
                .read(&[OUTPUT], Offset(round * 11), 10, 1_000)
                .unwrap(),
            []
        );
        assert_eq!(
            quiet
                .read(&[INPUT], Offset(round * 11), 10, 1_000)
                .unwrap()
                .len(),
            10
        );
        appender.append(vec![output.clone()]).unwrap();
        let found = quiet
            .read(&[OUTPUT], Offset(round * 11), 10, 1_000)
            .unwrap();
        assert_eq!(found[0].offset, Offset((round + 1) * 11));
    }
}
