//! From what was written to what may travel: every value is checked once, here.

mod generation;
mod kafka;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use secrecy::SecretString;

use super::raw::{AUTH_WORDS, BOUNDS, FORMAT_WORDS, RawRules, RawSettings};
use super::{
    Auth, AuthRequired, Debug, Garmin, Http, Limits, Log, Retention, Role, Rules, Settings, Store,
    StoreKind, Strava, Vault, Weather,
};
use crate::exit::Failure;

/// A hundred years.
const TERM_MAX_S: u64 = 100 * 366 * 86_400;
const MIB: usize = 1_024 * 1_024;
const FILTER_BYTES_MAX: usize = 1_024;
const SECRET_CHARS_MAX: usize = 128;

pub(super) fn validate(raw: &RawSettings, roles: &[Role]) -> Result<Settings, Failure> {
    check_bounds(raw)?;
    if raw.log.data.is_empty() {
        return Err(bad("log.data is empty", "a folder such as ./sudor-data"));
    }
    let data = PathBuf::from(&raw.log.data);
    let in_data = |path: &Option<String>, name: &str| match path {
        Some(path) if !path.is_empty() => PathBuf::from(path),
        _ => data.join(name),
    };
    let derived = generation::folder(&data, raw.log.generation);
    Ok(Settings {
        roles: all_or(roles),
        http: http(raw)?,
        auth: Auth {
            required: word("auth.required", &raw.auth.required, AUTH_WORDS)?,
            keys_file: text(&raw.auth.keys_file).map(PathBuf::from),
        },
        store: Store {
            kind: store_kind(raw)?,
            path: match &raw.store.path {
                Some(path) if !path.is_empty() => generation::file(path, raw.log.generation),
                _ => derived.join("store.db"),
            },
        },
        vault: Vault {
            path: data.join("vault.db"),
            key_file: in_data(&raw.vault.key_file, "vault.key"),
            key_is_named: text(&raw.vault.key_file).is_some(),
        },
        garmin: garmin(raw)?,
        strava: strava(raw)?,
        weather: weather(raw)?,
        retention: retention(raw)?,
        limits: limits(raw),
        rules: rules(&raw.rules)?,
        debug: Debug {
            panic_on_provider_id: text(&raw.debug.panic_on_provider_id),
        },
        log: log(raw, derived)?,
    })
}

impl Settings {
    /// Whether requests need an API key, now that it is known how many keys there are.
    pub(crate) fn api_keys_required(&self, keys: usize) -> Result<bool, Failure> {
        let bind = self.http.bind;
        match (self.auth.required, bind.ip().is_loopback(), keys) {
            (AuthRequired::Off, _, _) => Ok(false),
            (AuthRequired::On, _, 0) => Err(bad(
                "auth.required = \"on\", but there is no API key, so nobody could get in",
                "make an API key first (`sudor keys create`, or a line in auth.keys_file), or use \"auto\" on a loopback address",
            )),
            (AuthRequired::Auto, true, 0) => Ok(false),
            (AuthRequired::Auto, false, 0) => Err(bad(
                &format!("http.bind = {bind} can be reached from outside, and there is no API key"),
                "bind 127.0.0.1, make an API key (`sudor keys create`, or a line in auth.keys_file), or set auth.required = \"off\" where something \
                 in front of this service checks who asks",
            )),
            (AuthRequired::On | AuthRequired::Auto, _, _) => Ok(true),
        }
    }

    /// Where others reach this service, once the bound address is known.
    pub(crate) fn public_url(&self, bound: SocketAddr) -> String {
        self.http
            .public_url
            .clone()
            .unwrap_or_else(|| format!("http://{bound}"))
    }
}

fn all_or(roles: &[Role]) -> Vec<Role> {
    let mut roles = if roles.is_empty() {
        Role::ALL.to_vec()
    } else {
        roles.to_vec()
    };
    roles.sort();
    roles.dedup();
    roles
}

