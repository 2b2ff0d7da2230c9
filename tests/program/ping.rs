//! Garmin's pings: what they point at is pulled once, from the allowed host only.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use axum::routing::get;
use base64::Engine;
use serde_json::{Value, json};

use super::support::{Service, assert_verified, count, until};
use super::vendors::{Server, Settings, start_with};

/// 2025-05-23T11:33:20Z.
const START: i64 = 1_748_000_000;
pub(crate) const TOKEN: &str = "pull-token-2c9e41";

/// Garmin's API: what it was asked for, and two runs of `acc` as its answer.
pub(crate) struct Garmin {
    asked: Mutex<Vec<Uri>>,
}

impl Garmin {
    pub(crate) async fn start() -> (Arc<Self>, Server) {
        let shared = Arc::new(Self {
            asked: Mutex::default(),
        });
        let routes = Router::new()
            .route("/rest/activities", get(Self::answer))
            .with_state(shared.clone());
        (shared, Server::start(routes).await)
    }

    async fn answer(State(shared): State<Arc<Self>>, uri: Uri) -> String {
        shared.asked.lock().unwrap().push(uri);
        let run = |id: i64| {
            json!({
                "userId": "acc", "summaryId": id.to_string(), "activityId": id,
                "activityType": "RUNNING", "startTimeInSeconds": START + id * 86_400,
                "durationInSeconds": 3600, "startTimeOffsetInSeconds": 7200,
                "distanceInMeters": 10_000.0, "userAccessToken": "user-token-81b0"
            })
        };
        json!([run(1), run(2)]).to_string()
    }

    pub(crate) fn asked(&self) -> Vec<Uri> {
        self.asked.lock().unwrap().clone()
    }
}

pub(crate) fn callback(server: &Server) -> String {
    format!(
        "{}/rest/activities?uploadStartTimeInSeconds={START}&uploadEndTimeInSeconds={}&token={TOKEN}",
        server.url(),
        START + 3600
    )
}

pub(crate) fn ping(user: &str, callback: &str) -> Value {
    json!({"activities": [{"userId": user, "callbackURL": callback}]})
}

pub(crate) fn allowing(server: &Server) -> Settings {
    vec![("SUDOR__GARMIN__CALLBACK_HOSTS", server.host.clone())]
}

fn counts(quality: &Value) -> [i64; 4] {
    ["received", "accepted", "duplicate", "dead_lettered"]
        .map(|what| count(quality, "garmin", what))
}

async fn push(service: &Service, body: &Value) {
    let (status, said) = service.push(body).await;
    assert_eq!(status, 200, "{body}: {said}");
}

#[tokio::test]
async fn what_a_ping_points_at_is_pulled_once_also_when_it_comes_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (garmin, server) = Garmin::start().await;
    let service = start_with(&folder.path().join("data"), &allowing(&server)).await;
    service.register("ada", "acc").await;
    for _ in 0..2 {
        push(&service, &ping("acc", &callback(&server))).await;
        service.idle().await;
    }
    push(&service, &ping("acc", &callback(&server))).await;
    let quality = service.idle().await;
    assert_eq!(garmin.asked().len(), 1, "{:?}", garmin.asked());
    let query = garmin.asked()[0].query().unwrap().to_owned();
    assert!(callback(&server).ends_with(&query), "{query}");
    // Three pings, of which two are copies, and two summaries.
    assert_eq!(counts(&quality), [5, 3, 2, 0], "{quality}");
    let sessions = service.all("/v1/athletes/ada/sessions").await;
    let ids: Vec<&Value> = sessions
        .iter()
        .map(|session| &session["members"][0]["provider_id"])
        .collect();
    assert_eq!(ids, ["1", "2"]);
    let data = service.data.clone();
    assert!(service.terminate().await.success());
    assert_verified(&data);
}

#[tokio::test]
async fn a_ping_to_another_host_or_for_too_long_a_window_is_set_aside_and_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (garmin, server) = Garmin::start().await;
    let (elsewhere, foreign) = Garmin::start().await;
    let service = start_with(&folder.path().join("data"), &allowing(&server)).await;
    service.register("ada", "acc").await;
    let long = callback(&server).replace(&(START + 3600).to_string(), "1748090000");
    let refused = [
        callback(&foreign),
        callback(&server).replace("127.0.0.1", "localhost"),
        callback(&server).replace("http://", "http://127.0.0.1:80@"),
        long,
    ];
    for callback in &refused {
        push(&service, &ping("acc", callback)).await;
    }
    let quality = service.idle().await;
    assert_eq!(counts(&quality), [4, 0, 0, 4], "{quality}");
    let letters = service.all("/v1/dead-letters").await;
    assert_eq!(letters.len(), refused.len());
    for letter in letters {
        assert_eq!(letter["reason"], "bad_value", "{letter}");
        let body = letter["body_base64"].as_str().unwrap();
        let body = base64::engine::general_purpose::STANDARD.decode(body);
        let body = String::from_utf8(body.unwrap()).unwrap();
        assert!(!body.contains(TOKEN), "{body}");
    }
    assert!(garmin.asked().is_empty() && elsewhere.asked().is_empty());
}

#[tokio::test]
async fn a_ping_for_nobody_is_set_aside_and_pulled_once_its_account_is_linked() {
    let folder = tempfile::tempdir().unwrap();
    let (garmin, server) = Garmin::start().await;
    let service = start_with(&folder.path().join("data"), &allowing(&server)).await;
    push(&service, &ping("acc", &callback(&server))).await;
    let quality = service.idle().await;
    assert_eq!(counts(&quality), [1, 0, 0, 1]);
    assert!(garmin.asked().is_empty());
    service.register("ada", "acc").await;
    until("the ping is replayed and followed", async || {
        let sessions = service.all("/v1/athletes/ada/sessions").await;
        (sessions.len() == 2).then_some(())
    })
    .await;
    assert_eq!(counts(&service.idle().await), [3, 3, 0, 0]);
    assert_eq!(garmin.asked().len(), 1);
    let data = service.data.clone();
    assert!(service.terminate().await.success());
    assert_verified(&data);
}
