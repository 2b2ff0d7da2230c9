//! The command line: every command, its arguments, and the help a newcomer reads first.
//!
//! It parses and says nothing about how a command works; `main.rs` matches on `Command`. Commands
//! that are not built yet are parsed too, so that their names are settled and their answer is a
//! sentence instead of "unrecognised".
//!
//! Invariant: what clap refuses ends with exit code 2, so nothing here needs a second check there.

mod calc;
mod data;
mod keys;
mod reading;
mod tools;
mod unsupported;
mod world;

use clap::{Args, Parser, Subcommand};

pub(crate) use calc::CalcArgs;
pub(crate) use data::{
    BackupArgs, DataArgs, DeadLettersArgs, DeadLettersCommand, DoctorArgs, ExportArgs,
    RederiveArgs, ReplayArgs, RestoreArgs, RunArgs, SessionsArgs, SessionsView, VacuumArgs,
    VerifyArgs,
};
pub(crate) use keys::{KeyScope, KeysArgs, KeysCommand};
pub(crate) use reading::{Begin, ExplainArgs, ExplainWhat, TailArgs};
pub(crate) use tools::{
    BenchArgs, BenchWorkload, SchemasArgs, SchemasCommand, TopicsArgs, TopicsCommand,
};
pub(crate) use world::{DemoArgs, ScoreArgs, SimulateArgs, WorldArgs};

const AFTER_HELP: &str = "\
Examples:
  sudor demo                                    everything in one process, on simulated athletes
  sudor demo --athletes 5 --days 2 --exit       the same, smaller, and end when it is done
  sudor run --config sudor.toml                 the service
  sudor verify --data ./sudor-data              recount, rebuild and compare

Exit codes: 0 done, 1 failed, 2 bad input. Results go to stdout, logs and progress to stderr.";

/// One true timeline per athlete, what was lost, and what to drink and eat.
#[derive(Debug, Parser)]
#[command(name = "sudor", version, after_help = AFTER_HELP, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command understands.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct GlobalArgs {
    /// Print the result as one JSON document on stdout
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Log more: -v for debug, -vv for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,
    /// Log errors only, and draw no progress
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything in one process on simulated athletes; nothing to install
    Demo(DemoArgs),
    /// Run the service by its configuration
    Run(RunArgs),
    /// Write a simulated world to files, or post it to a running service
    Simulate(SimulateArgs),
    /// Compare what the program found with the truth of a simulated world
    Score(ScoreArgs),
    /// Recount every item, rebuild every athlete from the log, and compare
    Verify(VerifyArgs),
    /// Derive every athlete again by the rules of today, and say what that changes
    Rederive(RederiveArgs),
    /// Derive everything again beside what is published, and say what would differ
    Replay(ReplayArgs),
    /// Say where a session's, loss's or recommendation's values come from, down to the raw bytes
    Explain(ExplainArgs),
    /// List an athlete's sessions, also as others than the athlete may see them
    Sessions(SessionsArgs),
    /// Follow topics, decoded
    Tail(TailArgs),
    /// List, show and replay what was set aside
    DeadLetters(DeadLettersArgs),
    /// Make, list and revoke API keys
    Keys(KeysArgs),
    /// Write files for analysts
    Export(ExportArgs),
    /// Say what would keep the service from running
    Doctor(DoctorArgs),
    /// Copy the data folder beside a running service
    Backup(BackupArgs),
    /// Make a data folder from a backup
    Restore(RestoreArgs),
    /// Give room that nothing uses any more back to the disk
    Vacuum(VacuumArgs),
    /// The topic catalogue
    Topics(TopicsArgs),
    /// The record schemas
    Schemas(SchemasArgs),
    /// Measure a workload
    Bench(BenchArgs),
    /// One formula alone: JSON in on stdin, JSON out on stdout
    Calc(CalcArgs),
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Cli, Command};

    /// One line of arguments, without the program's name.
    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("sudor").chain(line.split_whitespace()))
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_of_the_contract_parses() {
        let lines = "\
            demo
            demo --athletes 5 --days 2 --seed 9 --end 2026-10-01T00:00:00Z --data d --exit --json
            run
            run --config sudor.toml --roles ingest,process,sink,api --print-config
            run --data d -v
            simulate --athletes 3 --days 2 --seed 1 --end 2026-10-01T00:00:00Z --out d
            simulate --post http://127.0.0.1:8080 --garmin-secret g --strava-secret s --key k
            simulate --post http://127.0.0.1:8080 --garmin-secret g --out d
            score --truth truth.jsonl --data d
            verify --data d --json
            verify --config sudor.toml
            rederive --data d --json
            rederive --dry-run --limit 5 --config sudor.toml
            replay --shadow --data d --out o --json
            replay --shadow --generation 3 --config sudor.toml
            sessions a1 --data d
            sessions a1 --view unrestricted --data d --json
            explain session s1 --field distance_m --data d
            explain loss l1 --data d
            explain recommendation r1
            explain recommendation a/p1/during/2 --json --config sudor.toml
            tail
            tail sudor.sessions --data d
            tail sessions sudor.nights --from beginning --athlete ada --limit 5 --no-follow --json
            tail --from 17 --config sudor.toml
            dead-letters list --data d
            dead-letters show x --data d
            dead-letters replay x y --data d
            keys create --scope ingest --scope read:athlete --athlete anna --name app --data d
            keys list --data d
            keys revoke k1 k2 --data d
            export parquet --out o --data d
            doctor
            doctor --data d --json
            backup --out b --data d
            backup --out b --with-key
            restore --from b --data d
            vacuum --data d
            topics list
            topics create
            schemas list
            schemas check
            schemas register
            bench fold
            bench embedded --athletes 100 --days 1 --json
            bench select --quiet
            bench kafka --athletes 100 --days 1
            calc phs
            calc heat-balance
            calc local-to-whole-body
            calc weigh-in
            calc posterior
            calc needs
            calc select";
        for line in lines.lines() {
            if let Err(error) = parse(line) {
                panic!("{}: {error}", line.trim());
            }
        }
    }

    #[test]
    fn bad_input_is_refused_with_exit_code_two() {
        let lines = "\
            demo --athletes 0
            demo --days 0
            demo --end yesterday
            demo -v -q
            run --roles ingest,cook
            simulate
            score --data d
            rederive --limit 0
            replay --data d
            explain session
            tail --from yesterday
            tail --limit 0
            dead-letters replay
            keys create
            keys create --scope all
            keys create --scope read:athlete --athlete a/b
            keys revoke
            export csv --out o
            bench nothing
            calc nothing
            frobnicate";
        for line in lines.lines() {
            match parse(line) {
                Ok(_) => panic!("accepted: {}", line.trim()),
                Err(error) => assert_eq!(error.exit_code(), 2, "{}", line.trim()),
            }
        }
    }

    #[test]
    fn demo_defaults_are_those_of_the_contract() {
        let Ok(Cli {
            command: Command::Demo(demo),
            global,
        }) = parse("demo")
        else {
            panic!("demo does not parse")
        };
        let world = &demo.world;
        assert_eq!(
            (world.athletes, world.days, world.seed, world.end),
            (50, 3, 7, None)
        );
        assert!(!demo.exit && demo.data.is_none() && !global.json);
    }

    #[test]
    fn global_options_may_stand_behind_the_command() {
        let cli = parse("verify --data d --json -v -v").unwrap();
        assert!(cli.global.json);
        assert_eq!(cli.global.verbose, 2);
    }
}
