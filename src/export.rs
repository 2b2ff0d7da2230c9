//! `sudor export parquet`: files for analysts, from one moment of the store. Reads beside a running
//! service; what did not change since the last export into the same folder is left as it is.

use anyhow::Context;
use serde::Serialize;
use sinks_parquet::{Export, TABLES};

use crate::cli::{ExportArgs, GlobalArgs};
use crate::config::{self, Request};
use crate::exit::{self, CommandResult, Failure};
use crate::stores;

#[derive(Serialize)]
struct Report {
    /// Where the store's feed stood.
    position: u64,
    /// Months of tables: written now, left as they were, and files that went.
    months_written: u64,
    months_unchanged: u64,
    files_removed: u64,
    bytes: u64,
    rows: serde_json::Map<String, serde_json::Value>,
}

pub(crate) fn run(args: &ExportArgs, global: GlobalArgs) -> CommandResult {
    let settings = config::load(&Request::of(&args.data))?.0;
    let (store, position) = stores::scan(&settings)
        .map_err(|error| Failure::bad_input(error).hint("--data names the data folder"))?;
    let position = position.0;
    let export = Export::run(&*store, Some(position), &args.out)
        .with_context(|| format!("the export to {} failed", args.out.display()))
        .map_err(Failure::failed)?;
    let rows = TABLES.map(|table| {
        let rows = export.manifest.rows(table);
        (table.name().to_owned(), rows.into())
    });
    let report = Report {
        position,
        months_written: export.written,
        months_unchanged: export.unchanged,
        files_removed: export.removed,
        bytes: export.manifest.parts.values().map(|part| part.bytes).sum(),
        rows: rows.into_iter().collect(),
    };
    let printed = if global.json {
        exit::print_json(&report)
    } else {
        exit::print_text(&report.text())
    };
    printed.map_err(Failure::failed)
}

impl Report {
    fn text(&self) -> String {
        let mut text = format!(
            "{} months of tables written, {} unchanged, {} old files removed, {} bytes in all\n",
            self.months_written, self.months_unchanged, self.files_removed, self.bytes
        );
        for (table, rows) in &self.rows {
            text.push_str(&format!("{table:<18} {rows:>10} rows\n"));
        }
        text
    }
}
