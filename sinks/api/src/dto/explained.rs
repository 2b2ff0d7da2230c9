//! Shapes of explanations: a value, who told it, who lost and why, and where the raw bytes are.
//!
//! The single field is the contract's shape and has no key beside it; the others add to it.

mod advice;
mod evidence;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::shapes::Scalar;

pub use advice::{
    DependencyExplained, LossExplained, ProfileExplained, ReasonExplained, RecommendationExplained,
};
pub use evidence::{Coded, ObservationExplained, Place, RawExplained, Telling};

/// The query of an explanation.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExplainParams {
    /// Only this field, e.g. `distance_m`.
    pub field: Option<String>,
}

/// The answer about a session: with `field` that field, without it all of them.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum SessionAnswer {
    Field(Box<FieldExplained>),
    All(Box<SessionExplained>),
}

/// One field of a session.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FieldExplained {
    pub session_id: String,
    /// Only where the id that was asked for is an old one: `session_id` took its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_for: Option<String>,
    pub field: String,
    /// In the unit that ends the field's name.
    #[schema(value_type = Scalar)]
    pub value: Value,
    pub rule: String,
    pub rules_id: String,
    /// `null` where nobody told the field; its value is, too.
    #[schema(required)]
    pub winner: Option<Winner>,
    pub losers: Vec<LoserTold>,
}

/// What can be asked for of a session.
const FIELDS: [&str; 21] = [
    "sport",
    "family",
    "start",
    "end",
    "timer_s",
    "moving_s",
    "elapsed_s",
    "distance_m",
    "energy_kj",
    "heart_rate_avg_bpm",
    "heart_rate_max_bpm",
    "power_avg_w",
    "speed_avg_m_s",
    "elevation_gain_m",
    "start_lat",
    "start_lon",
    "indoor",
    "title",
    "local_date",
    "utc_offset_s",
    "time_zone",
];
/// The rule of a field that nobody told.
const NOT_TOLD: &str = "not_told";

impl SessionExplained {
    /// One field, also one that nobody told; `None` for what is no field of a session, or where nothing
    /// is known any more of who told them.
    pub fn field(&self, name: &str) -> Option<FieldExplained> {
        let told = self.fields.iter().find(|one| one.field == name);
        let is_field = FIELDS.contains(&name) && !self.fields.is_empty();
        told.cloned()
            .or_else(|| is_field.then(|| self.untold(name)))
    }

    fn untold(&self, name: &str) -> FieldExplained {
        FieldExplained {
            session_id: self.session_id.clone(),
            asked_for: self.asked_for.clone(),
            field: name.to_owned(),
            value: Value::Null,
            rule: NOT_TOLD.to_owned(),
            rules_id: self.rules_id.clone(),
            winner: None,
            losers: Vec::new(),
        }
    }

    /// Why a question for a field has no answer, and what could be asked.
    pub fn no_field(&self, name: &str) -> (String, String) {
        if self.fields.is_empty() {
            let lost = "nothing is known any more of who told the fields of this session";
            return (lost.to_owned(), "another session".to_owned());
        }
        let one_of = format!("one of: {}", FIELDS.join(", "));
        (format!("a session has no field `{name}`"), one_of)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Winner {
    pub observation_id: String,
    pub source: String,
    pub provider_id: String,
    #[schema(value_type = Scalar)]
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LoserTold {
    pub observation_id: String,
    pub source: String,
    pub provider_id: String,
    /// `null` where it cannot be told any more.
    #[schema(value_type = Scalar)]
    pub value: Value,
    pub reason: String,
}

/// A session with all that stands behind it. A retracted one as it was, with its reason.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SessionExplained {
    pub session_id: String,
    /// Only where the id that was asked for is an old one: `session_id` took its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_for: Option<String>,
    pub athlete_id: String,
    /// `live` or `retracted`.
    pub status: String,
    /// Why it was retracted.
    #[schema(required)]
    pub reason: Option<String>,
    #[schema(required)]
    pub superseded_by: Option<String>,
    pub revision: i64,
    pub rules_id: String,
    #[schema(required)]
    pub sport: Option<String>,
    #[schema(format = DateTime)]
    pub start: String,
    #[schema(format = DateTime)]
    pub end: String,
    pub fields: Vec<FieldExplained>,
    pub members: Vec<ObservationExplained>,
    pub candidates: Vec<SuspectExplained>,
    /// Where the log has the revision; `null` where it was not found.
    #[schema(required)]
    pub recorded: Option<Place>,
    /// Records of the athlete were removed from the log: what is not found here is past retention.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub past_retention: bool,
}

/// A session that may tell of the same workout.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SuspectExplained {
    pub session_id: String,
    pub rule: String,
    pub in_words: String,
}
