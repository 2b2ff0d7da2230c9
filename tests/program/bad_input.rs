//! Bad input: each line is refused with a reason or set aside with its bytes, what is good beside it
//! goes on, and every count adds up.

use base64::Engine;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::support::{SECRET, Service, assert_verified, count, sudor, until};

const GARMIN: &str = "/webhooks/garmin/s3cret";
const HEALTHKIT: &str = "/v1/athletes/ada/healthkit";
const EVENTS: &str = "/v1/athletes/ada/events";

/// A run that nothing is wrong with.
fn run(id: u64) -> Value {
    json!({
        "userId": "acc", "summaryId": id.to_string(), "activityId": id, "activityType": "RUNNING",
        "startTimeInSeconds": 1_748_000_000 + id * 100_000, "durationInSeconds": 3600,
        "startTimeOffsetInSeconds": 7200, "distanceInMeters": 10_000.0
    })
}

/// The run with some fields changed; `null` takes a field away.
fn but(id: u64, changes: Value) -> String {
    let mut item = run(id);
    let fields = item.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    item.to_string()
}

/// Garmin items that are taken with 200 and then set aside: kind, item, reason.
fn garmin_items() -> Vec<(&'static str, String, &'static str)> {
    let activity = |id, changes, reason| ("activities", but(id, changes), reason);
    let raw = |item: &str, reason| ("activities", item.to_owned(), reason);
    vec![
        activity(
            1,
            json!({"activityId": null, "summaryId": null}),
            "missing_field",
        ),
        activity(2, json!({"userId": null}), "missing_field"),
        activity(3, json!({"startTimeInSeconds": null}), "missing_field"),
        activity(4, json!({"durationInSeconds": -60}), "bad_value"),
        activity(5, json!({"distanceInMeters": 1e12}), "bad_value"),
        activity(
            6,
            json!({"averageHeartRateInBeatsPerMinute": 5000}),
            "bad_value",
        ),
        activity(7, json!({"startingLatitudeInDegree": 1234.5}), "bad_value"),
        activity(8, json!({"durationInSeconds": 1e300}), "bad_value"),
        activity(9, json!({"durationInSeconds": "an hour"}), "bad_value"),
        activity(10, json!({"startTimeInSeconds": 0}), "implausible_time"),
        activity(
            11,
            json!({"startTimeInSeconds": 7_258_118_400_u64}),
            "implausible_time",
        ),
        activity(12, json!({"userId": "nobody"}), "unknown_account"),
        raw(&but(13, json!({})).replace("10000.0", "1e999"), "malformed"),
        raw("\"not a summary\"", "malformed"),
        raw("17", "malformed"),
        ("zumbas", but(14, json!({})), "unsupported_kind"),
        (
            "sleeps",
            json!({"userId": "acc", "startTimeInSeconds": 1_748_000_000, "durationInSeconds": 60})
                .to_string(),
            "missing_field",
        ),
    ]
}

fn workout(id: &str, start: &str, end: &str) -> Value {
    json!({
        "id": id, "type": "HKWorkoutActivityTypeRunning", "startDate": start, "endDate": end,
        "source": {"bundleIdentifier": "com.apple.health.1", "name": "Watch"}
    })
}

/// HealthKit items that are taken with 202 and then set aside.
fn healthkit_items() -> Vec<(&'static str, Value, &'static str)> {
    let (start, end) = ("2025-05-01T10:00:00+02:00", "2025-05-01T11:00:00+02:00");
    let mut untimed = workout("h1", start, end);
    untimed.as_object_mut().unwrap().remove("startDate");
    vec![
        ("workouts", untimed, "missing_field"),
        ("workouts", workout("h2", end, start), "bad_value"),
        (
            "workouts",
            workout("h3", "2025-05-01 10:00:00", end),
            "bad_value",
        ),
        ("workouts", workout("h4", "NaN", end), "bad_value"),
        (
            "workouts",
            workout("h5", "1970-01-01T00:00:00Z", "1970-01-01T01:00:00Z"),
            "implausible_time",
        ),
        (
            "workouts",
            workout("h6", "2200-01-01T00:00:00Z", "2200-01-01T01:00:00Z"),
            "implausible_time",
        ),
        ("dances", workout("h7", start, end), "unsupported_kind"),
    ]
}

