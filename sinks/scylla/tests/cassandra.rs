//! The contract on a real node, and what only a database without transactions has to prove.
//!
//! The node's address is in the environment; where it is not, the suite says so and ends.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test that finds a server by its environment"
)]

#[path = "support/node.rs"]
mod node;

use schemas::record::Micros;
use schemas::record::session::SessionRevised;
use schemas::sample::full;
use sinks_scylla::{ScyllaReader, ScyllaStore};
use sinks_store::{
    FeedPosition, ListQuery, RowChange, SeriesQuery, SeriesStore, StoreError, Table, project,
};

#[test]
fn cassandra_keeps_the_contract() {
    let Some(address) = node::address() else {
        return;
    };
    let keyspace = node::keyspace("contract");
    let options = node::options(&address, &keyspace);
    let raw = node::Raw::connect(&address);
    sinks_store::contract::check(|| {
        let store = ScyllaStore::connect(options.clone()).unwrap();
        raw.empty(&keyspace);
        let reader = store.reader();
        (store, reader)
    });
    let mut store = ScyllaStore::connect(options.clone()).unwrap();
    raw.empty(&keyspace);
    sinks_store::contract::fill_for_scan(&mut store);
    let reader = ScyllaReader::connect(options).unwrap();
    sinks_store::contract::check_scan(&reader, &reader);
    raw.drop_keyspace(&keyspace);
}

fn session(revision: i64, revised_at: i64, start_s: i64) -> RowChange {
    let fact = SessionRevised {
        session_id: "s1".to_owned(),
        tenant_id: "default".to_owned(),
        athlete_id: "a1".to_owned(),
        revision,
        revised_at: Micros(revised_at),
        start: Micros(start_s * 1_000_000),
        end: Micros(start_s * 1_000_000 + 1),
        title: (revision == 1).then(|| "said once".to_owned()),
        ..full()
    };
    project(fact.into()).unwrap()
}

fn apply(store: &mut ScyllaStore, rows: Vec<RowChange>) {
    store.apply(rows, FeedPosition(1)).unwrap();
}

fn listed(reader: &ScyllaReader) -> Vec<(String, String)> {
    let all = ListQuery::of(Table::Sessions, "default", "a1", 100);
    let page = reader.list(&all).unwrap();
    page.items.into_iter().map(|i| (i.id, i.body)).collect()
}

#[test]
fn an_old_revision_loses_even_where_it_arrives_last() {
    let Some(address) = node::address() else {
        return;
    };
    let keyspace = node::keyspace("order");
    let options = node::options(&address, &keyspace);
    let raw = node::Raw::connect(&address);
    let mut store = ScyllaStore::connect(options.clone()).unwrap();
    let reader = store.reader();
    apply(&mut store, vec![session(1, 100, 10)]);
    apply(&mut store, vec![session(3, 300, 10)]);
    // A write that was decided before the third revision, and got through after it.
    for table in ["sessions", "sessions_by_id"] {
        raw.run(&format!(
            "INSERT INTO {keyspace}.{table} (tenant_id, athlete_id, month, start_us, session_id, \
             revision, step, status, body) VALUES ('default', 'a1', 197001, 10000000, 's1', 2, 0, \
             'live', '{{}}') USING TIMESTAMP 200"
        ));
    }
    let body = reader
        .get(Table::Sessions, "default", "s1")
        .unwrap()
        .unwrap()
        .body;
    assert!(body.contains("\"revision\":3"), "{body}");
    assert_eq!(listed(&reader), [("s1".to_owned(), body)]);
    // What an older revision said does not show through where the newer one says nothing.
    let title = raw.text(&format!(
        "SELECT title FROM {keyspace}.sessions_by_id WHERE tenant_id = 'default' AND session_id = 's1'"
    ));
    assert_eq!(title, None);
    raw.drop_keyspace(&keyspace);
}

