//! The program on a real broker: two processes share athletes and accounts, take over from one another,
//! and leave nothing missing and nothing twice.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a test that finds a server by its environment, and reads answers that it knows"
)]

#[cfg(test)]
#[allow(dead_code, reason = "shared with the suite of the program")]
#[path = "program/support.rs"]
mod support;

use std::io::Write;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use support::{SECRET, Service, assert_conserved, count, sudor, until};

fn server(variable: &str) -> Option<String> {
    if let Ok(address) = std::env::var(variable) {
        return Some(address);
    }
    let required = std::env::var("SUDOR_REQUIRE_SERVERS").is_ok_and(|value| value == "1");
    assert!(!required, "{variable} is not set and servers are required");
    let told = format!("SKIPPED: {variable} is not set; `cargo xtask servers test` sets it\n");
    std::io::stderr().write_all(told.as_bytes()).unwrap();
    None
}

/// One pipeline of its own on the broker.
struct World {
    folder: tempfile::TempDir,
    settings: Vec<(&'static str, String)>,
}

impl World {
    fn new(brokers: &str, name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("cluster.key");
        std::fs::write(&key, format!("{}\n", "5a".repeat(32))).unwrap();
        let prefix = format!("{name}{}.", std::process::id());
        let settings = vec![
            ("SUDOR__LOG__KIND", "kafka".to_owned()),
            ("SUDOR__LOG__BROKERS", brokers.to_owned()),
            ("SUDOR__LOG__TOPIC_PREFIX", prefix),
            ("SUDOR__LOG__PARTITIONS", "4".to_owned()),
            ("SUDOR__LOG__REPLICATION", "1".to_owned()),
            ("SUDOR__VAULT__KEY_FILE", key.display().to_string()),
        ];
        Self { folder, settings }
    }

    fn settings(&self) -> Vec<(&str, &str)> {
        let settings = self.settings.iter();
        settings
            .map(|(name, value)| (*name, value.as_str()))
            .collect()
    }

    fn output(&self, arguments: &[&str]) -> Output {
        sudor(arguments)
            .envs(self.settings())
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }

    fn run(&self, arguments: &[&str]) -> String {
        let done = self.output(arguments);
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        let told = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{arguments:?}: {said}{told}");
        said
    }

