//! The demo, and how well it finds what happened.

use std::path::Path;

use serde_json::Value;

use super::support::{assert_verified, json, output};

const KEYS: [&str; 15] = [
    "received",
    "accepted",
    "duplicate",
    "dead_lettered",
    "sessions",
    "nights",
    "losses",
    "recommendations",
    "profiles",
    "athletes",
    "wall_s",
    "cpu_s",
    "rss_mb",
    "events_per_cpu_s",
    "data",
];
const LIVE: [&str; 6] = [
    "sessions",
    "nights",
    "naps",
    "losses",
    "recommendations",
    "profiles",
];

fn number(report: &Value, key: &str) -> f64 {
    report[key]
        .as_f64()
        .unwrap_or_else(|| panic!("no number {key}: {report}"))
}

fn demo(data: &Path, world: &[&str]) -> Value {
    let data = data.to_str().unwrap();
    let fixed = ["demo", "--data", data, "--exit", "--json"];
    json(&[&fixed, world].concat())
}

fn score(data: &Path) -> Value {
    let truth = data.join("truth.jsonl");
    let (data, truth) = (data.to_str().unwrap(), truth.to_str().unwrap());
    json(&["score", "--json", "--truth", truth, "--data", data])
}

/// Within 2 % of the truth.
fn assert_close(live: f64, truth: f64, what: &str) {
    assert!(truth > 0.0, "{what}");
    assert!(
        (live - truth).abs() <= truth * 0.02,
        "{what}: {live} of {truth}"
    );
}

#[test]
fn the_demo_tells_the_truth_and_can_be_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("demo");
    let world = ["--athletes", "50", "--days", "3", "--seed", "7"];
    let first = demo(&data, &world);
    for key in KEYS {
        assert!(!first[key].is_null(), "{key}: {first}");
    }
    let settled = ["accepted", "duplicate", "dead_lettered"];
    let settled: f64 = settled.iter().map(|key| number(&first, key)).sum();
    assert_eq!(number(&first, "received"), settled);
    assert_eq!(number(&first, "athletes"), 50.0);
    assert_eq!(number(&first, "sessions"), number(&first, "losses"));

    let score = score(&data);
    let counts = &score["counts"];
    for (live, truth) in [("sessions", "sessions_truth"), ("nights", "nights_truth")] {
        assert_close(number(&first, live), number(counts, truth), live);
    }
    assert_eq!(number(&first, "naps"), number(counts, "naps_live"));
    assert_verified(&data);

    let again = demo(&data, &world);
    for key in LIVE {
        assert_eq!(first[key], again[key], "{key}");
    }
    assert!(number(&again, "duplicate") > number(&first, "duplicate"));
    assert_verified(&data);
}

#[test]
fn records_of_one_workout_are_found_to_be_one_session() {
    for seed in ["1000", "1001", "1002"] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("demo");
        let world = ["--athletes", "20", "--days", "5", "--seed", seed];
        demo(
            &data,
            &[&world[..], &["--end", "2025-06-01T00:00:00Z"]].concat(),
        );
        let score = score(&data);
        let f1 = number(&score["sessions"], "f1");
        assert!(f1 >= 0.97, "seed {seed}: {score}");
    }
}

#[test]
fn a_folder_of_another_world_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("demo");
    demo(&data, &["--athletes", "1", "--days", "1", "--seed", "7"]);
    let data = data.to_str().unwrap();
    let other = [
        "demo",
        "--athletes",
        "1",
        "--days",
        "1",
        "--seed",
        "8",
        "--exit",
        "--data",
        data,
    ];
    let refused = output(&other);
    assert_eq!(refused.status.code(), Some(2));
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(text.contains("seed 7") && text.contains("try:"), "{text}");
}
