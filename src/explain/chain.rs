//! Follows a value of the store through the log: session, loss, profile and recommendation, each
//! with the observations it rests on and their raw records.
//!
//! It reads and never writes, so it may run beside a service. A loop in the data ends at a limit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schemas::record::Micros;
use schemas::record::observation::ObservationRecorded;
use sinks_api::dto::{ObservationExplained, Place, Telling};
use sinks_store::{SeriesQuery, StoreError, Table};
use stream_embedded::EmbeddedReader;
use stream_log::{Failure, Key};

use super::row::Row;
use super::told::{self, Observations};
use super::trail::{self, Found, Wanted};

/// Revisions of one entity that are looked through for one of them.
pub(super) const REVISIONS_MAX: usize = 1_000;

/// Store and log of one data folder.
pub(crate) struct Chain {
    pub(super) store: Arc<dyn SeriesQuery>,
    pub(super) tenant: String,
    reader: Mutex<EmbeddedReader>,
}

impl Chain {
    pub(crate) fn new(tenant: &str, store: Arc<dyn SeriesQuery>, reader: EmbeddedReader) -> Self {
        Self {
            store,
            tenant: tenant.to_owned(),
            reader: Mutex::new(reader),
        }
    }

    pub(super) fn reader(&self) -> MutexGuard<'_, EmbeddedReader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn row(&self, table: Table, id: &str) -> Result<Option<Row>, StoreError> {
        let item = self.store.get(table, &self.tenant, id)?;
        Ok(item.map(|item| Row::parse(&item.body)))
    }

    /// One revision of an entity, or `None` where the store does not have it.
    pub(super) fn revision(
        &self,
        table: Table,
        id: &str,
        revision: i64,
    ) -> Result<Option<Row>, StoreError> {
        let field = table.revision_field().unwrap_or("revision");
        let history = self.store.history(table, &self.tenant, id, REVISIONS_MAX)?;
        let mut rows = history.iter().map(|item| Row::parse(&item.body));
        Ok(rows.rfind(|row| row.int(field) == Some(revision)))
    }

    /// What the log and the state have of a row's fact and of some observations.
    pub(super) fn evidence(
        &self,
        row: &Row,
        observations: BTreeSet<String>,
    ) -> Result<Evidence, StoreError> {
        let athlete = Key::new(&format!("{}/{}", self.tenant, row.text("athlete_id")));
        let fact = (row.text("id"), row.instant("recorded_at"));
        self.read(&athlete, fact, observations)
            .map_err(|failure| StoreError::unavailable("the log", failure))
    }

    fn read(
        &self,
        athlete: &Key,
        (fact_id, recorded_at): (String, Option<Micros>),
        observations: BTreeSet<String>,
    ) -> Result<Evidence, Failure> {
        let reader = self.reader();
        let states = Observations::read(&reader, athlete, &observations)?;
        let mut wanted = Wanted::default();
        wanted
            .facts
            .extend(recorded_at.map(|at| (fact_id.clone(), at)));
        for id in observations {
            let arrivals = states.arrivals(&id);
            wanted.observations.insert(id, arrivals);
        }
        let found = trail::follow(&reader, athlete, &wanted)?;
        let past_retention = reader.is_trimmed(athlete)?;
        let evidence = Evidence::complete(&reader, fact_id, states, found)?;
        Ok(Evidence {
            past_retention,
            ..evidence
        })
    }
}

/// What was read for one explanation.
pub(super) struct Evidence {
    pub(super) recorded: Option<Place>,
    pub(super) past_retention: bool,
    pub(super) states: Observations,
    observations: BTreeMap<String, (Vec<ObservationRecorded>, Vec<Telling>)>,
}

impl Evidence {
    fn complete(
        reader: &EmbeddedReader,
        fact_id: String,
        states: Observations,
        mut found: Found,
    ) -> Result<Self, Failure> {
        let mut observations = BTreeMap::new();
        for (id, told) in found.observations {
            let mut tellings = Vec::with_capacity(told.len());
            for (place, fact) in &told {
                tellings.push(Telling {
                    channel: fact.channel.clone(),
                    content_hash: fact.content_hash.clone(),
                    recorded: place.clone(),
                    raw: trail::raw_of(reader, place, fact)?,
                });
            }
            let facts = told.into_iter().map(|(_, fact)| fact).collect();
            observations.insert(id, (facts, tellings));
        }
        Ok(Self {
            recorded: found.facts.remove(&fact_id),
            past_retention: false,
            states,
            observations,
        })
    }

    pub(super) fn facts(&self, id: &str) -> &[ObservationRecorded] {
        self.observations
            .get(id)
            .map(|(facts, _)| facts.as_slice())
            .unwrap_or_default()
    }

    /// An observation with all that it ever told. `source` and `provider_id` of the caller stand
    /// where the log does not have it.
    pub(super) fn observation(
        &self,
        id: &str,
        role: &str,
        named: (&str, &str),
    ) -> ObservationExplained {
        let facts = self.facts(id);
        let latest = told::latest(facts);
        let (source, provider_id) = latest.map_or(named, |fact| {
            (fact.source.as_str(), fact.provider_id.as_str())
        });
        ObservationExplained {
            observation_id: id.to_owned(),
            source: source.to_owned(),
            provider_id: provider_id.to_owned(),
            role: role.to_owned(),
            kind: latest.map(|fact| fact.kind.clone()),
            deleted: self.states.is_deleted(id),
            content: self.content(id),
            told: self
                .observations
                .get(id)
                .map(|(_, tellings)| tellings.clone())
                .unwrap_or_default(),
        }
    }

    fn content(&self, id: &str) -> serde_json::Value {
        let facts = self.facts(id);
        match self.states.activity(id, facts) {
            Some(body) => told::activity_json(&body),
            None => told::latest(facts).map_or(serde_json::Value::Null, told::content),
        }
    }
}
