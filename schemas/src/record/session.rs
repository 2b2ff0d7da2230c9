//! The canonical workout.

use serde::{Deserialize, Serialize};

use super::Micros;
use super::fact::fact;

fact! {
    /// A workout as it stands now; a higher `revision` replaces a lower one.
    pub struct SessionRevised {
        pub session_id: String,
        pub revision: i64,
        /// Hash of all but ids, revisions, hashes and processing times.
        pub content_hash: String,
        pub sport: String,
        pub family: String,
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
        pub title: Option<String>,
        pub local_date: String,
        pub utc_offset_s: i32,
        pub time_zone: Option<String>,
        pub container: bool,
        /// Session ids of the legs of a container.
        pub legs: Vec<String>,
        pub provenance: Vec<FieldProvenance>,
        pub members: Vec<Member>,
        pub candidates: Vec<Candidate>,
        pub confidence: f64,
        pub settled: bool,
        pub supersedes: Option<String>,
        pub superseded_by: Option<String>,
    }
}

fact! {
    pub struct SessionRetracted {
        pub session_id: String,
        pub revision: i64,
        pub content_hash: String,
        /// `deleted`, `merged`, `regrouped`, `deregistered`.
        pub reason: String,
        pub superseded_by: Option<String>,
    }
}

/// Who won a field, by which rule, and who lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldProvenance {
    pub field: String,
    pub observation_id: String,
    pub rule: String,
    pub losers: Vec<Loser>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Loser {
    pub observation_id: String,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    pub observation_id: String,
    pub source: String,
    pub provider_id: String,
    /// `primary`, `contributor`, `duplicate`, `part`, `leg`, `transition`, `wrapper`, `deleted`.
    pub role: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    pub session_id: String,
    pub rule: String,
}
