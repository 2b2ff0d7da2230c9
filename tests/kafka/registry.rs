//! Where the ids of schemas come from, and that a cluster has one such place.

use serde_json::{Value, json};
use stream_log::Topic;

use crate::cluster::{Reading, World, server, workout};

/// The id that the first raw record carries on the broker.
fn id_on_the_broker(world: &World) -> u32 {
    let mut reading = Reading::new(world, vec![Topic("sudor.raw.garmin")]);
    let found = reading.rest();
    u32::from_be_bytes(found[0].record.value[1..5].try_into().unwrap())
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
    let on_the_broker = id_on_the_broker(&world);
    assert_eq!(u64::from(on_the_broker), raw["id"].as_u64().unwrap());
    assert_ne!(raw["id"], raw["own_id"], "the registry counts by itself");

    world.set("SUDOR__LOG__SCHEMA_IDS", "lock");
    let said = world.refused(&run);
    assert!(said.contains("mixed"), "{said}");
}
