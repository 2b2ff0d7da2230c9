//! Shapes of the rows, as `sinks-store` writes them.

use std::collections::BTreeMap;

use utoipa::ToSchema;

/// A row with the fields that all facts have in front of its own. Every field is there in every
/// answer, so every field is required; what is unknown is `null`.
macro_rules! item {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident : $kind:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, ToSchema)]
        pub struct $name {
            /// `live` or `retracted`.
            pub status: String,
            /// Why it was retracted.
            #[schema(required)]
            pub reason: Option<String>,
            /// Hash of entity, revision and content: the id of the fact.
            pub id: String,
            pub tenant_id: String,
            pub athlete_id: String,
            #[schema(format = DateTime)]
            pub start: String,
            #[schema(format = DateTime)]
            pub end: String,
            #[schema(format = DateTime)]
            pub recorded_at: String,
            #[schema(format = DateTime)]
            pub revised_at: String,
            pub rules_id: String,
            #[schema(required)]
            pub licence: Option<String>,
            $($(#[$field_meta])* pub $field: $kind,)*
        }
    };
}

item! {
    /// A workout as it stands now.
    Session {
        session_id: String,
        revision: i64,
        content_hash: String,
        sport: String,
        family: String,
        #[schema(required)] timer_s: Option<i64>,
        #[schema(required)] moving_s: Option<i64>,
        elapsed_s: i64,
        #[schema(required)] distance_m: Option<f64>,
        #[schema(required)] energy_kj: Option<f64>,
        #[schema(required)] heart_rate_avg_bpm: Option<i32>,
        #[schema(required)] heart_rate_max_bpm: Option<i32>,
        #[schema(required)] power_avg_w: Option<f64>,
        #[schema(required)] speed_avg_m_s: Option<f64>,
        #[schema(required)] elevation_gain_m: Option<f64>,
        #[schema(required)] start_lat: Option<f64>,
        #[schema(required)] start_lon: Option<f64>,
        #[schema(required)] indoor: Option<bool>,
        #[schema(required)] title: Option<String>,
        local_date: String,
        utc_offset_s: i32,
        #[schema(required)] time_zone: Option<String>,
        container: bool,
        legs: Vec<String>,
        provenance: Vec<FieldProvenance>,
        members: Vec<Member>,
        candidates: Vec<Candidate>,
        confidence: f64,
        settled: bool,
        #[schema(required)] supersedes: Option<String>,
        #[schema(required)] superseded_by: Option<String>,
        /// Why each member belongs here.
        ties: Vec<Tie>,
        /// `created`, `revised`, `merged`, `split` or `returned`; empty where nobody said.
        change: String,
        /// Ids that were withdrawn in favour of this one by the same change.
        merged_from: Vec<String>,
        /// The id that this one was a part of until now.
        #[schema(required)] split_from: Option<String>,
        /// Ids that hold what was a part of this one until now.
        split_into: Vec<String>,
    }
}

#[derive(Debug, ToSchema)]
pub struct FieldProvenance {
    pub field: String,
    pub observation_id: String,
    pub rule: String,
    pub losers: Vec<Loser>,
    /// Further pieces of the recording, where the value is of all of them.
    pub parts: Vec<String>,
    /// Licence label of what was chosen.
    #[schema(required)]
    pub licence: Option<String>,
}

#[derive(Debug, ToSchema)]
pub struct Loser {
    pub observation_id: String,
    pub reason: String,
}

#[derive(Debug, ToSchema)]
pub struct Member {
    pub observation_id: String,
    pub source: String,
    pub provider_id: String,
    pub role: String,
}

/// The best evidence that ties a member to another.
#[derive(Debug, ToSchema)]
pub struct Tie {
    pub observation_id: String,
    pub with: String,
    pub rule: String,
    /// In thousandths; 0 where numbers are not what speaks for it.
    pub score: i32,
}

#[derive(Debug, ToSchema)]
pub struct Candidate {
    pub session_id: String,
    pub rule: String,
}

