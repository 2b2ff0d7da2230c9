//! The ports in memory: the cheap reference that tests and embedders without a disk use.
//!
//! They keep what they are given for ever and forget it at the end of the process. Failures can be
//! asked for, because a refusal is part of a port too.

use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;
use std::sync::{Mutex, MutexGuard, PoisonError};

use edge::UnixMicros;
use schemas::record::ingest::RawReceived;

use crate::port::{
    Answer, AthleteRef, Change, Linked, PublishError, Publisher, Registry, RegistryError, Tokens,
    Vault,
};

/// Keeps every record in the order of publication.
#[derive(Debug, Default)]
pub struct MemoryPublisher {
    published: Mutex<Vec<RawReceived>>,
    refusal: Mutex<Option<PublishError>>,
}

impl MemoryPublisher {
    /// Everything published so far.
    pub fn published(&self) -> Vec<RawReceived> {
        lock(&self.published).clone()
    }

    /// From now on every call fails this way, or succeeds again with `None`.
    pub fn refuse(&self, refusal: Option<PublishError>) {
        *lock(&self.refusal) = refusal;
    }
}

impl Publisher for MemoryPublisher {
    fn publish(&self, items: Vec<RawReceived>) -> Answer<Result<(), PublishError>> {
        let answer = match lock(&self.refusal).clone() {
            Some(refusal) => Err(refusal),
            None => {
                lock(&self.published).extend(items);
                Ok(())
            }
        };
        Box::pin(ready(answer))
    }
}

/// Athletes and links, and which links were announced.
#[derive(Debug, Default)]
pub struct MemoryAccounts {
    athletes: Mutex<BTreeSet<AthleteRef>>,
    links: Mutex<BTreeMap<(String, String), BTreeSet<AthleteRef>>>,
    sealed: Mutex<Vec<(AthleteRef, String, Tokens)>>,
    announced: Mutex<Vec<(AthleteRef, String, String)>>,
}

impl MemoryAccounts {
    /// The tokens that were handed over, in order.
    pub fn sealed(&self) -> Vec<(AthleteRef, String, Tokens)> {
        lock(&self.sealed).clone()
    }

    /// The links that were announced, in order.
    pub fn announced(&self) -> Vec<(AthleteRef, String, String)> {
        lock(&self.announced).clone()
    }
}

impl Registry for MemoryAccounts {
    fn athlete_exists(&self, athlete: &AthleteRef) -> bool {
        lock(&self.athletes).contains(athlete)
    }

    fn athletes_linked(&self, provider: &str, account_id: &str) -> Vec<AthleteRef> {
        let links = lock(&self.links);
        let owners = links.get(&(provider.to_owned(), account_id.to_owned()));
        owners.into_iter().flatten().cloned().collect()
    }

    fn register(&self, athlete: &AthleteRef, _: UnixMicros) -> Result<Change, RegistryError> {
        Ok(change(lock(&self.athletes).insert(athlete.clone())))
    }

    fn link(
        &self,
        athlete: &AthleteRef,
        provider: &str,
        account_id: &str,
        _: UnixMicros,
    ) -> Result<Change, RegistryError> {
        let mut links = lock(&self.links);
        let owners = links
            .entry((provider.to_owned(), account_id.to_owned()))
            .or_default();
        Ok(change(owners.insert(athlete.clone())))
    }

    fn deregister(
        &self,
        provider: &str,
        account_id: &str,
        _: UnixMicros,
    ) -> Result<(), RegistryError> {
        lock(&self.links).remove(&(provider.to_owned(), account_id.to_owned()));
        Ok(())
    }
}

impl Vault for MemoryAccounts {
    fn seal(
        &self,
        athlete: &AthleteRef,
        provider: &str,
        _: &str,
        tokens: &Tokens,
    ) -> Result<(), RegistryError> {
        lock(&self.sealed).push((athlete.clone(), provider.to_owned(), tokens.clone()));
        Ok(())
    }
}

impl Linked for MemoryAccounts {
    fn account_linked(&self, athlete: &AthleteRef, provider: &str, account_id: &str) {
        let link = (athlete.clone(), provider.to_owned(), account_id.to_owned());
        lock(&self.announced).push(link);
    }
}

fn change(is_new: bool) -> Change {
    if is_new {
        Change::Created
    } else {
        Change::Updated
    }
}

/// A panic elsewhere leaves these collections whole, so a poisoned lock is as good as another.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
