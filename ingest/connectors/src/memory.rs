//! The ports in memory: the cheap reference that tests and embedders without a disk use.
//!
//! They keep what they are given for ever and forget it at the end of the process. Failures can be
//! asked for, because a refusal is part of a port too.

use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use edge::UnixMicros;
use schemas::record::ingest::RawReceived;
use secrecy::SecretString;

use crate::port::{
    Answer, Asked, AthleteRef, Batch, Budgets, Callback, Change, FeedError, HintFeed, Linked,
    Marks, PublishError, Publisher, Registry, RegistryError, Tokens, Used, Vault,
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
    tokens: Mutex<BTreeMap<(AthleteRef, String, String), Tokens>>,
    callbacks: Mutex<BTreeMap<String, SecretString>>,
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
        account_id: &str,
        tokens: &Tokens,
    ) -> Result<(), RegistryError> {
        lock(&self.sealed).push((athlete.clone(), provider.to_owned(), tokens.clone()));
        let place = (athlete.clone(), provider.to_owned(), account_id.to_owned());
        lock(&self.tokens).insert(place, tokens.clone());
        Ok(())
    }

    fn unseal(
        &self,
        athlete: &AthleteRef,
        provider: &str,
        account_id: &str,
    ) -> Result<Option<Tokens>, RegistryError> {
        let place = (athlete.clone(), provider.to_owned(), account_id.to_owned());
        Ok(lock(&self.tokens).get(&place).cloned())
    }

    fn seal_callbacks(&self, callbacks: &[Callback], _: UnixMicros) -> Result<(), RegistryError> {
        let mut kept = lock(&self.callbacks);
        for callback in callbacks {
            kept.entry(callback.reference.clone())
                .or_insert_with(|| callback.url.clone());
        }
        Ok(())
    }

    fn unseal_callback(&self, reference: &str) -> Result<Option<SecretString>, RegistryError> {
        Ok(lock(&self.callbacks).get(reference).cloned())
    }

    fn destroy_callback(&self, reference: &str) -> Result<(), RegistryError> {
        lock(&self.callbacks).remove(reference);
        Ok(())
    }
}

impl Linked for MemoryAccounts {
    fn account_linked(&self, athlete: &AthleteRef, provider: &str, account_id: &str) {
        let link = (athlete.clone(), provider.to_owned(), account_id.to_owned());
        lock(&self.announced).push(link);
    }
}

/// Marks and used budgets. A clone has the same ones, as a restarted process would.
#[derive(Clone, Debug, Default)]
pub struct MemoryProgress {
    marks: Arc<Mutex<BTreeMap<String, u64>>>,
    used: Arc<Mutex<BTreeMap<String, Used>>>,
}

impl Marks for MemoryProgress {
    fn mark(&self, name: &str) -> Result<u64, RegistryError> {
        Ok(lock(&self.marks).get(name).copied().unwrap_or(0))
    }

    fn set_mark(&self, name: &str, position: u64) -> Result<(), RegistryError> {
        lock(&self.marks).insert(name.to_owned(), position);
        Ok(())
    }
}

impl Budgets for MemoryProgress {
    fn used(&self, prefix: &str) -> Result<Vec<Used>, RegistryError> {
        let used = lock(&self.used);
        let of_prefix = used.values().filter(|used| used.window.starts_with(prefix));
        Ok(of_prefix.cloned().collect())
    }

    fn set_used(&self, used: &[Used]) -> Result<(), RegistryError> {
        let by_window = |used: &Used| (used.window.clone(), used.clone());
        lock(&self.used).extend(used.iter().map(by_window));
        Ok(())
    }
}

/// A log of what asks for fetches. A clone reads the same one.
#[derive(Clone, Debug, Default)]
pub struct MemoryFeed {
    log: Arc<Mutex<Vec<Asked>>>,
}

impl MemoryFeed {
    pub fn append(&self, asked: Asked) {
        lock(&self.log).push(asked);
    }
}

impl HintFeed for MemoryFeed {
    fn read(&mut self, after: u64, max: usize) -> Result<Batch, FeedError> {
        let log = lock(&self.log);
        let items: Vec<_> = (1_u64..)
            .zip(log.iter())
            .filter(|(position, _)| *position > after)
            .take(max)
            .map(|(position, asked)| (position, asked.clone()))
            .collect();
        let end = items.last().map_or(after, |(position, _)| *position);
        Ok(Batch { items, end })
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
