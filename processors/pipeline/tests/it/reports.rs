//! What was told in reports of hidden starts and of merges: the items of each, as ingest would have put
//! them into the log. What has to come of them is with the tests.

use std::collections::BTreeMap;

use processors_pipeline::{Pipeline, Rules, RulesConfig};
use schemas::AnyRecord;
use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use schemas::topic;
use serde_json::{Value, json};
use stream_log::driver::Memory;
use stream_log::{Append, Key, LogTime, Record, Step, Task, TaskLimits, Topic, Topics};

pub(crate) static TOPICS: Topics = &topic::READ_BY_PROCESSORS;

/// 2025-10-06T00:00:00Z, a Monday.
pub(crate) const MONDAY_S: i64 = 1_759_708_800;
pub(crate) const DAY_S: i64 = 86_400;
/// Summer time in Berlin.
pub(crate) const OFFSET_S: i64 = 7_200;

pub(crate) fn one_run_fits() -> [RawReceived; 4] {
    [
        hidden(1, 1, 8_000),
        watch(2, 1, 19, 8_010),
        watch(3, 1, 7, 5_000),
        watch(4, 2, 7, 8_000),
    ]
}

pub(crate) fn a_second_run_fits() -> [RawReceived; 3] {
    [
        watch(1, 1, 7, 8_000),
        hidden(2, 1, 8_000),
        watch(3, 1, 19, 8_010),
    ]
}

pub(crate) fn told_apart() -> [RawReceived; 4] {
    [
        hidden(1, 1, 8_000),
        hidden(2, 1, 5_000),
        watch(3, 1, 19, 8_010),
        watch(4, 1, 7, 5_000),
    ]
}

pub(crate) fn merged_and_told_again() -> [RawReceived; 4] {
    let (morning, evening) = (watch(1, 0, 8, 10_000), watch(2, 0, 18, 9_000));
    let merged = merge(3, &[&morning, &evening]);
    let later = again(4, &morning, 10_100);
    [morning, evening, merged, later]
}

pub(crate) fn merged_over_days() -> [RawReceived; 4] {
    let (monday, thursday) = (watch(1, 0, 8, 10_000), watch(2, 3, 8, 9_000));
    let merged = merge(3, &[&monday, &thursday]);
    let later = again(4, &monday, 10_100);
    [monday, thursday, merged, later]
}

pub(crate) fn wrong_zone() -> [RawReceived; 3] {
    [
        watch(1, 1, 7, 8_000),
        strava(2, start_s(1, 9), 8_010, "Shifted"),
        watch(3, 1, 17, 5_000),
    ]
}

pub(crate) fn wrong_zone_cleared() -> [RawReceived; 3] {
    [
        watch(1, 1, 7, 8_000),
        strava(2, start_s(1, 9), 8_010, "Evening"),
        strava(3, start_s(1, 7), 8_005, "Morning"),
    ]
}

pub(crate) fn merged_then_split() -> [RawReceived; 4] {
    let (morning, evening) = (watch(1, 0, 8, 10_000), watch(2, 0, 18, 9_000));
    let merged = merge(3, &[&morning, &evening]);
    let split = word(4, "split", &[&morning, &evening]);
    [morning, evening, merged, split]
}

pub(crate) fn linked_again() -> [RawReceived; 3] {
    let run = watch(1, 0, 8, 10_000);
    let gone = raw("garmin", "deregistrations", 2, &json!({"userId": "acc"}));
    let mut again = watch(1, 0, 8, 10_000);
    again.received_at = Micros(again.received_at.0 + 60_000_000);
    again.account_id = Some("other".to_owned());
    again.id = format!("{:032x}", 77);
    [run, gone, again]
}

pub(crate) fn split_then_replaced() -> [RawReceived; 5] {
    let run = watch(1, 0, 8, 10_000);
    let copy = health(2, "aaaa", "com.example.run", start_s(0, 8), 10_000);
    let edited = health(5, "bbbb", "com.example.run", start_s(0, 8), 10_050);
    let split = word(3, "split", &[&run, &copy]);
    [run, copy, split, gone(4, "aaaa"), edited]
}

pub(crate) fn title_edited() -> [RawReceived; 3] {
    let run = watch(1, 0, 8, 10_000);
    let first = strava(2, start_s(0, 8), 10_000, "Morning Run");
    let mut second = strava(2, start_s(0, 8), 10_000, "With Kim");
    let later = Micros(first.received_at.0 + 3_600_000_000);
    (second.received_at, second.provider_event_at) = (later, Some(later));
    (second.id, second.body_sha256) = (format!("{:032x}", 9), format!("{:064x}", 9));
    [run, first, second]
}

