//! What is past its term goes, what people read stays, and every command says what it cannot know any
//! more. A kill in the middle changes nothing.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use tempfile::tempdir;

use super::support::{Service, assert_verified, json as printed, output, sudor, until};

/// Everything there is goes at once.
const TERMS: [(&str, &str); 3] = [
    ("SUDOR__RETENTION__LOG", "1s"),
    ("SUDOR__RETENTION__HISTORY", "1s"),
    ("SUDOR__RETENTION__DEAD_LETTERS", "1s"),
];
const KILLS: usize = 10;
const RUNS: u64 = 40;

fn runs(account: &str, from: u64, distance_m: u64) -> Value {
    let run = |id: u64| {
        json!({"userId": account, "summaryId": id.to_string(), "activityId": id, "activityType": "RUNNING",
            "startTimeInSeconds": 1_740_000_000 + id * 20_000, "startTimeOffsetInSeconds": 0,
            "durationInSeconds": 3_600, "distanceInMeters": distance_m})
    };
    json!({"activities": (from..from + RUNS).map(run).collect::<Vec<_>>()})
}

/// The first record that is kept, and up to where everything is processed.
fn kept(data: &Path) -> (i64, i64) {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let log = Connection::open_with_flags(data.join("log.db"), flags).unwrap();
    let sql = "SELECT (SELECT min(seq) FROM records), value FROM meta WHERE key = 'processed'";
    log.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
}

/// What follows the last input stays: those facts were not looked at by the next one yet.
async fn all_went(data: &Path) {
    until("what was processed is removed", async || {
        let (first, processed) = kept(data);
        (first > processed).then_some(())
    })
    .await;
}

/// The position of the first event of the stream.
async fn first_position(service: &Service) -> String {
    let request = service.client.get(format!("{}/v1/stream", service.url));
    let mut answer = request.send().await.unwrap();
    let mut text = String::new();
    loop {
        let bytes = answer.chunk().await.unwrap().unwrap();
        text.push_str(std::str::from_utf8(&bytes).unwrap());
        let ids = text
            .lines()
            .filter(|line| text.contains("\n\n") && line.starts_with("id: "));
        if let Some(id) = ids.map(|line| line["id: ".len()..].to_owned()).next() {
            return id;
        }
    }
}

/// Of the one source, without the time of its last record, which may be past retention.
async fn counts(service: &Service) -> Value {
    let (_, mut quality) = service.get("/v1/quality").await;
    let mut garmin = quality["sources"]["garmin"].take();
    garmin["last_received_at"].take();
    garmin
}

async fn stream_from(service: &Service, position: &str) -> (u16, Value) {
    let request = service.client.get(format!("{}/v1/stream", service.url));
    let answer = request.header("last-event-id", position).send().await;
    let answer = answer.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap())
}

#[tokio::test]
async fn what_is_past_its_term_goes_and_everything_says_so() {
    let folder = tempdir().unwrap();
    let data = folder.path().join("data");
    let at = data.to_str().unwrap();
    let service = Service::start(&data).await;
    service.register("ada", "u1").await;
    for delivery in [
        runs("u1", 0, 10_000),
        runs("u1", 0, 11_000),
        runs("nobody", 1_000, 10_000),
    ] {
        assert_eq!(service.push(&delivery).await.0, 200);
        // Told together, the edit and what it edits would be one revision, and none would be past.
        service.idle().await;
    }
    let position = first_position(&service).await;
    let sessions = service.all("/v1/athletes/ada/sessions").await;
    // What follows the last input would stay: another's comes behind all of that.
    service.register("eve", "u3").await;
    assert_eq!(service.push(&runs("u3", 3_000, 8_000)).await.0, 200);
    service.idle().await;
    let quality = counts(&service).await;
    let letters = service.get("/v1/dead-letters").await.1;
    assert!(!letters["items"].as_array().unwrap().is_empty());
    drop(service);

    let service = Service::start_with(&data, &TERMS).await;
    all_went(&data).await;
    until("the dead letters are gone", async || {
        let (_, letters) = service.get("/v1/dead-letters").await;
        letters["items"]
            .as_array()
            .unwrap()
            .is_empty()
            .then_some(())
    })
    .await;
    let long_ago = "/v1/athletes/ada/sessions?as_of=2020-01-01T00:00:00Z";
    let past = until("revisions are gone", async || {
        let (status, problem) = service.get(long_ago).await;
        (status == 410).then_some(problem)
    })
    .await;
    assert!(past["earliest"].is_string(), "{past}");
    assert_eq!(service.all("/v1/athletes/ada/sessions").await, sessions);
    assert_eq!(counts(&service).await, quality);
    let (status, problem) = stream_from(&service, &position).await;
    assert_eq!(
        (status, &problem["type"]),
        (410, &json!("urn:sudor:problem:gone"))
    );
    // A new athlete comes after all that.
    service.register("bob", "u2").await;
    assert_eq!(service.push(&runs("u2", 2_000, 9_000)).await.0, 200);
    service.idle().await;
    drop(service);

    let id = sessions[0]["session_id"].as_str().unwrap();
    assert_all_say_so(at, id);
    assert_no_store_without_a_beginning(&data);
}

