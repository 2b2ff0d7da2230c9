//! What the pure crates can see through all of their dependencies, with the features that are on.

use std::path::Path;

use anyhow::Result;

use super::{Package, cargo};

/// Runtimes, stores, networks.
const IO: &[&str] = &[
    "axum",
    "hyper",
    "libsqlite3-sys",
    "mio",
    "rdkafka",
    "rdkafka-sys",
    "reqwest",
    "rusqlite",
    "scylla",
    "socket2",
    "tokio",
];
/// Time zone and clock of the machine.
const CLOCKS: &[&str] = &[
    "chrono feature \"clock\"",
    "chrono feature \"now\"",
    "jiff feature \"tz-system\"",
    "jiff feature \"tzdb-zoneinfo\"",
];

struct Rule {
    package: &'static str,
    /// Names of packages, or `name feature "f"`, that must not be below it.
    never: &'static [&'static [&'static str]],
}

const RULES: &[Rule] = &[
    Rule {
        package: "processors-domain",
        never: &[
            IO,
            CLOCKS,
            &["getrandom", "rand", "serde", "serde_core", "serde_json"],
        ],
    },
    Rule {
        package: "processors-pipeline",
        never: &[IO, CLOCKS, &["edge"]],
    },
    Rule {
        package: "stream-log",
        never: &[IO, &["serde", "serde_core", "rand", "getrandom"]],
    },
    Rule {
        package: "schemas",
        never: &[IO],
    },
];

pub(super) fn check(root: &Path, packages: &[Package]) -> Result<Vec<String>> {
    let mut violations = Vec::new();
    for rule in RULES {
        if packages.iter().any(|package| package.name == rule.package) {
            let arguments = [
                "tree",
                "--edges",
                "normal,features",
                "--prefix",
                "none",
                "--no-dedupe",
                "--package",
                rule.package,
            ];
            violations.extend(rule.violations(&cargo(root, &arguments)?));
        }
    }
    Ok(violations)
}

impl Rule {
    /// `tree` has a line for each package (`name vX`) and each feature (`name feature "f"`).
    fn violations(&self, tree: &str) -> Vec<String> {
        let mut found: Vec<String> = tree
            .lines()
            .filter_map(|line| {
                let name = line.split(" v").next().unwrap_or(line);
                let refused = self.never.iter().flat_map(|list| list.iter());
                refused
                    .into_iter()
                    .find(|refused| **refused == name || **refused == line)
            })
            .map(|refused| {
                let why = "cargo tree --edges normal,features --invert";
                let name = refused.split(' ').next().unwrap_or(refused);
                format!(
                    "{} must not see {refused} ({why} {name} shows the way)",
                    self.package
                )
            })
            .collect();
        found.sort();
        found.dedup();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::RULES;

    fn found(package: &str, tree: &str) -> usize {
        let rule = RULES.iter().find(|rule| rule.package == package).unwrap();
        rule.violations(tree).len()
    }

    #[test]
    fn packages_and_features_below_a_pure_crate_are_found() {
        let pure =
            "processors-domain v0.1.0 (/x)\nlibm v0.2.16\njiff feature \"std\"\njiff v0.2.43";
        assert_eq!(found("processors-domain", pure), 0);
        let cases = [
            ("processors-domain", "tokio v1.54.0", 1),
            ("processors-domain", "serde v1.0.229", 1),
            ("processors-domain", "serde_derive v1.0.229 (proc-macro)", 0),
            ("processors-domain", "jiff feature \"tz-system\"", 1),
            (
                "processors-domain",
                "chrono feature \"clock\"\nchrono v0.4.45",
                1,
            ),
            ("processors-domain", "mio v1.0.0\nmio v1.0.0", 1),
            ("processors-pipeline", "serde v1.0.229", 0),
            ("processors-pipeline", "edge v0.1.0 (/x/edge)", 1),
            (
                "processors-pipeline",
                "rusqlite v0.41.0\nlibsqlite3-sys v0.1.0",
                2,
            ),
            ("stream-log", "serde v1.0.229", 1),
        ];
        for (package, tree, expected) in cases {
            assert_eq!(found(package, tree), expected, "{package}: {tree}");
        }
    }
}
