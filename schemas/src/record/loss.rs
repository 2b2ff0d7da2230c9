//! What was lost in a session, how this athlete sweats, and the weather that was asked for.

use serde::{Deserialize, Serialize};

use super::fact::fact;
use super::{Interval, Micros};

fact! {
    pub struct SweatLossEstimated {
        pub loss_id: S,
        pub revision: i64,
        pub content_hash: S,
        pub session_id: S,
        pub session_revision: i64,
        pub session_start: Micros,
        pub session_end: Micros,
        /// `weigh_in`, `patch`, `profile`, `model`, `population`, `fused`.
        pub method: S,
        pub fluid_ml: Interval,
        pub sweat_rate_l_per_h: Interval,
        /// `None` is unknown: scales tell nothing of sodium.
        pub sodium_mmol_per_l: Option<Interval>,
        pub sodium_mg: Option<Interval>,
        pub conditions: Conditions<S>,
        /// Observation ids that the estimate rests on.
        pub evidence: Vec<S>,
        pub flags: Vec<S>,
        pub model_version: S,
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Conditions<S = String> {
    pub air_temp_c: Option<f64>,
    pub humidity_pct: Option<f64>,
    pub wind_m_s: Option<f64>,
    pub solar_w_m2: Option<f64>,
    pub indoor: Option<bool>,
    /// `none` until weather is known.
    pub source: S,
}

fact! {
    pub struct SweatLossRetracted {
        pub loss_id: S,
        pub revision: i64,
        pub content_hash: S,
        pub session_id: S,
        pub reason: S,
    }
}

fact! {
    /// What is known of how this athlete sweats, after all evidence so far.
    pub struct SweatProfileRevised {
        pub revision: i64,
        pub content_hash: S,
        /// Multiplier on the population's rate for the sport, 1 = like the population.
        pub sweat_rate_multiplier: Interval,
        pub sodium_mmol_per_l: Option<Interval>,
        pub log_mean: f64,
        pub log_sd: f64,
        pub tests: i32,
        pub last_test_at: Option<Micros>,
        pub envelope: Envelope<S>,
        /// `ok`, `low_confidence`, `test_again`.
        pub advice: S,
        pub evidence: Vec<S>,
    }
}

/// What the tests covered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Envelope<S = String> {
    pub families: Vec<S>,
    pub air_temp_min_c: Option<f64>,
    pub air_temp_max_c: Option<f64>,
    pub duration_min_s: Option<i64>,
    pub duration_max_s: Option<i64>,
}

fact! {
    /// Where and when weather is needed: a 0.1 degree cell and a UTC hour.
    pub struct WeatherRequested {
        pub lat_cell: f64,
        pub lon_cell: f64,
        pub hour: Micros,
        /// 1 for the first time, 2 when the archive has opened.
        pub attempt: i32,
    }
}
