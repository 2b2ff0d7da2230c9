//! API keys: who is let in, and that a key for one athlete reads no other, on any route that there is.

use serde_json::{Value, json};
use tempfile::tempdir;

use super::support::{SECRET, Service, json as run, output, sudor};

fn run_of(account: &str) -> Value {
    json!({"activities": [{
        "userId": account, "summaryId": "1", "activityId": 1, "activityType": "RUNNING",
        "startTimeInSeconds": 1_748_000_000, "startTimeOffsetInSeconds": 0,
        "durationInSeconds": 3_600, "distanceInMeters": 10_000.0, "deviceName": "Forerunner 265"
    }]})
}

fn night_of(account: &str) -> Value {
    json!({"sleeps": [{
        "userId": account, "summaryId": "night-1", "startTimeInSeconds": 1_747_950_000,
        "startTimeOffsetInSeconds": 0, "durationInSeconds": 25_200, "validation": "AUTO_FINAL"
    }]})
}

async fn with_world(service: &Service) {
    for (athlete, account) in [("anna", "u-anna"), ("bob", "u-bob")] {
        service.register(athlete, account).await;
        for told in [run_of(account), night_of(account)] {
            let pushed = service.push(&told).await;
            assert_eq!(pushed.0, 200, "{}", pushed.1);
        }
    }
    service.idle().await;
}

fn key(data: &str, scopes: &[&str], athlete: Option<&str>) -> (String, String) {
    let mut arguments = vec!["keys", "create", "--json", "--data", data];
    for scope in scopes {
        arguments.extend(["--scope", *scope]);
    }
    arguments.extend(
        athlete
            .into_iter()
            .flat_map(|athlete| ["--athlete", athlete]),
    );
    let made = run(&arguments);
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("key_id"), text("key"))
}

async fn ask(service: &Service, method: &str, path: &str, key: Option<&str>) -> (u16, String) {
    let method = method.to_ascii_uppercase().parse().unwrap();
    let mut request = service
        .client
        .request(method, format!("{}{path}", service.url));
    if let Some(key) = key {
        request = request.bearer_auth(key);
    }
    let request = request
        .header("content-type", "application/json")
        .body("{}");
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    if answer.headers()["content-type"] == "text/event-stream" {
        return (status, "a stream".to_owned());
    }
    (status, answer.text().await.unwrap())
}

#[tokio::test]
async fn the_first_key_closes_the_door_and_a_revoked_one_opens_it_no_more() {
    let folder = tempdir().unwrap();
    let data = folder.path().join("data");
    let service = Service::start(&data).await;
    let path = "/v1/athletes";
    assert_eq!(
        ask(&service, "get", path, None).await.0,
        200,
        "loopback without keys is open"
    );
    let data = data.to_str().unwrap();
    let (id, all) = key(data, &["read:all"], None);
    assert_eq!(ask(&service, "get", path, None).await.0, 401);
    assert_eq!(ask(&service, "get", path, Some(&all)).await.0, 200);
    assert_eq!(
        ask(&service, "get", path, Some(&all[..all.len() - 1]))
            .await
            .0,
        401
    );
    let (_, send) = key(data, &["ingest"], None);
    assert_eq!(ask(&service, "get", path, Some(&send)).await.0, 403);
    assert_eq!(
        ask(&service, "put", "/v1/athletes/anna", Some(&send))
            .await
            .0,
        201
    );
    assert_eq!(
        ask(&service, "put", "/v1/athletes/anna", Some(&all))
            .await
            .0,
        403
    );
    let webhook = format!("/webhooks/garmin/{SECRET}");
    assert_eq!(
        ask(&service, "post", &webhook, None).await.0,
        200,
        "its path is its secret"
    );
    run(&["keys", "revoke", &id, "--json", "--data", data]);
    assert_eq!(ask(&service, "get", path, Some(&all)).await.0, 401);
    let listed = run(&["keys", "list", "--json", "--data", data]);
    assert!(!listed.to_string().contains(all.rsplit('_').next().unwrap()));
    assert!(!service.log().contains(all.rsplit('_').next().unwrap()));
}

