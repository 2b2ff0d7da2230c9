//! One source's account of one thing, in our words and units.
//!
//! Kinds are nullable bodies rather than a union, so that a kind can be added without breaking a
//! reader. Exactly the body that `kind` names is set.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Micros;
use super::fact::fact;

fact! {
    pub struct ObservationRecorded {
        /// Hash of tenant, athlete, source, account and provider id: stable over revisions.
        pub observation_id: S,
        /// `summary` or `details`.
        pub channel: S,
        pub content_hash: S,
        pub source: S,
        pub account_id: Option<S>,
        pub provider_id: S,
        pub raw_id: S,
        pub received_at: Micros,
        /// `activity`, `sleep`, `body_mass`, `scan`, `weigh_in`, `intake`, `planned_workout`,
        /// `profile_edit`, `self_report`, `symptom`, `weather`, `deletion`, `link_override`.
        pub kind: S,
        pub activity: Option<Arc<ActivityBody>>,
        pub sleep: Option<Arc<SleepBody>>,
        pub body_mass: Option<Arc<BodyMassBody>>,
        pub weigh_in: Option<Arc<WeighInBody>>,
        pub intake: Option<Arc<IntakeBody>>,
        pub planned_workout: Option<Arc<PlannedWorkoutBody>>,
        pub profile_edit: Option<Arc<ProfileEditBody>>,
        pub self_report: Option<Arc<SelfReportBody>>,
        pub symptom: Option<Arc<SymptomBody>>,
        pub deletion: Option<Arc<DeletionBody>>,
        pub link_override: Option<Arc<LinkOverrideBody>>,
        pub scan: Option<Arc<ScanBody>>,
        pub weather: Option<Arc<WeatherBody>>,
        /// The order that the source gives its contents (a plan's version, a scan's revision).
        pub source_order: Option<i64>,
    }
}

/// A workout as one source tells it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ActivityBody {
    pub sport: String,
    pub family: String,
    /// The vendor's own name of the type.
    pub vendor_type: String,
    pub start: Micros,
    pub end: Micros,
    pub utc_offset_s: Option<i32>,
    pub time_zone: Option<String>,
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
    pub manual: bool,
    pub title: Option<String>,
    /// The user changed name or type by hand (`manuallyUpdatedActivities`).
    pub user_edited: bool,
    pub device: Option<String>,
    /// HealthKit: bundle identifier of the app that wrote the sample.
    pub writer: Option<String>,
    /// A parent of legs, or a leg: the provider id of the parent.
    pub container: bool,
    pub parent_provider_id: Option<String>,
    /// Strava: the file's name at its upload, which may name another source's record.
    pub external_id: Option<String>,
    /// Strava: the start is hidden; `start` is the start of the local day, not of the workout.
    pub hidden_start: bool,
}

/// A sleep record or one fragment of a night.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SleepBody {
    pub start: Micros,
    pub end: Micros,
    pub utc_offset_s: Option<i32>,
    pub time_zone: Option<String>,
    /// `session` (a whole record), `in_bed`, `asleep`, `awake`, `light`, `deep`, `rem`.
    pub stage: String,
    pub nap: bool,
    /// The vendor's display date, yyyy-mm-dd.
    pub calendar_date: Option<String>,
    pub asleep_s: Option<i64>,
    pub awake_s: Option<i64>,
    pub deep_s: Option<i64>,
    pub light_s: Option<i64>,
    pub rem_s: Option<i64>,
    pub validation: Option<String>,
    pub device: Option<String>,
    pub writer: Option<String>,
    /// Stage intervals of a whole record, where the source tells them.
    pub segments: Vec<SleepSegment>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SleepSegment {
    pub stage: String,
    pub start: Micros,
    pub end: Micros,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BodyMassBody {
    pub at: Micros,
    pub mass_kg: f64,
    pub manual: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeighInBody {
    /// The second weighing.
    pub at: Micros,
    /// A `session_id`, a `plan_id` or `source:provider_id`.
    pub session_ref: Option<String>,
    pub mass_pre_kg: f64,
    pub mass_post_kg: f64,
    pub fluid_ml: Option<f64>,
    pub food_g: Option<f64>,
    pub urine_ml: Option<f64>,
    pub clothed: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IntakeBody {
    pub at: Micros,
    pub fluid_ml: Option<f64>,
    pub carbohydrate_g: Option<f64>,
    pub protein_g: Option<f64>,
    pub sodium_mg: Option<f64>,
    pub caffeine_mg: Option<f64>,
    pub items: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedWorkoutBody {
    pub plan_id: String,
    pub version: Option<i64>,
    pub sport: String,
    pub family: String,
    pub start: Micros,
    pub duration_min: f64,
    pub intensity: String,
    pub indoor: Option<bool>,
    pub with_patch: Option<bool>,
    pub lat: Option<f64>,
    pub lon: Option<f64>,
    pub deleted: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProfileEditBody {
    pub at: Micros,
    pub mass_kg: Option<f64>,
    pub height_m: Option<f64>,
    pub birth_year: Option<i32>,
    pub sex: Option<String>,
    pub time_zone: Option<String>,
    /// Local `hh:mm`.
    pub wake_time: Option<String>,
    pub bed_time: Option<String>,
    pub diet: Option<Vec<String>>,
    pub allergies: Option<Vec<String>>,
    pub caffeine_opt_in: Option<bool>,
    pub gut_trained: Option<bool>,
    pub flags: Option<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelfReportBody {
    pub at: Micros,
    pub motivation: Option<i32>,
    pub fatigue: Option<i32>,
    pub urine_colour: Option<i32>,
    pub gut: Option<i32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SymptomBody {
    pub at: Micros,
    pub codes: Vec<String>,
    pub cleared: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeletionBody {
    pub at: Micros,
    /// `record`: one provider id; `account`: all that this account told so far.
    pub scope: String,
    pub target_provider_id: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkOverrideBody {
    pub at: Micros,
    /// `merge` or `split`.
    pub action: String,
    pub observation_ids: Vec<String>,
}

/// One reading of a sweat patch. What was measured; what follows from it is a loss.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScanBody {
    pub patch_id: String,
    pub patch_lot: Option<String>,
    /// e.g. `forearm_left_ventral`.
    pub body_site: Option<String>,
    pub applied_at: Micros,
    pub scanned_at: Micros,
    /// A `session_id`, a `plan_id` or `source:provider_id`.
    pub session_ref: Option<String>,
    pub volume_ul: Option<f64>,
    pub fill_fraction: Option<f64>,
    /// The channel is full: the volume is a lower bound.
    pub volume_saturated: bool,
    pub volume_quality: Option<f64>,
    pub chloride_mmol_l: Option<f64>,
    pub chloride_below_range: bool,
    pub chloride_above_range: bool,
    pub chloride_quality: Option<f64>,
    pub collection_area_cm2: Option<f64>,
    /// The photo could not be read.
    pub failed: bool,
    pub failure_reason: Option<String>,
    /// The scan that this one replaces: a better photo of the same moment.
    pub supersedes: Option<String>,
}

/// The air of one cell in one hour, or that nobody could tell it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WeatherBody {
    /// The cell in tenths of a degree: its centre is these numbers over ten.
    pub lat_dd: i32,
    pub lon_dd: i32,
    pub hour: Micros,
    /// `forecast`, `archive`, or `none` where the fetch failed.
    pub model: String,
    pub air_temp_c: Option<f64>,
    pub humidity_pct: Option<f64>,
    pub wind_m_s: Option<f64>,
    pub solar_w_m2: Option<f64>,
    pub failure: Option<String>,
    pub attribution: Option<String>,
}
