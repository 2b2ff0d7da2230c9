//! The mapping between rows and SQL: text of statements, parameters, and rows read back. No I/O.

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Statement, ToSql};
use schemas::record::Micros;
use sinks_store::{Cell, CellKind, ColumnSpec, Row, Status, Table, Version};

/// The columns that every table has in front of its own. `athlete_id` may be null for dead letters.
const COMMON: usize = 12;

/// Every column with its declaration, in the order of parameters and of reads.
fn columns(table: Table) -> Vec<(String, &'static str)> {
    let athlete = if table == Table::DeadLetters {
        "TEXT"
    } else {
        "TEXT NOT NULL"
    };
    let mut columns: Vec<(String, &'static str)> = vec![
        ("tenant_id".into(), "TEXT NOT NULL"),
        ("athlete_id".into(), athlete),
        (table.id_column().into(), "TEXT NOT NULL"),
        (table.revision_column().into(), "INTEGER NOT NULL"),
        ("step".into(), "INTEGER NOT NULL"),
        ("status".into(), "TEXT NOT NULL"),
        ("start_us".into(), "INTEGER NOT NULL"),
        ("end_us".into(), "INTEGER NOT NULL"),
        ("content_hash".into(), "TEXT NOT NULL"),
        ("revised_at_us".into(), "INTEGER NOT NULL"),
        ("retracted_reason".into(), "TEXT"),
        ("superseded_by".into(), "TEXT"),
    ];
    let own = |spec: &ColumnSpec| {
        let kind = match spec.kind {
            CellKind::Int | CellKind::Flag | CellKind::Instant => "INTEGER",
            CellKind::Real => "REAL",
            CellKind::Text => "TEXT",
        };
        (spec.name.to_owned(), kind)
    };
    columns.extend(table.columns().iter().map(own));
    columns.push(("body".into(), "TEXT NOT NULL"));
    columns
}

fn names(table: Table) -> Vec<String> {
    columns(table).into_iter().map(|(name, _)| name).collect()
}

/// The tables and indexes of one kind of row.
///
/// A revision lies in the file once: in the table while it stands, and moved to `…_superseded` by the
/// one that takes its place. Most rows are never revised.
///
/// Rows lie in order of arrival and are found by two narrow indexes: ids are hashes, and pages of
/// large rows in order of a hash would be split and rewritten all the time. `status` ends the second
/// index so that live rows are counted without reading a row.
pub(crate) fn create(table: Table) -> String {
    let (name, id) = (table.name(), table.id_column());
    let columns: Vec<String> = columns(table)
        .into_iter()
        .map(|(name, kind)| format!("{name} {kind}"))
        .collect();
    let columns = columns.join(", ");
    let span = if table == Table::DeadLetters {
        "tenant_id, start_us"
    } else {
        "tenant_id, athlete_id, start_us"
    };
    let mut sql = format!(
        "CREATE TABLE {name} ({columns}) STRICT;
         CREATE UNIQUE INDEX {name}_by_id ON {name} (tenant_id, {id});
         CREATE INDEX {name}_by_start ON {name} ({span}, {id}, status);"
    );
    match table {
        Table::DeadLetters => sql.push_str(
            "CREATE INDEX dead_letters_by_account ON dead_letters (tenant_id, source, account_id);",
        ),
        Table::TimelineEntries => sql.push_str(
            "CREATE INDEX timeline_entries_by_provider_id
             ON timeline_entries (tenant_id, athlete_id, source, provider_id);",
        ),
        _ => {}
    }
    if table.has_history() {
        sql.push_str(&format!(
            "CREATE TABLE {name}_superseded ({columns}) STRICT;
             {}",
            history(table)
        ));
    }
    sql
}

/// What stands over the table of superseded revisions: its index, and the view of all revisions.
fn history(table: Table) -> String {
    let (name, id, revision) = (table.name(), table.id_column(), table.revision_column());
    let list = names(table).join(", ");
    format!(
        "CREATE UNIQUE INDEX {name}_superseded_by_id
             ON {name}_superseded (tenant_id, {id}, {revision}, step, status);
         CREATE VIEW {name}_history AS
             SELECT {list} FROM {name} UNION ALL SELECT {list} FROM {name}_superseded;"
    )
}

/// Version 1 kept a copy of each present row in the history.
pub(crate) fn without_copies(table: Table) -> String {
    let (name, id, revision) = (table.name(), table.id_column(), table.revision_column());
    format!(
        "DELETE FROM {name}_history AS told WHERE EXISTS (
             SELECT 1 FROM {name} AS now
             WHERE now.tenant_id = told.tenant_id AND now.{id} = told.{id}
               AND now.{revision} = told.{revision} AND now.step = told.step
               AND now.status = told.status);
         DROP INDEX {name}_history_by_id;
         ALTER TABLE {name}_history RENAME TO {name}_superseded;
         {}",
        history(table)
    )
}

/// The statements of the writer for one table. All but `supersede` and `get` take a whole row.
pub(crate) struct Statements {
    /// Stores the row if nothing is known of its entity.
    pub(crate) insert: String,
    /// Makes the row the current one if its version is above the stored one.
    pub(crate) put: String,
    /// Makes the row the current one.
    pub(crate) force: String,
    pub(crate) get: String,
    pub(crate) past: Option<Past>,
}

/// The statements for what no longer stands.
pub(crate) struct Past {
    /// Copies the current row of (tenant, id) if it is below (revision, step).
    pub(crate) supersede: String,
    /// Keeps a row that never stood, or stood before, unless it is the current one.
    pub(crate) keep: String,
    /// The row stands now.
    pub(crate) revive: String,
}

