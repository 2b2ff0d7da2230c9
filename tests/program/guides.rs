//! The guides' commands, run as they are written: a guide that lies is worse than none.
//!
//! Only addresses, folders and ids are put in. What cannot be run here is listed, each with its reason.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::tempdir;

use super::support::{SECRET, Service};

/// Commands that are not run, by how they begin.
const NOT_RUN: [(&str, &str); 6] = [
    ("sudor run  ", "it is the service that the others talk to"),
    ("sudor tail --data ./sudor-data  ", "it goes on for ever"),
    (
        "sudor simulate --athletes 5",
        "the vendors' tests run it, with free ports",
    ),
    (
        "sudor dead-letters replay",
        "it is for a folder without a service; its own test runs it",
    ),
    (
        "sudor verify",
        "it is run at the end, when all is processed",
    ),
    ("curl -X POST https://www.strava.com", "it asks Strava"),
];

/// The commands of a page: what stands in its blocks of shell, with lines that belong together joined.
fn commands(page: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let (mut inside, mut open) = (false, false);
    for line in page.lines() {
        let bare = line.trim_start();
        if bare.starts_with("```") {
            inside = bare == "```sh";
            open = false;
            continue;
        }
        if !inside || bare.is_empty() || (!open && bare.starts_with('#')) {
            continue;
        }
        match commands.last_mut() {
            Some(last) if open => {
                last.push('\n');
                last.push_str(bare);
            }
            _ => commands.push(bare.to_owned()),
        }
        let text = commands.last().unwrap();
        open = text.ends_with('\\') || text.matches('\'').count() % 2 == 1;
    }
    commands
}

async fn first(service: &Service, path: &str, name: &str) -> Option<String> {
    // Nothing is there before the guide has made it.
    let (_, list) = service.get(path).await;
    list["items"][0][name].as_str().map(str::to_owned)
}

/// The command with this service, this folder and ids that are there.
async fn filled(service: &Service, folder: &Path, command: &str) -> String {
    let data = service.data.display().to_string();
    let mut text = command
        .replace("http://127.0.0.1:8080", &service.url)
        .replace(" /backups/", &format!(" {}/backups/", folder.display()))
        .replace("./sudor-data", &data);
    text = text
        .replace("garmin/SECRET", &format!("garmin/{SECRET}"))
        .replace("strava/SECRET", &format!("strava/{SECRET}"))
        .replace("=TOKEN", "=token");
    let session = first(service, "/v1/athletes/anna/sessions", "session_id").await;
    let loss = first(service, "/v1/athletes/anna/sweat-losses", "loss_id").await;
    let letter = first(service, "/v1/dead-letters", "id").await;
    for (word, id) in [
        ("SESSION_ID", session.clone()),
        ("session ID", session.map(|id| format!("session {id}"))),
        ("LOSS_ID", loss),
        ("show ID", letter.clone().map(|id| format!("show {id}"))),
        (
            "dead-letters/ID",
            letter.map(|id| format!("dead-letters/{id}")),
        ),
    ] {
        if text.contains(word) {
            text = text.replace(word, &id.unwrap_or_else(|| panic!("there is no {word}")));
        }
    }
    text
}

/// In a shell whose `sudor` is this build's, and whose `curl` fails on a refusal.
fn run(folder: &Path, command: &str) -> String {
    let shell = format!(
        "set -euo pipefail\nINGEST_KEY=sudor_a_b READ_KEY=sudor_c_d\nsudor() {{ '{}' \"$@\"; }}\n\
         curl() {{ case \" $* \" in *' -N '*) command curl -sS --max-time 3 \"$@\" || true;; \
         *) command curl -sS --fail-with-body \"$@\";; esac; }}\n{command}\n",
        env!("CARGO_BIN_EXE_sudor")
    );
    let done = Command::new("bash")
        .arg("-c")
        .arg(shell)
        .current_dir(folder)
        .output()
        .unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    assert!(done.status.success(), "{command}\n{said}");
    said
}

