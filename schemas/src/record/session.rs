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
        pub ties: Vec<Tie>,
        /// `created`, `revised`, `merged`, `split`, `returned`; empty in old facts.
        pub change: String,
        /// Ids that were withdrawn in favour of this one by the same change.
        pub merged_from: Vec<String>,
        /// The id that this one was a part of until now.
        pub split_from: Option<String>,
        /// Ids that hold what was a part of this one until now.
        pub split_into: Vec<String>,
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
        pub split_into: Vec<String>,
    }
}

/// Who won a field, by which rule, and who lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldProvenance {
    pub field: String,
    pub observation_id: String,
    pub rule: String,
    pub losers: Vec<Loser>,
    /// Further pieces of the chosen recording, where the value is of all of them.
    pub parts: Vec<String>,
    /// Licence label of what was chosen.
    pub licence: Option<String>,
}

/// Why a member belongs here: the best evidence that ties it to another member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tie {
    pub observation_id: String,
    pub with: String,
    pub rule: String,
    /// In thousandths; 0 where numbers are not what speaks for it.
    pub score: i32,
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