impl Statements {
    pub(crate) fn of(table: Table) -> Self {
        let (name, id, revision) = (table.name(), table.id_column(), table.revision_column());
        let names = names(table);
        let marks = vec!["?"; names.len()].join(", ");
        let list = names.join(", ");
        let changed: Vec<String> = names
            .iter()
            .filter(|column| *column != "tenant_id" && *column != id)
            .map(|column| format!("{column} = excluded.{column}"))
            .collect();
        let into = format!(
            "INSERT INTO {name} ({list}) VALUES ({marks}) ON CONFLICT (tenant_id, {id}) DO"
        );
        let force = format!("{into} UPDATE SET {}", changed.join(", "));
        let put = format!(
            "{force} WHERE (excluded.{revision}, excluded.step) > ({name}.{revision}, {name}.step)"
        );
        let get = format!("SELECT {list} FROM {name} WHERE tenant_id = ?1 AND {id} = ?2");
        Self {
            insert: format!("{into} NOTHING"),
            put,
            force,
            get,
            past: table.has_history().then(|| Past::of(table, &list, &marks)),
        }
    }
}

impl Past {
    fn of(table: Table, list: &str, marks: &str) -> Self {
        let (name, id, revision) = (table.name(), table.id_column(), table.revision_column());
        let into = format!("INSERT OR IGNORE INTO {name}_superseded ({list})");
        // The first parameters of a row: tenant, athlete, id, revision, step, status.
        let key = format!(
            "tenant_id = ?1 AND {id} = ?3 AND {revision} = ?4 AND step = ?5 AND status = ?6"
        );
        Self {
            supersede: format!(
                "{into} SELECT {list} FROM {name}
                 WHERE tenant_id = ?1 AND {id} = ?2 AND ({revision}, step) < (?3, ?4)"
            ),
            keep: format!(
                "{into} SELECT {marks} WHERE NOT EXISTS (SELECT 1 FROM {name} WHERE {key})"
            ),
            revive: format!(
                "DELETE FROM {name}_superseded WHERE tenant_id = ?1 AND {id} = ?2
                   AND {revision} = ?3 AND step = ?4 AND status = ?5"
            ),
        }
    }
}

/// Current timeline entries that one source told under one name.
pub(crate) fn told() -> String {
    format!(
        "SELECT {} FROM timeline_entries
         WHERE tenant_id = ?1 AND athlete_id = ?2 AND source = ?3 AND provider_id = ?4
           AND account_id IS ?5",
        names(Table::TimelineEntries).join(", ")
    )
}

/// Rows of one athlete that begin in a month, after a place.
pub(crate) fn month_of(table: Table) -> String {
    let (name, id) = (table.name(), table.id_column());
    format!(
        "SELECT {} FROM {name} WHERE tenant_id = ?1 AND athlete_id = ?2
           AND start_us >= ?3 AND start_us < ?4 AND (start_us, {id}) > (?5, ?6)
         ORDER BY start_us, {id} LIMIT ?7",
        names(table).join(", ")
    )
}

struct CellParam<'a>(&'a Cell);

impl ToSql for CellParam<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Cell::Null => ToSqlOutput::Owned(Value::Null),
            Cell::Int(value) => ToSqlOutput::Owned(Value::Integer(*value)),
            Cell::Real(value) => ToSqlOutput::Owned(Value::Real(*value)),
            Cell::Text(value) => ToSqlOutput::Borrowed(ValueRef::Text(value.as_bytes())),
        })
    }
}

/// Binds a row to a statement that takes a whole one, and runs it.
pub(crate) fn run(statement: &mut Statement<'_>, row: &Row) -> rusqlite::Result<usize> {
    statement.raw_bind_parameter(1, &row.tenant_id)?;
    statement.raw_bind_parameter(2, row.athlete_id.as_deref())?;
    statement.raw_bind_parameter(3, &row.id)?;
    statement.raw_bind_parameter(4, row.version.revision)?;
    statement.raw_bind_parameter(5, row.version.step)?;
    statement.raw_bind_parameter(6, row.status.word())?;
    statement.raw_bind_parameter(7, row.start.0)?;
    statement.raw_bind_parameter(8, row.end.0)?;
    statement.raw_bind_parameter(9, &row.content_hash)?;
    statement.raw_bind_parameter(10, row.revised_at.0)?;
    statement.raw_bind_parameter(11, row.retracted_reason.as_deref())?;
    statement.raw_bind_parameter(12, row.superseded_by.as_deref())?;
    for (index, cell) in row.cells.iter().enumerate() {
        statement.raw_bind_parameter(COMMON + 1 + index, CellParam(cell))?;
    }
    statement.raw_bind_parameter(COMMON + 1 + row.cells.len(), &row.body)?;
    statement.raw_execute()
}

/// Reads what `get` or `told` selects.
pub(crate) fn row(table: Table, from: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let own = table.columns().len();
    let cells = (COMMON..COMMON + own)
        .map(|index| from.get_ref(index).map(cell))
        .collect::<rusqlite::Result<Vec<Cell>>>()?;
    let status: String = from.get(5)?;
    Ok(Row {
        table,
        tenant_id: from.get(0)?,
        athlete_id: from.get(1)?,
        id: from.get(2)?,
        version: Version {
            revision: from.get(3)?,
            step: from.get(4)?,
        },
        status: if status == Status::Live.word() {
            Status::Live
        } else {
            Status::Retracted
        },
        start: Micros(from.get(6)?),
        end: Micros(from.get(7)?),
        content_hash: from.get(8)?,
        revised_at: Micros(from.get(9)?),
        retracted_reason: from.get(10)?,
        superseded_by: from.get(11)?,
        cells,
        body: from.get(COMMON + own)?,
    })
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Integer(value) => Cell::Int(value),
        ValueRef::Real(value) => Cell::Real(value),
        ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Null | ValueRef::Blob(_) => Cell::Null,
    }
}
