//! Row changes a second into a new `store.db`, as the writer makes them: sessions of 16,000 athletes,
//! every third a revision of one that is there. Prints one line.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement: it prints, and it needs a clock"
)]

use std::error::Error;
use std::time::Instant;

use schemas::record::Micros;
use schemas::record::session::SessionRevised;
use schemas::sample::full;
use sinks_sqlite::SqliteStore;
use sinks_store::{FeedPosition, RowChange, SeriesStore, project};

const BATCHES: i64 = 50;
const ROWS: i64 = 4_096;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let mut store = SqliteStore::open(&folder.path().join("store.db"))?;
    let sample: SessionRevised = full();
    let (mut bytes, begun) = (0, Instant::now());
    for batch in 0..BATCHES {
        let rows: Vec<RowChange> = (0..ROWS)
            .filter_map(|row| project(session(&sample, batch * ROWS + row).into()))
            .collect();
        bytes += rows.iter().map(body_len).sum::<usize>();
        store.apply(rows, FeedPosition(batch.unsigned_abs()))?;
    }
    let (rows, took) = (BATCHES * ROWS, begun.elapsed());
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = rows as f64 / took.as_secs_f64();
    let mean = bytes / usize::try_from(rows)?;
    println!("{rows} changes of {mean} bytes in {took:.2?}: {rate:.0} a second");
    Ok(())
}

fn body_len(change: &RowChange) -> usize {
    match change {
        RowChange::Put(row) => row.body.len(),
        _ => 0,
    }
}

/// Ids are spread like hashes; numbers that are 2 modulo 3 revise the session before them.
fn session(sample: &SessionRevised, n: i64) -> SessionRevised {
    let (entity, revision) = if n % 3 == 2 { (n - 1, 2) } else { (n, 1) };
    let spread = entity.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    SessionRevised {
        session_id: format!("{spread:016x}{entity:016x}"),
        athlete_id: format!("ath_{}", entity % 16_000),
        revision,
        revised_at: Micros(n),
        start: Micros(n * 1_000_000),
        ..sample.clone()
    }
}
