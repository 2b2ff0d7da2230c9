//! Floods: a sender that never stops fills no state, and everything else goes on.

use std::collections::{BTreeMap, BTreeSet};

use processors_pipeline::{Pipeline, Rules, RulesConfig};
use schemas::AnyRecord;
use schemas::record::ingest::{RawReceived, RecordRejected};
use serde_json::{Value, json};
use stream_log::driver::Memory;
use stream_log::{Append, LogTime, StateStore, Step, Task, TaskLimits};

use crate::reports::{DAY_S, MONDAY_S, TOPICS, raw, record};

/// Naps that are live when all is read.
fn told_naps(items: &[RawReceived]) -> usize {
    let memory = run(items).0;
    let mut live = BTreeSet::new();
    for sequenced in memory.records() {
        match schemas::decode_any(&sequenced.record.value) {
            Ok(AnyRecord::NightRevised(fact)) if fact.kind == "nap" => {
                live.insert(fact.night_id);
            }
            Ok(AnyRecord::NightRetracted(fact)) => {
                live.remove(&fact.night_id);
            }
            _ => {}
        }
    }
    live.len()
}

/// The log after all was read, and the counts.
fn run(items: &[RawReceived]) -> (Memory, BTreeMap<String, i64>) {
    let memory = Memory::new(1, TOPICS);
    memory.append(items.iter().map(record).collect()).unwrap();
    let pipeline = Pipeline::new(Rules::new(RulesConfig::default()));
    let mut task = Task::new(pipeline, memory.open(), TaskLimits::default());
    while !matches!(task.step(LogTime(i64::MIN)).unwrap(), Step::Idle { .. }) {}
    let counters = task.host().counters().unwrap().into_iter();
    let counts = counters.map(|((_, name), count)| (name, count)).collect();
    drop(task);
    (memory, counts)
}

/// What came of the items: how many of a source were accepted, and the dead letters.
fn told(items: &[RawReceived]) -> (BTreeMap<String, i64>, Vec<RecordRejected>) {
    let (memory, counts) = run(items);
    let records = memory.records().into_iter();
    let letters =
        records.filter_map(
            |sequenced| match schemas::decode_any(&sequenced.record.value) {
                Ok(AnyRecord::RecordRejected(letter)) => Some(letter),
                _ => None,
            },
        );
    (counts, letters.collect())
}

/// Items of one flood, and one of another day after it.
fn flood(source: &str, kind: &str, count: i64, item: impl Fn(i64) -> Value) -> Vec<RawReceived> {
    let mut items: Vec<RawReceived> = (0..count)
        .map(|at| raw(source, kind, at + 1, &item(at)))
        .collect();
    let other = json!({"id": "other", "type": "intake", "at": at(-3, 0), "fluid_ml": 500});
    items.push(raw("app", "intake", count + 1, &other));
    items
}

