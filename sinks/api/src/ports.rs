//! What the API asks of the rest of the program. Calls may block; they run apart from the requests.

mod told;

use std::error::Error;
use std::future::Future;
use std::pin::Pin;

use schemas::record::Micros;
use schemas::record::session::SessionRevised;
use sinks_store::StoreError;

use crate::dto::{LossExplained, QualityReport, RecommendationExplained, SessionExplained};

pub use told::{FetchState, Fetches, Vocabulary, Words};

/// An athlete as the directory has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AthleteEntry {
    pub athlete_id: String,
    pub registered_at: Option<Micros>,
    /// Names of the providers that are linked, without their accounts.
    pub connections: Vec<String>,
}

/// Who is registered.
pub trait Directory: Send + Sync {
    /// Ascending by id, beginning after `after`.
    fn athletes(&self, after: Option<&str>, limit: usize) -> Result<Vec<AthleteEntry>, StoreError>;
    fn athlete(&self, athlete_id: &str) -> Result<Option<AthleteEntry>, StoreError>;
    fn exists(&self, athlete_id: &str) -> Result<bool, StoreError>;
}

/// The committed counts.
pub trait Quality: Send + Sync {
    fn quality(&self) -> Result<QualityReport, StoreError>;
}

/// What stands behind a published value, down to the raw record. `None` where nothing has the id.
pub trait Explain: Send + Sync {
    /// A superseded id answers with the session that took its place, and says so.
    fn session(&self, session_id: &str) -> Result<Option<SessionExplained>, StoreError>;
    fn loss(&self, loss_id: &str) -> Result<Option<LossExplained>, StoreError>;
    /// By the id of the fact, by slot (its latest version), or by `slot/version`.
    fn recommendation(&self, id: &str) -> Result<Option<RecommendationExplained>, StoreError>;
}

/// Sessions as those may see them who are not the athlete.
pub trait Views: Send + Sync {
    /// Merged again without the sources that only the athlete may see. Nothing of those shows: not a
    /// value, not who is grouped with whom, not an id.
    fn unrestricted_sessions(&self, athlete_id: &str) -> Result<Vec<SessionRevised>, StoreError>;
}

/// Whether this process does its work. `Err` says in a few words what is missing.
pub trait Readiness: Send + Sync {
    fn ready(&self) -> Result<(), String>;
}

#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("there is no such dead letter")]
    NotFound,
    #[error("the dead letter was sent in again before")]
    AlreadyReplayed,
    #[error("sending the dead letter in again failed")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

pub type ReplayFuture<'a> = Pin<Box<dyn Future<Output = Result<(), ReplayError>> + Send + 'a>>;

/// Sends a dead letter in again, as a new arrival. `Ok` means that the log has it.
pub trait Replay: Send + Sync {
    fn replay<'a>(&'a self, dead_letter_id: &'a str) -> ReplayFuture<'a>;
}
