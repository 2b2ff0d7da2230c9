//! From settings to rule configuration.

use processors_pipeline::RulesConfig;

use crate::config::Settings;

pub(crate) fn config(settings: &Settings) -> RulesConfig {
    RulesConfig {
        panic_on_provider_id: settings.debug.panic_on_provider_id.clone(),
    }
}
