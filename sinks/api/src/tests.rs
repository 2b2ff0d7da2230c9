//! The routes over the memory store, as a client sees them.

mod explained;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::{Extension, Router};
use schemas::AnyRecord;
use schemas::record::Micros;
use schemas::record::ingest::RecordRejected;
use schemas::record::loss::{SweatLossEstimated, SweatProfileRevised};
use schemas::record::night::NightRevised;
use schemas::record::recommendation::RecommendationIssued;
use schemas::record::session::{SessionRetracted, SessionRevised};
use schemas::sample::full;
use serde_json::Value;
use sinks_store::{FeedPosition, MemoryStore, SeriesStore, StoreError, project};
use tower::ServiceExt as _;

use crate::dto::{Pending, QualityReport, SourceQuality};
use crate::metrics::Metrics;
use crate::{
    Api, AthleteEntry, Directory, Ports, Quality, Readiness, Replay, ReplayError, ReplayFuture,
    document, openapi_route, router,
};

struct World;

impl Directory for World {
    fn athletes(&self, after: Option<&str>, limit: usize) -> Result<Vec<AthleteEntry>, StoreError> {
        let ids = ["a1", "a2", "a3"].into_iter();
        Ok(ids
            .filter(|id| after.is_none_or(|after| *id > after))
            .take(limit)
            .map(|id| AthleteEntry {
                athlete_id: id.to_owned(),
                registered_at: Some(Micros(0)),
                connections: vec!["garmin".to_owned()],
            })
            .collect())
    }

    fn athlete(&self, athlete_id: &str) -> Result<Option<AthleteEntry>, StoreError> {
        let entries = self.athletes(None, 10)?.into_iter();
        Ok(entries
            .into_iter()
            .find(|entry| entry.athlete_id == athlete_id))
    }

    fn exists(&self, athlete_id: &str) -> Result<bool, StoreError> {
        Ok(["a1", "a2", "a3"].contains(&athlete_id))
    }
}

impl Quality for World {
    fn quality(&self) -> Result<QualityReport, StoreError> {
        let garmin = SourceQuality {
            received: 3,
            accepted: 2,
            pending: 1,
            unused: BTreeMap::from([("dailies".to_owned(), 1)]),
            last_received_at: Some(Micros(0)),
            ..SourceQuality::default()
        };
        let sources = BTreeMap::from([("garmin".to_owned(), garmin)]);
        Ok(QualityReport::new(sources, Pending::default(), Vec::new()))
    }
}

/// A log in which nothing ever happened.
struct NoFacts;

impl crate::Facts for NoFacts {
    fn earliest(&self) -> Result<crate::Positions, StoreError> {
        Ok(crate::Positions::default())
    }

    fn readable(&self) -> Result<crate::Positions, StoreError> {
        Ok(crate::Positions::default())
    }

    fn end(&self) -> Result<crate::Positions, StoreError> {
        Ok(crate::Positions::default())
    }

    fn read(
        &self,
        _: &crate::Positions,
        _: &crate::Wanted,
        _: usize,
    ) -> Result<crate::FactPage, StoreError> {
        Ok(crate::FactPage::default())
    }

    fn growth(&self) -> tokio::sync::watch::Receiver<crate::Growth> {
        tokio::sync::watch::channel(crate::Growth::default()).1
    }
}

impl crate::Views for World {
    fn unrestricted_sessions(&self, athlete_id: &str) -> Result<Vec<SessionRevised>, StoreError> {
        let told = [session("v1", 100), session("v2", 200), session("v3", 300)];
        let facts = told.into_iter().filter_map(|fact| match fact {
            AnyRecord::SessionRevised(fact) => Some(fact),
            _ => None,
        });
        Ok(facts.filter(|fact| fact.athlete_id == athlete_id).collect())
    }
}

impl Readiness for World {
    fn ready(&self) -> Result<(), String> {
        Err("the processor has not begun".to_owned())
    }
}

impl Replay for World {
    fn replay<'a>(&'a self, id: &'a str) -> ReplayFuture<'a> {
        Box::pin(async move {
            match id {
                "d1" => Ok(()),
                "done" => Err(ReplayError::AlreadyReplayed),
                "down" => Err(ReplayError::Unavailable("the disk is full".into())),
                _ => Err(ReplayError::NotFound),
            }
        })
    }
}

