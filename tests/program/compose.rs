//! The compose file: keys that the program takes, a set-up that makes secrets once, files that are there.
//! No container is started here.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::tempdir;

use super::chart::{python, succeeded};
use super::support::{Service, sudor};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// YAML as JSON; `None` where no Python is set, which is a loud skip.
fn yaml(text: &str) -> Option<Value> {
    let mut python = Command::new(python()?)
        .args([
            "-c",
            "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = python.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).unwrap();
    drop(stdin);
    serde_json::from_str(&succeeded(&python.wait_with_output().unwrap())).ok()
}

fn compose() -> Option<Value> {
    yaml(&read("deploy/compose.yaml"))
}

/// As compose would set it where nothing else is set: `${NAME:-this}`.
fn environment(service: &Value) -> BTreeMap<String, String> {
    let set = |value: &str| {
        let default = value.strip_prefix("${").and_then(|it| it.strip_suffix('}'));
        let default = default.and_then(|it| it.split_once(":-"));
        default.map_or(value, |(_, default)| default).to_owned()
    };
    let all = service["environment"].as_object().unwrap().iter();
    all.map(|(name, value)| (name.clone(), set(value.as_str().unwrap())))
        .collect()
}

#[test]
fn the_program_takes_its_configuration() {
    let Some(file) = compose() else { return };
    let service = &file["services"]["sudor"];
    let printed = sudor(&["run", "--print-config", "--json"])
        .envs(environment(service))
        .output()
        .unwrap();
    let said = [printed.stdout.as_slice(), &printed.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(
        printed.status.success() || said.contains("with the feature"),
        "{said}"
    );
    assert_eq!(
        environment(service),
        environment(&file["services"]["setup"])
    );
}

#[test]
fn its_files_are_there_and_its_images_are_those_that_the_tests_run_against() {
    let Some(file) = compose() else { return };
    let services = file["services"].as_object().unwrap();
    for (name, service) in services {
        for mount in service["volumes"].as_array().into_iter().flatten() {
            let from = mount.as_str().unwrap().split(':').next().unwrap();
            let is_file = from.starts_with('.');
            let known = if is_file {
                root().join("deploy").join(from).exists()
            } else {
                file["volumes"].get(from).is_some()
            };
            assert!(known, "{name}: {from}");
        }
        for other in service["depends_on"]
            .as_object()
            .into_iter()
            .flat_map(|it| it.keys())
        {
            assert!(services.contains_key(other), "{name} waits for {other}");
        }
        let image = service["image"].as_str().unwrap();
        let tag = image.rsplit_once(':').map(|(_, tag)| tag);
        assert!(tag.is_some_and(|tag| tag != "latest"), "{name}: {image}");
    }
    for (server, artifact) in [("kafka", "kafka.version"), ("cassandra", "version")] {
        let image = services[server]["image"].as_str().unwrap();
        let version = image.rsplit_once(':').unwrap().1;
        let pom = read(&format!("xtask/servers/{server}.xml"));
        assert!(
            pom.contains(&format!("<{artifact}>{version}</{artifact}>")),
            "{image}"
        );
    }
}

#[test]
fn prometheus_finds_the_service_its_key_and_its_rules() {
    let (Some(file), Some(scrape)) = (compose(), yaml(&read("deploy/prometheus/prometheus.yml")))
    else {
        return;
    };
    let job = &scrape["scrape_configs"][0];
    assert_eq!(job["static_configs"][0]["targets"][0], "sudor:8080");
    let mounted: Vec<&str> = file["services"]["prometheus"]["volumes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mount| mount.as_str().unwrap().split(':').nth(1).unwrap())
        .collect();
    assert!(mounted.contains(&scrape["rule_files"][0].as_str().unwrap()));
    let key = job["authorization"]["credentials_file"].as_str().unwrap();
    assert!(mounted.contains(&Path::new(key).parent().unwrap().to_str().unwrap()));
}

/// The script of the set-up, in another folder and without the topics.
fn set_up(file: &Value, folder: &Path) -> String {
    let script = file["services"]["setup"]["command"][0].as_str().unwrap();
    let script = script
        .replace("$$", "$")
        .replace("/var/lib/sudor", folder.to_str().unwrap())
        .replace("exec sudor topics create", "");
    let entry = file["services"]["setup"]["entrypoint"].as_array().unwrap();
    let entry: Vec<&str> = entry.iter().map(|word| word.as_str().unwrap()).collect();
    succeeded(
        &Command::new(entry[0])
            .args(&entry[1..])
            .arg(script)
            .output()
            .unwrap(),
    )
}

#[tokio::test]
async fn the_set_up_makes_keys_once_and_the_service_takes_them() {
    let Some(file) = compose() else { return };
    let folder = tempdir().unwrap();
    let said = set_up(&file, folder.path());
    assert_eq!(set_up(&file, folder.path()), said, "the same keys again");
    let text = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let metrics = text("metrics.key");
    let admin = said.trim().rsplit(' ').next().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (keys, vault) = (path("api.keys"), path("vault.key"));
    let settings = [
        ("SUDOR__AUTH__KEYS_FILE", keys.as_str()),
        ("SUDOR__VAULT__KEY_FILE", vault.as_str()),
    ];
    let service = Service::start_with(&folder.path().join("data"), &settings).await;
    for (key, path, expected) in [
        (metrics.as_str(), "/metrics", 200),
        (metrics.as_str(), "/v1/athletes", 200),
        (admin, "/v1/athletes", 200),
        (
            "sudor_local_0123456789abcdef0123456789abcdef",
            "/metrics",
            401,
        ),
    ] {
        let asked = service.client.get(format!("{}{path}", service.url));
        let answer = asked.bearer_auth(key).send().await.unwrap();
        assert_eq!(answer.status(), expected, "{path}");
    }
}
