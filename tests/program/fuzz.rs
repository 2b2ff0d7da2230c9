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
