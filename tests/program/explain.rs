//! `explain`: from every published value down to the bytes that came in, over HTTP and on the command
//! line beside the running service.

use std::path::Path;

use rusqlite::Connection;
use schemas::record::ingest::RawReceived;
use serde_json::{Value, json};

use super::support::{Service, json as run_json, output};

/// A demo's folder, and a service on it.
async fn demo(folder: &Path) -> Service {
    let data = folder.join("demo");
    let text = data.to_str().unwrap();
    run_json(&[
        "demo",
        "--athletes",
        "8",
        "--days",
        "3",
        "--exit",
        "--json",
        "--data",
        text,
    ]);
    Service::start(&data).await
}

async fn athletes(service: &Service) -> Vec<String> {
    let all = service.all("/v1/athletes").await;
    let id = |athlete: &Value| athlete["athlete_id"].as_str().unwrap().to_owned();
    all.iter().map(id).collect()
}

async fn ok(service: &Service, path: &str) -> Value {
    let (status, answer) = service.get(path).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

/// The raw record at the place that an explanation names, straight from the file.
fn raw_at(log: &Connection, raw: &Value) -> RawReceived {
    let (offset, partition) = (raw["offset"].as_i64(), raw["partition"].as_i64());
    let (value, topic): (Vec<u8>, String) = log
        .query_row(
            "SELECT value, name FROM records JOIN topics ON topics.id = topic
             WHERE seq = ?1 AND partition = ?2",
            [offset.unwrap(), partition.unwrap()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert_eq!(raw["topic"], topic.as_str());
    schemas::decode(&value).unwrap()
}

/// Every content of an observation ends in the raw record that it names.
fn assert_told(log: &Connection, observation: &Value) {
    let told = observation["told"].as_array().unwrap();
    assert!(!told.is_empty(), "{observation}");
    for one in told {
        let raw = &one["raw"];
        let read = raw_at(log, raw);
        assert_eq!(raw["raw_id"], read.id.as_str());
        assert_eq!(raw["body_sha256"], read.body_sha256.as_str());
        assert_eq!(raw["body_bytes"], read.body.len());
        assert_eq!(observation["source"], read.source.as_str());
        let excerpt = raw["excerpt"].as_str().unwrap().trim_end_matches('…');
        assert!(read.body.starts_with(excerpt.as_bytes()), "{excerpt}");
        assert!(one["recorded"]["offset"].as_u64() > raw["offset"].as_u64());
    }
}

fn assert_session(log: &Connection, session: &Value, explained: &Value) {
    assert_eq!(explained["session_id"], session["session_id"]);
    assert_eq!(explained["status"], session["status"]);
    assert!(explained["recorded"]["offset"].is_u64(), "{explained}");
    let fields = explained["fields"].as_array().unwrap();
    let provenance = session["provenance"].as_array().unwrap();
    assert_eq!(fields.len(), provenance.len());
    for (field, choice) in fields.iter().zip(provenance) {
        let name = field["field"].as_str().unwrap();
        assert_eq!(field["value"], session[name], "{name}");
        assert_eq!(field["rule"], choice["rule"]);
        let winner = &field["winner"];
        assert_eq!(winner["observation_id"], choice["observation_id"]);
        assert_eq!(winner["value"], session[name], "{name}: {field}");
        let losers = field["losers"].as_array().unwrap();
        assert_eq!(losers.len(), choice["losers"].as_array().unwrap().len());
        for loser in losers {
            assert!(!loser["value"].is_null(), "{name}: {field}");
            assert!(!loser["source"].as_str().unwrap().is_empty(), "{field}");
            let same = loser["value"] == field["value"];
            assert_eq!(same, loser["reason"] == "same_value", "{name}: {field}");
        }
    }
    let members = explained["members"].as_array().unwrap();
    assert_eq!(members.len(), session["members"].as_array().unwrap().len());
    for member in members {
        assert_told(log, member);
    }
}

#[tokio::test]
async fn every_field_of_every_session_leads_to_its_raw_records() {
    let folder = tempfile::tempdir().unwrap();
    let service = demo(folder.path()).await;
    let log = Connection::open(service.data.join("log.db")).unwrap();
    let (mut fields, mut losers, mut untold) = (0, 0, 0);
    for athlete in athletes(&service).await {
        let path = format!("/v1/athletes/{athlete}/sessions");
        for session in service.all(&path).await {
            let id = session["session_id"].as_str().unwrap();
            let path = format!("/v1/sessions/{id}/explain");
            let explained = ok(&service, &path).await;
            assert_session(&log, &session, &explained);
            for field in explained["fields"].as_array().unwrap() {
                let name = field["field"].as_str().unwrap();
                let one = ok(&service, &format!("{path}?field={name}")).await;
                assert_eq!(&one, field);
                fields += 1;
                losers += field["losers"].as_array().unwrap().len();
            }
            for name in ["power_avg_w", "title", "moving_s", "timer_s", "indoor"] {
                let one = ok(&service, &format!("{path}?field={name}")).await;
                assert_eq!(one["value"], session[name], "{one}");
                assert_eq!(one["winner"].is_null(), session[name].is_null(), "{one}");
                untold += usize::from(one["rule"] == "not_told");
            }
        }
    }
    assert!(
        fields > 50 && losers > 10 && untold > 5,
        "{fields} fields, {losers} losers, {untold} that nobody told"
    );
}

#[tokio::test]
async fn every_loss_and_recommendation_leads_to_its_raw_records() {
    let folder = tempfile::tempdir().unwrap();
    let service = demo(folder.path()).await;
    let log = Connection::open(service.data.join("log.db")).unwrap();
    let (mut evidence, mut links) = (0, 0);
    for athlete in athletes(&service).await {
        for loss in service
            .all(&format!("/v1/athletes/{athlete}/sweat-losses"))
            .await
        {
            let id = loss["loss_id"].as_str().unwrap();
            let explained = ok(&service, &format!("/v1/sweat-losses/{id}/explain")).await;
            assert_eq!(explained["fluid_ml"], loss["fluid_ml"]);
            assert_eq!(explained["method"]["code"], loss["method"]);
            assert_eq!(explained["session"]["session_id"], loss["session_id"]);
            assert_eq!(explained["session"]["revision"], loss["session_revision"]);
            assert!(explained["recorded"]["offset"].is_u64(), "{explained}");
            for told in explained["evidence"].as_array().unwrap() {
                assert_told(&log, told);
                evidence += 1;
            }
        }
        for issued in service
            .all(&format!("/v1/athletes/{athlete}/recommendations"))
            .await
        {
            let slot = issued["slot"].as_str().unwrap();
            let path = format!("/v1/recommendations/{}/explain", slot.replace('/', "%2F"));
            let explained = ok(&service, &path).await;
            let by_id = issued["id"].as_str().unwrap();
            let by_id = ok(&service, &format!("/v1/recommendations/{by_id}/explain")).await;
            assert_eq!(explained, by_id);
            assert_eq!(explained["needs"], issued["needs"]);
            assert_eq!(
                explained["reasons"].as_array().unwrap().len(),
                issued["reasons"].as_array().unwrap().len()
            );
            assert!(explained["recorded"]["offset"].is_u64(), "{explained}");
            for needed in explained["depends_on"].as_array().unwrap() {
                let kind = needed["kind"].as_str().unwrap();
                assert!(needed[kind].is_object(), "{needed}");
                links += 1;
            }
        }
    }
    assert!(evidence > 0 && links > 0, "{evidence} tests, {links} links");
}

fn activity(id: u64, start: i64, distance_m: f64) -> Value {
    json!({"activities": [{
        "userId": "acc", "summaryId": id.to_string(), "activityId": id, "activityType": "RUNNING",
        "startTimeInSeconds": start, "durationInSeconds": 3600, "startTimeOffsetInSeconds": 7200,
        "distanceInMeters": distance_m
    }]})
}

const START: i64 = 1_748_000_000;

async fn sessions(service: &Service, include: &str) -> Vec<Value> {
    let path = format!("/v1/athletes/ada/sessions?{include}");
    let page = ok(service, &path).await;
    page["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_corrected_record_shows_both_contents_and_the_value_of_the_later() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("data")).await;
    service.register("ada", "acc").await;
    for distance_m in [10_000.0, 10_500.0] {
        assert_eq!(service.push(&activity(1, START, distance_m)).await.0, 200);
        service.idle().await;
    }
    let session = &sessions(&service, "").await[0];
    let id = session["session_id"].as_str().unwrap();
    let explained = ok(&service, &format!("/v1/sessions/{id}/explain")).await;
    let log = Connection::open(service.data.join("log.db")).unwrap();
    assert_session(&log, session, &explained);
    let member = &explained["members"][0];
    assert_eq!(member["content"]["distance_m"], 10_500.0);
    let told = member["told"].as_array().unwrap();
    let excerpts: Vec<&str> = told
        .iter()
        .map(|one| one["raw"]["excerpt"].as_str().unwrap())
        .collect();
    assert_eq!(told.len(), 2);
    assert!(
        excerpts[0].contains("10000") && excerpts[1].contains("10500"),
        "{excerpts:?}"
    );
}

#[tokio::test]
async fn an_old_id_leads_to_the_session_that_took_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("data")).await;
    service.register("ada", "acc").await;
    for (id, start) in [(1, START), (2, START + 7_200)] {
        assert_eq!(service.push(&activity(id, start, 10_000.0)).await.0, 200);
        service.idle().await;
    }
    let apart = sessions(&service, "").await;
    assert_eq!(apart.len(), 2, "{apart:?}");
    let observations: Vec<&Value> = apart
        .iter()
        .map(|session| &session["members"][0]["observation_id"])
        .collect();
    let merge = json!({
        "id": "m1", "type": "link_override", "at": "2025-05-24T00:00:00Z", "action": "merge",
        "observation_ids": observations
    });
    let (status, said) = service
        .post("/v1/athletes/ada/events", merge.to_string())
        .await;
    assert_eq!(status, 202, "{said}");
    service.idle().await;

    let all = sessions(&service, "include=retracted").await;
    let old = all.iter().find(|one| one["status"] == "retracted").unwrap();
    let (old, survivor) = (&old["session_id"], &old["superseded_by"]);
    let old = old.as_str().unwrap();
    let explained = ok(&service, &format!("/v1/sessions/{old}/explain")).await;
    assert_eq!(&explained["session_id"], survivor);
    assert_eq!(explained["asked_for"], old);
    assert_eq!(explained["status"], "live");
    assert_eq!(explained["members"].as_array().unwrap().len(), 2);
    let one = ok(
        &service,
        &format!("/v1/sessions/{old}/explain?field=distance_m"),
    )
    .await;
    assert_eq!(
        (&one["session_id"], &one["asked_for"]),
        (survivor, &json!(old))
    );

    let data = service.data.to_str().unwrap();
    let told = output(&["explain", "session", old, "--data", data]);
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(text.contains("was found to be the same workout"), "{text}");
}

#[tokio::test]
async fn a_withdrawn_session_is_explained_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("data")).await;
    service.register("ada", "acc").await;
    let upload = |data: Value| {
        let whole = json!({"provider": "apple", "sdkVersion": "1",
            "syncTimestamp": "2025-06-01T10:00:00Z", "data": data});
        whole.to_string()
    };
    let workout = upload(json!({"workouts": [{
        "id": "11111111-2222-3333-4444-555555555555", "type": "HKWorkoutActivityTypeRunning",
        "startDate": "2025-06-01T06:00:00Z", "endDate": "2025-06-01T07:00:00Z",
        "source": {"name": "Watch", "bundleIdentifier": "com.apple.health.1"}, "duration": 3600
    }]}));
    let gone = upload(json!({"deleted": ["11111111-2222-3333-4444-555555555555"]}));
    for body in [workout, gone] {
        let (status, said) = service.post("/v1/athletes/ada/healthkit", body).await;
        assert_eq!(status, 202, "{said}");
        service.idle().await;
    }
    let all = sessions(&service, "include=retracted").await;
    let session = &all[0];
    assert_eq!(session["status"], "retracted", "{session}");
    let id = session["session_id"].as_str().unwrap();
    let explained = ok(&service, &format!("/v1/sessions/{id}/explain")).await;
    assert_eq!(explained["status"], "retracted");
    assert_eq!(explained["reason"], "deleted");
    assert_eq!(explained["members"][0]["deleted"], true);
    let log = Connection::open(service.data.join("log.db")).unwrap();
    assert_session(&log, session, &explained);
}

