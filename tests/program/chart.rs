//! The chart: what it renders is what Kubernetes knows, and a configuration that the program takes.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::tempdir;

use super::support::sudor;

/// The oldest that the chart allows, and a young one.
const VERSIONS: [&str; 2] = ["1.29", "1.36"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn chart() -> PathBuf {
    root().join("helm/sudor")
}

/// Helm and a Python with Kubernetes' schemas; without them a loud skip, unless tools are required.
struct Tools {
    helm: OsString,
    python: OsString,
}

fn tools() -> Option<Tools> {
    Some(Tools {
        helm: tool("SUDOR_TEST_HELM")?,
        python: python()?,
    })
}

/// A Python that reads YAML and knows Kubernetes.
pub(crate) fn python() -> Option<OsString> {
    tool("SUDOR_TEST_PYTHON")
}

fn tool(variable: &str) -> Option<OsString> {
    let found = std::env::var_os(variable);
    if found.is_none() {
        let required = std::env::var_os("SUDOR_REQUIRE_SERVERS").is_some_and(|value| value == "1");
        assert!(!required, "{variable} is not set: cargo xtask tools");
        eprintln!("SKIPPED: {variable} is not set; `cargo xtask test` sets it");
    }
    found
}

impl Tools {
    fn helm(&self, arguments: &[&str]) -> Output {
        let mut helm = Command::new(&self.helm);
        helm.args(arguments).output().unwrap()
    }

    fn template(&self, version: &str, values: &[&str]) -> Output {
        let chart = chart();
        let fixed = [
            "template",
            "r",
            chart.to_str().unwrap(),
            "--kube-version",
            version,
        ];
        self.helm(&[&fixed, values].concat())
    }

    /// The objects of a rendering, each as this version of Kubernetes knows it.
    fn objects(&self, version: &str, values: &[&str]) -> Vec<Value> {
        let rendered = succeeded(&self.template(version, values));
        let mut check = Command::new(&self.python)
            .arg(root().join("tests/program/chart.py"))
            .arg(version)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = check.stdin.take().unwrap();
        stdin.write_all(rendered.as_bytes()).unwrap();
        drop(stdin);
        serde_json::from_str(&succeeded(&check.wait_with_output().unwrap())).unwrap()
    }
}

pub(crate) fn succeeded(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}\n{said}");
    said
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects
        .iter()
        .filter(|object| object["kind"] == kind)
        .collect()
}

/// The values of this file in `ci`.
fn values(name: &str) -> [String; 2] {
    let file = chart().join("ci").join(name).with_extension("yaml");
    ["--values".to_owned(), file.display().to_string()]
}

