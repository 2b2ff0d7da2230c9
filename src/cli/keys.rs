//! Arguments of `sudor keys`.

use std::str::FromStr;

use clap::{Args, Subcommand};
use edge::auth::Scope;

use super::DataArgs;

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  sudor keys create --scope ingest --name \"phone app\"            may register, link and send
  sudor keys create --scope read:athlete --athlete anna          may read anna, and nobody else
  sudor keys create --scope read:all --name dashboards           may read everything
  sudor keys create --scope admin                                may do everything
  sudor keys list
  sudor keys revoke ID

May run beside the service: a key counts, and ends, with the next request.")]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    pub(crate) command: KeysCommand,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key and print it, once
    Create {
        /// ingest, read:athlete, read:all or admin; may be given more than once
        #[arg(long = "scope", required = true, value_name = "SCOPE")]
        scopes: Vec<KeyScope>,
        /// The one athlete that the key is for
        #[arg(long, value_name = "ID", value_parser = athlete)]
        athlete: Option<String>,
        /// Who has it, for the list
        #[arg(long, default_value = "")]
        name: String,
        #[command(flatten)]
        data: DataArgs,
    },
    /// All that were ever made, without their secrets
    List {
        #[command(flatten)]
        data: DataArgs,
    },
    /// Take keys back
    Revoke {
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        #[command(flatten)]
        data: DataArgs,
    },
}

/// A scope by its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyScope(pub(crate) Scope);

impl FromStr for KeyScope {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let words: Vec<&str> = Scope::ALL.iter().map(|scope| scope.word()).collect();
        Scope::of_word(word)
            .map(Self)
            .ok_or_else(|| format!("one of {}", words.join(", ")))
    }
}

fn athlete(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._~-".contains(c);
    if (1..=64).contains(&text.len()) && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("1 to 64 of A-Z a-z 0-9 . _ ~ -".to_owned())
    }
}
