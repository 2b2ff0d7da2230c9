//! Arguments of the commands without a data folder: catalogues, workloads, formulas.

use clap::{Args, Subcommand, ValueEnum};
use schemas::record::Micros;

use super::{DataArgs, WorldArgs};

#[derive(Clone, Debug, Args)]
pub(crate) struct TopicsArgs {
    #[command(subcommand)]
    pub(crate) command: TopicsCommand,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum TopicsCommand {
    /// Every topic, its records, who writes it and what it means
    List,
    /// Make what is missing on Kafka, and say what differs there; nothing that is there is changed
    Create(DataArgs),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct SchemasArgs {
    #[command(subcommand)]
    pub(crate) command: SchemasCommand,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum SchemasCommand {
    /// Every record, its subject and its schema id
    List,
    /// Compare the schemas with the lock file and, with --config, with the registry that it names
    Check(DataArgs),
    /// Give the registry of the configuration every version that it does not have
    Register(DataArgs),
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Example:
  sudor bench fold --json

Figures are rates per CPU second, so measure a release build on a quiet machine.")]
pub(crate) struct BenchArgs {
    pub(crate) workload: BenchWorkload,
    /// Athletes in the workload [default: the workload's own]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) athletes: Option<u32>,
    /// Days in the workload [default: the workload's own]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    pub(crate) days: Option<u32>,
    /// Every choice of the simulator follows from this number
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
}

impl BenchArgs {
    /// The world to measure on, where the workload's own size is `athletes` and `days`.
    pub(crate) fn world(&self, athletes: u32, days: u32, end: Option<Micros>) -> WorldArgs {
        WorldArgs {
            athletes: self.athletes.unwrap_or(athletes),
            days: self.days.unwrap_or(days),
            seed: self.seed,
            end,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BenchWorkload {
    /// The steps alone, on athletes with a long history in state; nothing is written
    Fold,
    /// From the publisher to rows in the store, durable
    Embedded,
    /// The best baskets of products for 10,000 needs of simulated athletes
    Select,
    /// All steps on the broker of the configuration, exactly once, and state read back; in topics of its
    /// own, which are removed (build with --features kafka; SUDOR__LOG__KIND=kafka, SUDOR__LOG__BROKERS=…)
    Kafka,
}
