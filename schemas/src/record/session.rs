//! The canonical workout.

use serde::{Deserialize, Serialize};

use super::Micros;
use super::fact::fact;

fact! {
    /// A workout as it stands now; a higher `revision` replaces a lower one.
    pub struct SessionRevised {
        pub session_id: S,
        pub revision: i64,
        /// Hash of all but ids, revisions, hashes and processing times.
        pub content_hash: S,
        pub sport: S,
        pub family: S,
        pub start: Micros,
        pub end: Micros,
        pub timer_s: Option<i64>,
        pub moving_s: Option<i64>,
        pub elapsed_s: i64,
        pub distance_m: Option<f64>,
        pub energy_kj: Option<f64>,
        pub heart_rate_avg_bpm: Option<i32>,
        pub heart_rate_max_bpm: Option<i32>,
        pub power_avg_w: Option<f64>,
        pub speed_avg_m_s: Option<f64>,
        pub elevation_gain_m: Option<f64>,
        pub start_lat: Option<f64>,
        pub start_lon: Option<f64>,
        pub indoor: Option<bool>,
        pub title: Option<S>,
        pub local_date: S,
        pub utc_offset_s: i32,
        pub time_zone: Option<S>,
        pub container: bool,
        /// Session ids of the legs of a container.
        pub legs: Vec<S>,
        pub provenance: Vec<FieldProvenance<S>>,
        pub members: Vec<Member<S>>,
        pub candidates: Vec<Candidate<S>>,
        pub confidence: f64,
        pub settled: bool,
        pub supersedes: Option<S>,
        pub superseded_by: Option<S>,
        pub ties: Vec<Tie<S>>,
        /// `created`, `revised`, `merged`, `split`, `returned`; empty in old facts.
        pub change: S,
        /// Ids that were withdrawn in favour of this one by the same change.
        pub merged_from: Vec<S>,
        /// The id that this one was a part of until now.
        pub split_from: Option<S>,
        /// Ids that hold what was a part of this one until now.
        pub split_into: Vec<S>,
    }
}

fact! {
    pub struct SessionRetracted {
        pub session_id: S,
        pub revision: i64,
        pub content_hash: S,
        /// `deleted`, `merged`, `regrouped`, `deregistered`.
        pub reason: S,
        pub superseded_by: Option<S>,
        pub split_into: Vec<S>,
    }
}

/// Who won a field, by which rule, and who lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldProvenance<S = String> {
    pub field: S,
    pub observation_id: S,
    pub rule: S,
    pub losers: Vec<Loser<S>>,
    /// Further pieces of the chosen recording, where the value is of all of them.
    pub parts: Vec<S>,
    /// Licence label of what was chosen.
    pub licence: Option<S>,
}

/// Why a member belongs here: the best evidence that ties it to another member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tie<S = String> {
    pub observation_id: S,
    pub with: S,
    pub rule: S,
    /// In thousandths; 0 where numbers are not what speaks for it.
    pub score: i32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Loser<S = String> {
    pub observation_id: S,
    pub reason: S,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member<S = String> {
    pub observation_id: S,
    pub source: S,
    pub provider_id: S,
    /// `primary`, `contributor`, `duplicate`, `part`, `leg`, `transition`, `wrapper`, `deleted`.
    pub role: S,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate<S = String> {
    pub session_id: S,
    pub rule: S,
}
