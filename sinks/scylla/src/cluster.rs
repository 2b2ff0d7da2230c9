//! A session with its prepared statements, how it comes about, and what its errors mean.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::{
    DbError, ExecutionError, NewSessionError, NextPageError, PagerExecutionError,
};
use scylla::errors::{PrepareError, RequestAttemptError, RequestError};
use scylla::policies::retry::DefaultRetryPolicy;
use scylla::policies::speculative_execution::SimpleSpeculativeExecutionPolicy;
use scylla::statement::Consistency;
use scylla::statement::prepared::PreparedStatement;
use secrecy::ExposeSecret;
use sinks_store::{StoreError, Table};
use tokio::runtime::Runtime;

use crate::{Options, ddl};

/// How long a node may take to answer before the write is tried again.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
const READ_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A node that stopped answering is known after the sum of the two.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// A read that is slower than this is asked of another node, too: about a p99.
const SPECULATE_AFTER: Duration = Duration::from_millis(100);
/// The driver's own threads; rows are made on the caller's.
const THREADS: usize = 2;
/// Rows that a page of a long read brings: bodies are some KiB.
const PAGE_ROWS: i32 = 500;

/// The statements of one table.
pub(crate) struct Statements {
    pub(crate) insert: PreparedStatement,
    pub(crate) delete: PreparedStatement,
    pub(crate) insert_by_id: PreparedStatement,
    pub(crate) insert_history: Option<PreparedStatement>,
    /// All columns and the timestamp of one thing.
    pub(crate) get: PreparedStatement,
    pub(crate) history: Option<PreparedStatement>,
    /// Start, end, id, status, revised at, body of a month from a place on; then the columns that
    /// an account is known by, where there are some.
    pub(crate) month: PreparedStatement,
    /// The same without bodies.
    pub(crate) heads: PreparedStatement,
    /// All columns of a month from a place on.
    pub(crate) rows: PreparedStatement,
    /// Tenant, id, athlete, revision, hash, status of everything.
    pub(crate) all: PreparedStatement,
}