    /// What it says while it fails.
    fn refused(&self, arguments: &[&str]) -> String {
        let done = self.output(arguments);
        let said = [done.stdout, done.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert_eq!(done.status.code(), Some(1), "{arguments:?}: {said}");
        said
    }

    fn set(&mut self, name: &'static str, value: &str) {
        self.settings.retain(|(known, _)| *known != name);
        self.settings.push((name, value.to_owned()));
    }

    async fn start(&self, name: &str) -> Service {
        Service::start_with(&self.folder.path().join(name), &self.settings()).await
    }

    fn verify(&self, name: &str) {
        let data = self.folder.path().join(name);
        self.run(&["verify", "--json", "--data", data.to_str().unwrap()]);
    }
}

fn post(service: &Service, out: &Path) {
    let posted = sudor(&["simulate", "--athletes", "6", "--days", "2", "--seed", "5"])
        .args(["--end", "2026-10-01T00:00:00Z", "--post", &service.url])
        .args(["--garmin-secret", SECRET])
        .current_dir(out)
        .output()
        .unwrap();
    assert!(posted.status.success(), "{posted:?}");
}

/// What is live, by athlete, without what differs between two tellings of one thing.
async fn live(service: &Service) -> Vec<Value> {
    let mut all = Vec::new();
    for athlete in service.all("/v1/athletes").await {
        let id = athlete["athlete_id"].as_str().unwrap().to_owned();
        for what in ["sessions", "nights", "recommendations"] {
            all.extend(service.all(&format!("/v1/athletes/{id}/{what}")).await);
        }
    }
    all
}

fn workout(user: &str) -> Value {
    json!({"activities": [{"userId": user, "summaryId": "1", "activityId": 1,
        "activityType": "RUNNING", "startTimeInSeconds": 1_790_841_600, "startTimeOffsetInSeconds": 7_200,
        "durationInSeconds": 3_900, "distanceInMeters": 12_000.0}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_accounts_and_take_over_from_one_another() {
    let Some(brokers) = server("SUDOR_TEST_KAFKA") else {
        return;
    };
    let world = World::new(&brokers, "shared");
    world.run(&["topics", "create"]);
    assert!(
        !world.run(&["topics", "create"]).contains("created"),
        "made once"
    );
    let first = world.start("first").await;
    let second = world.start("second").await;

    // Registered and linked at one, known at the other, which takes the delivery.
    first.register("anna", "garmin-user-anna").await;
    until("the other process knows the account", async || {
        let (_, known) = second.get("/v1/athletes").await;
        let anna = known["items"]
            .as_array()?
            .iter()
            .find(|athlete| athlete["athlete_id"] == "anna")?;
        (anna["connections"] == json!(["garmin"])).then_some(())
    })
    .await;
    let (status, said) = second.push(&workout("garmin-user-anna")).await;
    assert_eq!(status, 200, "{said}");
    second.idle().await;
    assert_eq!(second.all("/v1/athletes/anna/sessions").await.len(), 1);

    // The first dies with work left; the second goes on with it.
    post(&first, world.folder.path());
    first.kill();
    let quality = second.idle().await;
    assert_conserved(&quality);
    let received = count(&quality, "garmin", "received");
    let after_the_death = live(&second).await;
    assert!(after_the_death.len() > 20, "the world has workouts");

    // It comes back, and takes in all of it again: nothing but duplicates.
    let first = world.start("first").await;
    post(&first, world.folder.path());
    let quality = first.idle().await;
    assert_conserved(&quality);
    assert!(count(&quality, "garmin", "received") > received);
    assert!(count(&quality, "garmin", "duplicate") >= received - 1);

    // The second leaves in an orderly way; what the first says is what the second said.
    second.idle().await;
    assert!(second.terminate().await.success());
    first.idle().await;
    assert_eq!(live(&first).await, after_the_death);
    assert!(first.terminate().await.success());
    world.verify("first");
    world.verify("second");
}

/// The id that the first raw record carries on the broker.
fn id_on_the_broker(brokers: &str, prefix: &str) -> u32 {
    let options = stream_kafka::KafkaOptions {
        brokers: brokers.to_owned(),
        prefix: prefix.to_owned(),
        group: "look".to_owned(),
        instance: "one".to_owned(),
        group_protocol: stream_kafka::GroupProtocol::Classic,
        partitions: 4,
        topics: &[("sudor.raw.garmin", true)],
        changelog: "sudor.changelog",
        state: std::path::PathBuf::new(),
        security: stream_kafka::Security::default(),
        ids: std::sync::Arc::default(),
        limits: stream_kafka::KafkaLimits::default(),
        now: || stream_log::LogTime(0),
    };
    let mut reader = stream_kafka::KafkaSubscriber::open(&options, None).unwrap();
    loop {
        let topics = [stream_log::Topic("sudor.raw.garmin")];
        let after = stream_log::Offset(0);
        let found = stream_log::Subscribe::read(&mut reader, &topics, after, 1, 1 << 20).unwrap();
        if let Some(first) = found.first() {
            return u32::from_be_bytes(first.record.value[1..5].try_into().unwrap());
        }
    }
}

async fn ask(request: reqwest::RequestBuilder) -> Value {
    let media = "application/vnd.schemaregistry.v1+json";
    let answer = request.header("content-type", media).send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert!(status.is_success(), "{status}: {text}");
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_has_its_schema_ids_from_one_registry() {
    let (Some(brokers), Some(registry)) =
        (server("SUDOR_TEST_KAFKA"), server("SUDOR_TEST_REGISTRY"))
    else {
        return;
    };
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut world = World::new(&brokers, "registry");
    world.set("SUDOR__LOG__REGISTRY_URL", &registry);
    let file = world.folder.path().join("sudor.toml");
    std::fs::write(&file, "[log]\nkind = \"kafka\"\n").unwrap();
    let check = ["schemas", "check", "--json", "--config", "sudor.toml"];
    let register = ["schemas", "register", "--json", "--config", "sudor.toml"];

    // Somebody else's schema is where ours should be.
    let subject = format!("{registry}/subjects/sudor.ticks-sudor.Tick");
    let alien = r#"{"type":"record","name":"Tick","namespace":"sudor","fields":[{"name":"other","type":"int"}]}"#;
    ask(client
        .post(format!("{subject}/versions"))
        .body(json!({"schema": alien}).to_string()))
    .await;
    ask(client
        .put(format!("{registry}/config"))
        .body(r#"{"compatibility":"FULL_TRANSITIVE"}"#))
    .await;
    assert!(world.refused(&check).contains("incompatible"));
    world.run(&["topics", "create"]);
    let data = world.folder.path().join("refused");
    let run = ["run", "--data", data.to_str().unwrap()];
    let said = world.refused(&run);
    assert!(said.contains("sudor.ticks-sudor.Tick"), "{said}");
    ask(client.delete(&subject)).await;

    // Ids of the registry, on topics of their own; those made with the lock's stay with them.
    world.set("SUDOR__LOG__SCHEMA_IDS", "registry");
    let said = world.refused(&["topics", "create"]);
    assert!(said.contains("mixed"), "{said}");
    let prefix = format!("ids{}.", std::process::id());
    world.set("SUDOR__LOG__TOPIC_PREFIX", &prefix);
    world.run(&["topics", "create"]);
    let said = world.refused(&run);
    assert!(said.contains("schemas register"), "{said}");
    let first: Value = serde_json::from_str(&world.run(&register)).unwrap();
    let again: Value = serde_json::from_str(&world.run(&register)).unwrap();
    assert_eq!(first, again, "registering again changes nothing");
    assert!(world.run(&check).contains("\"ok\": true"));

    let service = world.start("ids").await;
    service.register("anna", "garmin-user-anna").await;
    let (status, said) = service.push(&workout("garmin-user-anna")).await;
    assert_eq!(status, 200, "{said}");
    let quality = service.idle().await;
    let letters = service.all("/v1/dead-letters").await;
    let sessions = service.all("/v1/athletes/anna/sessions").await;
    assert_eq!(sessions.len(), 1, "{quality} {letters:?} {}", service.log());
    assert!(service.terminate().await.success());
    world.verify("ids");
    let raw = first["items"].as_array().unwrap().iter();
    let mut raw = raw.filter(|one| one["subject"] == "sudor.raw.garmin-sudor.RawReceived");
    let raw = raw.next_back().unwrap();
    let on_the_broker = id_on_the_broker(&brokers, &prefix);
    assert_eq!(u64::from(on_the_broker), raw["id"].as_u64().unwrap());
    assert_ne!(raw["id"], raw["own_id"], "the registry counts by itself");

    world.set("SUDOR__LOG__SCHEMA_IDS", "lock");
    let said = world.refused(&run);
    assert!(said.contains("mixed"), "{said}");
}
