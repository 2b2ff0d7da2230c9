//! The shapes Garmin sends. Tolerant: unknown fields are ignored, absent ones are `None`, and a
//! number may be written as an integer or a decimal.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Activity {
    pub(crate) summary_id: Option<String>,
    pub(crate) activity_id: Option<Id>,
    pub(crate) activity_name: Option<String>,
    pub(crate) activity_type: Option<String>,
    pub(crate) start_time_in_seconds: Option<f64>,
    pub(crate) start_time_offset_in_seconds: Option<f64>,
    pub(crate) duration_in_seconds: Option<f64>,
    pub(crate) distance_in_meters: Option<f64>,
    pub(crate) active_kilocalories: Option<f64>,
    pub(crate) average_heart_rate_in_beats_per_minute: Option<f64>,
    pub(crate) max_heart_rate_in_beats_per_minute: Option<f64>,
    pub(crate) average_speed_in_meters_per_second: Option<f64>,
    pub(crate) total_elevation_gain_in_meters: Option<f64>,
    pub(crate) starting_latitude_in_degree: Option<f64>,
    pub(crate) starting_longitude_in_degree: Option<f64>,
    pub(crate) device_name: Option<String>,
    pub(crate) manual: Option<bool>,
    pub(crate) is_parent: Option<bool>,
    pub(crate) parent_summary_id: Option<Id>,
}

/// `activityDetails` nests the same summary and adds samples.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Details {
    pub(crate) summary_id: Option<String>,
    pub(crate) activity_id: Option<Id>,
    pub(crate) summary: Option<Activity>,
    pub(crate) samples: Vec<SampleTimes>,
}

/// The clocks of a sample; always moving ≤ timer ≤ clock.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SampleTimes {
    pub(crate) clock_duration_in_seconds: Option<f64>,
    pub(crate) timer_duration_in_seconds: Option<f64>,
    pub(crate) moving_duration_in_seconds: Option<f64>,
    pub(crate) power_in_watts: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Sleep {
    pub(crate) summary_id: Option<String>,
    pub(crate) calendar_date: Option<String>,
    pub(crate) start_time_in_seconds: Option<f64>,
    pub(crate) start_time_offset_in_seconds: Option<f64>,
    pub(crate) duration_in_seconds: Option<f64>,
    pub(crate) deep_sleep_duration_in_seconds: Option<f64>,
    pub(crate) light_sleep_duration_in_seconds: Option<f64>,
    pub(crate) rem_sleep_in_seconds: Option<f64>,
    pub(crate) awake_duration_in_seconds: Option<f64>,
    pub(crate) sleep_levels_map: BTreeMap<String, Vec<Level>>,
    pub(crate) validation: Option<String>,
    /// Where it is there, it lists all of them.
    pub(crate) naps: Option<Vec<Nap>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Level {
    pub(crate) start_time_in_seconds: Option<f64>,
    pub(crate) end_time_in_seconds: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Nap {
    pub(crate) nap_start_time_in_seconds: Option<f64>,
    pub(crate) nap_duration_in_seconds: Option<f64>,
    pub(crate) nap_offset_in_seconds: Option<f64>,
    pub(crate) nap_validation: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct BodyComposition {
    pub(crate) summary_id: Option<String>,
    pub(crate) measurement_time_in_seconds: Option<f64>,
    pub(crate) weight_in_grams: Option<f64>,
    pub(crate) muscle_mass_in_grams: Option<f64>,
}

/// An id is a number on one path and text on another; for us it is text of any length.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Id {
    Text(String),
    Number(serde_json::Number),
}

impl Id {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
        }
    }
}