pub(crate) struct Cluster {
    runtime: Option<Runtime>,
    pub(crate) session: Session,
    pub(crate) options: Options,
    pub(crate) tables: BTreeMap<Table, Statements>,
    pub(crate) position: PreparedStatement,
    pub(crate) advance: PreparedStatement,
    pub(crate) know_athlete: PreparedStatement,
    pub(crate) know_month: PreparedStatement,
    pub(crate) know_told: PreparedStatement,
    pub(crate) told: PreparedStatement,
    pub(crate) months: PreparedStatement,
    pub(crate) all_months: PreparedStatement,
    pub(crate) athletes: PreparedStatement,
    pub(crate) all_athletes: PreparedStatement,
    pub(crate) applied: PreparedStatement,
    pub(crate) set_aside: PreparedStatement,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Dropping it here would wait for its threads, which a thread of another runtime must not.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Cluster {
    /// Connects, makes what is not there, prepares. `NewerSchema` where a later program was here.
    pub(crate) fn connect(options: Options) -> Result<Self, StoreError> {
        check_name(&options.keyspace)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("scylla")
            .enable_all()
            .build()
            .map_err(|error| StoreError::failed("starting the driver's threads", error))?;
        let opened = block_on(&runtime, async {
            let session = session(&options).await?;
            migrate(&session, &options).await?;
            Self::prepare(session, options).await
        });
        let mut cluster = opened?;
        cluster.runtime = Some(runtime);
        Ok(cluster)
    }

    /// Waits on the caller's thread, which may belong to any runtime or to none.
    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> Result<T, StoreError> {
        match &self.runtime {
            Some(runtime) => Ok(block_on(runtime, future)),
            None => Err(StoreError::failed("asking the cluster", "it is closed")),
        }
    }

    async fn prepare(session: Session, options: Options) -> Result<Self, StoreError> {
        let k = options.keyspace.clone();
        let mut tables = BTreeMap::new();
        for table in Table::ALL {
            tables.insert(table, Statements::prepare(&session, &k, table).await?);
        }
        let p = async |text: String| prepare(&session, &text).await;
        Ok(Self {
            runtime: None,
            position: p(format!("SELECT position FROM {k}.feed WHERE name = ?")).await?,
            // The position is its own timestamp: the greatest stays, whatever comes last.
            advance: p(format!(
                "INSERT INTO {k}.feed (name, position) VALUES (?, ?) USING TIMESTAMP ?"
            ))
            .await?,
            know_athlete: p(format!(
                "INSERT INTO {k}.athletes (tenant_id, athlete_id) VALUES (?, ?) USING TIMESTAMP 1"
            ))
            .await?,
            // As the position: the latest end stays.
            know_month: p(format!(
                "INSERT INTO {k}.athlete_months (tenant_id, athlete_id, name, month, end_us) \
                 VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?"
            ))
            .await?,
            know_told: p(format!(
                "INSERT INTO {k}.told_ids (tenant_id, athlete_id, source, provider_id, \
                 observation_id) VALUES (?, ?, ?, ?, ?) USING TIMESTAMP 1"
            ))
            .await?,
            told: p(format!(
                "SELECT observation_id FROM {k}.told_ids WHERE tenant_id = ? AND athlete_id = ? \
                 AND source = ? AND provider_id = ?"
            ))
            .await?,
            months: p(format!(
                "SELECT month, end_us FROM {k}.athlete_months WHERE tenant_id = ? \
                 AND athlete_id = ? AND name = ?"
            ))
            .await?,
            all_months: p(format!("SELECT name, month FROM {k}.athlete_months")).await?,
            athletes: p(format!(
                "SELECT athlete_id FROM {k}.athletes WHERE tenant_id = ?"
            ))
            .await?,
            all_athletes: p(format!("SELECT tenant_id, athlete_id FROM {k}.athletes")).await?,
            // No timestamp of ours: it is appended, and its compaction works by time of writing.
            applied: p(format!(
                "INSERT INTO {k}.applied_batches (feed, day, at_us, position, rows, set_aside) \
                 VALUES (?, ?, ?, ?, ?, ?)"
            ))
            .await?,
            set_aside: p(format!(
                "INSERT INTO {k}.set_aside (tenant_id, name, id, revision, step, revised_at_us, \
                 reason, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP 1"
            ))
            .await?,
            tables,
            session,
            options,
        })
    }

    pub(crate) fn statements(&self, table: Table) -> Result<&Statements, StoreError> {
        let missing = || StoreError::failed("finding a statement", table.name());
        self.tables.get(&table).ok_or_else(missing)
    }
}

impl Statements {
    async fn prepare(session: &Session, k: &str, table: Table) -> Result<Self, StoreError> {
        let (name, id, revision) = (table.name(), table.id_column(), table.revision_column());
        let columns = ddl::columns(table);
        let (all, marks) = (columns.join(", "), vec!["?"; columns.len() + 1].join(", "));
        let insert = |into: String| {
            format!("INSERT INTO {k}.{into} (month, {all}) VALUES ({marks}) USING TIMESTAMP ?")
        };
        let from_place = format!(
            "FROM {k}.{name} WHERE tenant_id = ? AND athlete_id = ? AND month = ? \
             AND (start_us, {id}) >= (?, ?) AND (start_us) < (?)"
        );
        let account = match table {
            Table::DeadLetters | Table::TimelineEntries => ", source, account_id",
            _ => "",
        };
        let p = async |text: String| prepare(session, &text).await;
        let history = match table.has_history() {
            false => None,
            true => Some((
                p(insert(format!("{name}_history"))).await?,
                p(format!(
                    "SELECT start_us, end_us, {id}, status, revised_at_us, body \
                     FROM {k}.{name}_history WHERE tenant_id = ? AND {id} = ?"
                ))
                .await?,
            )),
        };
        let (insert_history, history) = history.unzip();
        Ok(Self {
            insert: p(insert(name.to_owned())).await?,
            delete: p(format!(
                "DELETE FROM {k}.{name} USING TIMESTAMP ? WHERE tenant_id = ? AND athlete_id = ? \
                 AND month = ? AND start_us = ? AND {id} = ?"
            ))
            .await?,
            insert_by_id: p(insert(format!("{name}_by_id"))).await?,
            insert_history,
            get: p(format!(
                "SELECT {all}, writetime(body) FROM {k}.{name}_by_id \
                 WHERE tenant_id = ? AND {id} = ?"
            ))
            .await?,
            history,
            month: p(format!(
                "SELECT start_us, end_us, {id}, status, revised_at_us, body{account} {from_place}"
            ))
            .await?,
            heads: p(format!(
                "SELECT start_us, end_us, {id}, status, revised_at_us, superseded_by{account} \
                 {from_place}"
            ))
            .await?,
            rows: p(format!("SELECT {all} {from_place}")).await?,
            all: p(format!(
                "SELECT tenant_id, {id}, athlete_id, {revision}, content_hash, status \
                 FROM {k}.{name}_by_id"
            ))
            .await?,
        })
    }
}

fn block_on<T>(runtime: &Runtime, future: impl Future<Output = T>) -> T {
    // Timers and tasks of the driver belong to its own runtime, whatever thread polls.
    let _inside = runtime.enter();
    futures::executor::block_on(future)
}

/// The name stands in statements as it is.
fn check_name(keyspace: &str) -> Result<(), StoreError> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let begins = keyspace.starts_with(|c: char| c.is_ascii_lowercase());
    if begins && keyspace.len() <= 48 && keyspace.chars().all(fits) {
        return Ok(());
    }
    let wrong = format!("{keyspace:?} is no name: a to z, 0 to 9 and _, at most 48");
    Err(StoreError::failed("naming the keyspace", wrong))
}