/// Events that are taken with 202 and then set aside.
fn events() -> Vec<(Value, &'static str)> {
    let at = "2025-05-01T10:00:00Z";
    vec![
        (
            json!({"id": "e1", "type": "body_mass", "at": at, "mass_kg": 1e9}),
            "bad_value",
        ),
        (
            json!({"id": "e2", "type": "body_mass", "at": at, "mass_kg": "NaN"}),
            "bad_value",
        ),
        (
            json!({"id": "e3", "type": "body_mass", "at": "1900-01-01T00:00:00Z", "mass_kg": 70}),
            "implausible_time",
        ),
        (
            json!({"id": "e4", "type": "body_mass", "at": at}),
            "missing_field",
        ),
    ]
}

/// Path, content type, body, status: refused whole, so not received.
fn refused() -> Vec<(&'static str, &'static str, Vec<u8>, u16)> {
    const JSON: &str = "application/json";
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        (GARMIN, JSON, text("{\"activities\":[{]"), 400),
        (GARMIN, JSON, text(""), 400),
        (GARMIN, JSON, text("[]"), 400),
        (GARMIN, JSON, text("{\"activities\":{}}"), 400),
        (
            GARMIN,
            JSON,
            text("{\"activities\":[{\"distanceInMeters\":NaN}]}"),
            400,
        ),
        (GARMIN, JSON, vec![0xff, 0xfe, 0x00], 400),
        (GARMIN, "text/xml", text("<activities/>"), 415),
        (GARMIN, JSON, vec![b' '; 50 * 1024 * 1024], 413),
        ("/webhooks/garmin/wrong", JSON, text("{}"), 404),
        (HEALTHKIT, JSON, text("{}"), 400),
        (HEALTHKIT, JSON, text("{\"data\":{\"workouts\":7}}"), 400),
        (
            HEALTHKIT,
            JSON,
            text("{\"data\":{\"workouts\":[{\"startDate\":\"2025-05-01T10:00:00Z\"}]}}"),
            422,
        ),
        (
            "/v1/athletes/nobody/healthkit",
            JSON,
            text("{\"data\":{}}"),
            404,
        ),
        (EVENTS, JSON, text("7"), 400),
        (EVENTS, JSON, text("{\"type\":\"body_mass\"}"), 422),
        (
            EVENTS,
            JSON,
            text("{\"id\":\"x\",\"type\":\"dance\",\"at\":\"2025-05-01T10:00:00Z\"}"),
            422,
        ),
        (EVENTS, "text/csv", text("a,b"), 415),
        ("/v1/athletes/nobody/events", JSON, text("[]"), 404),
    ]
}

/// Path, body, status, items: nothing is wrong with them.
fn welcome() -> Vec<(&'static str, String, u16, i64)> {
    let zones = [(20, 50_400), (21, -43_200), (22, 999_999)];
    let zones: Vec<Value> = zones
        .iter()
        .map(|(id, offset)| {
            let item = but(*id, json!({"startTimeOffsetInSeconds": offset}));
            serde_json::from_str(&item).unwrap()
        })
        .collect();
    let mixed = workout(
        "h9",
        "2025-04-01T10:00:00+02:00",
        "2025-04-01T05:00:00-04:00",
    );
    vec![
        (GARMIN, "{}".to_owned(), 200, 0),
        (
            GARMIN,
            json!({"activities": [], "sleeps": []}).to_string(),
            200,
            0,
        ),
        (GARMIN, json!({ "activities": zones }).to_string(), 200, 3),
        (
            HEALTHKIT,
            json!({"data": {"workouts": []}}).to_string(),
            202,
            0,
        ),
        (
            HEALTHKIT,
            json!({"data": {"workouts": [mixed]}}).to_string(),
            202,
            1,
        ),
        (EVENTS, "[]".to_owned(), 202, 0),
        (
            GARMIN,
            json!({"dailies": [{"userId": "acc", "summaryId": "d1"}]}).to_string(),
            200,
            1,
        ),
    ]
}

/// The live dead letters as original bytes and reason.
async fn letters(service: &Service) -> Vec<(String, String)> {
    let letters = service.all("/v1/dead-letters").await;
    let engine = base64::engine::general_purpose::STANDARD;
    letters
        .iter()
        .map(|letter| {
            let body = engine.decode(letter["body_base64"].as_str().unwrap());
            let reason = letter["reason"].as_str().unwrap().to_owned();
            (String::from_utf8(body.unwrap()).unwrap(), reason)
        })
        .collect()
}

fn total(quality: &Value, what: &str) -> i64 {
    let sources = quality["sources"].as_object().unwrap();
    sources
        .keys()
        .map(|source| count(quality, source, what))
        .sum()
}

