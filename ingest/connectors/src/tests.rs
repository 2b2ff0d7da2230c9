//! The connectors through their routes, on the ports in memory.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use edge::guard::OwnNames;
use edge::http::AllowList;
use edge::{ManualClock, UnixMicros};
use schemas::record::ingest::RawReceived;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::memory::{MemoryAccounts, MemoryPublisher};
use crate::{Connectors, GarminSettings, Ports, Settings, router};

mod accounts;
mod app;
mod auto_export;
mod garmin;
mod healthkit;
mod openapi;
mod scan;
mod socket;
mod strava;

/// 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600_000_000;

struct World {
    publisher: Arc<MemoryPublisher>,
    accounts: Arc<MemoryAccounts>,
    clock: Arc<ManualClock>,
    routes: Router,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// The word of the problem, or nothing for what is none.
    fn problem(&self) -> String {
        let kind = &self.json()["type"];
        kind.as_str()
            .unwrap_or_default()
            .trim_start_matches("urn:sudor:problem:")
            .to_owned()
    }
}

impl World {
    fn new() -> Self {
        let garmin = GarminSettings {
            secret: "s3cret".into(),
            client_id: None,
            callback_hosts: AllowList::new(["apis.garmin.com", "127.0.0.1"]).unwrap(),
        };
        Self::with(Settings {
            garmin: Some(garmin),
            ..Settings::default()
        })
    }

    fn with(settings: Settings) -> Self {
        let publisher = Arc::new(MemoryPublisher::default());
        let accounts = Arc::new(MemoryAccounts::default());
        let clock = Arc::new(ManualClock::at(UnixMicros(NOW)));
        let ports = Ports {
            clock: clock.clone(),
            publisher: publisher.clone(),
            registry: accounts.clone(),
            vault: accounts.clone(),
            linked: accounts.clone(),
        };
        let (routes, _) = router(Connectors::new(settings, ports)).split_for_parts();
        let routes = edge::web::harden(
            routes,
            clock.clone(),
            edge::auth::Gate::open(clock.clone()),
            Some(OwnNames::of("")),
        );
        Self {
            publisher,
            accounts,
            clock,
            routes,
        }
    }

    /// A world where the athlete `ada` has the Garmin account `u1`, and `bob` has `u2`.
    async fn with_ada_and_bob() -> Self {
        let world = Self::new();
        for (athlete, account) in [("ada", "u1"), ("bob", "u2")] {
            world.link(athlete, account).await;
        }
        world
    }

    async fn link(&self, athlete: &str, account: &str) {
        self.send("PUT", &format!("/v1/athletes/{athlete}"), "{}")
            .await;
        let path = format!("/v1/athletes/{athlete}/connections/garmin");
        let answer = self
            .send("PUT", &path, json!({ "account_id": account }))
            .await;
        assert!(answer.status.is_success(), "{}", answer.text);
    }

    async fn send(&self, method: &str, path: &str, body: impl ToString) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()));
        self.request(request.unwrap()).await
    }

    async fn request(&self, request: Request<Body>) -> Answer {
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = edge::body::read(&HeaderMap::new(), body, 1_000_000)
            .await
            .unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(text).unwrap(),
        }
    }

    fn published(&self) -> Vec<RawReceived> {
        self.publisher.published()
    }
}

fn body_of(record: &RawReceived) -> &str {
    std::str::from_utf8(&record.body).unwrap()
}

/// Index and reason of what was refused; each says what to mend.
fn rejected(answer: &serde_json::Value) -> Vec<(u64, String)> {
    let items = answer.as_array().unwrap().iter();
    items
        .map(|item| {
            assert!(!item["detail"].as_str().unwrap().is_empty(), "{item}");
            let reason = item["reason"].as_str().unwrap().to_owned();
            (item["index"].as_u64().unwrap(), reason)
        })
        .collect()
}

/// Owner, kind and provider id of each record.
fn routed(records: &[RawReceived]) -> Vec<(&str, &str, &str)> {
    records
        .iter()
        .map(|record| {
            let owner = record.athlete_id.as_deref().unwrap_or("-");
            (
                owner,
                record.kind.as_str(),
                record.provider_id.as_deref().unwrap_or("-"),
            )
        })
        .collect()
}
