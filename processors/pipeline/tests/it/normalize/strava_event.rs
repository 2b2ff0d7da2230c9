//! Webhook events of Strava: what they ask for, and what they tell themselves.

use processors_pipeline::{Body, Name, Outcome, normalize};
use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use serde_json::{Value, json};

use super::{NOW_S, but, detail, drafts, raw, word};

pub(super) fn event_body() -> Value {
    json!({
        "object_type": "activity", "object_id": 4_711, "aspect_type": "create",
        "owner_id": 9, "subscription_id": 1, "event_time": NOW_S, "updates": {}
    })
}

fn event(changes: &Value) -> RawReceived {
    RawReceived {
        account_id: Some("9".to_owned()),
        provider_id: Some("4711".to_owned()),
        ..raw(
            "strava",
            "event",
            but(event_body(), changes).to_string().as_bytes(),
        )
    }
}

#[test]
fn events_ask_for_a_fetch_take_back_or_are_of_no_use() {
    #[rustfmt::skip]
    let cases = [
        (json!({}), "hint"),
        (json!({"aspect_type": "update", "updates": {"title": "Evening"}}), "hint"),
        (json!({"aspect_type": "update", "updates": {"private": "true"}}), "hint"),
        (json!({"aspect_type": "delete", "updates": null}), "ok"),
        (json!({"object_type": "athlete", "aspect_type": "update", "updates": {"authorized": "false"}}), "ok"),
        (json!({"object_type": "athlete", "aspect_type": "update", "updates": {"authorized": false}}), "ok"),
        (json!({"object_type": "athlete", "aspect_type": "delete"}), "ok"),
        (json!({"object_type": "athlete", "aspect_type": "create", "updates": {"authorized": "False"}}), "ok"),
        (json!({"object_type": "athlete", "aspect_type": "update", "updates": {"authorized": "true"}}), "unused"),
        (json!({"object_type": "athlete", "aspect_type": "update", "updates": {"weight": 70}}), "unused"),
        (json!({"object_type": "athlete", "aspect_type": "update", "updates": null}), "unused"),
        (json!({"object_type": "athlete", "aspect_type": "create"}), "unused"),
        (json!({"object_type": "segment"}), "unsupported_kind"),
        (json!({"aspect_type": "applaud"}), "unsupported_kind"),
        (json!({"object_type": "athlete", "aspect_type": "applaud"}), "unsupported_kind"),
        (json!({"object_type": null}), "missing_field"),
        (json!({"aspect_type": null}), "missing_field"),
        (json!({"object_type": 7}), "bad_value"),
        (json!({"object_type": "athlete", "aspect_type": "update", "updates": "all"}), "bad_value"),
    ];
    for (changes, expected) in cases {
        let found = normalize(&event(&changes));
        assert_eq!(word(&found), expected, "{changes}: {found:?}");
    }
    // Nothing can be fetched by an id that is none, and a hint would wait for ever.
    for (object_id, expected) in [
        (Value::Null, "missing_field"),
        (json!("no id of anything"), "bad_value"),
        (json!({"id": 1}), "bad_value"),
    ] {
        for aspect in ["create", "update", "delete"] {
            let mut nameless = event(&json!({"object_id": object_id, "aspect_type": aspect}));
            nameless.provider_id = None;
            assert_eq!(
                word(&normalize(&nameless)),
                expected,
                "{object_id} {aspect}"
            );
        }
    }
    for body in [&b"{"[..], b"", b"[1]", b"\"event\"", b"\xff"] {
        assert_eq!(word(&normalize(&raw("strava", "event", body))), "malformed");
        assert_eq!(
            word(&normalize(&raw("strava", "activity", body))),
            "malformed"
        );
    }
}

#[test]
fn an_event_tells_when_name_or_type_were_edited_and_not_to_what() {
    let update = |updates: Value| json!({"aspect_type": "update", "updates": updates});
    #[rustfmt::skip]
    let cases = [
        (update(json!({"title": "Evening"})), vec![Name::Title]),
        (update(json!({"title": ""})), vec![Name::Title]),
        (update(json!({"type": "Ride"})), vec![Name::Sport]),
        (update(json!({"sport_type": "GravelRide"})), vec![Name::Sport]),
        (update(json!({"title": "Evening", "type": "Ride", "sport_type": "Ride"})), vec![Name::Title, Name::Sport]),
        (update(json!({"title": null})), vec![]),
        (update(json!({"private": "true"})), vec![]),
        (update(json!({})), vec![]),
        (update(json!("title")), vec![]),
        (json!({"aspect_type": "update", "updates": null}), vec![]),
        (json!({"aspect_type": "create", "updates": {"title": "Evening"}}), vec![]),
    ];
    for (changes, expected) in cases {
        let Outcome::Hint(edits) = normalize(&event(&changes)) else {
            panic!("{changes} is no hint")
        };
        let bodies: Vec<Body> = edits.iter().map(|edit| edit.body.clone()).collect();
        let expected: Vec<Body> = expected.into_iter().map(Body::Edit).collect();
        assert_eq!(bodies, expected, "{changes}");
        assert!(edits.iter().all(|edit| edit.provider_id == "4711"));
    }
}

#[test]
fn an_edit_was_made_when_its_event_says_and_never_after_that_was_told() {
    const ARRIVED: i64 = NOW_S * 1_000_000;
    for (happened, first_arrival, expected) in [
        (Some(17), None, 17),
        (None, None, ARRIVED),
        (None, Some(19), 19),
        (Some(ARRIVED + 5), None, ARRIVED),
        (Some(17), Some(19), 17),
        (Some(20), Some(19), 19),
    ] {
        let mut item = event(&json!({"aspect_type": "update", "updates": {"title": "Evening"}}));
        item.provider_event_at = happened.map(Micros);
        item.first_received_at = first_arrival.map(Micros);
        let found = normalize(&item);
        let Outcome::Hint(edits) = &found else {
            panic!("{found:?}")
        };
        assert_eq!(edits[0].order, expected, "{happened:?} {first_arrival:?}");
    }
}

#[test]
fn an_event_of_nobody_says_which_field_names_its_owner() {
    let mut nobody = event(&json!({"owner_id": null}));
    nobody.athlete_id = None;
    assert_eq!(word(&normalize(&nobody)), "unknown_account");
    nobody.account_id = None;
    assert_eq!(detail(&normalize(&nobody)), "owner_id is missing");
}

#[test]
fn a_deletion_is_as_new_as_its_event_says_and_no_newer_than_its_first_arrival() {
    let mut delete = event(&json!({"aspect_type": "delete"}));
    let one = |item: &RawReceived| drafts(normalize(item)).remove(0);
    let draft = one(&delete);
    assert_eq!(draft.body, Body::DatedDeletion);
    assert_eq!((draft.provider_id.as_str(), draft.fetched), ("4711", false));
    assert_eq!(draft.order, NOW_S * 1_000_000);
    delete.provider_event_at = Some(Micros(7_000_000));
    assert_eq!(one(&delete).order, 7_000_000);
    delete.first_received_at = Some(Micros(5_000_000));
    assert_eq!(one(&delete).order, 5_000_000, "a replay is no news");
}

#[test]
fn an_athlete_who_leaves_closes_the_account() {
    let left = json!({"object_type": "athlete", "aspect_type": "update", "updates": {"authorized": "false"}});
    let found = drafts(normalize(&event(&left)));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].body, Body::AccountClosed);
    assert_eq!(found[0].provider_id, "account:9");
}
