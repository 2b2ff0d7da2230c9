//! The routes of explanations: which part of an answer is sent, and how a wrong question is refused.

use axum::http::StatusCode;
use serde_json::{Value, json};
use sinks_store::StoreError;

use super::{World, get, keys};
use crate::Explain;
use crate::dto::{
    Coded, FieldExplained, LoserTold, LossExplained, RecommendationExplained, SessionExplained,
    Winner,
};

fn field(name: &str, value: Value) -> FieldExplained {
    FieldExplained {
        session_id: "s1".to_owned(),
        asked_for: None,
        field: name.to_owned(),
        rule: "path_rank".to_owned(),
        rules_id: "r1".to_owned(),
        winner: Some(Winner {
            observation_id: "o1".to_owned(),
            source: "garmin".to_owned(),
            provider_id: "1".to_owned(),
            value: value.clone(),
        }),
        losers: vec![LoserTold {
            observation_id: "o2".to_owned(),
            source: "strava".to_owned(),
            provider_id: "2".to_owned(),
            value: Value::Null,
            reason: "lower_rank".to_owned(),
        }],
        value,
    }
}

fn session(asked_for: Option<&str>) -> SessionExplained {
    let asked_for = asked_for.map(str::to_owned);
    let field = |name, value| FieldExplained {
        asked_for: asked_for.clone(),
        ..field(name, value)
    };
    SessionExplained {
        session_id: "s1".to_owned(),
        athlete_id: "a1".to_owned(),
        status: "live".to_owned(),
        reason: None,
        superseded_by: None,
        revision: 1,
        rules_id: "r1".to_owned(),
        sport: Some("run".to_owned()),
        start: "1970-01-01T00:00:00Z".to_owned(),
        end: "1970-01-01T00:00:10Z".to_owned(),
        fields: vec![
            field("distance_m", json!(10.5)),
            field("title", json!("Run")),
        ],
        members: Vec::new(),
        candidates: Vec::new(),
        recorded: None,
        past_retention: false,
        asked_for,
    }
}

fn coded() -> Coded {
    Coded {
        code: "post".to_owned(),
        in_words: "after a workout".to_owned(),
    }
}

impl Explain for World {
    fn session(&self, session_id: &str) -> Result<Option<SessionExplained>, StoreError> {
        Ok(match session_id {
            "s1" => Some(session(None)),
            "old" => Some(session(Some("old"))),
            "tombstone" => Some(SessionExplained {
                fields: Vec::new(),
                ..session(None)
            }),
            _ => None,
        })
    }

    fn loss(&self, loss_id: &str) -> Result<Option<LossExplained>, StoreError> {
        Ok((loss_id == "l1").then(|| LossExplained {
            loss_id: loss_id.to_owned(),
            athlete_id: "a1".to_owned(),
            status: "live".to_owned(),
            reason: None,
            revision: 1,
            rules_id: "r1".to_owned(),
            session_id: "s1".to_owned(),
            session_revision: Some(1),
            method: coded(),
            model_version: None,
            fluid_ml: json!({"median": 1.0, "lo90": 0.5, "hi90": 2.0}),
            sweat_rate_l_per_h: Value::Null,
            sodium_mmol_per_l: Value::Null,
            sodium_mg: Value::Null,
            conditions: Value::Null,
            flags: Vec::new(),
            evidence: Vec::new(),
            session: Some(session(None)),
            recorded: None,
            past_retention: false,
        }))
    }

    fn recommendation(&self, id: &str) -> Result<Option<RecommendationExplained>, StoreError> {
        Ok((id == "a1/s1/post").then(|| RecommendationExplained {
            id: "f1".to_owned(),
            slot: id.to_owned(),
            version: 1,
            latest_version: 2,
            athlete_id: "a1".to_owned(),
            status: "live".to_owned(),
            reason: None,
            phase: coded(),
            valid_from: None,
            valid_until: None,
            expired_at: None,
            late: false,
            gap_class: None,
            needs: Value::Null,
            schedule: Value::Null,
            options: Value::Null,
            reasons: Vec::new(),
            safety: Vec::new(),
            flags: Vec::new(),
            confidence: Value::Null,
            rules_id: "r1".to_owned(),
            rules: None,
            catalog: None,
            inputs_hash: None,
            depends_on: Vec::new(),
            recorded: None,
            past_retention: false,
        }))
    }
}