#[test]
fn what_is_rendered_is_known_to_kubernetes_and_taken_by_the_program() {
    let Some(tools) = tools() else { return };
    let folder = tempdir().unwrap();
    for case in ["one", "kafka", "ingest", "open"] {
        let values = values(case);
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let chart = chart();
        let lint = [
            "lint",
            "--strict",
            chart.to_str().unwrap(),
            "--kube-version",
            "1.36",
        ];
        succeeded(&tools.helm(&[&lint, values.as_slice()].concat()));
        for version in VERSIONS {
            let objects = tools.objects(version, &values);
            let maps = of_kind(&objects, "ConfigMap");
            let toml = maps[0]["data"]["sudor.toml"].as_str().unwrap();
            let file = folder.path().join(format!("{case}.toml"));
            std::fs::write(&file, toml).unwrap();
            // Keys that need another build are refused in words of their own.
            let mut print = sudor(&["run", "--print-config", "--json", "--config"]);
            if toml.contains("user = ") {
                // What the Secret brings.
                print.env("SUDOR__LOG__SECURITY__PASSWORD", "secret");
            }
            let printed = print.arg(&file).output().unwrap();
            let said = [printed.stdout.as_slice(), &printed.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            let other_build = said.contains("with the feature");
            assert!(
                printed.status.success() || other_build,
                "{case}: {said}\n{toml}"
            );
            let sets = of_kind(&objects, "StatefulSet");
            let pod = &sets[0]["spec"]["template"]["spec"];
            let main = &pod["containers"][0];
            assert_eq!(main["args"][0], "run", "{case}");
            assert_eq!(main["securityContext"]["readOnlyRootFilesystem"], true);
            assert_eq!(
                pod["enableServiceLinks"], false,
                "its variables look like ours"
            );
        }
    }
}

/// case => path to a value in the object of a kind => the value
const HAS: &[(&str, &str, &str, &str)] = &[
    ("one", "StatefulSet", "/spec/replicas", "1"),
    (
        "one",
        "StatefulSet",
        "/spec/template/spec/terminationGracePeriodSeconds",
        "65",
    ),
    (
        "one",
        "StatefulSet",
        "/spec/template/spec/initContainers",
        "null",
    ),
    (
        "one",
        "StatefulSet",
        "/spec/volumeClaimTemplates/0/spec/resources/requests/storage",
        "\"100Gi\"",
    ),
    ("one", "PodDisruptionBudget", "", "null"),
    (
        "one",
        "Ingress",
        "/spec/rules/0/host",
        "\"sudor.example.org\"",
    ),
    (
        "one",
        "ServiceMonitor",
        "/spec/endpoints/0/authorization/credentials/name",
        "\"sudor-scrape\"",
    ),
    (
        "one",
        "PrometheusRule",
        "/spec/groups/0/rules/0/alert",
        "\"SudorDown\"",
    ),
    ("kafka", "StatefulSet", "/spec/replicas", "3"),
    (
        "kafka",
        "StatefulSet",
        "/spec/template/spec/initContainers/0/args/0",
        "\"topics\"",
    ),
    (
        "kafka",
        "StatefulSet",
        "/spec/template/spec/volumes/3/secret/items/0/key",
        "\"key\"",
    ),
    ("kafka", "PodDisruptionBudget", "/spec/maxUnavailable", "1"),
    ("kafka", "ServiceMonitor", "", "null"),
    (
        "ingest",
        "StatefulSet",
        "/spec/template/spec/initContainers",
        "null",
    ),
    (
        "ingest",
        "StatefulSet",
        "/spec/template/spec/containers/0/args/4",
        "\"ingest,api\"",
    ),
    (
        "ingest",
        "StatefulSet",
        "/spec/volumeClaimTemplates",
        "null",
    ),
    (
        "ingest",
        "PodDisruptionBudget",
        "/spec/maxUnavailable",
        "\"50%\"",
    ),
    ("open", "ServiceAccount", "", "null"),
    (
        "open",
        "StatefulSet",
        "/spec/template/spec/serviceAccountName",
        "\"shared\"",
    ),
];

#[test]
fn what_values_ask_for_is_there_and_nothing_else() {
    let Some(tools) = tools() else { return };
    for (case, kind, path, expected) in HAS {
        let values = values(case);
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let objects = tools.objects("1.36", &values);
        let found = of_kind(&objects, kind);
        let value = found.first().and_then(|object| object.pointer(path));
        let text = value.map_or("null".to_owned(), Value::to_string);
        assert_eq!(text, *expected, "{case}: {kind}{path}");
    }
}

/// values => what the refusal says
const REFUSED: &[(&str, &str)] = &[
    ("", "nobody could get in"),
    (
        "apiKeys.existingSecret=k,replicas=2",
        "a data folder has one writer",
    ),
    (
        "apiKeys.existingSecret=k,roles={ingest}",
        "one process does everything",
    ),
    (
        "apiKeys.existingSecret=k,config.log.kind=kafka",
        "vaultKey.existingSecret",
    ),
    ("apiKeys.existingSecret=k,config.log.kind=pulsar", "kind"),
    (
        "apiKeys.existingSecret=k,config.http.bind=0.0.0.0:1",
        "config.http.bind is the chart's own",
    ),
    (
        "apiKeys.existingSecret=k,config.log.security.ca_file=/ca",
        "config.log.security.ca_file is the chart's own",
    ),
    (
        "apiKeys.existingSecret=k,config.strava.client_secret=x",
        "SUDOR__STRAVA__CLIENT_SECRET",
    ),
    (
        "apiKeys.existingSecret=k,config.log.security.password=x",
        "SUDOR__LOG__SECURITY__PASSWORD",
    ),
    (
        "apiKeys.existingSecret=k,config.web.port=1",
        "additional properties 'web'",
    ),
    (
        "apiKeys.existingSecret=k,replica=1",
        "additional properties 'replica'",
    ),
    ("apiKeys.existingSecret=k,roles={cook}", "roles"),
    ("apiKeys.existingSecret=k,ingress.enabled=true", "hosts"),
    (
        "apiKeys.existingSecret=k,vaultKey.existingSecret=v,config.log.kind=kafka,config.store.kind=scylla,replicas=2",
        "one process with the role sink",
    ),
];

#[test]
fn values_that_cannot_work_are_refused_in_words() {
    let Some(tools) = tools() else { return };
    for (set, words) in REFUSED {
        let refused = tools.template("1.36", &["--set", set]);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success(), "accepted: {set}");
        assert!(said.contains(words), "{set}: {said}");
    }
}

#[test]
fn the_chart_carries_the_alerts_and_the_dashboard_as_they_are() {
    for (own, from) in [
        ("rules.yml", "prometheus/rules.yml"),
        ("sudor.json", "grafana/sudor.json"),
    ] {
        let read = |path: PathBuf| std::fs::read_to_string(path).unwrap();
        let own = read(chart().join("files").join(own));
        let from = read(root().join("deploy").join(from));
        assert!(own == from, "copy deploy/{from} to helm/sudor/files");
    }
}

#[test]
fn the_chart_is_of_the_programs_version() {
    let text = std::fs::read_to_string(chart().join("Chart.yaml")).unwrap();
    let line = format!("appVersion: {}", env!("CARGO_PKG_VERSION"));
    assert!(text.lines().any(|found| found == line), "{line}");
}

#[test]
fn the_image_is_built_with_the_compiler_of_the_project() {
    let read = |file: &str| std::fs::read_to_string(root().join(file)).unwrap();
    let (toolchain, image) = (read("rust-toolchain.toml"), read("deploy/Dockerfile"));
    let channel = toolchain
        .lines()
        .find_map(|line| line.strip_prefix("channel = "));
    let tag = format!("/rust:{}-", channel.unwrap().trim_matches('"'));
    assert!(image.contains(&tag), "{tag} in deploy/Dockerfile");
}
