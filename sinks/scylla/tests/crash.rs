//! A node is killed with SIGKILL in the middle of writing and started again: nothing that was
//! acknowledged is lost, and an old revision never wins. A suite of its own, because it kills.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that finds a server by its environment"
)]

#[path = "support/node.rs"]
mod node;

use std::process::Command;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use schemas::record::Micros;
use schemas::record::session::SessionRevised;
use schemas::sample::full;
use sinks_scylla::ScyllaStore;
use sinks_store::{FeedPosition, RowChange, SeriesQuery, SeriesStore, Table, project};

const ROWS: u64 = 20_000;
const BATCH: u64 = 200;
const ATHLETES: u64 = 50;
/// Between two tries while the node is away; the driver itself fails at once.
const BETWEEN_TRIES: Duration = Duration::from_millis(100);
/// A restart takes some 20 s on a busy machine, the driver's own pause 10 s more.
const TRIES_MAX: usize = 3_000;

/// The row at a place of the feed: a first revision in its first half, a second one in its other.
fn change(place: u64, rows: u64) -> RowChange {
    let half = rows / 2;
    let (number, revision) = (place % half, 1 + place / half);
    let at = i64::try_from(place).unwrap() + 1;
    let start = Micros(i64::try_from(number).unwrap() * 600_000_000);
    let fact = SessionRevised {
        session_id: format!("s{number}"),
        tenant_id: "default".to_owned(),
        athlete_id: format!("a{}", number % ATHLETES),
        revision: i64::try_from(revision).unwrap(),
        revised_at: Micros(at),
        start,
        end: start,
        ..full()
    };
    project(fact.into()).unwrap()
}

fn batch(from: u64, rows: u64) -> Vec<RowChange> {
    (from..(from + BATCH).min(rows))
        .map(|place| change(place, rows))
        .collect()
}

/// Kills the suite's own node and starts it again on the same data.
fn kill_and_start() {
    let xtask = std::env::var("SUDOR_TEST_XTASK").unwrap();
    for words in [
        ["servers", "kill", "cassandra"],
        ["servers", "up", "cassandra"],
    ] {
        let done = Command::new(&xtask).args(words).output().unwrap();
        assert!(done.status.success(), "{words:?}: {done:?}");
    }
}

/// One batch, tried until it is acknowledged; how often it was refused.
fn store_batch(
    store: &mut ScyllaStore,
    rows: &[RowChange],
    at: u64,
    clock: &Receiver<()>,
) -> usize {
    for refused in 0..TRIES_MAX {
        match store.apply(rows.to_vec(), FeedPosition(at)) {
            Ok(()) => return refused,
            Err(error) => assert!(error.is_transient(), "{error:?}"),
        }
        // Nothing is ever sent: it lets time pass, as the loop of the program does.
        clock.recv_timeout(BETWEEN_TRIES).unwrap_or_default();
    }
    panic!("the node did not come back");
}

#[test]
fn a_killed_node_loses_nothing_that_was_acknowledged() {
    let Some(address) = node::address() else {
        return;
    };
    let rows = std::env::var("SUDOR_TEST_ROWS").map_or(ROWS, |rows| rows.parse().unwrap());
    let keyspace = node::keyspace("crash");
    let mut store = ScyllaStore::connect(node::options(&address, &keyspace)).unwrap();
    let (_never, clock) = sync_channel(1);
    let mut restart = None;
    let mut refused = 0;
    for from in (0..rows).step_by(usize::try_from(BATCH).unwrap()) {
        if restart.is_none() && from >= rows / 3 {
            restart = Some(std::thread::spawn(kill_and_start));
        }
        refused += store_batch(&mut store, &batch(from, rows), from + BATCH, &clock);
    }
    restart.unwrap().join().unwrap();
    assert!(refused > 0, "the node was away while rows were written");
    // A second kill, with nothing under way: what is there now came from the disk.
    kill_and_start();
    let mut store = again(&address, &keyspace, &clock);
    assert!(store.position().unwrap().0 >= rows);
    // The whole feed once more, as after the loss of a position: the first revisions come last.
    for from in (0..rows / 2).step_by(usize::try_from(BATCH).unwrap()) {
        store_batch(&mut store, &batch(from, rows), 0, &clock);
    }
    let reader = store.reader();
    for number in 0..rows / 2 {
        let id = format!("s{number}");
        let item = reader
            .get(Table::Sessions, "default", &id)
            .unwrap()
            .unwrap();
        assert!(item.body.contains("\"revision\":2"), "{id}: {}", item.body);
        let history = reader.history(Table::Sessions, "default", &id, 10).unwrap();
        assert_eq!(history.len(), 2, "{id}");
    }
    assert_eq!(reader.counts().unwrap().sessions, rows / 2);
    node::Raw::connect(&address).drop_keyspace(&keyspace);
    let told = format!("{rows} rows, {refused} refused batches, none lost\n");
    std::io::Write::write_all(&mut std::io::stderr(), told.as_bytes()).unwrap();
}

fn again(address: &str, keyspace: &str, clock: &Receiver<()>) -> ScyllaStore {
    for _ in 0..TRIES_MAX {
        match ScyllaStore::connect(node::options(address, keyspace)) {
            Ok(store) => return store,
            Err(error) => assert!(error.is_transient(), "{error:?}"),
        }
        clock.recv_timeout(BETWEEN_TRIES).unwrap_or_default();
    }
    panic!("the node did not come back");
}
