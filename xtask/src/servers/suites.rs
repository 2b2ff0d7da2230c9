//! The test suites that need servers: what each needs, and how they are run and counted.
//!
//! A suite is a test target. It finds the addresses in its environment (`Kind::variable`), and does
//! nothing but say so where they are missing; so `cargo test` needs no server, and nobody takes a
//! suite that did not run for one that passed: this is where they are counted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{Kind, Started, TEST, python};
use crate::say;

/// Where a suite finds the interpreter that has the analysts' tools.
pub(crate) const PYTHON_VARIABLE: &str = "SUDOR_TEST_PYTHON";
/// Whether a suite that cannot run is a failure. The build server sets it.
const REQUIRE_VARIABLE: &str = "SUDOR_REQUIRE_SERVERS";

struct Suite {
    package: &'static str,
    target: &'static str,
    needs: &'static [Kind],
    /// DuckDB and pandas, too.
    python: bool,
}

/// The suite that kills and pauses its servers.
const FAULTS: &str = "faults";
/// The suite that kills the broker under the load of senders.
const LEDGER: &str = "ledger";
/// What a soak does unless it is told something else, as the suite reads it.
const PLAN_VARIABLE: &str = "SUDOR_FAULTS";
const SOAK: &str =
    "kills=1000 zombies=100 leaves=200 broker_kills=50 broker_pauses=50 pause_ms_max=40000";
const REPORT_VARIABLE: &str = "SUDOR_FAULTS_REPORT";
/// The program's own tests, of which those that hold on a broker, too, are run there.
const PROGRAM: &str = "program";
const ON_BROKERS: &str = "SUDOR_TEST_PROGRAM_ON";
const HOLD_ON_BROKERS: &[&str] = &[
    "kill::",
    "sabotage::",
    "samples::",
    "scans::",
    "secrets::",
    "shuffle::",
    "strava::",
    "strava_edits::",
    "vendors::",
    "views::",
    "weather::",
    "withdrawal::",
];
/// The suite that kills the database while rows are written, and how many there are in a soak.
const CRASH: &str = "crash";
const ROWS_VARIABLE: &str = "SUDOR_TEST_ROWS";
const SOAK_ROWS: &str = "200000";

/// One line a suite. Those that kill a server come last.
const SUITES: &[Suite] = &[
    Suite {
        package: "xtask",
        target: "servers",
        needs: &[Kind::Kafka, Kind::Cassandra, Kind::Registry],
        python: false,
    },
    Suite {
        package: "stream-kafka",
        target: "broker",
        needs: &[Kind::Kafka],
        python: false,
    },
    Suite {
        package: "sudor",
        target: "kafka",
        needs: &[Kind::Kafka, Kind::Registry],
        python: false,
    },
    Suite {
        package: "sudor",
        target: "kafka_shadow",
        needs: &[Kind::Kafka],
        python: false,
    },
    Suite {
        package: "sudor",
        target: "analyst",
        needs: &[],
        python: true,
    },
    Suite {
        package: "sinks-scylla",
        target: "cassandra",
        needs: &[Kind::Cassandra],
        python: false,
    },
    Suite {
        package: "sinks-scylla",
        target: "secured",
        needs: &[Kind::Secured],
        python: false,
    },
    Suite {
        package: "sudor",
        target: "cassandra",
        needs: &[Kind::Cassandra],
        python: false,
    },
    Suite {
        package: "sudor",
        target: PROGRAM,
        needs: &[Kind::Kafka],
        python: false,
    },
    Suite {
        package: "sinks-scylla",
        target: "crash",
        needs: &[Kind::Cassandra],
        python: false,
    },
    Suite {
        package: "sudor",
        target: LEDGER,
        needs: &[Kind::Kafka],
        python: false,
    },
    Suite {
        package: "stream-kafka",
        target: FAULTS,
        needs: &[Kind::Cluster],
        python: false,
    },
];

impl Suite {
    fn name(&self) -> String {
        format!("{}/{}", self.package, self.target)
    }

    /// The built suite, started where cargo would start it.
    fn command(&self, built: &Built) -> Result<Command> {
        let (folder, program) = built
            .suites
            .get(&(self.package.to_owned(), self.target.to_owned()))
            .with_context(|| format!("cargo built no test target {}", self.name()))?;
        let mut command = Command::new(program);
        command.current_dir(folder);
        Ok(command)
    }
}

/// What cargo made.
struct Built {
    /// Test targets with the folders of their packages, by package and target.
    suites: BTreeMap<(String, String), (PathBuf, PathBuf)>,
    /// This program, or what cargo put in its place.
    xtask: PathBuf,
}