/// A title of the watch, a copy that was fetched once, and what was told of edits of it: one before the
/// fetch, a copy of its event, and one that no fetch followed.
pub(crate) fn edits_told() -> [RawReceived; 5] {
    let mut run = watch(1, 0, 8, 10_000);
    let mut body: Value = serde_json::from_slice(&run.body).unwrap();
    body["activityName"] = "Berlin Running".into();
    run.body = body.to_string().into_bytes();
    let fetched = strava(2, start_s(0, 8), 10_000, "With Kim");
    let at = fetched.received_at.0;
    let before = edit(3, &fetched, "title", at - 60_000_000);
    let mut copy = before.clone();
    (copy.id, copy.received_at) = (format!("{:032x}", 4), Micros(at + 5_000_000));
    let after = edit(5, &fetched, "title", at + 60_000_000);
    [run, fetched, before, copy, after]
}

/// The event of an edit, which arrives two seconds after it.
pub(crate) fn edit(id: i64, of: &RawReceived, name: &str, at: i64) -> RawReceived {
    let body = json!({
        "object_type": "activity", "aspect_type": "update", "event_time": at / 1_000_000,
        "updates": {name: "to something"}
    });
    RawReceived {
        provider_id: of.provider_id.clone(),
        received_at: Micros(at + 2_000_000),
        provider_event_at: Some(Micros(at)),
        ..raw("strava", "event", id, &body)
    }
}

/// A run that ends two days after its first arrival, the same bytes when it was over, and a copy of the
/// first.
pub(crate) fn too_early_then_due() -> [RawReceived; 3] {
    let early = watch(1, 9, 8, 8_000);
    let mut due = early.clone();
    due.received_at = Micros(start_s(9, 12) * 1_000_000);
    due.id = format!("{:032x}", 2);
    let mut again = early.clone();
    again.received_at = Micros(early.received_at.0 + 1_000_000);
    again.id = format!("{:032x}", 3);
    [early, due, again]
}

/// What a watch told, what anybody may see of it elsewhere, and what only the athlete may.
pub(crate) fn watched() -> RawReceived {
    watch(1, 1, 8, 10_000)
}

pub(crate) fn open_copy() -> RawReceived {
    health(3, "cccc", "com.apple.health.7", start_s(1, 8) + 20, 9_950)
}

pub(crate) fn restricted() -> [Vec<RawReceived>; 5] {
    let at = start_s(1, 8);
    [
        vec![strava(2, at, 10_000, "A")],
        vec![strava(2, at, 9_000, "B")],
        vec![strava(2, at + 7_200, 10_000, "C")],
        vec![health(2, "dddd", "com.strava.stravaride", at, 10_000)],
        vec![
            strava(2, at - DAY_S, 10_000, "D"),
            strava(4, at, 10_000, "E"),
        ],
    ]
}

pub(crate) fn raw(source: &str, kind: &str, id: i64, body: &Value) -> RawReceived {
    let received = (MONDAY_S + 7 * DAY_S + id) * 1_000_000;
    RawReceived {
        id: format!("{id:032x}"),
        tenant_id: "default".to_owned(),
        athlete_id: Some("mia".to_owned()),
        source: source.to_owned(),
        kind: kind.to_owned(),
        account_id: Some("acc".to_owned()),
        provider_id: (source == "strava").then(|| id.to_string()),
        received_at: Micros(received),
        first_received_at: None,
        replay_of: None,
        attempt: 1,
        provider_event_at: (source == "strava").then_some(Micros(received)),
        content_type: "application/json".to_owned(),
        body: body.to_string().into_bytes(),
        // Items are copies of each other where this is equal.
        body_sha256: format!("{id:064x}"),
        headers: BTreeMap::new(),
        connector: "test".to_owned(),
        connector_version: "1".to_owned(),
        licence: None,
        key_id: None,
    }
}

/// A watch's run on day `day`, `hour` hours after the local midnight.
pub(crate) fn watch(id: i64, day: i64, hour: i64, metres: i64) -> RawReceived {
    let start = MONDAY_S + day * DAY_S + hour * 3_600 - OFFSET_S;
    let body = json!({
        "userId": "acc", "summaryId": id.to_string(), "activityId": id, "activityType": "RUNNING",
        "startTimeInSeconds": start, "startTimeOffsetInSeconds": OFFSET_S,
        "durationInSeconds": 2_700, "distanceInMeters": metres, "deviceName": "Forerunner 965"
    });
    raw("garmin", "activities", id, &body)
}

/// The same run at Strava, its start hidden.
fn hidden(id: i64, day: i64, metres: i64) -> RawReceived {
    let date = format!("2025-10-{:02}", 6 + day);
    let midnight = MONDAY_S + day * DAY_S - OFFSET_S + 1;
    let start = format!("2025-10-{:02}T22:00:01Z", 5 + day);
    assert_eq!(midnight % DAY_S, 22 * 3_600 + 1);
    let body = json!({
        "id": id, "sport_type": "Run", "name": "Hidden", "start_date": start,
        "start_date_local": format!("{date}T00:00:01Z"), "utc_offset": OFFSET_S,
        "timezone": "(GMT+01:00) Europe/Berlin", "moving_time": 2_690, "elapsed_time": 2_700,
        "distance": metres, "device_name": "Garmin Forerunner 965"
    });
    raw("strava", "activity", id, &body)
}

