//! What an explanation ends in: observations, their contents, and the raw records they were read from.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::dto::shapes::Detail;

/// One source's account of one thing, with the contents that it told. Of content that is fetched again
/// and again, the first and the last are sure to be there.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ObservationExplained {
    pub observation_id: String,
    pub source: String,
    pub provider_id: String,
    /// What it is to the session that lists it; `evidence` and `anchor` elsewhere.
    pub role: String,
    /// `activity`, `weigh_in`, …; `null` where the log no longer tells.
    #[schema(required)]
    pub kind: Option<String>,
    /// The source took it back.
    pub deleted: bool,
    /// The content that counts, in our words and units.
    #[schema(value_type = Detail)]
    pub content: Value,
    pub told: Vec<Telling>,
}

/// One content: where the log has it, and the raw record that it was read from.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Telling {
    /// `summary` or `details`.
    pub channel: String,
    pub content_hash: String,
    pub recorded: Place,
    /// `null` where the log does not have it.
    #[schema(required)]
    pub raw: Option<RawExplained>,
}

/// A record as it was received.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RawExplained {
    pub raw_id: String,
    pub topic: String,
    pub partition: u32,
    pub offset: u64,
    #[schema(format = DateTime)]
    pub received_at: String,
    /// The vendor's own name.
    pub kind: String,
    #[schema(required)]
    pub account_id: Option<String>,
    pub connector: String,
    pub content_type: String,
    pub body_bytes: u64,
    pub body_sha256: String,
    /// The beginning of the body as text; `null` for bytes that are no text.
    #[schema(required)]
    pub excerpt: Option<String>,
}

/// A place in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Place {
    pub topic: String,
    pub partition: u32,
    pub offset: u64,
    /// `topic/partition/offset` of the input that caused it.
    #[schema(required)]
    pub cause: Option<String>,
}

/// A code of the contract, and what it means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Coded {
    pub code: String,
    pub in_words: String,
}
