//! Uploads of the phone.

use super::*;

const PATH: &str = "/v1/athletes/ada/healthkit";

#[tokio::test]
async fn samples_are_split_by_kind_and_bad_ones_are_named_by_their_place() {
    let world = World::with_ada_and_bob().await;
    let body = r#"{"provider":"apple","sdkVersion":"1","data":{
        "workouts":[{"id":"w1","duration":60.0},{"id":""},17],
        "sleep":[{"uuid":"s1"},{"value":3}],
        "records":[{"id":5}],
        "deleted":["gone-1",{"id":"gone-2"},null],
        "ecg":[{"id":"e1"}], "note":"x", "heart":null}}"#;
    let answer = world.send("POST", PATH, body).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    let answer = answer.json();
    assert_eq!(
        (&answer["accepted"], &answer["duplicate"]),
        (&json!(6), &json!(0))
    );
    let refused = [
        (1, "missing_field"),
        (2, "malformed"),
        (4, "missing_field"),
        (8, "malformed"),
    ];
    let refused = refused.map(|(index, reason)| (index, reason.to_owned()));
    assert_eq!(rejected(&answer["rejected"]), refused);
    let records = world.published();
    assert_eq!(
        routed(&records),
        [
            ("ada", "workouts", "w1"),
            ("ada", "sleep", "s1"),
            ("ada", "records", "5"),
            ("ada", "deleted", "gone-1"),
            ("ada", "deleted", "gone-2"),
            ("ada", "ecg", "e1"),
        ]
    );
    assert_eq!(body_of(&records[0]), r#"{"id":"w1","duration":60.0}"#);
    assert_eq!(body_of(&records[3]), r#""gone-1""#);
    assert!(records.iter().all(|record| record.account_id.is_none()));
}

#[tokio::test]
async fn refusals_have_their_status_and_word() {
    for (path, body, status, word) in [
        (PATH, "{", StatusCode::BAD_REQUEST, "bad_request"),
        (PATH, "[]", StatusCode::BAD_REQUEST, "bad_request"),
        (PATH, "{}", StatusCode::BAD_REQUEST, "bad_request"),
        (
            PATH,
            r#"{"data":[]}"#,
            StatusCode::BAD_REQUEST,
            "bad_request",
        ),
        (
            PATH,
            r#"{"data":{"sleep":{}}}"#,
            StatusCode::BAD_REQUEST,
            "bad_request",
        ),
        (
            PATH,
            r#"{"data":{"workouts":[{}]}}"#,
            StatusCode::UNPROCESSABLE_ENTITY,
            "all_items_rejected",
        ),
        (
            PATH,
            r#"{"data":{"metrics":{}}}"#,
            StatusCode::BAD_REQUEST,
            "bad_request",
        ),
        (
            PATH,
            r#"{"data":{"metrics":[17]}}"#,
            StatusCode::UNPROCESSABLE_ENTITY,
            "all_items_rejected",
        ),
        (
            "/v1/athletes/eve/healthkit",
            "{}",
            StatusCode::NOT_FOUND,
            "not_found",
        ),
        (
            "/v1/athletes/a%2Fb/healthkit",
            "{}",
            StatusCode::NOT_FOUND,
            "not_found",
        ),
        (
            "/v1/athletes/%FF/healthkit",
            "{}",
            StatusCode::BAD_REQUEST,
            "bad_request",
        ),
    ] {
        let world = World::with_ada_and_bob().await;
        let answer = world.send("POST", path, body).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (status, word),
            "{path} {body}"
        );
        assert!(world.published().is_empty(), "{body}");
    }
}

#[tokio::test]
async fn empty_lists_are_202_with_nothing() {
    for body in [
        r#"{"data":{}}"#,
        r#"{"data":{"workouts":[],"sleep":null}}"#,
        r#"{"data":{"metrics":[]}}"#,
        r#"{"data":{"metrics":[],"workouts":[]}}"#,
        r#"{"data":{"metrics":[{"name":"heart_rate","units":"bpm","data":[]}]}}"#,
        r#"{"data":{"metrics":[{"name":"heart_rate","units":"bpm"}],"workouts":null}}"#,
    ] {
        let world = World::with_ada_and_bob().await;
        let answer = world.send("POST", PATH, body).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{body}");
        assert_eq!(answer.json()["accepted"], 0);
    }
}

#[tokio::test]
async fn one_item_over_its_limit_does_not_take_the_others_with_it() {
    let world = World::with_ada_and_bob().await;
    let note = "x".repeat(crate::receive::ITEM_BYTES_MAX);
    let body = json!({ "data": { "records": [{ "id": "big", "note": note }, { "id": "small" }] } });
    let answer = world.send("POST", PATH, body).await;
    assert_eq!(
        rejected(&answer.json()["rejected"]),
        [(0, "too_large".to_owned())]
    );
    assert_eq!(routed(&world.published()), [("ada", "records", "small")]);
}
