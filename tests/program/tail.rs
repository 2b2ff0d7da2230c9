//! `tail`: all that is in the log and all that is appended, decoded, beside the running service.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rusqlite::Connection;
use serde_json::{Value, json};

use super::support::{Service, json as run_json, output, sudor, until};

fn demo(folder: &Path) -> String {
    let data = folder.join("demo").to_str().unwrap().to_owned();
    let world = ["--athletes", "4", "--days", "2", "--exit", "--json"];
    run_json(&[&["demo", "--data", &data], &world[..]].concat());
    data
}

/// Every line of `tail --json --no-follow`, each a document of its own.
fn documents(data: &str, arguments: &[&str]) -> Vec<Value> {
    let fixed = ["tail", "--json", "--no-follow", "--data", data];
    let output = output(&[&fixed, arguments].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    assert_eq!(errors, "", "{arguments:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let read = |line: &str| serde_json::from_str(line).unwrap();
    text.lines().map(read).collect()
}

fn count(data: &str, condition: &str) -> usize {
    let log = Connection::open(Path::new(data).join("log.db")).unwrap();
    let sql =
        format!("SELECT count(*) FROM records JOIN topics ON topics.id = topic WHERE {condition}");
    log.query_row(&sql, [], |row| row.get::<_, i64>(0))
        .map(|count| usize::try_from(count).unwrap())
        .unwrap()
}

#[test]
fn every_record_of_the_log_is_shown_once_and_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let data = demo(folder.path());
    let all = documents(&data, &[]);
    assert_eq!(all.len(), count(&data, "1"));
    for (index, record) in all.iter().enumerate() {
        assert_eq!(record["offset"], index + 1);
        assert_eq!(
            (&record["problem"], &record["intact"]),
            (&Value::Null, &json!(true))
        );
        assert!(record["received_at"].as_str().unwrap().ends_with('Z'));
        if record["record"] == "RawReceived" {
            let body = record["value"]["body"].as_str().unwrap();
            assert!(serde_json::from_str::<Value>(body).is_ok(), "{body}");
        }
    }
    let lines = output(&["tail", "--no-follow", "--data", &data]);
    let lines = String::from_utf8(lines.stdout).unwrap();
    assert_eq!(lines.lines().count(), all.len());
    for (line, record) in lines.lines().zip(&all) {
        for part in ["topic", "record", "received_at"] {
            let part = record[part].as_str().unwrap();
            assert!(line.contains(part), "{part}: {line}");
        }
    }
}

#[test]
fn records_are_chosen_by_topic_athlete_place_and_number() {
    let folder = tempfile::tempdir().unwrap();
    let data = demo(folder.path());
    let cases: [(&[&str], &str); 5] = [
        (&["sudor.sessions"], "name = 'sudor.sessions'"),
        (
            &["sessions", "raw.garmin"],
            "name IN ('sudor.sessions', 'sudor.raw.garmin')",
        ),
        (
            &["--athlete", "athlete-00001"],
            "key = 'default/athlete-00001'",
        ),
        (
            &["nights", "--from", "100"],
            "name = 'sudor.nights' AND seq >= 100",
        ),
        (&["--from", "end"], "0"),
    ];
    for (arguments, condition) in cases {
        let shown = documents(&data, arguments).len();
        assert_eq!(shown, count(&data, condition), "{arguments:?}");
    }
    assert!(count(&data, cases[3].1) > 0);
    let limited = documents(&data, &["observations", "--limit", "3"]);
    assert_eq!(limited, documents(&data, &["observations"])[..3]);
    assert_eq!(
        documents(&data, &["--athlete", "nobody"]),
        Vec::<Value>::new()
    );
}

#[test]
fn a_wrong_topic_lists_the_right_ones() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let cases: [(&[&str], &str); 3] = [
        (&["sudor.session"], "sudor.sessions"),
        (&["--from", "yesterday"], "`beginning` nor `end`"),
        (&[], "cannot read the log"),
    ];
    for (arguments, words) in cases {
        let refused = output(&[&["tail", "--data", data], arguments].concat());
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}");
        let text = String::from_utf8(refused.stderr).unwrap();
        assert!(text.contains(words), "{arguments:?}: {text}");
    }
}

#[tokio::test]
async fn a_reader_that_has_enough_ends_it_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let data = demo(folder.path());
    for more in [&["--json"][..], &[]] {
        let fixed = ["tail", "--from", "beginning", "--quiet", "--data", &data];
        let mut child = piped(&[&fixed, more].concat());
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        lines.read_line(&mut first).unwrap();
        assert!(first.contains("sudor.raw.app"), "{first}");
        drop(lines);
        let ended = until("tail ends", async || child.try_wait().unwrap()).await;
        let mut said = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        assert!(ended.success() && said.is_empty(), "{ended}: {said}");
    }
}

fn piped(arguments: &[&str]) -> Child {
    let mut command = sudor(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(Stdio::piped()).spawn().unwrap()
}

#[tokio::test]
async fn what_is_appended_is_shown_until_it_is_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("data")).await;
    service.register("ada", "acc").await;
    service.idle().await;
    let data = service.data.to_str().unwrap();
    let mut child = piped(&[
        "tail",
        "sessions",
        "--from",
        "beginning",
        "--json",
        "--data",
        data,
    ]);
    let run = json!({"activities": [{
        "userId": "acc", "summaryId": "1", "activityId": 1, "activityType": "RUNNING",
        "startTimeInSeconds": 1_748_000_000, "durationInSeconds": 3600,
        "startTimeOffsetInSeconds": 7200
    }]});
    assert_eq!(service.push(&run).await.0, 200);
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let line = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        lines.read_line(&mut line).map(|_| line)
    });
    let shown: Value = serde_json::from_str(&line.await.unwrap().unwrap()).unwrap();
    assert_eq!(shown["record"], "SessionRevised");
    assert_eq!(shown["athlete_id"], "ada");
    let told = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(told.success());
    let ended = until("tail ends", async || child.try_wait().unwrap()).await;
    assert_eq!(ended.code(), Some(0));
}
