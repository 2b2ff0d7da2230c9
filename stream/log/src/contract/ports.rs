//! What the ports promise by themselves: order, bounds, atomic commits, one owner.

#![expect(
    clippy::indexing_slicing,
    reason = "a suite for tests: an index out of range is a failed case"
)]

use std::collections::BTreeMap;

use super::{DEAD, HostFactory, INPUT, OUTPUT, TICKS, TOPICS, everything, input, must};
use crate::{
    Append, BucketId, Class, Commit, Key, Log, LogTime, Offset, Partition, Position, Record,
    Sequenced, StateChange, StateStore, Subscribe, Timer, TimerChange, Topic, partition_of,
};

const PARTITIONS: u32 = 3;
const ATHLETE: &str = "t/anna";

pub(super) fn check<F: HostFactory>(factory: &mut F) {
    inputs_come_back_whole_and_in_order(factory);
    a_poll_is_bounded_but_never_stuck(factory);
    a_commit_shows_all_at_once(factory);
    a_rewind_brings_back_what_was_not_committed(factory);
    a_replaced_host_commits_nothing(factory);
    nothing_is_committed_twice(factory);
    due_timers_come_by_time_athlete_and_id(factory);
    a_tick_goes_to_its_partition(factory);
}

fn script(count: i64) -> Vec<Record> {
    (0..count)
        .map(|n| {
            input(
                &format!("t/a{}", n.rem_euclid(5)),
                LogTime(n),
                &format!("add {n}"),
            )
        })
        .collect()
}

fn poll_all<H: Log>(host: &mut H, max_records: usize, max_bytes: usize) -> Vec<Sequenced> {
    let mut polled = Vec::new();
    loop {
        let batch = must(host.poll(max_records, max_bytes));
        if batch.is_empty() {
            return polled;
        }
        assert!(batch.len() <= max_records, "a poll is bounded");
        polled.extend(batch);
    }
}

fn inputs_come_back_whole_and_in_order<F: HostFactory>(factory: &mut F) {
    factory.create(PARTITIONS, TOPICS);
    let mut sent = script(20);
    for record in &mut sent {
        let header = |name, value: &[u8]| crate::Header {
            name,
            value: crate::Bytes::copy_from_slice(value),
        };
        record.headers = vec![
            header("ce_id", b"1"),
            header("of-our-own", b""),
            header("cause", &[0; 200]),
        ];
    }
    let mut host = factory.open();
    let appender = factory.appender();
    let places = must(appender.append(sent[..8].to_vec()));
    must(appender.append(vec![Record {
        topic: OUTPUT,
        ..input(ATHLETE, LogTime(1), "x")
    }]));
    must(appender.append(sent[8..].to_vec()));
    let polled = poll_all(&mut host, 3, usize::MAX);
    for place in &places {
        let found = polled
            .iter()
            .any(|found| (found.partition, found.offset) == (place.partition, place.offset));
        assert!(found, "what was told as {place:?} comes from there");
    }
    for found in &polled {
        assert_eq!(
            found.partition,
            partition_of(found.record.key.as_str(), PARTITIONS)
        );
    }
    for partition in host.partitions() {
        let mut last = None;
        for found in polled.iter().filter(|found| found.partition == partition) {
            assert!(
                Some(found.offset) > last,
                "offsets rise within a partition of a topic"
            );
            last = Some(found.offset);
        }
    }
    let by_athlete = |records: &mut dyn Iterator<Item = Record>| {
        let mut athletes: BTreeMap<Key, Vec<Record>> = BTreeMap::new();
        for record in records {
            athletes.entry(record.key.clone()).or_default().push(record);
        }
        athletes
    };
    assert_eq!(
        by_athlete(&mut polled.into_iter().map(|found| found.record)),
        by_athlete(&mut sent.into_iter()),
        "what was appended, in each athlete's order, and no outputs"
    );
}

