//! One vendor item in, observations or a reason out: a table per source.

mod auto_export;
mod fetched;
mod garmin;
mod odd;
mod scan;
mod strava;
mod strava_event;
mod weather;

use processors_pipeline::{Body, Draft, Outcome, normalize};
use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use serde_json::{Value, json};

/// 2025-10-09T09:00:00Z.
const NOW_S: i64 = 1_760_000_400;
const RUN_S: i64 = NOW_S - 7_200;

fn raw(source: &str, kind: &str, body: &[u8]) -> RawReceived {
    RawReceived {
        id: "raw".to_owned(),
        tenant_id: "default".to_owned(),
        athlete_id: Some("mia".to_owned()),
        source: source.to_owned(),
        kind: kind.to_owned(),
        account_id: (source == "garmin").then(|| "acc".to_owned()),
        provider_id: None,
        received_at: Micros(NOW_S * 1_000_000),
        first_received_at: None,
        replay_of: None,
        attempt: 1,
        provider_event_at: None,
        content_type: "application/json".to_owned(),
        body: body.to_vec(),
        body_sha256: String::new(),
        headers: std::collections::BTreeMap::new(),
        connector: "test".to_owned(),
        connector_version: "1".to_owned(),
        licence: None,
        key_id: None,
    }
}

/// The item with fields changed; null takes a field away.
fn but(mut item: Value, changes: &Value) -> Value {
    let changes = changes.as_object().into_iter().flatten();
    if let Some(fields) = item.as_object_mut() {
        for (name, value) in changes {
            if value.is_null() {
                fields.remove(name);
            } else {
                fields.insert(name.clone(), value.clone());
            }
        }
    }
    item
}

fn outcome(source: &str, kind: &str, item: &Value) -> Outcome {
    normalize(&raw(source, kind, item.to_string().as_bytes()))
}

/// `ok`, `unused`, or the word of the reason.
fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Observations(_) => "ok",
        Outcome::Unused => "unused",
        Outcome::Hint(_) => "hint",
        Outcome::Ended(_) => "ended",
        Outcome::Rejected(rejected) => rejected.reason,
    }
}

/// What a rejection says to whoever has to mend the input.
fn detail(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Rejected(rejected) => &rejected.detail,
        other => panic!("{other:?}"),
    }
}

fn drafts(outcome: Outcome) -> Vec<Draft> {
    match outcome {
        Outcome::Observations(drafts) => drafts,
        other => panic!("{other:?}"),
    }
}

fn garmin_run() -> Value {
    json!({
        "summaryId": "77", "activityId": 77, "activityType": "RUNNING",
        "startTimeInSeconds": RUN_S, "durationInSeconds": 3_000,
        "averageHeartRateInBeatsPerMinute": 151
    })
}

fn health_run() -> Value {
    json!({
        "id": "W-1", "type": "running",
        "startDate": "2025-10-09T06:00:00Z", "endDate": "2025-10-09T07:00:00Z"
    })
}

#[test]
fn garmin_activities_become_observations_or_a_reason() {
    let cases = [
        ("as sent", json!({}), "ok"),
        ("id as text", json!({"activityId": "77"}), "ok"),
        ("summary id only", json!({"activityId": null}), "ok"),
        (
            "no id",
            json!({"activityId": null, "summaryId": null}),
            "missing_field",
        ),
        (
            "no start",
            json!({"startTimeInSeconds": null}),
            "missing_field",
        ),
        (
            "no duration",
            json!({"durationInSeconds": null}),
            "missing_field",
        ),
        ("no type", json!({"activityType": null}), "missing_field"),
        (
            "unknown type",
            json!({"activityType": "SNOW_YODELING_V2"}),
            "ok",
        ),
        (
            "ends before it starts",
            json!({"durationInSeconds": -60}),
            "bad_value",
        ),
        (
            "a duration of years",
            json!({"durationInSeconds": 1e9}),
            "bad_value",
        ),
        (
            "not a number",
            json!({"durationInSeconds": "NaN"}),
            "bad_value",
        ),
        (
            "absurd distance",
            json!({"distanceInMeters": 1e12}),
            "bad_value",
        ),
        (
            "the epoch",
            json!({"startTimeInSeconds": 0}),
            "implausible_time",
        ),
        (
            "the year 2200",
            json!({"startTimeInSeconds": 7_258_118_400_i64}),
            "implausible_time",
        ),
        (
            "no strap",
            json!({"averageHeartRateInBeatsPerMinute": 0}),
            "ok",
        ),
    ];
    for (name, changes, expected) in cases {
        let found = outcome("garmin", "activities", &but(garmin_run(), &changes));
        assert_eq!(word(&found), expected, "{name}: {found:?}");
    }
}

