//! Two processes share athletes and accounts, take over from one another, and leave nothing missing and
//! nothing twice.

use std::path::Path;

use serde_json::{Value, json};

use crate::cluster::{World, server, workout};
use crate::support::{SECRET, Service, assert_conserved, count, sudor, until};

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

/// The exit code, and all that is said.
fn told(world: &World, arguments: &[&str]) -> (i32, String) {
    let done = world.output(arguments);
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (done.status.code().unwrap(), said)
}

#[test]
fn without_the_key_of_all_processes_none_starts() {
    // Nobody is asked: it is refused before.
    let mut world = World::new("127.0.0.1:1", "keyless");
    let run = ["run", "--data", "data"];
    let doctor = ["doctor", "--data", "data"];
    let (_, said) = told(&world, &doctor);
    assert!(!said.contains("key_file"), "{said}");
    for (file, refusal) in [
        ("", "log.kind = \"kafka\" needs vault.key_file"),
        ("elsewhere.key", "elsewhere.key is not there"),
    ] {
        world.set("SUDOR__VAULT__KEY_FILE", file);
        let (code, said) = told(&world, &run);
        assert_eq!(code, 2, "{said}");
        assert!(said.contains(refusal), "{said}");
        assert!(said.contains("openssl rand -hex 32"), "{said}");
        let (code, said) = told(&world, &doctor);
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(refusal), "{said}");
    }
    assert!(!world.folder.path().join("data/vault.db").exists());
}
