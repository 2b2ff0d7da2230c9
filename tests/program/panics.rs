//! An input that makes a rule panic, and the way back once the cause is gone.

use serde_json::{Value, json};

use super::support::{Service, assert_verified, count, json as run_json, output, sudor, until};

const FAULT: (&str, &str) = ("SUDOR__DEBUG__PANIC_ON_PROVIDER_ID", "666");

fn run(account: &str, id: u64) -> Value {
    json!({
        "userId": account, "activityId": id, "activityType": "RUNNING",
        "startTimeInSeconds": 1_740_000_000 + id * 10_000, "durationInSeconds": 3600,
        "distanceInMeters": 10_000.0
    })
}

/// Two athletes, one of whom sends the item that no rule survives between two good ones.
async fn poison(service: &Service) -> Value {
    service.register("ada", "acc-a").await;
    service.register("bob", "acc-b").await;
    let items = [
        run("acc-a", 1),
        run("acc-b", 2),
        run("acc-a", 666),
        run("acc-b", 3),
        run("acc-a", 4),
    ];
    let (status, said) = service.push(&json!({ "activities": items })).await;
    assert_eq!(status, 200, "{said}");
    service.idle().await
}

async fn sessions(service: &Service, athlete: &str) -> usize {
    let path = format!("/v1/athletes/{athlete}/sessions");
    service.all(&path).await.len()
}

/// The letters of the athlete who is set aside, in order of their cause: first the item that made
/// the rule fail, then what came while nobody knew what state that athlete is in.
async fn set_aside(service: &Service) -> Vec<String> {
    let mut letters = service.all("/v1/dead-letters").await;
    letters.sort_by_key(|letter| letter["provider_id"] != "666");
    assert!(
        letters
            .iter()
            .all(|letter| letter["reason"] == "rule_panic")
    );
    let of = |name: &str| -> Vec<String> {
        let text = |letter: &Value| letter[name].as_str().unwrap().to_owned();
        letters.iter().map(text).collect()
    };
    assert_eq!(of("provider_id"), ["666", "4"]);
    assert_eq!(of("athlete_id"), ["ada", "ada"]);
    of("id")
}

#[tokio::test]
async fn a_rule_that_panics_sets_one_athlete_aside_and_stops_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let service = Service::start_with(&data, &[FAULT]).await;
    let quality = poison(&service).await;
    assert_eq!(quality["quarantined"], json!(["default/ada"]), "{quality}");
    let letters = set_aside(&service).await;
    assert_eq!(sessions(&service, "bob").await, 2);
    assert_eq!(sessions(&service, "ada").await, 1);
    assert!(service.terminate().await.success());
    let verified = sudor(&["verify", "--data", data.to_str().unwrap()])
        .env(FAULT.0, FAULT.1)
        .output()
        .unwrap();
    assert!(verified.status.success(), "{verified:?}");

    let service = Service::start(&data).await;
    for id in &letters {
        let path = format!("/v1/dead-letters/{id}/replay");
        let (status, said) = service.post(&path, "").await;
        assert_eq!(status, 202, "{said}");
    }
    let quality = until("the replays are accepted", async || {
        let quality = service.idle().await;
        (count(&quality, "garmin", "dead_lettered") == 0).then_some(quality)
    })
    .await;
    assert_eq!(count(&quality, "garmin", "accepted"), 5);
    assert_eq!(quality["quarantined"], json!([]));
    assert_eq!(sessions(&service, "ada").await, 3);
    assert!(service.all("/v1/dead-letters").await.is_empty());
    for (id, expected) in [(letters[0].as_str(), 409), ("none", 404)] {
        let path = format!("/v1/dead-letters/{id}/replay");
        assert_eq!(service.post(&path, "").await.0, expected);
    }
    assert!(service.terminate().await.success());
    assert_verified(&data);
}

#[tokio::test]
async fn dead_letters_are_listed_shown_and_replayed_without_a_service() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let service = Service::start_with(&data, &[FAULT]).await;
    poison(&service).await;
    let ids = set_aside(&service).await;
    let folder_name = data.to_str().unwrap();
    let list = ["dead-letters", "list", "--json", "--data", folder_name];
    assert_eq!(run_json(&list)["items"].as_array().unwrap().len(), 2);
    let (first, second) = (ids[0].as_str(), ids[1].as_str());
    let beside = output(&["dead-letters", "replay", first, "--data", folder_name]);
    assert_eq!(beside.status.code(), Some(1));
    let text = String::from_utf8_lossy(&beside.stderr);
    assert!(text.contains("POST /v1/dead-letters"), "{text}");
    assert!(service.terminate().await.success());

    let show = [
        "dead-letters",
        "show",
        first,
        "--json",
        "--data",
        folder_name,
    ];
    let shown = run_json(&show);
    assert_eq!(shown["id"], first);
    assert!(shown["body_base64"].is_string());
    for asked in [&["show", "none"][..], &["replay", first, "none"]] {
        let words = [&["dead-letters"], asked, &["--data", folder_name]].concat();
        let missing = output(&words);
        assert_eq!(missing.status.code(), Some(2), "{asked:?}");
        let text = String::from_utf8_lossy(&missing.stderr);
        assert!(text.contains("there is no dead letter none"), "{text}");
    }
    assert_eq!(run_json(&list)["items"].as_array().unwrap().len(), 2);
    let replay = [
        "dead-letters",
        "replay",
        first,
        second,
        "--json",
        "--data",
        folder_name,
    ];
    let replayed = run_json(&replay);
    assert_eq!(replayed["resolved"], 2, "{replayed}");
    assert_eq!(run_json(&list)["items"], json!([]));
}

#[tokio::test]
async fn verify_holds_after_a_replay() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let service = Service::start(&data).await;
    service.register("ada", "acc-a").await;
    let item = json!({"activities": [run("acc-x", 1), run("acc-a", 2)]});
    assert_eq!(service.push(&item).await.0, 200);
    service.idle().await;
    let letters = service.all("/v1/dead-letters").await;
    let id = letters[0]["id"].as_str().unwrap();
    let path = format!("/v1/dead-letters/{id}/replay");
    assert_eq!(service.post(&path, "").await.0, 202);
    // Nobody has the account yet: the same letter, one attempt later.
    let attempts = until("the letter is rejected again", async || {
        service.idle().await;
        let (_, letter) = service.get(&format!("/v1/dead-letters/{id}")).await;
        letter["attempts"].as_i64().filter(|attempts| *attempts > 1)
    })
    .await;
    assert_eq!(attempts, 2);
    service.link("ada", "acc-x").await;
    until("the letter is replayed", async || {
        let quality = service.idle().await;
        (count(&quality, "garmin", "dead_lettered") == 0).then_some(())
    })
    .await;
    assert_eq!(sessions(&service, "ada").await, 2);
    assert!(service.terminate().await.success());
    assert_verified(&data);
}
