//! A rule that panics on what a hint led to: every count still adds up, the end of the fetch is
//! nobody's item, and replays bring everything back.

use std::collections::BTreeMap;

use processors_pipeline::{Pipeline, Rules, RulesConfig};
use schemas::AnyRecord;
use schemas::record::ingest::{RawReceived, RecordRejected};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use stream_log::driver::Memory;
use stream_log::{Append, LogTime, StateStore, Step, Task, TaskLimits};

use crate::reports::{TOPICS, raw, record};

const RUN: &str = "4711";

fn of_run(kind: &str, id: i64, body: &Value) -> RawReceived {
    let item = raw("strava", kind, id, body);
    let digest = Sha256::digest(&item.body);
    RawReceived {
        provider_id: Some(RUN.to_owned()),
        body_sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        ..item
    }
}

fn hint() -> RawReceived {
    let body = json!({
        "object_type": "activity", "object_id": 4_711, "aspect_type": "create", "owner_id": 9,
        "event_time": 1_760_000_000, "updates": {}
    });
    of_run("event", 1, &body)
}

fn fetched() -> RawReceived {
    let body = json!({
        "id": 4_711, "sport_type": "Run", "name": "Lake", "start_date": "2025-10-07T16:00:00Z",
        "start_date_local": "2025-10-07T18:00:00Z", "utc_offset": 7_200,
        "timezone": "(GMT+01:00) Europe/Berlin", "moving_time": 2_690, "elapsed_time": 2_700,
        "distance": 8_000, "device_name": "Garmin Forerunner 965"
    });
    of_run("activity", 2, &body)
}

/// The end of the fetch that `hint` asked for.
fn end(id: i64, hint: &RawReceived) -> RawReceived {
    let body = json!({
        "outcome": "body", "status": 200, "detail": "", "fetched_at": 1_760_000_000_000_000_i64,
        "hints": [{
            "id": hint.id, "kind": hint.kind, "provider_id": RUN,
            "received_at": hint.received_at.0, "replay_of": hint.replay_of,
            "attempt": hint.attempt, "body": String::from_utf8_lossy(&hint.body)
        }]
    });
    of_run("fetch_result", id, &body)
}

/// The same item again, as a person asks for it.
fn replay(item: &RawReceived, id: i64, letter: &RecordRejected) -> RawReceived {
    let again = raw("strava", &item.kind, id, &json!({}));
    RawReceived {
        received_at: again.received_at,
        first_received_at: Some(item.received_at),
        id: again.id,
        replay_of: Some(letter.id.clone()),
        attempt: letter.attempts + 1,
        ..item.clone()
    }
}

/// Runs what is in the log, and returns the counts.
fn run(memory: &Memory, panics: bool) -> BTreeMap<String, i64> {
    let config = RulesConfig {
        panic_on_provider_id: panics.then(|| RUN.to_owned()),
        ..RulesConfig::default()
    };
    let pipeline = Pipeline::new(Rules::new(config));
    let mut task = Task::new(pipeline, memory.open(), TaskLimits::default());
    while !matches!(task.step(LogTime(i64::MIN)).unwrap(), Step::Idle { .. }) {}
    let counters = task.host().counters().unwrap();
    counters
        .into_iter()
        .filter(|(_, count)| *count != 0)
        .map(|((_, name), count)| (name, count))
        .collect()
}

fn append(memory: &Memory, items: &[RawReceived]) {
    memory.append(items.iter().map(record).collect()).unwrap();
}

fn counts(expected: &[(&str, i64)]) -> BTreeMap<String, i64> {
    let named = |(name, count): &(&str, i64)| (format!("strava.{name}"), *count);
    expected.iter().map(named).collect()
}

/// Dead letters by the kind of their item, and how many of them were resolved.
fn letters(memory: &Memory) -> (BTreeMap<String, RecordRejected>, usize) {
    let (mut letters, mut resolved) = (BTreeMap::new(), 0);
    for sequenced in memory.records() {
        match schemas::decode_any(&sequenced.record.value) {
            Ok(AnyRecord::RecordRejected(letter)) => {
                letters.insert(letter.kind.clone(), letter);
            }
            Ok(AnyRecord::RejectionResolved(_)) => resolved += 1,
            _ => {}
        }
    }
    (letters, resolved)
}

#[test]
fn counts_hold_when_a_rule_panics_on_what_a_hint_led_to_and_replays_bring_it_back() {
    let memory = Memory::new(1, TOPICS);
    append(&memory, &[hint(), fetched(), end(3, &hint())]);
    let expected = counts(&[("received", 2), ("dead_lettered", 2)]);
    assert_eq!(run(&memory, true), expected);

    let (told, resolved) = letters(&memory);
    let kinds: Vec<&str> = told.keys().map(String::as_str).collect();
    assert_eq!(kinds, ["activity", "event", "fetch_result"]);
    assert_eq!(resolved, 0);
    for letter in told.values() {
        assert_eq!(letter.reason, "rule_panic", "{}", letter.kind);
    }

    let again = replay(&hint(), 11, &told["event"]);
    let items = [
        again.clone(),
        replay(&fetched(), 12, &told["activity"]),
        replay(&end(3, &hint()), 13, &told["fetch_result"]),
    ];
    append(&memory, &items);
    let expected = counts(&[("received", 2), ("accepted", 1), ("pending", 1)]);
    assert_eq!(run(&memory, false), expected);
    assert_eq!(letters(&memory).1, 3);

    // The replayed hint asked for a fetch of its own.
    append(&memory, &[end(14, &again)]);
    assert_eq!(
        run(&memory, false),
        counts(&[("received", 2), ("accepted", 2)])
    );
}
