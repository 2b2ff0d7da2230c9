//! The common way in, from a delivery that was split to an answer that can be relied on.
//!
//! Second of the six files that tell the whole story; the next is
//! `processors/pipeline/src/topology.rs`, where these records are read. It exists because every
//! connector owes its sender the same promise and may not make it twice in two ways:
//!
//! ```text
//! bytes under a limit → a connector splits them into items → one raw record per item and athlete
//!                     → published, all or none, durable → counted → 2xx
//! ```
//!
//! It is not the place where an item is understood, nor where duplicates are dropped: what arrives
//! twice is published twice, because the log counts. The `duplicate` of an answer is a courtesy.
//!
//! Invariants:
//! * no answer says 2xx before the publisher did;
//! * the arrival times of this process rise strictly, so that two deliveries never share one;
//! * an item that nobody owns is published too: there is one place that counts, and it is not here.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderMap, header};
use edge::http::AllowList;
use edge::{Clock, Problem, UnixMicros};
use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::json::{NotElements, elements};
use crate::names::TENANT;
use crate::port::{AthleteRef, Linked, PublishError, Publisher, Registry, Vault};
use crate::recent::Recent;
use crate::refusal::Refusal;
use crate::strava::StravaSettings;

/// Items of one delivery. A Garmin backfill of five minutes for all users stays far below.
pub(crate) const ITEMS_MAX: usize = 20_000;

/// One item of an own upload: ten hours of samples once a second are about 3 MiB. What vendors push
/// has the body's limit only, since refusing it would refuse the other users in the delivery.
pub(crate) const ITEM_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A body, where the settings do not say otherwise.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What is kept of one header's value.
const HEADER_CHARS_MAX: usize = 256;

/// Headers that help to understand an item later. None of them carries a credential.
const HEADERS_KEPT: [header::HeaderName; 4] = [
    header::USER_AGENT,
    header::CONTENT_TYPE,
    edge::web::REQUEST_ID,
    crate::strava::SIGNATURE,
];

/// When to come again after the log refused without saying when.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What an operator decides.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `None` turns the webhook off.
    pub garmin: Option<GarminSettings>,
    /// `None` turns the webhook and the fetches off.
    pub strava: Option<StravaSettings>,
    pub body_bytes_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            garmin: None,
            strava: None,
            body_bytes_max: BODY_BYTES_MAX,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct GarminSettings {
    /// The last segment of the webhook's path.
    pub secret: SecretString,
    /// Compared with the header `garmin-client-id` when it is set.
    pub client_id: Option<String>,
    /// Where the callback URL of a ping may lead.
    pub callback_hosts: AllowList,
}

/// The ports, joined by the root.
#[derive(Clone)]
pub struct Ports {
    pub clock: Arc<dyn Clock>,
    pub publisher: Arc<dyn Publisher>,
    pub registry: Arc<dyn Registry>,
    pub vault: Arc<dyn Vault>,
    pub linked: Arc<dyn Linked>,
}

/// What every route works with.
#[derive(Clone)]
pub struct Connectors {
    pub(crate) settings: Arc<Settings>,
    pub(crate) ports: Ports,
    last_arrival: Arc<AtomicI64>,
    recent: Arc<Mutex<Recent>>,
}

/// One delivery: what its items have in common.
pub(crate) struct Delivery {
    pub(crate) source: &'static str,
    /// Who brought it: the source itself, unless it was asked.
    connector: &'static str,
    pub(crate) received_at: UnixMicros,
    /// When the sender says that it happened; of what was fetched, when it was asked for.
    pub(crate) event_at: Option<UnixMicros>,
    headers: BTreeMap<String, String>,
}

impl Delivery {
    /// What this process found out by asking, so that nobody's headers came with it.
    pub(crate) fn of_our_own(
        source: &'static str,
        received_at: UnixMicros,
        asked_at: Option<UnixMicros>,
    ) -> Self {
        Self {
            source,
            connector: source,
            received_at,
            event_at: asked_at,
            headers: BTreeMap::new(),
        }
    }
}

/// One item as a connector split it off.
pub(crate) struct Item {
    pub(crate) kind: String,
    pub(crate) account_id: Option<String>,
    pub(crate) provider_id: Option<String>,
    /// Whose it is; empty when nobody linked the account.
    pub(crate) owners: Vec<AthleteRef>,
    /// Verbatim, without credentials.
    pub(crate) body: String,
}

/// The answer to an upload, counted in items for one athlete.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Receipt {
    pub(crate) accepted: usize,
    /// Of what arrived lately; `/v1/quality` has the truth.
    pub(crate) duplicate: usize,
    pub(crate) rejected: Vec<RejectedItem>,
}

