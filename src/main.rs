//! The program: parse, load settings, run one command, end with its exit code.

mod adapters;
mod backup;
mod bench;
mod calc;
mod cli;
mod config;
mod dead_letters;
mod demo;
mod differences;
mod doctor;
mod exit;
mod explain;
#[cfg(feature = "parquet")]
mod export;
#[cfg(feature = "kafka")]
mod kafka;
mod keys;
mod lists;
mod loops;
mod post;
mod progress;
mod rederive;
mod replay;
mod rules;
mod run;
mod score;
mod sessions;
mod shutdown;
mod simulate;
mod stores;
mod tail;
mod telemetry;
mod topics;
mod usage;
mod vacuum;
mod verify;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use exit::CommandResult;

/// A fold makes and drops thousands of small strings a batch; the system's allocator spends more on
/// them, and on giving pages back, than the rules spend on deciding (`docs/performance.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.global.json;
    exit::finish(run_command(&cli), json)
}

fn run_command(cli: &Cli) -> CommandResult {
    if let Some(missing) = cli.command.not_supported() {
        return Err(missing.into());
    }
    let global = cli.global;
    match &cli.command {
        Command::Demo(args) => demo::run(args, global),
        Command::Run(args) => run::run(args, global),
        Command::Simulate(args) => simulate::run(args, global),
        Command::Score(args) => score::run(args, global),
        Command::Verify(args) => verify::run(args, global),
        Command::Rederive(args) => rederive::run(args, global),
        Command::Replay(args) => replay::run(args, global),
        Command::Explain(args) => explain::run(args, global),
        Command::Sessions(args) => sessions::run(args, global),
        Command::Tail(args) => tail::run(args, global),
        Command::DeadLetters(args) => dead_letters::run(args, global),
        Command::Keys(args) => keys::run(args, global),
        Command::Bench(args) => bench::run(args, global),
        Command::Calc(args) => calc::run(args),
        Command::Topics(args) => lists::topics(args, global),
        Command::Schemas(args) => lists::schemas(args, global),
        Command::Doctor(args) => doctor::run(args, global),
        Command::Backup(args) => backup::backup(args, global),
        Command::Restore(args) => backup::restore(args, global),
        Command::Vacuum(args) => vacuum::run(args, global),
        #[cfg(feature = "parquet")]
        Command::Export(args) => export::run(args, global),
        #[cfg(not(feature = "parquet"))]
        Command::Export(_) => Ok(()),
    }
}
