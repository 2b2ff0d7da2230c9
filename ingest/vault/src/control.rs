//! What several nodes share: each write as records of a compacted topic, and records of others back.
//!
//! A node writes to the journal first and to its own file then, and hears its own write again with
//! those of others, in the journal's order. So all files end at the journal's last word, whoever wrote
//! it; what is read between is at most as old as the last record that was heard.
//!
//! Marks and budgets are not shared: a mark is a position in the node's own copy of the log, and a
//! vendor tells each node what all of them used.

use std::collections::BTreeSet;

use edge::UnixMicros;
use ingest_connectors::port::AthleteRef;
use schemas::AnyRecord;
use schemas::record::Micros;
use schemas::record::control::{AccountLinked, AthleteRegistered, SecretSealed};

use crate::file::Write;
use crate::file::fetching::Fetching;
use crate::key::Sealed;
use crate::memory::{DEREGISTERED, LINKED, Memory};
use crate::vault::{Vault, VaultError};

/// The last one of a key counts.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlEntry {
    /// What it is about. The first letter tells what kind of thing that is.
    pub key: String,
    /// `None`: it is gone.
    pub record: Option<AnyRecord>,
}

/// Where writes become known to other nodes.
pub trait Journal: Send + Sync {
    /// All of them are durable when it returns; may block.
    fn write(
        &self,
        entries: Vec<ControlEntry>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;
}

const CALLBACK: &str = "c/";

fn athlete_key(athlete: &AthleteRef) -> String {
    format!("a/{}", athlete.key())
}

fn account_key(athlete: &AthleteRef, provider: &str, account_id: &str) -> String {
    format!("l/{}/{provider}/{account_id}", athlete.key())
}

fn tokens_key(athlete: &AthleteRef, provider: &str, account_id: &str) -> String {
    format!("s/{}/{provider}/{account_id}", athlete.key())
}

fn entry(key: String, record: impl Into<AnyRecord>) -> ControlEntry {
    ControlEntry {
        key,
        record: Some(record.into()),
    }
}

fn registered(athlete: &AthleteRef, at: UnixMicros) -> ControlEntry {
    let record = AthleteRegistered {
        tenant_id: athlete.tenant_id.clone(),
        athlete_id: athlete.athlete_id.clone(),
        registered_at: Micros(at.0),
    };
    entry(athlete_key(athlete), record)
}

struct LinkState<'a> {
    athlete: &'a AthleteRef,
    provider: &'a str,
    account_id: &'a str,
    is_live: bool,
    linked_at: UnixMicros,
    changed_at: UnixMicros,
}

impl LinkState<'_> {
    fn entry(&self) -> ControlEntry {
        let record = AccountLinked {
            tenant_id: self.athlete.tenant_id.clone(),
            athlete_id: self.athlete.athlete_id.clone(),
            provider: self.provider.to_owned(),
            account_id: self.account_id.to_owned(),
            state: if self.is_live { LINKED } else { DEREGISTERED }.to_owned(),
            linked_at: Micros(self.linked_at.0),
            changed_at: Micros(self.changed_at.0),
        };
        let key = account_key(self.athlete, self.provider, self.account_id);
        entry(key, record)
    }
}

fn linked(
    memory: &Memory,
    (athlete, provider, account_id): (&AthleteRef, &str, &str),
    at: UnixMicros,
) -> ControlEntry {
    let place = (athlete.clone(), provider.to_owned(), account_id.to_owned());
    let known = memory.links.get(&place);
    let state = LinkState {
        athlete,
        provider,
        account_id,
        is_live: true,
        linked_at: known.map_or(at, |link| link.linked_at),
        changed_at: at,
    };
    state.entry()
}

/// Every live link to the account, as it is from now on.
fn ended(memory: &Memory, provider: &str, account_id: &str, at: UnixMicros) -> Vec<ControlEntry> {
    let owners = memory.owners(provider, account_id);
    let entry = |athlete: &AthleteRef| {
        let place = (athlete.clone(), provider.to_owned(), account_id.to_owned());
        let link = memory.links.get(&place)?;
        let state = LinkState {
            athlete,
            provider,
            account_id,
            is_live: false,
            linked_at: link.linked_at,
            changed_at: at,
        };
        Some(state.entry())
    };
    owners.iter().filter_map(entry).collect()
}

/// What others have to know of a write; nothing where it is this node's own business.
pub(crate) fn entries_of(write: &Write, memory: &Memory) -> Vec<ControlEntry> {
    match write {
        Write::Register { athlete, at } => vec![registered(athlete, *at)],
        Write::Link {
            athlete,
            provider,
            account_id,
            at,
        } => vec![linked(memory, (athlete, provider, account_id), *at)],
        Write::Deregister {
            provider,
            account_id,
            at,
        } => ended(memory, provider, account_id, *at),
        Write::Seal {
            athlete,
            provider,
            account_id,
            key_id,
            sealed,
        } => vec![entry(
            tokens_key(athlete, provider, account_id),
            tokens((athlete, provider, account_id), key_id, sealed),
        )],
        Write::Fetching(Fetching::SealCallbacks {
            callbacks,
            key_id,
            at,
        }) => {
            let one = |(reference, sealed): &(String, Sealed)| {
                let record = callback(reference, key_id, sealed, *at);
                entry(format!("{CALLBACK}{reference}"), record)
            };
            callbacks.iter().map(one).collect()
        }
        Write::Fetching(Fetching::DestroyCallback { reference }) => vec![ControlEntry {
            key: format!("{CALLBACK}{reference}"),
            record: None,
        }],
        Write::Fetching(Fetching::SetMark { .. } | Fetching::SetUsed(_))
        | Write::Account { .. } => Vec::new(),
    }
}

