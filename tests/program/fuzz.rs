//! The routes against their own description: schemathesis makes requests out of `openapi.json`, right
//! ones and wrong ones, and holds every answer against it.
//!
//! Python with schemathesis is named by the environment; where it is not, the test says so and ends.

use std::process::Command;

use serde_json::Value;
use tempfile::tempdir;

use super::support::Demo;

/// Requests that are made up for one operation, beside those at the edges of each parameter.
const EXAMPLES: &str = "20";
/// A 501 is the word for a route that is not built yet.
const CONFIG: &str =
    "[checks]\nnot_a_server_error.expected-statuses = [\"2xx\", \"3xx\", \"4xx\", \"501\"]\n";
/// What every answer has to keep.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance";
/// The feed never ends; its own suite reads it.
const ENDLESS: &str = "/v1/stream";

#[tokio::test]
async fn every_route_answers_as_its_description_says() {
    let Some(python) = std::env::var_os("SUDOR_TEST_PYTHON") else {
        let required = std::env::var_os("SUDOR_REQUIRE_SERVERS").is_some_and(|value| value == "1");
        assert!(!required, "SUDOR_TEST_PYTHON is not set: cargo xtask tools");
        eprintln!("SKIPPED: SUDOR_TEST_PYTHON is not set; `cargo xtask test` sets it");
        return;
    };
    let folder = tempdir().unwrap();
    let world = [
        "--athletes",
        "4",
        "--days",
        "2",
        "--end",
        "2026-10-02T00:00:00Z",
    ];
    let demo = Demo::start(&folder.path().join("data"), &world).await;
    let (_, text) = demo.get("/openapi.json").await;
    let description: Value = serde_json::from_str(&text).unwrap();
    let paths = description["paths"].as_object().unwrap();
    assert!(paths.contains_key(ENDLESS), "it is left out by its name");
    std::fs::write(folder.path().join("schemathesis.toml"), CONFIG).unwrap();
    let program = std::path::Path::new(&python).with_file_name("schemathesis");
    let run = Command::new(program)
        .args(["--no-color", "run"])
        .arg(format!("{}/openapi.json", demo.url))
        .args(["--phases", "examples,coverage,fuzzing"])
        .args(["--checks", CHECKS, "--exclude-path", ENDLESS])
        .args(["--max-examples", EXAMPLES, "--generation-deterministic"])
        .args(["--no-shrink", "--continue-on-failure"])
        .args(["--request-timeout", "30"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    let errors = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}{errors}");
    let whole = format!("Tested: {}", operations(paths) - 1);
    assert!(said.contains(&whole), "{whole}: {said}");
    let cases = said.lines().find(|line| line.contains(" generated, "));
    eprintln!("schemathesis:{}", cases.unwrap());
}

fn operations(paths: &serde_json::Map<String, Value>) -> usize {
    let methods = ["get", "put", "post", "delete", "patch", "head"];
    let of = |path: &Value| {
        methods
            .iter()
            .filter(|name| path.get(name).is_some())
            .count()
    };
    paths.values().map(of).sum()
}

/// What a parameter may hold: what it is for, and what nobody means.
const ODD: &[&str] = &[
    "",
    " ",
    "0",
    "-1",
    "latest",
    "earliest",
    "sessions",
    "sessions,nights",
    "sessions,,",
    ",",
    "SESSIONS",
    "athlete-00001",
    "nobody",
    "../../etc/passwd",
    "%00",
    "%ff%fe",
    "%F0%9F%92%A7",
    "a%0d%0aX-Injected: 1",
    "{}",
    "[]",
    "null",
    "'%20OR%201=1--",
];

/// The one route that schemathesis would read for ever: each answer is read up to its first event.
#[tokio::test]
async fn the_stream_answers_as_it_is_described_whatever_it_is_asked() {
    let folder = tempdir().unwrap();
    let world = [
        "--athletes",
        "2",
        "--days",
        "2",
        "--end",
        "2026-10-02T00:00:00Z",
    ];
    let demo = Demo::start(&folder.path().join("data"), &world).await;
    let (_, text) = demo.get("/openapi.json").await;
    let description: Value = serde_json::from_str(&text).unwrap();
    let described = &description["paths"][ENDLESS]["get"];
    let names: Vec<&str> = described["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|parameter| parameter["in"] == "query")
        .map(|parameter| parameter["name"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"types") && names.contains(&"athlete"),
        "{names:?}"
    );
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut seen = std::collections::BTreeSet::new();
    let long = "x".repeat(4_096);
    for value in ODD.iter().copied().chain([long.as_str()]) {
        for name in names.iter().copied().chain(["unknown", "Last-Event-ID"]) {
            let mut request = client.get(format!("{}{ENDLESS}", demo.url));
            request = match name {
                "Last-Event-ID" => request.header(name, value.replace(['\r', '\n'], "")),
                _ => client.get(format!("{}{ENDLESS}?{name}={value}", demo.url)),
            };
            let mut answer = request.send().await.unwrap();
            let status = answer.status().as_u16().to_string();
            let asked = format!("{name}={value}");
            assert!(
                !described["responses"][&status].is_null(),
                "{asked}: {status}"
            );
            assert!(!status.starts_with('5'), "{asked}: {status}");
            let kind = answer.headers()["content-type"]
                .to_str()
                .unwrap()
                .to_owned();
            if status == "200" {
                assert_eq!(kind, "text/event-stream", "{asked}");
                // Nothing may match what was asked for; then there is a heartbeat, later.
                if name == "unknown" {
                    let first = answer.chunk().await.unwrap();
                    assert!(!first.unwrap().is_empty(), "{asked}");
                }
            } else {
                assert_eq!(kind, "application/problem+json", "{asked}");
                let problem: Value = answer.json().await.unwrap();
                assert_eq!(problem["status"].to_string(), status, "{asked}");
                assert!(problem["detail"].is_string(), "{asked}: {problem}");
            }
            seen.insert(status);
        }
    }
    assert_eq!(Vec::from_iter(seen), ["200", "400", "404", "410"]);
}