/// An item that was not taken, with its place in the delivery.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct RejectedItem {
    pub(crate) index: usize,
    pub(crate) reason: &'static str,
    /// What to mend.
    pub(crate) detail: String,
}

impl RejectedItem {
    pub(crate) fn new(index: usize, refusal: Refusal) -> Self {
        Self {
            index,
            reason: refusal.reason,
            detail: refusal.detail.into_owned(),
        }
    }
}

impl Connectors {
    pub fn new(settings: Settings, ports: Ports) -> Self {
        Self {
            settings: Arc::new(settings),
            ports,
            last_arrival: Arc::new(AtomicI64::new(i64::MIN)),
            recent: Arc::new(Mutex::new(Recent::default())),
        }
    }

    /// The body as JSON text, and the delivery it is.
    pub(crate) async fn arrive(
        &self,
        source: &'static str,
        request: Request,
    ) -> Result<(Delivery, Vec<u8>), Problem> {
        self.arrive_within(source, request, self.settings.body_bytes_max)
            .await
    }

    /// The same where a sender's bodies are known to be small.
    pub(crate) async fn arrive_within(
        &self,
        source: &'static str,
        request: Request,
        body_bytes_max: usize,
    ) -> Result<(Delivery, Vec<u8>), Problem> {
        let (parts, body) = request.into_parts();
        let bytes = edge::body::read_json(&parts.headers, body, body_bytes_max).await?;
        let headers = kept_headers(&parts.headers);
        Ok((
            Delivery {
                source,
                connector: source,
                received_at: self.stamp(),
                event_at: None,
                headers,
            },
            bytes,
        ))
    }

    /// What was asked for instead of sent.
    pub(crate) fn fetched(
        &self,
        source: &'static str,
        connector: &'static str,
        asked_at: UnixMicros,
    ) -> Delivery {
        Delivery {
            source,
            connector,
            received_at: self.stamp(),
            event_at: Some(asked_at),
            headers: BTreeMap::new(),
        }
    }

    /// An own upload of one thing or an array of them, each taken or refused for itself.
    pub(crate) async fn receive_each(
        &self,
        source: &'static str,
        what: &str,
        request: Request,
        item: impl Fn(&RawValue) -> Result<Item, Refusal>,
    ) -> Result<Receipt, Problem> {
        let (delivery, bytes) = self.arrive(source, request).await?;
        let (mut items, mut rejected) = (Vec::new(), Vec::new());
        for (index, one) in one_or_many(&bytes, what)?.into_iter().enumerate() {
            match item(one) {
                Ok(item) => items.push(item),
                Err(refusal) => rejected.push(RejectedItem::new(index, refusal)),
            }
        }
        self.receive(delivery, items, rejected).await
    }

    /// Publishes what was split; `Ok` only when it is durable.
    pub(crate) async fn receive(
        &self,
        delivery: Delivery,
        items: Vec<Item>,
        rejected: Vec<RejectedItem>,
    ) -> Result<Receipt, Problem> {
        if items.is_empty() && !rejected.is_empty() {
            return Err(Problem::all_items_rejected(serde_json::json!(rejected)));
        }
        let records = raw_records(&delivery, items);
        if records.is_empty() {
            return Ok(Receipt {
                rejected,
                ..Receipt::default()
            });
        }
        let arrivals: Vec<_> = records.iter().map(content_fingerprint).collect();
        self.ports
            .publisher
            .publish(records)
            .await
            .map_err(refusal)?;

        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let known = arrivals
            .iter()
            .filter(|arrival| !recent.insert(**arrival))
            .count();
        let accepted = arrivals.len().saturating_sub(known);
        Ok(Receipt {
            accepted,
            duplicate: known,
            rejected,
        })
    }

    /// The clock, but later than every arrival before: a clock that steps back, or two deliveries in
    /// one microsecond, must not make two arrivals look like one.
    fn stamp(&self) -> UnixMicros {
        let now = self.ports.clock.now().0;
        let later = |last: i64| now.max(last.saturating_add(1));
        match self
            .last_arrival
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| Some(later(last)))
        {
            Ok(last) | Err(last) => UnixMicros(later(last)),
        }
    }
}

