//! How a cluster is reached, and what may be asked of it at once.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use schemas::record::Micros;
use secrecy::SecretString;

/// The database behind the protocol: they share it, and differ in what they call their compaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Scylla,
    Cassandra,
}

#[derive(Clone, Debug)]
pub struct Credentials {
    pub user: String,
    pub password: SecretString,
}

#[derive(Clone)]
pub struct Options {
    /// `host:port`, at least one; the others are found by themselves.
    pub nodes: Vec<String>,
    pub keyspace: String,
    pub dialect: Dialect,
    /// Where the feed's position is kept, one name for each writer.
    pub feed: String,
    /// Of a keyspace that is made here. An existing one is left as it is.
    pub replication_factor: u32,
    /// Nodes of this datacenter are asked first.
    pub datacenter: Option<String>,
    pub credentials: Option<Credentials>,
    /// Certificates in PEM that nodes are checked against. Without them nothing is encrypted.
    pub tls_ca: Option<PathBuf>,
    /// Writes that are under way at once.
    pub writes_max: usize,
    /// Rows of one partition that travel together; 1 sends every row by itself.
    pub batch_rows_max: usize,
    /// What time it is: for the guard against timestamps from the future.
    pub now: Arc<dyn Fn() -> Micros + Send + Sync>,
}

impl Options {
    /// Defaults for one node without passwords.
    pub fn new(
        nodes: Vec<String>,
        keyspace: &str,
        dialect: Dialect,
        now: Arc<dyn Fn() -> Micros + Send + Sync>,
    ) -> Self {
        Self {
            nodes,
            keyspace: keyspace.to_owned(),
            dialect,
            feed: "facts".to_owned(),
            replication_factor: 1,
            datacenter: None,
            credentials: None,
            tls_ca: None,
            writes_max: 64,
            batch_rows_max: 50,
            now,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("nodes", &self.nodes)
            .field("keyspace", &self.keyspace)
            .field("dialect", &self.dialect)
            .field("tls", &self.tls_ca.is_some())
            .field("credentials", &self.credentials.is_some())
            .finish_non_exhaustive()
    }
}
