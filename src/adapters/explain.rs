//! The API's `Explain` over store and log.

use std::sync::Arc;

use sinks_api::Explain;
use sinks_api::dto::{LossExplained, RecommendationExplained, SessionExplained};
use sinks_store::{SeriesQuery, StoreError};
use stream_embedded::EmbeddedReader;

use crate::explain::Chain;
use crate::wiring::TENANT;

pub(crate) struct LogExplain {
    chain: Chain,
}

impl LogExplain {
    pub(crate) fn new(store: Arc<dyn SeriesQuery>, reader: EmbeddedReader) -> Self {
        let chain = Chain::new(TENANT, store, reader);
        Self { chain }
    }
}

impl Explain for LogExplain {
    fn session(&self, session_id: &str) -> Result<Option<SessionExplained>, StoreError> {
        self.chain.session(session_id)
    }

    fn loss(&self, loss_id: &str) -> Result<Option<LossExplained>, StoreError> {
        self.chain.loss(loss_id)
    }

    fn recommendation(&self, id: &str) -> Result<Option<RecommendationExplained>, StoreError> {
        self.chain.recommendation(id)
    }
}