async fn session(options: &Options) -> Result<Session, StoreError> {
    let write = ExecutionProfile::builder()
        .consistency(Consistency::LocalQuorum)
        .request_timeout(Some(WRITE_TIMEOUT))
        .retry_policy(Arc::new(DefaultRetryPolicy::new()))
        .build();
    let mut builder = SessionBuilder::new()
        .known_nodes(&options.nodes)
        .connection_timeout(CONNECT_TIMEOUT)
        .keepalive_interval(KEEPALIVE_INTERVAL)
        .keepalive_timeout(KEEPALIVE_TIMEOUT)
        .default_execution_profile_handle(write.into_handle());
    if let Some(datacenter) = &options.datacenter {
        builder = builder.prefer_datacenter(datacenter.clone());
    }
    if let Some(login) = &options.credentials {
        builder = builder.user(&login.user, login.password.expose_secret());
    }
    if let Some(path) = &options.tls_ca {
        builder = builder.tls_context(Some(tls(path)?));
    }
    builder.build().await.map_err(|error| match error {
        NewSessionError::EmptyKnownNodesList | NewSessionError::IllegalConfig(_) => {
            StoreError::failed("connecting to the cluster", error)
        }
        _ => StoreError::unavailable("the cluster", error),
    })
}

fn tls(ca: &std::path::Path) -> Result<Arc<rustls::ClientConfig>, StoreError> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    let attempted = "reading the certificates of store.tls_ca";
    let mut roots = rustls::RootCertStore::empty();
    let certificates =
        CertificateDer::pem_file_iter(ca).map_err(|error| StoreError::failed(attempted, error))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| StoreError::failed(attempted, error))?;
        roots
            .add(certificate)
            .map_err(|error| StoreError::failed(attempted, error))?;
    }
    if roots.is_empty() {
        let none = format!("{} holds no certificate", ca.display());
        return Err(StoreError::failed(attempted, none));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| StoreError::failed("setting up TLS", error))?;
    let config = config.with_root_certificates(roots).with_no_client_auth();
    Ok(Arc::new(config))
}