item! {
    /// A night or a nap.
    Night {
        night_id: String,
        revision: i64,
        content_hash: String,
        /// `night` or `nap`.
        kind: String,
        #[schema(required, format = DateTime)] in_bed_start: Option<String>,
        #[schema(required, format = DateTime)] in_bed_end: Option<String>,
        asleep_s: i64,
        #[schema(required)] awake_s: Option<i64>,
        #[schema(required)] deep_s: Option<i64>,
        #[schema(required)] light_s: Option<i64>,
        #[schema(required)] rem_s: Option<i64>,
        local_date: String,
        utc_offset_s: i32,
        provenance: Vec<FieldProvenance>,
        members: Vec<Member>,
        #[schema(required)] superseded_by: Option<String>,
        /// `created`, `revised`, `merged`, `split` or `returned`; empty where nobody said.
        change: String,
        /// Ids that were withdrawn in favour of this one by the same change.
        merged_from: Vec<String>,
        /// The id that this one was a part of until now.
        #[schema(required)] split_from: Option<String>,
        /// Ids that hold what was a part of this one until now.
        split_into: Vec<String>,
    }
}

/// A median with its central 90 % interval.
#[derive(Debug, ToSchema)]
pub struct Interval {
    pub median: f64,
    pub lo90: f64,
    pub hi90: f64,
}

item! {
    /// What a workout cost.
    SweatLoss {
        loss_id: String,
        revision: i64,
        content_hash: String,
        session_id: String,
        session_revision: i64,
        #[schema(format = DateTime)] session_start: String,
        #[schema(format = DateTime)] session_end: String,
        method: String,
        fluid_ml: Interval,
        sweat_rate_l_per_h: Interval,
        #[schema(required)] sodium_mmol_per_l: Option<Interval>,
        #[schema(required)] sodium_mg: Option<Interval>,
        conditions: Conditions,
        evidence: Vec<String>,
        flags: Vec<String>,
        model_version: String,
    }
}

#[derive(Debug, ToSchema)]
pub struct Conditions {
    #[schema(required)]
    pub air_temp_c: Option<f64>,
    #[schema(required)]
    pub humidity_pct: Option<f64>,
    #[schema(required)]
    pub wind_m_s: Option<f64>,
    #[schema(required)]
    pub solar_w_m2: Option<f64>,
    #[schema(required)]
    pub indoor: Option<bool>,
    pub source: String,
}

item! {
    /// How an athlete sweats.
    Profile {
        revision: i64,
        content_hash: String,
        sweat_rate_multiplier: Interval,
        #[schema(required)] sodium_mmol_per_l: Option<Interval>,
        log_mean: f64,
        log_sd: f64,
        tests: i32,
        #[schema(required, format = DateTime)] last_test_at: Option<String>,
        envelope: Envelope,
        /// `ok`, `low_confidence` or `test_again`.
        advice: String,
        evidence: Vec<String>,
    }
}

#[derive(Debug, ToSchema)]
pub struct Envelope {
    pub families: Vec<String>,
    #[schema(required)]
    pub air_temp_min_c: Option<f64>,
    #[schema(required)]
    pub air_temp_max_c: Option<f64>,
    #[schema(required)]
    pub duration_min_s: Option<i64>,
    #[schema(required)]
    pub duration_max_s: Option<i64>,
}

item! {
    /// The latest version of the advice in a slot.
    Recommendation {
        /// Athlete, anchor and phase.
        slot: String,
        version: i64,
        content_hash: String,
        /// When its window closed; it stays `live`.
        #[schema(required, format = DateTime)] expired_at: Option<String>,
        /// It was never given while its window was open.
        late: bool,
        phase: String,
        anchor_id: String,
        anchor_kind: String,
        #[schema(format = DateTime)] anchor_start: String,
        #[schema(format = DateTime)] anchor_end: String,
        #[schema(format = DateTime)] valid_from: String,
        #[schema(format = DateTime)] valid_until: String,
        #[schema(required)] gap_class: Option<String>,
        needs: Needs,
        schedule: Vec<Portion>,
        options: Vec<ProductOption>,
        reasons: Vec<Reason>,
        safety: Vec<String>,
        flags: Vec<String>,
        confidence: Confidence,
        depends_on: Vec<Dependency>,
        inputs_hash: String,
        rules: String,
        catalog: String,
    }
}

