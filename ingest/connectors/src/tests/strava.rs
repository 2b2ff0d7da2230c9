//! Strava's webhook: the handshake, events, and who withdraws.

use std::sync::Mutex;

use super::*;
use crate::StravaSettings;
use crate::port::{Answer as Pending, PublishError, Publisher, Registry};

const HOOK: &str = "/webhooks/strava/hush";

fn settings(subscription_id: u64) -> Settings {
    let strava = StravaSettings {
        secret: "hush".into(),
        verify_token: "verify-me".into(),
        subscription_id,
        client_id: "77".to_owned(),
        client_secret: "client".into(),
        api_url: "http://127.0.0.1:1/api/v3".to_owned(),
        oauth_url: "http://127.0.0.1:1/oauth".to_owned(),
        streams: false,
    };
    Settings {
        strava: Some(strava),
        ..Settings::default()
    }
}

async fn world() -> World {
    let world = World::with(settings(0));
    world.send("PUT", "/v1/athletes/ada", "{}").await;
    link(&world, "ada").await;
    world
}

async fn link(world: &World, athlete: &str) {
    let path = format!("/v1/athletes/{athlete}/connections/strava");
    let answer = world
        .send("PUT", &path, json!({ "account_id": "134815" }))
        .await;
    assert!(answer.status.is_success(), "{}", answer.text);
}

fn event(aspect: &str) -> Value {
    json!({
        "object_type": "activity", "object_id": 1_360_128_428_u64, "aspect_type": aspect,
        "updates": {}, "owner_id": 134_815, "subscription_id": 120_475,
        "event_time": 1_516_126_040,
    })
}

#[tokio::test]
async fn the_handshake_gets_its_challenge_back_from_whoever_knows_the_token() {
    let world = world().await;
    for (path, query, status) in [
        (
            HOOK,
            "hub.mode=subscribe&hub.challenge=15f7&hub.verify_token=verify-me",
            200,
        ),
        (
            HOOK,
            "hub.verify_token=verify-me&hub.challenge=15f7&hub.mode=subscribe&x=1",
            200,
        ),
        (
            HOOK,
            "hub.mode=subscribe&hub.challenge=15f7&hub.verify_token=verify-m",
            403,
        ),
        (HOOK, "hub.mode=subscribe&hub.challenge=15f7", 403),
        (
            HOOK,
            "hub.mode=unsubscribe&hub.challenge=15f7&hub.verify_token=verify-me",
            403,
        ),
        (HOOK, "hub.mode=subscribe&hub.verify_token=verify-me", 403),
        (HOOK, "", 403),
        (
            "/webhooks/strava/other",
            "hub.mode=subscribe&hub.challenge=15f7&hub.verify_token=verify-me",
            404,
        ),
    ] {
        let answer = world.send("GET", &format!("{path}?{query}"), "").await;
        assert_eq!(answer.status.as_u16(), status, "{query}");
        if status == 200 {
            assert_eq!(answer.json(), json!({"hub.challenge": "15f7"}));
        }
    }
}

#[tokio::test]
async fn an_event_is_kept_verbatim_for_everybody_linked() {
    let world = world().await;
    world.send("PUT", "/v1/athletes/bob", "{}").await;
    link(&world, "bob").await;
    let body = r#"{"object_type":"activity", "object_id":987654321234567891234, "aspect_type":"create",
        "updates":{"private":"true"}, "owner_id":134815, "subscription_id":1, "event_time":1516126040}"#;
    let answer = world.send("POST", HOOK, body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let records = world.published();
    assert_eq!(
        routed(&records),
        [
            ("ada", "event", "987654321234567891234"),
            ("bob", "event", "987654321234567891234"),
        ]
    );
    for record in &records {
        assert_eq!((record.source.as_str(), body_of(record)), ("strava", body));
        assert_eq!(record.account_id.as_deref(), Some("134815"));
        let event_at = record.provider_event_at.map(|at| at.0);
        assert_eq!(event_at, Some(1_516_126_040_000_000));
    }
}

