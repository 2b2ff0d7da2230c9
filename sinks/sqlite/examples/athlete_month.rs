//! How long an athlete's month takes to read: a `store.db` of 16,000 athletes with 30 days of two
//! sessions, two losses, a night and six recommendations a day, read at random. Prints one line.
//!
//! `cargo run --release -p sinks-sqlite --example athlete_month [ATHLETES [FILE]]`
//!
//! It writes for many minutes and a store of some 38 GB; a `FILE` that is there is only read, and may be one that was cut short.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement: it prints, and it needs a clock"
)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use schemas::record::Micros;
use schemas::record::loss::SweatLossEstimated;
use schemas::record::night::NightRevised;
use schemas::record::recommendation::RecommendationIssued;
use schemas::record::session::SessionRevised;
use schemas::sample::full;
use sinks_sqlite::{ReadStore, SqliteStore};
use sinks_store::{FeedPosition, ListQuery, RowChange, SeriesQuery, SeriesStore, Table, project};

const ATHLETES: i64 = 16_000;
const DAYS: i64 = 30;
const HOUR_US: i64 = 3_600_000_000;
const BATCH_ROWS: usize = 4_096;
const READS: usize = 5_000;

fn rows(athlete: i64, day: i64) -> Vec<RowChange> {
    let athlete_id = format!("ath_{athlete}");
    let at = |hour: i64| Micros((day * 24 + hour) * HOUR_US);
    let tenant = || "default".to_owned();
    // Ids are spread like hashes.
    let spread = |n: i64| {
        let n = (athlete * DAYS + day) * 16 + n;
        format!(
            "{:016x}",
            n.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15)
        )
    };
    let mut facts: Vec<schemas::AnyRecord> = Vec::new();
    for n in [0, 1] {
        facts.push(
            SessionRevised {
                tenant_id: tenant(),
                athlete_id: athlete_id.clone(),
                session_id: spread(n),
                start: at(7 + n * 10),
                end: at(8 + n * 10),
                ..full()
            }
            .into(),
        );
        facts.push(
            SweatLossEstimated {
                tenant_id: tenant(),
                athlete_id: athlete_id.clone(),
                loss_id: spread(n + 2),
                ..full()
            }
            .into(),
        );
    }
    facts.push(
        NightRevised {
            tenant_id: tenant(),
            athlete_id: athlete_id.clone(),
            night_id: spread(4),
            start: at(0),
            end: at(6),
            ..full()
        }
        .into(),
    );
    for n in 5..11 {
        let mut fact = RecommendationIssued {
            tenant_id: tenant(),
            athlete_id: athlete_id.clone(),
            slot: spread(n),
            ..full()
        };
        fact.advice.valid_from = at(n);
        fact.advice.valid_until = at(n + 1);
        facts.push(fact.into());
    }
    facts.into_iter().filter_map(project).collect()
}

fn fill(path: &Path, athletes: i64) -> Result<(), Box<dyn Error>> {
    let mut store = SqliteStore::open(path)?;
    let mut waiting = Vec::new();
    // Day by day, as it happens: an athlete's rows do not lie together.
    for day in 0..DAYS {
        for athlete in 0..athletes {
            waiting.extend(rows(athlete, day));
            if waiting.len() >= BATCH_ROWS {
                store.apply(std::mem::take(&mut waiting), FeedPosition(1))?;
            }
        }
    }
    store.apply(waiting, FeedPosition(1))?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let athletes = match std::env::args().nth(1) {
        Some(number) => number.parse()?,
        None => ATHLETES,
    };
    let folder = tempfile::tempdir()?;
    let made = folder.path().join("store.db");
    let path = std::env::args().nth(2).map_or(made, PathBuf::from);
    if !path.exists() {
        fill(&path, athletes)?;
    }
    let bytes = std::fs::metadata(&path)?.len();
    let reader = ReadStore::open_read_only(&path)?;
    let (mut took, mut items) = (Vec::with_capacity(READS), 0);
    for read in 0..READS {
        let athlete = i64::try_from(read)?.wrapping_mul(7_919) % athletes;
        let query = ListQuery {
            from: Some(Micros(0)),
            to: Some(Micros(31 * 24 * HOUR_US)),
            ..ListQuery::of(Table::Sessions, "default", &format!("ath_{athlete}"), 1_000)
        };
        let begun = Instant::now();
        items += reader.list(&query)?.items.len();
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    let at = |share: usize| {
        took.get(READS * share / 1_000)
            .copied()
            .unwrap_or(Duration::MAX)
    };
    println!(
        "{athletes} athletes, {} MB: an athlete's month of {} sessions p50 {:.2?}, p99 {:.2?}, longest {:.2?}",
        bytes / 1_000_000,
        items / READS,
        at(500),
        at(990),
        took.last().copied().unwrap_or_default()
    );
    Ok(())
}
