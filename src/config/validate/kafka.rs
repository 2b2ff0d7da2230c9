//! What a log on Kafka needs to be told.

use std::path::PathBuf;

use super::super::raw::{PROTOCOL_WORDS, RawSettings, SCHEMA_WORDS};
use super::super::{Kafka, SchemaSource, Settings};
use super::{bad, check_url, secret, small, text, word};
use crate::exit::Failure;

const PREFIX_CHARS_MAX: usize = 64;

pub(super) fn kafka(raw: &RawSettings) -> Result<Option<Kafka>, Failure> {
    let raw = &raw.log;
    if raw.kind != "kafka" && raw.generation != 1 {
        return Err(bad(
            &format!(
                "log.generation = {}, and log.kind is \"embedded\"",
                raw.generation
            ),
            "a log in the data folder has one generation; sudor replay --shadow compares, sudor rederive takes over",
        ));
    }
    let brokers = text(&raw.brokers);
    let brokers = match (raw.kind.as_str(), brokers) {
        ("kafka", Some(brokers)) => brokers,
        ("kafka", None) => {
            return Err(bad(
                "log.kind = \"kafka\" needs log.brokers",
                "host:port, separated by commas",
            ));
        }
        (_, None) => return Ok(None),
        (_, Some(_)) => {
            return Err(bad(
                "log.brokers is set, and log.kind is \"embedded\"",
                "log.kind = \"kafka\", or no brokers",
            ));
        }
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if raw.topic_prefix.len() > PREFIX_CHARS_MAX || !raw.topic_prefix.chars().all(fits) {
        return Err(bad(
            &format!(
                "log.topic_prefix = {:?} cannot stand in a topic",
                raw.topic_prefix
            ),
            &format!("at most {PREFIX_CHARS_MAX} of A-Z a-z 0-9 . _ -"),
        ));
    }
    let security = &raw.security;
    if security.user.is_some() != security.password.is_some() {
        return Err(bad(
            "log.security needs both user and password, or none of them",
            "SCRAM-SHA-512 knows a user by a password",
        ));
    }
    let schema_ids = word("log.schema_ids", &raw.schema_ids, SCHEMA_WORDS)?;
    let registry_url = text(&raw.registry_url);
    if let Some(url) = &registry_url {
        check_url("log.registry_url", url)?;
    }
    if schema_ids == SchemaSource::Registry && registry_url.is_none() {
        return Err(bad(
            "log.schema_ids = \"registry\" needs log.registry_url",
            "the base of its API, e.g. http://registry:8081",
        ));
    }
    Ok(Some(Kafka {
        brokers,
        registry_url,
        schema_ids,
        topic_prefix: raw.topic_prefix.clone(),
        generation: small(raw.generation),
        group_protocol: word("log.group_protocol", &raw.group_protocol, PROTOCOL_WORDS)?,
        replication: small(raw.replication),
        tls: security.tls,
        ca_file: text(&security.ca_file).map(PathBuf::from),
        user: text(&security.user),
        password: secret(&security.password),
    }))
}

impl Settings {
    /// Processes on Kafka open each other's tokens: none of them may make a key of its own.
    pub(crate) fn check_shared_key(&self) -> Result<(), Failure> {
        const HINT: &str = "`openssl rand -hex 32` makes one: the same file for every process, readable by its owner alone";
        if self.log.kafka.is_none() {
            return Ok(());
        }
        if !self.vault.key_is_named {
            return Err(bad("log.kind = \"kafka\" needs vault.key_file", HINT));
        }
        let file = &self.vault.key_file;
        match file.exists() {
            true => Ok(()),
            false => Err(bad(
                &format!("vault.key_file = {} is not there", file.display()),
                HINT,
            )),
        }
    }
}