#[tokio::test]
async fn the_command_line_tells_what_the_service_tells_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let service = demo(folder.path()).await;
    let data = service.data.to_str().unwrap();
    let athlete = &athletes(&service).await[0];
    let all = service
        .all(&format!("/v1/athletes/{athlete}/sessions"))
        .await;
    let id = all[0]["session_id"].as_str().unwrap();
    let over_http = ok(&service, &format!("/v1/sessions/{id}/explain")).await;
    let told = run_json(&["explain", "session", &id[..10], "--json", "--data", data]);
    assert_eq!(told, over_http);
    let field = ["--field", "start", "--json", "--data", data];
    let told = run_json(&[&["explain", "session", id], &field[..]].concat());
    assert_eq!(
        told,
        ok(&service, &format!("/v1/sessions/{id}/explain?field=start")).await
    );

    let story = output(&["explain", "session", id, "--data", data]);
    assert!(story.status.success());
    let story = String::from_utf8(story.stdout).unwrap();
    for words in [id, "Told by:", "sudor.raw.", "offset", "UTC"] {
        assert!(story.contains(words), "{words}: {story}");
    }
    let losses = service
        .all(&format!("/v1/athletes/{athlete}/sweat-losses"))
        .await;
    let loss = losses[0]["loss_id"].as_str().unwrap();
    let told = run_json(&["explain", "loss", &loss[..6], "--json", "--data", data]);
    assert_eq!(
        told,
        ok(&service, &format!("/v1/sweat-losses/{loss}/explain")).await
    );
}

