//! `sudor dead-letters`: list, show, replay. Reads the store beside a running service; a replay opens
//! the log, and so is for a folder that no service has open.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use ingest_connectors::port::Publisher;
use schemas::record::ingest::RawReceived;
use serde_json::{Value, json};
use sinks_api::ReplayError;
use sinks_store::{After, ListQuery, SeriesQuery, Table};

use crate::adapters::LogReplay;
use crate::cli::{DataArgs, DeadLettersArgs, DeadLettersCommand, GlobalArgs};
use crate::config::{self, Request, Settings};
use crate::exit::{self, CommandResult, Failure};
use crate::run::{existing_log, opening, runtime};
use crate::stores;
use crate::wiring::{Service, TENANT};

const PAGE: usize = 500;

pub(crate) fn run(args: &DeadLettersArgs, global: GlobalArgs) -> CommandResult {
    match &args.command {
        DeadLettersCommand::List { data } => list(&settings(data)?, global),
        DeadLettersCommand::Show { id, data } => show(&settings(data)?, id),
        DeadLettersCommand::Replay { ids, data } => replay(&settings(data)?, ids, global),
    }
}

fn settings(data: &DataArgs) -> Result<Settings, Failure> {
    Ok(config::load(&Request::of(data))?.0)
}

fn open(settings: &Settings) -> Result<Arc<dyn SeriesQuery>, Failure> {
    stores::query(settings)
}

fn list(settings: &Settings, global: GlobalArgs) -> CommandResult {
    let store = open(settings)?;
    let mut query = ListQuery::all(Table::DeadLetters, TENANT, PAGE);
    let mut items: Vec<Value> = Vec::new();
    loop {
        let page = store.list(&query).context("cannot list dead letters")?;
        for item in &page.items {
            let mut letter: Value = serde_json::from_str(&item.body).context("a row is no JSON")?;
            if let Some(letter) = letter.as_object_mut() {
                letter.remove("body_base64");
            }
            items.push(letter);
        }
        match page.items.last() {
            Some(last) if page.more => {
                query.after = Some(After {
                    start: last.start,
                    id: last.id.clone(),
                    inclusive: false,
                });
            }
            _ => break,
        }
    }
    if global.json {
        return exit::print_json(&json!({"items": items})).map_err(Failure::failed);
    }
    let word = |item: &Value, name: &str| {
        item.get(name)
            .and_then(Value::as_str)
            .unwrap_or("-")
            .to_owned()
    };
    let lines: Vec<String> = items
        .iter()
        .map(|item| {
            format!(
                "{}  {}  {:<10} {:<18} {}",
                word(item, "id"),
                word(item, "received_at"),
                word(item, "source"),
                word(item, "reason"),
                word(item, "detail")
            )
        })
        .collect();
    let text = if lines.is_empty() {
        "no dead letters".to_owned()
    } else {
        lines.join("\n")
    };
    exit::print_text(&text).map_err(Failure::failed)
}

fn show(settings: &Settings, id: &str) -> CommandResult {
    let found = open(settings)?
        .get(Table::DeadLetters, TENANT, id)
        .context("cannot read the dead letter")?;
    let Some(item) = found else {
        return Err(unknown(id));
    };
    let letter: Value = serde_json::from_str(&item.body).context("the row is no JSON")?;
    exit::print_json(&letter).map_err(Failure::failed)
}

fn unknown(id: &str) -> Failure {
    Failure::bad_input(anyhow!("there is no dead letter {id}"))
        .hint("sudor dead-letters list shows them all")
}

/// All of them are known, or none is sent.
fn items(letters: &LogReplay, ids: &[String]) -> Result<Vec<Vec<RawReceived>>, Failure> {
    let found = ids.iter().map(|id| match letters.items(id) {
        Err(ReplayError::NotFound) => Err(unknown(id)),
        found => Ok(found.with_context(|| format!("cannot replay {id}"))?),
    });
    found.collect()
}

fn replay(settings: &Settings, ids: &[String], global: GlobalArgs) -> CommandResult {
    if settings.log.kafka.is_none() {
        existing_log(settings)?;
    }
    let service = Service::open(settings).map_err(|error| {
        opening(error).hint("beside a running service use POST /v1/dead-letters/ID/replay")
    })?;
    let done = runtime()?.block_on(async {
        let clock = Arc::new(edge::SystemClock);
        let store: Arc<dyn SeriesQuery> = service.store();
        let letters = LogReplay::new(
            Arc::clone(&store),
            service.publisher(),
            service.vault(),
            clock,
        );
        service.settled().await?;
        for (id, items) in ids.iter().zip(items(&letters, ids)?) {
            service
                .publisher()
                .publish(items)
                .await
                .with_context(|| format!("cannot replay {id}"))?;
        }
        service.settled().await?;
        let mut left = Vec::new();
        for id in ids {
            let letter = store
                .get(Table::DeadLetters, TENANT, id)
                .context("cannot read the dead letter")?;
            let live = letter.is_some_and(|letter| letter.body.contains("\"status\":\"live\""));
            if live {
                left.push(id.clone());
            }
        }
        Ok::<_, Failure>(left)
    });
    let closed = service.close();
    let left = done?;
    closed?;
    let solved = ids.len().saturating_sub(left.len());
    if global.json {
        return exit::print_json(
            &json!({"replayed": ids.len(), "resolved": solved, "rejected_again": left}),
        )
        .map_err(Failure::failed);
    }
    let text = format!(
        "{} replayed, {solved} resolved, {} rejected again",
        ids.len(),
        left.len()
    );
    exit::print_text(&text).map_err(Failure::failed)
}
