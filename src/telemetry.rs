//! Logs, on stderr: text for people, JSON for machines.
//!
//! Results of commands are not logs; they go to stdout (`exit.rs`). Messages are lowercase fragments
//! with structured fields, and never hold a secret or a body.

use std::io::IsTerminal;

use anyhow::{Context, bail};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::cli::GlobalArgs;
use crate::config::LogFormat;

/// What says something: the access log, and our crates by how their names begin.
const OWN: &[&str] = &[
    "access",
    "edge",
    "ingest_",
    "processors_",
    "schemas",
    "sinks_",
    "stream_",
    "sudor",
];

/// Refuses a filter that cannot be read, and one that nothing of ours would pass. A word that is no
/// level is a target, so that a slip such as `inof` would be taken and end the log.
pub(crate) fn check_filter(filter: &str) -> anyhow::Result<()> {
    EnvFilter::try_new(filter).context("it is no filter")?;
    if !filter.split(',').any(|part| lets_pass(part.trim())) {
        bail!("no part of it is a level, or names a part of sudor");
    }
    Ok(())
}

fn lets_pass(part: &str) -> bool {
    let target = part.split(['=', '[']).next().unwrap_or_default();
    let is_own = OWN
        .iter()
        .any(|own| target.starts_with(own) || own.starts_with(target));
    // An empty text would begin every name, and be read as a level, too.
    match target {
        "" => part.starts_with('['),
        _ => is_own || part.parse::<LevelFilter>().is_ok(),
    }
}

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
    use super::{GlobalArgs, check_filter, directives};

    #[test]
    fn a_filter_that_nothing_of_ours_would_pass_is_refused() {
        let good = "info|WARN|off|3|sudor=debug|sinks_api=debug,hyper=warn|ingest_connectors::fetch=trace|\
                    info,hyper=warn|hyper=warn, info|access=info|[request]=debug|sinks_api[request{id=\"7\"}]=debug|sinks";
        for filter in good.split('|') {
            check_filter(filter).unwrap_or_else(|why| panic!("{filter}: {why:#}"));
        }
        for filter in [
            "nonsense",
            "inof",
            "hyper=debug",
            "info=loud",
            "sudor==",
            "no,sense",
            ",",
        ] {
            assert!(check_filter(filter).is_err(), "{filter}");
        }
    }

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
