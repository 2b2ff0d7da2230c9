//! A data folder that has no room left, and what gives room back.
//!
//! The kernel refuses to let the service's files grow (`ulimit -f`, with its signal ignored), as it
//! does on a full disk: the write fails in the middle of a transaction.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::support::{Service, assert_verified, json as printed, output};

/// Of one file, in KiB. The folder's files begin much smaller.
const ROOM_KIB: u32 = 2_048;
/// More than fits: each delivery leaves some hundred KiB.
const DELIVERIES_MAX: u64 = 400;
const ACTIVITIES: u64 = 50;
const BEGIN_S: u64 = 1_790_841_600;

fn delivery(number: u64) -> Value {
    let activity = |n: u64| {
        let id = number * ACTIVITIES + n;
        json!({"userId": "u1", "summaryId": id.to_string(), "activityId": id, "activityType": "RUNNING",
            "startTimeInSeconds": BEGIN_S + id * 5_000, "startTimeOffsetInSeconds": 7_200,
            "durationInSeconds": 1_800, "distanceInMeters": 5_000.0})
    };
    json!({"activities": (0..ACTIVITIES).map(activity).collect::<Vec<_>>()})
}

/// What the log holds of the vendor's ids.
fn in_log(data: &Path) -> BTreeSet<String> {
    let said = output(&[
        "tail",
        "sudor.raw.garmin",
        "--no-follow",
        "--json",
        "--from",
        "beginning",
        "--data",
        data.to_str().unwrap(),
    ]);
    assert!(said.status.success(), "{said:?}");
    let text = String::from_utf8(said.stdout).unwrap();
    text.lines()
        .filter_map(|line| {
            let record: Value = serde_json::from_str(line).unwrap();
            let body = record["value"]["body"].as_str()?;
            let body: Value = serde_json::from_str(body).ok()?;
            Some(body["summaryId"].as_str()?.to_owned())
        })
        .collect()
}

#[tokio::test]
async fn a_full_disk_is_told_with_503_and_loses_nothing_that_was_acknowledged() {
    let refusal = fill_and_go_on("ingest").await;
    let (status, problem) = refusal.expect("a refusal is answered, not cut off");
    assert_eq!(status, 503, "{problem}");
}

/// The store's file or the log's is full first; either ends the process, so that a sender may also find
/// nobody there.
#[tokio::test]
async fn a_disk_that_fills_while_rows_are_stored_loses_nothing_that_was_acknowledged() {
    if let Some((status, problem)) = fill_and_go_on("ingest,process,sink,api").await {
        assert_eq!(status, 503, "{problem}");
    }
}

/// Pushes until it is refused, gives room, and looks for everything that was acknowledged.
async fn fill_and_go_on(roles: &str) -> Option<(u16, String)> {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let service = Service::start_in_room(&data, ROOM_KIB, roles).await;
    service.register("ada", "u1").await;
    let mut acknowledged = 0;
    let refusal = loop {
        match service.offer(&delivery(acknowledged)).await {
            Some((200, _)) => acknowledged += 1,
            refusal => break refusal,
        }
        assert!(acknowledged < DELIVERIES_MAX, "the disk fills");
    };
    assert!(acknowledged > 0, "there was some room");
    // Whoever supervises it has to see that it can do no more.
    let ended = service.ended().await;
    assert!(!ended.success(), "{ended}");

    // Room again: the sender sends again what was refused, and goes on.
    let service = Service::start(&data).await;
    service.idle().await;
    assert_eq!(service.push(&delivery(acknowledged)).await.0, 200);
    service.idle().await;
    drop(service);
    let there = in_log(&data);
    for id in 0..(acknowledged + 1) * ACTIVITIES {
        assert!(there.contains(&id.to_string()), "{id} was acknowledged");
    }
    assert_verified(&data);
    refusal
}

#[tokio::test]
async fn vacuum_gives_room_back_and_changes_nothing_that_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let at = data.to_str().unwrap();
    let service = Service::start(&data).await;
    service.register("ada", "u1").await;
    assert_eq!(service.push(&delivery(0)).await.0, 200);
    service.idle().await;
    let before = service.all("/v1/athletes/ada/sessions").await;
    let refused = output(&["vacuum", "--data", at]);
    assert_eq!(refused.status.code(), Some(1), "the service has the folder");
    drop(service);
    // What a migration or an erasure leaves: pages that nothing uses.
    let store = Connection::open(data.join("store.db")).unwrap();
    store
        .execute_batch(
            "CREATE TABLE gone (x); INSERT INTO gone VALUES (zeroblob(4000000)); DROP TABLE gone",
        )
        .unwrap();
    drop(store);
    let said = printed(&["vacuum", "--json", "--data", at]);
    let files = said["files"].as_array().unwrap();
    assert_eq!(files.len(), 3, "{said}");
    let store = files.iter().find(|one| one["file"] == "store.db").unwrap();
    let bytes = |name: &str| store[name].as_u64().unwrap();
    assert!(
        bytes("bytes_before") - bytes("bytes_after") > 4_000_000,
        "{said}"
    );
    assert_verified(&data);
    let service = Service::start(&data).await;
    service.idle().await;
    assert_eq!(service.all("/v1/athletes/ada/sessions").await, before);
    let nowhere = output(&["vacuum", "--data", "/nowhere"]);
    assert_eq!(nowhere.status.code(), Some(2), "nothing is made");
}
