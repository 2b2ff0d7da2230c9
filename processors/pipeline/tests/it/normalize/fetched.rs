//! The end of a fetch, for the hints that asked.

use processors_pipeline::{AnsweredHint, Body, FetchEnded, Outcome, normalize};
use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use serde_json::{Value, json};

use super::{NOW_S, but, raw, word};

pub(super) fn end(changes: &Value) -> Value {
    let end = json!({
        "outcome": "body", "status": 200, "detail": "", "fetched_at": 1_760_000_000_000_000_i64,
        "hints": [{
            "id": "raw-1", "kind": "event", "provider_id": "4711", "received_at": 17,
            "replay_of": null, "attempt": 2, "body": "{\"object_id\": 4711}"
        }]
    });
    but(end, changes)
}

fn told(source: &str, provider_id: Option<&str>, body: &Value) -> RawReceived {
    RawReceived {
        provider_id: provider_id.map(str::to_owned),
        provider_event_at: Some(Micros(99)),
        ..raw(source, "fetch_result", body.to_string().as_bytes())
    }
}

fn ended(source: &str, provider_id: Option<&str>, changes: &Value) -> FetchEnded {
    match normalize(&told(source, provider_id, &end(changes))) {
        Outcome::Ended(ended) => ended,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_hint_comes_back_with_what_its_dead_letter_needs() {
    let hint = AnsweredHint {
        raw_id: "raw-1".to_owned(),
        kind: "event".to_owned(),
        provider_id: Some("4711".to_owned()),
        received_at: Micros(17),
        replay_of: None,
        attempt: 2,
        body: b"{\"object_id\": 4711}".to_vec(),
    };
    let expected = FetchEnded {
        hints: vec![hint],
        failed: None,
        drafts: vec![],
    };
    let told = json!({"outcome": "forbidden"});
    assert_eq!(ended("strava", Some("4711"), &told), expected);
}

#[test]
fn only_a_fetch_that_was_given_up_fails_its_hints() {
    for outcome in ["body", "gone", "unauthorised", "forbidden"] {
        let ended = ended("strava", Some("4711"), &json!({"outcome": outcome}));
        assert_eq!(ended.failed, None, "{outcome}");
        assert_eq!(ended.hints.len(), 1, "{outcome}");
    }
    let cases = [
        (json!({"detail": "429 five times"}), "429 five times"),
        (
            json!({"status": 500}),
            "the vendor answered 500; replay it to try again",
        ),
        (
            json!({"status": null}),
            "the vendor did not answer; replay it to try again",
        ),
    ];
    for (changes, detail) in cases {
        let end = but(end(&json!({"outcome": "failed"})), &changes);
        let Outcome::Ended(ended) = normalize(&told("strava", Some("4711"), &end)) else {
            panic!("{end}")
        };
        let failed = ended.failed.unwrap();
        assert_eq!(
            (failed.reason, failed.detail.as_str()),
            ("fetch_failed", detail)
        );
    }
}

#[test]
fn only_an_activity_that_is_gone_is_deleted() {
    let gone = json!({"outcome": "gone"});
    let found = ended("strava", Some("4711"), &gone).drafts;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].body, Body::Deletion);
    assert_eq!(
        (found[0].provider_id.as_str(), found[0].fetched),
        ("4711", true)
    );
    assert_eq!(found[0].order, 1_760_000_000_000_000);
    let unsaid = json!({"outcome": "gone", "fetched_at": null});
    assert_eq!(ended("strava", Some("4711"), &unsaid).drafts[0].order, 99);
    assert_eq!(ended("strava", None, &gone).drafts, []);
    assert_eq!(ended("garmin", Some("ab12"), &gone).drafts, []);
    for other in ["failed", "unauthorised", "forbidden"] {
        let ended = ended("strava", Some("4711"), &json!({"outcome": other}));
        assert_eq!(ended.drafts, [], "{other}");
    }
    // Its hints were overtaken by an event, and nobody asked.
    let unasked = json!({"outcome": "gone", "status": null});
    assert_eq!(ended("strava", Some("4711"), &unasked).drafts, []);
}

#[test]
fn what_was_shown_is_as_new_as_the_last_event_that_asked_for_it() {
    let hint = |kind: &str, body: &str| json!({"id": "r", "kind": kind, "received_at": 90_000_000, "body": body});
    let early = hint("event", r#"{"event_time": 17}"#);
    let late = hint("event", r#"{"event_time": "19"}"#);
    let cases = [
        (vec![early.clone()], Some(17_000_000)),
        (vec![late.clone(), early.clone()], Some(19_000_000)),
        (
            vec![hint("event", r#"{"event_time": 91}"#)],
            Some(90_000_000),
        ),
        (vec![early, hint("event", "{}")], Some(90_000_000)),
        (vec![hint("event", "{")], Some(90_000_000)),
        (vec![hint("ping", r#"{"event_time": 17}"#)], None),
        (vec![], None),
    ];
    for (hints, expected) in cases {
        let told = json!({"hints": hints});
        let found = ended("strava", Some("4711"), &told).drafts;
        let orders: Vec<i64> = found.iter().map(|draft| draft.order).collect();
        assert_eq!(orders, Vec::from_iter(expected), "{told}");
        assert!(found.iter().all(|draft| draft.body == Body::Shown));
        assert_eq!(ended("garmin", Some("ab12"), &told).drafts, []);
        assert_eq!(ended("strava", None, &told).drafts, []);
    }
}

#[test]
fn an_end_that_cannot_be_read_says_where() {
    let hint = |changes: &Value| {
        let hint = json!({"id": "r", "kind": "event", "received_at": NOW_S});
        json!({"hints": [but(hint, changes)]})
    };
    let cases = [
        (hint(&json!({})), "ended"),
        (json!({"outcome": null}), "missing_field"),
        (json!({"outcome": "eaten"}), "bad_value"),
        (json!({"hints": null}), "missing_field"),
        (json!({"hints": "none"}), "bad_value"),
        (hint(&json!({"id": null})), "missing_field"),
        (hint(&json!({"received_at": "today"})), "bad_value"),
    ];
    for (changes, expected) in cases {
        let found = normalize(&told("strava", Some("4711"), &end(&changes)));
        assert_eq!(word(&found), expected, "{changes}: {found:?}");
    }
}