#[test]
fn a_heart_rate_of_zero_is_unknown() {
    let item = but(
        garmin_run(),
        &json!({"averageHeartRateInBeatsPerMinute": 0}),
    );
    let drafts = drafts(outcome("garmin", "activities", &item));
    let Body::Activity(body) = &drafts[0].body else {
        panic!("{drafts:?}")
    };
    assert_eq!(body.heart_rate_avg_bpm, None);
}

#[test]
fn garmin_kinds_are_used_unused_or_unknown() {
    let sleep = json!({
        "summaryId": "s1", "startTimeInSeconds": NOW_S - 36_000, "durationInSeconds": 25_000,
        "naps": [{"napStartTimeInSeconds": NOW_S - 5_000, "napDurationInSeconds": 1_200}]
    });
    let mass = json!({
        "summaryId": "b1", "measurementTimeInSeconds": RUN_S, "weightInGrams": 71_250
    });
    let cases = [
        ("manuallyUpdatedActivities", garmin_run(), "ok"),
        (
            "activityDetails",
            json!({"summaryId": "77-detail", "summary": garmin_run()}),
            "ok",
        ),
        (
            "activityDetails",
            json!({"summaryId": "77-detail"}),
            "missing_field",
        ),
        ("sleeps", sleep, "ok"),
        ("bodyComps", mass.clone(), "ok"),
        (
            "bodyComps",
            but(mass.clone(), &json!({"weightInGrams": 71.25})),
            "bad_value",
        ),
        (
            "bodyComps",
            but(mass, &json!({"weightInGrams": null})),
            "unused",
        ),
        ("deregistrations", json!({}), "ok"),
        ("dailies", json!({"steps": 1}), "unused"),
        ("horoscopes", json!({}), "unsupported_kind"),
    ];
    for (kind, item, expected) in cases {
        let found = outcome("garmin", kind, &item);
        assert_eq!(word(&found), expected, "{kind}: {found:?}");
    }
}

#[test]
fn healthkit_items_become_observations_or_a_reason() {
    let fragment = json!({
        "id": "S-1", "startDate": "2025-10-09T01:00:00+02:00",
        "endDate": "2025-10-09T02:00:00+02:00", "value": "asleepDeep"
    });
    let mass = json!({
        "id": "M-1", "type": "HKQuantityTypeIdentifierBodyMass", "value": 71.5, "unit": "kg",
        "startDate": "2025-10-09T06:00:00Z"
    });
    let cases = [
        ("workouts", health_run(), "ok"),
        ("workouts", but(health_run(), &json!({"type": 37})), "ok"),
        (
            "workouts",
            but(health_run(), &json!({"id": null})),
            "missing_field",
        ),
        (
            "workouts",
            but(health_run(), &json!({"endDate": "2025-10-09T05:00:00Z"})),
            "bad_value",
        ),
        (
            "workouts",
            but(health_run(), &json!({"startDate": "yesterday"})),
            "bad_value",
        ),
        ("sleep", fragment.clone(), "ok"),
        ("sleep", but(fragment.clone(), &json!({"value": 4})), "ok"),
        (
            "sleep",
            but(fragment.clone(), &json!({"value": "sleepwalking"})),
            "bad_value",
        ),
        (
            "sleep",
            but(fragment, &json!({"value": null})),
            "missing_field",
        ),
        ("records", mass.clone(), "ok"),
        (
            "records",
            but(mass.clone(), &json!({"unit": "stones of Rome"})),
            "bad_value",
        ),
        (
            "records",
            but(mass, &json!({"type": "StepCount"})),
            "unused",
        ),
        ("deleted", json!("W-1"), "ok"),
        ("deleted", json!({"id": "W-1"}), "ok"),
        ("auras", json!({}), "unsupported_kind"),
    ];
    for (kind, item, expected) in cases {
        let found = outcome("healthkit", kind, &item);
        assert_eq!(word(&found), expected, "{kind} {item}: {found:?}");
    }
}

