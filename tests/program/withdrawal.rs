//! What its tellers take back goes, down to the advice that came of it, and what one of them still
//! tells stays.

use ingest_simulator::fakes::{Faults, StravaSettings};
use serde_json::{Value, json};

use super::support::{Service, assert_verified, count};
use super::vendors::{OWNER, Vendors, account, activity, event, members};

const RUN: &str = "987654321987654321987654321";
const COPY: &str = "11111111-2222-3333-4444-555555555555";
/// 2025-05-23T11:33:20Z.
const START: i64 = 1_748_000_000;
const LISTS: [&str; 3] = ["sessions", "sweat-losses", "recommendations"];

fn upload(data: &Value) -> String {
    let whole = json!({"provider": "apple", "sdkVersion": "1",
        "syncTimestamp": "2025-05-23T14:00:00Z", "data": data});
    whole.to_string()
}

fn copy_in_health() -> Value {
    json!({"workouts": [{
        "id": COPY, "type": "HKWorkoutActivityTypeRunning",
        "startDate": "2025-05-23T13:33:22+02:00", "endDate": "2025-05-23T14:33:20+02:00",
        "duration": 3598, "totalDistance": 10010.0,
        "source": {"name": "Watch", "bundleIdentifier": "com.apple.health.1"}
    }]})
}

async fn health(service: &Service, data: &Value) {
    let (status, said) = service
        .post("/v1/athletes/ada/healthkit", upload(data))
        .await;
    assert_eq!(status, 202, "{said}");
    service.idle().await;
}

async fn list(service: &Service, list: &str) -> Vec<Value> {
    service.all(&format!("/v1/athletes/ada/{list}")).await
}

/// One run, told by Strava and by HealthKit.
async fn told_twice(vendors: &Vendors, service: &Service) -> String {
    let account = account("ada", OWNER, vec![(RUN, activity(RUN, START, 10_000.0))]);
    vendors.strava.register(&account);
    service.register_strava(&account).await;
    service
        .hint(&event(OWNER, RUN, "create", START + 3_700))
        .await;
    service.idle().await;
    health(service, &copy_in_health()).await;
    let sessions = list(service, "sessions").await;
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    let both = [("healthkit", COPY), ("strava", RUN)];
    assert_eq!(
        members(&sessions[0]),
        both.map(|(source, id)| (source.to_owned(), id.to_owned()))
    );
    assert_eq!(list(service, "sweat-losses").await.len(), 1);
    let advice = list(service, "recommendations").await;
    assert!(
        advice.iter().any(|one| one["phase"] == "post"),
        "{advice:?}"
    );
    sessions[0]["session_id"].as_str().unwrap().to_owned()
}

/// HealthKit takes its copy back: Strava alone tells of the run, and nothing is gone.
async fn told_by_strava_alone(service: &Service, session_id: &str) {
    health(service, &json!({"deleted": [COPY]})).await;
    let sessions = list(service, "sessions").await;
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    assert_eq!(sessions[0]["session_id"], session_id);
    assert_eq!(
        members(&sessions[0]),
        [("strava".to_owned(), RUN.to_owned())]
    );
    assert_eq!(sessions[0]["distance_m"], 10_000.0);
    let strava = sessions[0]["members"].as_array().unwrap();
    let strava = strava.iter().find(|one| one["source"] == "strava").unwrap();
    for choice in sessions[0]["provenance"].as_array().unwrap() {
        assert_eq!(
            choice["observation_id"], strava["observation_id"],
            "{choice}"
        );
    }
    assert_eq!(list(service, "sweat-losses").await.len(), 1);
    let advice = list(service, "recommendations").await;
    assert!(
        advice.iter().any(|one| one["phase"] == "post"),
        "{advice:?}"
    );
}

