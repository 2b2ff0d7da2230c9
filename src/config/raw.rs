//! Settings as they are written: every key, its default, and what it means.
//!
//! The file `docs/guides/operator.md` lists the same keys. Nothing here is checked but the shape;
//! `validate.rs` turns it into settings.

use serde::{Deserialize, Serialize};

use super::{AuthRequired, GroupProtocol, LogFormat, SchemaSource};

/// Declares a section: a struct with a default for every key.
macro_rules! section {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $key:ident: $type:ty = $default:expr,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub(super) struct $name { $($(#[$doc])* pub(super) $key: $type,)* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($key: $default,)* }
            }
        }
    };
}

section!(RawSettings {
    http: RawHttp = RawHttp::default(),
    auth: RawAuth = RawAuth::default(),
    log: RawLog = RawLog::default(),
    garmin: RawGarmin = RawGarmin::default(),
    strava: RawStrava = RawStrava::default(),
    weather: RawWeather = RawWeather::default(),
    store: RawStore = RawStore::default(),
    retention: RawRetention = RawRetention::default(),
    limits: RawLimits = RawLimits::default(),
    vault: RawVault = RawVault::default(),
    rules: RawRules = RawRules::default(),
    debug: RawDebug = RawDebug::default(),
});

section!(RawHttp {
    bind: String = "127.0.0.1:8080".to_owned(),
    /// Where others reach this service; without it, the bound address.
    public_url: Option<String> = None,
    body_limit_mib: u64 = 16,
});

section!(RawAuth {
    required: String = "auto".to_owned(),
    /// Keys that count beside those of the data folder: the same file for all processes.
    keys_file: Option<String> = None,
});

section!(RawLog {
    kind: String = "embedded".to_owned(),
    data: String = "./sudor-data".to_owned(),
    /// Without it, 8 embedded and 16 on Kafka.
    partitions: Option<u64> = None,
    /// Kafka only: `host:port`, separated by commas.
    brokers: Option<String> = None,
    /// Stands before every topic and group.
    topic_prefix: String = String::new(),
    group_protocol: String = "classic".to_owned(),
    /// Kafka only: which derivation of the inputs is made, stored and served.
    generation: u64 = 1,
    /// How many brokers keep each record.
    replication: u64 = 3,
    security: RawSecurity = RawSecurity::default(),
    /// Base of Confluent's API, before `/subjects`.
    registry_url: Option<String> = None,
    /// Whose ids values carry; decided when the topics are made.
    schema_ids: String = "lock".to_owned(),
    format: String = "auto".to_owned(),
    filter: Option<String> = None,
});

section!(RawSecurity {
    tls: bool = false,
    /// Certificates that are trusted; without it, the system's.
    ca_file: Option<String> = None,
    /// SCRAM-SHA-512.
    user: Option<String> = None,
    password: Option<String> = None,
});

section!(RawGarmin {
    secret: Option<String> = None,
    client_id: Option<String> = None,
    client_secret: Option<String> = None,
    api_url: String = "https://apis.garmin.com/wellness-api/rest".to_owned(),
    callback_hosts: Vec<String> = vec!["apis.garmin.com".to_owned()],
});

section!(RawStrava {
    secret: Option<String> = None,
    verify_token: Option<String> = None,
    subscription_id: u64 = 0,
    client_id: Option<String> = None,
    client_secret: Option<String> = None,
    api_url: String = "https://www.strava.com/api/v3".to_owned(),
    oauth_url: String = "https://www.strava.com/oauth".to_owned(),
    /// Fetch the samples of an activity too, when the budget has room.
    streams: bool = false,
});

section!(RawWeather {
    forecast_url: String = "https://api.open-meteo.com/v1/forecast".to_owned(),
    archive_url: String = "https://archive-api.open-meteo.com/v1/archive".to_owned(),
    archive_after_days: u64 = 5,
    api_key: Option<String> = None,
});