macro_rules! fact {
    ($name:ident { $($field:ident : $value:expr),* $(,)? }) => {
        AnyRecord::from($name {
            tenant_id: "default".to_owned(),
            $($field: $value,)*
            ..full::<$name>()
        })
    };
}

fn session(id: &str, start_s: i64) -> AnyRecord {
    fact!(SessionRevised {
        athlete_id: "a1".to_owned(),
        session_id: id.to_owned(),
        revision: 1,
        start: Micros(start_s * 1_000_000),
        end: Micros((start_s + 10) * 1_000_000),
    })
}

fn facts() -> Vec<AnyRecord> {
    let athlete = || "a1".to_owned();
    let mut facts: Vec<AnyRecord> = (0..9)
        .map(|n| session(&format!("s{n}"), n / 3 * 60))
        .collect();
    facts.extend([
        fact!(SessionRetracted {
            athlete_id: athlete(),
            session_id: "s8".to_owned(),
            revision: 2,
        }),
        fact!(NightRevised {
            athlete_id: athlete()
        }),
        fact!(SweatLossEstimated {
            athlete_id: athlete()
        }),
        fact!(SweatProfileRevised {
            athlete_id: athlete()
        }),
        fact!(RecommendationIssued {
            athlete_id: athlete()
        }),
        fact!(RecordRejected {
            id: "d1".to_owned()
        }),
    ]);
    facts
}

struct NoFetches;

impl crate::Fetches for NoFetches {
    fn states(&self) -> Vec<crate::FetchState> {
        Vec::new()
    }
}

fn world_of_words() -> Arc<dyn crate::Words> {
    struct Plain;

    impl crate::Words for Plain {
        fn word(&self, _: crate::Vocabulary, code: &str) -> String {
            code.to_owned()
        }

        fn reason(&self, code: &str, _: &Value) -> String {
            code.to_owned()
        }

        fn product(&self, catalog_id: &str) -> String {
            catalog_id.to_owned()
        }
    }

    Arc::new(Plain)
}

/// The API over a store and a log of a test's own.
pub(crate) fn api(
    store: Arc<dyn sinks_store::SeriesQuery>,
    facts: Arc<dyn crate::Facts>,
    signer: crate::Signer,
) -> Api {
    let world = Arc::new(World);
    let ports = Ports {
        store,
        directory: world.clone(),
        quality: world.clone(),
        readiness: world.clone(),
        replay: world.clone(),
        explain: world.clone(),
        views: world,
        facts,
        words: world_of_words(),
        fetches: Arc::new(NoFetches),
        clock: Arc::new(edge::ManualClock::default()),
        signer,
    };
    Api::new("default", ports, Metrics::new("0.1.0", "test").unwrap())
}

fn app() -> Router {
    let mut store = MemoryStore::new();
    let rows = facts().into_iter().filter_map(project).collect();
    store.apply(rows, FeedPosition(1)).unwrap();
    let signer = crate::Signer::new([7; 32]);
    let (routes, doc) = router(api(Arc::new(store), Arc::new(NoFacts), signer)).split_for_parts();
    let doc = document(&doc).unwrap();
    let everything = Extension(edge::auth::Grant::everything());
    routes.layer(everything).merge(openapi_route(&doc).unwrap())
}

struct Answer {
    status: StatusCode,
    content_type: String,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the answer is ours, and the limit is right there"
)]
async fn send(method: &str, path: &str) -> Answer {
    let request = Request::builder().method(method).uri(path);
    let response = app()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.map(|value| value.to_str().unwrap().to_owned());
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 24).await;
    Answer {
        status,
        content_type: content_type.unwrap_or_default(),
        text: String::from_utf8(bytes.unwrap().to_vec()).unwrap(),
    }
}

async fn get(path: &str) -> Answer {
    send("GET", path).await
}

fn keys(of: &Value) -> Vec<&str> {
    of.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn every_list_has_items_and_a_cursor() {
    for (path, items) in [
        ("/v1/athletes", 3),
        ("/v1/athletes/a1/sessions", 8),
        ("/v1/athletes/a1/sessions?include=retracted", 9),
        ("/v1/athletes/a1/sessions?from=1970-01-01T00:01:00Z", 5),
        ("/v1/athletes/a1/sessions?to=1970-01-01T01:00:10%2B01:00", 3),
        ("/v1/athletes/a1/nights", 1),
        ("/v1/athletes/a1/sweat-losses", 1),
        ("/v1/athletes/a1/recommendations", 1),
        ("/v1/athletes/a1/timeline", 11),
        ("/v1/athletes/a2/timeline", 0),
        ("/v1/dead-letters", 1),
    ] {
        let answer = get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.content_type, "application/json", "{path}");
        let list = answer.json();
        assert_eq!(keys(&list), ["items", "next_cursor"], "{path}");
        assert_eq!(list["items"].as_array().unwrap().len(), items, "{path}");
        assert!(list["next_cursor"].is_null(), "{path}");
        for item in list["items"].as_array().unwrap() {
            assert!(item["status"].is_string(), "{path}");
        }
    }
}