fn a_poll_is_bounded_but_never_stuck<F: HostFactory>(factory: &mut F) {
    factory.create(1, TOPICS);
    let mut sent = script(6);
    sent[2].value = vec![b'x'; 10_000];
    must(factory.appender().append(sent));
    for reopened in [false, true] {
        let mut host = factory.open();
        let mut polls = Vec::new();
        while polls.iter().map(Vec::len).sum::<usize>() < 6 {
            polls.push(must(host.poll(100, 1_000)));
            assert!(
                polls.len() <= 6,
                "a poll brings something (reopened: {reopened})"
            );
        }
        let large = |found: &Sequenced| found.record.value.len() == 10_000;
        let alone = polls.iter().find(|poll| poll.iter().any(large));
        let alone = alone.map(Vec::len);
        assert_eq!(alone, Some(1), "a record larger than the limit comes alone");
        assert_eq!(must(host.poll(100, 1_000)), [], "and nothing is left");
    }
}

fn full_commit(position: &Sequenced) -> Commit {
    let athlete = Key::new(ATHLETE);
    let change = |bucket, value: &[u8]| StateChange {
        athlete: athlete.clone(),
        bucket,
        value: Some(value.to_vec()),
    };
    Commit {
        outputs: vec![Record {
            topic: OUTPUT,
            ..input(ATHLETE, LogTime(1), "one")
        }],
        state: vec![
            change(BucketId::HEAD, b"head"),
            change(BucketId(-3), b"day"),
            change(BucketId::QUARANTINE, b"note"),
        ],
        timers: vec![
            (
                athlete.clone(),
                TimerChange::Set {
                    id: b"t1".to_vec(),
                    due: LogTime(5),
                },
            ),
            (
                athlete.clone(),
                TimerChange::Set {
                    id: b"t2".to_vec(),
                    due: LogTime(6),
                },
            ),
            (
                athlete.clone(),
                TimerChange::Set {
                    id: b"t1".to_vec(),
                    due: LogTime(9),
                },
            ),
            (athlete, TimerChange::Clear { id: b"t2".to_vec() }),
        ],
        counters: [((position.partition, "seen".to_owned()), 2)].into(),
        positions: vec![Position {
            topic: position.record.topic,
            partition: position.partition,
            offset: position.offset,
        }],
    }
}

/// Whether everything of `full_commit` is there; panics where a part is.
fn is_there<F: HostFactory>(factory: &mut F, host: &F::Host) -> bool {
    let athlete = Key::new(ATHLETE);
    let partition = partition_of(ATHLETE, PARTITIONS);
    let timer = Timer {
        due: LogTime(9),
        athlete: athlete.clone(),
        id: b"t1".to_vec(),
    };
    let parts = [
        everything(factory, &[OUTPUT]).len() == 1,
        must(host.get(&athlete, BucketId::HEAD)).as_deref() == Some(b"head"),
        must(host.scan(&athlete)).len() == 3,
        must(host.timers_of(&athlete, LogTime(100))) == vec![timer.clone()],
        must(host.due(partition, LogTime(100), 10)) == vec![timer],
        must(host.next_due(partition)) == Some(LogTime(9)),
        must(host.counters()).into_values().sum::<i64>() == 2,
        must(host.athletes_with(BucketId::QUARANTINE, 10)) == vec![athlete],
    ];
    let any = parts.contains(&true);
    assert_eq!(
        any,
        parts.iter().all(|part| *part),
        "a commit is all or nothing: {parts:?}"
    );
    any
}

fn a_commit_shows_all_at_once<F: HostFactory>(factory: &mut F) {
    factory.create(PARTITIONS, TOPICS);
    must(factory.appender().append(vec![
        input(ATHLETE, LogTime(0), "add 1"),
        input(ATHLETE, LogTime(1), "add 2"),
    ]));
    let mut host = factory.open();
    let polled = must(host.poll(1, usize::MAX));
    assert!(!is_there(factory, &host), "nothing before the commit");
    must(host.commit(full_commit(&polled[0])));
    assert!(is_there(factory, &host), "all after the commit");
    assert_eq!(
        must(host.poll(10, usize::MAX)).len(),
        1,
        "polling goes on after the batch"
    );
    drop(host);
    let mut host = factory.open();
    assert!(is_there(factory, &host), "all after a restart");
    let rest = must(host.poll(10, usize::MAX));
    assert_eq!(rest.len(), 1, "the position was part of the commit");
    let gone = StateChange {
        athlete: Key::new(ATHLETE),
        bucket: BucketId(-3),
        value: None,
    };
    must(host.commit(Commit {
        state: vec![gone],
        ..Commit::default()
    }));
    assert_eq!(
        must(host.get(&Key::new(ATHLETE), BucketId(-3))),
        None,
        "a bucket can be removed"
    );
}

