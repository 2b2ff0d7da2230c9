//! Which crate may depend on which. Purity is a Cargo edge that does not exist, and this is where
//! its absence is checked.
//!
//! Edges among our crates come from `cargo metadata`; what else a pure crate can see, with the
//! features that are switched on, from `cargo tree`.

mod purity;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The root package: the only one whose name is not its path, and the only place that joins stages.
const ROOT: &str = "sudor";
const RULES: &str = "processors-domain";

/// What each crate may see of ours. The root may see everything but the rules.
const EDGES: &[(&str, &[&str])] = &[
    ("schemas", &[]),
    ("edge", &[]),
    ("stream-log", &[]),
    ("processors-domain", &[]),
    ("xtask", &[]),
    ("stream-embedded", &["stream-log"]),
    ("stream-kafka", &["stream-log"]),
    (
        "processors-pipeline",
        &["schemas", "stream-log", "processors-domain"],
    ),
    ("ingest-connectors", &["schemas", "edge"]),
    ("ingest-simulator", &["schemas", "edge"]),
    ("ingest-vault", &["schemas", "edge", "ingest-connectors"]),
    ("sinks-store", &["schemas"]),
    ("sinks-sqlite", &["sinks-store", "schemas", "edge"]),
    ("sinks-scylla", &["sinks-store", "schemas", "edge"]),
    ("sinks-parquet", &["sinks-store", "schemas", "edge"]),
    ("sinks-api", &["sinks-store", "schemas", "edge"]),
    ("sinks-notify", &["sinks-store", "schemas", "edge"]),
];

/// Crates that publish a contract suite, and the folder whose tests may run it.
const CONTRACTS: &[(&str, &str)] = &[("stream-log", "stream-"), ("sinks-store", "sinks-")];

pub(crate) fn check(root: &Path) -> Result<Vec<String>> {
    let packages = packages(root)?;
    let mut violations: Vec<String> = packages.iter().flat_map(Package::violations).collect();
    violations.extend(
        packages
            .iter()
            .flat_map(|package| edge_violations(package, &packages)),
    );
    violations.extend(purity::check(root, &packages)?);
    Ok(violations)
}

/// A member of the workspace.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Path below the root; empty for the root package.
    pub(crate) folder: String,
    manifest: String,
    publishable: bool,
    /// Name and kind (`normal`, `dev`, `build`) of everything it depends on.
    dependencies: Vec<(String, String)>,
}

fn packages(root: &Path) -> Result<Vec<Package>> {
    let arguments = ["metadata", "--no-deps", "--format-version", "1"];
    let metadata: Value =
        serde_json::from_str(&cargo(root, &arguments)?).context("cargo metadata gives no JSON")?;
    let packages = metadata.get("packages").and_then(Value::as_array);
    packages
        .context("cargo metadata names no packages")?
        .iter()
        .map(|p| package(root, p))
        .collect()
}

fn package(root: &Path, json: &Value) -> Result<Package> {
    let manifest_path = Path::new(text(json, "manifest_path"));
    let folder = manifest_path
        .parent()
        .and_then(|folder| folder.strip_prefix(root).ok())
        .with_context(|| format!("{} is outside of the workspace", manifest_path.display()))?;
    let dependencies = json.get("dependencies").and_then(Value::as_array);
    Ok(Package {
        name: text(json, "name").to_owned(),
        folder: folder.display().to_string(),
        manifest: std::fs::read_to_string(manifest_path)
            .with_context(|| format!("cannot read {}", manifest_path.display()))?,
        publishable: json
            .get("publish")
            .is_none_or(|publish| *publish != Value::Array(vec![])),
        dependencies: dependencies
            .into_iter()
            .flatten()
            .map(|dependency| {
                let kind = dependency
                    .get("kind")
                    .and_then(Value::as_str)
                    .unwrap_or("normal");
                (text(dependency, "name").to_owned(), kind.to_owned())
            })
            .collect(),
    })
}

fn text<'a>(json: &'a Value, key: &str) -> &'a str {
    json.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Runs cargo and gives what it wrote to stdout.
fn cargo(root: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(root)
        .output()
        .context("cannot start cargo")?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("cargo {} failed: {}", arguments.join(" "), errors.trim());
    }
    String::from_utf8(output.stdout).context("cargo wrote no UTF-8")
}

