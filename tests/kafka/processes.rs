//! Two processes share athletes and accounts, take over from one another, and leave nothing missing and
//! nothing twice.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::cluster::{World, server, workout};
use crate::support::{SECRET, Service, count, sudor, until};

/// How many items were taken in.
fn post(service: &Service, out: &Path) -> i64 {
    let posted = sudor(&["simulate", "--athletes", "6", "--days", "2", "--seed", "5"])
        .args(["--end", "2026-10-01T00:00:00Z", "--post", &service.url])
        .args(["--garmin-secret", SECRET, "--json"])
        .current_dir(out)
        .output()
        .unwrap();
    assert!(posted.status.success(), "{posted:?}");
    let told: Value = serde_json::from_slice(&posted.stdout).unwrap();
    assert_eq!(told["refused"], 0, "{told}");
    told["items"].as_i64().unwrap()
}

/// Of what is posted: weather is asked for.
fn sum(quality: &Value, what: &str) -> i64 {
    let sources = quality["sources"].as_object().unwrap();
    let posted = sources.keys().filter(|source| *source != "weather");
    posted.map(|source| count(quality, source, what)).sum()
}

/// The quality page once so many items are counted and nothing is left to do. What another process took
/// in is on its way until it is seen here.
async fn idle_after(service: &Service, items: i64) -> Value {
    until("all items are processed", async || {
        let (_, quality) = service.get("/v1/quality").await;
        (sum(&quality, "received") >= items).then_some(())
    })
    .await;
    let quality = service.idle().await;
    assert_eq!(sum(&quality, "received"), items, "{quality}");
    quality
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
    let posted = post(&first, world.folder.path());
    first.kill();
    idle_after(&second, 1 + posted).await;
    let after_the_death = live(&second).await;
    assert!(after_the_death.len() > 20, "the world has workouts");

    // It comes back, and takes in all of it again: nothing but duplicates.
    let first = world.start("first").await;
    let again = post(&first, world.folder.path());
    assert_eq!(again, posted);
    let quality = idle_after(&first, 1 + posted + again).await;
    let sources = quality["sources"].as_object().unwrap();
    let duplicates = sources
        .keys()
        .map(|source| count(&quality, source, "duplicate"));
    assert!(duplicates.sum::<i64>() >= again, "{quality}");

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

/// Verdict and detail of one check of the doctor, if there is such a check.
fn checked(world: &World, name: &str) -> Option<(String, String)> {
    let done = world.output(&["doctor", "--json", "--data", "new"]);
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["check"] == name)?;
    let word = |key: &str| check[key].as_str().unwrap().to_owned();
    Some((word("verdict"), word("detail")))
}

#[test]
fn the_doctor_says_that_no_broker_answers_and_who_was_asked() {
    let world = World::new("127.0.0.1:1,127.0.0.1:2", "nobody");
    let (verdict, detail) = checked(&world, "brokers").unwrap();
    assert_eq!(verdict, "failed", "{detail}");
    assert!(detail.contains("127.0.0.1:1,127.0.0.1:2"), "{detail}");
    assert_eq!(detail.matches("refused").count(), 2, "{detail}");
    assert_eq!(checked(&world, "topics"), None);
    assert!(!world.folder.path().join("new").exists());
}

#[test]
fn the_doctor_looks_whether_the_topics_are_as_they_are_made() {
    let Some(brokers) = server("SUDOR_TEST_KAFKA") else {
        return;
    };
    let mut world = World::new(&brokers, "doctor");
    let (verdict, detail) = checked(&world, "brokers").unwrap();
    assert_eq!(verdict, "ok", "{detail}");
    assert!(detail.contains(&brokers), "{detail}");
    let (verdict, detail) = checked(&world, "topics").unwrap();
    assert_eq!(verdict, "failed", "{detail}");
    assert!(detail.contains("topics are not there"), "{detail}");
    world.run(&["topics", "create"]);
    let (verdict, detail) = checked(&world, "topics").unwrap();
    assert_eq!(verdict, "ok", "{detail}");
    world.set("SUDOR__LOG__PARTITIONS", "3");
    let (verdict, detail) = checked(&world, "topics").unwrap();
    assert_eq!(verdict, "failed", "{detail}");
    assert!(detail.contains("log.partitions is 3"), "{detail}");
    world.set("SUDOR__LOG__PARTITIONS", "4");
}

#[test]
fn a_start_without_any_broker_says_whom_it_waits_for_before_it_gives_up() {
    let world = World::new("127.0.0.1:1", "silent");
    let mut service = sudor(&["run", "--data", "data"])
        .envs(world.settings())
        .current_dir(world.folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = BufReader::new(service.stderr.take().unwrap());
    let first = log.lines().next().unwrap().unwrap();
    service.kill().unwrap();
    service.wait().unwrap();
    let first: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(first["level"], "WARN", "{first}");
    assert_eq!(first["brokers"], "127.0.0.1:1", "{first}");
    let until = first["until"].as_str().unwrap();
    assert!(until.ends_with('Z'), "{first}");
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
