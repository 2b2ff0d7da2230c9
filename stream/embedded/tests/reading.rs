//! Finding records without going through all of the log: by place, by time, by whose and what.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests; only test functions are exempt by configuration"
)]

use std::ops::ControlFlow;

use stream_embedded::{EmbeddedLog, EmbeddedReader, Filter, Options};
use stream_log::contract::{INPUT, OUTPUT, TOPICS, input};
use stream_log::{Append, Key, LogTime, Offset, Record, Topic};
use tempfile::TempDir;

/// A record that no processor reads: its time says nothing of arrivals.
fn output(key: &str, at: i64) -> Record {
    Record {
        topic: OUTPUT,
        ..input(key, LogTime(at), "fact")
    }
}

fn folder(records: Vec<Record>) -> (TempDir, EmbeddedReader) {
    let folder = TempDir::new().unwrap();
    let log = EmbeddedLog::open(folder.path(), &Options::new(TOPICS)).unwrap();
    if !records.is_empty() {
        log.appender().append(records).unwrap();
    }
    drop(log);
    let reader = EmbeddedReader::open(folder.path(), TOPICS).unwrap();
    (folder, reader)
}

#[test]
fn a_record_is_read_at_its_place_and_nowhere_else() {
    let records: Vec<Record> = (0..5).map(|n| input("t/a", LogTime(n), "add 1")).collect();
    let (_folder, reader) = folder(records.clone());
    for (offset, record) in (1..).zip(&records) {
        let stored = reader.at(Offset(offset)).unwrap().unwrap();
        assert!(stored.crc_ok);
        assert_eq!(stored.sequenced.offset, Offset(offset));
        assert_eq!(&stored.sequenced.record, record);
    }
    for offset in [0, 6, u64::MAX] {
        assert_eq!(reader.at(Offset(offset)).unwrap(), None, "{offset}");
    }
}

#[test]
fn a_time_is_found_among_inputs_whatever_facts_say() {
    // Inputs at 10, 20, 20, 30 on places 1, 3, 4 and 7; facts between them tell of other times.
    let records = vec![
        input("t/a", LogTime(10), "add 1"),
        output("t/a", 99),
        input("t/b", LogTime(20), "add 1"),
        input("t/a", LogTime(20), "add 1"),
        output("t/b", 0),
        output("t/b", 0),
        input("t/a", LogTime(30), "add 1"),
        output("t/a", 5),
    ];
    let (_folder, reader) = folder(records);
    // (time, the last input before it)
    let cases = [
        (0, 0),
        (10, 0),
        (11, 1),
        (20, 1),
        (21, 4),
        (30, 4),
        (31, 7),
        (i64::MAX, 7),
    ];
    for (at, before) in cases {
        assert_eq!(reader.before(LogTime(at)).unwrap(), Offset(before), "{at}");
    }
}

#[test]
fn a_time_is_found_in_an_empty_log() {
    let (_folder, reader) = folder(Vec::new());
    assert_eq!(reader.before(LogTime(0)).unwrap(), Offset(0));
}

#[test]
fn a_time_is_found_in_every_log_as_by_going_through_it() {
    for length in 1..40_i64 {
        let record = |n: i64| match n % 3 {
            0 => output("t/a", 1_000 - n),
            _ => input("t/a", LogTime(n / 2), "add 1"),
        };
        let records: Vec<Record> = (0..length).map(record).collect();
        let (_folder, reader) = folder(records.clone());
        for at in 0..=length {
            let earlier = |record: &Record| record.topic == INPUT && record.received_at.0 < at;
            let last = records
                .iter()
                .rposition(earlier)
                .map_or(0, |index| index + 1);
            let found = reader.before(LogTime(at)).unwrap();
            assert_eq!(
                found,
                Offset(u64::try_from(last).unwrap()),
                "{at} of {length}"
            );
        }
    }
}

#[test]
fn a_filter_lets_pass_what_it_names_between_two_places() {
    let records = vec![
        input("t/a", LogTime(0), "add 1"),
        input("t/b", LogTime(0), "add 1"),
        output("t/a", 0),
        output("t/b", 0),
        input("t/a", LogTime(0), "add 1"),
    ];
    let (_folder, reader) = folder(records);
    let (a, nobody) = (Key::new("t/a"), Key::new("t/nobody"));
    let (inputs, both) = ([INPUT], [INPUT, OUTPUT]);
    let unknown = [Topic("no.such.topic")];
    type Case<'c> = (u64, u64, &'c [Topic], Option<&'c Key>, &'c [u64]);
    let cases: [Case<'_>; 8] = [
        (0, 5, &[], None, &[1, 2, 3, 4, 5]),
        (1, 4, &[], None, &[2, 3, 4]),
        (0, 5, &inputs, None, &[1, 2, 5]),
        (0, 5, &both, Some(&a), &[1, 3, 5]),
        (0, 5, &inputs, Some(&a), &[1, 5]),
        (0, 5, &[], Some(&nobody), &[]),
        (0, 5, &unknown, None, &[]),
        (4, 4, &[], None, &[]),
    ];
    for (after, until, topics, key, expected) in cases {
        let filter = Filter { topics, key };
        let mut seen = Vec::new();
        let visit = reader.visit_some(Offset(after), Offset(until), &filter, &mut |stored| {
            seen.push(stored.sequenced.offset.0);
            ControlFlow::Continue(())
        });
        visit.unwrap();
        assert_eq!(seen, expected, "{after} to {until}, {filter:?}");
    }
}