/// Every command that reads the log.
fn assert_all_say_so(at: &str, id: &str) {
    let report = printed(&["verify", "--json", "--data", at]);
    assert!(
        report["past_retention"]["records"].as_u64().unwrap() > 0,
        "{report}"
    );
    assert!(
        report["past_retention"]["athletes"].as_u64().unwrap() > 0,
        "{report}"
    );
    let explained = output(&["explain", "session", id, "--data", at]);
    let told = String::from_utf8(explained.stdout).unwrap();
    assert!(told.contains("past retention"), "{told}");
    let again = sudor(&["rederive", "--dry-run", "--json", "--data", at])
        .env("SUDOR__RULES__PRE_CARB_SCALE", "0.5")
        .output()
        .unwrap();
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert!(
        again["athletes_past_retention"].as_u64().unwrap() >= 1,
        "{again}"
    );
    let doctor = output(&["doctor", "--data", at]);
    let doctor = String::from_utf8(doctor.stdout).unwrap();
    assert!(doctor.contains("log for ever (from record "), "{doctor}");
}

fn assert_no_store_without_a_beginning(data: &Path) {
    let at = data.to_str().unwrap();
    for file in ["store.db", "store.db-wal", "store.db-shm"] {
        std::fs::remove_file(data.join(file)).unwrap_or_default();
    }
    let refused = output(&["run", "--data", at]);
    assert_eq!(refused.status.code(), Some(1));
    let why = String::from_utf8(refused.stderr).unwrap();
    assert!(why.contains("past retention"), "{why}");
    assert!(!data.join("store.db").exists(), "an empty store was left");
}

#[tokio::test]
async fn a_store_whose_log_was_lost_is_refused_before_anything_is_taken_in() {
    let folder = tempdir().unwrap();
    let data = folder.path().join("data");
    let service = Service::start(&data).await;
    service.register("ada", "u1").await;
    assert_eq!(service.push(&runs("u1", 0, 10_000)).await.0, 200);
    service.idle().await;
    assert!(service.terminate().await.success());
    for file in ["log.db", "log.db-wal", "log.db-shm"] {
        std::fs::remove_file(data.join(file)).unwrap_or_default();
    }
    let at = data.to_str().unwrap();
    for command in ["doctor", "run"] {
        let refused = output(&[command, "--data", at]);
        assert_eq!(refused.status.code(), Some(1), "{command}");
        let told = [refused.stdout, refused.stderr].concat();
        let why = String::from_utf8(told).unwrap();
        assert!(why.contains("do not belong together"), "{command}: {why}");
    }
}

#[tokio::test]
async fn a_kill_in_the_middle_leaves_a_folder_that_agrees() {
    let folder = tempdir().unwrap();
    let data = folder.path().join("data");
    let service = Service::start(&data).await;
    service.register("ada", "u1").await;
    for number in 0..KILLS as u64 {
        let delivery = runs("u1", number * RUNS, 10_000);
        assert_eq!(service.push(&delivery).await.0, 200);
    }
    service.idle().await;
    let sessions = service.all("/v1/athletes/ada/sessions").await;
    drop(service);
    for _ in 0..KILLS {
        // Killed while it shortens what it has.
        drop(Service::start_with(&data, &TERMS).await);
        assert_verified(&data);
    }
    let service = Service::start_with(&data, &TERMS).await;
    all_went(&data).await;
    service.idle().await;
    assert_eq!(service.all("/v1/athletes/ada/sessions").await, sessions);
    drop(service);
    assert_verified(&data);
}

#[test]
fn a_term_is_a_number_with_a_unit_and_a_history_is_not_shorter_than_the_log() {
    for (settings, said) in [
        (vec![("LOG", "ten days")], "retention.log"),
        (vec![("LOG", "0d")], "retention.log"),
        (vec![("HISTORY", "10d")], "retention.history"),
        (vec![("LOG", "10d"), ("HISTORY", "9d")], "retention.history"),
    ] {
        let mut run = sudor(&["run", "--print-config"]);
        for (key, value) in settings {
            run.env(format!("SUDOR__RETENTION__{key}"), value);
        }
        let refused = run.output().unwrap();
        assert_eq!(refused.status.code(), Some(2));
        let why = String::from_utf8(refused.stderr).unwrap();
        assert!(why.contains(said), "{why}");
    }
}
