//! Metrics, and what is built on them: every metric that a rule or a dashboard names is there.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::tempdir;

use super::support::Demo;

fn deploy(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(file)
}

/// Debian's `prometheus` package has it. Without it, a loud skip, unless the servers are required.
fn promtool(arguments: &[&str], input: &str) -> Option<String> {
    let run = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut run) = run else {
        let required = std::env::var_os("SUDOR_REQUIRE_SERVERS").is_some_and(|value| value == "1");
        assert!(!required, "no promtool: apt-get install prometheus");
        eprintln!(
            "SKIPPED: no promtool, so that metrics and rules were not checked by it (apt-get install prometheus)"
        );
        return None;
    };
    run.stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let done = run.wait_with_output().unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    assert!(done.status.success(), "promtool {arguments:?}: {said}");
    Some(said)
}

/// Names of ours in an expression; a histogram's parts are its own.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = words.filter(|word| word.starts_with("sudor_"));
    let base = |word: &str| {
        let endings = ["_bucket", "_sum", "_count"];
        endings
            .iter()
            .find_map(|ending| word.strip_suffix(ending))
            .unwrap_or(word)
            .to_owned()
    };
    ours.map(base).collect()
}

/// Every `expr` of a dashboard, at any depth.
fn expressions(value: &Value, found: &mut Vec<String>) {
    if let Some(expr) = value["expr"].as_str() {
        found.push(expr.to_owned());
    }
    let parts: Vec<&Value> = match value {
        Value::Object(fields) => fields.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    for part in parts {
        expressions(part, found);
    }
}

#[tokio::test]
async fn promtool_accepts_the_metrics_and_every_rule_and_panel_names_one_that_is_there() {
    let folder = tempdir().unwrap();
    let demo = Demo::start(
        &folder.path().join("data"),
        &["--athletes", "3", "--days", "1"],
    )
    .await;
    // The first answers are counted in the second.
    demo.get("/metrics").await;
    let (status, text) = demo.get("/metrics").await;
    assert_eq!(status, 200);
    promtool(&["check", "metrics"], &text);
    let served: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter_map(|rest| rest.split(' ').next().map(str::to_owned))
        .collect();
    for needed in [
        "sudor_source_silence_seconds",
        "sudor_source_last_received_timestamp_seconds",
        "sudor_ingest_to_sink_seconds",
        "sudor_event_time_lag_seconds",
        "sudor_fetch_open",
        "sudor_build_info",
    ] {
        assert!(served.contains(needed), "{needed} in {served:?}");
    }
    assert!(
        text.contains("sudor_source_items{outcome=\"received\",source=\"garmin\"}"),
        "{text}"
    );
    assert!(!text.contains("athlete-0"), "no label names an athlete");
    let rules = std::fs::read_to_string(deploy("prometheus/rules.yml")).unwrap();
    let dashboard = std::fs::read_to_string(deploy("grafana/sudor.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let mut panels = Vec::new();
    expressions(&dashboard, &mut panels);
    assert!(panels.len() >= 10, "{}", panels.len());
    for (what, text) in [("rules", rules), ("dashboard", panels.join("\n"))] {
        // Those that appear only when something goes wrong are registered all the same.
        let late = ["sudor_dead_letters_total", "sudor_fetch_waiting_seconds"];
        let unknown: Vec<String> = metrics_in(&text)
            .into_iter()
            .filter(|name| !served.contains(name) && !late.contains(&name.as_str()))
            .collect();
        assert_eq!(unknown, Vec::<String>::new(), "{what}");
    }
}

#[test]
fn promtool_accepts_the_rules_and_their_own_tests_pass() {
    let rules = deploy("prometheus/rules.yml");
    let tests = deploy("prometheus/rules.test.yml");
    promtool(&["check", "rules", rules.to_str().unwrap()], "");
    promtool(&["test", "rules", tests.to_str().unwrap()], "");
}

#[test]
fn panels_have_ids_of_their_own() {
    let text = std::fs::read_to_string(deploy("grafana/sudor.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let ids: Vec<u64> = dashboard["panels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|panel| panel["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
}
