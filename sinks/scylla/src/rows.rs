//! Rows as CQL values and back. Pure.
//!
//! Where a row is replaced every column is bound, nulls too: what an older revision said must not
//! show through.

use schemas::record::Micros;
use scylla::value::CqlValue;
use sinks_store::{Cell, CellKind, Month, Row, Status, Table, Version};

/// A value of a column; `None` is null.
pub(crate) type Value = Option<CqlValue>;

/// Whose partition it is when nobody's: dead letters of accounts that nobody linked.
pub(crate) const NOBODY: &str = "";

/// The columns that every table has in front of its own.
const COMMON: usize = 12;

pub(crate) fn text(value: &str) -> Value {
    Some(CqlValue::Text(value.to_owned()))
}

pub(crate) fn long(value: i64) -> Value {
    Some(CqlValue::BigInt(value))
}

pub(crate) fn int(value: i32) -> Value {
    Some(CqlValue::Int(value))
}

pub(crate) fn owner(row: &Row) -> &str {
    row.athlete_id.as_deref().unwrap_or(NOBODY)
}

/// `month`, then all columns in the order of `ddl::columns`, then the timestamp.
pub(crate) fn values(row: &Row, timestamp: i64) -> Vec<Value> {
    let optional = |value: &Option<String>| value.as_deref().and_then(text);
    let mut values = vec![
        int(Month::of(row.start).number()),
        text(&row.tenant_id),
        text(owner(row)),
        text(&row.id),
        long(row.version.revision),
        long(row.version.step),
        text(row.status.word()),
        long(row.start.0),
        long(row.end.0),
        text(&row.content_hash),
        long(row.revised_at.0),
        optional(&row.retracted_reason),
        optional(&row.superseded_by),
    ];
    let columns = row.table.columns().iter().enumerate();
    values.extend(columns.map(|(place, column)| cell(column.kind, row.cells.get(place))));
    values.push(text(&row.body));
    values.push(long(timestamp));
    values
}

fn cell(kind: CellKind, cell: Option<&Cell>) -> Value {
    match (kind, cell?) {
        (CellKind::Flag, Cell::Int(value)) => Some(CqlValue::Boolean(*value != 0)),
        (CellKind::Int | CellKind::Instant, Cell::Int(value)) => long(*value),
        (CellKind::Real, Cell::Real(value)) => Some(CqlValue::Double(*value)),
        (CellKind::Text, Cell::Text(value)) => text(value),
        _ => None,
    }
}

/// A row read back, from all columns in the order of `ddl::columns`. `None` where the columns are not
/// what this program wrote.
pub(crate) fn row(table: Table, values: Vec<Value>) -> Option<Row> {
    let own = table.columns().len();
    if values.len() < COMMON + own + 1 {
        return None;
    }
    let mut values = values.into_iter();
    let mut next = || values.next().flatten();
    let (tenant, athlete, id) = (string(next())?, string(next())?, string(next())?);
    let version = Version {
        revision: number(next())?,
        step: number(next())?,
    };
    let live = string(next())? == Status::Live.word();
    let (start, end) = (Micros(number(next())?), Micros(number(next())?));
    let content_hash = string(next())?;
    let revised_at = Micros(number(next())?);
    let (retracted_reason, superseded_by) = (string(next()), string(next()));
    let cells = (0..own).map(|_| back(next())).collect();
    Some(Row {
        table,
        tenant_id: tenant,
        athlete_id: (athlete != NOBODY).then_some(athlete),
        id,
        version,
        status: if live {
            Status::Live
        } else {
            Status::Retracted
        },
        start,
        end,
        content_hash,
        revised_at,
        retracted_reason,
        superseded_by,
        cells,
        body: string(next())?,
    })
}

fn back(value: Value) -> Cell {
    match value {
        Some(CqlValue::BigInt(value)) => Cell::Int(value),
        Some(CqlValue::Boolean(value)) => Cell::Int(i64::from(value)),
        Some(CqlValue::Double(value)) => Cell::Real(value),
        Some(CqlValue::Text(value)) => Cell::Text(value),
        _ => Cell::Null,
    }
}

pub(crate) fn string(value: Value) -> Option<String> {
    match value {
        Some(CqlValue::Text(text)) => Some(text),
        _ => None,
    }
}

pub(crate) fn number(value: Value) -> Option<i64> {
    match value {
        Some(CqlValue::BigInt(number)) => Some(number),
        Some(CqlValue::Int(number)) => Some(i64::from(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use schemas::sample::full;
    use sinks_store::{RowChange, project};

    use super::*;

    #[test]
    fn a_row_comes_back_as_it_was() {
        let session: schemas::record::session::SessionRevised = full();
        let loss: schemas::record::loss::SweatLossEstimated = full();
        let letter: schemas::record::ingest::RecordRejected = full();
        for fact in [session.into(), loss.into(), letter.into()] {
            let Some(RowChange::Put(row)) = project(fact) else {
                panic!("no row");
            };
            let mut values = values(&row, 7);
            assert_eq!(values.pop(), Some(long(7)));
            let values = values.split_off(1);
            assert_eq!(values.len(), crate::ddl::columns(row.table).len());
            assert_eq!(super::row(row.table, values), Some(*row));
        }
    }
}