impl Package {
    /// What its manifest has to say.
    fn violations(&self) -> Vec<String> {
        let mut violations = Vec::new();
        let expected = if self.folder.is_empty() {
            ROOT.to_owned()
        } else {
            self.folder.replace('/', "-")
        };
        if self.name != expected {
            violations.push(format!(
                "{}: the crate's name is its path, {expected}",
                self.name
            ));
        }
        if self.publishable {
            violations.push(format!(
                "{}: publish.workspace = true is missing",
                self.name
            ));
        }
        if !has_workspace_lints(&self.manifest) {
            violations.push(format!(
                "{}: [lints] workspace = true is missing",
                self.name
            ));
        }
        violations
    }
}

fn has_workspace_lints(manifest: &str) -> bool {
    let mut lines = manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[lints]")
        .skip(1);
    lines
        .by_ref()
        .take_while(|line| !line.starts_with('['))
        .any(|line| line == "workspace = true")
}

fn edge_violations(package: &Package, packages: &[Package]) -> Vec<String> {
    let is_ours = |name: &str| packages.iter().any(|package| package.name == name);
    let allowed = EDGES
        .iter()
        .find(|(name, _)| *name == package.name)
        .map(|(_, allowed)| *allowed);
    if allowed.is_none() && package.name != ROOT {
        return vec![format!(
            "{}: no rule says what it may depend on",
            package.name
        )];
    }
    let may_see = |name: &str, kind: &str| match allowed {
        Some(allowed) => allowed.contains(&name) || (kind == "dev" && runs_contract(package, name)),
        None => name != RULES,
    };
    package
        .dependencies
        .iter()
        .filter(|(name, kind)| is_ours(name) && !may_see(name, kind))
        .map(|(name, kind)| format!("{} must not see {name} ({kind} dependency)", package.name))
        .collect()
}

fn runs_contract(package: &Package, dependency: &str) -> bool {
    CONTRACTS
        .iter()
        .any(|(contract, prefix)| *contract == dependency && package.name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::{Package, edge_violations, has_workspace_lints};

    const LINTS: &str = "[package]\nname = \"x\"\n\n[lints]\nworkspace = true\n";

    fn package(name: &str, dependencies: &[(&str, &str)]) -> Package {
        Package {
            name: name.to_owned(),
            folder: if name == "sudor" {
                String::new()
            } else {
                name.replacen('-', "/", 1)
            },
            manifest: LINTS.to_owned(),
            publishable: false,
            dependencies: dependencies
                .iter()
                .map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned()))
                .collect(),
        }
    }

    /// How many edges of `from` are refused.
    fn refused(from: &str, dependencies: &[(&str, &str)]) -> usize {
        let mut packages = vec![package(from, dependencies)];
        packages.extend(dependencies.iter().map(|(name, _)| package(name, &[])));
        edge_violations(&packages[0], &packages).len()
    }

    #[test]
    fn edges_of_the_table_pass_and_others_do_not() {
        let cases = [
            ("processors-pipeline", "schemas", "normal", 0),
            ("processors-pipeline", "edge", "normal", 1),
            ("processors-pipeline", "edge", "dev", 1),
            ("sinks-api", "sinks-sqlite", "normal", 1),
            ("sinks-sqlite", "sinks-store", "dev", 0),
            ("stream-embedded", "stream-log", "dev", 0),
            ("stream-embedded", "schemas", "normal", 1),
            ("ingest-connectors", "stream-log", "normal", 1),
            ("ingest-connectors", "stream-log", "dev", 1),
            ("sudor", "processors-pipeline", "normal", 0),
            ("sudor", "processors-domain", "normal", 1),
            ("xtask", "schemas", "build", 1),
            ("schemas", "processors-domain", "normal", 1),
        ];
        for (from, to, kind, expected) in cases {
            assert_eq!(
                refused(from, &[(to, kind)]),
                expected,
                "{from} -> {to} ({kind})"
            );
        }
    }

    #[test]
    fn a_crate_without_a_rule_is_refused() {
        assert_eq!(refused("sinks-carrier-pigeon", &[]), 1);
    }

    #[test]
    fn a_manifest_has_a_name_lints_and_no_publishing() {
        assert_eq!(package("sinks-api", &[]).violations(), Vec::<String>::new());
        assert_eq!(package("sudor", &[]).violations(), Vec::<String>::new());
        let bad = Package {
            folder: "sinks/web".to_owned(),
            manifest: "[lints.rust]\nworkspace = true".to_owned(),
            publishable: true,
            ..package("sinks-api", &[])
        };
        assert_eq!(bad.violations().len(), 3);
    }

    #[test]
    fn lints_count_only_in_their_own_section() {
        assert!(has_workspace_lints(LINTS));
        assert!(!has_workspace_lints(
            "[lints]\n\n[dependencies]\nworkspace = true"
        ));
    }
}
