//! The shapes of what is sent and asked, for the OpenAPI document and for the answers that are built
//! here. Rows are written by the store; their shapes here are held to them by a test.

mod explained;
mod items;
mod quality;

use schemas::record::Micros;
use serde::{Deserialize, Serialize, Serializer};
use utoipa::{IntoParams, ToSchema};

use crate::ports::AthleteEntry;

pub use explained::{
    Coded, DependencyExplained, ExplainParams, FieldExplained, LoserTold, LossExplained,
    ObservationExplained, Place, ProfileExplained, RawExplained, ReasonExplained,
    RecommendationExplained, SessionAnswer, SessionExplained, SuspectExplained, Telling, Winner,
};
pub use items::{
    Candidate, Conditions, Confidence, DeadLetter, Dependency, Envelope, FieldProvenance, Interval,
    Loser, Member, Need, Needs, Night, Portion, ProductOption, ProductServings, Profile, Reason,
    Recommendation, Session, SweatLoss, TimelineItem, Unmet,
};
pub use quality::{Pending, QualityReport, SourceQuality};

/// The query of every list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    /// Only what overlaps `[from, to)`; RFC 3339.
    pub from: Option<String>,
    pub to: Option<String>,
    /// 1 to 1,000 items, 100 where nothing is said.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    pub limit: Option<String>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// `retracted` adds what was withdrawn.
    pub include: Option<String>,
    /// As it was published at that time; RFC 3339. Not for what keeps no history.
    pub as_of: Option<String>,
}

/// The query of a single thing that is revised.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AsOfParams {
    /// As it was published at that time; RFC 3339.
    pub as_of: Option<String>,
}

/// A page. Ascending by start, then id.
#[derive(Debug, ToSchema)]
pub struct List<T> {
    pub items: Vec<T>,
    /// `null` on the last page.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Athlete {
    pub athlete_id: String,
    pub status: &'static str,
    #[serde(serialize_with = "instant_or_null")]
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub registered_at: Option<Micros>,
    /// Providers that are linked.
    pub connections: Vec<String>,
}

impl From<&AthleteEntry> for Athlete {
    fn from(entry: &AthleteEntry) -> Self {
        Self {
            athlete_id: entry.athlete_id.clone(),
            status: "live",
            registered_at: entry.registered_at,
            connections: entry.connections.clone(),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Replayed {
    pub id: String,
    /// `replayed`
    pub status: &'static str,
}

impl Replayed {
    pub(crate) fn of(id: String) -> Self {
        let status = "replayed";
        Self { id, status }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`
    pub status: &'static str,
}

impl Health {
    pub(crate) fn ok() -> Self {
        Self { status: "ok" }
    }
}

#[expect(
    clippy::ref_option,
    reason = "the signature that serde asks of `serialize_with`"
)]
fn instant_or_null<S: Serializer>(at: &Option<Micros>, to: S) -> Result<S::Ok, S::Error> {
    at.map(sinks_store::rfc3339).serialize(to)
}
