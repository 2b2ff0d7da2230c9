//! How long an athlete's month takes to read. The rows are those of a simulated world, told again for
//! as many athletes as asked, and written day by day, as it happens: an athlete's rows do not lie
//! together. First revisions of a day come before later ones. Prints one line.
//!
//! `sudor demo --athletes 20 --days 30 --exit --data WORLD`, then
//! `cargo run --profile fast -p sinks-sqlite --example athlete_month WORLD/store.db [ATHLETES [FILE]]`
//!
//! A `FILE` that is there is only read.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a measurement: it prints, and it needs a clock; what it indexes it made"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use schemas::record::Micros;
use sinks_sqlite::{ReadStore, Snapshot, SqliteStore};
use sinks_store::{
    FeedPosition, ListQuery, Row, RowChange, RowScan, SeriesQuery, SeriesScan, SeriesStore, Table,
};

const ATHLETES: usize = 16_000;
const DAY_US: i64 = 86_400_000_000;
const BATCH_ROWS: usize = 4_096;
const READS_MAX: usize = 5_000;
const EVERYTHING: usize = 10_000;

/// The rows of each athlete of the world, by day.
type World = Vec<(String, BTreeMap<i64, Vec<Row>>)>;

fn world(path: &Path) -> Result<World, Box<dyn Error>> {
    let snapshot = Snapshot::open(path)?;
    let mut world = World::new();
    for (tenant_id, athlete_id) in snapshot.athletes(None, EVERYTHING)? {
        let mut days: BTreeMap<i64, Vec<Row>> = BTreeMap::new();
        for table in Table::ALL {
            for month in snapshot.months(table)? {
                let scan = RowScan {
                    table,
                    month,
                    tenant_id: tenant_id.clone(),
                    athlete_id: athlete_id.clone(),
                    after: None,
                    limit: EVERYTHING,
                };
                for row in snapshot.rows(&scan)? {
                    let day = days.entry(row.start.0.div_euclid(DAY_US)).or_default();
                    day.push(row);
                }
            }
        }
        world.push((athlete_id, days));
    }
    Ok(world)
}

fn name(athlete: usize) -> String {
    format!("athlete-{athlete:05}")
}

/// The row as another athlete's, under an id that is as random as its own.
fn told_of(row: &Row, from: &str, to: &str, copy: usize) -> Row {
    let mut row = row.clone();
    row.athlete_id = Some(to.to_owned());
    row.body = row.body.replace(from, to);
    row.id = match row.id.get(..8).map(|head| u32::from_str_radix(head, 16)) {
        Some(Ok(head)) => {
            let spread = u32::try_from(copy).unwrap_or(0).wrapping_mul(0x9e37_79b9);
            format!("{:08x}{}", head ^ spread, &row.id[8..])
        }
        _ => row.id.replace(from, to),
    };
    row
}

fn fill(path: &Path, world: &World, athletes: usize) -> Result<(), Box<dyn Error>> {
    let mut store = SqliteStore::open(path)?;
    let days: std::collections::BTreeSet<i64> = world
        .iter()
        .flat_map(|(_, days)| days.keys().copied())
        .collect();
    let mut waiting = Vec::new();
    for day in days {
        for first in [true, false] {
            for athlete in 0..athletes {
                let (from, rows) = &world[athlete % world.len()];
                for row in rows.get(&day).into_iter().flatten() {
                    let row = told_of(row, from, &name(athlete), athlete / world.len());
                    let last = row.version.revision;
                    let revisions = if first { 1..=1 } else { 2..=last };
                    for revision in revisions {
                        let mut row = row.clone();
                        row.version.revision = revision;
                        waiting.push(RowChange::Put(Box::new(row)));
                    }
                }
                if waiting.len() >= BATCH_ROWS {
                    store.apply(std::mem::take(&mut waiting), FeedPosition(1))?;
                }
            }
        }
    }
    store.apply(waiting, FeedPosition(1))?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let world = world(&PathBuf::from(
        args.next().ok_or("name a world's store.db")?,
    ))?;
    let athletes = args.next().map_or(Ok(ATHLETES), |number| number.parse())?;
    let folder = tempfile::tempdir()?;
    let made = folder.path().join("store.db");
    let path = args.next().map_or(made, PathBuf::from);
    if !path.exists() {
        let begun = Instant::now();
        fill(&path, &world, athletes)?;
        println!("written in {:.0?}", begun.elapsed());
    }
    let bytes = std::fs::metadata(&path)?.len();
    let reader = ReadStore::open_read_only(&path)?;
    let (mut took, mut items) = (Vec::with_capacity(READS_MAX), 0);
    let reads = athletes.min(READS_MAX);
    for read in 0..reads {
        let query = ListQuery {
            from: Some(Micros(0)),
            ..ListQuery::of(
                Table::Sessions,
                "default",
                &name(read * 7_919 % athletes),
                1_000,
            )
        };
        let begun = Instant::now();
        items += reader.list(&query)?.items.len();
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    let at = |share: usize| {
        took.get(reads * share / 1_000)
            .copied()
            .unwrap_or(Duration::MAX)
    };
    println!(
        "{athletes} athletes, {} MB: an athlete's month of {} sessions p50 {:.2?}, p99 {:.2?}, longest {:.2?}",
        bytes / 1_000_000,
        items / reads,
        at(500),
        at(990),
        took.last().copied().unwrap_or_default()
    );
    Ok(())
}
