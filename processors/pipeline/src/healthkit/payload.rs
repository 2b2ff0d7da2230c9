//! The SDK's shapes. Workouts tell their quantities as a list of values or in flat fields.

use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Workout {
    pub(crate) id: Option<String>,
    pub(crate) uuid: Option<String>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<Value>,
    pub(crate) workout_activity_type: Option<Value>,
    pub(crate) start_date: Option<String>,
    pub(crate) end_date: Option<String>,
    pub(crate) zone_offset: Option<Value>,
    pub(crate) source: Option<Source>,
    pub(crate) source_name: Option<String>,
    pub(crate) device: Option<Value>,
    pub(crate) metadata: Option<Map<String, Value>>,
    pub(crate) values: Vec<Quantity>,
    pub(crate) duration: Option<f64>,
    pub(crate) total_distance: Option<f64>,
    pub(crate) total_energy_burned: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Quantity {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) value: Option<f64>,
    pub(crate) unit: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Source {
    pub(crate) bundle_identifier: Option<String>,
    pub(crate) app_id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) product_type: Option<String>,
    pub(crate) device_model: Option<String>,
}

/// A sleep fragment or a quantity sample.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Sample {
    pub(crate) id: Option<String>,
    pub(crate) uuid: Option<String>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) start_date: Option<String>,
    pub(crate) end_date: Option<String>,
    pub(crate) zone_offset: Option<Value>,
    pub(crate) source: Option<Source>,
    pub(crate) value: Option<Value>,
    pub(crate) unit: Option<String>,
    pub(crate) metadata: Option<Map<String, Value>>,
}

/// A deletion is the uuid itself, or an object that holds it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Deleted {
    Uuid(String),
    Object {
        id: Option<String>,
        uuid: Option<String>,
    },
}