fn tokens(
    (athlete, provider, account_id): (&AthleteRef, &str, &str),
    key_id: &str,
    sealed: &Sealed,
) -> SecretSealed {
    SecretSealed {
        tenant_id: Some(athlete.tenant_id.clone()),
        athlete_id: Some(athlete.athlete_id.clone()),
        provider: Some(provider.to_owned()),
        account_id: Some(account_id.to_owned()),
        reference: None,
        key_id: key_id.to_owned(),
        nonce: sealed.nonce.clone(),
        sealed: sealed.ciphertext.clone(),
        sealed_at: Micros(0),
    }
}

fn callback(reference: &str, key_id: &str, sealed: &Sealed, at: UnixMicros) -> SecretSealed {
    SecretSealed {
        tenant_id: None,
        athlete_id: None,
        provider: None,
        account_id: None,
        reference: Some(reference.to_owned()),
        key_id: key_id.to_owned(),
        nonce: sealed.nonce.clone(),
        sealed: sealed.ciphertext.clone(),
        sealed_at: Micros(at.0),
    }
}

/// The write that a heard entry is on this node.
fn write_of(heard: ControlEntry, own_key: &str) -> Result<Option<Write>, VaultError> {
    let Some(record) = heard.record else {
        let reference = heard.key.strip_prefix(CALLBACK).map(str::to_owned);
        return Ok(
            reference.map(|reference| Write::Fetching(Fetching::DestroyCallback { reference }))
        );
    };
    Ok(match record {
        AnyRecord::AthleteRegistered(found) => Some(Write::Register {
            athlete: AthleteRef::new(found.tenant_id, found.athlete_id),
            at: UnixMicros(found.registered_at.0),
        }),
        AnyRecord::AccountLinked(found) => Some(Write::Account {
            athlete: AthleteRef::new(found.tenant_id, found.athlete_id),
            provider: found.provider,
            account_id: found.account_id,
            is_live: found.state == LINKED,
            linked_at: UnixMicros(found.linked_at.0),
            changed_at: UnixMicros(found.changed_at.0),
        }),
        AnyRecord::SecretSealed(found) => {
            // A node that cannot open what the others seal would fetch nothing, in silence.
            if found.key_id != own_key {
                return Err(VaultError::OtherKey {
                    found: found.key_id,
                    own: own_key.to_owned(),
                });
            }
            secret(found)
        }
        _ => None,
    })
}

fn secret(found: SecretSealed) -> Option<Write> {
    let sealed = Sealed {
        nonce: found.nonce,
        ciphertext: found.sealed,
    };
    if let Some(reference) = found.reference {
        return Some(Write::Fetching(Fetching::SealCallbacks {
            callbacks: vec![(reference, sealed)],
            key_id: found.key_id,
            at: UnixMicros(found.sealed_at.0),
        }));
    }
    Some(Write::Seal {
        athlete: AthleteRef::new(found.tenant_id?, found.athlete_id?),
        provider: found.provider?,
        account_id: found.account_id?,
        key_id: found.key_id,
        sealed,
    })
}

impl Vault {
    /// Takes over what the journal says, in its order. Durable and visible when it returns.
    pub fn learn(&self, heard: Vec<ControlEntry>) -> Result<(), VaultError> {
        let own_key = self.key().id.clone();
        let mut writes = Vec::new();
        for entry in heard {
            writes.extend(write_of(entry, &own_key)?);
        }
        self.write_all(writes)
    }

    /// What this node knows and no key of the journal tells: from a time when it was the only one.
    pub fn untold(&self, told: &BTreeSet<String>) -> Result<Vec<ControlEntry>, VaultError> {
        let mut entries = self.with_memory(|memory| {
            let athletes = memory.athletes.iter();
            let mut entries: Vec<ControlEntry> = athletes
                .map(|(athlete, at)| registered(athlete, *at))
                .collect();
            for ((athlete, provider, account_id), link) in &memory.links {
                let state = LinkState {
                    athlete,
                    provider,
                    account_id,
                    is_live: link.is_live,
                    linked_at: link.linked_at,
                    changed_at: link.linked_at,
                };
                entries.push(state.entry());
            }
            entries
        });
        for (athlete, provider, account_id, key_id, sealed) in self.read(crate::file::all_sealed)? {
            let record = tokens((&athlete, &provider, &account_id), &key_id, &sealed);
            entries.push(entry(tokens_key(&athlete, &provider, &account_id), record));
        }
        entries.retain(|entry| !told.contains(&entry.key));
        Ok(entries)
    }
}