#[test]
fn masses_of_all_units_become_kilograms() {
    for (value, unit, kg) in [
        (70.0, "kg", 70.0),
        (154.324, "lb", 70.0),
        (11.0, "st", 69.853),
    ] {
        let item = json!({
            "id": "M-1", "type": "BodyMass", "value": value, "unit": unit,
            "startDate": "2025-10-09T06:00:00Z"
        });
        let drafts = drafts(outcome("healthkit", "records", &item));
        let Body::BodyMass(body) = &drafts[0].body else {
            panic!("{drafts:?}")
        };
        assert!(
            (body.mass_kg - kg).abs() < 0.001,
            "{unit}: {}",
            body.mass_kg
        );
    }
}

#[test]
fn app_events_become_observations_or_a_reason() {
    let at = "2025-10-09T07:00:00Z";
    let cases = [
        (
            "weigh_in",
            json!({"mass_pre_kg": 70, "mass_post_kg": 69}),
            "ok",
        ),
        ("weigh_in", json!({"mass_pre_kg": 70}), "missing_field"),
        (
            "weigh_in",
            json!({"mass_pre_kg": 7_000, "mass_post_kg": 69}),
            "bad_value",
        ),
        ("body_mass", json!({"mass_kg": 70}), "ok"),
        ("intake", json!({"fluid_ml": 500, "items": ["water"]}), "ok"),
        ("intake", json!({"fluid_ml": -1}), "bad_value"),
        (
            "planned_workout",
            json!({"sport": "run", "start": at, "duration_min": 60}),
            "ok",
        ),
        (
            "planned_workout",
            json!({"sport": "run", "start": at}),
            "missing_field",
        ),
        (
            "planned_workout",
            json!({"sport": "chess", "start": at, "duration_min": 60}),
            "bad_value",
        ),
        (
            "planned_workout",
            json!({"plan_id": "p", "deleted": true}),
            "ok",
        ),
        (
            "profile",
            json!({"mass_kg": 70, "time_zone": "Europe/Berlin"}),
            "ok",
        ),
        ("profile", json!({"time_zone": "Middle/Earth"}), "bad_value"),
        ("profile", json!({"bed_time": "25:99"}), "bad_value"),
        ("self_report", json!({"fatigue": 3}), "ok"),
        ("self_report", json!({"fatigue": 9}), "bad_value"),
        ("symptom", json!({"codes": ["dizzy"]}), "ok"),
        ("symptom", json!({}), "missing_field"),
        (
            "link_override",
            json!({"action": "merge", "observation_ids": ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"]}),
            "ok",
        ),
        (
            "link_override",
            json!({"action": "marry", "observation_ids": ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"]}),
            "bad_value",
        ),
        (
            "link_override",
            json!({"action": "split", "observation_ids": ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]}),
            "bad_value",
        ),
        ("wish", json!({}), "unsupported_kind"),
    ];
    for (kind, fields, expected) in cases {
        let item = but(json!({"id": "e1", "type": kind, "at": at}), &fields);
        let found = outcome("app", kind, &item);
        assert_eq!(word(&found), expected, "{kind} {fields}: {found:?}");
    }
}

#[test]
fn bytes_that_are_no_item_are_malformed() {
    for (source, kind) in [
        ("garmin", "activities"),
        ("healthkit", "workouts"),
        ("app", "intake"),
    ] {
        for body in [&b"{"[..], b"", b"[1]", b"\xff\xfe"] {
            assert_eq!(
                word(&normalize(&raw(source, kind, body))),
                "malformed",
                "{source} {body:?}"
            );
        }
    }
}

#[test]
fn an_account_that_nobody_linked_is_named() {
    let mut item = raw("garmin", "activities", garmin_run().to_string().as_bytes());
    item.athlete_id = None;
    assert_eq!(word(&normalize(&item)), "unknown_account");
}
