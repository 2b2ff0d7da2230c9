//! The event shapes of the contract. Every event has `id`, `type` and `at`.

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) at: Option<String>,

    pub(crate) mass_kg: Option<f64>,
    pub(crate) height_m: Option<f64>,
    pub(crate) birth_year: Option<f64>,
    pub(crate) sex: Option<String>,
    pub(crate) time_zone: Option<String>,
    pub(crate) wake_time: Option<String>,
    pub(crate) bed_time: Option<String>,
    pub(crate) diet: Option<OneOrMany>,
    pub(crate) allergies: Option<OneOrMany>,
    pub(crate) caffeine_opt_in: Option<bool>,
    pub(crate) gut_trained: Option<bool>,
    pub(crate) flags: Option<OneOrMany>,

    pub(crate) session_ref: Option<String>,
    pub(crate) mass_pre_kg: Option<f64>,
    pub(crate) mass_post_kg: Option<f64>,
    pub(crate) fluid_ml: Option<f64>,
    pub(crate) food_g: Option<f64>,
    pub(crate) urine_ml: Option<f64>,
    pub(crate) clothed: Option<bool>,

    pub(crate) carbohydrate_g: Option<f64>,
    pub(crate) protein_g: Option<f64>,
    pub(crate) sodium_mg: Option<f64>,
    pub(crate) caffeine_mg: Option<f64>,
    pub(crate) items: Option<Vec<serde_json::Value>>,

    pub(crate) plan_id: Option<String>,
    pub(crate) version: Option<i64>,
    pub(crate) sport: Option<String>,
    pub(crate) start: Option<String>,
    pub(crate) duration_min: Option<f64>,
    pub(crate) intensity: Option<String>,
    pub(crate) indoor: Option<bool>,
    pub(crate) with_patch: Option<bool>,
    pub(crate) lat: Option<f64>,
    pub(crate) lon: Option<f64>,
    pub(crate) deleted: Option<bool>,

    pub(crate) motivation: Option<f64>,
    pub(crate) fatigue: Option<f64>,
    pub(crate) urine_colour: Option<f64>,
    pub(crate) gut: Option<f64>,

    pub(crate) codes: Option<Vec<String>>,
    pub(crate) cleared: Option<bool>,

    pub(crate) action: Option<String>,
    pub(crate) observation_ids: Option<Vec<String>>,
}

/// A list, or a single word where there is only one.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    Many(Vec<String>),
    One(String),
}

impl OneOrMany {
    pub(crate) fn sorted(self) -> Vec<String> {
        let mut words = match self {
            Self::Many(words) => words,
            Self::One(word) => vec![word],
        };
        words.sort();
        words.dedup();
        words
    }
}
