//! From settings to rule configuration.

use processors_pipeline::RulesConfig;

use crate::config::Settings;

pub(crate) fn config(settings: &Settings) -> RulesConfig {
    RulesConfig {
        archive_after_days: u16::try_from(settings.weather.archive_after_days).unwrap_or(u16::MAX),
        patch_area_cm2: settings.rules.patch_collection_area_cm2,
        gap_bounds_min: settings.rules.gap_boundaries_min,
        pre_carb_scale: settings.rules.pre_carb_scale,
        panic_on_provider_id: settings.debug.panic_on_provider_id.clone(),
    }
}