/// A nutrient that is `null` is not advised on.
#[derive(Debug, ToSchema)]
pub struct Needs {
    #[schema(required)]
    pub fluid_ml: Option<Need>,
    #[schema(required)]
    pub fluid_ml_per_h: Option<i64>,
    #[schema(required)]
    pub carbohydrate_dg: Option<Need>,
    #[schema(required)]
    pub protein_dg: Option<Need>,
    #[schema(required)]
    pub casein_dg: Option<Need>,
    #[schema(required)]
    pub sodium_mg: Option<Need>,
    #[schema(required)]
    pub caffeine_mg: Option<Need>,
    #[schema(required)]
    pub carry_over_ml: Option<i64>,
}

#[derive(Debug, ToSchema)]
pub struct Need {
    pub target: i64,
    #[schema(required)]
    pub lo: Option<i64>,
    #[schema(required)]
    pub hi: Option<i64>,
    #[schema(required)]
    pub max: Option<i64>,
}

#[derive(Debug, ToSchema)]
pub struct Portion {
    #[schema(format = DateTime)]
    pub at: String,
    #[schema(required)]
    pub fluid_ml: Option<i64>,
    #[schema(required)]
    pub carbohydrate_dg: Option<i64>,
    #[schema(required)]
    pub protein_dg: Option<i64>,
    #[schema(required)]
    pub sodium_mg: Option<i64>,
}

#[derive(Debug, ToSchema)]
pub struct ProductOption {
    pub rank: i32,
    pub items: Vec<ProductServings>,
    pub totals: Needs,
    pub unmet: Vec<Unmet>,
    pub optimality: String,
}

#[derive(Debug, ToSchema)]
pub struct ProductServings {
    pub catalog_id: String,
    pub servings: i32,
}

#[derive(Debug, ToSchema)]
pub struct Unmet {
    pub nutrient: String,
    pub short: i64,
    pub reason: String,
}

/// A code with parameters, to be put into words by the reader.
#[derive(Debug, ToSchema)]
pub struct Reason {
    pub code: String,
    pub params: BTreeMap<String, i64>,
    pub evidence: Vec<String>,
}

#[derive(Debug, ToSchema)]
pub struct Confidence {
    pub fluid: f64,
    pub sodium: f64,
}

#[derive(Debug, ToSchema)]
pub struct Dependency {
    pub id: String,
    pub revision: i64,
}

/// An item of any type, with the fields of that type beside these.
#[derive(Debug, ToSchema)]
pub struct TimelineItem {
    /// `session`, `night`, `loss`, `recommendation`, `weigh_in`, `scan`, `intake`, `plan`,
    /// `self_report`, `safety_hold`.
    #[schema(rename = "type")]
    pub kind: String,
    pub status: String,
    #[schema(format = DateTime)]
    pub start: String,
    #[schema(format = DateTime)]
    pub end: String,
    pub athlete_id: String,
}

/// An item that could not be used.
#[derive(Debug, ToSchema)]
pub struct DeadLetter {
    /// `live`, or `retracted` once it was sent in again.
    pub status: String,
    pub id: String,
    pub tenant_id: String,
    #[schema(required)]
    pub athlete_id: Option<String>,
    #[schema(required)]
    pub account_id: Option<String>,
    pub source: String,
    pub kind: String,
    #[schema(required)]
    pub provider_id: Option<String>,
    pub stage: String,
    pub reason: String,
    pub detail: String,
    #[schema(format = DateTime)]
    pub start: String,
    #[schema(format = DateTime)]
    pub received_at: String,
    #[schema(format = DateTime)]
    pub first_received_at: String,
    #[schema(format = DateTime)]
    pub recorded_at: String,
    pub attempts: i32,
    #[schema(required, format = DateTime)]
    pub replayed_at: Option<String>,
    pub raw_id: String,
    pub rules_id: String,
    #[schema(required)]
    pub licence: Option<String>,
    pub content_type: String,
    pub body_sha256: String,
    pub body_base64: String,
}
