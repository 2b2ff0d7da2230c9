//! The test suites that need servers: what each needs, and how they are run and counted.
//!
//! A suite is a test target. It finds the addresses in its environment (`Kind::variable`), and does
//! nothing but say so where they are missing; so `cargo test` needs no server, and nobody takes a
//! suite that did not run for one that passed: this is where they are counted.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::{Kind, Started, python};
use crate::say;

/// Where a suite finds the interpreter that has the analysts' tools.
pub(crate) const PYTHON_VARIABLE: &str = "SUDOR_TEST_PYTHON";
/// Whether a suite that cannot run is a failure. The build server sets it.
const REQUIRE_VARIABLE: &str = "SUDOR_REQUIRE_SERVERS";

struct Suite {
    package: &'static str,
    target: &'static str,
    features: &'static [&'static str],
    needs: &'static [Kind],
    /// DuckDB and pandas, too.
    python: bool,
}

/// The suite that kills and pauses its servers.
const FAULTS: &str = "faults";
/// What a soak does unless it is told something else, as the suite reads it.
const PLAN_VARIABLE: &str = "SUDOR_FAULTS";
const SOAK: &str =
    "kills=1000 zombies=100 leaves=200 broker_kills=50 broker_pauses=50 pause_ms_max=40000";
const REPORT_VARIABLE: &str = "SUDOR_FAULTS_REPORT";
/// The suite that kills the database while rows are written, and how many there are in a soak.
const CRASH: &str = "crash";
const ROWS_VARIABLE: &str = "SUDOR_TEST_ROWS";
const SOAK_ROWS: &str = "200000";

/// One line a suite. Those that kill a server come last.
const SUITES: &[Suite] = &[
    Suite {
        package: "xtask",
        target: "servers",
        features: &[],
        needs: &[Kind::Kafka, Kind::Cassandra, Kind::Registry],
        python: false,
    },
    Suite {
        package: "stream-kafka",
        target: "broker",
        features: &[],
        needs: &[Kind::Kafka],
        python: false,
    },
    Suite {
        package: "sudor",
        target: "kafka",
        features: &["kafka"],
        needs: &[Kind::Kafka, Kind::Registry],
        python: false,
    },
    Suite {
        package: "sudor",
        target: "analyst",
        features: &["parquet"],
        needs: &[],
        python: true,
    },
    Suite {
        package: "sinks-scylla",
        target: "cassandra",
        features: &[],
        needs: &[Kind::Cassandra],
        python: false,
    },
    Suite {
        package: "sinks-scylla",
        target: "secured",
        features: &[],
        needs: &[Kind::Secured],
        python: false,
    },
    Suite {
        package: "sudor",
        target: "cassandra",
        features: &["scylla"],
        needs: &[Kind::Cassandra],
        python: false,
    },
    Suite {
        package: "sinks-scylla",
        target: "crash",
        features: &[],
        needs: &[Kind::Cassandra],
        python: false,
    },
    Suite {
        package: "stream-kafka",
        target: "faults",
        features: &[],
        needs: &[Kind::Cluster],
        python: false,
    },
];

impl Suite {
    fn name(&self) -> String {
        format!("{}/{}", self.package, self.target)
    }

    fn cargo(&self, root: &Path) -> Command {
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args(["test", "-p", self.package, "--test", self.target])
            .current_dir(root);
        if !self.features.is_empty() {
            cargo.arg("--features").arg(self.features.join(","));
        }
        cargo
    }
}

/// Runs the suites whose names contain one of the filters, or all of them.
pub(super) fn run(root: &Path, filters: &[&str]) -> Result<()> {
    let chosen: Vec<&Suite> = SUITES
        .iter()
        .filter(|suite| {
            filters.is_empty() || filters.iter().any(|filter| suite.name().contains(filter))
        })
        .collect();
    // Before any server is there to wait for the compiler.
    for suite in &chosen {
        finish(suite.cargo(root).arg("--no-run"), &suite.name())?;
    }
    let mut tally = Tally::default();
    let mut servers = Started::new(root)?;
    for suite in chosen {
        tally.run(suite, root, &mut servers)?;
    }
    drop(servers);
    tally.report()
}

