//! What a shadow says, what it refuses, and that it may be ended anywhere.

use std::process::Stdio;

use serde_json::json;

use crate::cluster::{World, server};
use crate::support::{sudor, until};
use crate::taking_over::{post, shadow};

#[tokio::test(flavor = "multi_thread")]
async fn what_other_rules_change_is_told_before_anything_is_changed() {
    let Some(brokers) = server("SUDOR_TEST_KAFKA") else {
        return;
    };
    let mut world = World::new(&brokers, "rules");
    world.run(&["topics", "create"]);
    let service = world.start("node").await;
    post(&world, &service);
    service.idle().await;

    // A shadow that is ended in the middle goes on where it was.
    world.set("SUDOR__RULES__PRE_CARB_SCALE", "0.5");
    let data = world.folder.path().join("node");
    let mut child = sudor(&["replay", "--shadow", "--data", data.to_str().unwrap()])
        .envs(world.settings())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("the shadow has begun", async || {
        (data.join("g2/log.db").exists() || child.try_wait().unwrap().is_some()).then_some(())
    })
    .await;
    // It may have ended by itself; then there is nothing left to do below.
    child.kill().unwrap_or_default();
    child.wait().unwrap();
    let report = shadow(&world, "node", &[]);
    assert_eq!(report["same"], false);
    assert!(
        report["recommendations_changed"].as_u64() > Some(0),
        "{report:#}"
    );
    assert_eq!(report["sessions_merged_differently"], 0, "{report:#}");
    let kinds: Vec<&String> = report["differences"].as_object().unwrap().keys().collect();
    assert_eq!(kinds, ["recommendation"], "{report:#}");
    for example in report["examples"]["recommendation"].as_array().unwrap() {
        assert_ne!(
            [&example["before"], &example["after"]],
            [&json!({}); 2],
            "{example:#}"
        );
    }

    // A generation is of one set of rules; the next one is free.
    world.set("SUDOR__RULES__PRE_CARB_SCALE", "1.0");
    let words = ["replay", "--shadow", "--data", data.to_str().unwrap()];
    let said = world.refused(&words);
    assert!(said.contains("--generation"), "{said}");
    let report = shadow(&world, "node", &["--generation", "3"]);
    assert_eq!(report["same"], true, "{report:#}");

    // Positions of a stream, and folders, are of a generation.
    let position = earliest(&service, "none").await.1;
    assert_eq!(earliest(&service, &position).await.0, 200);
    assert!(service.terminate().await.success());
    let inner = data.join("g3");
    let said = world.refused(&["run", "--data", inner.to_str().unwrap()]);
    assert!(said.contains("generation 3"), "{said}");
    world.set("SUDOR__LOG__GENERATION", "3");
    let service = world.start("node").await;
    service.idle().await;
    assert_eq!(earliest(&service, &position).await.0, 410);
    assert!(service.terminate().await.success());
    world.verify("node");
}

/// Asks for the stream after a position: the status, and the earliest position where it is refused.
async fn earliest(service: &crate::support::Service, position: &str) -> (u16, String) {
    let url = format!("{}/v1/stream?types=sessions", service.url);
    let asked = service.client.get(url).header("Last-Event-ID", position);
    let answer = asked.send().await.unwrap();
    let status = answer.status().as_u16();
    if status == 200 {
        return (status, String::new());
    }
    let said: serde_json::Value = answer.json().await.unwrap();
    let told = said["earliest"].as_str().unwrap_or_default().to_owned();
    (status, told)
}