#[tokio::test]
async fn one_field_is_told_in_the_shape_of_the_contract_and_nothing_more() {
    let answer = get("/v1/sessions/s1/explain?field=distance_m").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.json(),
        json!({
            "session_id": "s1", "field": "distance_m", "value": 10.5, "rule": "path_rank",
            "rules_id": "r1",
            "winner": {"observation_id": "o1", "source": "garmin", "provider_id": "1",
                "value": 10.5},
            "losers": [{"observation_id": "o2", "source": "strava", "provider_id": "2",
                "value": null, "reason": "lower_rank"}]
        })
    );
}

#[tokio::test]
async fn a_field_that_nobody_told_is_null_and_says_so() {
    let answer = get("/v1/sessions/s1/explain?field=power_avg_w").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.json(),
        json!({
            "session_id": "s1", "field": "power_avg_w", "value": null, "rule": "not_told",
            "rules_id": "r1", "winner": null, "losers": []
        })
    );
}

#[tokio::test]
async fn without_a_field_all_of_them_are_told() {
    let whole = get("/v1/sessions/s1/explain").await.json();
    for key in ["session_id", "rules_id", "fields", "members", "candidates"] {
        assert!(!whole[key].is_null(), "{key}: {whole}");
    }
    let one = get("/v1/sessions/s1/explain?field=title").await.json();
    assert_eq!(whole["fields"][1], one);
}

#[tokio::test]
async fn an_old_id_says_that_another_took_its_place() {
    for path in [
        "/v1/sessions/old/explain",
        "/v1/sessions/old/explain?field=title",
    ] {
        let answer = get(path).await.json();
        assert_eq!(answer["session_id"], "s1", "{path}");
        assert_eq!(answer["asked_for"], "old", "{path}");
    }
}

#[tokio::test]
async fn a_wrong_question_is_refused_with_what_could_be_asked() {
    let cases = [
        ("/v1/sessions/none/explain", 404, "no session"),
        ("/v1/sessions/none/explain?field=title", 404, "no session"),
        (
            "/v1/sessions/s1/explain?field=weight",
            400,
            "distance_m, energy_kj",
        ),
        (
            "/v1/sessions/s1/explain?field=",
            400,
            "distance_m, energy_kj",
        ),
        (
            "/v1/sessions/tombstone/explain?field=title",
            400,
            "nothing is known",
        ),
        ("/v1/sweat-losses/none/explain", 404, "no sweat loss"),
        ("/v1/recommendations/none/explain", 404, "no recommendation"),
    ];
    for (path, status, words) in cases {
        let answer = get(path).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        assert_eq!(answer.content_type, "application/problem+json", "{path}");
        assert!(answer.text.contains(words), "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_slot_is_asked_for_with_its_slashes_written_as_percent_codes() {
    let answer = get("/v1/recommendations/a1%2Fs1%2Fpost/explain").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["slot"], "a1/s1/post");
    assert_eq!(
        get("/v1/sweat-losses/l1/explain").await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn explanations_have_exactly_the_fields_that_their_schema_says() {
    let doc = get("/openapi.json").await.json();
    for (schema, path) in [
        ("SessionExplained", "/v1/sessions/s1/explain"),
        ("LossExplained", "/v1/sweat-losses/l1/explain"),
        (
            "RecommendationExplained",
            "/v1/recommendations/a1%2Fs1%2Fpost/explain",
        ),
    ] {
        let answer = get(path).await.json();
        let described = &doc["components"]["schemas"][schema]["properties"];
        let mut properties = keys(described);
        // Only in the answer to an old id, and where the log lost its beginning.
        properties.retain(|name| !["asked_for", "past_retention"].contains(name));
        let mut fields = keys(&answer);
        fields.sort_unstable();
        properties.sort_unstable();
        assert_eq!(fields, properties, "{schema}");
    }
}
