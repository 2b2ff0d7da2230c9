//! Finding the node, and asking it past our own code.

use std::io::Write;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use schemas::record::Micros;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use sinks_scylla::{Dialect, Options};

pub(crate) fn address() -> Option<String> {
    if let Ok(address) = std::env::var("SUDOR_TEST_CASSANDRA") {
        return Some(address);
    }
    let required = std::env::var("SUDOR_REQUIRE_SERVERS").is_ok_and(|value| value == "1");
    assert!(
        !required,
        "SUDOR_TEST_CASSANDRA is not set and servers are required"
    );
    let told = "SKIPPED: SUDOR_TEST_CASSANDRA is not set; `cargo xtask servers test` sets it\n";
    std::io::stderr().write_all(told.as_bytes()).unwrap();
    None
}

/// One of this run's own: the node is shared.
pub(crate) fn keyspace(name: &str) -> String {
    format!("sudor_{name}_{}", std::process::id())
}

pub(crate) fn options(address: &str, keyspace: &str) -> Options {
    let now = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Micros(i64::try_from(since.as_micros()).unwrap())
    };
    let nodes = vec![address.to_owned()];
    Options::new(nodes, keyspace, Dialect::Cassandra, Arc::new(now))
}

/// A connection of the test's own.
pub(crate) struct Raw {
    runtime: tokio::runtime::Runtime,
    session: Session,
}

#[allow(dead_code, reason = "each suite uses some of it")]
impl Raw {
    pub(crate) fn connect(address: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let builder = SessionBuilder::new().known_node(address);
        let session = runtime.block_on(builder.build()).unwrap();
        Self { runtime, session }
    }

    pub(crate) fn run(&self, statement: &str) {
        let done = self.session.query_unpaged(statement, ());
        self.runtime.block_on(done).unwrap();
    }

    /// The first column of the first row.
    pub(crate) fn text(&self, statement: &str) -> Option<String> {
        let found = self.session.query_unpaged(statement, ());
        let rows = self
            .runtime
            .block_on(found)
            .unwrap()
            .into_rows_result()
            .unwrap();
        rows.maybe_first_row::<(Option<String>,)>().unwrap()?.0
    }

    pub(crate) fn number(&self, statement: &str) -> i64 {
        let found = self.session.query_unpaged(statement, ());
        let rows = self
            .runtime
            .block_on(found)
            .unwrap()
            .into_rows_result()
            .unwrap();
        rows.single_row::<(i64,)>().unwrap().0
    }

    /// Truncates what holds something: that is dear, and making tables is dearer.
    pub(crate) fn empty(&self, keyspace: &str) {
        let tables = format!(
            "SELECT table_name FROM system_schema.tables WHERE keyspace_name = '{keyspace}'"
        );
        let found = self.session.query_unpaged(tables, ());
        let rows = self
            .runtime
            .block_on(found)
            .unwrap()
            .into_rows_result()
            .unwrap();
        for table in rows.rows::<(String,)>().unwrap() {
            let (table,) = table.unwrap();
            if table == "migrations" {
                continue;
            }
            let first = self
                .session
                .query_unpaged(format!("SELECT * FROM {keyspace}.{table} LIMIT 1"), ());
            let first = self
                .runtime
                .block_on(first)
                .unwrap()
                .into_rows_result()
                .unwrap();
            if first.rows_num() > 0 {
                self.run(&format!("TRUNCATE {keyspace}.{table}"));
            }
        }
    }

    pub(crate) fn drop_keyspace(&self, keyspace: &str) {
        self.run(&format!("DROP KEYSPACE {keyspace}"));
    }
}
