//! Settings: read once from a file, the environment and the command line, checked, and then passed
//! on as values that need no second look.
//!
//! Layers, the later over the earlier: defaults, presets of a command (`demo` brings its own
//! secrets), the file, the environment (`SUDOR__SECTION__KEY`), flags.
//!
//! It is the only place that reads the environment. It opens no data folder and binds no address.
//!
//! Invariants:
//! * a key that nobody knows is an error that names the key and where it stands;
//! * a secret is never printed: it travels as `SecretString`, and reports show `***`;
//! * a value that this build would ignore is refused, not ignored.

mod layers;
mod raw;
mod report;
mod validate;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::ValueEnum;
use secrecy::SecretString;

use crate::exit::Failure;

pub(crate) use report::ConfigReport;

/// The file that is read when none is named, if it is there.
const DEFAULT_FILE: &str = "sudor.toml";

/// A part of the program that a process may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Role {
    Ingest,
    Process,
    Sink,
    Api,
}

impl Role {
    pub(crate) const ALL: [Self; 4] = [Self::Ingest, Self::Process, Self::Sink, Self::Api];
}

/// What the whole program runs by. Only `load` makes one.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) roles: Vec<Role>,
    pub(crate) http: Http,
    pub(crate) auth: Auth,
    pub(crate) log: Log,
    pub(crate) garmin: Garmin,
    pub(crate) strava: Strava,
    pub(crate) weather: Weather,
    pub(crate) store: Store,
    pub(crate) retention: Retention,
    pub(crate) limits: Limits,
    pub(crate) vault: Vault,
    pub(crate) rules: Rules,
    pub(crate) debug: Debug,
}

#[derive(Clone, Debug)]
pub(crate) struct Http {
    pub(crate) bind: SocketAddr,
    /// Where others reach this service; `None` is the bound address.
    pub(crate) public_url: Option<String>,
    pub(crate) body_limit_bytes: usize,
}

/// How long things are kept; `None` is for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Retention {
    pub(crate) log: Option<Duration>,
    pub(crate) history: Option<Duration>,
    pub(crate) dead_letters: Option<Duration>,
}

#[derive(Clone, Debug)]
pub(crate) struct Auth {
    pub(crate) required: AuthRequired,
    /// Keys beside those of the vault.
    pub(crate) keys_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthRequired {
    Auto,
    On,
    Off,
}

#[derive(Clone, Debug)]
pub(crate) struct Log {
    /// The folder of what is derived from the log: the data folder, or that of a later generation in it.
    pub(crate) data: PathBuf,
    /// Fixed when the log is made; another number is refused there.
    pub(crate) partitions: u32,
    /// `None` is the embedded log.
    pub(crate) kafka: Option<Kafka>,
    pub(crate) format: LogFormat,
    /// Directives such as `info,sinks_api=debug`; goes before `-v`.
    pub(crate) filter: Option<String>,
}

impl Log {
    /// Which derivation of the inputs; a log in the data folder has one.
    pub(crate) fn generation(&self) -> u32 {
        self.kafka.as_ref().map_or(1, |kafka| kafka.generation)
    }
}

/// A log on Kafka; the data folder then holds a copy of it for readers.
#[derive(Clone, Debug)]
#[cfg_attr(
    not(feature = "kafka"),
    allow(dead_code, reason = "checked in every build, used with the feature")
)]
pub(crate) struct Kafka {
    pub(crate) brokers: String,
    pub(crate) topic_prefix: String,
    /// Which derivation of the inputs this process makes, stores and serves.
    pub(crate) generation: u32,
    pub(crate) group_protocol: GroupProtocol,
    pub(crate) replication: u32,
    pub(crate) tls: bool,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<SecretString>,
    /// A schema registry that has our schemas, too.
    pub(crate) registry_url: Option<String>,
    pub(crate) schema_ids: SchemaSource,
}

/// Whose ids of schemas values carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SchemaSource {
    /// The lock file's, which every build has.
    Lock,
    Registry,
}

/// How processes agree on who owns which partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupProtocol {
    Consumer,
    Classic,
}

/// How log lines look on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    Text,
    Json,
}