/// The suite of faults for as long as `words` say; the plan of a whole soak otherwise. What came of
/// it is printed, and left in a file.
pub(super) fn soak(root: &Path, words: &[&str]) -> Result<()> {
    match words {
        ["cassandra"] => return soak_rows(root, SOAK_ROWS),
        ["cassandra", rows] => return soak_rows(root, rows),
        _ => {}
    }
    let suite = SUITES
        .iter()
        .find(|suite| suite.target == FAULTS)
        .context("there is no suite of faults")?;
    finish(suite.cargo(root).arg("--no-run"), &suite.name())?;
    let mut servers = Started::new(root)?;
    for &kind in suite.needs {
        servers.start(kind)?;
    }
    let report = root.join("target/servers/soak.txt");
    let mut cargo = suite.cargo(root);
    cargo
        .args(["--", "--test-threads=1", "nothing_is_missing"])
        .envs(servers.environment(suite.needs)?)
        .env(PLAN_VARIABLE, format!("{SOAK} {}", words.join(" ")))
        .env(REPORT_VARIABLE, &report);
    finish(&mut cargo, "soak")?;
    say(&std::fs::read_to_string(&report)?)
}

/// So many rows into the database, while it is killed and started again.
fn soak_rows(root: &Path, rows: &str) -> Result<()> {
    let suite = SUITES
        .iter()
        .find(|suite| suite.target == CRASH)
        .context("there is no suite that kills the database")?;
    finish(suite.cargo(root).arg("--no-run"), &suite.name())?;
    let mut servers = Started::new(root)?;
    for &kind in suite.needs {
        servers.start(kind)?;
    }
    let mut cargo = suite.cargo(root);
    cargo
        .args(["--", "--nocapture"])
        .envs(servers.environment(suite.needs)?)
        .env(REQUIRE_VARIABLE, "1")
        .env(ROWS_VARIABLE, rows);
    finish(&mut cargo, "soak cassandra")
}

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: Vec<String>,
    skipped: Vec<String>,
}

impl Tally {
    fn run(&mut self, suite: &Suite, root: &Path, servers: &mut Started<'_>) -> Result<()> {
        let started = now();
        for &kind in suite.needs {
            if let Err(error) = servers.start(kind) {
                say(&format!(
                    "xtask: SKIPPED {}: no {}: {error:#}",
                    suite.name(),
                    kind.name()
                ))?;
                self.skipped.push(suite.name());
                return Ok(());
            }
        }
        let mut cargo_python = None;
        let mut cargo = suite.cargo(root);
        // What kills a server has it to itself.
        if suite.target == FAULTS {
            cargo.args(["--", "--test-threads=1"]);
        }
        if suite.python {
            match python::interpreter(root) {
                Ok(interpreter) => cargo_python = Some(interpreter),
                Err(error) => {
                    say(&format!(
                        "xtask: SKIPPED {}: no python: {error:#}",
                        suite.name()
                    ))?;
                    self.skipped.push(suite.name());
                    return Ok(());
                }
            }
        }
        cargo
            .envs(cargo_python.map(|python| (PYTHON_VARIABLE, python)))
            .envs(servers.environment(suite.needs)?)
            .env(REQUIRE_VARIABLE, "1");
        match finish(&mut cargo, &suite.name()) {
            Ok(()) => {
                let seconds = started.elapsed().as_secs_f64();
                say(&format!("xtask: {} ok, {seconds:.1} s", suite.name()))?;
                self.passed += 1;
            }
            Err(error) => {
                say(&format!("xtask: {error:#}"))?;
                self.failed.push(suite.name());
            }
        }
        Ok(())
    }

    fn report(&self) -> Result<()> {
        say(&format!(
            "xtask: server suites: {} passed, {} failed, {} SKIPPED{}",
            self.passed,
            self.failed.len(),
            self.skipped.len(),
            listed(&self.skipped)
        ))?;
        if !self.failed.is_empty() {
            bail!("server suites failed:{}", listed(&self.failed));
        }
        if !self.skipped.is_empty() && is_required() {
            bail!("server suites did not run and {REQUIRE_VARIABLE}=1 wants them");
        }
        Ok(())
    }
}

fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!(" {name}")).collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a build tool is told by its environment how strict to be"
)]
pub(crate) fn is_required() -> bool {
    std::env::var(REQUIRE_VARIABLE).is_ok_and(|value| value == "1")
}

fn finish(command: &mut Command, name: &str) -> Result<()> {
    let status = command.status().context("cannot start cargo")?;
    if status.success() {
        return Ok(());
    }
    bail!("suite {name} ended with {status}")
}

#[expect(
    clippy::disallowed_methods,
    reason = "a build tool reports how long its suites took"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn a_failed_suite_fails_the_run() {
        let tally = Tally {
            failed: vec!["a/b".to_owned()],
            ..Tally::default()
        };
        let error = tally.report().unwrap_err().to_string();
        assert_eq!(error, "server suites failed: a/b");
        assert!(Tally::default().report().is_ok());
    }
}
