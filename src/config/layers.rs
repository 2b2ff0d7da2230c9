//! Laying defaults, presets, file, environment and flags over each other, and remembering which of
//! them said what.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Context, anyhow};
use config::{Config, ConfigError, File, FileFormat, Value, ValueKind};

use super::raw::{LISTS, RawSettings};
use super::{FileText, Request};
use crate::exit::Failure;

const ENVIRONMENT_PREFIX: &str = "SUDOR__";

/// Who set a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Default,
    Preset,
    File(String),
    Environment(String),
    Flag(&'static str),
    /// Follows from other values.
    Derived,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Preset => f.write_str("set by the command"),
            Self::File(path) => write!(f, "file {path}"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
            Self::Derived => f.write_str("derived"),
        }
    }
}

pub(super) struct Layered {
    pub(super) raw: RawSettings,
    /// Every key (`section.key`) that is not a default.
    pub(super) origins: BTreeMap<String, Origin>,
}

struct Entry {
    key: String,
    value: Value,
    origin: Origin,
}

pub(super) fn merge(
    request: &Request,
    file: Option<&FileText>,
    environment: &[(String, String)],
) -> Result<Layered, Failure> {
    let mut entries = Vec::new();
    for (key, value) in &request.presets {
        entries.push(text_entry((*key).to_owned(), value, Origin::Preset));
    }
    if let Some(file) = file {
        entries.extend(file_entries(file)?);
    }
    entries.extend(environment_entries(environment));
    for (key, flag, value) in &request.flags {
        entries.push(text_entry((*key).to_owned(), value, Origin::Flag(flag)));
    }
    refuse_other_kinds(&entries)?;
    refuse_unknown(&entries)?;

    let mut builder = Config::builder();
    let mut origins = BTreeMap::new();
    for entry in entries {
        builder = builder
            .set_override(&entry.key, entry.value)
            .with_context(|| format!("cannot set {}", entry.key))
            .map_err(Failure::bad_input)?;
        origins.insert(entry.key, entry.origin);
    }
    match builder.build().and_then(Config::try_deserialize) {
        Ok(raw) => Ok(Layered { raw, origins }),
        Err(error) => Err(type_failure(error, &origins)),
    }
}

/// Every key there is.
pub(super) fn known_keys() -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    if let Ok(defaults) = serde_json::to_value(RawSettings::default()) {
        collect_keys("", &defaults, &mut keys);
    }
    keys
}

fn collect_keys(prefix: &str, value: &serde_json::Value, keys: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(table) => {
            for (name, value) in table {
                collect_keys(&join(prefix, name), value, keys);
            }
        }
        _ => {
            keys.insert(prefix.to_owned());
        }
    }
}

fn file_entries((name, text): &FileText) -> Result<Vec<Entry>, Failure> {
    let table = Config::builder()
        .add_source(File::from_str(text, FileFormat::Toml))
        .build()
        .with_context(|| format!("{name} is not valid TOML"))
        .map_err(Failure::bad_input)?
        .cache;
    let mut entries = Vec::new();
    flatten("", table, &Origin::File(name.clone()), &mut entries);
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(entries)
}

fn flatten(prefix: &str, value: Value, origin: &Origin, entries: &mut Vec<Entry>) {
    match value.kind {
        ValueKind::Table(table) if prefix.is_empty() || !table.is_empty() => {
            for (name, value) in table {
                flatten(&join(prefix, &name), value, origin, entries);
            }
        }
        kind => entries.push(Entry {
            key: prefix.to_owned(),
            value: Value::new(None, kind),
            origin: origin.clone(),
        }),
    }
}

fn environment_entries(environment: &[(String, String)]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = environment
        .iter()
        .filter_map(|(name, value)| {
            let key = name
                .strip_prefix(ENVIRONMENT_PREFIX)?
                .to_lowercase()
                .replace("__", ".");
            Some(text_entry(key, value, Origin::Environment(name.clone())))
        })
        .collect();
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    entries
}

/// Text from outside a file. Numbers are read out of it where the key wants one.
fn text_entry(key: String, text: &str, origin: Origin) -> Entry {
    let value = if LISTS.contains(&key.as_str()) {
        let items = text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty());
        Value::from(items.map(str::to_owned).collect::<Vec<String>>())
    } else {
        Value::from(text)
    };
    Entry { key, value, origin }
}

/// Said before unknown keys, which those kinds would have.
fn refuse_other_kinds(entries: &[Entry]) -> Result<(), Failure> {
    let logs: &[&str] = if cfg!(feature = "kafka") {
        &["embedded", "kafka"]
    } else {
        &["embedded"]
    };
    let stores: &[&str] = if cfg!(feature = "scylla") {
        &["sqlite", "scylla"]
    } else {
        &["sqlite"]
    };
    for (key, supported) in [("log.kind", logs), ("store.kind", stores)] {
        let Some(entry) = entries.iter().rev().find(|entry| entry.key == key) else {
            continue;
        };
        let kind = entry.value.clone().into_string().unwrap_or_default();
        if !supported.contains(&kind.as_str()) {
            let error = anyhow!(
                "{key} = {kind:?} ({}) is not supported in this build",
                entry.origin
            );
            let hint = if key == "log.kind" && kind == "kafka" {
                "a build with the feature `kafka` has it: cargo build --features kafka".to_owned()
            } else {
                format!("{key} is one of {}", supported.join(", "))
            };
            return Err(Failure::bad_input(error).hint(hint));
        }
    }
    Ok(())
}

fn refuse_unknown(entries: &[Entry]) -> Result<(), Failure> {
    let known = known_keys();
    for Entry { key, value, origin } in entries {
        let empty_section = matches!(&value.kind, ValueKind::Table(table) if table.is_empty())
            && known
                .iter()
                .any(|candidate| candidate.starts_with(&format!("{key}.")));
        if known.contains(key) || empty_section {
            continue;
        }
        let failure = Failure::bad_input(anyhow!("unknown key {key} ({origin})"));
        return Err(failure.hint(nearest(key, &known)));
    }
    Ok(())
}

fn nearest(key: &str, known: &BTreeSet<String>) -> String {
    let section = key.split_once('.').map_or(key, |(section, _)| section);
    let of_section: Vec<&str> = known
        .iter()
        .filter(|candidate| candidate.starts_with(&format!("{section}.")))
        .map(String::as_str)
        .collect();
    if of_section.is_empty() {
        "`sudor run --print-config` lists every key".to_owned()
    } else {
        format!("one of {}", of_section.join(", "))
    }
}

/// A value of the wrong type, with the key and the place that set it.
fn type_failure(error: ConfigError, origins: &BTreeMap<String, Origin>) -> Failure {
    let text = error.to_string();
    let key = origins
        .iter()
        .find(|(key, _)| text.contains(&format!("`{key}`")));
    let attempted = match key {
        Some((key, origin)) => format!("cannot read {key} ({origin})"),
        None => "cannot read the configuration".to_owned(),
    };
    Failure::bad_input(anyhow::Error::new(error).context(attempted))
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        name.to_owned()
    } else {
        format!("{prefix}.{name}")
    }
}