/// The items of a body that is one of them or an array.
pub(crate) fn one_or_many<'a>(bytes: &'a [u8], what: &str) -> Result<Vec<&'a RawValue>, Problem> {
    let body: &RawValue =
        serde_json::from_slice(bytes).map_err(|_| Problem::bad_request("the body is no JSON"))?;
    match elements(body, ITEMS_MAX) {
        Ok(items) => Ok(items),
        Err(NotElements::TooMany) => Err(Problem::too_large(format!(
            "at most {ITEMS_MAX} {what}s at once"
        ))),
        Err(NotElements::NoArray) if body.get().starts_with('{') => Ok(vec![body]),
        Err(NotElements::NoArray) => Err(Problem::bad_request(format!(
            "the body is neither one {what} nor an array"
        ))),
    }
}

fn refusal(error: PublishError) -> Problem {
    tracing::warn!(error = %error, "a delivery was not stored");
    let retry_after = match error {
        PublishError::Busy { retry_after } => retry_after,
        PublishError::Unavailable => RETRY_AFTER,
    };
    Problem::unavailable("nothing of the delivery was stored", retry_after)
}

/// One record per item and owner; an item without an owner is one record too.
pub(crate) fn raw_records(delivery: &Delivery, items: Vec<Item>) -> Vec<RawReceived> {
    let mut records = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let body_sha256 = hex(&Sha256::digest(item.body.as_bytes()));
        let owners: Vec<Option<&AthleteRef>> = match item.owners.as_slice() {
            [] => vec![None],
            owners => owners.iter().map(Some).collect(),
        };
        for owner in owners {
            records.push(raw_record(delivery, index, &item, &body_sha256, owner));
        }
    }
    records
}

fn raw_record(
    delivery: &Delivery,
    index: usize,
    item: &Item,
    body_sha256: &str,
    owner: Option<&AthleteRef>,
) -> RawReceived {
    let tenant_id = owner.map_or(TENANT, |owner| owner.tenant_id.as_str());
    let received_at = delivery.received_at.0;
    let mut record = RawReceived {
        id: String::new(),
        tenant_id: tenant_id.to_owned(),
        athlete_id: owner.map(|owner| owner.athlete_id.clone()),
        source: delivery.source.to_owned(),
        kind: item.kind.clone(),
        account_id: item.account_id.clone(),
        provider_id: item.provider_id.clone(),
        received_at: Micros(received_at),
        first_received_at: None,
        replay_of: None,
        attempt: 1,
        provider_event_at: delivery.event_at.map(|at| Micros(at.0)),
        content_type: "application/json".to_owned(),
        body: item.body.clone().into_bytes(),
        body_sha256: body_sha256.to_owned(),
        headers: delivery.headers.clone(),
        connector: delivery.connector.to_owned(),
        connector_version: env!("CARGO_PKG_VERSION").to_owned(),
        licence: None,
        key_id: None,
    };
    record.id = arrival_id(&record, index);
    record
}

/// The id of an arrival: the same bytes that arrive again get another one.
fn arrival_id(record: &RawReceived, index: usize) -> String {
    let mut hash = content_hash(record);
    update(&mut hash, &record.received_at.0.to_le_bytes());
    update(&mut hash, &index.to_le_bytes());
    hex(hash.finalize().get(..16).unwrap_or_default())
}

/// What an answer calls a duplicate: same owner, same thing, same bytes.
fn content_fingerprint(record: &RawReceived) -> [u8; 16] {
    let digest = content_hash(record).finalize();
    let mut fingerprint = [0; 16];
    for (to, from) in fingerprint.iter_mut().zip(digest) {
        *to = from;
    }
    fingerprint
}

fn content_hash(record: &RawReceived) -> Sha256 {
    let mut hash = Sha256::new();
    let owner = match &record.athlete_id {
        Some(athlete_id) => athlete_id.clone(),
        None => {
            format!(
                "~{}:{}",
                record.source,
                record.account_id.as_deref().unwrap_or_default()
            )
        }
    };
    for part in [
        record.tenant_id.as_str(),
        &owner,
        &record.source,
        &record.kind,
        record.provider_id.as_deref().unwrap_or_default(),
        &record.body_sha256,
    ] {
        update(&mut hash, part.as_bytes());
    }
    hash
}

/// Adds a part with its length, so that no two lists of parts are one text.
pub(crate) fn update(hash: &mut Sha256, part: &[u8]) {
    hash.update(part.len().to_le_bytes());
    hash.update(part);
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0x0f])
        .filter_map(|nibble| DIGITS.get(usize::from(nibble)))
        .collect()
}

fn kept_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    HEADERS_KEPT
        .iter()
        .filter_map(|name| Some((name, headers.get(name)?.to_str().ok()?)))
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                value.chars().take(HEADER_CHARS_MAX).collect(),
            )
        })
        .collect()
}
