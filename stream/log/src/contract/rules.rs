//! What a task promises over any host: order, timers, bad input, and independence of how the log
//! is cut.

use super::{HostFactory, Outcome, TOPICS, Tally, append, drive, everything, input, must, run};
use crate::{BucketId, Key, LogTime, Record, StateStore, Task, TaskLimits, Topic};

const LATER: LogTime = LogTime(10_000_000_000);

pub(super) fn check<F: HostFactory>(factory: &mut F) {
    each_athlete_is_processed_in_order(factory);
    the_cut_into_batches_and_partitions_does_not_matter(factory);
    timers_fire_by_due_and_id_however_many_there_are(factory);
    a_timer_for_the_past_fires_later_and_never_holds_a_tick(factory);
    bad_input_is_set_aside_and_the_partition_goes_on(factory);
    a_replay_lifts_the_quarantine(factory);
    a_panic_is_the_matter_of_one_athlete(factory);
    an_input_that_panics_in_company_only_is_no_dead_letter(factory);
    a_timer_that_panics_is_put_off(factory);
    a_replay_of_the_log_says_the_same(factory);
}

/// Small batches and no cache, or the defaults.
pub(super) fn limits(records: usize, cached: bool) -> TaskLimits {
    let cache_bytes = if cached {
        TaskLimits::default().cache_bytes
    } else {
        0
    };
    TaskLimits {
        records,
        timers: records,
        cache_bytes,
        ..TaskLimits::default()
    }
}

/// Inputs of several athletes over three days, with timers and bad input.
pub(super) fn script() -> Vec<Record> {
    let mut script = Vec::new();
    for n in 0_i64..24 {
        let athlete = format!("t/a{}", n.rem_euclid(4));
        let at = LogTime(n.saturating_mul(11_000_000_000));
        let words = match n {
            5 => "timer one 300000000000".to_owned(),
            6 => "timer two 290000000000".to_owned(),
            9 => "timer three 290000000000".to_owned(),
            10 => "garbage".to_owned(),
            11 => "panic".to_owned(),
            13 => "clear three".to_owned(),
            14 => "panic-decode".to_owned(),
            18 => "add -2".to_owned(),
            19 => "replay 7".to_owned(),
            _ => format!("add {n}"),
        };
        script.push(input(&athlete, at, &words));
    }
    script
}

/// Inputs first, then the timers.
pub(super) const TIMES: [LogTime; 3] = [
    LogTime(0),
    LogTime(295_000_000_000),
    LogTime(400_000_000_000),
];

fn texts(outcome: &Outcome, athlete: &str) -> Vec<String> {
    outcome
        .outputs
        .get(&Key::new(athlete))
        .cloned()
        .unwrap_or_default()
}

fn dead(outcome: &Outcome, athlete: &str) -> Vec<String> {
    outcome
        .dead
        .get(&Key::new(athlete))
        .cloned()
        .unwrap_or_default()
}

fn each_athlete_is_processed_in_order<F: HostFactory>(factory: &mut F) {
    let script: Vec<Record> = (1..=6)
        .map(|n| {
            input(
                if n == 4 { "t/b" } else { "t/a" },
                LogTime(n),
                &format!("add {n}"),
            )
        })
        .collect();
    let outcome = run(factory, 2, limits(4, true), &script, &[LogTime(0)]);
    let expected = [
        "1 sum 1 day 1",
        "2 sum 3 day 3",
        "3 sum 6 day 6",
        "4 sum 11 day 11",
        "5 sum 17 day 17",
    ];
    assert_eq!(texts(&outcome, "t/a"), expected);
    assert_eq!(texts(&outcome, "t/b"), ["1 sum 4 day 4"]);
    assert_eq!(outcome.counters.get("added"), Some(&6));
}

fn the_cut_into_batches_and_partitions_does_not_matter<F: HostFactory>(factory: &mut F) {
    let straight = run(factory, 1, limits(2_000, true), &script(), &TIMES);
    for (partitions, records, cached) in [(1, 1, true), (8, 5, false), (3, 2_000, false)] {
        let other = run(
            factory,
            partitions,
            limits(records, cached),
            &script(),
            &TIMES,
        );
        assert_eq!(
            straight, other,
            "{partitions} partitions, {records} records, {cached}"
        );
    }
}

fn timers_fire_by_due_and_id_however_many_there_are<F: HostFactory>(factory: &mut F) {
    let mut script = Vec::new();
    for n in 0_i64..20 {
        let (id, due) = (
            19_i64.saturating_sub(n),
            n.rem_euclid(3).saturating_add(1_000),
        );
        script.push(input("t/a", LogTime(n), &format!("timer {id:02} {due}")));
        script.push(input(&format!("t/b{n}"), LogTime(n), "timer only 1000"));
    }
    let outcome = run(factory, 2, limits(3, true), &script, &[LogTime(0), LATER]);
    let mut expected: Vec<(i64, String)> = (0_i64..20)
        .map(|n| {
            (
                n.rem_euclid(3).saturating_add(1_000),
                format!("{:02}", 19_i64.saturating_sub(n)),
            )
        })
        .collect();
    expected.sort_unstable();
    let expected: Vec<String> = expected
        .into_iter()
        .map(|(due, id)| format!("fired {id} {due}"))
        .collect();
    assert_eq!(texts(&outcome, "t/a"), expected);
    assert_eq!(outcome.counters.get("fired"), Some(&40), "each once");
    assert_eq!(outcome.timers, [], "a timer that fired is gone");
}

