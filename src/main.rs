//! The program: parse, load settings, run one command, end with its exit code.

mod cli;
mod config;
mod exit;
mod shutdown;
mod telemetry;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    exit::finish(Ok(()), cli.global.json)
}
