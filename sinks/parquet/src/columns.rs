//! Rows as Arrow columns. Pure.
//!
//! An instant loses the `_us` of its name, because its type says it; everything else is named as in
//! the other stores. Each column carries its unit and its description.

use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};
use sinks_store::{Cell, CellKind, ColumnSpec, Row, Table};

const UTC: &str = "UTC";
const BODY: ColumnSpec = ColumnSpec {
    name: "body",
    kind: CellKind::Text,
    about: "The whole record as JSON, as the API serves it",
};

/// All columns of a table's files, in their order.
pub(crate) fn specs(table: Table) -> Vec<ColumnSpec> {
    let common = table.common_columns();
    let all = common.iter().chain(table.columns()).chain([&BODY]);
    all.copied().collect()
}

pub(crate) fn name(column: &ColumnSpec) -> &'static str {
    match column.kind {
        CellKind::Instant => column.name.strip_suffix("_us").unwrap_or(column.name),
        _ => column.name,
    }
}

/// The unit outside of the type: a timestamp has its own.
pub(crate) fn unit(column: &ColumnSpec) -> Option<&'static str> {
    column.unit().filter(|_| column.kind != CellKind::Instant)
}

pub(crate) fn schema(table: Table) -> Schema {
    let fields: Vec<Field> = specs(table).iter().map(field).collect();
    Schema::new(fields)
}

/// Nothing is declared as never null but what every row has; readers need no more.
fn field(column: &ColumnSpec) -> Field {
    let kind = match column.kind {
        CellKind::Int => DataType::Int64,
        CellKind::Flag => DataType::Boolean,
        CellKind::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        CellKind::Real => DataType::Float64,
        CellKind::Text => DataType::Utf8,
    };
    let about = [("description".to_owned(), column.about.to_owned())];
    let unit = unit(column).map(|unit| ("unit".to_owned(), unit.to_owned()));
    Field::new(name(column), kind, true).with_metadata(
        about
            .into_iter()
            .chain(unit)
            .collect::<arrow_schema::Metadata>(),
    )
}

/// Rows of one table, all with as many cells as it has columns.
pub(crate) fn batch(
    table: Table,
    schema: &Arc<Schema>,
    rows: &[Row],
) -> Result<RecordBatch, ArrowError> {
    let text = |of: fn(&Row) -> Option<&str>| -> ArrayRef {
        let mut column = StringBuilder::new();
        rows.iter().for_each(|row| column.append_option(of(row)));
        Arc::new(column.finish())
    };
    let int = |of: fn(&Row) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(rows.iter().map(of)))
    };
    let instant = |of: fn(&Row) -> i64| -> ArrayRef {
        let values = rows.iter().map(of);
        Arc::new(TimestampMicrosecondArray::from_iter_values(values).with_timezone(UTC))
    };
    let mut columns = vec![
        text(|row| Some(&row.tenant_id)),
        text(|row| row.athlete_id.as_deref()),
        text(|row| Some(&row.id)),
        int(|row| row.version.revision),
        int(|row| row.version.step),
        text(|row| Some(row.status.word())),
        instant(|row| row.start.0),
        instant(|row| row.end.0),
        text(|row| Some(&row.content_hash)),
        instant(|row| row.revised_at.0),
        text(|row| row.retracted_reason.as_deref()),
        text(|row| row.superseded_by.as_deref()),
    ];
    for (place, column) in table.columns().iter().enumerate() {
        columns.push(cells(column.kind, rows, place));
    }
    columns.push(text(|row| Some(&row.body)));
    RecordBatch::try_new(Arc::clone(schema), columns)
}

/// One column of a table's own. A cell of another kind than its column's is unknown.
fn cells(kind: CellKind, rows: &[Row], place: usize) -> ArrayRef {
    let cells = rows.iter().map(|row| row.cells.get(place));
    match kind {
        CellKind::Int => {
            let mut column = Int64Builder::new();
            cells.for_each(|cell| column.append_option(whole(cell)));
            Arc::new(column.finish())
        }
        CellKind::Flag => {
            let mut column = BooleanBuilder::new();
            cells.for_each(|cell| column.append_option(whole(cell).map(|value| value != 0)));
            Arc::new(column.finish())
        }
        CellKind::Instant => {
            let values: TimestampMicrosecondArray = cells.map(whole).collect();
            Arc::new(values.with_timezone(UTC))
        }
        CellKind::Real => reals(cells),
        CellKind::Text => {
            let mut column = StringBuilder::new();
            for cell in cells {
                match cell {
                    Some(Cell::Text(text)) => column.append_value(text),
                    _ => column.append_null(),
                }
            }
            Arc::new(column.finish())
        }
    }
}

fn reals<'r>(cells: impl Iterator<Item = Option<&'r Cell>>) -> ArrayRef {
    let mut column = Float64Builder::new();
    for cell in cells {
        column.append_option(match cell {
            Some(Cell::Real(value)) => Some(*value),
            _ => None,
        });
    }
    let column: Float64Array = column.finish();
    Arc::new(column)
}

fn whole(cell: Option<&Cell>) -> Option<i64> {
    match cell {
        Some(Cell::Int(value)) => Some(*value),
        _ => None,
    }
}
