//! `manifest.json`: which files are the present ones, and what they hold. Pure.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sinks_store::Table;

use crate::columns;

/// The layout of folders, names and columns. Another number is not read, but written over.
const LAYOUT: u64 = 1;

/// One file: a month of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Below the folder of the export, with `/`.
    pub path: String,
    pub rows: u64,
    pub bytes: u64,
    /// Hash of the rows' ids, versions and contents, in order.
    pub sha256: String,
}

/// What an export's folder holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Where the store's feed stood, for stores that know.
    pub position: Option<u64>,
    /// By table and month.
    pub parts: BTreeMap<(String, String), Part>,
}

impl Manifest {
    pub fn rows(&self, table: Table) -> u64 {
        let of_table = self.parts.iter().filter(|((of, _), _)| of == table.name());
        of_table.map(|(_, part)| part.rows).sum()
    }

    pub(crate) fn json(&self, tables: &[Table]) -> String {
        let parts: Vec<Value> = self
            .parts
            .iter()
            .map(|((table, month), part)| {
                json!({"table": table, "month": month, "path": part.path, "rows": part.rows,
                    "bytes": part.bytes, "sha256": part.sha256})
            })
            .collect();
        let dictionary: BTreeMap<&str, Value> = tables
            .iter()
            .map(|table| (table.name(), dictionary(*table)))
            .collect();
        let manifest = json!({"layout": LAYOUT, "position": self.position, "parts": parts,
            "columns": dictionary});
        format!("{manifest:#}\n")
    }

    /// What an earlier export wrote; nothing where it cannot be read, so that all is written again.
    pub(crate) fn read(text: &str) -> Self {
        let Ok(json) = serde_json::from_str::<Value>(text) else {
            return Self::default();
        };
        let layout = json.get("layout").and_then(Value::as_u64);
        let parts = json.get("parts").and_then(Value::as_array);
        let parts = parts.filter(|_| layout == Some(LAYOUT));
        Self {
            position: json.get("position").and_then(Value::as_u64),
            parts: parts.into_iter().flatten().filter_map(part).collect(),
        }
    }
}

fn part(json: &Value) -> Option<((String, String), Part)> {
    let text = |name| Some(json.get(name)?.as_str()?.to_owned());
    let number = |name| json.get(name)?.as_u64();
    let part = Part {
        path: text("path")?,
        rows: number("rows")?,
        bytes: number("bytes")?,
        sha256: text("sha256")?,
    };
    Some(((text("table")?, text("month")?), part))
}

/// Name, unit and meaning of each column.
pub(crate) fn dictionary(table: Table) -> Value {
    let column = |column: &sinks_store::ColumnSpec| {
        json!({"name": columns::name(column), "unit": columns::unit(column),
            "description": column.about})
    };
    columns::specs(table).iter().map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_reads_back_and_a_foreign_one_is_nothing() {
        let part = Part {
            path: "table=sessions/month=2026-11/part-ab.parquet".to_owned(),
            rows: 3,
            bytes: 9,
            sha256: "ab".to_owned(),
        };
        let month = ("sessions".to_owned(), "2026-11".to_owned());
        let manifest = Manifest {
            position: Some(7),
            parts: BTreeMap::from([(month, part)]),
        };
        let text = manifest.json(&[Table::Sessions]);
        assert_eq!(Manifest::read(&text), manifest);
        assert!(text.contains("\"unit\": \"m/s\""));
        let foreign = text.replace("\"layout\": 1", "\"layout\": 2");
        assert!(Manifest::read(&foreign).parts.is_empty());
        assert_eq!(Manifest::read("{"), Manifest::default());
    }
}