fn check_bounds(raw: &RawSettings) -> Result<(), Failure> {
    let value = serde_json::to_value(raw).unwrap_or_default();
    for (key, min, max) in BOUNDS {
        let pointer = format!("/{}", key.replace('.', "/"));
        let number = value.pointer(&pointer).and_then(serde_json::Value::as_u64);
        if number.is_none_or(|number| number < *min || number > *max) {
            let shown = number.map_or_else(|| "missing".to_owned(), |number| number.to_string());
            return Err(bad(
                &format!("{key} = {shown} is outside of its bounds"),
                &format!("{min} to {max}"),
            ));
        }
    }
    Ok(())
}

fn http(raw: &RawSettings) -> Result<Http, Failure> {
    let bind = raw.http.bind.parse::<SocketAddr>().map_err(|_| {
        bad(
            &format!("http.bind = {:?} is no address with a port", raw.http.bind),
            "127.0.0.1:8080, or [::1]:8080; port 0 takes a free one",
        )
    })?;
    let public_url = text(&raw.http.public_url);
    if let Some(url) = &public_url {
        check_url("http.public_url", url)?;
    }
    Ok(Http {
        bind,
        public_url,
        body_limit_bytes: size(raw.http.body_limit_mib) * MIB,
    })
}

fn log(raw: &RawSettings, data: PathBuf) -> Result<Log, Failure> {
    let filter = text(&raw.log.filter);
    if filter
        .as_ref()
        .is_some_and(|filter| filter.len() > FILTER_BYTES_MAX)
    {
        return Err(bad(
            "log.filter is too long",
            &format!("at most {FILTER_BYTES_MAX} bytes"),
        ));
    }
    if let Some(filter) = &filter {
        crate::telemetry::check_filter(filter).map_err(|why| {
            bad(
                &format!("log.filter = {filter:?} cannot be used: {why:#}"),
                "a level (error, warn, info, debug, trace), and targets with their own, e.g. \"info,sinks_api=debug\"",
            )
        })?;
    }
    let kafka = kafka::kafka(raw)?;
    let default = if kafka.is_some() { 16 } else { 8 };
    let partitions = raw.log.partitions.unwrap_or(default);
    if !(1..=1_024).contains(&partitions) {
        return Err(bad(
            &format!("log.partitions = {partitions} is outside of its bounds"),
            "1 to 1024",
        ));
    }
    Ok(Log {
        data,
        partitions: small(partitions),
        kafka,
        format: word("log.format", &raw.log.format, FORMAT_WORDS)?,
        filter,
    })
}

/// Other kinds than these are refused by the layers.
#[cfg(not(feature = "scylla"))]
fn store_kind(raw: &RawSettings) -> Result<StoreKind, Failure> {
    refuse_cluster_keys(raw)?;
    Ok(StoreKind::Sqlite)
}

#[cfg(feature = "scylla")]
fn store_kind(raw: &RawSettings) -> Result<StoreKind, Failure> {
    let store = &raw.store;
    if store.kind == "sqlite" {
        refuse_cluster_keys(raw)?;
        return Ok(StoreKind::Sqlite);
    }
    if store.nodes.is_empty() {
        return Err(bad(
            "store.kind = \"scylla\" without store.nodes",
            "nodes = [\"host:9042\"]",
        ));
    }
    let is_cassandra = word(
        "store.dialect",
        &store.dialect,
        &[("scylla", false), ("cassandra", true)],
    )?;
    let (user, password) = (text(&store.user), secret(&store.password));
    if user.is_some() != password.is_some() {
        return Err(bad(
            "store.user and store.password go together",
            "both, or neither",
        ));
    }
    Ok(StoreKind::Scylla(super::Cluster {
        nodes: store.nodes.clone(),
        keyspace: generation::keyspace(&store.keyspace, raw.log.generation),
        is_cassandra,
        replication_factor: small(store.replication_factor),
        datacenter: text(&store.datacenter),
        user,
        password,
        tls_ca: text(&store.tls_ca).map(PathBuf::from),
    }))
}

/// A key that nothing obeys is refused, not ignored.
fn refuse_cluster_keys(raw: &RawSettings) -> Result<(), Failure> {
    if raw.store.nodes.is_empty() {
        return Ok(());
    }
    Err(bad(
        "store.nodes is set, and store.kind = \"sqlite\" has none",
        "store.kind = \"scylla\", or no nodes",
    ))
}

