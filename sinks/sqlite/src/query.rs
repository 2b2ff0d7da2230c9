//! The text of reads. No I/O.

use rusqlite::types::Value;
use schemas::record::Micros;
use sinks_store::{ListQuery, Status, Table};

/// A statement with its parameters, in order.
pub(crate) struct Select {
    pub(crate) text: String,
    pub(crate) params: Vec<Value>,
}

impl Select {
    fn new(text: String) -> Self {
        Self {
            text,
            params: Vec::new(),
        }
    }

    fn and(&mut self, condition: &str, params: impl IntoIterator<Item = Value>) {
        self.text.push_str(" AND ");
        self.text.push_str(condition);
        self.params.extend(params);
    }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

/// One row more than asked, so that the caller sees whether there are more.
pub(crate) fn list(query: &ListQuery) -> Select {
    let (name, id) = (query.table.name(), query.table.id_column());
    let as_of = query.as_of.filter(|_| query.table.has_history());
    let from = match as_of {
        Some(_) => format!("{name}_history AS told"),
        None => name.to_owned(),
    };
    let head = format!("SELECT start_us, {id}, body FROM {from} WHERE tenant_id = ?");
    let mut select = Select::new(head);
    select.params.push(text(&query.tenant_id));
    if let Some(at) = as_of {
        stood_at(&mut select, query, at);
    } else if let Some(athlete) = &query.athlete_id {
        select.and("athlete_id = ?", [text(athlete)]);
    }
    if let Some((source, account)) = &query.account
        && matches!(query.table, Table::DeadLetters | Table::TimelineEntries)
    {
        let names = [text(source), text(account)];
        select.and("source = ? AND account_id = ?", names);
    }
    if !query.include_retracted {
        select.and("status = ?", [text(Status::Live.word())]);
    }
    if let Some(from) = query.from {
        let bounds = [Value::Integer(from.0), Value::Integer(from.0)];
        select.and("(end_us > ? OR start_us >= ?)", bounds);
    }
    if let Some(to) = query.to {
        select.and("start_us < ?", [Value::Integer(to.0)]);
    }
    if let Some(after) = &query.after {
        let order = if after.inclusive { ">=" } else { ">" };
        let place = [Value::Integer(after.start.0), text(&after.id)];
        select.and(&format!("(start_us, {id}) {order} (?, ?)"), place);
    }
    select
        .text
        .push_str(&format!(" ORDER BY start_us, {id} LIMIT ?"));
    select.params.push(limit(query.limit.saturating_add(1)));
    select
}

/// The highest revision of each entity among those that were published by then. The athlete's
/// entities are found by the index of the present rows: every entity has one, and keeps its athlete.
fn stood_at(select: &mut Select, query: &ListQuery, at: Micros) {
    let (name, id) = (query.table.name(), query.table.id_column());
    let revision = query.table.revision_column();
    if let Some(athlete) = &query.athlete_id {
        let of_athlete =
            format!("{id} IN (SELECT {id} FROM {name} WHERE tenant_id = ? AND athlete_id = ?)");
        select.and(&of_athlete, [text(&query.tenant_id), text(athlete)]);
    }
    select.and("revised_at_us <= ?", [Value::Integer(at.0)]);
    let highest = format!(
        "NOT EXISTS (SELECT 1 FROM {name}_history AS later
           WHERE later.tenant_id = told.tenant_id AND later.{id} = told.{id}
             AND later.revised_at_us <= ?
             AND (later.{revision}, later.step, later.status)
               > (told.{revision}, told.step, told.status))"
    );
    select.and(&highest, [Value::Integer(at.0)]);
}

pub(crate) fn limit(rows: usize) -> Value {
    Value::Integer(i64::try_from(rows).unwrap_or(i64::MAX))
}

pub(crate) fn get(table: Table) -> String {
    let (name, id) = (table.name(), table.id_column());
    format!("SELECT start_us, {id}, body FROM {name} WHERE tenant_id = ? AND {id} = ?")
}

pub(crate) fn history(table: Table) -> String {
    let (name, id, revision) = (table.name(), table.id_column(), table.revision_column());
    format!(
        "SELECT start_us, {id}, body FROM {name}_history WHERE tenant_id = ? AND {id} = ?
         ORDER BY {revision}, step, status LIMIT ?"
    )
}

/// Months as `yyyymm`, from the narrow index alone.
pub(crate) fn months(table: Table) -> String {
    let name = table.name();
    format!(
        "SELECT DISTINCT CAST(strftime('%Y%m', start_us / 1000000, 'unixepoch') AS INTEGER) AS month
         FROM {name} ORDER BY month"
    )
}

pub(crate) const ATHLETES: &str = "SELECT tenant_id, athlete_id FROM athletes
    WHERE (tenant_id, athlete_id) > (?, ?) ORDER BY tenant_id, athlete_id LIMIT ?";

pub(crate) fn count(table: Table) -> String {
    let name = table.name();
    format!("SELECT count(*) FROM {name} WHERE status = 'live'")
}

pub(crate) fn live_rows(table: Table) -> String {
    let (name, id, revision) = (table.name(), table.id_column(), table.revision_column());
    format!(
        "SELECT tenant_id, {id}, athlete_id, {revision}, content_hash, body FROM {name}
         WHERE status = 'live' AND (tenant_id, {id}) > (?, ?)
         ORDER BY tenant_id, {id} LIMIT ?"
    )
}