pub(crate) fn start_s(day: i64, hour: i64) -> i64 {
    MONDAY_S + day * DAY_S + hour * 3_600 - OFFSET_S
}

pub(crate) fn rfc3339(seconds: i64) -> String {
    let at = chrono::DateTime::from_timestamp(seconds, 0).unwrap();
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub(crate) fn strava(id: i64, start: i64, metres: i64, title: &str) -> RawReceived {
    let body = json!({
        "id": id, "sport_type": "Run", "name": title, "start_date": rfc3339(start),
        "start_date_local": rfc3339(start + OFFSET_S), "utc_offset": OFFSET_S,
        "timezone": "(GMT+01:00) Europe/Berlin", "moving_time": 2_690, "elapsed_time": 2_700,
        "distance": metres, "device_name": "Garmin Forerunner 965"
    });
    raw("strava", "activity", id, &body)
}

/// A workout that an app told HealthKit of.
pub(crate) fn health(id: i64, uuid: &str, bundle: &str, start: i64, metres: i64) -> RawReceived {
    let body = json!({
        "id": uuid, "workoutActivityType": "HKWorkoutActivityTypeRunning",
        "startDate": rfc3339(start), "endDate": rfc3339(start + 2_700),
        "source": {"bundleIdentifier": bundle, "name": "App"},
        "duration": 2_700, "totalDistance": metres
    });
    RawReceived {
        account_id: None,
        provider_id: Some(uuid.to_owned()),
        ..raw("healthkit", "workouts", id, &body)
    }
}

pub(crate) fn gone(id: i64, uuid: &str) -> RawReceived {
    RawReceived {
        account_id: None,
        provider_id: Some(uuid.to_owned()),
        ..raw("healthkit", "deleted", id, &json!(uuid))
    }
}

pub(crate) fn word(id: i64, action: &str, of: &[&RawReceived]) -> RawReceived {
    let ids: Vec<String> = of.iter().map(|item| observation_of(item)).collect();
    let at = rfc3339(MONDAY_S + 7 * DAY_S + id);
    let body = json!({
        "id": format!("word-{id}"), "type": "link_override", "at": at,
        "action": action, "observation_ids": ids
    });
    raw("app", "link_override", id, &body)
}

pub(crate) fn merge(id: i64, of: &[&RawReceived]) -> RawReceived {
    let ids: Vec<String> = of.iter().map(|item| observation_of(item)).collect();
    let body = json!({
        "id": format!("merge-{id}"), "type": "link_override", "at": "2025-10-13T00:00:00Z",
        "action": "merge", "observation_ids": ids
    });
    raw("app", "link_override", id, &body)
}

/// Another word of the watch on a run that it told before.
fn again(id: i64, of: &RawReceived, metres: i64) -> RawReceived {
    let mut body: Value = serde_json::from_slice(&of.body).unwrap();
    body["distanceInMeters"] = metres.into();
    raw("garmin", "activities", id, &body)
}

pub(crate) fn record(item: &RawReceived) -> Record {
    Record {
        topic: Topic(topic::raw_topic(&item.source).unwrap()),
        key: Key::new("default/mia"),
        received_at: LogTime(item.received_at.0),
        headers: Vec::new(),
        value: schemas::codec::encode(item),
    }
}

/// All that is in the log after items that came in batches of this many.
pub(crate) fn told(items: &[RawReceived], together: usize) -> Vec<AnyRecord> {
    let memory = Memory::new(1, TOPICS);
    let pipeline = Pipeline::new(Rules::new(RulesConfig::default()));
    let mut task = Task::new(pipeline, memory.open(), TaskLimits::default());
    for items in items.chunks(together) {
        memory.append(items.iter().map(record).collect()).unwrap();
        while !matches!(task.step(LogTime(i64::MIN)).unwrap(), Step::Idle { .. }) {}
    }
    let records = memory.records();
    let decode = |value: &[u8]| schemas::decode_any(value).unwrap();
    records
        .iter()
        .map(|one| decode(&one.record.value))
        .collect()
}

/// What the observation of a watch's run is called.
pub(crate) fn observation_of(item: &RawReceived) -> String {
    let observed = |fact| match fact {
        AnyRecord::ObservationRecorded(fact) => Some(fact.observation_id),
        _ => None,
    };
    let told = told(std::slice::from_ref(item), 1).into_iter();
    let id = told.filter_map(observed).next();
    id.expect("a run makes an observation")
}
