//! Explanations of what follows from a session: losses, profiles, recommendations.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::dto::{Conditions, Confidence, Interval, Needs, Portion, ProductOption};

use super::{Coded, ObservationExplained, Place, SessionExplained};

/// A sweat loss with its evidence and its session.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LossExplained {
    pub loss_id: String,
    pub athlete_id: String,
    pub status: String,
    #[schema(required)]
    pub reason: Option<String>,
    pub revision: i64,
    pub rules_id: String,
    pub session_id: String,
    /// The revision of the session that it was estimated from.
    #[schema(required)]
    pub session_revision: Option<i64>,
    pub method: Coded,
    #[schema(required)]
    pub model_version: Option<String>,
    #[schema(value_type = Option<Interval>, required)]
    pub fluid_ml: Value,
    #[schema(value_type = Option<Interval>, required)]
    pub sweat_rate_l_per_h: Value,
    /// `null` is unknown.
    #[schema(value_type = Option<Interval>, required)]
    pub sodium_mmol_per_l: Value,
    #[schema(value_type = Option<Interval>, required)]
    pub sodium_mg: Value,
    #[schema(value_type = Option<Conditions>, required)]
    pub conditions: Value,
    pub flags: Vec<Coded>,
    pub evidence: Vec<ObservationExplained>,
    /// `null` where the chain shows it elsewhere, or it is unknown here.
    #[schema(required)]
    pub session: Option<SessionExplained>,
    #[schema(required)]
    pub recorded: Option<Place>,
    /// Records of the athlete were removed from the log: what is not found here is past retention.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub past_retention: bool,
}

/// What is known of how the athlete sweats, with its evidence.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ProfileExplained {
    pub athlete_id: String,
    pub revision: i64,
    #[schema(value_type = Option<Interval>, required)]
    pub sweat_rate_multiplier: Value,
    #[schema(value_type = Option<Interval>, required)]
    pub sodium_mmol_per_l: Value,
    pub tests: i64,
    #[schema(required)]
    pub last_test_at: Option<String>,
    pub advice: Coded,
    pub evidence: Vec<ObservationExplained>,
    #[schema(required)]
    pub recorded: Option<Place>,
    /// Records of the athlete were removed from the log: what is not found here is past retention.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub past_retention: bool,
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
    #[schema(required)]
    pub reason: Option<String>,
    pub phase: Coded,
    #[schema(required)]
    pub valid_from: Option<String>,
    #[schema(required)]
    pub valid_until: Option<String>,
    #[schema(required)]
    pub expired_at: Option<String>,
    /// The facts came when the window was over: it was never given.
    pub late: bool,
    #[schema(required)]
    pub gap_class: Option<Coded>,
    #[schema(value_type = Option<Needs>, required)]
    pub needs: Value,
    #[schema(value_type = Option<Vec<Portion>>, required)]
    pub schedule: Value,
    /// Baskets of products, each with its totals and what it leaves unmet.
    #[schema(value_type = Option<Vec<ProductOption>>, required)]
    pub options: Value,
    pub reasons: Vec<ReasonExplained>,
    /// Safety rules that lowered or stopped it.
    pub safety: Vec<Coded>,
    pub flags: Vec<Coded>,
    #[schema(value_type = Option<Confidence>, required)]
    pub confidence: Value,
    pub rules_id: String,
    #[schema(required)]
    pub rules: Option<String>,
    #[schema(required)]
    pub catalog: Option<String>,
    #[schema(required)]
    pub inputs_hash: Option<String>,
    /// What it was computed from; the last link of the chain is a raw record.
    pub depends_on: Vec<DependencyExplained>,
    #[schema(required)]
    pub recorded: Option<Place>,
    /// Records of the athlete were removed from the log: what is not found here is past retention.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub past_retention: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ReasonExplained {
    pub code: String,
    pub in_words: String,
    #[schema(value_type = Option<std::collections::BTreeMap<String, i64>>, required)]
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
    #[schema(required)]
    pub revision: Option<i64>,
    /// The revision that stands now: a higher one came after the advice.
    #[schema(required)]
    pub latest_revision: Option<i64>,
    #[schema(required)]
    pub session: Option<SessionExplained>,
    #[schema(required)]
    pub sweat_loss: Option<LossExplained>,
    #[schema(required)]
    pub profile: Option<ProfileExplained>,
    #[schema(required)]
    pub plan: Option<ObservationExplained>,
}
