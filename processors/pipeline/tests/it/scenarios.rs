//! Reports of what went wrong elsewhere, as a table: what was told, and the one truth of it. Each is
//! run straight, at once, read in other orders, restarted after every commit, crashed at every call, and
//! on other partitions.

mod row;
mod said;
mod table;

use std::collections::BTreeMap;

use processors_pipeline::{Pipeline, Rules, RulesConfig};
use schemas::AnyRecord;
use schemas::record::ingest::RawReceived;
use schemas::topic;
use stream_log::driver::{Fault, Faulty, Memory, Moment};
use stream_log::{
    Append, BucketId, Class, Key, Log, LogTime, Record, StateStore, Step, Task, TaskLimits, Topic,
    Topics,
};

use row::{Ids, Row};
use table::{Scenario, scenarios};

/// A run of a scenario has far fewer calls of its host.
const CALLS_MAX: u64 = 2_000;
const ATHLETE: &str = "mia";

/// State by what it means.
type Known = BTreeMap<BucketId, String>;

static TOPICS: Topics = &topic::READ_BY_PROCESSORS;

/// One commit for each record.
fn task<H: Log + StateStore>(host: H) -> Task<Pipeline, H> {
    task_of(1, host)
}

fn task_of<H: Log + StateStore>(records: usize, host: H) -> Task<Pipeline, H> {
    let limits = TaskLimits {
        records,
        ..TaskLimits::default()
    };
    Task::new(
        Pipeline::new(Rules::new(RulesConfig::default())),
        host,
        limits,
    )
}

fn record(item: &RawReceived) -> Record {
    Record {
        topic: Topic(topic::raw_topic(&item.source).unwrap()),
        key: Key::new(&format!("default/{ATHLETE}")),
        received_at: LogTime(item.received_at.0),
        headers: Vec::new(),
        value: schemas::codec::encode(item),
    }
}

fn memory(items: &[RawReceived], partitions: u32) -> Memory {
    let memory = Memory::new(partitions, TOPICS);
    memory.append(items.iter().map(record).collect()).unwrap();
    memory
}

/// One commit, or none where nothing is left.
fn step<H: Log + StateStore>(task: &mut Task<Pipeline, H>) -> Result<bool, stream_log::Failure> {
    let stepped = task.step(LogTime(i64::MIN))?;
    Ok(!matches!(stepped, Step::Idle { .. }))
}

/// What was said and what is known after the items were read one by one, in this order.
fn one_by_one<'i>(items: impl Iterator<Item = &'i RawReceived>) -> (Vec<AnyRecord>, Known) {
    let memory = memory(&[], 1);
    let mut task = task(memory.open());
    for item in items {
        memory.append(vec![record(item)]).unwrap();
        while step(&mut task).unwrap() {}
    }
    let digest = |(bucket, bytes): (&BucketId, &Vec<u8>)| {
        let digest = task.processor().digest(*bucket, bytes).unwrap();
        digest.map(|digest| (*bucket, digest))
    };
    let state = memory.state();
    let known = state.values().flatten().filter_map(digest).collect();
    (facts(&memory), known)
}

fn straight(items: &[RawReceived], partitions: u32) -> Vec<AnyRecord> {
    let memory = memory(items, partitions);
    let mut task = task(memory.open());
    while step(&mut task).unwrap() {}
    facts(&memory)
}

/// All of it in one commit.
fn at_once(items: &[RawReceived]) -> Vec<AnyRecord> {
    let memory = memory(items, 1);
    let mut task = task_of(items.len().max(1), memory.open());
    while step(&mut task).unwrap() {}
    facts(&memory)
}

fn restarted(items: &[RawReceived]) -> Vec<AnyRecord> {
    let memory = memory(items, 1);
    while step(&mut task(memory.open())).unwrap() {}
    facts(&memory)
}

/// With one crash at a call of the host; whether it was reached.
fn crashed(items: &[RawReceived], at: u64, moment: Moment) -> (Vec<AnyRecord>, bool) {
    let memory = memory(items, 1);
    let mut first = task(Faulty::new(memory.open(), at, moment, Fault::Crash));
    loop {
        match step(&mut first) {
            Ok(true) => {}
            Ok(false) => break,
            Err(failure) => {
                assert_eq!(failure.class, Class::Rebuild, "{failure:?}");
                break;
            }
        }
    }
    let struck = first.into_host().struck();
    let mut second = task(memory.open());
    while step(&mut second).unwrap() {}
    (facts(&memory), struck)
}