#[tokio::test]
async fn an_event_of_nobody_is_kept_too() {
    let world = World::with(settings(0));
    let answer = world.send("POST", HOOK, event("create")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(routed(&world.published()), [("-", "event", "1360128428")]);
}

#[tokio::test]
async fn only_events_of_our_subscription_are_taken_where_it_is_configured() {
    let world = World::with(settings(120_475));
    for (subscription, status) in [
        (json!(120_475), 200),
        (json!("120475"), 200),
        (json!(120_476), 403),
        (json!(null), 403),
    ] {
        let mut body = event("create");
        body["subscription_id"] = subscription.clone();
        let answer = world.send("POST", HOOK, body).await;
        assert_eq!(answer.status.as_u16(), status, "{subscription}");
    }
    assert_eq!(world.published().len(), 2);
}

#[tokio::test]
async fn what_is_no_event_is_refused() {
    let world = world().await;
    for (path, body, status) in [
        (HOOK, "not json".to_owned(), 400),
        (HOOK, "[]".to_owned(), 400),
        (
            HOOK,
            format!("{{\"pad\":\"{}\"}}", "x".repeat(16 * 1024)),
            413,
        ),
        ("/webhooks/strava/other", event("create").to_string(), 404),
        ("/webhooks/strava/", event("create").to_string(), 404),
    ] {
        let answer = world.send("POST", path, body).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
    }
    let off = World::new();
    for method in ["GET", "POST"] {
        let answer = off.send(method, HOOK, event("create")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method}");
    }
    assert!(world.published().is_empty() && off.published().is_empty());
}

#[tokio::test]
async fn a_withdrawal_is_kept_and_then_ends_the_link() {
    for (aspect, updates) in [
        ("update", json!({"authorized": "false"})),
        ("update", json!({"authorized": false})),
        ("delete", json!({})),
    ] {
        let world = world().await;
        let body = json!({
            "object_type": "athlete", "object_id": 134_815, "aspect_type": aspect,
            "updates": updates, "owner_id": 134_815, "subscription_id": 1, "event_time": 1,
        });
        world.publisher.refuse(Some(PublishError::Unavailable));
        let answer = world.send("POST", HOOK, &body).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        let linked = || world.accounts.athletes_linked("strava", "134815").len();
        assert_eq!(linked(), 1, "nothing ends before it is durable");
        world.publisher.refuse(None);
        let answer = world.send("POST", HOOK, &body).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(linked(), 0, "{body}");
        assert_eq!(routed(&world.published()), [("ada", "event", "134815")]);
    }
}

#[tokio::test]
async fn a_signature_is_kept_and_its_absence_is_no_reason() {
    let world = world().await;
    let request = Request::post(HOOK)
        .header(header::CONTENT_TYPE, "application/json")
        .header("X-Strava-Signature", "t=1,v1=abc")
        .body(Body::from(event("create").to_string()));
    world.request(request.unwrap()).await;
    world.send("POST", HOOK, event("update")).await;
    let signatures: Vec<_> = world
        .published()
        .iter()
        .map(|record| record.headers.get("x-strava-signature").cloned())
        .collect();
    assert_eq!(signatures, [Some("t=1,v1=abc".to_owned()), None]);
}

/// Takes everything and finishes nothing.
#[derive(Default)]
struct Stuck {
    taken: Mutex<usize>,
}

impl Publisher for Stuck {
    fn publish(&self, items: Vec<RawReceived>) -> Pending<Result<(), PublishError>> {
        *self.taken.lock().unwrap() += items.len();
        Box::pin(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_that_takes_too_long_is_told_before_strava_gives_up() {
    let stuck = Arc::new(Stuck::default());
    let accounts = Arc::new(MemoryAccounts::default());
    let ports = Ports {
        clock: Arc::new(ManualClock::at(UnixMicros(NOW))),
        publisher: stuck.clone(),
        registry: accounts.clone(),
        vault: accounts.clone(),
        linked: accounts,
    };
    let (routes, _) = router(Connectors::new(settings(0), ports)).split_for_parts();
    let request = Request::post(HOOK)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(event("create").to_string()));
    let began = tokio::time::Instant::now();
    let response = routes.oneshot(request.unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(began.elapsed().as_secs() < 2);
    assert_eq!(*stuck.taken.lock().unwrap(), 1);
}
