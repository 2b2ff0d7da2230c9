//! The beginning of a log is removed: what goes, what stays whatever is asked, and what is said of it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests; only test functions are exempt by configuration"
)]

use stream_embedded::{EmbeddedLog, EmbeddedReader, Options};
use stream_log::contract::{TOPICS, Tally, drive, input};
use stream_log::{Append, Key, LogTime, Offset, Record, Task, TaskLimits};
use tempfile::TempDir;

/// One record a moment, of three athletes in turn; the first athlete ends early.
fn records(count: i64) -> Vec<Record> {
    let athlete = |n: i64| if n < 3 { n } else { 1 + n % 2 };
    (0..count)
        .map(|n| {
            input(
                &format!("t/a{}", athlete(n)),
                LogTime(n),
                &format!("add {n}"),
            )
        })
        .collect()
}

fn filled(folder: &TempDir, processed: bool) -> EmbeddedLog {
    let log = EmbeddedLog::open(folder.path(), &Options::new(TOPICS)).unwrap();
    log.appender().append(records(10)).unwrap();
    if processed {
        let mut task = Task::new(Tally, log.processing().unwrap(), TaskLimits::default());
        drive(&mut task, LogTime(0)).unwrap();
    }
    log
}

fn reader(folder: &TempDir) -> EmbeddedReader {
    EmbeddedReader::open(folder.path(), TOPICS).unwrap()
}

#[test]
fn the_beginning_goes_up_to_a_place_and_while_it_is_older() {
    for (until, older_than, first) in [(0, 100, 1), (4, 100, 5), (100, 0, 1), (100, 3, 4)] {
        let folder = TempDir::new().unwrap();
        let log = filled(&folder, true);
        let removed = log.trim(Offset(until), LogTime(older_than)).unwrap();
        assert_eq!(removed, first - 1);
        assert_eq!(reader(&folder).first_seq().unwrap(), Offset(first));
        assert_eq!(log.trim(Offset(until), LogTime(older_than)).unwrap(), 0);
    }
}

#[test]
fn what_is_not_processed_stays_and_so_does_the_last_record() {
    let folder = TempDir::new().unwrap();
    let log = filled(&folder, false);
    assert_eq!(log.trim(Offset(100), LogTime(100)).unwrap(), 0);
    drop(log);
    let folder = TempDir::new().unwrap();
    let log = filled(&folder, true);
    let head = log.head();
    while log.trim(Offset(u64::MAX >> 1), LogTime(1_000)).unwrap() > 0 {}
    let kept = reader(&folder);
    let first = kept.first_seq().unwrap();
    assert!(first <= head, "the sequence goes on from what is kept");
    drop((kept, log));
    // The folder opens, and the next record gets the next number.
    let log = EmbeddedLog::open(folder.path(), &Options::new(TOPICS)).unwrap();
    assert_eq!(log.head(), head);
    let next = log.appender().append(records(1)).unwrap();
    assert_eq!(next[0].offset, Offset(head.0 + 1));
}

#[test]
fn it_is_known_of_whom_something_was_removed() {
    let folder = TempDir::new().unwrap();
    let log = filled(&folder, true);
    assert!(reader(&folder).trimmed().unwrap().is_empty());
    assert_eq!(log.trim(Offset(1), LogTime(100)).unwrap(), 1);
    let reader = reader(&folder);
    assert_eq!(Vec::from_iter(reader.trimmed().unwrap()), ["t/a0"]);
    assert!(reader.is_trimmed(&Key::new("t/a0")).unwrap());
    assert!(!reader.is_trimmed(&Key::new("t/a1")).unwrap());
}