impl Built {
    /// With all features of the whole workspace, as the step of tests has compiled them: so nothing is
    /// compiled twice, and no server waits for the compiler.
    fn new(root: &Path, suites: &[&Suite]) -> Result<Self> {
        let xtask = own_program()?;
        let targets: BTreeSet<&str> = suites.iter().map(|suite| suite.target).collect();
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args(["test", "--workspace", "--all-features", "--no-run"])
            .arg("--message-format=json-render-diagnostics")
            .args(targets.iter().flat_map(|target| ["--test", target]))
            .current_dir(root)
            .stderr(Stdio::inherit());
        let output = cargo.output().context("cannot start cargo")?;
        if !output.status.success() {
            bail!("the suites do not compile: {}", output.status);
        }
        let told = String::from_utf8(output.stdout).context("cargo told no text")?;
        let mut found = BTreeMap::new();
        for line in told.lines() {
            let message: Value = serde_json::from_str(line).context("cargo told no JSON")?;
            found.extend(Self::artifact(&message));
        }
        Ok(Self {
            suites: found,
            xtask,
        })
    }

    fn artifact(message: &Value) -> Option<((String, String), (PathBuf, PathBuf))> {
        let kind = message.pointer("/target/kind/0")?.as_str()?;
        let program = message.get("executable")?.as_str()?;
        let manifest = Path::new(message.get("manifest_path")?.as_str()?);
        let target = message.pointer("/target/name")?.as_str()?;
        // As in `path+file:///folder#name@version`, where the name is missing if it is the folder's.
        let (path, rest) = message.get("package_id")?.as_str()?.rsplit_once('#')?;
        let package = match rest.split_once('@') {
            Some((name, _)) => name,
            None => path.rsplit_once('/')?.1,
        };
        let folder = manifest.parent()?.to_path_buf();
        (kind == "test").then(|| {
            let suite = (package.to_owned(), target.to_owned());
            (suite, (folder, PathBuf::from(program)))
        })
    }
}

/// Runs the suites whose names contain one of the filters, or all of them but the program's own tests,
/// which take minutes on a broker and have been run without one.
pub(super) fn run(root: &Path, filters: &[&str]) -> Result<()> {
    let chosen: Vec<&Suite> = SUITES
        .iter()
        .filter(|suite| {
            if filters.is_empty() {
                return suite.target != PROGRAM;
            }
            filters.iter().any(|filter| suite.name().contains(filter))
        })
        .collect();
    let built = Built::new(root, &chosen)?;
    let mut tally = Tally::default();
    let mut servers = Started::new(root, TEST)?;
    for suite in chosen {
        tally.run(suite, (root, &built), &mut servers)?;
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
    let built = Built::new(root, &[suite])?;
    let mut servers = Started::new(root, TEST)?;
    for &kind in suite.needs {
        servers.start(kind)?;
    }
    let report = root.join("target/servers/soak.txt");
    let mut command = suite.command(&built)?;
    command
        .args(["--test-threads=1", "nothing_is_missing"])
        .envs(servers.environment(&built.xtask, suite.needs)?)
        .env(PLAN_VARIABLE, format!("{SOAK} {}", words.join(" ")))
        .env(REPORT_VARIABLE, &report);
    finish(&mut command, "soak")?;
    say(&std::fs::read_to_string(&report)?)
}

/// So many rows into the database, while it is killed and started again.
fn soak_rows(root: &Path, rows: &str) -> Result<()> {
    let suite = SUITES
        .iter()
        .find(|suite| suite.target == CRASH)
        .context("there is no suite that kills the database")?;
    let built = Built::new(root, &[suite])?;
    let mut servers = Started::new(root, TEST)?;
    for &kind in suite.needs {
        servers.start(kind)?;
    }
    let mut command = suite.command(&built)?;
    command
        .arg("--nocapture")
        .envs(servers.environment(&built.xtask, suite.needs)?)
        .env(REQUIRE_VARIABLE, "1")
        .env(ROWS_VARIABLE, rows);
    finish(&mut command, "soak cassandra")
}

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: Vec<String>,
    skipped: Vec<String>,
}

impl Tally {
    fn run(
        &mut self,
        suite: &Suite,
        (root, built): (&Path, &Built),
        servers: &mut Started<'_>,
    ) -> Result<()> {
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
        let mut suite_python = None;
        let mut command = suite.command(built)?;
        // What kills a server has it to itself.
        if [FAULTS, LEDGER].contains(&suite.target) {
            command.arg("--test-threads=1");
        }
        if suite.target == PROGRAM {
            let address = servers.addresses.get(&Kind::Kafka);
            command
                .args(HOLD_ON_BROKERS)
                .envs(address.map(|address| (ON_BROKERS, address)));
        }
        if suite.python {
            match python::interpreter(root) {
                Ok(interpreter) => suite_python = Some(interpreter),
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
        command
            .envs(suite_python.map(|python| (PYTHON_VARIABLE, python)))
            .envs(servers.environment(&built.xtask, suite.needs)?)
            .env(REQUIRE_VARIABLE, "1");
        match finish(&mut command, &suite.name()) {
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

/// The tests that were run before may have made cargo build this program anew: Linux then names the
/// file that is gone, and the new one has the name without the word.
fn own_program() -> Result<PathBuf> {
    let own = std::env::current_exe().context("cannot tell which program this is")?;
    let named = own.to_string_lossy();
    let replaced = named.strip_suffix(" (deleted)").map(PathBuf::from);
    Ok(replaced.unwrap_or(own))
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
    let status = command
        .status()
        .with_context(|| format!("cannot start {name}"))?;
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
