//! `cargo xtask`: the checks that every change has to pass, in one command.
//!
//! A crate of its own because its tools must not become dependencies of the program. It knows the
//! folders of the workspace and nothing of ours; it has no features and no configuration, so that a
//! laptop and the build server check the same.

mod accuracy;
mod diagram;
mod layers;
mod servers;
mod steps;
mod tidy;
mod tools;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

const USAGE: &str = "\
cargo xtask COMMAND

  test             everything: fmt, tidy, layers, clippy, tests, server suites, docs; stops at the
                   first failure
  test --quick     fmt, tidy and layers only; nothing is compiled
  tools            install what the tests use besides Rust and Java: chromium, promtool, curl,
                   sqlite3, Python with DuckDB, pandas and schemathesis, Helm; needs root and Debian
  layers           which crate may depend on which, and that pure crates stay pure
  tidy             what docs/STYLE.md leaves to a machine
  diagram          copy the topology picture from processors/pipeline to docs/ARCHITECTURE.md
  bless            lower the ratchets in xtask/ratchet.json to what is there
  bless --grow     also raise them; needs a reason in the commit message
  accuracy [FIRST LAST]   scores of the worlds of these seeds (1000 to 1019), as the tables of
                   docs/accuracy.md; takes minutes
  servers up [KIND…]      start kafka, cassandra, registry (or some), print their addresses
  servers down [KIND…]    stop them, remove their data
  servers status          what runs, where
  servers test [SUITE…]   start what the server suites need, run them, stop it
  servers soak [WORD=N…]  kills, zombies and dead brokers for an hour or more; seconds=N, seed=N
  servers soak cassandra [ROWS]  rows into Cassandra, 200000 unless told, while it is killed and started
  servers bench [dedupe|service] [NAME=N…]  the engine on Kafka beside Kafka Streams and a bare client;
                   the whole program, its throughput and latency; rounds=3, records=500000,
                   partitions=16, value_bytes=400
  servers kill|pause|resume KIND   what a crash test does to one";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<()> {
    let root = workspace_root()?;
    match words {
        ["test"] => steps::run(&root, steps::ALL),
        ["test", "--quick"] => steps::run(&root, steps::QUICK),
        ["test", "--servers"] => servers::run(&root, &["test"]),
        ["tools"] => tools::install(&root),
        ["layers"] => report("layers", &layers::check(&root)?),
        ["tidy"] => report("tidy", &tidy::check(&root)?),
        ["diagram"] => diagram::redraw(&root),
        ["bless"] => tidy::bless(&root, false),
        ["bless", "--grow"] => tidy::bless(&root, true),
        ["accuracy", rest @ ..] => say(&accuracy::run(&root, rest)?),
        ["servers", rest @ ..] => servers::run(&root, rest),
        ["help" | "--help" | "-h"] | [] => say(USAGE),
        other => bail!("no such command: {}\n\n{USAGE}", other.join(" ")),
    }
}

/// Prints every violation; any makes a failure.
fn report(name: &str, violations: &[String]) -> Result<()> {
    for violation in violations {
        eprintln!("{name}: {violation}");
    }
    if violations.is_empty() {
        return say(&format!("xtask: {name} found nothing"));
    }
    bail!("{name} found {} violations", violations.len())
}

fn say(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}

fn workspace_root() -> Result<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent()
        .map(Path::to_path_buf)
        .context("xtask stands in no workspace")
}
