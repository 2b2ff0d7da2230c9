//! The program with its rows on a real Cassandra: the API answers from it, `verify` finds the rows
//! that the log explains and no others, also after a SIGKILL in between.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that finds a server by its environment"
)]

#[cfg(test)]
#[allow(dead_code, reason = "shared with the suite of the program")]
#[path = "program/support.rs"]
mod support;

use std::io::Write;
use std::path::Path;

use support::{SECRET, Service, sudor};

fn address() -> Option<String> {
    if let Ok(address) = std::env::var("SUDOR_TEST_CASSANDRA") {
        return Some(address);
    }
    let required = std::env::var("SUDOR_REQUIRE_SERVERS").is_ok_and(|value| value == "1");
    assert!(
        !required,
        "SUDOR_TEST_CASSANDRA is not set and servers are required"
    );
    let told = "SKIPPED: SUDOR_TEST_CASSANDRA is not set; `cargo xtask servers test` sets it\n";
    std::io::stderr().write_all(told.as_bytes()).unwrap();
    None
}

/// A small world, posted twice: the second time changes nothing.
fn post(service: &Service, out: &Path) {
    let posted = sudor(&["simulate", "--athletes", "4", "--days", "2", "--seed", "5"])
        .args(["--end", "2026-10-01T00:00:00Z", "--post", &service.url])
        .args(["--garmin-secret", SECRET])
        .current_dir(out)
        .output()
        .unwrap();
    assert!(posted.status.success(), "{posted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_serves_and_verifies_rows_on_cassandra() {
    let Some(address) = address() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let keyspace = format!("sudor_program_{}", std::process::id());
    let settings = [
        ("SUDOR__STORE__KIND", "scylla"),
        ("SUDOR__STORE__DIALECT", "cassandra"),
        ("SUDOR__STORE__NODES", &address),
        ("SUDOR__STORE__KEYSPACE", &keyspace),
        ("SUDOR__STORE__REPLICATION_FACTOR", "1"),
    ];
    let service = Service::start_with(&data, &settings).await;
    post(&service, folder.path());
    service.kill();
    let service = Service::start_with(&data, &settings).await;
    post(&service, folder.path());
    service.idle().await;
    let mut sessions = 0;
    for athlete in service.all("/v1/athletes").await {
        let id = athlete["athlete_id"].as_str().unwrap();
        sessions += service
            .all(&format!("/v1/athletes/{id}/sessions"))
            .await
            .len();
        let timeline = format!("/v1/athletes/{id}/timeline?limit=1000");
        let (status, now) = service.get(&timeline).await;
        assert_eq!(status, 200, "{now}");
        let (_, then) = service
            .get(&format!("{timeline}&as_of=2100-01-01T00:00:00Z"))
            .await;
        assert_eq!(then["items"], now["items"]);
    }
    assert!(sessions > 0, "the world has workouts");
    assert!(
        !data.join("store.db").exists(),
        "the rows are in the cluster"
    );
    assert!(service.terminate().await.success());
    let verified = sudor(&["verify", "--json", "--data", data.to_str().unwrap()])
        .envs(settings)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&verified.stdout);
    assert!(verified.status.success(), "{said}");
}