#[tokio::test]
async fn following_the_cursor_shows_every_item_once() {
    for (list, total) in [
        ("/v1/athletes", 3),
        ("/v1/athletes/a1/sessions", 8),
        ("/v1/athletes/a1/timeline", 11),
    ] {
        for limit in [1, 2, 3, 5, 11] {
            let mut seen = Vec::new();
            let mut path = format!("{list}?limit={limit}");
            loop {
                let page = get(&path).await.json();
                let items = page["items"].as_array().unwrap();
                assert!(items.len() <= limit);
                seen.extend(items.iter().map(ToString::to_string));
                let Some(cursor) = page["next_cursor"].as_str() else {
                    break;
                };
                path = format!("{list}?limit={limit}&cursor={cursor}");
            }
            assert_eq!(seen.len(), total, "{list} by {limit}");
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len(), total, "{list} by {limit}");
        }
    }
}

async fn refuses(method: &str, path: &str, status: u16, word: &str) {
    let answer = send(method, path).await;
    assert_eq!(answer.status.as_u16(), status, "{path}");
    assert_eq!(answer.content_type, "application/problem+json", "{path}");
    let kind = format!("urn:sudor:problem:{word}");
    assert_eq!(answer.json()["type"], kind, "{path}");
}

#[tokio::test]
async fn what_is_not_there_or_not_built_is_a_problem_with_its_word() {
    for (path, status, word) in [
        ("/v1/athletes/nobody/sessions", 404, "not_found"),
        ("/v1/athletes/nobody/timeline", 404, "not_found"),
        ("/v1/athletes/nobody/profile", 404, "not_found"),
        ("/v1/athletes/a2/profile", 404, "not_found"),
        ("/v1/sessions/none", 404, "not_found"),
        ("/v1/dead-letters/none", 404, "not_found"),
        ("/v1/athletes/a1/nights?as_of=now", 400, "bad_request"),
        ("/v1/athletes/a1/profile?as_of=now", 400, "bad_request"),
        (
            "/v1/athletes?as_of=2026-01-01T00:00:00Z",
            400,
            "bad_request",
        ),
        ("/v1/stream?types=meals", 400, "bad_request"),
        ("/v1/stream?from=now", 400, "bad_request"),
        ("/v1/stream?athlete=nobody", 404, "not_found"),
        ("/v1/stream?cursor=AAAA", 410, "gone"),
        ("/readyz", 503, "unavailable"),
    ] {
        refuses("GET", path, status, word).await;
    }
    for (id, status, word) in [
        ("none", 404, "not_found"),
        ("done", 409, "conflict"),
        ("down", 503, "unavailable"),
    ] {
        let path = format!("/v1/dead-letters/{id}/replay");
        refuses("POST", &path, status, word).await;
    }
}

#[tokio::test]
async fn a_list_refuses_a_query_that_it_does_not_understand() {
    let page = get("/v1/athletes/a1/sessions?limit=1").await.json();
    let cursor = page["next_cursor"].as_str().unwrap().to_owned();
    let of_another_list = format!("cursor={cursor}");
    let of_another_filter = format!("include=retracted&cursor={cursor}");
    for query in [
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=x",
        "limit=",
        "limit=1&limit=2",
        "from=today",
        "to=1970-01-01",
        "from=1970-01-02T00:00:00Z&to=1970-01-01T00:00:00Z",
        "include=all",
        "cursor=AAAA",
        "cursor=%C3%A4",
        &of_another_list,
        &of_another_filter,
    ] {
        let path = format!("/v1/athletes/a1/nights?{query}");
        refuses("GET", &path, 400, "bad_request").await;
    }
    let widened = format!("/v1/athletes/a1/sessions?{of_another_filter}");
    refuses("GET", &widened, 400, "bad_request").await;
}