#[tokio::test]
async fn every_bad_item_is_set_aside_with_its_bytes_and_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("data")).await;
    service.register("ada", "acc").await;
    let mut expected = Vec::new();
    for (kind, item, reason) in garmin_items() {
        let (status, said) = service
            .post(GARMIN, format!("{{\"{kind}\":[{item}]}}"))
            .await;
        assert_eq!(status, 200, "{item}: {said}");
        expected.push((item, reason.to_owned()));
    }
    for (kind, item, reason) in healthkit_items() {
        let body = json!({"data": {kind: [item]}}).to_string();
        let (status, said) = service.post(HEALTHKIT, body).await;
        assert_eq!(status, 202, "{item}: {said}");
        expected.push((item.to_string(), reason.to_owned()));
    }
    for (event, reason) in events() {
        let (status, said) = service.post(EVENTS, event.to_string()).await;
        assert_eq!(status, 202, "{event}: {said}");
        expected.push((event.to_string(), reason.to_owned()));
    }
    assert_eq!(service.push(&json!({"activities": [run(30)]})).await.0, 200);
    let quality = service.idle().await;
    let mut found = letters(&service).await;
    found.sort();
    expected.sort();
    for (expected, found) in expected.iter().zip(&found) {
        assert_eq!(expected, found);
    }
    assert_eq!(found.len(), expected.len());
    let set_aside = i64::try_from(expected.len()).unwrap();
    assert_eq!(total(&quality, "dead_lettered"), set_aside);
    assert_eq!(total(&quality, "accepted"), 1);
    assert_eq!(service.all("/v1/athletes/ada/sessions").await.len(), 1);
    let data = service.data.clone();
    assert!(service.terminate().await.success());
    assert_verified(&data);
}

#[tokio::test]
async fn what_is_refused_whole_was_not_received_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("data")).await;
    service.register("ada", "acc").await;
    for (path, content_type, body, expected) in refused() {
        let what = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let (status, said) = service.post_as(path, content_type, body).await;
        assert_eq!(status, expected, "{path} {what}: {said}");
        let problem = said["type"].as_str().unwrap_or_default();
        assert!(problem.starts_with("urn:sudor:problem:"), "{what}: {said}");
    }
    assert_eq!(cut_body(&service).await, 400);
    assert_eq!(total(&service.idle().await, "received"), 0);
    let mut received = 0;
    for (path, body, expected, items) in welcome() {
        let (status, said) = service.post(path, body.clone()).await;
        assert_eq!(status, expected, "{path} {body}: {said}");
        received += items;
    }
    let some = json!({"data": {"workouts": [{}, workout("h8", "2025-03-01T10:00:00Z", "2025-03-01T11:00:00Z")]}});
    let (status, said) = service.post(HEALTHKIT, some.to_string()).await;
    assert_eq!(
        (status, &said["rejected"][0]["reason"]),
        (202, &json!("missing_field"))
    );
    received += 1;
    let quality = service.idle().await;
    assert_eq!(total(&quality, "received"), received);
    assert_eq!(total(&quality, "accepted"), received, "{quality}");
    assert_eq!(quality["sources"]["garmin"]["unused"]["dailies"], 1);
    assert_eq!(service.all("/v1/athletes/ada/sessions").await.len(), 5);
}