fn a_rewind_brings_back_what_was_not_committed<F: HostFactory>(factory: &mut F) {
    factory.create(PARTITIONS, TOPICS);
    let mut host = factory.open();
    must(factory.appender().append(script(10)));
    let first = must(host.poll(4, usize::MAX));
    must(host.rewind());
    let again = poll_all(&mut host, 4, usize::MAX);
    assert!(
        !first.is_empty() && first.iter().all(|found| again.contains(found)),
        "the same records come again"
    );
    assert_eq!(again.len(), 10);
}

fn a_replaced_host_commits_nothing<F: HostFactory>(factory: &mut F) {
    factory.create(PARTITIONS, TOPICS);
    must(
        factory
            .appender()
            .append(vec![input(ATHLETE, LogTime(0), "add 1")]),
    );
    let mut old = factory.open_to_be_replaced();
    let polled = must(old.poll(1, usize::MAX));
    let host = factory.open();
    match old.commit(full_commit(&polled[0])) {
        Ok(()) => panic!("a host that was replaced has committed"),
        Err(failure) => {
            assert!(
                matches!(failure.class, Class::Rebuild | Class::Stop),
                "{failure:?}"
            );
        }
    }
    assert!(
        !is_there(factory, &host),
        "nothing of a failed commit is visible"
    );
}

fn nothing_is_committed_twice<F: HostFactory>(factory: &mut F) {
    factory.create(PARTITIONS, TOPICS);
    must(
        factory
            .appender()
            .append(vec![input(ATHLETE, LogTime(0), "add 1")]),
    );
    let mut host = factory.open();
    let polled = must(host.poll(1, usize::MAX));
    must(host.commit(full_commit(&polled[0])));
    assert!(
        host.commit(full_commit(&polled[0])).is_err(),
        "the same position again"
    );
    drop(host);
    let host = factory.open();
    assert!(is_there(factory, &host), "once, and not twice");
}

fn due_timers_come_by_time_athlete_and_id<F: HostFactory>(factory: &mut F) {
    factory.create(1, TOPICS);
    let mut host = factory.open();
    let timers: Vec<Timer> = [
        (7, "t/b", "x"),
        (3, "t/c", "z"),
        (7, "t/a", "z"),
        (7, "t/a", "y"),
        (9, "t/a", "a"),
    ]
    .into_iter()
    .map(|(due, athlete, id)| Timer {
        due: LogTime(due),
        athlete: Key::new(athlete),
        id: id.as_bytes().to_vec(),
    })
    .collect();
    let set = |timer: &Timer| {
        (
            timer.athlete.clone(),
            TimerChange::Set {
                id: timer.id.clone(),
                due: timer.due,
            },
        )
    };
    must(host.commit(Commit {
        timers: timers.iter().map(set).collect(),
        ..Commit::default()
    }));
    let mut sorted = timers;
    sorted.sort_unstable();
    let one = Partition(0);
    assert_eq!(must(host.due(one, LogTime(8), 100)), sorted[..4]);
    assert_eq!(
        must(host.due(one, LogTime(8), 2)),
        sorted[..2],
        "a page is the first of them"
    );
    assert_eq!(must(host.due(one, LogTime(2), 100)), []);
    assert_eq!(must(host.next_due(one)), Some(LogTime(3)));
}

fn a_tick_goes_to_its_partition<F: HostFactory>(factory: &mut F) {
    factory.create(PARTITIONS, TOPICS);
    let mut host = factory.open();
    for partition in host.partitions() {
        let record = Record {
            topic: TICKS,
            ..input("~tick", LogTime(1), "1")
        };
        must(host.append_tick(partition, record));
    }
    let mut came: Vec<Partition> = poll_all(&mut host, 10, usize::MAX)
        .iter()
        .map(|found| found.partition)
        .collect();
    came.sort_unstable();
    assert_eq!(came, host.partitions());
    let mut reader = factory.reader();
    let wanted: &[Topic] = &[INPUT, OUTPUT, DEAD];
    assert_eq!(
        must(reader.read(wanted, Offset(0), 10, usize::MAX)),
        [],
        "other topics stay out"
    );
}
