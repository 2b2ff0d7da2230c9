//! The console's `Words`: those of explanations, and the names of the catalogue.

use serde_json::Value;
use sinks_api::{Vocabulary, Words};

use crate::explain;

pub(crate) struct LogWords;

impl Words for LogWords {
    fn word(&self, vocabulary: Vocabulary, code: &str) -> String {
        explain::word(vocabulary, code)
    }

    fn reason(&self, code: &str, params: &Value) -> String {
        explain::reason_in_words(code, params)
    }

    fn product(&self, catalog_id: &str) -> String {
        let name = processors_pipeline::product_name(catalog_id);
        name.unwrap_or(catalog_id).to_owned()
    }
}
