//! `sudor topics` and `sudor schemas`: the contract, listed and checked.

use anyhow::anyhow;
use serde_json::json;

use crate::cli::{DataArgs, GlobalArgs, SchemasArgs, SchemasCommand, TopicsArgs, TopicsCommand};
use crate::config::{self, Request};
use crate::exit::{self, CommandResult, Failure};

pub(crate) fn topics(args: &TopicsArgs, global: GlobalArgs) -> CommandResult {
    match &args.command {
        TopicsCommand::List => {}
        TopicsCommand::Create(data) => return create(data, global),
    }
    let specs = schemas::control::of_a_cluster();
    let printed = if global.json {
        let rows: Vec<_> = specs
            .map(|spec| {
                json!({
                    "name": spec.name, "records": spec.records, "written_by": spec.written_by,
                    "meaning": spec.meaning,
                })
            })
            .collect();
        exit::print_json(&json!({"items": rows}))
    } else {
        let lines: Vec<String> = specs
            .map(|spec| format!("{:<24} {:<12} {}", spec.name, spec.written_by, spec.meaning))
            .collect();
        exit::print_text(&lines.join("\n"))
    };
    printed.map_err(Failure::failed)
}

#[cfg_attr(
    not(feature = "kafka"),
    expect(
        unused_variables,
        reason = "there is nothing to report on without Kafka"
    )
)]
fn create(data: &DataArgs, global: GlobalArgs) -> CommandResult {
    let (settings, _) = config::load(&Request::of(data))?;
    match &settings.log.kafka {
        None => Err(Failure::bad_input(anyhow!(
            "log.kind is \"embedded\": its topics are made by `sudor run`"
        ))
        .hint("--config FILE names a configuration with log.kind = \"kafka\"")),
        #[cfg(feature = "kafka")]
        Some(kafka) => {
            crate::kafka::create_topics(&settings, kafka, global).map_err(Failure::failed)
        }
        #[cfg(not(feature = "kafka"))]
        Some(_) => Err(Failure::failed(anyhow!("this build has no Kafka"))),
    }
}

pub(crate) fn schemas(args: &SchemasArgs, global: GlobalArgs) -> CommandResult {
    match args.command {
        SchemasCommand::List => list(global),
        SchemasCommand::Check => check(global),
        SchemasCommand::Register => Ok(()),
    }
}

fn list(global: GlobalArgs) -> CommandResult {
    let subjects = schemas::subjects();
    let printed = if global.json {
        let rows: Vec<_> = subjects
            .iter()
            .map(|subject| {
                json!({
                    "subject": subject.name, "id": subject.id, "version": subject.version,
                    "fingerprint": subject.fingerprint,
                })
            })
            .collect();
        exit::print_json(&json!({"items": rows}))
    } else {
        let lines: Vec<String> = subjects
            .iter()
            .map(|subject| {
                format!(
                    "{:>3} v{} {} {}",
                    subject.id, subject.version, subject.fingerprint, subject.name
                )
            })
            .collect();
        exit::print_text(&lines.join("\n"))
    };
    printed.map_err(Failure::failed)
}

fn check(global: GlobalArgs) -> CommandResult {
    schemas::check::check().map_err(|fault| {
        Failure::failed(anyhow!("{fault}"))
            .hint("cargo run -p schemas --example accept writes a new version")
    })?;
    let printed = if global.json {
        exit::print_json(&json!({"ok": true}))
    } else {
        exit::print_text("schemas and lock file agree, and every version can read every other")
    };
    printed.map_err(Failure::failed)
}
