//! Floods: a sender that never stops fills no state, and everything else goes on.

use std::collections::BTreeMap;

use processors_pipeline::{Pipeline, Rules, RulesConfig};
use schemas::AnyRecord;
use schemas::record::ingest::{RawReceived, RecordRejected};
use serde_json::{Value, json};
use stream_log::driver::Memory;
use stream_log::{Append, LogTime, StateStore, Step, Task, TaskLimits};

use crate::reports::{DAY_S, MONDAY_S, TOPICS, raw, record};

/// What came of the items: how many of a source were accepted, and the dead letters.
fn told(items: &[RawReceived]) -> (BTreeMap<String, i64>, Vec<RecordRejected>) {
    let memory = Memory::new(1, TOPICS);
    memory.append(items.iter().map(record).collect()).unwrap();
    let pipeline = Pipeline::new(Rules::new(RulesConfig::default()));
    let mut task = Task::new(pipeline, memory.open(), TaskLimits::default());
    while !matches!(task.step(LogTime(i64::MIN)).unwrap(), Step::Idle { .. }) {}
    let counters = task.host().counters().unwrap().into_iter();
    let counts = counters.map(|((_, name), count)| (name, count)).collect();
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