fn garmin(raw: &RawSettings) -> Result<Garmin, Failure> {
    let raw = &raw.garmin;
    check_url("garmin.api_url", &raw.api_url)?;
    for host in &raw.callback_hosts {
        if host.is_empty() || host.contains(['/', '@', ' ']) {
            return Err(bad(
                &format!("garmin.callback_hosts has {host:?}, which is no host"),
                "host or host:port, without a scheme",
            ));
        }
    }
    Ok(Garmin {
        secret: path_secret("garmin.secret", &raw.secret)?,
        client_id: text(&raw.client_id),
        client_secret: secret(&raw.client_secret),
        api_url: raw.api_url.clone(),
        callback_hosts: raw.callback_hosts.clone(),
    })
}

fn strava(raw: &RawSettings) -> Result<Strava, Failure> {
    let raw = &raw.strava;
    check_url("strava.api_url", &raw.api_url)?;
    check_url("strava.oauth_url", &raw.oauth_url)?;
    Ok(Strava {
        secret: path_secret("strava.secret", &raw.secret)?,
        verify_token: secret(&raw.verify_token),
        subscription_id: raw.subscription_id,
        client_id: text(&raw.client_id),
        client_secret: secret(&raw.client_secret),
        api_url: raw.api_url.clone(),
        oauth_url: raw.oauth_url.clone(),
        streams: raw.streams,
    })
}

fn weather(raw: &RawSettings) -> Result<Weather, Failure> {
    let raw = &raw.weather;
    // Empty is off.
    for (key, url) in [
        ("weather.forecast_url", &raw.forecast_url),
        ("weather.archive_url", &raw.archive_url),
    ] {
        if !url.is_empty() {
            check_url(key, url)?;
        }
    }
    Ok(Weather {
        forecast_url: raw.forecast_url.clone(),
        archive_url: raw.archive_url.clone(),
        archive_after_days: small(raw.archive_after_days),
        api_key: secret(&raw.api_key),
    })
}

fn retention(raw: &RawSettings) -> Result<Retention, Failure> {
    let told = &raw.retention;
    let terms = Retention {
        log: term("retention.log", &told.log)?,
        history: term("retention.history", &told.history)?,
        dead_letters: term("retention.dead_letters", &told.dead_letters)?,
    };
    if terms.log.is_some() && raw.log.kind != "embedded" {
        return Err(bad(
            "retention.log is for the log in the data folder",
            "set `retention.ms` of the topics on the broker",
        ));
    }
    if (terms.history.or(terms.dead_letters)).is_some() && raw.store.kind != "sqlite" {
        return Err(bad(
            "retention.history and retention.dead_letters are for a store on SQLite",
            "leave them empty: nothing is removed from a cluster",
        ));
    }
    // A withdrawal in the log names a revision that a reader of the stream is shown.
    match (terms.log, terms.history) {
        (None, Some(_)) => Err(bad(
            "retention.history is set and retention.log keeps everything",
            "set retention.log too, to at most the same term",
        )),
        (Some(log), Some(history)) if history < log => Err(bad(
            "retention.history is shorter than retention.log",
            "the same term, or a longer one",
        )),
        _ => Ok(terms),
    }
}

/// `90d`, `12h`, `30m` or `45s`.
fn term(key: &str, text: &str) -> Result<Option<Duration>, Failure> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.strip_prefix(number) {
        Some("d") => Some(86_400),
        Some("h") => Some(3_600),
        Some("m") => Some(60),
        Some("s") => Some(1),
        Some("") if number.is_empty() || number == "0" => return Ok(None),
        _ => None,
    };
    let seconds = number.parse::<u64>().ok().zip(unit);
    let seconds = seconds.and_then(|(number, unit)| number.checked_mul(unit));
    match seconds.filter(|seconds| (1..=TERM_MAX_S).contains(seconds)) {
        Some(seconds) => Ok(Some(Duration::from_secs(seconds))),
        None => Err(bad(
            &format!("{key} = {text:?} is no term"),
            "a whole number above 0 with s, m, h or d, such as 90d; empty keeps everything",
        )),
    }
}