fn at(day: i64, second: i64) -> String {
    let at = chrono::DateTime::from_timestamp(MONDAY_S + day * DAY_S + second, 0);
    at.unwrap().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn intake(number: i64) -> Value {
    json!({"id": "one", "type": "intake", "at": at(0, 0), "fluid_ml": number})
}

/// It moves from day to day.
fn moved(number: i64) -> Value {
    json!({"id": "one", "type": "intake", "at": at(-number % 2, 0), "fluid_ml": number})
}

fn of_a_day(number: i64) -> Value {
    let id = format!("i{number}");
    json!({"id": id, "type": "intake", "at": at(0, number), "fluid_ml": 100})
}

/// Every one has the name and another version, each on a day of its own.
fn renamed(number: i64) -> Value {
    json!({
        "id": format!("w{number}"), "workoutActivityType": "HKWorkoutActivityTypeRunning",
        "startDate": at(-number, 0), "endDate": at(-number, 1_800), "duration": 1_800,
        "source": {"bundleIdentifier": "com.example.app", "name": "App"},
        "metadata": {"HKMetadataKeySyncIdentifier": "one", "HKMetadataKeySyncVersion": number},
    })
}

#[test]
fn what_one_thing_may_have_remembered_has_a_limit_and_the_rest_are_dead_letters() {
    let floods = [
        (
            "app",
            flood("app", "intake", 203, intake),
            200,
            "a record has at most 200 contents",
        ),
        (
            "app",
            flood("app", "intake", 203, moved),
            200,
            "a record has at most 200 contents",
        ),
        (
            "app",
            flood("app", "intake", 503, of_a_day),
            500,
            "a day holds at most 500 of kind intake",
        ),
        (
            "healthkit",
            flood("healthkit", "workouts", 503, renamed),
            500,
            "at most 500 records of one name are kept",
        ),
    ];
    for (source, items, most, detail) in floods {
        let (counts, letters) = told(&items);
        let others = i64::from(source == "app");
        assert_eq!(
            counts[&format!("{source}.accepted")],
            most + others,
            "{detail}"
        );
        assert_eq!(counts["app.accepted"], most * others + 1, "{detail}");
        assert_eq!(letters.len(), 3, "{detail}");
        for letter in letters {
            assert_eq!(
                (letter.reason.as_str(), letter.detail.as_str()),
                ("too_many", detail)
            );
        }
    }
}

#[test]
fn a_sleep_lists_so_many_naps_and_no_more() {
    let sleep = |naps: i64| {
        let naps: Vec<Value> = (0..naps)
            .map(|nap| {
                json!({
                    "napDurationInSeconds": 600, "napOffsetInSeconds": 0,
                    "napStartTimeInSeconds": MONDAY_S - nap * 7_200, "napValidation": "manual",
                })
            })
            .collect();
        let body = json!({
            "userId": "acc", "summaryId": "s1", "startTimeInSeconds": MONDAY_S,
            "startTimeOffsetInSeconds": 0, "durationInSeconds": 25_200, "naps": naps,
        });
        told(&[raw("garmin", "sleeps", 1, &body)])
    };
    let (counts, letters) = sleep(499);
    assert_eq!((counts["garmin.accepted"], letters.len()), (1, 0));
    let (counts, letters) = sleep(501);
    assert_eq!((counts["garmin.dead_lettered"], letters.len()), (1, 1));
    assert_eq!(letters[0].reason, "too_many");
}

#[test]
fn a_flood_leaves_room_for_what_counts_for_safety() {
    let mut items = flood("app", "intake", 700, of_a_day);
    for (id, kind, body) in [
        (
            800,
            "symptom",
            json!({"id": "s", "type": "symptom", "at": at(0, 9), "codes": ["collapse"]}),
        ),
        (
            801,
            "profile",
            json!({"id": "p", "type": "profile", "at": at(0, 9), "flags": ["kidney"]}),
        ),
        (
            802,
            "weigh_in",
            json!({"id": "w", "type": "weigh_in", "at": at(0, 9), "mass_pre_kg": 70, "mass_post_kg": 69}),
        ),
    ] {
        items.push(raw("app", kind, id, &body));
    }
    let (counts, letters) = told(&items);
    assert_eq!((counts["app.accepted"], letters.len()), (504, 200));
    assert!(letters.iter().all(|letter| letter.kind == "intake"));
}

#[test]
fn a_copy_of_what_had_no_room_changes_nothing() {
    let sleep = |id: i64, starts: &[i64]| {
        let nap =
            |start: &i64| json!({"napStartTimeInSeconds": start, "napDurationInSeconds": 600});
        let naps: Vec<Value> = starts.iter().map(nap).collect();
        let body = json!({
            "userId": "acc", "summaryId": "s1", "startTimeInSeconds": MONDAY_S,
            "startTimeOffsetInSeconds": 0, "durationInSeconds": 25_200, "naps": naps,
        });
        raw("garmin", "sleeps", id, &body)
    };
    let first = sleep(1, &[MONDAY_S + 50_000]);
    let many: Vec<i64> = (0..501).map(|nap| MONDAY_S - nap * 7_200).collect();
    let refused = sleep(2, &many);
    let again = RawReceived {
        id: format!("{:032x}", 3),
        ..refused.clone()
    };
    let all = [first, refused, again];
    let counts = told(&all).0;
    assert_eq!(
        (counts["garmin.dead_lettered"], counts["garmin.duplicate"]),
        (1, 1)
    );
    assert_eq!(told_naps(&all[..1]), 1);
    assert_eq!(told_naps(&all), 1);
}

#[test]
fn a_full_record_may_be_taken_back_and_not_without_end() {
    let plan = |number: i64| {
        json!({
            "id": "e", "type": "planned_workout", "plan_id": "p", "sport": "run",
            "start": at(1, 0), "duration_min": 30 + number, "deleted": number >= 200,
        })
    };
    let items = flood("app", "planned_workout", 300, plan);
    let (counts, letters) = told(&items);
    assert_eq!((counts["app.accepted"], letters.len()), (251, 50));
}
