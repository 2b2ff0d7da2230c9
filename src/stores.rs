//! Which store this process writes and reads: SQLite in the data folder, or a cluster.
//!
//! The rest of the program sees the ports alone.

use std::sync::Arc;

use anyhow::{Context, bail};
use edge::private;
use sinks_sqlite::{ReadStore, SqliteStore};
use sinks_store::{FeedPosition, SeriesQuery, SeriesStore, StoreError};
use stream_embedded::EmbeddedReader;

use crate::config::{Role, Settings, StoreKind};
use crate::exit::Failure;
use crate::topics;

/// Both sides of a store.
pub(crate) struct Opened {
    pub(crate) writer: Box<dyn SeriesStore>,
    pub(crate) query: Arc<dyn SeriesQuery>,
    pub(crate) fed_to: FedTo,
}

/// Asks for the position up to which the rows stand for the feed.
pub(crate) type FedTo = Arc<dyn Fn() -> Result<FeedPosition, StoreError> + Send + Sync>;

/// For the service: makes what is not there, and refuses what its log does not go on from before
/// anything is taken in that the store could never show.
pub(crate) fn open(settings: &Settings) -> anyhow::Result<Opened> {
    let opened = connect(settings)?;
    if settings.roles.contains(&Role::Sink) {
        let log = EmbeddedReader::open(&settings.log.data, topics::CATALOGUE)?;
        goes_on(settings, &log, (opened.fed_to)()?)?;
    }
    Ok(opened)
}

fn connect(settings: &Settings) -> anyhow::Result<Opened> {
    match &settings.store.kind {
        StoreKind::Sqlite => {
            let path = &settings.store.path;
            if !path.exists() {
                // An empty file that was left behind would look like a store with nothing in it.
                let log = EmbeddedReader::open(&settings.log.data, topics::CATALOGUE)?;
                goes_on(settings, &log, FeedPosition(0))?;
                private::file(path)
                    .with_context(|| format!("cannot make the store {}", path.display()))?;
            }
            let writer = SqliteStore::open(path)
                .with_context(|| format!("cannot open the store {}", path.display()))?;
            let store = Arc::new(ReadStore::open_read_only(path)?);
            let asked = Arc::clone(&store);
            Ok(Opened {
                writer: Box::new(writer),
                query: store,
                fed_to: Arc::new(move || asked.position()),
            })
        }
        #[cfg(feature = "scylla")]
        StoreKind::Scylla(cluster) => {
            let store =
                sinks_scylla::ScyllaStore::connect(options(cluster)).with_context(|| {
                    format!("cannot open the store at {}", cluster.nodes.join(", "))
                })?;
            let asked = store.reader();
            Ok(Opened {
                query: Arc::new(store.reader()),
                fed_to: Arc::new(move || asked.position()),
                writer: Box::new(store),
            })
        }
    }
}

/// How many records a store is behind its log. A store that is ahead of it would never see what comes
/// next, and one that ends before the log begins would never see what lay between.
pub(crate) fn goes_on(
    settings: &Settings,
    log: &EmbeddedReader,
    stored: FeedPosition,
) -> anyhow::Result<u64> {
    let end = log.next_seq()?.0.saturating_sub(1);
    // On Kafka this is a copy of the log, which may have to be made again.
    if stored.0 > end && settings.log.kafka.is_none() {
        bail!(
            "the store read up to record {}, the log ends with {end}: they do not belong together; \
             restore both from one backup",
            stored.0
        );
    }
    let first = log.first_seq()?.0;
    if stored.0.saturating_add(1) < first {
        bail!(
            "the store read up to record {}, the log begins with {first}: what lies between is past retention; \
             restore the store from a backup",
            stored.0
        );
    }
    Ok(end.saturating_sub(stored.0))
}

/// For commands that only read, beside a service or without one.
pub(crate) struct Reading {
    pub(crate) query: Arc<dyn SeriesQuery>,
    /// The position up to which the rows stand for the feed.
    pub(crate) position: FeedPosition,
}

pub(crate) fn read(settings: &Settings) -> anyhow::Result<Reading> {
    match &settings.store.kind {
        StoreKind::Sqlite => {
            let path = &settings.store.path;
            let (position, store) = ReadStore::open_read_only(path)
                .and_then(|store| Ok((store.position()?, store)))
                .with_context(|| format!("cannot read the store {}", path.display()))?;
            Ok(Reading {
                query: Arc::new(store),
                position,
            })
        }
        #[cfg(feature = "scylla")]
        StoreKind::Scylla(cluster) => {
            let (position, store) = cluster_reader(cluster)?;
            Ok(Reading {
                query: Arc::new(store),
                position,
            })
        }
    }
}

/// As `read`, with what a person does where it fails.
pub(crate) fn query(settings: &Settings) -> Result<Arc<dyn SeriesQuery>, Failure> {
    let hint = match &settings.store.kind {
        StoreKind::Sqlite => "--data names the data folder",
        #[cfg(feature = "scylla")]
        StoreKind::Scylla(_) => "is the cluster up? store.nodes names it",
    };
    let opened = read(settings).map_err(|error| Failure::bad_input(error).hint(hint))?;
    Ok(opened.query)
}

/// Everything, for files: one moment of SQLite; of a cluster, which has no moments, what is there.
#[cfg(feature = "parquet")]
pub(crate) fn scan(
    settings: &Settings,
) -> anyhow::Result<(Box<dyn sinks_store::SeriesScan>, FeedPosition)> {
    match &settings.store.kind {
        StoreKind::Sqlite => {
            let path = &settings.store.path;
            let snapshot = sinks_sqlite::Snapshot::open(path)
                .with_context(|| format!("cannot read the store {}", path.display()))?;
            let position = snapshot.position();
            Ok((Box::new(snapshot), position))
        }
        #[cfg(feature = "scylla")]
        StoreKind::Scylla(cluster) => {
            let (position, store) = cluster_reader(cluster)?;
            Ok((Box::new(store), position))
        }
    }
}

#[cfg(feature = "scylla")]
fn cluster_reader(
    cluster: &crate::config::Cluster,
) -> anyhow::Result<(FeedPosition, sinks_scylla::ScyllaReader)> {
    sinks_scylla::ScyllaReader::connect(options(cluster))
        .and_then(|store| Ok((store.position()?, store)))
        .with_context(|| format!("cannot read the store at {}", cluster.nodes.join(", ")))
}

#[cfg(feature = "scylla")]
fn options(cluster: &crate::config::Cluster) -> sinks_scylla::Options {
    use edge::{Clock, SystemClock};
    use sinks_scylla::{Credentials, Dialect, Options};

    let dialect = if cluster.is_cassandra {
        Dialect::Cassandra
    } else {
        Dialect::Scylla
    };
    let now = Arc::new(|| schemas::record::Micros(SystemClock.now().0));
    let mut options = Options::new(cluster.nodes.clone(), &cluster.keyspace, dialect, now);
    options.replication_factor = cluster.replication_factor;
    options.datacenter.clone_from(&cluster.datacenter);
    options.tls_ca.clone_from(&cluster.tls_ca);
    options.credentials = cluster.user.clone().map(|user| Credentials {
        user,
        password: cluster.password.clone().unwrap_or_default(),
    });
    options
}
