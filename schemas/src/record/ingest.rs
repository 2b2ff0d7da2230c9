//! What ingest writes, what any stage rejects, and the logical clock.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Micros;
use super::fact::fact;
use crate::codec::RecordView;

/// One item for one athlete as the vendor sent it, verbatim, with its envelope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RawReceived {
    pub id: String,
    pub tenant_id: String,
    /// `None` when nobody linked the account: the item becomes a dead letter `unknown_account`.
    pub athlete_id: Option<String>,
    pub source: String,
    /// The vendor's own name, e.g. `activities`.
    pub kind: String,
    pub account_id: Option<String>,
    pub provider_id: Option<String>,
    pub received_at: Micros,
    /// Set on a replay: when the item arrived for the first time.
    pub first_received_at: Option<Micros>,
    /// Set on a replay: the id of the dead letter that is tried again.
    pub replay_of: Option<String>,
    /// Tries so far, 1 for a first arrival.
    pub attempt: i32,
    pub provider_event_at: Option<Micros>,
    pub content_type: String,
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
    /// SHA-256 of `body`, lower-case hex.
    pub body_sha256: String,
    /// Allow-listed request headers, never a token.
    pub headers: BTreeMap<String, String>,
    pub connector: String,
    pub connector_version: String,
    pub licence: Option<String>,
    pub key_id: Option<String>,
}

/// A dead letter: the original bytes, where it failed and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordRejected {
    /// The id of the dead letter, derived from the raw record's id and attempt.
    pub id: String,
    pub tenant_id: String,
    pub athlete_id: Option<String>,
    pub account_id: Option<String>,
    pub source: String,
    pub kind: String,
    pub provider_id: Option<String>,
    /// `normalize`, `reconcile`, …
    pub stage: String,
    /// A word of the contract's vocabulary.
    pub reason: String,
    pub detail: String,
    pub received_at: Micros,
    pub first_received_at: Micros,
    pub recorded_at: Micros,
    pub attempts: i32,
    /// The `RawReceived` that was rejected.
    pub raw_id: String,
    pub content_type: String,
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
    pub body_sha256: String,
    pub rules_id: String,
    pub licence: Option<String>,
    pub key_id: Option<String>,
}

impl RecordView for RecordRejected {
    type Record = Self;
}

/// A dead letter was tried again and found its place: it is no dead letter any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RejectionResolved {
    pub id: String,
    pub tenant_id: String,
    pub athlete_id: Option<String>,
    /// The `RecordRejected` that is resolved.
    pub rejection_id: String,
    /// The `RawReceived` that resolved it.
    pub raw_id: String,
    pub attempts: i32,
    pub recorded_at: Micros,
    pub rules_id: String,
}

impl RecordView for RejectionResolved {
    type Record = Self;
}

/// Logical time moves although no input came: timers up to `at` are due in `partition`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tick {
    pub partition: i32,
    pub at: Micros,
}

fact! {
    /// The state of an athlete's link to a provider's account.
    pub struct ConnectionChanged {
        pub provider: String,
        pub account_id: String,
        /// `linked`, `deregistered`, `permissions_changed`, `failing`.
        pub state: String,
        pub permissions: Option<Vec<String>>,
        pub reason: Option<String>,
    }
}
