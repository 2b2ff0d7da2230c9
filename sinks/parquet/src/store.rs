//! The export: reads a store month by month, and writes the months that changed.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::WriterProperties;
use sha2::{Digest, Sha256};
use sinks_store::{Month, Row, RowScan, SeriesScan, Status, StoreError, Table};

use crate::columns;
use crate::manifest::{Manifest, Part, dictionary};

/// What is exported. Dead letters hold what senders sent, and stay where they are.
pub const TABLES: [Table; 6] = [
    Table::Sessions,
    Table::Nights,
    Table::SweatLosses,
    Table::Profiles,
    Table::Recommendations,
    Table::TimelineEntries,
];

/// Athletes that are asked for at once.
const ATHLETES_MAX: usize = 1_024;
/// Rows of one athlete that are read at once: a month of the busiest has some hundreds.
const ROWS_MAX: usize = 1_024;
/// Rows that wait to be written together: small athletes share a batch.
const BATCH_ROWS: usize = 4_096;
/// A row group ends at this many encoded bytes, so that memory does not grow with a month.
const ROW_GROUP_BYTES_MAX: usize = 32 * 1_024 * 1_024;
const ROW_GROUP_ROWS_MAX: usize = 131_072;
/// What the zstd library takes by default.
const ZSTD_LEVEL: i32 = 3;

