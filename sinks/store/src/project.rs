//! A fact as a change of one row: pure, and the same for every store.
//!
//! It is not a rule: it decides nothing about athletes, it only says where a fact is kept and how it
//! reads. Facts that change no row (a replaced version is replaced by its successor's own row, a
//! push is the phone's business) give none.

mod dead_letter;
mod loss;
mod night;
mod observation;
mod profile;
mod recommendation;
mod safety;
mod session;
#[cfg(test)]
mod tests;

use schemas::AnyRecord;
use schemas::topic;

use crate::RowChange;

/// The topics that a store's feed reads.
pub const TOPICS: &[&str] = &[
    topic::OBSERVATIONS,
    topic::SESSIONS,
    topic::NIGHTS,
    topic::SWEAT_LOSSES,
    topic::PROFILES,
    topic::RECOMMENDATIONS,
    topic::REJECTIONS,
];

/// The change that a record makes, or `None` where it makes none.
///
/// A `RawReceived` is no fact and none of `TOPICS`; a host that feeds replayed ones all the same gets
/// their dead letters marked.
pub fn project(record: AnyRecord) -> Option<RowChange> {
    match record {
        AnyRecord::SessionRevised(fact) => Some(session::revised(&fact)),
        AnyRecord::SessionRetracted(fact) => Some(session::retracted(fact)),
        AnyRecord::NightRevised(fact) => Some(night::revised(&fact)),
        AnyRecord::NightRetracted(fact) => Some(night::retracted(fact)),
        AnyRecord::SweatLossEstimated(fact) => Some(loss::estimated(&fact)),
        AnyRecord::SweatLossRetracted(fact) => Some(loss::retracted(fact)),
        AnyRecord::SweatProfileRevised(fact) => Some(profile::revised(&fact)),
        AnyRecord::RecommendationIssued(fact) => Some(recommendation::issued(&fact)),
        AnyRecord::RecommendationCancelled(fact) => Some(recommendation::cancelled(fact)),
        AnyRecord::RecommendationExpired(fact) => Some(recommendation::expired(fact)),
        AnyRecord::SafetyHoldRaised(fact) => Some(safety::raised(&fact)),
        AnyRecord::SafetyHoldReleased(fact) => Some(safety::released(fact)),
        AnyRecord::ObservationRecorded(fact) => observation::recorded(&fact),
        AnyRecord::RecordRejected(fact) => Some(dead_letter::rejected(fact)),
        AnyRecord::RejectionResolved(fact) => Some(dead_letter::resolved(fact)),
        AnyRecord::RawReceived(raw) => dead_letter::replayed(raw),
        AnyRecord::RecommendationSuperseded(_)
        | AnyRecord::ConnectionChanged(_)
        | AnyRecord::WeatherRequested(_)
        | AnyRecord::PushScheduled(_)
        | AnyRecord::PushCancelled(_)
        | AnyRecord::PushSent(_)
        | AnyRecord::Tick(_)
        | AnyRecord::AthleteHead(_)
        | AnyRecord::DayBucket(_)
        | AnyRecord::IndexShard(_)
        | AnyRecord::AthleteRegistered(_)
        | AnyRecord::AccountLinked(_)
        | AnyRecord::SecretSealed(_)
        | AnyRecord::ClusterPinned(_) => None,
    }
}

/// The fields in front of every fact's body, as a live row.
macro_rules! open_body {
    ($fact:expr, $start:expr, $end:expr) => {{
        let mut json = $crate::json::Json::new();
        json.text("status", $crate::Status::Live.word())
            .null("reason")
            .text("id", &$fact.id)
            .text("tenant_id", &$fact.tenant_id)
            .text("athlete_id", &$fact.athlete_id)
            .instant("start", $start)
            .instant("end", $end)
            .instant("recorded_at", $fact.recorded_at)
            .instant("revised_at", $fact.revised_at)
            .text("rules_id", &$fact.rules_id)
            .text_or_null("licence", $fact.licence.as_deref());
        json
    }};
}
use open_body;

/// A live row of a fact. `body` is finished last.
macro_rules! live_row {
    ($table:ident, $fact:expr, id: $id:expr, version: ($revision:expr, $step:expr),
     span: ($start:expr, $end:expr), hash: $hash:expr, cells: $cells:expr, body: $json:expr) => {
        $crate::RowChange::Put(Box::new($crate::Row {
            table: $crate::Table::$table,
            tenant_id: $fact.tenant_id.clone(),
            athlete_id: Some($fact.athlete_id.clone()),
            id: $id.clone(),
            version: $crate::Version {
                revision: $revision,
                step: $step,
            },
            status: $crate::Status::Live,
            start: $start,
            end: $end,
            content_hash: $hash.clone(),
            revised_at: $fact.revised_at,
            retracted_reason: None,
            superseded_by: None,
            cells: $cells,
            body: $json.finish(),
        }))
    };
}
use live_row;

/// Order of what is said about one and the same revision.
const ISSUED: i64 = 0;
const EXPIRED: i64 = 1;
const RETRACTED: i64 = 2;