#[test]
fn a_wrong_question_says_what_could_be_asked() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("demo");
    let data = data.to_str().unwrap();
    let demo = [
        "demo",
        "--athletes",
        "2",
        "--days",
        "2",
        "--exit",
        "--json",
        "--data",
        data,
    ];
    run_json(&demo);
    let store = Connection::open(folder.path().join("demo/store.db")).unwrap();
    let sql = "SELECT session_id FROM sessions LIMIT 1";
    let id: String = store.query_row(sql, [], |row| row.get(0)).unwrap();
    let slot = "SELECT slot FROM recommendations LIMIT 1";
    let slot: String = store.query_row(slot, [], |row| row.get(0)).unwrap();
    let version = format!("{slot}/999");
    let cases: Vec<(Vec<&str>, &str)> = vec![
        (
            vec!["session", "ffffffffffff"],
            "there is no session ffffffffffff",
        ),
        (vec!["session", &id[..5]], "first 6 characters"),
        (vec!["session", &id, "--field", "weight"], "one of: sport"),
        (vec!["loss", "ffffffffffff"], "there is no sweat loss"),
        (
            vec!["recommendation", "athlet"],
            "the beginning of several ids",
        ),
        (
            vec!["recommendation", &version],
            "there is no recommendation",
        ),
    ];
    for (question, words) in cases {
        let asked = [&["explain"], &question[..], &["--data", data]].concat();
        let refused = output(&asked);
        assert_eq!(refused.status.code(), Some(2), "{question:?}");
        let text = String::from_utf8(refused.stderr).unwrap();
        assert!(text.contains(words), "{question:?}: {text}");
        assert!(text.contains("try:"), "{question:?}: {text}");
    }
    let refused = output(&["sessions", "nobody", "--data", data]);
    let text = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{text}");
    assert!(text.contains("nobody") && text.contains("try:"), "{text}");
    let nowhere = folder.path().join("nowhere");
    let nowhere = nowhere.to_str().unwrap();
    let refused = output(&["explain", "session", &id, "--data", nowhere]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(!Path::new(nowhere).exists(), "a reader made a folder");
}
