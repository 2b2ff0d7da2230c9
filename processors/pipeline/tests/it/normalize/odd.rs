//! What no vendor sends on purpose: every field of every fixture, with every odd value, and bytes
//! that end too early.

use processors_pipeline::{Outcome, normalize};
use schemas::record::ingest::RawReceived;
use serde_json::{Value, json};

use super::{NOW_S, garmin_run, health_run, raw, word};

/// One good item of every kind that is read field by field.
fn good() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("garmin", "activities", garmin_run()),
        ("garmin", "ping", super::garmin::ping()),
        ("healthkit", "workouts", health_run()),
        ("healthkit", "hae_workout", super::auto_export::run()),
        (
            "healthkit",
            "hae_metric",
            super::auto_export::night_metric(),
        ),
        ("healthkit", "hae_metric", super::auto_export::mass_metric()),
        ("scan", "sweat.scan/1", super::scan::scan()),
        ("strava", "activity", super::strava::ride()),
        ("strava", "event", super::strava_event::event_body()),
        ("strava", "fetch_result", super::fetched::end(&json!({}))),
        ("weather", "archive", super::weather::answer_body()),
    ]
}

fn odd() -> Vec<Value> {
    vec![
        Value::Null,
        json!(""),
        json!("\u{0}\u{1f4a7}é"),
        json!("9".repeat(400)),
        json!("x".repeat(70_000)),
        json!("2025-10-09T24:61:61Z"),
        json!("9999-12-31T23:59:59+23:59"),
        json!("0000-01-01 00:00:00 -2359"),
        json!(-1),
        json!(0),
        json!(0.499_999_999),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e308),
        json!(-1e308),
        json!(5e-324),
        json!(true),
        json!([]),
        json!([null]),
        json!([1e308, -1e308]),
        json!([[[]]]),
        json!({}),
        json!({"qty": 1e308, "units": "mi"}),
    ]
}

/// The paths of all values of an item, however deep.
fn paths(item: &Value, here: &str, found: &mut Vec<String>) {
    let members: Vec<(String, &Value)> = match item {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), value))
            .collect(),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(at, value)| (at.to_string(), value))
            .collect(),
        _ => return,
    };
    for (name, value) in members {
        let path = format!("{here}/{name}");
        paths(value, &path, found);
        found.push(path);
    }
}

fn received(source: &str, kind: &str, body: &[u8]) -> RawReceived {
    RawReceived {
        account_id: Some("acc".to_owned()),
        provider_id: Some("4711".to_owned()),
        ..raw(source, kind, body)
    }
}

/// Ends as something, with a reason that can be read and numbers that can be stored.
fn check(source: &str, kind: &str, body: &[u8], what: &str) -> Outcome {
    let found = normalize(&received(source, kind, body));
    if let Outcome::Rejected(rejected) = &found {
        let known = [
            "malformed",
            "missing_field",
            "bad_value",
            "unsupported_kind",
            "implausible_time",
        ];
        assert!(known.contains(&rejected.reason), "{what}: {rejected:?}");
        assert!(!rejected.detail.is_empty(), "{what}: {rejected:?}");
        assert!(
            rejected.detail.chars().count() <= 401,
            "{what}: {rejected:?}"
        );
    } else {
        let shown = format!("{found:?}");
        for no_number in ["NaN", "Some(inf", "Some(-inf", "-0.0)"] {
            assert!(!shown.contains(no_number), "{what}: {shown}");
        }
    }
    found
}

#[test]
fn an_odd_value_in_any_field_ends_in_an_observation_or_a_reason() {
    for (source, kind, item) in good() {
        let plain = check(source, kind, item.to_string().as_bytes(), kind);
        assert!(
            matches!(word(&plain), "ok" | "hint" | "ended"),
            "{kind}: {plain:?}"
        );
        let mut all = Vec::new();
        paths(&item, "", &mut all);
        assert!(all.len() >= 4, "{kind}");
        for path in &all {
            for value in odd() {
                let mut changed = item.clone();
                *changed.pointer_mut(path).unwrap() = value;
                let text = changed.to_string();
                let shown: String = text.chars().take(400).collect();
                check(
                    source,
                    kind,
                    text.as_bytes(),
                    &format!("{kind}{path}: {shown}"),
                );
            }
        }
    }
}

#[test]
fn an_item_that_ends_too_early_is_malformed() {
    for (source, kind, item) in good() {
        let whole = item.to_string();
        for end in 0..whole.len() {
            let found = check(source, kind, &whole.as_bytes()[..end], kind);
            assert_eq!(word(&found), "malformed", "{kind} cut at {end}");
        }
    }
}

#[test]
fn the_same_item_is_always_read_alike() {
    for (source, kind, item) in good() {
        let item = received(source, kind, item.to_string().as_bytes());
        let mut later = item.clone();
        later.received_at.0 = (NOW_S + 3_600) * 1_000_000;
        let bodies = |item: &RawReceived| match normalize(item) {
            Outcome::Observations(drafts) => drafts.into_iter().map(|draft| draft.body).collect(),
            _ => Vec::new(),
        };
        assert_eq!(
            bodies(&item),
            bodies(&later),
            "{kind}: arrival is no part of the content"
        );
    }
}
