//! What each observation tells now: its content from the athlete's state, and a field of it by the
//! name that the field has in a session.

use std::collections::{BTreeMap, BTreeSet};

use processors_pipeline::{observations_in, told_activity, told_in_session};
use schemas::record::observation::{ActivityBody, ObservationRecorded};
use schemas::record::state::ObservationState;
use serde_json::{Value, json};
use sinks_store::rfc3339;
use stream_embedded::EmbeddedReader;
use stream_log::{Failure, Key};

use super::trail::Arrivals;

/// An athlete's observations that are asked for, as the state has them.
#[derive(Debug, Default)]
pub(super) struct Observations(BTreeMap<String, ObservationState>);

impl Observations {
    pub(super) fn read(
        reader: &EmbeddedReader,
        athlete: &Key,
        wanted: &BTreeSet<String>,
    ) -> Result<Self, Failure> {
        let mut known = BTreeMap::new();
        if wanted.is_empty() {
            return Ok(Self(known));
        }
        for (_, value) in reader.state_of(athlete)? {
            let asked = observations_in(&value)
                .into_iter()
                .filter(|state| wanted.contains(&state.observation_id));
            known.extend(asked.map(|state| (state.observation_id.clone(), state)));
        }
        Ok(Self(known))
    }

    pub(super) fn arrivals(&self, id: &str) -> Arrivals {
        let Some(state) = self.0.get(id) else {
            return Arrivals::default();
        };
        let versions = state.versions.iter();
        Arrivals {
            first: versions.map(|version| version.first_received_at).collect(),
            // 0 where nobody needs to know it: the source has no account that could be closed.
            last: Some(state.last_received_at).filter(|at| at.0 > 0),
        }
    }

    pub(super) fn is_deleted(&self, id: &str) -> bool {
        self.0.get(id).is_some_and(|state| state.deleted)
    }

    /// What the live members of a session tell, the pieces of a split recording together by the id
    /// of the first piece.
    pub(super) fn pieces(&self, members: &BTreeSet<String>) -> BTreeMap<String, ActivityBody> {
        let states: Vec<&ObservationState> = self
            .0
            .values()
            .filter(|state| members.contains(&state.observation_id))
            .collect();
        told_in_session(&states)
    }

    /// The activity that counts. Without state, the latest summary that the log has.
    pub(super) fn activity(&self, id: &str, facts: &[ObservationRecorded]) -> Option<ActivityBody> {
        match self.0.get(id) {
            Some(state) => told_activity(state),
            None => latest(facts)?.activity.as_deref().cloned(),
        }
    }
}

/// The last content of the summary channel, else of the details.
pub(super) fn latest(facts: &[ObservationRecorded]) -> Option<&ObservationRecorded> {
    let newest_of = |channel: &str| facts.iter().rev().find(|fact| fact.channel == channel);
    newest_of("summary").or_else(|| facts.last())
}

/// The body of a fact, under whatever kind it is.
pub(super) fn content(fact: &ObservationRecorded) -> Value {
    let whole = serde_json::to_value(fact).unwrap_or(Value::Null);
    let body = whole.get(fact.kind.as_str()).cloned();
    body.map_or(Value::Null, crate::tail::instants_as_text)
}

/// An activity as it is shown beside what other kinds tell.
pub(super) fn activity_json(body: &ActivityBody) -> Value {
    let told = serde_json::to_value(body).unwrap_or(Value::Null);
    crate::tail::instants_as_text(told)
}

/// A field of an activity, by the name and in the unit of the session's field. `Null` where the
/// source does not tell it.
pub(super) fn field(body: &ActivityBody, name: &str) -> Value {
    match name {
        "sport" => json!(body.sport),
        "start" => json!(rfc3339(body.start)),
        "end" => json!(rfc3339(body.end)),
        "timer_s" => json!(body.timer_s),
        "moving_s" => json!(body.moving_s),
        "elapsed_s" => json!(body.elapsed_s),
        "distance_m" => json!(body.distance_m),
        "energy_kj" => json!(body.energy_kj),
        "heart_rate_avg_bpm" => json!(body.heart_rate_avg_bpm),
        "heart_rate_max_bpm" => json!(body.heart_rate_max_bpm),
        "power_avg_w" => json!(body.power_avg_w),
        "speed_avg_m_s" => json!(body.speed_avg_m_s),
        "elevation_gain_m" => json!(body.elevation_gain_m),
        "start_lat" => json!(body.start_lat),
        "start_lon" => json!(body.start_lon),
        "indoor" => json!(body.indoor),
        "title" => json!(body.title),
        "utc_offset_s" => json!(body.utc_offset_s),
        "time_zone" => json!(body.time_zone),
        _ => Value::Null,
    }
}