#[tokio::test]
async fn keys_of_a_file_count_at_every_process_that_reads_it() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("keys");
    let secret = "0123456789abcdef0123456789abcdef";
    let line = |id: &str, allows: &str| format!("sudor_{id}_{secret} {allows}\n");
    std::fs::write(&file, line("ops", "read:all") + &line("app", "ingest anna")).unwrap();
    let settings = [("SUDOR__AUTH__KEYS_FILE", file.to_str().unwrap())];
    let one = Service::start_with(&folder.path().join("one"), &settings).await;
    let two = Service::start_with(&folder.path().join("two"), &settings).await;
    let (ops, app) = (format!("sudor_ops_{secret}"), format!("sudor_app_{secret}"));
    for service in [&one, &two] {
        let status = async |method: &str, path: &str, key: Option<&str>| {
            ask(service, method, path, key).await.0
        };
        assert_eq!(status("get", "/v1/athletes", None).await, 401);
        assert_eq!(status("get", "/v1/athletes", Some(&ops)).await, 200);
        assert_eq!(status("put", "/v1/athletes/anna", Some(&app)).await, 201);
        assert_eq!(status("put", "/v1/athletes/ben", Some(&app)).await, 404);
        assert!(!service.log().contains(secret));
    }
    std::fs::write(&file, "sudor_ops\n").unwrap();
    let (status, text) = ask(&one, "get", "/v1/athletes", Some(&ops)).await;
    assert_eq!(status, 503, "a file that cannot be understood: {text}");
    let data = folder.path().join("three");
    let mut refused = sudor(&["run", "--data", data.to_str().unwrap()]);
    let said = refused.envs(settings).output().unwrap().stderr;
    let said = String::from_utf8(said).unwrap();
    assert!(
        said.contains("auth.keys_file") && said.contains("line 1"),
        "{said}"
    );
}

/// What stands for a part of a path: one thing of bob's, or something that is not there.
async fn things_of_bob(service: &Service, all: &str) -> Vec<(&'static str, String)> {
    let list = async |path: &str| -> Value {
        let (status, text) = ask(service, "get", path, Some(all)).await;
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    };
    let sessions = list("/v1/athletes/bob/sessions").await;
    let losses = list("/v1/athletes/bob/sweat-losses").await;
    let slots = list("/v1/athletes/bob/recommendations").await;
    let nights = list("/v1/athletes/bob/nights").await;
    let of =
        |list: &Value, name: &str| list["items"][0][name].as_str().unwrap().replace('/', "%2F");
    vec![
        ("{athlete_id}", "bob".to_owned()),
        ("{session_id}", of(&sessions, "session_id")),
        ("{loss_id}", of(&losses, "loss_id")),
        (
            "recommendations/{id}",
            format!("recommendations/{}", of(&slots, "slot")),
        ),
        ("{slot}", of(&slots, "slot")),
        ("{night_id}", of(&nights, "night_id")),
        ("{id}", "none".to_owned()),
        ("{provider}", "garmin".to_owned()),
        ("{secret}", "none".to_owned()),
    ]
}

async fn own_pages_and_no_others(service: &Service, anna: &str) {
    for (path, shown) in [("sessions", true), ("timeline", true)] {
        let own = ask(
            service,
            "get",
            &format!("/v1/athletes/anna/{path}"),
            Some(anna),
        )
        .await;
        assert_eq!((own.0, own.1.contains("anna")), (200, shown), "{}", own.1);
    }
    let list = ask(service, "get", "/v1/athletes", Some(anna)).await.1;
    assert!(list.contains("anna"), "{list}");
    let stream = ask(service, "get", "/v1/stream?athlete=bob", Some(anna)).await;
    assert_eq!(stream.0, 404, "{}", stream.1);
    for page in ["", "/nights", "/losses", "/profile", "/advice"] {
        let (status, text) = ask(service, "get", &format!("/athletes/bob{page}"), Some(anna)).await;
        assert_eq!(
            (status, text.contains("bob")),
            (404, false),
            "{page}: {text}"
        );
        let own = ask(service, "get", &format!("/athletes/anna{page}"), Some(anna)).await;
        assert_eq!(own.0, 200, "{page}");
    }
    for (page, expected) in [
        ("/", 200),
        ("/live", 200),
        ("/pipeline", 403),
        ("/dead-letters", 403),
    ] {
        let (status, text) = ask(service, "get", page, Some(anna)).await;
        assert_eq!(
            (status, text.contains("bob")),
            (expected, false),
            "{page}: {text}"
        );
    }
}

