//! `cargo xtask test`: the steps, cheap ones first, each announced with the time it took.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::{layers, report, say, servers, tidy, tools};

/// A step of ours, or a call of cargo with environment variables.
enum Work {
    Own(fn(&Path) -> Result<Vec<String>>),
    /// Starts real servers, runs what needs them.
    Servers,
    /// Every test that needs no server.
    Tests,
    Cargo {
        arguments: &'static [&'static str],
        environment: &'static [(&'static str, &'static str)],
    },
}

pub(crate) struct Step {
    name: &'static str,
    work: Work,
}

const fn cargo(name: &'static str, arguments: &'static [&'static str]) -> Step {
    Step {
        name,
        work: Work::Cargo {
            arguments,
            environment: &[],
        },
    }
}

const FMT: Step = cargo("fmt", &["fmt", "--all", "--", "--check"]);
const TIDY: Step = Step {
    name: "tidy",
    work: Work::Own(tidy::check),
};
const LAYERS: Step = Step {
    name: "layers",
    work: Work::Own(layers::check),
};
const CLIPPY: Step = cargo(
    "clippy",
    &[
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ],
);
const TOOLS: Step = Step {
    name: "tools",
    work: Work::Own(tools::check),
};
/// Doctests included. Server suites are compiled here and run by the step after it.
const TESTS: Step = Step {
    name: "tests",
    work: Work::Tests,
};
const SERVERS: Step = Step {
    name: "servers",
    work: Work::Servers,
};
const DOCS: Step = Step {
    name: "docs",
    work: Work::Cargo {
        arguments: &[
            "doc",
            "--workspace",
            "--no-deps",
            "--all-features",
            "--document-private-items",
        ],
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
    },
};

pub(crate) const QUICK: &[Step] = &[FMT, TIDY, LAYERS];
pub(crate) const ALL: &[Step] = &[FMT, TIDY, LAYERS, TOOLS, CLIPPY, TESTS, SERVERS, DOCS];

/// Runs steps until one fails.
pub(crate) fn run(root: &Path, steps: &[Step]) -> Result<()> {
    let started = now();
    for (passed, step) in steps.iter().enumerate() {
        say(&format!("xtask: {} …", step.name))?;
        let step_started = now();
        let outcome = step.work.run(root, step.name);
        let seconds = step_started.elapsed().as_secs_f64();
        if let Err(error) = outcome {
            let not_run = steps.len() - passed - 1;
            say(&format!(
                "xtask: {passed} steps passed, 1 failed, {not_run} not run"
            ))?;
            bail!("step {} failed after {seconds:.1} s: {error:#}", step.name);
        }
        say(&format!("xtask: {} ok, {seconds:.1} s", step.name))?;
    }
    let seconds = started.elapsed().as_secs_f64();
    say(&format!(
        "xtask: {} steps passed, 0 failed ({seconds:.0} s)",
        steps.len()
    ))
}

impl Work {
    fn run(&self, root: &Path, name: &str) -> Result<()> {
        match self {
            Self::Own(check) => report(name, &check(root)?),
            Self::Servers => servers::step(root),
            Self::Tests => {
                let arguments = &["test", "--workspace", "--all-features"];
                let mut cargo = call(root, arguments);
                // No server is there; the step before has seen to the tools.
                cargo.env("SUDOR_REQUIRE_SERVERS", "0");
                if let Ok(python) = servers::python::interpreter(root) {
                    cargo.env(servers::PYTHON_VARIABLE, python);
                }
                let helm = tools::helm(root);
                if helm.is_file() {
                    cargo.env(tools::HELM_VARIABLE, helm);
                }
                finish(cargo)
            }
            Self::Cargo {
                arguments,
                environment,
            } => {
                let mut cargo = call(root, arguments);
                cargo.envs(environment.iter().copied());
                finish(cargo)
            }
        }
    }
}

fn call(root: &Path, arguments: &[&str]) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(arguments).current_dir(root);
    cargo
}

fn finish(mut cargo: Command) -> Result<()> {
    let status = cargo.status().context("cannot start cargo")?;
    if status.success() {
        return Ok(());
    }
    bail!("{cargo:?} ended with {status}")
}

#[expect(
    clippy::disallowed_methods,
    reason = "a build tool reports how long its steps took"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Step, Work, run};

    fn passes(_: &Path) -> anyhow::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn finds(_: &Path) -> anyhow::Result<Vec<String>> {
        Ok(vec!["a thing".to_owned()])
    }

    #[test]
    fn the_first_failure_ends_the_run_and_is_named() {
        let steps = [
            Step {
                name: "good",
                work: Work::Own(passes),
            },
            Step {
                name: "bad",
                work: Work::Own(finds),
            },
            Step {
                name: "after",
                work: Work::Own(passes),
            },
        ];
        let error = run(Path::new("."), &steps).unwrap_err().to_string();
        assert!(error.starts_with("step bad failed"), "{error}");
        assert!(run(Path::new("."), &steps[..1]).is_ok());
    }
}
