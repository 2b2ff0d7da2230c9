//! The version of the rules, and what of them an operator may configure.
//!
//! `rules_id` is a hash of everything that can change content: rule tables, thresholds, constants
//! and configuration. It is not a release number: two releases with the same rules have the same id.

use processors_domain::sweat::MODEL_VERSION;
use processors_domain::{advice, night, session};
use schemas::record::ingest::RawReceived;

use crate::ids::id_of;

/// Raised by hand when a rule changes in a way that no table or threshold shows.
const RULES_VERSION: &str = "2026-11-1";

/// Rule configuration. Defaults are those of the rules themselves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RulesConfig {
    /// Fault injection for tests: processing an item of this provider id panics.
    pub panic_on_provider_id: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Rules {
    pub(crate) id: String,
    panic_on_provider_id: Option<String>,
}

impl Rules {
    pub fn new(config: RulesConfig) -> Self {
        let tables = [
            session::THRESHOLDS.describe(),
            night::describe(),
            MODEL_VERSION.to_owned(),
            advice::RULES_VERSION.to_owned(),
        ];
        Self {
            id: id_of(&["rules", RULES_VERSION, &tables.join("; ")]),
            panic_on_provider_id: config.panic_on_provider_id,
        }
    }

    pub(crate) fn inject_fault(&self, raw: &RawReceived) {
        if self.panic_on_provider_id.is_some() && self.panic_on_provider_id == raw.provider_id {
            panic!("fault injected for provider id {:?}", raw.provider_id);
        }
    }
}
