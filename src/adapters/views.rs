//! The API's `Views` over the state in the log.

use std::sync::{Mutex, PoisonError};

use processors_pipeline::{Pipeline, Rules};
use schemas::record::session::SessionRevised;
use sinks_api::Views;
use sinks_store::StoreError;
use stream_embedded::EmbeddedReader;
use stream_log::Key;

use crate::config::Settings;
use crate::rules;
use crate::wiring::TENANT;

pub(crate) struct LogViews {
    pipeline: Pipeline,
    reader: Mutex<EmbeddedReader>,
}

impl LogViews {
    pub(crate) fn new(settings: &Settings, reader: EmbeddedReader) -> Self {
        Self {
            pipeline: Pipeline::new(Rules::new(rules::config(settings))),
            reader: Mutex::new(reader),
        }
    }
}

impl Views for LogViews {
    fn unrestricted_sessions(&self, athlete_id: &str) -> Result<Vec<SessionRevised>, StoreError> {
        let athlete = Key::new(&format!("{TENANT}/{athlete_id}"));
        let state = {
            let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
            reader.state_of(&athlete)
        };
        let state = state.map_err(|failure| StoreError::unavailable("the state", failure))?;
        let sessions = self.pipeline.unrestricted_sessions(&athlete, &state);
        sessions.map_err(|error| StoreError::failed("the view", error.detail))
    }
}