#[test]
fn a_thing_that_moves_over_the_border_of_a_month_is_there_once() {
    let Some(address) = node::address() else {
        return;
    };
    let keyspace = node::keyspace("moves");
    let options = node::options(&address, &keyspace);
    let raw = node::Raw::connect(&address);
    let mut store = ScyllaStore::connect(options).unwrap();
    let reader = store.reader();
    for (revision, start_s) in [(1, 10), (2, 40 * 86_400), (3, 20), (4, 10)] {
        apply(&mut store, vec![session(revision, revision * 100, start_s)]);
        assert_eq!(listed(&reader).len(), 1, "revision {revision}");
    }
    raw.drop_keyspace(&keyspace);
}

#[test]
fn a_revision_from_the_future_is_set_aside_and_can_be_written_over() {
    let Some(address) = node::address() else {
        return;
    };
    let keyspace = node::keyspace("future");
    let raw = node::Raw::connect(&address);
    let mut store = ScyllaStore::connect(node::options(&address, &keyspace)).unwrap();
    apply(
        &mut store,
        vec![session(1, i64::MAX - 1, 10), session(2, 200, 10)],
    );
    let item = store
        .reader()
        .get(Table::Sessions, "default", "s1")
        .unwrap();
    assert!(item.unwrap().body.contains("\"revision\":2"));
    let reason = raw.text(&format!("SELECT reason FROM {keyspace}.set_aside"));
    assert_eq!(reason.as_deref(), Some("revised_at is ahead of the clock"));
    raw.drop_keyspace(&keyspace);
}

#[test]
fn a_newer_schema_is_refused_and_an_older_one_is_gone_on_with() {
    let Some(address) = node::address() else {
        return;
    };
    let keyspace = node::keyspace("schema");
    let options = node::options(&address, &keyspace);
    let raw = node::Raw::connect(&address);
    let mut store = ScyllaStore::connect(options.clone()).unwrap();
    store
        .apply(vec![session(1, 1, 1)], FeedPosition(41))
        .unwrap();
    let again = ScyllaStore::connect(options.clone()).unwrap();
    assert_eq!(again.position().unwrap(), FeedPosition(41));
    raw.run(&format!(
        "INSERT INTO {keyspace}.migrations (program, version, name) VALUES ('sudor', 99, 'later')"
    ));
    let refused = ScyllaStore::connect(options).err();
    assert!(matches!(
        refused,
        Some(StoreError::NewerSchema { found: 99, .. })
    ));
    raw.drop_keyspace(&keyspace);
}

/// Blocks of CQL in the guide, with the keyspace of this run.
#[test]
fn every_statement_of_the_analysts_guide_runs() {
    let Some(address) = node::address() else {
        return;
    };
    let keyspace = node::keyspace("guide");
    let raw = node::Raw::connect(&address);
    let mut store = ScyllaStore::connect(node::options(&address, &keyspace)).unwrap();
    apply(&mut store, vec![session(1, 1, 1)]);
    let guide = include_str!("../../../docs/guides/analyst.md");
    let blocks = guide.split("```cql\n").skip(1);
    let statements: Vec<&str> = blocks
        .flat_map(|rest| rest.split("```").next().unwrap().split(';'))
        .map(str::trim)
        .filter(|statement| !statement.is_empty())
        .collect();
    assert!(statements.len() >= 4, "the guide has CQL");
    for statement in statements {
        raw.run(&statement.replace(" sudor.", &format!(" {keyspace}.")));
    }
    raw.drop_keyspace(&keyspace);
}

#[test]
fn nothing_that_listens_is_worth_another_try_and_a_wrong_name_is_not() {
    let nobody = node::options("127.0.0.1:1", "k");
    let refused = ScyllaStore::connect(nobody).err().unwrap();
    assert!(refused.is_transient(), "{refused:?}");
    let wrong = node::options("127.0.0.1:1", "no name");
    assert!(!ScyllaStore::connect(wrong).err().unwrap().is_transient());
}
