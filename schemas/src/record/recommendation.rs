//! What to take, when and why; and the pushes that carry it to a phone.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Micros;
use super::fact::fact;

/// The body that issued, revised and expired advice share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Advice<S = String> {
    /// `pre`, `during`, `bridge`, `post`, `pre_sleep`.
    pub phase: S,
    /// Session id or plan id that the advice hangs on, and which of the two it is.
    pub anchor_id: S,
    pub anchor_kind: S,
    pub anchor_start: Micros,
    pub anchor_end: Micros,
    pub valid_from: Micros,
    pub valid_until: Micros,
    pub gap_class: Option<S>,
    pub needs: Needs,
    pub schedule: Vec<Portion>,
    /// Shared: many slots are answered with one choice.
    pub options: Arc<Vec<ProductOption>>,
    pub reasons: Vec<Reason<S>>,
    pub safety: Vec<S>,
    pub flags: Vec<S>,
    pub confidence: Confidence,
    pub depends_on: Vec<Dependency<S>>,
}

/// Needs in small integer units; a nutrient that is absent is not advised on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Needs {
    pub fluid_ml: Option<Need>,
    pub fluid_ml_per_h: Option<i64>,
    pub carbohydrate_dg: Option<Need>,
    pub protein_dg: Option<Need>,
    pub casein_dg: Option<Need>,
    pub sodium_mg: Option<Need>,
    pub caffeine_mg: Option<Need>,
    pub carry_over_ml: Option<i64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    pub target: i64,
    pub lo: Option<i64>,
    pub hi: Option<i64>,
    pub max: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Portion {
    pub at: Micros,
    pub fluid_ml: Option<i64>,
    pub carbohydrate_dg: Option<i64>,
    pub protein_dg: Option<i64>,
    pub sodium_mg: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProductOption {
    pub rank: i32,
    pub items: Vec<ProductServings>,
    pub totals: Needs,
    pub unmet: Vec<Unmet>,
    pub optimality: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProductServings {
    pub catalog_id: String,
    pub servings: i32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unmet {
    pub nutrient: String,
    pub short: i64,
    pub reason: String,
}

/// A code with parameters, never a finished sentence: text is translated by the reader.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason<S = String> {
    pub code: S,
    pub params: Vec<Param<S>>,
    pub evidence: Vec<S>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Param<S = String> {
    pub name: S,
    pub value: i64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Confidence {
    pub fluid: f64,
    pub sodium: f64,
}

/// An entity and revision that the advice was computed from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dependency<S = String> {
    pub id: S,
    pub revision: i64,
}

fact! {
    /// Version `version` of the advice in a slot; it replaces the versions before it.
    pub struct RecommendationIssued {
        /// athlete / anchor / phase.
        pub slot: S,
        pub version: i64,
        pub content_hash: S,
        pub inputs_hash: S,
        pub rules: S,
        pub catalog: S,
        pub advice: Advice<S>,
    }
}

fact! {
    pub struct RecommendationSuperseded {
        pub slot: S,
        /// The version that was replaced, and the id of the fact that replaced it.
        pub version: i64,
        pub by: S,
    }
}

fact! {
    pub struct RecommendationCancelled {
        pub slot: S,
        pub version: i64,
        pub reason: S,
    }
}

fact! {
    /// The window of the slot closed. Also said, with the advice, where the facts came too late for
    /// the advice to be given: a reader can tell it from one that was.
    pub struct RecommendationExpired {
        pub slot: S,
        pub version: i64,
        pub content_hash: S,
        pub inputs_hash: S,
        pub rules: S,
        pub catalog: S,
        /// It was never issued while its window was open.
        pub late: bool,
        pub advice: Advice<S>,
    }
}

fact! {
    pub struct SafetyHoldRaised {
        pub hold_id: S,
        pub version: i64,
        pub code: S,
        pub symptoms: Vec<S>,
        pub since: Micros,
    }
}

fact! {
    pub struct SafetyHoldReleased {
        pub hold_id: S,
        pub version: i64,
        pub at: Micros,
    }
}

fact! {
    pub struct PushScheduled {
        pub push_id: S,
        pub rec_id: S,
        pub rec_version: i64,
        pub at: Micros,
    }
}

fact! {
    pub struct PushCancelled {
        pub push_id: S,
        pub reason: S,
    }
}

fact! {
    pub struct PushSent {
        pub push_id: S,
        pub sent_at: Micros,
    }
}
