//! Dead letters sent in again: as new arrivals that remember when they came first.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use base64::Engine;
use edge::Clock;
use ingest_connectors::port::{AthleteRef, Publisher, Registry};
use ingest_vault::Vault;
use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sinks_api::{Replay, ReplayError, ReplayFuture};
use sinks_store::{SeriesQuery, Table};

use super::LogPublisher;
use crate::wiring::TENANT;

#[derive(Clone)]
pub(crate) struct LogReplay {
    store: Arc<dyn SeriesQuery>,
    publisher: LogPublisher,
    vault: Arc<Vault>,
    clock: Arc<dyn Clock>,
}

impl LogReplay {
    pub(crate) fn new(
        store: Arc<dyn SeriesQuery>,
        publisher: LogPublisher,
        vault: Arc<Vault>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            store,
            publisher,
            vault,
            clock,
        }
    }

    pub(crate) fn store(&self) -> &Arc<dyn SeriesQuery> {
        &self.store
    }

    pub(crate) fn has_owner(&self, source: &str, account: &str) -> bool {
        !self.vault.athletes_linked(source, account).is_empty()
    }

    async fn again(&self, id: &str) -> Result<(), ReplayError> {
        let this = self.clone();
        let wanted = id.to_owned();
        let items = tokio::task::spawn_blocking(move || this.items(&wanted))
            .await
            .map_err(|error| ReplayError::Unavailable(Box::new(error)))??;
        self.publisher
            .publish(items)
            .await
            .map_err(|error| ReplayError::Unavailable(Box::new(error)))
    }

    /// The dead letter as raw items: one, or one for each athlete that its account has by now.
    pub(crate) fn items(&self, id: &str) -> Result<Vec<RawReceived>, ReplayError> {
        let unavailable = |error: anyhow::Error| ReplayError::Unavailable(error.into());
        let letter = self
            .store
            .get(Table::DeadLetters, TENANT, id)
            .map_err(|error| ReplayError::Unavailable(Box::new(error)))?
            .ok_or(ReplayError::NotFound)?;
        let letter: Value = serde_json::from_str(&letter.body)
            .context("the dead letter cannot be read")
            .map_err(unavailable)?;
        if letter.get("status").and_then(Value::as_str) != Some("live") {
            return Err(ReplayError::AlreadyReplayed);
        }
        let item = self.raw(id, &letter).map_err(unavailable)?;
        Ok(self.for_athletes(item))
    }

    /// Accounts may have got athletes since: the first takes the replay, others get a copy.
    fn for_athletes(&self, item: RawReceived) -> Vec<RawReceived> {
        let Some(account) = item
            .account_id
            .as_deref()
            .filter(|_| item.athlete_id.is_none())
        else {
            return vec![item];
        };
        let athletes = self.vault.athletes_linked(&item.source, account);
        if athletes.is_empty() {
            return vec![item];
        }
        let one = |(index, athlete): (usize, AthleteRef)| {
            let mut one = item.clone();
            one.id = id_of(&[&item.id, &athlete.key()]);
            one.tenant_id = athlete.tenant_id;
            one.athlete_id = Some(athlete.athlete_id);
            if index > 0 {
                one.replay_of = None;
                one.attempt = 1;
            }
            one
        };
        athletes.into_iter().enumerate().map(one).collect()
    }

    fn raw(&self, id: &str, letter: &Value) -> anyhow::Result<RawReceived> {
        let text = |name: &str| letter.get(name).and_then(Value::as_str).map(str::to_owned);
        let required =
            |name: &str| text(name).ok_or_else(|| anyhow!("the dead letter has no {name}"));
        let body = base64::engine::general_purpose::STANDARD
            .decode(required("body_base64")?)
            .context("the dead letter's body is damaged")?;
        let first = required("first_received_at")?;
        let first: jiff::Timestamp = first.parse().context("first_received_at is no instant")?;
        let attempts = letter.get("attempts").and_then(Value::as_i64).unwrap_or(1);
        let attempt = i32::try_from(attempts).unwrap_or(1).saturating_add(1);
        let now = self.clock.now();
        Ok(RawReceived {
            id: id_of(&["replay", id, &attempt.to_string()]),
            tenant_id: required("tenant_id")?,
            athlete_id: text("athlete_id"),
            source: required("source")?,
            kind: required("kind")?,
            account_id: text("account_id"),
            provider_id: text("provider_id"),
            received_at: Micros(now.0),
            first_received_at: Some(Micros(first.as_microsecond())),
            replay_of: Some(id.to_owned()),
            attempt,
            provider_event_at: None,
            content_type: required("content_type")?,
            body_sha256: required("body_sha256")?,
            body,
            headers: std::collections::BTreeMap::new(),
            connector: "replay".to_owned(),
            connector_version: env!("CARGO_PKG_VERSION").to_owned(),
            licence: text("licence"),
            key_id: None,
        })
    }
}

impl Replay for LogReplay {
    fn replay<'a>(&'a self, dead_letter_id: &'a str) -> ReplayFuture<'a> {
        Box::pin(self.again(dead_letter_id))
    }
}

fn id_of(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let digest: [u8; 32] = hasher.finalize().into();
    digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