fn limits(raw: &RawSettings) -> Limits {
    let raw = &raw.limits;
    Limits {
        batch_records: size(raw.batch_records),
        batch_bytes: size(raw.batch_mib) * MIB,
        decoded_cache_bytes: size(raw.decoded_cache_mib) * MIB,
        sink_batch_records: size(raw.sink_batch_records),
        drain_s: raw.drain_s,
        reads_per_s: small(raw.reads_per_s),
    }
}

fn rules(raw: &RawRules) -> Result<Rules, Failure> {
    let bounds: Vec<u32> = raw.gap_boundaries_min.iter().copied().map(small).collect();
    let rising =
        bounds.is_sorted_by(|a, b| a < b) && bounds.last().is_some_and(|last| *last <= DAY_MIN);
    let (Ok(gap_boundaries_min), true) = (<[u32; 6]>::try_from(bounds), rising) else {
        return Err(bad(
            "rules.gap_boundaries_min is no list of classes",
            "six rising numbers of minutes, the last at most 1440",
        ));
    };
    if !(0.0..=1.0).contains(&raw.pre_carb_scale) {
        return Err(bad(
            &format!("rules.pre_carb_scale = {} is no share", raw.pre_carb_scale),
            "0 to 1; 0.5 for ordinary training",
        ));
    }
    let area = raw.patch.collection_area_cm2;
    if area.is_some_and(|area| !(PATCH_MIN_CM2..=PATCH_MAX_CM2).contains(&area)) {
        return Err(bad(
            "rules.patch.collection_area_cm2 is no area of a patch",
            &format!("{PATCH_MIN_CM2} to {PATCH_MAX_CM2} square centimetres"),
        ));
    }
    Ok(Rules {
        gap_boundaries_min,
        pre_carb_scale: raw.pre_carb_scale,
        patch_collection_area_cm2: area,
    })
}

/// A gap is looked for within a day.
const DAY_MIN: u32 = 1_440;
const PATCH_MIN_CM2: f64 = 0.1;
const PATCH_MAX_CM2: f64 = 100.0;

fn word<T: Copy>(key: &str, text: &str, words: &[(&str, T)]) -> Result<T, Failure> {
    words
        .iter()
        .find(|(word, _)| *word == text)
        .map(|(_, value)| *value)
        .ok_or_else(|| {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            bad(
                &format!("{key} = {text:?} is no word it knows"),
                &format!("one of {}", names.join(", ")),
            )
        })
}

fn check_url(key: &str, url: &str) -> Result<(), Failure> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    let host = rest
        .and_then(|rest| rest.split('/').next())
        .unwrap_or_default();
    if host.is_empty() || host.contains(['@', ' ']) {
        return Err(bad(
            &format!("{key} = {url:?} is no address"),
            "http:// or https://, a host, no user or password",
        ));
    }
    Ok(())
}

/// A secret that is a path segment: what a URL carries without escaping.
fn path_secret(key: &str, value: &Option<String>) -> Result<Option<SecretString>, Failure> {
    let Some(value) = text(value) else {
        return Ok(None);
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || "._~-".contains(c);
    if value.len() > SECRET_CHARS_MAX || !value.chars().all(fits) {
        return Err(bad(
            &format!("{key} cannot stand in a path"),
            &format!("1 to {SECRET_CHARS_MAX} of A-Z a-z 0-9 . _ ~ -"),
        ));
    }
    Ok(Some(SecretString::from(value)))
}

/// An empty text is the same as none: that is how an environment variable is taken back.
fn text(value: &Option<String>) -> Option<String> {
    value.clone().filter(|value| !value.is_empty())
}

fn secret(value: &Option<String>) -> Option<SecretString> {
    text(value).map(SecretString::from)
}

/// Within bounds that fit, as `check_bounds` made sure.
fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn bad(message: &str, hint: &str) -> Failure {
    Failure::bad_input(anyhow!("{message}")).hint(hint)
}
