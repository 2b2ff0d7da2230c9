//! What can go wrong between the feed and the rows, with what the writer's loop may do about it.

use std::error::Error;

type Source = Box<dyn Error + Send + Sync>;

/// Origin and retry hint; the cause is in `source()`.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The feed or the store did not answer this time; nothing was changed, ask again.
    #[error("{attempted} is not available")]
    Unavailable {
        attempted: &'static str,
        #[source]
        source: Source,
    },
    /// Trying again would end the same way.
    #[error("{attempted} failed")]
    Failed {
        attempted: &'static str,
        #[source]
        source: Source,
    },
    /// A fact that is none: the log and this program disagree about the schema.
    #[error("record {position} of {topic} cannot be decoded")]
    Undecodable {
        topic: &'static str,
        position: u64,
        #[source]
        source: Source,
    },
    /// The file was written by a later version of this program.
    #[error("the store has schema {found}, this program knows {known}: use the newer program")]
    NewerSchema { found: i64, known: i64 },
    /// A batch beyond the named limit.
    #[error("a batch of {rows} rows is above the limit of {max}")]
    BatchTooLarge { rows: usize, max: usize },
}

impl StoreError {
    pub fn unavailable(attempted: &'static str, source: impl Into<Source>) -> Self {
        Self::Unavailable {
            attempted,
            source: source.into(),
        }
    }

    pub fn failed(attempted: &'static str, source: impl Into<Source>) -> Self {
        Self::Failed {
            attempted,
            source: source.into(),
        }
    }

    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
