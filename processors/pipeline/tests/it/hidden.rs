//! Hidden starts through the whole pipeline: a record without a start finds its session however
//! late either of them comes, and whatever else was told of that day meanwhile.

use std::collections::BTreeMap;

use processors_pipeline::{Pipeline, Rules, RulesConfig};
use schemas::AnyRecord;
use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use schemas::topic::{self, Direction};
use serde_json::{Value, json};
use stream_log::driver::Memory;
use stream_log::{Append, Key, LogTime, Record, Step, Task, TaskLimits, Topic, Topics};

const ROWS: [(&str, bool); topic::CATALOGUE.len()] = {
    let mut rows = [("", false); topic::CATALOGUE.len()];
    let mut at = 0;
    while at < rows.len() {
        let spec = topic::CATALOGUE[at];
        rows[at] = (spec.name, matches!(spec.direction, Direction::Input));
        at += 1;
    }
    rows
};
pub(crate) static TOPICS: Topics = &ROWS;

/// 2025-10-06T00:00:00Z, a Monday.
pub(crate) const MONDAY_S: i64 = 1_759_708_800;
pub(crate) const DAY_S: i64 = 86_400;
/// Summer time in Berlin.
pub(crate) const OFFSET_S: i64 = 7_200;

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

pub(crate) fn record(item: &RawReceived) -> Record {
    Record {
        topic: Topic(topic::raw_topic(&item.source).unwrap()),
        key: Key::new("default/mia"),
        received_at: LogTime(item.received_at.0),
        headers: Vec::new(),
        value: schemas::codec::encode(item),
    }
}

/// The live sessions after all items, by their local start: members, candidates, hour of the start.
fn sessions(items: &[RawReceived], batch: usize) -> Vec<(String, usize, usize)> {
    let memory = Memory::new(1, TOPICS);
    let pipeline = Pipeline::new(Rules::new(RulesConfig::default()));
    let mut task = Task::new(pipeline, memory.open(), TaskLimits::default());
    for batch in items.chunks(batch) {
        memory.append(batch.iter().map(record).collect()).unwrap();
        while !matches!(task.step(LogTime(i64::MIN)).unwrap(), Step::Idle { .. }) {}
    }
    let mut live = BTreeMap::new();
    for sequenced in memory.records() {
        match schemas::decode_any(&sequenced.record.value) {
            Ok(AnyRecord::SessionRevised(fact)) => {
                let hour = (fact.start.0 / 1_000_000 - MONDAY_S + OFFSET_S) as f64 / 3_600.0;
                let said = (
                    format!("{} {:.1}", fact.local_date, hour % 24.0),
                    fact.members.len(),
                    fact.candidates.len(),
                );
                live.insert(fact.session_id, said);
            }
            Ok(AnyRecord::SessionRetracted(fact)) => {
                live.remove(&fact.session_id);
            }
            Ok(AnyRecord::RecordRejected(fact)) => panic!("{} {}", fact.reason, fact.detail),
            _ => {}
        }
    }
    let mut said: Vec<_> = live.into_values().collect();
    said.sort();
    said
}

/// Every order of a few items, by swapping as Heap does it.
pub(crate) fn orders(
    items: &mut Vec<RawReceived>,
    count: usize,
    seen: &mut dyn FnMut(&[RawReceived]),
) {
    if count <= 1 {
        return seen(items);
    }
    for at in 0..count {
        orders(items, count - 1, seen);
        let other = if count.is_multiple_of(2) { at } else { 0 };
        items.swap(other, count - 1);
    }
}

pub(crate) fn check(mut items: Vec<RawReceived>, expected: &[(&str, usize, usize)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(start, members, candidates)| ((*start).to_owned(), *members, *candidates))
        .collect();
    let count = items.len();
    orders(&mut items, count, &mut |items| {
        for batch in [1, count] {
            let ids: Vec<&str> = items.iter().map(|item| item.id.as_str()).collect();
            assert_eq!(sessions(items, batch), expected, "{batch} {ids:?}");
        }
    });
}

#[test]
fn a_hidden_start_joins_the_one_run_of_its_day_in_any_order() {
    check(
        vec![
            hidden(1, 1, 8_000),
            watch(2, 1, 19, 8_010),
            watch(3, 1, 7, 5_000),
            watch(4, 2, 7, 8_000),
        ],
        &[
            ("2025-10-07 19.0", 2, 0),
            ("2025-10-07 7.0", 1, 0),
            ("2025-10-08 7.0", 1, 0),
        ],
    );
}

#[test]
fn a_second_run_that_fits_as_well_takes_it_out_again() {
    check(
        vec![
            watch(1, 1, 7, 8_000),
            hidden(2, 1, 8_000),
            watch(3, 1, 19, 8_010),
        ],
        &[
            ("2025-10-07 0.0", 1, 2),
            ("2025-10-07 19.0", 1, 1),
            ("2025-10-07 7.0", 1, 1),
        ],
    );
}

#[test]
fn two_hidden_records_of_one_day_are_told_apart_by_what_they_measured() {
    check(
        vec![
            hidden(1, 1, 8_000),
            hidden(2, 1, 5_000),
            watch(3, 1, 19, 8_010),
            watch(4, 1, 7, 5_000),
        ],
        &[("2025-10-07 19.0", 2, 0), ("2025-10-07 7.0", 2, 0)],
    );
}

/// What the observation of a watch's run is called.
pub(crate) fn observation_of(item: &RawReceived) -> String {
    let memory = Memory::new(1, TOPICS);
    let pipeline = Pipeline::new(Rules::new(RulesConfig::default()));
    let mut task = Task::new(pipeline, memory.open(), TaskLimits::default());
    memory.append(vec![record(item)]).unwrap();
    while !matches!(task.step(LogTime(i64::MIN)).unwrap(), Step::Idle { .. }) {}
    let records = memory.records();
    let told =
        records.iter().find_map(
            |sequenced| match schemas::decode_any(&sequenced.record.value) {
                Ok(AnyRecord::ObservationRecorded(fact)) => Some(fact.observation_id),
                _ => None,
            },
        );
    told.expect("a run makes an observation")
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

#[test]
fn what_a_user_merged_stays_together_whichever_of_it_is_told_again() {
    let (morning, evening) = (watch(1, 0, 8, 10_000), watch(2, 0, 18, 9_000));
    let merged = merge(3, &[&morning, &evening]);
    let later = again(4, &morning, 10_100);
    check(
        vec![morning, evening, merged, later],
        &[("2025-10-06 8.0", 2, 0)],
    );
}

#[test]
fn a_merge_of_runs_days_apart_holds_whichever_of_it_is_told_again() {
    let (monday, thursday) = (watch(1, 0, 8, 10_000), watch(2, 3, 8, 9_000));
    let merged = merge(3, &[&monday, &thursday]);
    let later = again(4, &monday, 10_100);
    check(
        vec![monday, thursday, merged, later],
        &[("2025-10-06 8.0", 2, 0)],
    );
}
