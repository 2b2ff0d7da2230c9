//! What the log tells a fetcher: a hint, a deletion, the end of a fetch, or nothing.

use std::sync::Arc;

use edge::UnixMicros;
use schemas::record::ingest::RawReceived;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::garmin::ping;
use crate::names::TENANT;
use crate::port::AthleteRef;
use crate::receive::update;
use crate::strava;

/// The kind of the record that ends a fetch.
pub(crate) const FETCH_RESULT: &str = "fetch_result";

/// What is fetched: one thing of one account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Object {
    pub(crate) account_id: String,
    pub(crate) id: String,
}

/// A raw record that asks for a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    pub(crate) position: u64,
    pub(crate) raw_id: String,
    pub(crate) athlete: AthleteRef,
    pub(crate) kind: String,
    pub(crate) object: Object,
    pub(crate) received_at: UnixMicros,
    pub(crate) replay_of: Option<String>,
    pub(crate) attempt: i32,
    pub(crate) body: String,
    /// When it happened, as the source says.
    pub(crate) event_at: Option<UnixMicros>,
}

impl Hint {
    /// Equal for copies of one hint. A replay is none: it asks again on purpose.
    pub(crate) fn fingerprint(&self) -> [u8; 16] {
        let mut hash = Sha256::new();
        for part in [
            self.athlete.key().as_str(),
            &self.object.account_id,
            &self.object.id,
            &self.body,
            self.replay_of.as_deref().unwrap_or_default(),
        ] {
            update(&mut hash, part.as_bytes());
        }
        let mut print = [0; 16];
        for (to, from) in print.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        print
    }

    /// The time that says whether somebody waits for it.
    pub(crate) fn told_at(&self) -> UnixMicros {
        self.event_at.unwrap_or(self.received_at)
    }
}

/// What one raw record means for the fetcher of its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Hint(Arc<Hint>),
    Deleted {
        object: Object,
        event_at: UnixMicros,
        received_at: UnixMicros,
    },
    Ended {
        /// What was fetched; `None` where the record does not say.
        id: Option<String>,
        raw_ids: Vec<String>,
    },
    Nothing,
}

/// Reads a record for the fetcher of `source`. What nobody owns asks for nothing: it is a dead
/// letter, and comes again when somebody does.
pub(crate) fn word(source: &str, position: u64, raw: &RawReceived) -> Word {
    if raw.source != source {
        return Word::Nothing;
    }
    if raw.kind == FETCH_RESULT {
        return ended(raw);
    }
    let (Some(athlete_id), Some(account_id)) = (&raw.athlete_id, &raw.account_id) else {
        return Word::Nothing;
    };
    let object = Object {
        account_id: account_id.clone(),
        id: raw.provider_id.clone().unwrap_or_default(),
    };
    let event_at = match (source, raw.kind.as_str()) {
        (strava::SOURCE, strava::receive::KIND) => {
            let Some(event) = strava::event::Event::stored(&raw.body) else {
                return Word::Nothing;
            };
            if event.is_deletion() {
                let received_at = UnixMicros(raw.received_at.0);
                return Word::Deleted {
                    object,
                    event_at: event.event_at.unwrap_or(received_at),
                    received_at,
                };
            }
            if !event.asks_for_a_fetch() {
                return Word::Nothing;
            }
            event.event_at
        }
        (crate::garmin::SOURCE, ping::KIND) => match ping::Stored::of(&raw.body) {
            Some(ping) if ping.callback.is_some() => ping.upload_end,
            _ => return Word::Nothing,
        },
        _ => return Word::Nothing,
    };
    let tenant = if raw.tenant_id.is_empty() {
        TENANT
    } else {
        raw.tenant_id.as_str()
    };
    Word::Hint(Arc::new(Hint {
        position,
        raw_id: raw.id.clone(),
        athlete: AthleteRef::new(tenant, athlete_id),
        kind: raw.kind.clone(),
        object,
        received_at: UnixMicros(raw.received_at.0),
        replay_of: raw.replay_of.clone(),
        attempt: raw.attempt,
        body: String::from_utf8_lossy(&raw.body).into_owned(),
        event_at,
    }))
}

fn ended(raw: &RawReceived) -> Word {
    let told: Value = serde_json::from_slice(&raw.body).unwrap_or_default();
    let hints = told.get("hints").and_then(Value::as_array);
    let raw_ids = hints
        .into_iter()
        .flatten()
        .filter_map(|hint| hint.get("id")?.as_str())
        .map(str::to_owned)
        .collect();
    Word::Ended {
        id: raw.provider_id.clone(),
        raw_ids,
    }
}
