//! An activity that is edited while it is fetched: the latest fetch rules, an equal one is a copy.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path as Segment, State};
use axum::routing::get;
use tokio::sync::Semaphore;

use super::strava::{START, end, sessions};
use super::support::{count, until};
use super::vendors::{OWNER, Server, account, activity, event, start_with};

/// A Strava of one activity that the test edits, and that answers when the test lets it.
struct Editable {
    body: Mutex<String>,
    asked: Mutex<usize>,
    answers: Semaphore,
}

const FREELY: usize = 1_000;

impl Editable {
    async fn start(answers: usize) -> (Arc<Self>, Server) {
        let shared = Arc::new(Self {
            body: Mutex::default(),
            asked: Mutex::default(),
            answers: Semaphore::new(answers),
        });
        let routes = Router::new()
            .route("/api/v3/activities/{id}", get(Self::answer))
            .with_state(shared.clone());
        (shared, Server::start(routes).await)
    }

    async fn answer(
        State(shared): State<Arc<Self>>,
        Segment(_): Segment<String>,
    ) -> ([(&'static str, &'static str); 1], String) {
        *shared.asked.lock().unwrap() += 1;
        // What is told is what stood when it was asked.
        let body = shared.body.lock().unwrap().clone();
        shared.answers.acquire().await.unwrap().forget();
        ([("content-type", "application/json")], body)
    }

    fn set(&self, distance_m: f64) {
        *self.body.lock().unwrap() = activity("77", START, distance_m);
    }

    fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }
}

#[tokio::test]
async fn the_latest_fetch_rules_and_an_equal_one_is_a_copy() {
    let folder = tempfile::tempdir().unwrap();
    let (strava, server) = Editable::start(FREELY).await;
    let service = start_with(&folder.path().join("data"), &server.as_strava()).await;
    service
        .register_strava(&account("ada", OWNER, Vec::new()))
        .await;
    let (a, b) = (10_000.0, 10_500.0);
    //               distance, aspect, revision, duplicates
    let steps = [
        (a, "create", 1, 0),
        (b, "update", 2, 0),
        (a, "update", 3, 0),
        (a, "update", 3, 1),
        (b, "update", 4, 1),
    ];
    for (number, (distance_m, aspect, revision, duplicates)) in (1..).zip(steps) {
        strava.set(distance_m);
        service
            .hint(&event(OWNER, "77", aspect, START + number))
            .await;
        let quality = service.idle().await;
        let sessions = sessions(&service, "ada").await;
        assert_eq!(sessions.len(), 1, "{number}");
        assert_eq!(sessions[0]["distance_m"], distance_m, "{number}");
        assert_eq!(sessions[0]["revision"], revision, "{number}");
        assert_eq!(count(&quality, "strava", "received"), 2 * number);
        assert_eq!(count(&quality, "strava", "duplicate"), duplicates);
        assert_eq!(i64::try_from(strava.asked()).unwrap(), number);
    }
    end(service).await;
}

#[tokio::test]
async fn updates_during_a_fetch_cause_one_more_and_the_copy_of_an_event_none() {
    let folder = tempfile::tempdir().unwrap();
    let (strava, server) = Editable::start(0).await;
    let service = start_with(&folder.path().join("data"), &server.as_strava()).await;
    service
        .register_strava(&account("ada", OWNER, Vec::new()))
        .await;
    strava.set(10_000.0);
    let created = event(OWNER, "77", "create", START);
    service.hint(&created).await;
    until("the fetch is under way", async || {
        (strava.asked() == 1).then_some(())
    })
    .await;
    strava.set(10_500.0);
    for at in 1..=3 {
        service
            .hint(&event(OWNER, "77", "update", START + at))
            .await;
    }
    service.hint(&created).await;
    until("all hints are in the log's counts", async || {
        let (_, quality) = service.get("/v1/quality").await;
        (quality["pending"]["fetches"] == 4).then_some(())
    })
    .await;
    strava.answers.add_permits(FREELY);
    let quality = service.idle().await;
    assert_eq!(strava.asked(), 2);
    assert_eq!(sessions(&service, "ada").await[0]["distance_m"], 10_500.0);
    // Five events, of which one is a copy, and two bodies.
    let counts = ["received", "accepted", "duplicate"];
    assert_eq!(
        counts.map(|what| count(&quality, "strava", what)),
        [7, 6, 1]
    );
    end(service).await;
}
