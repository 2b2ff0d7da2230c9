//! `rederive`: other rules make what is published stale, not wrong; deriving it again says anew only
//! what differs, and may be ended anywhere.

use std::path::Path;
use std::process::{Output, Stdio};

use rusqlite::Connection;
use serde_json::Value;

use super::support::{json, sudor, until};

/// A share of the carbohydrate before a workout: advice before plans changes, and nothing else.
const OTHER_RULES: (&str, &str) = ("SUDOR__RULES__PRE_CARB_SCALE", "0.5");
const ATHLETES: u64 = 6;

fn demo(data: &Path) {
    let (data, athletes) = (data.to_str().unwrap(), ATHLETES.to_string());
    json(&[
        "demo",
        "--athletes",
        &athletes,
        "--days",
        "3",
        "--exit",
        "--json",
        "--data",
        data,
    ]);
}

fn said(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A command on the folder by the other rules.
fn otherwise(data: &Path, words: &[&str]) -> Value {
    let data = ["--json", "--data", data.to_str().unwrap()];
    let words: Vec<&str> = words.iter().copied().chain(data).collect();
    let (key, value) = OTHER_RULES;
    said(&sudor(&words).env(key, value).output().unwrap())
}

fn outcome(report: &Value) -> (&str, u64) {
    (
        report["outcome"].as_str().unwrap(),
        report["stale"].as_u64().unwrap(),
    )
}

/// Everything published, by kind of record.
fn facts(data: &Path) -> i64 {
    let log = Connection::open(data.join("log.db")).unwrap();
    let sql = "SELECT count(*) FROM records";
    log.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn what_other_rules_derived_is_stale_until_it_is_derived_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    demo(&data);
    let path = data.to_str().unwrap();
    let clean = json(&["verify", "--json", "--data", path]);
    assert_eq!(outcome(&clean), ("clean", 0));
    let stale = otherwise(&data, &["verify"]);
    assert_eq!(outcome(&stale), ("stale", ATHLETES));
    assert_eq!(stale["ok"], true);

    let before = facts(&data);
    let tried = otherwise(&data, &["rederive", "--dry-run"]);
    assert_eq!(facts(&data), before, "a dry run writes nothing");
    assert_eq!(outcome(&otherwise(&data, &["verify"])), ("stale", ATHLETES));

    let done = otherwise(&data, &["rederive"]);
    for key in ["facts", "differences", "examples", "rules_id"] {
        assert_eq!(done[key], tried[key], "{key}");
    }
    for example in done["examples"]["recommendation"].as_array().unwrap() {
        let (before, after) = (&example["before"], &example["after"]);
        let differs = before
            .as_object()
            .unwrap()
            .keys()
            .any(|name| before[name] != after[name]);
        assert!(differs, "carbohydrate differs, and is shown: {example:#}");
    }
    assert_eq!(done["athletes_rederived"], ATHLETES);
    assert_eq!(done["athletes_left"], 0);
    let kinds: Vec<&String> = done["differences"].as_object().unwrap().keys().collect();
    assert_eq!(kinds, ["recommendation"], "{done:#}");
    let revised = done["differences"]["recommendation"]["revised"]
        .as_u64()
        .unwrap();
    assert!(revised > 0, "{done:#}");
    // A new version for each of them; nothing of anything that stays as it was.
    let said = done["facts"].as_object().unwrap();
    let count = |kind: &str| said.get(kind).and_then(Value::as_u64).unwrap_or(0);
    let versions = count("RecommendationIssued") + count("RecommendationExpired");
    assert_eq!(versions, revised, "{said:?}");
    assert!(
        said.keys().all(|kind| kind.starts_with("Recommendation")),
        "{said:?}"
    );
    let total: u64 = said.values().filter_map(Value::as_u64).sum();
    assert_eq!(facts(&data), before + i64::try_from(total).unwrap());

    assert_eq!(outcome(&otherwise(&data, &["verify"])), ("clean", 0));
    let again = otherwise(&data, &["rederive"]);
    assert_eq!(again["athletes_stale"], 0);
    assert_eq!(
        facts(&data),
        before + i64::try_from(total).unwrap(),
        "a second time says nothing"
    );
    // By the rules of before it is the new state that is stale.
    let back = json(&["verify", "--json", "--data", path]);
    assert_eq!(outcome(&back), ("stale", ATHLETES));
}

#[test]
fn a_true_difference_is_wrong_whatever_else_is_stale() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    demo(&data);
    let half = otherwise(&data, &["rederive", "--limit", "3"]);
    assert_eq!(half["athletes_left"], ATHLETES - 3);
    assert_eq!(
        outcome(&otherwise(&data, &["verify"])),
        ("stale", ATHLETES - 3)
    );
    let log = Connection::open(data.join("log.db")).unwrap();
    let changed = log.execute("DELETE FROM timers", []).unwrap();
    assert!(changed > 0);
    let (key, value) = OTHER_RULES;
    let verify = ["verify", "--json", "--data", data.to_str().unwrap()];
    let output = sudor(&verify).env(key, value).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(outcome(&report), ("wrong", ATHLETES - 3));
}

#[tokio::test]
async fn ended_anywhere_and_run_again_it_is_done_once() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    demo(&whole);
    std::fs::create_dir(&killed).unwrap();
    for entry in std::fs::read_dir(&whole).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), killed.join(entry.file_name())).unwrap();
    }
    let before = facts(&killed);
    let (key, value) = OTHER_RULES;
    let mut child = sudor(&["rederive", "--data", killed.to_str().unwrap()])
        .env(key, value)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("the first athlete is written", async || {
        (facts(&killed) > before || child.try_wait().unwrap().is_some()).then_some(())
    })
    .await;
    // It may have ended by itself; then there is nothing left to do below.
    child.kill().unwrap_or_default();
    child.wait().unwrap();
    let rest = otherwise(&killed, &["rederive"]);
    assert_eq!(rest["athletes_left"], 0);
    let once = otherwise(&whole, &["rederive"]);
    assert!(once["athletes_rederived"].as_u64() >= rest["athletes_rederived"].as_u64());
    assert_eq!(facts(&killed), facts(&whole), "said twice, or not at all");
    assert_eq!(outcome(&otherwise(&killed, &["verify"])), ("clean", 0));
}

#[test]
fn a_folder_that_is_not_there_is_told_with_what_names_it() {
    for words in [&["rederive", "--dry-run"][..], &["verify"]] {
        let words: Vec<&str> = words
            .iter()
            .copied()
            .chain(["--data", "/nowhere"])
            .collect();
        let refused = sudor(&words).output().unwrap();
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains("--data names the data folder"), "{said}");
    }
}
