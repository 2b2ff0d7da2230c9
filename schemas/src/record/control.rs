//! What every node that takes in has to know: who the athletes are, whose account is whose, and what was
//! sealed for them. The last record of a key counts; nothing here is a fact about a body.

use serde::{Deserialize, Serialize};

use super::Micros;

/// An athlete is known to every node that takes in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AthleteRegistered {
    pub tenant_id: String,
    pub athlete_id: String,
    pub registered_at: Micros,
}

/// Whose a provider's account is, as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountLinked {
    pub tenant_id: String,
    pub athlete_id: String,
    pub provider: String,
    pub account_id: String,
    /// `linked` or `deregistered`.
    pub state: String,
    pub linked_at: Micros,
    pub changed_at: Micros,
}

/// A token or a callback URL as ciphertext; the key that opens it is in no topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretSealed {
    /// `None`, with the three after it, for a callback URL.
    pub tenant_id: Option<String>,
    pub athlete_id: Option<String>,
    pub provider: Option<String>,
    pub account_id: Option<String>,
    /// `None` for tokens.
    pub reference: Option<String>,
    pub key_id: String,
    #[serde(with = "serde_bytes")]
    pub nonce: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub sealed: Vec<u8>,
    pub sealed_at: Micros,
}

/// What all processes of a cluster have to agree on, decided when its topics were made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterPinned {
    pub name: String,
    pub value: String,
}
