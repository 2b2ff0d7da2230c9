//! What a batch of one partition is worth: the same rows of `sessions` written one by one, and in
//! unlogged batches of 50 of an athlete's month, with the same number of requests under way; rows as
//! they are, and without their body. Prints a line for each, with CPU seconds of client and server.
//!
//! `SUDOR_TEST_CASSANDRA=127.0.0.1:9042 cargo run --profile fast -p sinks-scylla --example partition_batches [SERVER_PID]`

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement: it prints, needs a clock, and finds a server by its environment"
)]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use futures::stream::{self, TryStreamExt};
use schemas::record::Micros;
use schemas::record::session::SessionRevised;
use schemas::sample::full;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlValue;
use sinks_scylla::{Dialect, Options, ScyllaStore};
use sinks_store::{Cell, CellKind, Month, Row, RowChange, Table, project};

const ROWS: usize = 40_000;
const BATCH: usize = 50;
const UNDER_WAY: [usize; 2] = [8, 64];

type Values = Vec<Option<CqlValue>>;

fn row(n: usize) -> Option<Row> {
    let place = i64::try_from(n).unwrap_or(0);
    let start = Micros(place * 3_600_000_000 % (28 * 86_400_000_000));
    let fact = SessionRevised {
        session_id: format!("s{n}"),
        tenant_id: "default".to_owned(),
        athlete_id: format!("a{}", n / BATCH),
        start,
        end: start,
        ..full()
    };
    match project(fact.into()) {
        Some(RowChange::Put(row)) => Some(*row),
        _ => None,
    }
}

/// In the order of `insert`.
fn values(row: &Row, with_body: bool) -> Values {
    let text = |value: &str| Some(CqlValue::Text(value.to_owned()));
    let long = |value: i64| Some(CqlValue::BigInt(value));
    let mut values = vec![
        Some(CqlValue::Int(Month::of(row.start).number())),
        text(&row.tenant_id),
        row.athlete_id.as_deref().and_then(text),
        text(&row.id),
        long(row.version.revision),
        long(row.version.step),
        text(row.status.word()),
        long(row.start.0),
        long(row.end.0),
        text(&row.content_hash),
        long(row.revised_at.0),
        row.retracted_reason.as_deref().and_then(text),
        row.superseded_by.as_deref().and_then(text),
    ];
    let own = row.table.columns().iter().zip(&row.cells);
    values.extend(own.map(|(column, cell)| match (column.kind, cell) {
        (CellKind::Flag, Cell::Int(value)) => Some(CqlValue::Boolean(*value != 0)),
        (_, Cell::Int(value)) => long(*value),
        (_, Cell::Real(value)) => Some(CqlValue::Double(*value)),
        (_, Cell::Text(value)) => text(value),
        (_, Cell::Null) => None,
    }));
    values.push(if with_body { text(&row.body) } else { None });
    values
}

fn insert(keyspace: &str) -> String {
    let common = Table::Sessions.common_columns();
    let columns = common.iter().chain(Table::Sessions.columns());
    let mut names = vec!["month"];
    names.extend(columns.map(|column| column.name));
    names.push("body");
    let marks = vec!["?"; names.len()].join(", ");
    format!(
        "INSERT INTO {keyspace}.sessions ({}) VALUES ({marks}) USING TIMESTAMP 1",
        names.join(", ")
    )
}

async fn write(
    session: &Session,
    statement: &PreparedStatement,
    rows: Vec<Values>,
    batch: usize,
    under_way: usize,
) -> Result<(), Box<dyn Error>> {
    let pieces: Vec<Vec<Values>> = rows.chunks(batch).map(<[Values]>::to_vec).collect();
    stream::iter(pieces.into_iter().map(Ok::<_, Box<dyn Error>>))
        .try_for_each_concurrent(under_way, |piece| async move {
            if let [row] = piece.as_slice() {
                session.execute_unpaged(statement, row).await?;
                return Ok(());
            }
            let mut together = Batch::new(BatchType::Unlogged);
            for _ in &piece {
                together.append_statement(statement.clone());
            }
            session.batch(&together, piece).await?;
            Ok(())
        })
        .await
}

/// CPU seconds of a process, all threads: fields 14 and 15 of its `stat`, in hundredths.
fn cpu_s(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
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
    let server = std::env::args().nth(1).unwrap_or_default();
    let keyspace = format!("batches_{}", std::process::id());
    let now = Arc::new(|| Micros(0));
    drop(ScyllaStore::connect(Options::new(
        vec![address.clone()],
        &keyspace,
        Dialect::Cassandra,
        now,
    ))?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let session = SessionBuilder::new().known_node(address).build().await?;
        let statement = session.prepare(insert(&keyspace)).await?;
        for with_body in [true, false] {
            let rows: Vec<Values> = (0..ROWS)
                .filter_map(row)
                .map(|row| values(&row, with_body))
                .collect();
            // The first writes warm the server up and are not counted.
            write(&session, &statement, rows.clone(), BATCH, 8).await?;
            for under_way in UNDER_WAY {
                let mut rates = Vec::new();
                for batch in [1, BATCH] {
                    let rows = rows.clone();
                    let before = (Instant::now(), cpu_s("self"), cpu_s(&server));
                    write(&session, &statement, rows, batch, under_way).await?;
                    let took = before.0.elapsed().as_secs_f64();
                    let a_million = |seconds: f64| seconds / ROWS as f64 * 1e6;
                    rates.push(ROWS as f64 / took);
                    println!(
                        "body {with_body}, {under_way} under way, {batch} rows a request: {:.0} rows/s; CPU s a million rows: client {:.1}, server {:.1}",
                        ROWS as f64 / took,
                        a_million(cpu_s("self") - before.1),
                        a_million(cpu_s(&server) - before.2),
                    );
                }
                if let [single, batches] = rates.as_slice() {
                    println!("  batches are {:.1} times as fast", batches / single);
                }
            }
        }
        session
            .query_unpaged(format!("DROP KEYSPACE {keyspace}"), ())
            .await?;
        Ok(())
    })
}
