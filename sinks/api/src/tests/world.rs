//! The world behind the routes: an athlete with one of everything, and a client.

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

pub(super) struct World;

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

pub(super) fn app() -> Router {
    let mut store = MemoryStore::new();
    let rows = facts().into_iter().filter_map(project).collect();
    store.apply(rows, FeedPosition(1)).unwrap();
    let signer = crate::Signer::new([7; 32]);
    let (routes, doc) = router(api(Arc::new(store), Arc::new(NoFacts), signer)).split_for_parts();
    let doc = document(&doc).unwrap();
    let everything = Extension(edge::auth::Grant::everything());
    routes.layer(everything).merge(openapi_route(&doc).unwrap())
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) content_type: String,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the answer is ours, and the limit is right there"
)]
pub(super) async fn send(method: &str, path: &str) -> Answer {
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

pub(super) async fn get(path: &str) -> Answer {
    send("GET", path).await
}

pub(super) fn keys(of: &Value) -> Vec<&str> {
    of.as_object().unwrap().keys().map(String::as_str).collect()
}
