//! Arguments of the commands that only read: where values come from, and what goes by.

use std::str::FromStr;

use clap::{Args, Subcommand};

use super::DataArgs;

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  sudor explain session 4f2a91 --field distance_m --data ./sudor-data
  sudor explain recommendation ada/4f2a91c0…/post --json

An id may be cut to its first six characters or more. Nothing is changed, so it may run beside the
service, which answers the same at GET /v1/sessions/ID/explain.")]
pub(crate) struct ExplainArgs {
    #[command(subcommand)]
    pub(crate) what: ExplainWhat,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ExplainWhat {
    /// Who told each field of a session, who lost and why, and where the raw bytes are
    Session {
        /// Session id, or the first characters of one; an old id leads to the one that took its place
        id: String,
        /// This field only, e.g. distance_m
        #[arg(long)]
        field: Option<String>,
        #[command(flatten)]
        data: DataArgs,
    },
    /// The evidence and the method of a sweat loss
    Loss {
        /// Loss id, or the first characters of one
        id: String,
        #[command(flatten)]
        data: DataArgs,
    },
    /// The reasons of a recommendation, and the facts that it depends on
    Recommendation {
        /// Id of the recommendation, its slot (athlete/anchor/phase), or slot/version
        id: String,
        #[command(flatten)]
        data: DataArgs,
    },
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  sudor tail sessions recommendations --athlete ada          what happens to ada from now on
  sudor tail --from beginning --no-follow --json | jq .record   everything so far, one line each

With --json every record is a document of its own on a line of its own, so that the stream can be
read while it goes on. Nothing is changed, so it may run beside the service. Ctrl-C ends it.")]
pub(crate) struct TailArgs {
    /// Topics, as `sudor topics list` names them, with or without `sudor.` [default: all]
    #[arg(value_name = "TOPIC")]
    pub(crate) topics: Vec<String>,
    /// Where to begin: beginning, end, or the offset of the first record
    /// [default: end; with --no-follow: beginning]
    #[arg(long, value_name = "beginning|end|OFFSET")]
    pub(crate) from: Option<Begin>,
    /// Records of this athlete only
    #[arg(long, value_name = "ID")]
    pub(crate) athlete: Option<String>,
    /// End after so many records
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// End where the log ends, instead of waiting for more
    #[arg(long)]
    pub(crate) no_follow: bool,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

/// Where in the log to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    Beginning,
    End,
    /// The first record that is shown may be this one.
    Offset(u64),
}

impl FromStr for Begin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "beginning" => Ok(Self::Beginning),
            "end" => Ok(Self::End),
            _ => text.parse().map(Self::Offset).map_err(|_| {
                format!("{text:?} is neither `beginning` nor `end` nor an offset (a whole number)")
            }),
        }
    }
}
