//! Arguments of the commands on data: the service, and what reads or repairs what it wrote.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::config::Role;

/// Where the data is. Without either, `./sudor.toml` is read if it is there, and the data folder
/// is `./sudor-data`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct DataArgs {
    /// Data folder (goes before the one that the configuration names)
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  sudor run                                           defaults, data in ./sudor-data
  sudor run --config sudor.toml --print-config        what would be used, and where it comes from
  SUDOR__HTTP__BIND=127.0.0.1:9090 sudor run          every key is an environment variable too")]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Parts to run in this process [default: all]
    #[arg(long, value_name = "ROLE,…", value_delimiter = ',')]
    pub(crate) roles: Vec<Role>,
    /// Print the effective configuration with the origin of each value, and end
    #[arg(long)]
    pub(crate) print_config: bool,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Ends with 1 if anything differs, and names it. What other rules derived is stale, not different: it is
counted, and the outcome (clean, stale or wrong) says so. May run beside the service.")]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  sudor rederive --data ./sudor-data --dry-run        what would change, and nothing is written
  sudor rederive --data ./sudor-data --json           do it, and report every kind of difference

Stop the service first. What was done stays done if it is ended half-way; run it again for the rest.")]
pub(crate) struct RederiveArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Only say what would change
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// So many stale athletes this time [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  sudor replay --shadow --data ./sudor-data           what the rules of this build would change
  sudor replay --shadow --out ./shadow --json         the same, and what was derived is kept
  sudor replay --shadow --config sudor.toml           with a log on Kafka: the next generation
  sudor replay --shadow --generation 4 --config sudor.toml
                                                      another one, where that holds what other rules derived

The service may run meanwhile: what it publishes is read, and never touched. Ended half-way, the command
goes on where it was (with a log of this folder: into the folder of --out). What is told: sessions that
merge differently; nights, losses, profiles and advice that change; pushes that would be withdrawn.

To take it over: a log in the data folder by sudor rederive, with the service stopped; on Kafka by
[log] generation of the next number in the configuration, and back by the one of before
(docs/guides/kafka.md).")]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Derive everything again from what was received, beside what is published, and compare
    #[arg(long, required = true)]
    pub(crate) shadow: bool,
    /// On Kafka, the generation to derive [default: the next one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=9_999))]
    pub(crate) generation: Option<u32>,
    /// Keep what was derived, as a data folder [default: a temporary folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  sudor sessions athlete-00001 --data ./sudor-data
  sudor sessions athlete-00001 --view unrestricted --json

May run beside the service.")]
pub(crate) struct SessionsArgs {
    /// Id of the athlete
    pub(crate) athlete: String,
    /// Merged again without the sources that only the athlete may see [default: as published]
    #[arg(long)]
    pub(crate) view: Option<SessionsView>,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SessionsView {
    Unrestricted,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  sudor dead-letters list --data ./sudor-data
  sudor dead-letters show ID --data ./sudor-data
  sudor dead-letters replay ID ID --data ./sudor-data

Beside a running service, replay through its HTTP route: POST /v1/dead-letters/ID/replay.")]
pub(crate) struct DeadLettersArgs {
    #[command(subcommand)]
    pub(crate) command: DeadLettersCommand,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum DeadLettersCommand {
    /// All of them, with source, stage and reason
    List {
        #[command(flatten)]
        data: DataArgs,
    },
    /// One of them, with its original bytes
    Show {
        id: String,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Send them through the pipeline again, as new arrivals
    #[command(after_help = "\
Example:
  sudor dead-letters replay c65eeb6482d94c2a8b1f0a7be3d1f09e --data ./sudor-data --json

Each goes through the pipeline with its original bytes, as an arrival of now that knows when it
came first. Do it when the reason is gone: a rule was mended, an account linked, a vendor is back.
What becomes something moves from dead_lettered to accepted or duplicate; what is rejected again
stays, with one attempt more, and is named with --json.

For a folder that no service has open. An id that is unknown ends with 2, and nothing is sent.")]
    Replay {
        /// Ids, as `sudor dead-letters list` shows them
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        #[command(flatten)]
        data: DataArgs,
    },
}

#[allow(dead_code, reason = "parsed; what reads it is not built yet")]
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Example:
  sudor backup --out /backups/2026-11-21 --data ./sudor-data

May run beside the service. The vault's key is not copied: who has both can read the tokens.")]
pub(crate) struct BackupArgs {
    /// Folder for the copies; empty, or not there yet
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Copy the vault's key, too
    #[arg(long)]
    pub(crate) with_key: bool,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

/// What would keep the service from running, by its configuration.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Example:
  sudor doctor --config sudor.toml && sudor run --config sudor.toml")]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Example:
  sudor restore --from /backups/2026-11-21 --data ./sudor-data && sudor verify --data ./sudor-data")]
pub(crate) struct RestoreArgs {
    /// Folder of a backup
    #[arg(long, value_name = "DIR")]
    pub(crate) from: PathBuf,
    /// Data folder; empty, or not there yet
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Example:
  sudor vacuum --data ./sudor-data

For a folder that no service has open. Nothing is deleted: the files are rewritten without the pages that
nothing uses any more. It needs as much free room as the largest file has. When the disk is full and
nothing can be freed, move the folder to a larger one: stop the service, copy, start.")]
pub(crate) struct VacuumArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  sudor export parquet --out ./files --data ./sudor-data
  duckdb -c \"SELECT count(*) FROM 'files/table=sessions/*/*.parquet'\"

Run it again into the same folder: only months that changed are written.")]
pub(crate) struct ExportArgs {
    pub(crate) format: ExportFormat,
    /// Folder for the files
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    Parquet,
}
