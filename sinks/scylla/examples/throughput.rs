//! Rows a second into a node, and what they cost the client: sessions of 500 athletes, a month each,
//! as the writer stores them, in batches of one partition and one by one. Prints a line for each.
//!
//! `SUDOR_TEST_CASSANDRA=127.0.0.1:9042 cargo run --profile fast -p sinks-scylla --example throughput`

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement: it prints, needs a clock, and finds a server by its environment"
)]

use std::error::Error;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use schemas::record::Micros;
use schemas::record::session::SessionRevised;
use schemas::sample::full;
use sinks_scylla::{Dialect, Options, ScyllaStore};
use sinks_store::{FeedPosition, RowChange, SeriesStore, project};

const ROWS: i64 = 40_000;
/// What the writer takes at once, from some twenty athletes: a backfill, or a busy hour.
const BATCH: i64 = 1_000;
const OF_ATHLETE: i64 = 50;

fn now() -> Micros {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

fn change(n: i64) -> Option<RowChange> {
    let start = Micros(n * 3_600_000_000 % (28 * 86_400_000_000));
    let fact = SessionRevised {
        session_id: format!("s{n}"),
        tenant_id: "default".to_owned(),
        athlete_id: format!("a{}", n / OF_ATHLETE),
        revision: 1,
        revised_at: Micros(n + 1),
        start,
        end: start,
        ..full()
    };
    project(fact.into())
}

/// CPU seconds of this process, all threads: fields 14 and 15 of its `stat`, in hundredths.
fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    let ticks = fields.split(' ').skip(11).take(2);
    ticks
        .filter_map(|field| field.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

#[expect(clippy::cast_precision_loss, reason = "rates for people")]
fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::var("SUDOR_TEST_CASSANDRA")?;
    let mut rates = Vec::new();
    for (name, batch_rows_max) in [("one_by_one", 1), ("batches", 50)] {
        let keyspace = format!("throughput_{name}_{}", std::process::id());
        let mut options = Options::new(
            vec![address.clone()],
            &keyspace,
            Dialect::Cassandra,
            Arc::new(now),
        );
        options.batch_rows_max = batch_rows_max;
        let mut store = ScyllaStore::connect(options)?;
        let (begun, cpu) = (Instant::now(), cpu_s());
        for from in (0..ROWS).step_by(usize::try_from(BATCH)?) {
            let rows = (from..from + BATCH).filter_map(change).collect();
            store.apply(rows, FeedPosition(from.unsigned_abs()))?;
        }
        let (took, cpu) = (begun.elapsed().as_secs_f64(), cpu_s() - cpu);
        let rate = ROWS as f64 / took;
        rates.push(rate);
        println!(
            "{name}: {ROWS} rows in {took:.1} s, {rate:.0} a second, client {:.1} CPU s a million",
            cpu / ROWS as f64 * 1e6
        );
    }
    Ok(())
}