/// Tables that are not there are made, in order; a newer schema is refused before anything is.
async fn migrate(session: &Session, options: &Options) -> Result<(), StoreError> {
    let keyspace = &options.keyspace;
    let run = async |text: String| {
        let done = session.query_unpaged(text, ()).await;
        done.map_err(failure("migrating the store"))
    };
    run(ddl::keyspace(keyspace, options.replication_factor)).await?;
    run(ddl::migrations(keyspace)).await?;
    let found = run(format!(
        "SELECT max(version) FROM {keyspace}.migrations WHERE program = 'sudor'"
    ))
    .await?;
    let unreadable = |error| StoreError::failed("reading the store's version", error);
    let rows = found
        .into_rows_result()
        .map_err(|error| StoreError::failed("reading the store's version", error))?;
    let row = rows.single_row::<(Option<i32>,)>();
    let found = row.map_err(unreadable)?.0.unwrap_or(0);
    if found > ddl::VERSION {
        return Err(StoreError::NewerSchema {
            found: i64::from(found),
            known: i64::from(ddl::VERSION),
        });
    }
    if found < ddl::VERSION {
        for table in ddl::tables(keyspace, options.dialect) {
            run(table).await?;
        }
        run(format!(
            "INSERT INTO {keyspace}.migrations (program, version, name) \
             VALUES ('sudor', {}, 'first tables')",
            ddl::VERSION
        ))
        .await?;
    }
    Ok(())
}

/// Everything that is prepared here may be sent twice: reads, writes with a timestamp of their own,
/// and a note of what was applied, whose copy says the same.
async fn prepare(session: &Session, text: &str) -> Result<PreparedStatement, StoreError> {
    let mut statement = session.prepare(text).await.map_err(|error| match error {
        PrepareError::AllAttemptsFailed {
            first_attempt: RequestAttemptError::DbError(ref kind, _),
        } if is_final(kind) => StoreError::failed("preparing a statement", error),
        _ => StoreError::unavailable("the cluster", error),
    })?;
    statement.set_is_idempotent(true);
    if text.starts_with("SELECT") {
        statement.set_page_size(PAGE_ROWS);
        let read = ExecutionProfile::builder()
            .consistency(Consistency::LocalQuorum)
            .request_timeout(Some(READ_TIMEOUT))
            .retry_policy(Arc::new(DefaultRetryPolicy::new()))
            .speculative_execution_policy(Some(Arc::new(SimpleSpeculativeExecutionPolicy {
                max_retry_count: 1,
                retry_interval: SPECULATE_AFTER,
            })))
            .build();
        statement.set_execution_profile_handle(Some(read.into_handle()));
    }
    Ok(statement)
}

/// Only what would end the same way is final; all else is asked again, by whoever waits.
fn is_final(error: &DbError) -> bool {
    matches!(
        error,
        DbError::Invalid | DbError::SyntaxError | DbError::Unauthorized | DbError::ConfigError
    )
}

pub(crate) fn failure(attempted: &'static str) -> impl Fn(ExecutionError) -> StoreError {
    move |error| match &error {
        ExecutionError::BadQuery(_) => StoreError::failed(attempted, error),
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(kind, _))
            if is_final(kind) =>
        {
            StoreError::failed(attempted, error)
        }
        _ => StoreError::unavailable(attempted, error),
    }
}

pub(crate) fn pager_failure(attempted: &'static str) -> impl Fn(PagerExecutionError) -> StoreError {
    move |error| match &error {
        PagerExecutionError::SerializationError(_) => StoreError::failed(attempted, error),
        PagerExecutionError::NextPageError(page) if is_final_page(page) => {
            StoreError::failed(attempted, error)
        }
        _ => StoreError::unavailable(attempted, error),
    }
}

fn is_final_page(error: &NextPageError) -> bool {
    match error {
        NextPageError::RequestFailure(RequestError::LastAttemptError(
            RequestAttemptError::DbError(kind, _),
        )) => is_final(kind),
        NextPageError::TypeCheckError(_) | NextPageError::ResultMetadataParseError(_) => true,
        _ => false,
    }
}