async fn assert_nothing_live(service: &Service, session_id: &str) {
    for name in LISTS {
        let live = list(service, name).await;
        assert!(live.is_empty(), "{name}: {live:?}");
        let all = service
            .with_retracted(&format!("/v1/athletes/ada/{name}"))
            .await;
        assert!(!all.is_empty(), "{name}");
        for one in &all {
            assert_eq!(one["status"], "retracted", "{name}: {one}");
        }
        if name == "sessions" {
            assert_eq!(all[0]["session_id"], session_id);
        }
    }
}

async fn end(service: Service) {
    let data = service.data.clone();
    assert!(service.terminate().await.success());
    assert_verified(&data);
}

/// How Strava lets know that an activity is gone.
#[derive(Clone, Copy, Debug)]
enum Gone {
    DeleteEvent,
    NotFoundAfterAnUpdate,
}

#[tokio::test]
async fn a_run_that_both_sources_take_back_is_withdrawn_with_its_loss_and_its_advice() {
    for gone in [Gone::DeleteEvent, Gone::NotFoundAfterAnUpdate] {
        let folder = tempfile::tempdir().unwrap();
        let vendors = Vendors::start(StravaSettings::default()).await;
        let service = vendors.service(&folder.path().join("data")).await;
        let session_id = told_twice(&vendors, &service).await;
        told_by_strava_alone(&service, &session_id).await;
        let aspect = match gone {
            Gone::DeleteEvent => "delete",
            Gone::NotFoundAfterAnUpdate => "update",
        };
        vendors.strava.set_faults(Faults {
            missing: [RUN.to_owned()].into(),
            ..Faults::default()
        });
        service
            .hint(&event(OWNER, RUN, aspect, START + 90_000))
            .await;
        let quality = service.idle().await;
        assert_nothing_live(&service, &session_id).await;
        // Two hints and one body, all of them taken.
        let counts = ["received", "accepted", "dead_lettered"];
        let counts = counts.map(|what| count(&quality, "strava", what));
        assert_eq!(counts, [3, 3, 0], "{gone:?}");
        end(service).await;
    }
}

#[tokio::test]
async fn the_order_in_which_two_sources_take_a_run_back_does_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let vendors = Vendors::start(StravaSettings::default()).await;
    let service = vendors.service(&folder.path().join("data")).await;
    let session_id = told_twice(&vendors, &service).await;
    service
        .hint(&event(OWNER, RUN, "delete", START + 90_000))
        .await;
    service.idle().await;
    let sessions = list(&service, "sessions").await;
    assert_eq!(
        members(&sessions[0]),
        [("healthkit".to_owned(), COPY.to_owned())]
    );
    assert_eq!(sessions[0]["session_id"], session_id.as_str());
    health(&service, &json!({"deleted": [COPY]})).await;
    assert_nothing_live(&service, &session_id).await;
    end(service).await;
}

#[tokio::test]
async fn an_athlete_who_leaves_strava_takes_what_it_told_and_keeps_the_other_copy() {
    let folder = tempfile::tempdir().unwrap();
    let vendors = Vendors::start(StravaSettings::default()).await;
    let service = vendors.service(&folder.path().join("data")).await;
    told_twice(&vendors, &service).await;
    let asked = vendors.strava.counters().requests;
    let leaves = event(OWNER, OWNER, "update", START + 90_000)
        .replace("\"activity\"", "\"athlete\"")
        .replace("\"updates\":{}", "\"updates\":{\"authorized\":\"false\"}");
    service.hint(&leaves).await;
    service.idle().await;
    service
        .hint(&event(OWNER, RUN, "update", START + 90_100))
        .await;
    let quality = service.idle().await;
    assert_eq!(vendors.strava.counters().requests, asked);
    let sessions = list(&service, "sessions").await;
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    assert_eq!(
        members(&sessions[0]),
        [("healthkit".to_owned(), COPY.to_owned())]
    );
    assert_eq!(count(&quality, "strava", "accepted"), 3, "{quality}");
    let letters = service.all("/v1/dead-letters").await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(letters[0]["reason"], "unknown_account");
    end(service).await;
}
