//! `replay --shadow`: by the same rules nothing differs; what differs is told with its values; what is
//! published is not touched, and a run that was ended goes on.

use std::path::Path;
use std::process::Stdio;

use edge::{Clock, SystemClock};
use rusqlite::Connection;
use serde_json::{Value, json};

use super::support::{SECRET, Service, json, output, sudor, until};

/// A share of the carbohydrate before a workout: advice before plans changes, and nothing else.
const OTHER_RULES: (&str, &str) = ("SUDOR__RULES__PRE_CARB_SCALE", "0.5");

fn demo(data: &Path) {
    let data = data.to_str().unwrap();
    let world = ["--athletes", "6", "--days", "3", "--seed", "7"];
    let words = [&["demo", "--exit", "--json", "--data", data], &world[..]].concat();
    json(&words);
}

fn shadow(data: &Path, more: &[&str]) -> Value {
    let data = data.to_str().unwrap();
    json(&[&["replay", "--shadow", "--json", "--data", data], more].concat())
}

fn shadow_by_other_rules(data: &Path, more: &[&str]) -> Value {
    let data = [
        "replay",
        "--shadow",
        "--json",
        "--data",
        data.to_str().unwrap(),
    ];
    let (key, value) = OTHER_RULES;
    let words = [&data, more].concat();
    let done = sudor(&words).env(key, value).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    serde_json::from_slice(&done.stdout).unwrap()
}

/// Every example shows what differs in it.
fn assert_told(report: &Value) {
    for (kind, examples) in report["examples"].as_object().unwrap() {
        for example in examples.as_array().unwrap() {
            let shown = [&example["before"], &example["after"]];
            assert_ne!(shown, [&json!({}), &json!({})], "{kind}: {example:#}");
            assert!(
                example["values"].as_u64().unwrap() > 0,
                "{kind}: {example:#}"
            );
        }
    }
}

fn bytes(data: &Path) -> Vec<u8> {
    std::fs::read(data.join("log.db")).unwrap()
}

#[test]
fn by_the_same_rules_nothing_differs_and_nothing_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    demo(&data);
    let before = bytes(&data);
    let report = shadow(&data, &[]);
    assert_eq!(report["same"], true, "{report:#}");
    assert_eq!(
        (&report["athletes"], &report["differences"]),
        (&json!(6), &json!({}))
    );
    assert_eq!(bytes(&data), before);
}

#[test]
fn other_rules_are_told_as_deriving_again_tells_them() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    demo(&data);
    let report = shadow_by_other_rules(&data, &[]);
    assert_eq!(report["same"], false);
    let changed = report["recommendations_changed"].as_u64().unwrap();
    assert!(changed > 0, "{report:#}");
    assert_eq!(report["sessions_merged_differently"], 0);
    assert_eq!(report["pushes_cancelled"], 0);
    assert_told(&report);

    let (key, value) = OTHER_RULES;
    let rederive = [
        "rederive",
        "--dry-run",
        "--json",
        "--data",
        data.to_str().unwrap(),
    ];
    let rederived = sudor(&rederive).env(key, value).output().unwrap();
    let rederived: Value = serde_json::from_slice(&rederived.stdout).unwrap();
    for part in ["rules_id", "differences", "examples"] {
        assert_eq!(report[part], rederived[part], "{part}");
    }
}

#[tokio::test]
async fn sessions_that_merge_differently_and_pushes_that_fall_away_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    demo(&data);
    let path = data.to_str().unwrap();
    let service = Service::start(&data).await;
    let soon = schemas::record::Micros(SystemClock.now().0 + 6 * 3_600_000_000);
    let plan = json!({"id": "p-soon", "type": "planned_workout", "at": "2026-10-01T08:00:00Z", "plan_id": "soon",
        "sport": "run", "start": sinks_store::rfc3339(soon),
        "duration_min": 90, "intensity": "high"});
    let route = "/v1/athletes/athlete-00001/events";
    let (status, said) = service.post(route, plan.to_string()).await;
    assert_eq!(status, 202, "{said}");
    service.idle().await;
    assert!(service.terminate().await.success());
    assert_eq!(shadow(&data, &[])["same"], true);

    // What the rules would not read any more: one account of a workout, and a plan for tomorrow.
    let sessions = json(&["sessions", "athlete-00001", "--json", "--data", path]);
    let told_twice = sessions["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|session| {
            let members = session["members"].as_array().unwrap();
            members.len() > 1
        });
    let second = &told_twice.unwrap()["members"][1]["provider_id"];
    let log = Connection::open(data.join("log.db")).unwrap();
    let forget =
        "DELETE FROM records WHERE key = 'default/athlete-00001' AND instr(value, CAST(?1 AS BLOB))
        AND topic IN (SELECT id FROM topics WHERE name LIKE 'sudor.raw.%')";
    for id in [second.as_str().unwrap(), "p-soon"] {
        assert!(log.execute(forget, [id]).unwrap() > 0, "{id}");
    }
    drop(log);
    let report = shadow(&data, &[]);
    assert_eq!(report["athletes_differing"], 1, "{report:#}");
    assert_eq!(report["sessions_merged_differently"], 1, "{report:#}");
    assert!(
        report["pushes_cancelled"].as_u64().unwrap() > 0,
        "{report:#}"
    );
    assert!(report["differences"]["recommendation"]["retracted"].as_u64() > Some(0));
    assert_told(&report);
}

#[tokio::test]
async fn ended_anywhere_it_goes_on_in_the_folder_that_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("out"));
    demo(&data);
    let words = ["replay", "--shadow", "--data", data.to_str().unwrap()];
    let kept = ["--out", out.to_str().unwrap()];
    let mut child = sudor(&[&words[..], &kept].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("the shadow has begun", async || {
        (out.join("log.db").exists() || child.try_wait().unwrap().is_some()).then_some(())
    })
    .await;
    // It may have ended by itself; then there is nothing left to do below.
    child.kill().unwrap_or_default();
    child.wait().unwrap();
    let report = shadow(&data, &kept);
    assert_eq!(report["same"], true, "{report:#}");
    assert_eq!(shadow(&data, &kept)["differences"], report["differences"]);

    // Nothing but a shadow of this log by these rules is gone on with.
    let (key, value) = OTHER_RULES;
    let other = sudor(&[&words[..], &kept].concat())
        .env(key, value)
        .output()
        .unwrap();
    assert_eq!(other.status.code(), Some(2), "{other:?}");
    for (own, into) in [(&data, &data), (&out, &data)] {
        let refused = output(&[
            "replay",
            "--shadow",
            "--data",
            own.to_str().unwrap(),
            "--out",
            into.to_str().unwrap(),
        ]);
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_running_service_it_compares_one_moment() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let service = Service::start(&data).await;
    let posting = sudor(&["simulate", "--athletes", "6", "--days", "3", "--seed", "5"])
        .args(["--end", "2026-10-01T00:00:00Z", "--post", &service.url])
        .args(["--garmin-secret", SECRET])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut posting = posting.unwrap();
    let mut under_load = 0;
    while posting.try_wait().unwrap().is_none() {
        let report = shadow(&data, &[]);
        assert_eq!(report["same"], true, "{report:#}");
        under_load += 1;
    }
    assert!(posting.wait().unwrap().success());
    assert!(under_load > 0);
    service.idle().await;
    let report = shadow(&data, &[]);
    assert_eq!(
        (&report["same"], &report["athletes"]),
        (&json!(true), &json!(6))
    );
}