/// A sender that announces more than it sends, and hangs up.
async fn cut_body(service: &Service) -> u16 {
    let address = service.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST /webhooks/garmin/{SECRET} HTTP/1.1\r\nhost: {address}\r\n\
         content-type: application/json\r\ncontent-length: 1000\r\n\r\n{{\"activities\":["
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split_whitespace().nth(1).unwrap_or("0");
    status.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_world_that_is_refused_in_part_ends_with_1_and_says_what_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("data")).await;
    let post = |secret: &str, more: &[&str]| {
        let posted = sudor(&["simulate", "--athletes", "2", "--days", "1"])
            .args(["--post", &service.url, "--garmin-secret", secret])
            .args(more)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let [out, err] = [&posted.stdout, &posted.stderr].map(|told| String::from_utf8_lossy(told));
        (posted.status.code(), out.into_owned(), err.into_owned())
    };
    let (code, out, err) = post("wr0ng", &[]);
    assert_eq!(code, Some(1), "{out}{err}");
    for word in [
        " with 404",
        "/webhooks/garmin/",
        "urn:sudor:problem:not_found",
        "try: ",
    ] {
        assert!(err.contains(word), "{word}: {err}");
    }
    assert!(!format!("{out}{err}").contains("wr0ng"), "{out}{err}");
    let (code, out, err) = post("wr0ng", &["--json"]);
    assert_eq!(code, Some(1), "{out}{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        report["refused_by_status"]["404"], report["refused"],
        "{report}"
    );
    assert_eq!(report["first_refused"]["status"], 404, "{report}");
    let (code, out, err) = post(SECRET, &["--json"]);
    assert_eq!(code, Some(0), "{out}{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["first_refused"], Value::Null, "{report}");
}

async fn put(service: &Service, path: &str, body: Value) -> u16 {
    let request = service.client.put(format!("{}{path}", service.url));
    let request = request.header("content-type", "application/json");
    let answer = request.body(body.to_string()).send().await.unwrap();
    answer.status().as_u16()
}

/// As the app developer's guide says it.
#[tokio::test]
async fn a_registration_is_taken_before_its_values_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("data")).await;
    let ada = "/v1/athletes/ada";
    for (body, expected) in [
        (json!({"mass_kg": 62.5}), 201),
        (json!({"mass_kg": 62.5}), 200),
        (json!({"mass_kg": "heavy", "height_m": 1.5}), 200),
        (json!({"colour": "red"}), 200),
        (json!(["mass_kg"]), 400),
    ] {
        assert_eq!(put(&service, ada, body.clone()).await, expected, "{body}");
    }
    let quality = service.idle().await;
    let counts = ["received", "accepted", "duplicate", "dead_lettered"];
    let counts = counts.map(|what| count(&quality, "app", what));
    assert_eq!(counts, [3, 2, 0, 1], "{quality}");
    let (body, reason) = letters(&service).await.remove(0);
    assert!(body.contains("\"height_m\":1.5"), "{body}");
    assert_eq!(reason, "bad_value");
}

#[tokio::test]
async fn an_account_of_too_many_athletes_and_an_athlete_of_too_many_accounts_are_a_conflict() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("data")).await;
    let linked = async |athlete: &str, account: &str| {
        let path = format!("/v1/athletes/{athlete}");
        put(&service, &path, json!({})).await;
        let path = format!("{path}/connections/garmin");
        put(&service, &path, json!({ "account_id": account })).await
    };
    for number in 1..=17 {
        let expected = if number > 16 { 409 } else { 201 };
        let athlete = format!("a{number}");
        assert_eq!(linked(&athlete, "shared").await, expected, "{athlete}");
    }
    assert_eq!(linked("a1", "shared").await, 200);
    for number in 1..=65 {
        let expected = if number > 64 { 409 } else { 201 };
        let account = format!("own-{number}");
        assert_eq!(linked("ada", &account).await, expected, "{account}");
    }
}

#[tokio::test]
async fn a_thousand_copies_are_one_item_and_999_duplicates() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("data")).await;
    service.register("ada", "acc").await;
    let body = json!({"activities": [run(1)]}).to_string();
    for _ in 0..20 {
        let mut open = JoinSet::new();
        for _ in 0..50 {
            let request = service.client.post(service.garmin()).body(body.clone());
            open.spawn(request.send());
        }
        for answer in open.join_all().await {
            assert_eq!(answer.unwrap().status(), 200);
        }
    }
    let quality = service.idle().await;
    let counts = ["received", "accepted", "duplicate", "dead_lettered"];
    let counts = counts.map(|what| count(&quality, "garmin", what));
    assert_eq!(counts, [1000, 1, 999, 0]);
    assert_eq!(service.all("/v1/athletes/ada/sessions").await.len(), 1);
}

#[tokio::test]
async fn linking_an_account_replays_what_came_for_it_before() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("data")).await;
    let items: Vec<Value> = (1..=3).map(run).collect();
    for _ in 0..2 {
        let (status, said) = service.push(&json!({ "activities": items })).await;
        assert_eq!(status, 200, "{said}");
    }
    let quality = service.idle().await;
    let counts = |quality: &Value| {
        let counts = ["received", "accepted", "duplicate", "dead_lettered"];
        counts.map(|what| count(quality, "garmin", what))
    };
    assert_eq!(counts(&quality), [6, 0, 3, 3]);
    let reasons = letters(&service).await;
    assert!(
        reasons
            .iter()
            .all(|(_, reason)| reason == "unknown_account")
    );
    service.register("ada", "acc").await;
    until("the dead letters are replayed", async || {
        let quality = service.idle().await;
        (counts(&quality) == [6, 3, 3, 0]).then_some(())
    })
    .await;
    assert!(letters(&service).await.is_empty());
    assert_eq!(service.all("/v1/athletes/ada/sessions").await.len(), 3);
    let data = service.data.clone();
    assert!(service.terminate().await.success());
    assert_verified(&data);
}
