//! The shapes of what is sent and asked, for the OpenAPI document and for the answers that are built
//! here. Rows are written by the store; their shapes here are held to them by a test.

mod explained;
mod items;
mod params;
mod quality;
mod shapes;

use schemas::record::Micros;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

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
pub use params::{
    AsOfParams, AthletesPageParams, BeforeParams, LettersPageParams, ListParams, LoginParams,
    PageParams, StreamParams, ViewParams,
};
pub use quality::{Pending, QualityReport, SourceQuality};

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
