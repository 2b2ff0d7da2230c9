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
    match &args.command {
        SchemasCommand::List => list(global),
        SchemasCommand::Check(data) => check(data, global),
        SchemasCommand::Register(data) => with_registry(data, global, true),
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

fn check(data: &DataArgs, global: GlobalArgs) -> CommandResult {
    schemas::check::check().map_err(|fault| {
        Failure::failed(anyhow!("{fault}"))
            .hint("cargo run -p schemas --example accept writes a new version")
    })?;
    if data.config.is_some() {
        return with_registry(data, global, false);
    }
    let printed = if global.json {
        exit::print_json(&json!({"ok": true}))
    } else {
        exit::print_text("schemas and lock file agree, and every version can read every other")
    };
    printed.map_err(Failure::failed)
}

#[cfg(not(feature = "kafka"))]
fn with_registry(_: &DataArgs, _: GlobalArgs, _: bool) -> CommandResult {
    Err(Failure::failed(anyhow!("this build asks no registry")).hint("build with --features kafka"))
}

/// What the registry has; `registers` gives it the rest first.
#[cfg(feature = "kafka")]
fn with_registry(data: &DataArgs, global: GlobalArgs, registers: bool) -> CommandResult {
    use stream_kafka::SchemaState;

    let (settings, _) = config::load(&Request::of(data))?;
    let kafka = settings.log.kafka.as_ref();
    let registry = kafka
        .map(crate::kafka::registry)
        .transpose()
        .map_err(Failure::failed)?;
    let Some(registry) = registry.flatten() else {
        return Err(Failure::bad_input(anyhow!("no registry is configured"))
            .hint("log.registry_url names it, in a configuration with log.kind = \"kafka\""));
    };
    let found = if registers {
        crate::kafka::register_schemas(&registry)
    } else {
        crate::kafka::check_schemas(&registry)
    };
    let found = found.map_err(Failure::failed)?;
    let told = |one: &crate::kafka::Checked| match &one.state {
        SchemaState::Known(id) => ("registered", Some(*id), None),
        SchemaState::New => ("missing", None, None),
        SchemaState::Incompatible(why) => ("incompatible", None, Some(why.clone())),
    };
    let is_known = |one: &crate::kafka::Checked| matches!(one.state, SchemaState::Known(_));
    let all_known = found.iter().all(is_known);
    let printed = if global.json {
        let row = |one: &crate::kafka::Checked| {
            let (state, id, why) = told(one);
            json!({"subject": one.subject, "version": one.version, "own_id": one.own_id,
                "state": state, "id": id, "why": why})
        };
        let rows: Vec<_> = found.iter().map(row).collect();
        exit::print_json(&json!({"ok": all_known, "items": rows}))
    } else {
        let line = |one: &crate::kafka::Checked| {
            let (state, id, why) = told(one);
            let id = id.map_or("-".to_owned(), |id| id.to_string());
            let (version, subject) = (one.version, &one.subject);
            let why = why.unwrap_or_default();
            let line = format!("{state:<12} {id:>5} v{version} {subject} {why}");
            line.trim_end().to_owned()
        };
        exit::print_text(&found.iter().map(line).collect::<Vec<_>>().join("\n"))
    };
    printed.map_err(Failure::failed)?;
    if all_known {
        return Ok(());
    }
    Err(
        Failure::failed(anyhow!("the registry does not have all schemas"))
            .hint("`sudor schemas register` adds what is missing; what is incompatible it refuses"),
    )
}
