//! Garmin: pings, and items that were pulled instead of pushed.

use processors_pipeline::{Body, normalize};
use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use serde_json::{Value, json};

use super::{NOW_S, but, detail, drafts, garmin_run, outcome, raw, word};

pub(super) fn ping() -> Value {
    json!({
        "userId": "u-1", "summaryType": "sleeps", "callbackURL": "redacted", "callback": "v-1",
        "uploadStartTimeInSeconds": NOW_S - 86_400, "uploadEndTimeInSeconds": NOW_S
    })
}

#[test]
fn a_ping_that_can_be_followed_is_a_hint() {
    let cases = [
        ("as sent", json!({}), "hint"),
        (
            "no window",
            json!({"uploadStartTimeInSeconds": null, "uploadEndTimeInSeconds": null}),
            "hint",
        ),
        ("no user", json!({"userId": null}), "missing_field"),
        ("an empty user", json!({"userId": ""}), "missing_field"),
        ("no address", json!({"callback": null}), "missing_field"),
        ("no type", json!({"summaryType": null}), "missing_field"),
        (
            "a second too long",
            json!({"uploadStartTimeInSeconds": NOW_S - 86_401}),
            "bad_value",
        ),
        (
            "a window backwards",
            json!({"uploadStartTimeInSeconds": NOW_S + 1}),
            "bad_value",
        ),
        (
            "a window in words",
            json!({"uploadStartTimeInSeconds": "today"}),
            "bad_value",
        ),
        (
            "refused",
            json!({"refused": "the host evil.example is not allowed"}),
            "bad_value",
        ),
    ];
    for (name, changes, expected) in cases {
        let found = outcome("garmin", "ping", &but(ping(), &changes));
        assert_eq!(word(&found), expected, "{name}: {found:?}");
    }
    let refused = but(
        ping(),
        &json!({"refused": "the address is not https", "userId": null}),
    );
    let found = outcome("garmin", "ping", &refused);
    assert_eq!(detail(&found), "the address is not https");
}

#[test]
fn what_was_pulled_is_as_new_as_its_fetch_and_what_was_pushed_as_its_arrival() {
    let sleep = json!({
        "summaryId": "s1", "startTimeInSeconds": NOW_S - 36_000, "durationInSeconds": 25_000,
        "naps": [{"napStartTimeInSeconds": NOW_S - 5_000, "napDurationInSeconds": 1_200}]
    });
    let details = json!({"summaryId": "77-detail", "summary": garmin_run()});
    let pulled = |kind: &str, body: &str| RawReceived {
        connector: "garmin-pull".to_owned(),
        provider_event_at: Some(Micros(42)),
        ..raw("garmin", kind, body.as_bytes())
    };
    for (kind, item) in [
        ("activities", garmin_run()),
        ("activityDetails", details),
        ("sleeps", sleep),
    ] {
        let mut item = pulled(kind, &item.to_string());
        let found = drafts(normalize(&item));
        let told: Vec<_> = found
            .iter()
            .map(|draft| (draft.fetched, draft.order))
            .collect();
        assert_eq!(told, vec![(true, 42); found.len()], "{kind}");
        item.provider_event_at = None;
        let arrived = drafts(normalize(&item));
        assert_eq!(arrived[0].order, NOW_S * 1_000_000, "{kind}");
        item.connector = "garmin".to_owned();
        let pushed = drafts(normalize(&item));
        let told: Vec<_> = pushed
            .iter()
            .map(|draft| (draft.fetched, draft.order))
            .collect();
        assert_eq!(told, vec![(false, 0); found.len()], "{kind}");
    }
    let left = drafts(normalize(&pulled("deregistrations", "{}")));
    assert_eq!(left[0].body, Body::AccountClosed);
    assert!(!left[0].fetched);
    assert_eq!(word(&normalize(&pulled("dailies", "{}"))), "unused");
}