section!(RawStore {
    kind: String = "sqlite".to_owned(),
    /// Without it, `store.db` in the data folder.
    path: Option<String> = None,
    /// Of ScyllaDB or Cassandra, as all that follows: `host:port`.
    nodes: Vec<String> = Vec::new(),
    keyspace: String = "sudor".to_owned(),
    dialect: String = "scylla".to_owned(),
    /// Of a keyspace that is made.
    replication_factor: u64 = 3,
    datacenter: Option<String> = None,
    user: Option<String> = None,
    password: Option<String> = None,
    /// Certificates that nodes are checked against; without them nothing is encrypted.
    tls_ca: Option<String> = None,
});

// A number and `s`, `m`, `h` or `d`; nothing, or 0, keeps everything.
section!(RawRetention {
    /// Records of the log in the data folder.
    log: String = String::new(),
    /// Revisions that do not stand any more; not shorter than the log's.
    history: String = String::new(),
    dead_letters: String = String::new(),
});

section!(RawLimits {
    /// Inputs that one commit may hold.
    batch_records: u64 = 2_048,
    batch_mib: u64 = 8,
    /// Decoded athletes that stay in memory.
    decoded_cache_mib: u64 = 64,
    /// Facts that the store takes in one transaction.
    sink_batch_records: u64 = 1_024,
    /// How long a graceful stop may take.
    drain_s: u64 = 20,
    /// Reads that one key may do; 0 is no limit.
    reads_per_s: u64 = 5_000,
});

section!(RawVault {
    /// Without it, `vault.key` in the data folder.
    key_file: Option<String> = None,
});

section!(RawRules {
    gap_boundaries_min: Vec<u64> = vec![45, 120, 240, 480, 720, 1_440],
    pre_carb_scale: f64 = 1.0,
    patch: RawPatch = RawPatch::default(),
});

section!(RawPatch {
    collection_area_cm2: Option<f64> = None,
});

section!(RawDebug {
    panic_on_provider_id: Option<String> = None,
});

/// Keys whose value is never shown.
pub(super) const SECRETS: &[&str] = &[
    "garmin.secret",
    "garmin.client_secret",
    "strava.secret",
    "strava.verify_token",
    "strava.client_secret",
    "weather.api_key",
    "store.password",
    "log.security.password",
];

/// Keys that hold a list; in the environment its items are separated by commas.
pub(super) const LISTS: &[&str] = &[
    "garmin.callback_hosts",
    "rules.gap_boundaries_min",
    "store.nodes",
];

/// Keys that are understood but not listed in reports while unset: they are for tests.
pub(super) const HIDDEN: &[&str] = &["debug.panic_on_provider_id"];

/// Numbers with their bounds, both inclusive.
pub(super) const BOUNDS: &[(&str, u64, u64)] = &[
    ("http.body_limit_mib", 1, 1_024),
    ("log.replication", 1, 15),
    ("log.generation", 1, 9_999),
    ("weather.archive_after_days", 1, 90),
    ("store.replication_factor", 1, 9),
    ("limits.batch_records", 1, 100_000),
    ("limits.batch_mib", 1, 256),
    ("limits.decoded_cache_mib", 1, 65_536),
    ("limits.sink_batch_records", 1, 100_000),
    ("limits.drain_s", 1, 600),
    ("limits.reads_per_s", 0, 1_000_000),
];

/// The words of a key that is one of a few.
pub(super) const AUTH_WORDS: &[(&str, AuthRequired)] = &[
    ("auto", AuthRequired::Auto),
    ("on", AuthRequired::On),
    ("off", AuthRequired::Off),
];

pub(super) const PROTOCOL_WORDS: &[(&str, GroupProtocol)] = &[
    ("consumer", GroupProtocol::Consumer),
    ("classic", GroupProtocol::Classic),
];

pub(super) const SCHEMA_WORDS: &[(&str, SchemaSource)] = &[
    ("lock", SchemaSource::Lock),
    ("registry", SchemaSource::Registry),
];

pub(super) const FORMAT_WORDS: &[(&str, LogFormat)] = &[
    ("auto", LogFormat::Auto),
    ("text", LogFormat::Text),
    ("json", LogFormat::Json),
];