/// How many routes refused the key, and those that did not.
async fn every_route(
    service: &Service,
    document: &Value,
    fill: &impl Fn(&str) -> String,
    anna: &str,
) -> (u32, Vec<String>) {
    let (mut refused, mut open) = (0, Vec::new());
    for (template, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let path = fill(template);
            let (status, text) = ask(service, method, &path, Some(anna)).await;
            assert!(
                !text.contains("bob"),
                "{method} {path} tells of bob: {text}"
            );
            match status {
                401 | 403 | 404 => refused += 1,
                _ => open.push(format!("{method} {template}")),
            }
            if template.contains("{athlete_id}") || template.contains("_id}") {
                assert_eq!(status, 404, "{method} {path}: {text}");
            }
        }
    }
    (refused, open)
}

#[tokio::test]
async fn a_key_for_one_athlete_never_reads_another_on_any_route() {
    let folder = tempdir().unwrap();
    let data = folder.path().join("data");
    let service = Service::start(&data).await;
    with_world(&service).await;
    let data = data.to_str().unwrap();
    let (_, all) = key(data, &["admin"], None);
    let (_, anna) = key(data, &["read:athlete", "ingest"], Some("anna"));
    let things = things_of_bob(&service, &all).await;
    let fill = |path: &str| {
        let mut path = path.to_owned();
        for (part, thing) in &things {
            path = path.replace(part, thing);
        }
        path
    };
    let document: Value =
        serde_json::from_str(&ask(&service, "get", "/openapi.json", None).await.1).unwrap();
    let (refused, mut open) = every_route(&service, &document, &fill, &anna).await;
    // What is left is open to all, or shows anna's own.
    open.sort();
    let expected = [
        "get /livez",
        "get /readyz",
        "get /v1/athletes",
        "get /v1/stream",
    ];
    assert_eq!(open, expected, "{refused} were refused");
    own_pages_and_no_others(&service, &anna).await;
    // The same paths answer a key that reads all.
    for template in [
        "/v1/athletes/{athlete_id}/sessions",
        "/v1/sessions/{session_id}",
        "/v1/nights/{night_id}",
        "/v1/sweat-losses/{loss_id}",
        "/v1/recommendations/{slot}",
    ] {
        let (status, text) = ask(&service, "get", &fill(template), Some(&all)).await;
        assert_eq!((status, text.contains("bob")), (200, true), "{text}");
    }
}

#[test]
fn another_address_than_loopback_needs_a_key_or_a_word() {
    let folder = tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let refused = sudor(&["run", "--data", data])
        .env("SUDOR__HTTP__BIND", "0.0.0.0:0")
        .output();
    let refused = refused.unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("sudor keys create"), "{said}");
}

#[test]
fn a_key_that_makes_no_sense_is_refused() {
    let folder = tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    for arguments in [
        &["--scope", "read:athlete"][..],
        &["--scope", "read:all", "--athlete", "anna"],
        &["--scope", "admin", "--athlete", "anna"],
    ] {
        let all = [&["keys", "create", "--data", data], arguments].concat();
        assert_eq!(output(&all).status.code(), Some(2), "{arguments:?}");
    }
    assert_eq!(
        output(&["keys", "revoke", "none", "--data", data])
            .status
            .code(),
        Some(2)
    );
    assert_eq!(
        run(&["keys", "list", "--json", "--data", data]),
        json!({"items": []})
    );
}
