//! Registrations and links.

use secrecy::ExposeSecret;

use super::*;

#[tokio::test]
async fn an_athlete_is_created_once_and_updated_afterwards() {
    let world = World::new();
    for status in [StatusCode::CREATED, StatusCode::OK] {
        let answer = world.send("PUT", "/v1/athletes/ada", "{}").await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.json(), json!({ "athlete_id": "ada" }));
    }
    assert!(world.published().is_empty(), "no profile, no event");
}

#[tokio::test]
async fn profile_fields_become_an_event_with_an_id_from_the_body() {
    let world = World::new();
    let body = r#"{"mass_kg":70.50,"id":"mine","type":"x","unknown":1,"sex":"f"}"#;
    world.send("PUT", "/v1/athletes/ada", body).await;
    world.send("PUT", "/v1/athletes/ada", body).await;
    let records = world.published();
    assert_eq!(records.len(), 2);
    let event: Value = serde_json::from_slice(&records[0].body).unwrap();
    assert_eq!(event["at"], "2026-01-01T00:00:00.000000Z");
    assert_eq!(
        (&event["type"], &event["mass_kg"]),
        (&json!("profile"), &json!(70.5))
    );
    assert!(event.get("unknown").is_none());
    assert!(event["id"].as_str().unwrap().starts_with("registration:"));
    assert_eq!(records[0].provider_id.as_deref(), event["id"].as_str());
    assert_eq!(records[0].provider_id, records[1].provider_id);
    assert_eq!(
        (records[0].source.as_str(), records[0].kind.as_str()),
        ("app", "profile")
    );
}

#[tokio::test]
async fn malformed_registrations_and_ids_are_400() {
    let long = format!("/v1/athletes/{}", "x".repeat(65));
    for (path, body) in [
        ("/v1/athletes/ada", "[]"),
        ("/v1/athletes/ada", ""),
        ("/v1/athletes/ada", "{"),
        ("/v1/athletes/a%20b", "{}"),
        (&long, "{}"),
    ] {
        let world = World::new();
        let answer = world.send("PUT", path, body).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (StatusCode::BAD_REQUEST, "bad_request"),
            "{path} {body}"
        );
    }
}

#[tokio::test]
async fn a_link_is_made_once_and_announced_every_time() {
    let world = World::new();
    world.send("PUT", "/v1/athletes/ada", "{}").await;
    let path = "/v1/athletes/ada/connections/garmin";
    for status in [StatusCode::CREATED, StatusCode::OK] {
        let answer = world.send("PUT", path, r#"{"account_id":"u1"}"#).await;
        assert_eq!(answer.status, status);
        let expect = json!({ "athlete_id": "ada", "provider": "garmin", "account_id": "u1" });
        assert_eq!(answer.json(), expect);
    }
    assert_eq!(world.accounts.announced().len(), 2);
    assert!(world.accounts.sealed().is_empty());
}

#[tokio::test]
async fn tokens_go_to_the_vault_and_nowhere_else() {
    let world = World::new();
    world.send("PUT", "/v1/athletes/ada", "{}").await;
    let body = json!({
        "account_id": "u1", "access_token": "tok-a", "refresh_token": "tok-r",
        "expires_at": 1_800_000_000, "scopes": "read,activity:read_all",
    });
    let answer = world
        .send("PUT", "/v1/athletes/ada/connections/strava", body)
        .await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert!(!answer.text.contains("tok-"));
    assert!(world.published().is_empty());
    let sealed = world.accounts.sealed();
    let (_, provider, tokens) = &sealed[0];
    assert_eq!(provider, "strava");
    assert_eq!(
        tokens.access_token.as_ref().unwrap().expose_secret(),
        "tok-a"
    );
    assert_eq!(tokens.scopes, ["read", "activity:read_all"]);
    assert!(!format!("{tokens:?}").contains("tok-"));
}

#[tokio::test]
async fn bad_links_are_refused() {
    let world = World::new();
    world.send("PUT", "/v1/athletes/ada", "{}").await;
    let long = json!({ "account_id": "x".repeat(129) }).to_string();
    for (path, body, status) in [
        (
            "/v1/athletes/ada/connections/garmin",
            "{}",
            StatusCode::BAD_REQUEST,
        ),
        (
            "/v1/athletes/ada/connections/garmin",
            r#"{"account_id":""}"#,
            StatusCode::BAD_REQUEST,
        ),
        (
            "/v1/athletes/ada/connections/garmin",
            r#"{"account_id":7}"#,
            StatusCode::BAD_REQUEST,
        ),
        (
            "/v1/athletes/ada/connections/garmin",
            &long,
            StatusCode::BAD_REQUEST,
        ),
        (
            "/v1/athletes/ada/connections/myspace",
            r#"{"account_id":"u"}"#,
            StatusCode::NOT_FOUND,
        ),
        (
            "/v1/athletes/eve/connections/garmin",
            r#"{"account_id":"u"}"#,
            StatusCode::NOT_FOUND,
        ),
    ] {
        let answer = world.send("PUT", path, body).await;
        assert_eq!(answer.status, status, "{path} {body}");
    }
    assert!(world.accounts.announced().is_empty());
}

#[tokio::test]
async fn routes_that_are_not_built_say_so() {
    let world = World::new();
    for (method, path) in [
        ("POST", "/v1/athletes/ada/files"),
        ("PUT", "/v1/athletes/ada/healthkit/export"),
    ] {
        let answer = world.send(method, path, "{}").await;
        assert_eq!(answer.status, StatusCode::NOT_IMPLEMENTED, "{path}");
        assert_eq!(answer.problem(), "not_supported");
    }
}
