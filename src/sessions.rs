//! `sudor sessions`: the sessions of an athlete, as they were published, or as those may see them who
//! are not the athlete.
//!
//! It opens store and log read-only, so it may run beside the service. With `--json` it prints what
//! the API answers to the same question.

use anyhow::{Context, anyhow};
use schemas::AnyRecord;
use serde_json::{Value, json};
use sinks_api::Views;
use sinks_store::{After, ListQuery, RowChange, Table, project};

use crate::adapters::LogViews;
use crate::cli::{GlobalArgs, SessionsArgs, SessionsView};
use crate::config::{self, Request, Settings};
use crate::exit::{self, CommandResult, Failure};
use crate::explain::open_log;
use crate::stores;
use crate::wiring::TENANT;

/// Rows that are read from the store at once.
const PAGE_ROWS: usize = 1_000;

pub(crate) fn run(args: &SessionsArgs, global: GlobalArgs) -> CommandResult {
    let (settings, _) = config::load(&Request::of(&args.data))?;
    let bodies = match args.view {
        Some(SessionsView::Unrestricted) => unrestricted(&settings, &args.athlete)?,
        None => published(&settings, &args.athlete)?,
    };
    if bodies.is_empty() && !is_known(&settings, &args.athlete)? {
        let nobody = anyhow!("nothing is known of an athlete {}", args.athlete);
        return Err(Failure::bad_input(nobody)
            .hint("sudor tail observations --from beginning --no-follow names the athletes"));
    }
    let read = |body: String| serde_json::from_str(&body);
    let items: Vec<Value> = bodies
        .into_iter()
        .map(read)
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::failed(anyhow!(error)))?;
    let printed = if global.json {
        exit::print_json(&json!({"items": items}))
    } else {
        let lines: Vec<String> = items.iter().map(line).collect();
        exit::print_text(&lines.join("\n"))
    };
    printed.map_err(Failure::failed)
}

fn is_known(settings: &Settings, athlete: &str) -> Result<bool, Failure> {
    let store = stores::query(settings)?;
    for table in Table::ALL.into_iter().filter(|table| table.has_history()) {
        let query = ListQuery {
            include_retracted: true,
            ..ListQuery::of(table, TENANT, athlete, 1)
        };
        let page = store.list(&query).context("cannot read the store")?;
        if !page.items.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn unrestricted(settings: &Settings, athlete: &str) -> Result<Vec<String>, Failure> {
    let views = LogViews::new(settings, open_log(settings)?);
    let facts = views.unrestricted_sessions(athlete);
    let facts = facts.context("cannot merge the sessions again")?;
    let rows = facts.into_iter().map(AnyRecord::from).filter_map(project);
    let body = |row| match row {
        RowChange::Put(row) => Some(row.body),
        _ => None,
    };
    Ok(rows.filter_map(body).collect())
}

fn published(settings: &Settings, athlete: &str) -> Result<Vec<String>, Failure> {
    let store = stores::query(settings)?;
    let mut query = ListQuery::of(Table::Sessions, TENANT, athlete, PAGE_ROWS);
    let mut bodies = Vec::new();
    loop {
        let page = store.list(&query).context("cannot list the sessions")?;
        query.after = page.items.last().map(|last| After {
            start: last.start,
            id: last.id.clone(),
            inclusive: false,
        });
        bodies.extend(page.items.into_iter().map(|item| item.body));
        if !page.more {
            return Ok(bodies);
        }
    }
}

/// When, what, how far, and who tells it.
fn line(session: &Value) -> String {
    let text = |name: &str| session.get(name).and_then(Value::as_str).unwrap_or("-");
    let distance = session.get("distance_m").and_then(Value::as_f64);
    let distance = distance.map_or("-".to_owned(), |metres| format!("{metres:.0} m"));
    let members = session.get("members").and_then(Value::as_array);
    let members = members.into_iter().flatten();
    let told_by: Vec<&str> = members
        .filter_map(|member| member.get("source")?.as_str())
        .collect();
    let id = text("session_id");
    format!(
        "{id}  {}  {:<12} {distance:>9}  {}",
        text("start"),
        text("sport"),
        told_by.join(", ")
    )
}
