//! Scans: what a client is told at once.

use super::*;

const PATH: &str = "/v1/athletes/ada/scans";
const GOOD: &str = r#"{"schema":"sweat.scan/1","scan_id":"s1","patch_id":"p","volume_channel":{"volume_ul":41.80}}"#;

#[tokio::test]
async fn one_scan_or_an_array_is_taken_verbatim() {
    for body in [GOOD.to_owned(), format!(" [{GOOD}]")] {
        let world = World::with_ada_and_bob().await;
        let answer = world.send("POST", PATH, body).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
        assert_eq!(
            answer.json(),
            json!({ "accepted": 1, "duplicate": 0, "rejected": [] })
        );
        let records = world.published();
        assert_eq!(routed(&records), [("ada", "sweat.scan/1", "s1")]);
        assert_eq!(
            (records[0].source.as_str(), body_of(&records[0])),
            ("scan", GOOD)
        );
    }
}

#[tokio::test]
async fn the_same_scan_again_is_called_a_duplicate_and_published_all_the_same() {
    let world = World::with_ada_and_bob().await;
    world.send("POST", PATH, GOOD).await;
    let again = world.send("POST", PATH, GOOD).await;
    assert_eq!(
        (
            again.json()["accepted"].clone(),
            again.json()["duplicate"].clone()
        ),
        (json!(0), json!(1))
    );
    let records = world.published();
    assert_eq!(records.len(), 2);
    assert_ne!(records[0].id, records[1].id);
}

#[tokio::test]
async fn a_bad_scan_is_rejected_with_a_reason_and_leaves_its_neighbour_alone() {
    let long = format!(r#"{{"scan_id":"{}"}}"#, "i".repeat(257));
    for (scan, reason) in [
        ("17", "malformed"),
        ("null", "malformed"),
        (r#"{"schema":"sweat.scan/1"}"#, "missing_field"),
        (r#"{"scan_id":null}"#, "missing_field"),
        (r#"{"scan_id":""}"#, "missing_field"),
        (r#"{"scan_id":{}}"#, "bad_value"),
        (long.as_str(), "bad_value"),
        (
            r#"{"schema":"sweat.scan/2","scan_id":"a"}"#,
            "unsupported_kind",
        ),
        (r#"{"schema":2,"scan_id":"a"}"#, "bad_value"),
    ] {
        let world = World::with_ada_and_bob().await;
        let answer = world.send("POST", PATH, format!("[{scan},{GOOD}]")).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{scan}");
        assert_eq!(
            rejected(&answer.json()["rejected"]),
            [(0, reason.to_owned())],
            "{scan}"
        );
        assert_eq!(world.published().len(), 1, "{scan}");
    }
}

#[tokio::test]
async fn refusals_have_their_status_and_come_in_their_order() {
    for (path, body, status) in [
        (PATH, "[]", StatusCode::ACCEPTED),
        (PATH, r#"{"scan_id":7}"#, StatusCode::ACCEPTED),
        (PATH, "{", StatusCode::BAD_REQUEST),
        (PATH, "17", StatusCode::BAD_REQUEST),
        (PATH, "{}", StatusCode::UNPROCESSABLE_ENTITY),
        // Unknown comes before malformed.
        ("/v1/athletes/eve/scans", "{", StatusCode::NOT_FOUND),
    ] {
        let world = World::with_ada_and_bob().await;
        let answer = world.send("POST", path, body).await;
        assert_eq!(answer.status, status, "{path} {body}: {}", answer.text);
    }
}

#[tokio::test]
async fn one_scan_over_its_limit_does_not_take_the_others_with_it() {
    let world = World::with_ada_and_bob().await;
    let note = "x".repeat(crate::receive::ITEM_BYTES_MAX);
    let body = json!([{ "scan_id": "big", "note": note }, { "scan_id": "small" }]);
    let answer = world.send("POST", PATH, body).await;
    assert_eq!(
        rejected(&answer.json()["rejected"]),
        [(0, "too_large".to_owned())]
    );
    assert_eq!(
        routed(&world.published()),
        [("ada", "sweat.scan/1", "small")]
    );
}
