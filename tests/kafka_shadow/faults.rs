//! `verify` of a log on Kafka finds what is wrong with it: a commit that is there twice, and an input
//! that the copy lost.

use rusqlite::Connection;
use schemas::topic::CHANGELOG;
use serde_json::Value;
use stream_kafka::KafkaAppender;
use stream_log::{Append, Header, Key, LogTime, Record, Topic, partition_of};

use crate::cluster::{World, server};
use crate::taking_over::post;

fn findings(world: &World) -> Vec<String> {
    let data = world.folder.path().join("node");
    let done = world.output(&["verify", "--json", "--data", data.to_str().unwrap()]);
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(done.status.success(), report["ok"] == true, "{report:#}");
    assert!(report["commits"].as_u64() > Some(0), "{report:#}");
    let found = report["findings"].as_array().unwrap().iter();
    found
        .map(|one| one["what"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_twice_and_an_input_that_is_lost_are_found() {
    let Some(brokers) = server("SUDOR_TEST_KAFKA") else {
        return;
    };
    let world = World::new(&brokers, "faults");
    world.run(&["topics", "create"]);
    let service = world.start("node").await;
    post(&world, &service);
    service.idle().await;
    assert!(service.terminate().await.success());
    assert_eq!(findings(&world), [""; 0]);

    // What an owner that was shut out would leave: the end of a commit that others had made before.
    let mut options = world.options();
    let key = "P";
    let partition = partition_of(key, options.partitions);
    let log = Connection::open(world.folder.path().join("node/log.db")).unwrap();
    let input = "SELECT name FROM records JOIN topics ON id = topic WHERE name LIKE 'sudor.raw.%' AND partition = ?1";
    let input: String = log
        .query_row(input, [partition.0], |row| row.get(0))
        .unwrap();
    options.topics = &[(CHANGELOG, false)];
    let doubled = Record {
        topic: Topic(CHANGELOG),
        key: Key::new(key),
        received_at: LogTime(0),
        headers: vec![Header {
            name: "source",
            value: format!("{input}/{}/0 ", partition.0).into(),
        }],
        value: format!("{input} 1\n").into_bytes(),
    };
    KafkaAppender::open(&options)
        .unwrap()
        .append(vec![doubled])
        .unwrap();
    let found = findings(&world);
    assert!(
        found.contains(&"input_committed_again".to_owned()),
        "{found:?}"
    );

    // The copy loses an input in the middle of a partition.
    let lost =
        "DELETE FROM records WHERE seq = (SELECT seq FROM records WHERE partition = ?1
        AND topic = (SELECT id FROM topics WHERE name = 'sudor.raw.healthkit') ORDER BY seq LIMIT 1 OFFSET 1)";
    let hit = (0..options.partitions).any(|partition| log.execute(lost, [partition]).unwrap() > 0);
    assert!(hit);
    let found = findings(&world);
    assert!(found.contains(&"log_gap".to_owned()), "{found:?}");
    assert!(found.contains(&"input_missing".to_owned()), "{found:?}");
}
