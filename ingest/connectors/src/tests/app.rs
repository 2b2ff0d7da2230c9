//! App events: what a client is told at once.

use super::*;

const PATH: &str = "/v1/athletes/ada/events";
const GOOD: &str =
    r#"{"id":"e1","type":"weigh_in","at":"2026-01-01T00:00:00Z","mass_pre_kg":70.50}"#;

#[tokio::test]
async fn one_event_or_an_array_is_taken_verbatim() {
    for body in [GOOD.to_owned(), format!("[{GOOD}]")] {
        let world = World::with_ada_and_bob().await;
        let answer = world.send("POST", PATH, body).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED);
        assert_eq!(
            answer.json(),
            json!({ "accepted": 1, "duplicate": 0, "rejected": [] })
        );
        let records = world.published();
        assert_eq!(routed(&records), [("ada", "weigh_in", "e1")]);
        assert_eq!(body_of(&records[0]), GOOD);
    }
}

#[tokio::test]
async fn an_event_is_taken_back_by_its_id() {
    let world = World::with_ada_and_bob().await;
    let gone = r#"{"id":"e1","type":"weigh_in","deleted":true}"#;
    let answer = world.send("POST", PATH, gone).await;
    assert_eq!(
        answer.json(),
        json!({ "accepted": 1, "duplicate": 0, "rejected": [] })
    );
    assert_eq!(routed(&world.published()), [("ada", "weigh_in", "e1")]);
}

#[tokio::test]
async fn a_bad_event_is_rejected_with_a_reason_and_leaves_its_neighbour_alone() {
    for (event, reason) in [
        ("17", "malformed"),
        ("null", "malformed"),
        (r#"{"type":"intake","at":"x"}"#, "missing_field"),
        (r#"{"id":"","type":"intake","at":"x"}"#, "missing_field"),
        (r#"{"id":null,"type":"intake","at":"x"}"#, "missing_field"),
        (r#"{"id":7,"type":"intake","at":"x"}"#, "bad_value"),
        (
            &format!(r#"{{"id":"{}","type":"intake","at":"x"}}"#, "i".repeat(257)),
            "bad_value",
        ),
        (r#"{"id":"a","at":"x"}"#, "missing_field"),
        (r#"{"id":"a","type":"dance","at":"x"}"#, "unsupported_kind"),
        (r#"{"id":"a","type":"intake"}"#, "missing_field"),
        (r#"{"id":"a","type":"intake","start":"x"}"#, "missing_field"),
        (r#"{"id":"a","type":"symptom","at":5}"#, "bad_value"),
        (r#"{"id":"a","type":"link_override"}"#, "missing_field"),
        (
            r#"{"id":"a","type":"link_override","deleted":true}"#,
            "missing_field",
        ),
        (
            r#"{"id":"a","type":"intake","deleted":false}"#,
            "missing_field",
        ),
        (
            r#"{"id":"a","type":"intake","deleted":"true"}"#,
            "missing_field",
        ),
    ] {
        let world = World::with_ada_and_bob().await;
        let answer = world.send("POST", PATH, format!("[{event},{GOOD}]")).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{event}");
        assert_eq!(
            rejected(&answer.json()["rejected"]),
            [(0, reason.to_owned())],
            "{event}"
        );
        assert_eq!(world.published().len(), 1, "{event}");

        let alone = world.send("POST", PATH, event).await;
        let is_item = event.starts_with('{');
        let status = if is_item {
            StatusCode::UNPROCESSABLE_ENTITY
        } else {
            StatusCode::BAD_REQUEST
        };
        assert_eq!(alone.status, status, "{event}");
        if is_item {
            assert_eq!(alone.json()["rejected"][0]["reason"], reason);
        }
    }
}

#[tokio::test]
async fn a_refusal_says_what_to_mend() {
    let world = World::with_ada_and_bob().await;
    for (event, detail) in [
        ("{}", "`id` is missing"),
        (r#"{"id":7}"#, "`id` has to be text"),
        (r#"{"id":"a"}"#, "`type` is missing"),
        (
            r#"{"id":"a","type":"dance","at":"x"}"#,
            "`type` is one of profile, weigh_in, body_mass, intake, planned_workout, self_report, \
             symptom, link_override",
        ),
        (r#"{"id":"a","type":"intake"}"#, "`at` is missing"),
        (
            r#"{"id":"a","type":"intake","at":5}"#,
            "`at` has to be text",
        ),
        ("5", "an event is a JSON object"),
    ] {
        let answer = world.send("POST", PATH, format!("[{event}]")).await;
        assert_eq!(answer.json()["rejected"][0]["detail"], detail, "{event}");
    }
}

#[tokio::test]
async fn a_plan_may_have_its_start_instead_of_a_time() {
    let world = World::with_ada_and_bob().await;
    let event = r#"{"id":"p","type":"planned_workout","start":"2026-01-02T06:00:00Z"}"#;
    assert_eq!(
        world.send("POST", PATH, event).await.status,
        StatusCode::ACCEPTED
    );
}

#[tokio::test]
async fn an_empty_array_is_202_and_an_unknown_athlete_404() {
    let world = World::with_ada_and_bob().await;
    assert_eq!(
        world.send("POST", PATH, "[]").await.status,
        StatusCode::ACCEPTED
    );
    let unknown = world.send("POST", "/v1/athletes/eve/events", GOOD).await;
    assert_eq!(
        (unknown.status, unknown.problem().as_str()),
        (StatusCode::NOT_FOUND, "not_found")
    );
    assert!(world.published().is_empty());
}
