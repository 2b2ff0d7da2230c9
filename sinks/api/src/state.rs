//! What every handler has at hand, and the one way to what blocks.

use std::sync::Arc;
use std::time::Duration;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge::{Clock, Problem};
use sha2::{Digest, Sha256};
use sinks_store::{SeriesQuery, StoreError};
use tokio::sync::Semaphore;

use crate::metrics::Metrics;
use crate::ports::{Directory, Explain, Fetches, Quality, Readiness, Replay, Views, Words};
use crate::stream::{Facts, Signer, Streams};

/// Reads that run at once. More would only fight over one disk; they wait for a turn.
pub const READS_MAX: usize = 16;
/// Requests that may wait for a turn before new ones are sent away.
const READS_WAITING_MAX: usize = 1_024;
/// What a sender is told to wait when there is no turn, or the store is busy.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The API's view of the program. Clones share everything.
#[derive(Clone)]
pub struct Api {
    pub(crate) tenant_id: Arc<str>,
    pub(crate) store: Arc<dyn SeriesQuery>,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) quality: Arc<dyn Quality>,
    pub(crate) readiness: Arc<dyn Readiness>,
    pub(crate) replay: Arc<dyn Replay>,
    pub(crate) explain: Arc<dyn Explain>,
    pub(crate) views: Arc<dyn Views>,
    pub(crate) words: Arc<dyn Words>,
    pub(crate) fetches: Arc<dyn Fetches>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) streams: Arc<Streams>,
    pub(crate) metrics: Metrics,
    turns: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

/// What the rest of the program has to bring.
pub struct Ports {
    pub store: Arc<dyn SeriesQuery>,
    pub directory: Arc<dyn Directory>,
    pub quality: Arc<dyn Quality>,
    pub readiness: Arc<dyn Readiness>,
    pub replay: Arc<dyn Replay>,
    pub explain: Arc<dyn Explain>,
    pub views: Arc<dyn Views>,
    pub facts: Arc<dyn Facts>,
    pub words: Arc<dyn Words>,
    pub fetches: Arc<dyn Fetches>,
    pub clock: Arc<dyn Clock>,
    /// Signs positions in the stream.
    pub signer: Signer,
}

impl Api {
    pub fn new(tenant_id: &str, ports: Ports, metrics: Metrics) -> Self {
        Self {
            tenant_id: Arc::from(tenant_id),
            store: ports.store,
            directory: ports.directory,
            quality: ports.quality,
            readiness: ports.readiness,
            replay: ports.replay,
            explain: ports.explain,
            views: ports.views,
            words: ports.words,
            fetches: ports.fetches,
            clock: ports.clock,
            streams: Arc::new(Streams::new(ports.facts, ports.signer)),
            metrics,
            turns: Arc::new(Semaphore::new(READS_MAX)),
            queue: Arc::new(Semaphore::new(READS_MAX + READS_WAITING_MAX)),
        }
    }

    /// Runs a read that may block, in its turn.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let busy = || Problem::unavailable("too many reads are waiting", RETRY_AFTER);
        let place = Arc::clone(&self.queue).try_acquire_owned();
        let _place = place.map_err(|_full| busy())?;
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|_closed| busy())?;
        let api = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            // Held until the read ends, also when nobody waits for its answer any more.
            let _turn = turn;
            read(&api)
        });
        task.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a read ended without an answer");
            Err(Problem::internal())
        })
    }

    /// Refuses athletes that nobody registered.
    pub(crate) fn known(&self, athlete_id: &str) -> Result<(), Problem> {
        if self.directory.exists(athlete_id).map_err(problem)? {
            Ok(())
        } else {
            Err(Problem::not_found("no athlete has this id"))
        }
    }
}

/// What a reader may know of a store's failure; the log has the rest.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it ends the error, as the last function of a `map_err`"
)]
pub(crate) fn problem(error: StoreError) -> Problem {
    if error.is_transient() {
        tracing::warn!(error = %causes(&error), "a read has to be tried again");
        return Problem::unavailable("the store is busy", RETRY_AFTER);
    }
    tracing::error!(error = %causes(&error), "a read failed");
    Problem::internal()
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// JSON that was written already, with a tag of its content: a reader that has it need not read it
/// again. It is weak, because the bytes on the wire may be compressed.
pub(crate) fn json(text: String) -> Response {
    let digest = Sha256::digest(text.as_bytes());
    let (head, _) = digest.split_at(12);
    let tag = format!("W/\"{}\"", URL_SAFE_NO_PAD.encode(head));
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::ETAG, tag),
        (header::CACHE_CONTROL, "private, no-cache".to_owned()),
    ];
    (headers, text).into_response()
}