fn facts(memory: &Memory) -> Vec<AnyRecord> {
    let records = memory.records().into_iter();
    let facts = records.filter_map(|it| schemas::decode_any(&it.record.value).ok());
    let facts: Vec<AnyRecord> = facts.collect();
    for fact in &facts {
        if let AnyRecord::RecordRejected(fact) = fact {
            panic!("{}: {} {}", fact.kind, fact.reason, fact.detail);
        }
    }
    facts
}

/// The ids under which the scenario's records are published, for users who name them.
fn ids(told: &[Row]) -> Ids {
    let items: Vec<RawReceived> = told
        .iter()
        .enumerate()
        .filter(|(_, row)| row.word(2) != "link_override")
        .map(|(number, row)| row.raw(number, &Ids::new()))
        .collect();
    let mut ids = BTreeMap::new();
    for fact in straight(&items, 1) {
        if let AnyRecord::ObservationRecorded(fact) = fact {
            let name = format!("{}:{}", fact.source, fact.provider_id);
            ids.insert(name, fact.observation_id);
        }
    }
    ids
}

#[test]
fn reports_come_out_right_straight_at_once_restarted_crashed_and_on_other_partitions() {
    let scenarios = scenarios();
    assert!(scenarios.len() > 20, "{}", scenarios.len());
    let mut failures = Vec::new();
    for scenario in &scenarios {
        failures.extend(check(scenario).map(|why| format!("{}\n{why}", scenario.name)));
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
}

/// What is wrong with the scenario, if anything is.
fn check(scenario: &Scenario) -> Option<String> {
    let ids = ids(&scenario.told);
    let rows = scenario.told.iter().enumerate();
    let items: Vec<RawReceived> = rows.map(|(number, row)| row.raw(number, &ids)).collect();
    let told = straight(&items, 1);
    let differences = said::differences(&scenario.said, &told);
    if !differences.is_empty() {
        return Some(differences.join("\n"));
    }
    let dangling = said::dangling(&told);
    if !dangling.is_empty() {
        return Some(dangling.join("\n"));
    }
    let live = said::live(&told);
    if said::live(&restarted(&items)) != live {
        return Some("other things are live after restarts".to_owned());
    }
    let at_once = said::live(&at_once(&items));
    // Revisions count what was said before, and advice that is too late at once was in time then.
    let both = live
        .iter()
        .filter_map(|(id, said)| Some((id, said, at_once.get(id)?)));
    if let Some((id, ..)) = both.clone().find(|(_, said, at_once)| said.1 != at_once.1) {
        return Some(format!("{id} is another when all is told at once"));
    }
    if said::live(&straight(&items, 7)) != live {
        return Some("other things are live on seven partitions".to_owned());
    }
    let (_, known) = one_by_one(items.iter());
    let lasting = said::lasting(&scenario.said);
    for first in 0..items.len() {
        let (before, after) = items.split_at(first);
        let forwards: Vec<&RawReceived> = after.iter().chain(before).collect();
        let backwards: Vec<&RawReceived> = forwards.iter().copied().rev().collect();
        for order in [forwards, backwards] {
            let (told, known_then) = one_by_one(order.iter().copied());
            let differences = said::differences(&lasting, &told);
            if !differences.is_empty() {
                return Some(format!("in order {first}: {}", differences.join("\n")));
            }
            if known_then != known {
                return Some(format!("other things are known in order {first}"));
            }
        }
    }
    for moment in [Moment::Before, Moment::After] {
        for at in 0.. {
            assert!(at < CALLS_MAX, "a run ends");
            let (told, struck) = crashed(&items, at, moment);
            if said::live(&told) != live {
                return Some(format!(
                    "other things are live after a crash {moment:?} call {at}"
                ));
            }
            if !struck {
                break;
            }
        }
    }
    None
}

#[test]
fn a_scenario_that_is_not_met_is_found_out() {
    let mut scenario = scenarios().remove(0);
    scenario.said = vec![Row::parse("session  members=garmin:11")];
    let why = check(&scenario).unwrap();
    assert!(why.contains("garmin:11,garmin:12"), "{why}");
    scenario.said.clear();
    assert!(check(&scenario).is_some());
}