#[derive(Clone, Debug)]
pub(crate) struct Garmin {
    /// `None` turns the webhook off.
    pub(crate) secret: Option<SecretString>,
    pub(crate) client_id: Option<String>,
    #[allow(dead_code, reason = "read and checked; what uses it is not built yet")]
    pub(crate) client_secret: Option<SecretString>,
    #[allow(dead_code, reason = "read and checked; what uses it is not built yet")]
    pub(crate) api_url: String,
    pub(crate) callback_hosts: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Strava {
    /// `None` turns the webhook off.
    pub(crate) secret: Option<SecretString>,
    pub(crate) verify_token: Option<SecretString>,
    /// 0 accepts any.
    pub(crate) subscription_id: u64,
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<SecretString>,
    pub(crate) api_url: String,
    pub(crate) oauth_url: String,
    /// Samples are fetched too, when the budget has room.
    pub(crate) streams: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Weather {
    pub(crate) forecast_url: String,
    pub(crate) archive_url: String,
    pub(crate) archive_after_days: u32,
    pub(crate) api_key: Option<SecretString>,
}

#[derive(Clone, Debug)]
pub(crate) struct Store {
    pub(crate) kind: StoreKind,
    /// The file of SQLite.
    pub(crate) path: PathBuf,
}

impl Store {
    /// Whether the rows are in a file of the data folder's kind.
    pub(crate) fn is_file(&self) -> bool {
        matches!(self.kind, StoreKind::Sqlite)
    }
}

#[derive(Clone, Debug)]
pub(crate) enum StoreKind {
    Sqlite,
    #[cfg(feature = "scylla")]
    Scylla(Cluster),
}

/// ScyllaDB or Apache Cassandra.
#[cfg(feature = "scylla")]
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<String>,
    pub(crate) keyspace: String,
    pub(crate) is_cassandra: bool,
    pub(crate) replication_factor: u32,
    pub(crate) datacenter: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<SecretString>,
    pub(crate) tls_ca: Option<PathBuf>,
}

#[derive(Clone, Debug)]
pub(crate) struct Vault {
    pub(crate) path: PathBuf,
    pub(crate) key_file: PathBuf,
    /// Somebody said where the key is; otherwise it is made in the data folder.
    pub(crate) key_is_named: bool,
}

/// Limits that an operator may change. All are within named bounds (`raw.rs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) batch_records: usize,
    pub(crate) batch_bytes: usize,
    pub(crate) decoded_cache_bytes: usize,
    pub(crate) sink_batch_records: usize,
    pub(crate) drain_s: u64,
    /// Of one key; 0 is no limit.
    pub(crate) reads_per_s: u32,
}

/// What the rules call configuration.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rules {
    /// Gap between two workouts, in minutes, at which the next class begins.
    pub(crate) gap_boundaries_min: [u32; 6],
    pub(crate) pre_carb_scale: f64,
    pub(crate) patch_collection_area_cm2: Option<f64>,
}

/// Fault injection for tests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Debug {
    /// Normalising an item with this provider id panics.
    pub(crate) panic_on_provider_id: Option<String>,
}

/// What settings are made of, before any of it is read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) file: Option<PathBuf>,
    /// Key and value, e.g. `garmin.secret`; below the file and the environment.
    pub(crate) presets: Vec<(&'static str, String)>,
    /// Key, the flag that set it, and the value.
    pub(crate) flags: Vec<(&'static str, &'static str, String)>,
    /// Empty is all.
    pub(crate) roles: Vec<Role>,
}

impl Request {
    /// The request of a command that takes `--data` and `--config`.
    pub(crate) fn of(args: &crate::cli::DataArgs) -> Self {
        let mut request = Self {
            file: args.config.clone(),
            ..Self::default()
        };
        if let Some(data) = &args.data {
            request
                .flags
                .push(("log.data", "--data", data.display().to_string()));
        }
        request
    }
}

/// Reads the file and the environment, and checks the result.
pub(crate) fn load(request: &Request) -> Result<(Settings, ConfigReport), Failure> {
    let file = match &request.file {
        Some(path) => Some(read(path)?),
        None if Path::new(DEFAULT_FILE).exists() => Some(read(Path::new(DEFAULT_FILE))?),
        None => None,
    };
    let environment: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    from_parts(request, file.as_ref(), &environment)
}

/// A configuration file's path, as given, and its text.
type FileText = (String, String);

fn read(path: &Path) -> Result<FileText, Failure> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the configuration file {name}"))
        .map_err(|error| Failure::bad_input(error).hint("--config FILE names the file"))?;
    Ok((name, text))
}

/// `load` without I/O.
fn from_parts(
    request: &Request,
    file: Option<&FileText>,
    environment: &[(String, String)],
) -> Result<(Settings, ConfigReport), Failure> {
    let layered = layers::merge(request, file, environment)?;
    let settings = validate::validate(&layered.raw, &request.roles)?;
    let report = report::report(&layered, &settings);
    Ok((settings, report))
}

#[cfg(test)]
mod tests;
