//! `sudor run --print-config`: the effective value of every key, and who set it.

use std::fmt;

use serde::Serialize;

use super::Settings;
use super::layers::{Layered, Origin, known_keys};
use super::raw::{HIDDEN, SECRETS};

/// Every key with its value and origin; secrets are gone already.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ConfigReport {
    roles: Vec<String>,
    keys: Vec<Key>,
}

#[derive(Clone, Debug, Serialize)]
struct Key {
    key: String,
    value: serde_json::Value,
    origin: String,
}

pub(super) fn report(layered: &Layered, settings: &Settings) -> ConfigReport {
    let raw = serde_json::to_value(&layered.raw).unwrap_or_default();
    let keys = known_keys().into_iter().filter_map(|key| {
        let pointer = format!("/{}", key.replace('.', "/"));
        let mut value = raw.pointer(&pointer).cloned().unwrap_or_default();
        let mut origin = layered
            .origins
            .get(&key)
            .cloned()
            .unwrap_or(Origin::Default);
        if value.is_null() {
            if HIDDEN.contains(&key.as_str()) {
                return None;
            }
            if let Some(derived) = derived(&key, settings) {
                value = derived.into();
                origin = Origin::Derived;
            }
        } else if SECRETS.contains(&key.as_str()) {
            value = "***".into();
        }
        Some(Key {
            key,
            value,
            origin: origin.to_string(),
        })
    });
    ConfigReport {
        roles: settings
            .roles
            .iter()
            .map(|role| format!("{role:?}").to_lowercase())
            .collect(),
        keys: keys.collect(),
    }
}

/// Values that follow from others while they are not set.
fn derived(key: &str, settings: &Settings) -> Option<String> {
    match key {
        "http.public_url" => Some(settings.public_url(settings.http.bind)),
        "log.partitions" => Some(settings.log.partitions.to_string()),
        "store.path" => Some(settings.store.path.display().to_string()),
        "vault.key_file" => Some(settings.vault.key_file.display().to_string()),
        _ => None,
    }
}

impl fmt::Display for ConfigReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# roles: {}", self.roles.join(", "))?;
        for Key { key, value, origin } in &self.keys {
            if value.is_null() {
                writeln!(f, "# {key} is not set")?;
            } else {
                writeln!(f, "{key} = {value}  # {origin}")?;
            }
        }
        Ok(())
    }
}
