//! A backup taken beside a running service becomes a data folder that verifies and goes on.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::{Service, assert_verified, json, output};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_backup_beside_a_service_is_restored_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let text = |name: &str| at(name).to_str().unwrap().to_owned();
    let service = Service::start(&at("data")).await;
    service.register("ada", "u1").await;
    let intake = r#"{"id":"i1","type":"intake","at":"2026-10-01T08:00:00Z","fluid_ml":500}"#;
    let (status, said) = service.post("/v1/athletes/ada/events", intake).await;
    assert_eq!(status, 202, "{said}");
    service.idle().await;
    let copied = json(&[
        "backup",
        "--json",
        "--out",
        &text("b"),
        "--data",
        &text("data"),
    ]);
    assert_eq!(
        copied["files"].as_array().unwrap().len(),
        3,
        "no key: {copied}"
    );
    // What comes later is not part of it.
    service
        .post("/v1/athletes/ada/events", intake.replace("i1", "i2"))
        .await;
    service.idle().await;
    let again = output(&["backup", "--out", &text("b"), "--data", &text("data")]);
    assert_eq!(again.status.code(), Some(2), "a full folder is refused");
    drop(service);

    json(&[
        "restore",
        "--json",
        "--from",
        &text("b"),
        "--data",
        &text("new"),
    ]);
    std::fs::copy(at("data").join("vault.key"), at("new").join("vault.key")).unwrap();
    assert_verified(&at("new"));
    let service = Service::start(&at("new")).await;
    service.idle().await;
    for (folder, names) in [
        ("data", &["log.db", "store.db", "vault.db", "vault.key"][..]),
        ("b", &["log.db", "store.db", "vault.db"]),
        ("new", &["log.db", "log.db-wal", "store.db", "vault.db"]),
    ] {
        // The first was there before the service.
        let is_made = folder != "data";
        assert!(!is_made || mode(&at(folder)) == 0o700, "{folder}");
        for name in names {
            assert_eq!(mode(&at(folder).join(name)), 0o600, "{folder}/{name}");
        }
    }
    assert_eq!(service.all("/v1/athletes/ada/timeline").await.len(), 1);
    let (status, _) = service
        .post("/v1/athletes/ada/events", intake.replace("i1", "i3"))
        .await;
    assert_eq!(status, 202);
    service.idle().await;
    assert_eq!(service.all("/v1/athletes/ada/timeline").await.len(), 2);
}

#[tokio::test]
async fn a_backup_that_was_altered_or_is_not_complete_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let text = |name: &str| at(name).to_str().unwrap().to_owned();
    drop(Service::start(&at("data")).await);
    json(&[
        "backup",
        "--json",
        "--out",
        &text("b"),
        "--data",
        &text("data"),
    ]);
    let log = at("b").join("log.db");
    let mut bytes = std::fs::read(&log).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&log, bytes).unwrap();
    let altered = output(&["restore", "--from", &text("b"), "--data", &text("new")]);
    assert_eq!(altered.status.code(), Some(1));
    let left = std::fs::read_dir(at("new")).unwrap().count();
    assert_eq!(left, 0, "the next attempt finds the folder empty");
    std::fs::remove_file(at("b").join("backup.json")).unwrap();
    let incomplete = output(&["restore", "--from", &text("b"), "--data", &text("other")]);
    assert_eq!(incomplete.status.code(), Some(2));
}
