//! Starting, stopping, and what a person reads in between.

use super::support::{Service, assert_verified, json, output, sudor};
use super::vendors::Vendors;
use super::world::{post_all, world};

#[tokio::test]
async fn a_second_writer_is_refused_clearly() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let service = Service::start(&data).await;
    let data = data.to_str().unwrap();
    for command in [
        vec!["run", "--data", data],
        vec!["demo", "--exit", "--athletes", "1", "--data", data],
    ] {
        let second = sudor(&command)
            .env("SUDOR__HTTP__BIND", "127.0.0.1:0")
            .output()
            .unwrap();
        assert_eq!(second.status.code(), Some(1), "{second:?}");
        let text = String::from_utf8_lossy(&second.stderr);
        assert!(text.contains("another sudor process"), "{text}");
        assert!(text.contains("try: stop the other process"), "{text}");
    }
    assert_eq!(service.get("/livez").await.0, 200);
    assert_eq!(service.get("/readyz").await.0, 200);
}

#[tokio::test]
async fn asked_to_stop_it_drains_and_ends_with_0() {
    let folder = tempfile::tempdir().unwrap();
    let world = world(6, 3, 5);
    let vendors = Vendors::of(&world.strava).await;
    let service = vendors.service(&folder.path().join("data")).await;
    post_all(&service, &world.registrations).await;
    post_all(&service, &world.deliveries).await;
    let data = service.data.clone();
    assert_eq!(service.terminate().await.code(), Some(0));
    let report = json(&["verify", "--json", "--data", data.to_str().unwrap()]);
    assert_eq!(report["pending"], 0, "{report}");
    assert_verified(&data);
}

#[tokio::test]
async fn what_was_there_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let world = world(3, 3, 6);
    let vendors = Vendors::of(&world.strava).await;
    let service = vendors.service(&data).await;
    post_all(&service, &world.registrations).await;
    post_all(&service, &world.deliveries).await;
    let before = service.idle().await;
    let path = format!("/v1/athletes/{}/sessions", world.athletes[0]);
    let sessions = service.all(&path).await;
    assert!(service.terminate().await.success());
    let service = vendors.service(&data).await;
    let after = service.idle().await;
    assert_eq!(service.all(&path).await, sessions);
    for source in ["garmin", "healthkit", "app", "strava", "scan", "weather"] {
        for what in ["received", "accepted", "duplicate", "dead_lettered"] {
            let (before, after) = (&before["sources"][source], &after["sources"][source]);
            assert_eq!(before[what], after[what], "{source} {what}");
        }
    }
}

#[test]
fn help_tells_a_newcomer_what_to_type() {
    let cases: [(&[&str], &[&str]); 7] = [
        (&["--help"], &["sudor demo", "Exit codes", "verify"]),
        (&["demo", "--help"], &["--athletes", "--exit", "Examples"]),
        (&["run", "--help"], &["--config", "SUDOR__HTTP__BIND"]),
        (&["verify", "--help"], &["--data", "Ends with 1"]),
        (&["dead-letters", "--help"], &["replay", "list", "show"]),
        (
            &["dead-letters", "replay", "--help"],
            &["Example", "rejected again", "ends with 2"],
        ),
        (&["score", "--help"], &["--truth"]),
    ];
    for (arguments, words) in cases {
        let help = output(arguments);
        assert_eq!(help.status.code(), Some(0), "{arguments:?}");
        let text = String::from_utf8_lossy(&help.stdout);
        for word in words {
            assert!(text.contains(word), "{arguments:?}: no {word} in {text}");
        }
    }
}

#[test]
fn bad_arguments_end_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("none");
    let nowhere = nowhere.to_str().unwrap();
    let cases: [&[&str]; 7] = [
        &["frobnicate"],
        &["demo", "--athletes", "0"],
        &["demo", "--end", "yesterday"],
        &["run", "--config", nowhere],
        &["score", "--truth", nowhere],
        &["dead-letters", "list", "--data", nowhere],
        &["dead-letters", "replay", "none", "--data", nowhere],
    ];
    for arguments in cases {
        let refused = output(arguments);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {refused:?}");
        assert!(!refused.stderr.is_empty(), "{arguments:?}");
    }
}

/// How a command ends whose stdout nobody reads any more.
fn unread(arguments: &[&str]) -> (Option<i32>, String) {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ended = sudor(arguments).stdout(writer).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    (ended.status.code(), said)
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    for arguments in [
        &["topics", "list"][..],
        &["schemas", "list", "--json"],
        &["run", "--print-config"],
    ] {
        let ended = unread(arguments);
        assert_eq!(ended, (Some(0), String::new()), "{arguments:?}");
    }
    // Nobody can write there: the exit code still says so.
    assert_eq!(unread(&["doctor", "--data", "/proc/none"]).0, Some(1));
}

#[test]
fn the_printed_configuration_shows_no_secret() {
    let printed = sudor(&["run", "--print-config"])
        .env("SUDOR__GARMIN__SECRET", "hush-hush")
        .env("SUDOR__STRAVA__CLIENT_SECRET", "hush-too")
        .output()
        .unwrap();
    assert!(printed.status.success(), "{printed:?}");
    let text = String::from_utf8_lossy(&printed.stdout);
    assert!(!text.contains("hush"), "{text}");
    assert!(text.contains("***"), "{text}");
    assert!(text.contains("SUDOR__GARMIN__SECRET"), "{text}");
}

#[test]
fn an_unknown_key_is_refused_with_its_name_and_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sudor.toml");
    std::fs::write(&file, "[http]\nbnid = \"127.0.0.1:1\"\n").unwrap();
    let named = output(&["run", "--config", file.to_str().unwrap()]);
    let set = sudor(&["run", "--print-config"])
        .env("SUDOR__HTTP__BNID", "127.0.0.1:1")
        .output()
        .unwrap();
    for refused in [named, set] {
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        let text = String::from_utf8_lossy(&refused.stderr);
        assert!(text.to_lowercase().contains("bnid"), "{text}");
    }
}

#[test]
fn what_is_not_built_says_so() {
    let refused = output(&["calc", "phs", "--json"]);
    assert_eq!(refused.status.code(), Some(1));
    let said: serde_json::Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!(said["error"]["kind"], "not_supported");
}