async fn follow(guide: &str) -> Vec<String> {
    let folder = tempdir().unwrap();
    let settings = [
        ("SUDOR__AUTH__REQUIRED", "off"),
        ("SUDOR__STRAVA__SECRET", SECRET),
        ("SUDOR__STRAVA__VERIFY_TOKEN", "token"),
    ];
    let service = Service::start_with(&folder.path().join("data"), &settings).await;
    // What the guides take for granted: a delivery, a configuration, and something to show.
    let workout = |user: &str| {
        json!({"activities": [{"userId": user, "summaryId": "1", "activityId": 1,
        "activityType": "RUNNING", "startTimeInSeconds": 1_790_841_600, "startTimeOffsetInSeconds": 7_200,
        "durationInSeconds": 3_900, "distanceInMeters": 12_000.0}]})
    };
    std::fs::write(
        folder.path().join("push.json"),
        workout("garmin-user-1").to_string(),
    )
    .unwrap();
    std::fs::write(
        folder.path().join("sudor.toml"),
        "[http]\nbind = \"127.0.0.1:0\"\n",
    )
    .unwrap();
    if !guide.contains("-d @push.json") {
        service.register("anna", "garmin-user-1").await;
        assert_eq!(service.push(&workout("garmin-user-1")).await.0, 200);
    }
    assert_eq!(
        service
            .push(&json!({"activities": [{"userId": "nobody", "activityId": 2}]}))
            .await
            .0,
        200
    );
    service.idle().await;
    let mut said = Vec::new();
    for command in commands(guide) {
        if NOT_RUN.iter().any(|(begin, _)| command.starts_with(begin)) {
            continue;
        }
        let text = filled(&service, folder.path(), &command).await;
        said.push(run(folder.path(), &text));
        service.idle().await;
    }
    let data = service.data.display().to_string();
    run(folder.path(), &format!("sudor verify --data {data}"));
    said
}

fn page(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs/guides")
        .join(name);
    std::fs::read_to_string(file).unwrap()
}

#[tokio::test]
async fn every_command_of_the_app_developers_guide_does_what_it_says() {
    let said = follow(&page("app-developer.md")).await;
    assert!(said.len() >= 14, "{}", said.len());
    let all = said.join("\n");
    for part in [
        "\"accepted\":1",
        "event: Recommendation",
        "event: SessionRevised",
        "\"winner\"",
    ] {
        assert!(all.contains(part), "{part} in {all}");
    }
    let lists: Vec<Value> = said
        .iter()
        .filter_map(|text| serde_json::from_str(text).ok())
        .collect();
    assert!(lists.iter().any(|list| {
        list["items"]
            .as_array()
            .is_some_and(|items| !items.is_empty())
    }));
}

/// The guide makes keys first, and the first one closes the door.
#[test]
fn every_request_of_the_app_developers_guide_that_needs_a_key_sends_one() {
    let page = page("app-developer.md");
    let requests = commands(&page).into_iter().filter(|c| c.contains("/v1/"));
    let requests: Vec<String> = requests.collect();
    assert!(requests.len() >= 12, "{requests:?}");
    for request in requests {
        let writes = request.contains("-X P");
        let key = if writes { "$INGEST_KEY" } else { "$READ_KEY" };
        let header = format!("-H \"authorization: Bearer {key}\"");
        assert!(request.contains(&header), "{request}");
    }
}

#[tokio::test]
async fn every_command_of_the_operators_guide_does_what_it_says() {
    let said = follow(&page("operator.md")).await;
    assert!(said.len() >= 8, "{}", said.len());
    assert!(
        said.iter().any(|text| text.contains("hub.challenge")),
        "{said:?}"
    );
}

#[test]
fn commands_are_found_with_what_belongs_to_them() {
    let page = "```sh\n# why\na 1 \\\n  -b\ncurl -d '{\"x\":\n 1}'\n```\n```toml\nno = 1\n```\n  ```sh\n  c\n  ```\n";
    assert_eq!(commands(page), ["a 1 \\\n-b", "curl -d '{\"x\":\n1}'", "c"]);
}
