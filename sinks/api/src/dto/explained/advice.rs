//! Explanations of what follows from a session: losses, profiles, recommendations.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Coded, ObservationExplained, Place, SessionExplained};

/// A sweat loss with its evidence and its session.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LossExplained {
    pub loss_id: String,
    pub athlete_id: String,
    pub status: String,
    pub reason: Option<String>,
    pub revision: i64,
    pub rules_id: String,
    pub session_id: String,
    /// The revision of the session that it was estimated from.
    pub session_revision: Option<i64>,
    pub method: Coded,
    pub model_version: Option<String>,
    pub fluid_ml: Value,
    pub sweat_rate_l_per_h: Value,
    /// `null` is unknown.
    pub sodium_mmol_per_l: Value,
    pub sodium_mg: Value,
    pub conditions: Value,
    pub flags: Vec<Coded>,
    pub evidence: Vec<ObservationExplained>,
    /// `null` where the chain shows it elsewhere, or it is unknown here.
    pub session: Option<SessionExplained>,
    pub recorded: Option<Place>,
}

/// What is known of how the athlete sweats, with its evidence.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ProfileExplained {
    pub athlete_id: String,
    pub revision: i64,
    pub sweat_rate_multiplier: Value,
    pub sodium_mmol_per_l: Value,
    pub tests: i64,
    pub last_test_at: Option<String>,
    pub advice: Coded,
    pub evidence: Vec<ObservationExplained>,
    pub recorded: Option<Place>,
}

/// A recommendation, from its reasons down to the raw records.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RecommendationExplained {
    /// Id of the fact.
    pub id: String,
    pub slot: String,
    pub version: i64,
    /// The version that stands in the slot now.
    pub latest_version: i64,
    pub athlete_id: String,
    pub status: String,
    pub reason: Option<String>,
    pub phase: Coded,
    pub valid_from: Option<String>,
    pub valid_until: Option<String>,
    pub expired_at: Option<String>,
    /// The facts came when the window was over: it was never given.
    pub late: bool,
    pub gap_class: Option<Coded>,
    pub needs: Value,
    pub schedule: Value,
    /// Baskets of products, each with its totals and what it leaves unmet.
    pub options: Value,
    pub reasons: Vec<ReasonExplained>,
    /// Safety rules that lowered or stopped it.
    pub safety: Vec<Coded>,
    pub flags: Vec<Coded>,
    pub confidence: Value,
    pub rules_id: String,
    pub rules: Option<String>,
    pub catalog: Option<String>,
    pub inputs_hash: Option<String>,
    /// What it was computed from; the last link of the chain is a raw record.
    pub depends_on: Vec<DependencyExplained>,
    pub recorded: Option<Place>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ReasonExplained {
    pub code: String,
    pub in_words: String,
    pub params: Value,
    /// Keys of the literature that the rule rests on.
    pub evidence: Vec<String>,
}

/// An entity that the advice was computed from. Exactly the part that `kind` names is there.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DependencyExplained {
    pub id: String,
    /// `session`, `sweat_loss`, `profile`, `plan`; `unknown` where no row has the id.
    pub kind: String,
    /// The revision that the advice used; `null` for a plan, which is an observation.
    pub revision: Option<i64>,
    /// The revision that stands now: a higher one came after the advice.
    pub latest_revision: Option<i64>,
    pub session: Option<SessionExplained>,
    pub sweat_loss: Option<LossExplained>,
    pub profile: Option<ProfileExplained>,
    pub plan: Option<ObservationExplained>,
}