#[tokio::test]
async fn single_things_have_the_shapes_of_the_contract() {
    let profile = get("/v1/athletes/a1/profile").await.json();
    assert_eq!(
        keys(&profile["sweat_rate_multiplier"]),
        ["hi90", "lo90", "median"]
    );
    let gone = get("/v1/sessions/s8").await.json();
    assert_eq!(gone["status"], "retracted");
    let loss = get("/v1/athletes/a1/sweat-losses").await.json();
    assert_eq!(
        keys(&loss["items"][0]["fluid_ml"]),
        ["hi90", "lo90", "median"]
    );
    let letter = get("/v1/dead-letters/d1").await.json();
    assert!(letter["body_base64"].is_string());
    let advice = get("/v1/athletes/a1/recommendations").await.json();
    assert!(advice["items"][0]["needs"].is_object());
    assert!(advice["items"][0]["reasons"][0]["params"].is_object());
    let replayed = send("POST", "/v1/dead-letters/d1/replay").await;
    assert_eq!(replayed.status, StatusCode::ACCEPTED);
    assert_eq!(
        get("/v1/quality").await.json(),
        serde_json::json!({
            "sources": {"garmin": {
                "received": 3, "accepted": 2, "duplicate": 0, "dead_lettered": 0, "pending": 1,
                "unused": {"dailies": 1}, "last_received_at": "1970-01-01T00:00:00Z"
            }},
            "pending": {"records": 0, "fetches": 0, "weather": 0, "timers_due": 0},
            "quarantined": [], "idle": false
        })
    );
}

#[tokio::test]
async fn pages_for_people_need_nothing_from_outside() {
    for path in ["/", "/docs/"] {
        let answer = get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(answer.content_type.starts_with("text/html"), "{path}");
        for outside in ["http://", "https://", "src=\"//"] {
            assert!(!answer.text.contains(outside), "{path} has {outside}");
        }
    }
    assert_eq!(get("/livez").await.json()["status"], "ok");
    let metrics = get("/metrics").await;
    assert!(metrics.text.contains("# HELP sudor_build_info"));
}

#[tokio::test]
async fn the_openapi_document_lists_every_route_with_its_shapes() {
    let doc = get("/openapi.json").await.json();
    let of_athlete = [
        "sessions",
        "nights",
        "sweat-losses",
        "profile",
        "recommendations",
        "timeline",
    ]
    .map(|list| format!("/v1/athletes/{{athlete_id}}/{list}"));
    let others = [
        "/livez",
        "/metrics",
        "/readyz",
        "/v1/athletes",
        "/v1/dead-letters",
        "/v1/dead-letters/{id}",
        "/v1/dead-letters/{id}/replay",
        "/v1/quality",
        "/v1/recommendations/{id}/explain",
        "/v1/sessions/{session_id}",
        "/v1/sessions/{session_id}/explain",
        "/v1/stream",
        "/v1/sweat-losses/{loss_id}/explain",
    ];
    let mut expected: Vec<&str> = others.to_vec();
    expected.extend(of_athlete.iter().map(String::as_str));
    expected.sort_unstable();
    let mut paths = keys(&doc["paths"]);
    paths.sort_unstable();
    assert_eq!(paths, expected);
    let text = doc.to_string();
    for part in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(doc["components"]["schemas"][name].is_object(), "{name}");
    }
}

#[tokio::test]
async fn rows_have_exactly_the_fields_that_their_schema_says() {
    let doc = get("/openapi.json").await.json();
    for (schema, path) in [
        ("Session", "/v1/athletes/a1/sessions"),
        ("Night", "/v1/athletes/a1/nights"),
        ("SweatLoss", "/v1/athletes/a1/sweat-losses"),
        ("Recommendation", "/v1/athletes/a1/recommendations"),
        ("DeadLetter", "/v1/dead-letters"),
        ("Profile", "/v1/athletes/a1/profile"),
    ] {
        let answer = get(path).await.json();
        let row = answer["items"].get(0).unwrap_or(&answer);
        let mut fields = keys(row);
        fields.sort_unstable();
        let described = &doc["components"]["schemas"][schema];
        let mut properties = keys(&described["properties"]);
        properties.sort_unstable();
        assert_eq!(fields, properties, "{schema}");
        let required = described["required"].as_array().unwrap().len();
        assert_eq!(required, properties.len(), "{schema}: all are required");
    }
}
