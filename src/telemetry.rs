//! Logs, on stderr: text for people, JSON for machines.
//!
//! Results of commands are not logs; they go to stdout (`exit.rs`). Messages are lowercase fragments
//! with structured fields, and never hold a secret or a body.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::cli::GlobalArgs;
use crate::config::LogFormat;

/// Starts logging for the rest of the process. A second call changes nothing.
pub(crate) fn start(global: GlobalArgs, format: LogFormat, filter: Option<&str>) {
    let json = match format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let builder = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(EnvFilter::new(directives(global, filter)));
    let started = if json {
        builder.json().flatten_event(true).try_init()
    } else {
        builder
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .try_init()
    };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}

/// The filter of the configuration goes first, then the flags.
fn directives(global: GlobalArgs, filter: Option<&str>) -> String {
    match (filter, global.quiet, global.verbose) {
        (Some(filter), _, _) => filter.to_owned(),
        (None, true, _) => "error".to_owned(),
        (None, false, 0) => "info".to_owned(),
        (None, false, 1) => "debug,hyper=info,reqwest=info,rustls=info".to_owned(),
        (None, false, _) => "trace".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{GlobalArgs, directives};

    #[test]
    fn the_level_follows_filter_then_quiet_then_verbose() {
        let cases = [
            (Some("warn"), true, 2, "warn"),
            (None, true, 0, "error"),
            (None, false, 0, "info"),
            (None, false, 1, "debug,hyper=info,reqwest=info,rustls=info"),
            (None, false, 2, "trace"),
        ];
        for (filter, quiet, verbose, expected) in cases {
            let global = GlobalArgs {
                json: false,
                quiet,
                verbose,
            };
            assert_eq!(directives(global, filter), expected);
        }
    }
}
