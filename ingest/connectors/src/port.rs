//! What ingest needs from others; the root joins it.
//!
//! The calls are shaped for the connectors: they say what they have and what they must know, never
//! how it is stored. `memory` has the cheap implementations that tests use.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use edge::UnixMicros;
use schemas::record::ingest::RawReceived;

mod fetching;
mod sealed;

pub use fetching::{Asked, Batch, Budgets, FeedError, HintFeed, Marks, Used};
pub use sealed::{Callback, Tokens, Vault};

/// A future without a name, so that a port can be a trait object.
pub type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Puts raw records into the log.
pub trait Publisher: Send + Sync {
    /// All of them or none; `Ok` means durable, so that the sender may be told 2xx. Records of one
    /// call keep their order where they share a key.
    fn publish(&self, items: Vec<RawReceived>) -> Answer<Result<(), PublishError>>;
}

/// Nothing was stored, as far as anyone knows; the sender is asked to come again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    #[error("the log's queue is full")]
    Busy { retry_after: Duration },
    #[error("the log takes no records")]
    Unavailable,
}

/// One athlete of one tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AthleteRef {
    pub tenant_id: String,
    pub athlete_id: String,
}

impl AthleteRef {
    pub fn new(tenant_id: impl Into<String>, athlete_id: impl Into<String>) -> Self {
        Self {
            tenant_id: tenant_id.into(),
            athlete_id: athlete_id.into(),
        }
    }

    /// The key of every record of this athlete.
    pub fn key(&self) -> String {
        format!("{}/{}", self.tenant_id, self.athlete_id)
    }
}

/// Who is known here, and whose account is whose.
///
/// Reads are asked for every item and have to come from memory. Writes are durable when they
/// return, and may block: they are called from threads where that is allowed.
pub trait Registry: Send + Sync {
    fn athlete_exists(&self, athlete: &AthleteRef) -> bool;

    /// The athletes of a live link to this account, in a fixed order.
    fn athletes_linked(&self, provider: &str, account_id: &str) -> Vec<AthleteRef>;

    fn register(&self, athlete: &AthleteRef, at: UnixMicros) -> Result<Change, RegistryError>;

    /// Makes the link live, also when it was deregistered before.
    fn link(
        &self,
        athlete: &AthleteRef,
        provider: &str,
        account_id: &str,
        at: UnixMicros,
    ) -> Result<Change, RegistryError>;

    /// Ends every live link to the account: what comes for it afterwards is nobody's.
    fn deregister(
        &self,
        provider: &str,
        account_id: &str,
        at: UnixMicros,
    ) -> Result<(), RegistryError>;
}

/// What a write found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Created,
    Updated,
}

#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The athlete or the account has reached a named limit.
    #[error("too many links: {limit}")]
    TooMany { limit: &'static str },
    #[error("the registry could not be written")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Told when an account has an owner, so that its `unknown_account` dead letters are tried again.
///
/// Called after every successful link, also of a known one: a crash between the link and its replay
/// is then repaired by the client's retry. Must not block.
pub trait Linked: Send + Sync {
    fn account_linked(&self, athlete: &AthleteRef, provider: &str, account_id: &str);
}
