//! Shapes of what became of what was received.

use std::collections::BTreeMap;

use schemas::record::Micros;
use serde::Serialize;
use utoipa::ToSchema;

use super::instant_or_null;

/// What became of what was received, at the last commit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct QualityReport {
    pub sources: BTreeMap<String, SourceQuality>,
    pub pending: Pending,
    /// Athletes whose inputs made a rule fail; they are set aside.
    pub quarantined: Vec<String>,
    /// Every pending count is 0.
    pub idle: bool,
}

impl QualityReport {
    pub fn new(
        sources: BTreeMap<String, SourceQuality>,
        pending: Pending,
        quarantined: Vec<String>,
    ) -> Self {
        let nothing_waits = pending == Pending::default();
        let idle = nothing_waits && sources.values().all(|source| source.pending == 0);
        Self {
            sources,
            pending,
            quarantined,
            idle,
        }
    }
}

/// received = accepted + duplicate + dead_lettered + pending.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct SourceQuality {
    pub received: i64,
    pub accepted: i64,
    pub duplicate: i64,
    pub dead_lettered: i64,
    pub pending: i64,
    /// Kept, and part of `accepted`, but of a kind that no rule uses yet.
    pub unused: BTreeMap<String, i64>,
    #[serde(serialize_with = "instant_or_null")]
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub last_received_at: Option<Micros>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Pending {
    pub records: i64,
    pub fetches: i64,
    pub weather: i64,
    pub timers_due: i64,
}
