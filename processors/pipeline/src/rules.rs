//! The version of the rules, and what of them an operator may configure.
//!
//! `rules_id` is a hash of everything that can change content: rule tables, thresholds, constants
//! and configuration. It is not a release number: two releases with the same rules have the same id.

use std::sync::Arc;

use processors_domain::advice::GapBounds;
use processors_domain::sweat::MODEL_VERSION;
use processors_domain::units::{Permille, Seconds};
use processors_domain::{advice, night, session};
use schemas::record::ingest::RawReceived;

use crate::advise::Shelf;
use crate::ids::id_of;

/// Raised by hand when a rule changes in a way that no table or threshold shows.
const RULES_VERSION: &str = "2026-11-8";

/// Rule configuration. Defaults are those of the rules themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct RulesConfig {
    /// Weather this old is told by the archive: what was a forecast is asked for again then.
    pub archive_after_days: u16,
    /// The area that a patch gathers from, square centimetres, where the scan does not say.
    pub patch_area_cm2: Option<f64>,
    /// Where one class of gap between two workouts ends and the next begins, minutes, ascending.
    pub gap_bounds_min: [u32; 6],
    /// Share of the carbohydrate doses before a workout, which are those of a competition.
    pub pre_carb_scale: f64,
    /// Fault injection for tests: processing an item of this provider id panics.
    pub panic_on_provider_id: Option<String>,
}

impl Default for RulesConfig {
    fn default() -> Self {
        Self {
            archive_after_days: 5,
            patch_area_cm2: None,
            gap_bounds_min: [45, 120, 240, 480, 720, 1_440],
            pre_carb_scale: 1.0,
            panic_on_provider_id: None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Rules {
    pub(crate) id: String,
    pub(crate) archive_after_days: u16,
    pub(crate) patch_area_cm2: Option<f64>,
    gap_bounds_min: [u32; 6],
    pre_carb_scale: f64,
    pub(crate) shelf: Arc<Shelf>,
    panic_on_provider_id: Option<String>,
}

impl Rules {
    pub fn new(config: RulesConfig) -> Self {
        let shelf = Shelf::shipped();
        let tables = [
            session::THRESHOLDS.describe(),
            night::describe(),
            MODEL_VERSION.to_owned(),
            advice::RULES_VERSION.to_owned(),
            shelf.version().to_owned(),
            format!(
                "archive_after_days {}, patch_area_cm2 {:?}, gap_bounds_min {:?}, pre_carb_scale {}",
                config.archive_after_days,
                config.patch_area_cm2,
                config.gap_bounds_min,
                config.pre_carb_scale,
            ),
        ];
        Self {
            id: id_of(&["rules", RULES_VERSION, &tables.join("; ")]),
            archive_after_days: config.archive_after_days,
            patch_area_cm2: config.patch_area_cm2,
            gap_bounds_min: config.gap_bounds_min,
            pre_carb_scale: config.pre_carb_scale,
            shelf: Arc::new(shelf),
            panic_on_provider_id: config.panic_on_provider_id,
        }
    }

    pub(crate) fn gap_bounds(&self) -> GapBounds {
        let [merged, bridge, rapid, fast, same_day, supplemental] = self
            .gap_bounds_min
            .map(|minutes| Seconds::clamped(i64::from(minutes) * 60));
        GapBounds {
            merged,
            bridge,
            rapid,
            fast,
            same_day,
            supplemental,
        }
    }

    pub(crate) fn pre_carb_scale(&self) -> Permille {
        Permille::clamped(libm::round(self.pre_carb_scale * 1_000.0) as i64)
    }

    pub(crate) fn inject_fault(&self, raw: &RawReceived) {
        if self.panic_on_provider_id.is_some() && self.panic_on_provider_id == raw.provider_id {
            panic!("fault injected for provider id {:?}", raw.provider_id);
        }
    }
}