fn a_timer_for_the_past_fires_later_and_never_holds_a_tick<F: HostFactory>(factory: &mut F) {
    let script = [
        input("t/a", LogTime(50), "timer past 3"),
        input("t/a", LogTime(60), "add 1"),
    ];
    let outcome = run(factory, 1, limits(1, true), &script, &[LogTime(0)]);
    assert_eq!(texts(&outcome, "t/a"), ["fired past 51", "2 sum 1 day 1"]);
}

fn bad_input_is_set_aside_and_the_partition_goes_on<F: HostFactory>(factory: &mut F) {
    let words = ["add 1", "garbage", "panic", "add 2", "panic-decode"];
    let mut script: Vec<Record> = (0..)
        .zip(words)
        .map(|(n, words)| input("t/a", LogTime(n), words))
        .collect();
    script.push(input("t/b", LogTime(9), "add 5"));
    for records in [1, 100] {
        let outcome = run(factory, 1, limits(records, true), &script, &[LogTime(0)]);
        assert_eq!(texts(&outcome, "t/a"), ["1 sum 1 day 1"]);
        assert_eq!(
            dead(&outcome, "t/a"),
            [
                "dead rule_panic add 2",
                "dead rule_panic panic",
                "dead rule_panic panic-decode",
                "dead schema_mismatch garbage",
            ]
        );
        assert_eq!(
            texts(&outcome, "t/b"),
            ["1 sum 5 day 5"],
            "the partition goes on"
        );
        assert_eq!(outcome.counters.get("rule_panic"), Some(&3));
        let host = factory.open();
        let quarantined = must(host.athletes_with(BucketId::QUARANTINE, 10));
        assert_eq!(quarantined, [Key::new("t/a")], "with its note");
    }
}

fn a_panic_is_the_matter_of_one_athlete<F: HostFactory>(factory: &mut F) {
    let names: Vec<String> = (10..50).map(|n| format!("t/{n}")).collect();
    let words = |name: &str| if name == "t/27" { "panic" } else { "add 3" };
    let inputs = (0..).zip(&names);
    let script: Vec<Record> = inputs
        .map(|(n, name)| input(name, LogTime(n), words(name)))
        .collect();
    let outcome = run(factory, 1, limits(100, true), &script, &[LogTime(0)]);
    for name in &names {
        let panicked = words(name) == "panic";
        let (said, set_aside) = (texts(&outcome, name), dead(&outcome, name));
        assert_eq!(said.is_empty(), panicked, "{name} said {said:?}");
        assert_eq!(set_aside.is_empty(), !panicked, "{name}: {set_aside:?}");
    }
    assert_eq!(outcome.counters.get("added"), Some(&39));
    let host = factory.open();
    let quarantined = must(host.athletes_with(BucketId::QUARANTINE, 10));
    assert_eq!(quarantined, [Key::new("t/27")]);
}

fn a_replay_lifts_the_quarantine<F: HostFactory>(factory: &mut F) {
    let words = ["add 1", "panic", "add 2", "replay 2", "add 3"];
    let script: Vec<Record> = (0..)
        .zip(words)
        .map(|(n, words)| input("t/a", LogTime(n), words))
        .collect();
    for records in [1, 2, 100] {
        let outcome = run(factory, 1, limits(records, true), &script, &[LogTime(0)]);
        assert_eq!(
            texts(&outcome, "t/a"),
            ["1 sum 1 day 1", "2 sum 3 day 3", "3 sum 6 day 6"]
        );
        assert_eq!(
            dead(&outcome, "t/a"),
            ["dead rule_panic add 2", "dead rule_panic panic"]
        );
        let host = factory.open();
        assert_eq!(must(host.athletes_with(BucketId::QUARANTINE, 10)), []);
    }
}

fn an_input_that_panics_in_company_only_is_no_dead_letter<F: HostFactory>(factory: &mut F) {
    let words = ["add 1", "panic-in-company", "add 2"];
    let script: Vec<Record> = (0..)
        .zip(words)
        .map(|(n, words)| input("t/a", LogTime(n), words))
        .collect();
    let outcome = run(factory, 1, limits(100, true), &script, &[LogTime(0)]);
    assert_eq!(
        texts(&outcome, "t/a"),
        ["1 sum 1 day 1", "2 alone", "3 sum 3 day 3"]
    );
    assert_eq!(outcome.counters.get("rule_panic"), None);
}

fn a_timer_that_panics_is_put_off<F: HostFactory>(factory: &mut F) {
    let script = [
        input("t/a", LogTime(1), "timer boom 5"),
        input("t/b", LogTime(1), "timer ok 5"),
    ];
    let outcome = run(
        factory,
        1,
        limits(100, true),
        &script,
        &[LogTime(0), LogTime(10)],
    );
    assert_eq!(texts(&outcome, "t/b"), ["fired ok 5"]);
    assert_eq!(texts(&outcome, "t/a"), Vec::<String>::new());
    assert_eq!(outcome.timers.len(), 1, "put off, not lost");
    assert!(outcome.timers.iter().all(|timer| timer.due > LogTime(10)));
}

/// Everything that was read, ticks included, given to an empty world in the same order.
fn a_replay_of_the_log_says_the_same<F: HostFactory>(factory: &mut F) {
    let inputs: [Topic; 2] = [super::INPUT, super::TICKS];
    let first = run(factory, 1, limits(5, true), &script(), &TIMES);
    let log = everything(factory, &inputs);
    for records in [1, 4, 2_000] {
        factory.create(1, TOPICS);
        append(factory, &log);
        let mut task = Task::new(Tally, factory.open(), limits(records, false));
        must(drive(&mut task, LogTime(0)));
        let host = task.into_host();
        let again = super::outcome(factory, &host, &script());
        assert_eq!(first, again, "{records} records a batch");
    }
}
