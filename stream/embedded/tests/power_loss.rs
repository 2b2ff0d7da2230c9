//! What was acknowledged survives a power loss at any moment, and a disk that fails ends
//! acknowledgement.
//!
//! Killing a process proves nothing about this: the operating system still has its writes. So the
//! log runs on a storage that forgets what was not synced.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests; only test functions are exempt by configuration"
)]

use std::collections::BTreeMap;
use std::path::Path;

use stream_embedded::{EmbeddedLog, EmbeddedReader, Limits, Options};
use stream_log::contract::{OUTPUT, TOPICS, Tally, drive, input};
use stream_log::{Append, Class, Key, LogTime, Offset, Record, StateStore, Task, TaskLimits};
use tempfile::TempDir;

#[path = "power_loss/vfs.rs"]
mod vfs;

use vfs::Trouble;

const ROUNDS: i64 = 8;
/// Larger than a page, so that a record spans several writes.
const PADDING: usize = 12_000;
/// Far more changes than a run makes.
const CHANGES_MAX: u64 = 20_000;

fn options(vfs: Option<&'static str>) -> Options {
    // So few pages that the write-ahead log is folded back in the middle of a run.
    let limits = Limits {
        checkpoint_pages: 12,
        ..Limits::default()
    };
    Options {
        partitions: 2,
        vfs,
        limits,
        ..Options::new(TOPICS)
    }
}

fn records(round: i64) -> Vec<Record> {
    (0..3)
        .map(|n| {
            let at = LogTime(round * 10 + n);
            let mut record = input(&format!("t/a{n}"), at, &format!("add {}", round + 1));
            if n == 0 {
                let pad = stream_log::Header {
                    name: "pad",
                    value: vec![7; PADDING].into(),
                };
                record.headers.push(pad);
            }
            record
        })
        .collect()
}

/// Appends and processes until something fails; what was acknowledged, in order.
fn live(folder: &Path) -> Vec<(Offset, Record)> {
    let mut acknowledged = Vec::new();
    let Ok(log) = EmbeddedLog::open(folder, &options(Some(vfs::NAME))) else {
        return acknowledged;
    };
    let appender = log.appender();
    let Ok(host) = log.processing() else {
        return acknowledged;
    };
    let mut task = Task::new(Tally, host, TaskLimits::default());
    for round in 0..ROUNDS {
        let sent = records(round);
        let Ok(places) = appender.append(sent.clone()) else {
            break;
        };
        acknowledged.extend(places.into_iter().map(|place| place.offset).zip(sent));
        if drive(&mut task, LogTime(0)).is_err() {
            break;
        }
    }
    acknowledged
}

/// What the disk holds, opened on a healthy storage: whole, with every acknowledged record, and
/// with each input processed once.
fn inspect(picture: &BTreeMap<String, Vec<u8>>, acknowledged: &[(Offset, Record)], at: &str) {
    let folder = TempDir::new().unwrap();
    for (name, content) in picture {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let log = EmbeddedLog::open(folder.path(), &options(None))
        .unwrap_or_else(|failure| panic!("{at}: {failure}"));
    let file = rusqlite::Connection::open(folder.path().join("log.db")).unwrap();
    let sound: String = file
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok", "{at}");
    let mut task = Task::new(Tally, log.processing().unwrap(), TaskLimits::default());
    drive(&mut task, LogTime(0)).unwrap();

    let reader = EmbeddedReader::open(folder.path(), TOPICS).unwrap();
    let stored = reader.page(Offset(0), usize::MAX).unwrap();
    assert!(stored.iter().all(|record| record.crc_ok), "{at}");
    for (offset, record) in acknowledged {
        let found = stored
            .iter()
            .find(|found| found.sequenced.offset == *offset);
        let found = found.unwrap_or_else(|| panic!("{at}: record {} is lost", offset.0));
        assert_eq!(found.sequenced.record, *record, "{at}");
    }
    let (outputs, inputs): (Vec<_>, Vec<_>) = stored
        .iter()
        .partition(|found| found.sequenced.record.topic == OUTPUT);
    assert!(
        inputs.len() <= acknowledged.len() + 3,
        "{at}: one append may be in doubt"
    );
    assert_eq!(inputs.len() % 3, 0, "{at}: an append is all or nothing");
    assert_eq!(outputs.len(), inputs.len(), "{at}: one output an input");
    let added = task.host().counters().unwrap().into_values().sum::<i64>();
    assert_eq!(
        usize::try_from(added).unwrap(),
        inputs.len(),
        "{at}: each counted once"
    );
    let rounds = i64::try_from(inputs.len() / 3).unwrap();
    for n in 0..3 {
        let key = Key::new(&format!("t/a{n}"));
        let last = outputs
            .iter()
            .rev()
            .find(|found| found.sequenced.record.key == key);
        let sum = rounds * (rounds + 1) / 2;
        let expected = (rounds > 0).then(|| format!("{rounds} sum {sum} day {sum}"));
        let said = last.map(|found| String::from_utf8_lossy(&found.sequenced.record.value));
        assert_eq!(said.as_deref(), expected.as_deref(), "{at}");
    }
}

/// Cuts the power at each change of a whole run, in turn.
fn cut_at_every_change(seed: u64) {
    for at in 0..CHANGES_MAX {
        let folder = TempDir::new().unwrap();
        vfs::prepare(folder.path(), Trouble::PowerLoss { at, seed });
        let acknowledged = live(folder.path());
        match vfs::picture(folder.path()) {
            Some(picture) => {
                inspect(&picture, &acknowledged, &format!("change {at} seed {seed}"));
            }
            None => {
                let all = usize::try_from(ROUNDS).unwrap() * 3;
                assert_eq!(acknowledged.len(), all, "a whole run without a power loss");
                assert!(at > 100, "only {at} changes: the storage is not in use");
                return;
            }
        }
    }
    panic!("a run ends")
}

#[test]
fn acknowledged_records_survive_when_unsynced_writes_are_lost() {
    cut_at_every_change(0);
}

#[test]
fn acknowledged_records_survive_when_unsynced_writes_are_kept_in_part() {
    cut_at_every_change(0x9e37_79b9_7f4a_7c15);
}

#[test]
fn after_a_failed_write_nothing_is_acknowledged_any_more() {
    let folder = TempDir::new().unwrap();
    // Past the opening, in the middle of the appends.
    vfs::prepare(folder.path(), Trouble::Full { at: 150 });
    let log = EmbeddedLog::open(folder.path(), &options(Some(vfs::NAME))).unwrap();
    let appender = log.appender();
    let mut host = log.processing().unwrap();
    let mut acknowledged = 0;
    let failure = loop {
        match appender.append(records(0)) {
            Ok(places) => acknowledged += places.len(),
            Err(failure) => break failure,
        }
    };
    assert_eq!(failure.class, Class::Stop);
    assert!(std::error::Error::source(&failure).is_some(), "it says why");
    let again = appender.append(records(1)).unwrap_err();
    assert_eq!(again.class, Class::Stop);
    assert!(
        again.attempted.contains("after a failed write"),
        "{}",
        again.attempted
    );
    let commit = stream_log::Log::commit(&mut host, stream_log::Commit::default()).unwrap_err();
    assert_eq!(commit.class, Class::Stop);
    drop((host, log));
    assert!(vfs::picture(folder.path()).is_none());
    EmbeddedLog::open(folder.path(), &options(None)).unwrap();
    let reader = EmbeddedReader::open(folder.path(), TOPICS).unwrap();
    assert_eq!(
        reader.page(Offset(0), usize::MAX).unwrap().len(),
        acknowledged
    );
}
