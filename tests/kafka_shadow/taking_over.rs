//! Cut-over and roll-back while deliveries arrive: every acknowledged one is there once in each
//! generation, whoever served meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use schemas::AnyRecord;
use schemas::topic::{PROFILES, RECOMMENDATIONS, SESSIONS, SWEAT_LOSSES};
use serde_json::{Value, json};
use stream_log::Topic;

use crate::cluster::{Reading, World, server};
use crate::load::{ATHLETE, Load};
use crate::support::{SECRET, Service, count, sudor, until};

const GENERATION: &str = "SUDOR__LOG__GENERATION";

pub(crate) fn shadow(world: &World, name: &str, more: &[&str]) -> Value {
    let data = world.folder.path().join(name);
    let words = [
        "replay",
        "--shadow",
        "--json",
        "--data",
        data.to_str().unwrap(),
    ];
    serde_json::from_str(&world.run(&[&words, more].concat())).unwrap()
}

/// Six athletes of two days, through every connector.
pub(crate) fn post(world: &World, service: &Service) {
    let posted = sudor(&["simulate", "--athletes", "6", "--days", "2", "--seed", "5"])
        .args(["--end", "2026-10-01T00:00:00Z", "--post", &service.url])
        .args(["--garmin-secret", SECRET])
        .current_dir(world.folder.path())
        .output()
        .unwrap();
    assert!(posted.status.success(), "{posted:?}");
}

async fn workouts(service: &Service) -> i64 {
    let known = service.all("/v1/athletes").await;
    if known.iter().all(|athlete| athlete["athlete_id"] != ATHLETE) {
        return 0;
    }
    let found = service
        .all(&format!("/v1/athletes/{ATHLETE}/sessions"))
        .await;
    i64::try_from(found.len()).unwrap()
}

/// The process serves everything that was acknowledged when this is asked.
async fn serves(service: &Service, load: &Load) {
    let due = load.acknowledged();
    until("everything that was acknowledged is served", async || {
        (workouts(service).await >= due).then_some(())
    })
    .await;
}

/// What is live, without what differs between two derivations: names and numbers.
async fn live(service: &Service) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for athlete in service.all("/v1/athletes").await {
        let id = athlete["athlete_id"].as_str().unwrap().to_owned();
        for what in ["sessions", "nights", "recommendations"] {
            for one in service.all(&format!("/v1/athletes/{id}/{what}")).await {
                all.insert(format!("{id} {what} {}", one["content_hash"]));
            }
        }
    }
    all
}

/// No fact twice, every revision above the one before, and one live session for each workout.
fn assert_each_once(world: &World, workouts: i64) {
    let topics = [SESSIONS, SWEAT_LOSSES, PROFILES, RECOMMENDATIONS].map(Topic);
    let mut ids = BTreeSet::new();
    let mut sessions: BTreeMap<String, (i64, bool)> = BTreeMap::new();
    for read in Reading::new(world, topics.to_vec()).rest() {
        let id = read
            .record
            .headers
            .iter()
            .find(|header| header.name == "ce_id");
        let id = String::from_utf8_lossy(&id.unwrap().value).into_owned();
        assert!(ids.insert(id.clone()), "{id} is there twice");
        let (session, revision, is_live) = match schemas::decode_any(&read.record.value).unwrap() {
            AnyRecord::SessionRevised(fact) => (fact.session_id, fact.revision, true),
            AnyRecord::SessionRetracted(fact) => (fact.session_id, fact.revision, false),
            _ => continue,
        };
        let key = format!("{} {session}", read.record.key.as_str());
        let before = sessions.insert(key, (revision, is_live));
        assert!(
            before.is_none_or(|(before, _)| before < revision),
            "{session}"
        );
    }
    let is_annas = |key: &str| key.starts_with(&format!("default/{ATHLETE} "));
    let live = sessions
        .iter()
        .filter(|(key, (_, live))| *live && is_annas(key));
    assert_eq!(i64::try_from(live.count()).unwrap(), workouts);
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_over_and_going_back_under_load_loses_nothing_and_doubles_nothing() {
    let Some(brokers) = server("SUDOR_TEST_KAFKA") else {
        return;
    };
    let mut world = World::new(&brokers, "generations");
    world.run(&["topics", "create"]);
    // One process takes in all the time; the other one derives and serves.
    let door = world.start_as("door", "ingest").await;
    let first = world.start("node").await;
    post(&world, &door);
    let load = Load::on(&door).await;
    serves(&first, &load).await;

    let report = shadow(&world, "node", &[]);
    assert_eq!(report["same"], true, "by the same rules: {report:#}");
    assert_eq!(report["generations"], json!({"live": 1, "shadow": 2}));
    // Whom something is delivered for at every look is not compared.
    let number = |name: &str| report[name].as_u64().unwrap();
    assert!(number("athletes") >= 6, "{report:#}");
    assert_eq!(number("athletes") + number("athletes_in_motion"), 7);

    // The new generation serves.
    assert!(first.terminate().await.success());
    world.set(GENERATION, "2");
    let second = world.start("node").await;
    serves(&second, &load).await;

    // It is left again: the one of before catches up.
    assert!(second.terminate().await.success());
    world.set(GENERATION, "1");
    let first = world.start("node").await;
    serves(&first, &load).await;
    let acknowledged = load.end().await;
    let quality = first.idle().await;
    assert_eq!(workouts(&first).await, acknowledged);
    let told = live(&first).await;
    assert!(first.terminate().await.success());
    world.verify("node");
    assert_each_once(&world, acknowledged);

    // And back once more: it has what came in while nobody derived it.
    world.set(GENERATION, "2");
    let second = world.start("node").await;
    serves_all(&second, acknowledged).await;
    let again = second.idle().await;
    for source in ["garmin", "healthkit", "app"] {
        let counts = |quality: &Value| {
            ["received", "accepted", "dead_lettered"].map(|what| count(quality, source, what))
        };
        assert_eq!(counts(&again), counts(&quality), "{source}");
    }
    assert_eq!(live(&second).await, told);
    assert!(second.terminate().await.success());
    world.verify("node");
    assert_each_once(&world, acknowledged);
    assert!(door.terminate().await.success());

    // Without a process on either side, all of it is compared.
    world.set(GENERATION, "1");
    let report = shadow(&world, "node", &[]);
    assert_eq!(report["same"], true, "{report:#}");
    assert_eq!(
        (&report["athletes"], &report["athletes_in_motion"]),
        (&json!(7), &json!(0))
    );
}

async fn serves_all(service: &Service, due: i64) {
    until("everything is served", async || {
        (workouts(service).await == due).then_some(())
    })
    .await;
}