const MANIFEST: &str = "manifest.json";

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("reading the store for an export failed")]
    Store(#[from] StoreError),
    #[error("cannot {attempted} {}", path.display())]
    File {
        attempted: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot write {} as Parquet", path.display())]
    Parquet {
        path: PathBuf,
        #[source]
        source: ParquetError,
    },
}

fn file(attempted: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> ExportError {
    let path = path.to_owned();
    move |source| ExportError::File {
        attempted,
        path,
        source,
    }
}

/// What an export did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Export {
    pub manifest: Manifest,
    /// Months that were written, and those that were as before.
    pub written: u64,
    pub unchanged: u64,
    pub removed: u64,
}

impl Export {
    /// Brings `out` to what the store says. `position` is where the feed of the store stands.
    pub fn run(
        store: &dyn SeriesScan,
        position: Option<u64>,
        out: &Path,
    ) -> Result<Self, ExportError> {
        fs::create_dir_all(out).map_err(file("make the folder", out))?;
        let manifest_path = out.join(MANIFEST);
        let before = match fs::read_to_string(&manifest_path) {
            Ok(text) => Manifest::read(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Manifest::default(),
            Err(error) => return Err(file("read", &manifest_path)(error)),
        };
        let mut export = Self::default();
        export.manifest.position = position;
        for table in TABLES {
            for month in store.months(table)? {
                export.month(store, &before, out, table, month)?;
            }
        }
        publish(&manifest_path, &export.manifest.json(&TABLES))?;
        export.remove_old(&before, out)?;
        Ok(export)
    }

    fn month(
        &mut self,
        store: &dyn SeriesScan,
        before: &Manifest,
        out: &Path,
        table: Table,
        month: Month,
    ) -> Result<(), ExportError> {
        let place = (table.name().to_owned(), month.to_string());
        let mut seen = Contents::default();
        each_live_row(store, table, month, |row| {
            seen.add(&row);
            Ok(())
        })?;
        if seen.rows == 0 {
            return Ok(());
        }
        let known = before.parts.get(&place);
        let known =
            known.filter(|part| part.sha256 == seen.hash() && out.join(&part.path).exists());
        let part = if let Some(part) = known {
            self.unchanged += 1;
            part.clone()
        } else {
            self.written += 1;
            write(store, out, table, month)?
        };
        self.manifest.parts.insert(place, part);
        Ok(())
    }

    /// Files that the manifest no longer names. Whoever still reads one keeps it until it is closed.
    fn remove_old(&mut self, before: &Manifest, out: &Path) -> Result<(), ExportError> {
        for (place, part) in &before.parts {
            let now = self.manifest.parts.get(place);
            if now.is_some_and(|now| now.path == part.path) {
                continue;
            }
            let path = out.join(&part.path);
            match fs::remove_file(&path) {
                Ok(()) => self.removed += 1,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(file("remove", &path)(error)),
            }
        }
        Ok(())
    }
}

/// What decides whether a month is the same: who, which version, what it says.
#[derive(Clone, Default)]
struct Contents {
    hash: Sha256,
    rows: u64,
}

impl Contents {
    fn add(&mut self, row: &Row) {
        let athlete = row.athlete_id.as_deref().unwrap_or_default();
        for text in [&row.tenant_id, athlete, &row.id, &row.content_hash] {
            self.hash.update(text.len().to_le_bytes());
            self.hash.update(text.as_bytes());
        }
        for number in [row.version.revision, row.version.step, row.revised_at.0] {
            self.hash.update(number.to_le_bytes());
        }
        self.rows += 1;
    }

    fn hash(&self) -> String {
        let digest = self.hash.clone().finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Live rows of a month by tenant, athlete, start and id.
fn each_live_row(
    store: &dyn SeriesScan,
    table: Table,
    month: Month,
    mut each: impl FnMut(Row) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let mut last: Option<(String, String)> = None;
    loop {
        let after = last
            .as_ref()
            .map(|(tenant, athlete)| (&**tenant, &**athlete));
        let athletes = store.athletes(after, ATHLETES_MAX)?;
        let Some(end) = athletes.last().cloned() else {
            return Ok(());
        };
        for (tenant_id, athlete_id) in athletes {
            let mut scan = RowScan {
                table,
                tenant_id,
                athlete_id,
                month,
                after: None,
                limit: ROWS_MAX,
            };
            loop {
                let rows = store.rows(&scan)?;
                let full = rows.len() == scan.limit;
                scan.after = rows.last().map(|row| (row.start, row.id.clone()));
                let live = rows.into_iter().filter(|row| row.status == Status::Live);
                live.into_iter().try_for_each(&mut each)?;
                if !full {
                    break;
                }
            }
        }
        last = Some(end);
    }
}

/// Writes a month beside its place, makes it durable, and gives it its name.
fn write(
    store: &dyn SeriesScan,
    out: &Path,
    table: Table,
    month: Month,
) -> Result<Part, ExportError> {
    let folder = format!("table={}/month={month}", table.name());
    let inside = out.join(&folder);
    fs::create_dir_all(&inside).map_err(file("make the folder", &inside))?;
    // Readers of folders leave names alone that begin with a dot.
    let draft = inside.join(".part.tmp");
    let target = File::create(&draft).map_err(file("make", &draft))?;
    let wrong = |source| ExportError::Parquet {
        path: draft.clone(),
        source,
    };
    let schema = Arc::new(columns::schema(table));
    let properties = properties(table).map_err(wrong)?;
    let mut writer =
        ArrowWriter::try_new(target, Arc::clone(&schema), Some(properties)).map_err(wrong)?;
    let mut contents = Contents::default();
    let mut waiting: Vec<Row> = Vec::with_capacity(BATCH_ROWS);
    let mut put = |rows: &mut Vec<Row>| -> Result<(), ExportError> {
        let batch = columns::batch(table, &schema, rows);
        let batch = batch.map_err(|error| wrong(error.into()))?;
        rows.clear();
        writer.write(&batch).map_err(wrong)?;
        if writer.in_progress_size() > ROW_GROUP_BYTES_MAX {
            writer.flush().map_err(wrong)?;
        }
        Ok(())
    };
    each_live_row(store, table, month, |row| {
        contents.add(&row);
        waiting.push(row);
        if waiting.len() < BATCH_ROWS {
            return Ok(());
        }
        put(&mut waiting)
    })?;
    put(&mut waiting)?;
    let target = writer.into_inner().map_err(wrong)?;
    target.sync_all().map_err(file("make durable", &draft))?;
    let sha256 = contents.hash();
    let path = format!(
        "{folder}/part-{}.parquet",
        sha256.get(..16).unwrap_or(&sha256)
    );
    let named = out.join(&path);
    let bytes = target.metadata().map_err(file("measure", &draft))?.len();
    fs::rename(&draft, &named).map_err(file("name", &named))?;
    Ok(Part {
        path,
        rows: contents.rows,
        bytes,
        sha256,
    })
}

fn properties(table: Table) -> Result<WriterProperties, ParquetError> {
    // Tenant, athlete and start: the first, second and seventh column.
    let sorted = [0, 1, 6].map(|column_idx| SortingColumn {
        column_idx,
        descending: false,
        nulls_first: false,
    });
    let about = |key: &str, value: String| KeyValue::new(key.to_owned(), value);
    Ok(WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS_MAX))
        .set_sorting_columns(Some(sorted.to_vec()))
        .set_created_by(format!("sudor {}", env!("CARGO_PKG_VERSION")))
        .set_key_value_metadata(Some(vec![
            about("sudor.table", table.name().to_owned()),
            about("sudor.columns", dictionary(table).to_string()),
        ]))
        .build())
}

/// Replaces a file by a whole one.
fn publish(path: &Path, text: &str) -> Result<(), ExportError> {
    let draft = path.with_extension("json.tmp");
    let mut target = File::create(&draft).map_err(file("make", &draft))?;
    target
        .write_all(text.as_bytes())
        .and_then(|()| target.sync_all())
        .map_err(file("write", &draft))?;
    fs::rename(&draft, path).map_err(file("name", path))
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use schemas::record::Micros;
    use schemas::record::session::{SessionRetracted, SessionRevised};
    use schemas::sample::full;
    use sinks_store::{FeedPosition, MemoryStore, SeriesStore, project};

    use super::*;

    const DAY_US: i64 = 86_400_000_000;

    fn feed(store: &mut MemoryStore, fact: impl Into<schemas::AnyRecord>) {
        let rows = project(fact.into()).into_iter().collect();
        store.apply(rows, FeedPosition(1)).unwrap();
    }

    fn session(id: &str, athlete: &str, revision: i64, day: i64) -> SessionRevised {
        SessionRevised {
            session_id: id.to_owned(),
            athlete_id: athlete.to_owned(),
            revision,
            content_hash: format!("{id} {revision}"),
            start: Micros(day * DAY_US),
            end: Micros(day * DAY_US + 1),
            ..full()
        }
    }

    fn paths(export: &Export) -> Vec<&str> {
        let parts = export.manifest.parts.values();
        parts.map(|part| part.path.as_str()).collect()
    }

    #[test]
    fn a_month_is_written_again_when_it_was_revised_and_only_then() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = MemoryStore::new();
        feed(&mut store, session("s1", "bea", 1, 3));
        feed(&mut store, session("s2", "ada", 1, 4));
        feed(&mut store, session("s3", "ada", 1, 40));
        let first = Export::run(&store, Some(1), folder.path()).unwrap();
        assert_eq!((first.written, first.unchanged, first.removed), (2, 0, 0));
        assert_eq!(first.manifest.rows(Table::Sessions), 3);
        let again = Export::run(&store, Some(1), folder.path()).unwrap();
        assert_eq!((again.written, again.unchanged, again.removed), (0, 2, 0));
        assert_eq!(again.manifest, first.manifest);
        // One moves to another month, and both months are new.
        feed(&mut store, session("s2", "ada", 2, 41));
        let moved = Export::run(&store, Some(2), folder.path()).unwrap();
        assert_eq!((moved.written, moved.unchanged, moved.removed), (2, 0, 2));
        for old in paths(&first) {
            assert!(!folder.path().join(old).exists(), "{old}");
        }
        let gone = SessionRetracted {
            session_id: "s1".to_owned(),
            athlete_id: "bea".to_owned(),
            revision: 2,
            ..full()
        };
        feed(&mut store, gone);
        let less = Export::run(&store, Some(3), folder.path()).unwrap();
        assert_eq!((less.written, less.unchanged, less.removed), (0, 1, 1));
        assert_eq!(paths(&less).len(), 1);
        assert_eq!(less.manifest.rows(Table::Sessions), 2);
    }

    #[test]
    fn a_file_is_sorted_compressed_and_says_what_its_columns_are() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = MemoryStore::new();
        for (id, athlete, day) in [("s1", "bea", 3), ("s2", "ada", 5), ("s3", "ada", 4)] {
            feed(&mut store, session(id, athlete, 1, day));
        }
        let export = Export::run(&store, None, folder.path()).unwrap();
        let path = folder.path().join(paths(&export).first().unwrap());
        let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
        let metadata = reader.metadata();
        let group = metadata.row_group(0);
        assert_eq!(group.sorting_columns().unwrap().len(), 3);
        assert!(matches!(
            group.column(0).compression(),
            Compression::ZSTD(_)
        ));
        let values = metadata.file_metadata().key_value_metadata().unwrap();
        let value = |key: &str| values.iter().find(|pair| pair.key == key).unwrap();
        let columns = value("sudor.columns").value.as_ref().unwrap();
        assert!(columns.contains("\"m/s\"") && columns.contains("Mean speed"));
        assert!(value("ARROW:schema").value.is_some());
        let ids: Vec<String> = reader
            .get_row_iter(None)
            .unwrap()
            .map(|row| row.unwrap().to_json_value_of("session_id"))
            .collect();
        assert_eq!(ids, ["s3", "s2", "s1"]);
    }

    trait Named {
        fn to_json_value_of(&self, name: &str) -> String;
    }

    impl Named for parquet::record::Row {
        fn to_json_value_of(&self, name: &str) -> String {
            let (_, field) = self.get_column_iter().find(|(of, _)| *of == name).unwrap();
            field.to_string().trim_matches('"').to_owned()
        }
    }
}
