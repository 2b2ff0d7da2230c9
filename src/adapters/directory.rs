//! The API's `Directory` over the vault, and its `Readiness` over the loops.

use std::collections::BTreeSet;
use std::sync::Arc;

use ingest_connectors::port::{AthleteRef, Registry};
use ingest_vault::Vault;
use schemas::record::Micros;
use sinks_api::{AthleteEntry, Directory, Readiness};
use sinks_store::StoreError;

use crate::loops::Status;
use crate::wiring::TENANT;

pub(crate) struct VaultDirectory {
    vault: Arc<Vault>,
}

impl VaultDirectory {
    pub(crate) fn new(vault: Arc<Vault>) -> Self {
        Self { vault }
    }
}

impl VaultDirectory {
    fn entry(&self, known: ingest_vault::Athlete) -> AthleteEntry {
        let connections: BTreeSet<String> = self
            .vault
            .connections_of(&known.athlete)
            .into_iter()
            .filter(|connection| connection.state == "linked")
            .map(|connection| connection.provider)
            .collect();
        AthleteEntry {
            athlete_id: known.athlete.athlete_id,
            registered_at: Some(Micros(known.registered_at.0)),
            connections: connections.into_iter().collect(),
        }
    }
}

impl Directory for VaultDirectory {
    fn athletes(&self, after: Option<&str>, limit: usize) -> Result<Vec<AthleteEntry>, StoreError> {
        let known = self.vault.list_athletes();
        let ours = known
            .into_iter()
            .filter(|entry| entry.athlete.tenant_id == TENANT);
        let mut listed: Vec<_> = ours
            .filter(|entry| after.is_none_or(|after| entry.athlete.athlete_id.as_str() > after))
            .collect();
        listed.sort_by(|a, b| a.athlete.athlete_id.cmp(&b.athlete.athlete_id));
        listed.truncate(limit);
        Ok(listed.into_iter().map(|known| self.entry(known)).collect())
    }

    fn athlete(&self, athlete_id: &str) -> Result<Option<AthleteEntry>, StoreError> {
        let known = self.vault.list_athletes().into_iter();
        let mut own = known.filter(|known| known.athlete == AthleteRef::new(TENANT, athlete_id));
        Ok(own.next().map(|known| self.entry(known)))
    }

    fn exists(&self, athlete_id: &str) -> Result<bool, StoreError> {
        Ok(self
            .vault
            .athlete_exists(&AthleteRef::new(TENANT, athlete_id)))
    }
}

pub(crate) struct Ready {
    status: Arc<Status>,
}

impl Ready {
    pub(crate) fn new(status: Arc<Status>) -> Self {
        Self { status }
    }
}

impl Readiness for Ready {
    fn ready(&self) -> Result<(), String> {
        self.status.failure().map_or(Ok(()), Err)
    }
}
