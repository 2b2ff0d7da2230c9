//! The copy in memory that all reads come from. It is as old as the last durable write.

use std::collections::{BTreeMap, BTreeSet};

use edge::UnixMicros;
use ingest_connectors::port::{AthleteRef, Change};

use crate::file::Write;

pub(crate) const LINKED: &str = "linked";
pub(crate) const DEREGISTERED: &str = "deregistered";

/// A registered athlete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Athlete {
    pub athlete: AthleteRef,
    pub registered_at: UnixMicros,
}

/// An athlete's account at a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    pub provider: String,
    pub account_id: String,
    /// `linked` or `deregistered`.
    pub state: String,
    /// When it was linked for the first time.
    pub linked_at: UnixMicros,
}

#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) athletes: BTreeMap<AthleteRef, UnixMicros>,
    pub(crate) links: BTreeMap<(AthleteRef, String, String), Link>,
    /// Live links only.
    owners: BTreeMap<(String, String), BTreeSet<AthleteRef>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) is_live: bool,
    pub(crate) linked_at: UnixMicros,
}

impl Memory {
    /// What a write would find.
    pub(crate) fn would(&self, write: &Write) -> Change {
        match write {
            Write::Register { athlete, .. } => change(!self.athletes.contains_key(athlete)),
            Write::Link {
                athlete,
                provider,
                account_id,
                ..
            } => {
                let place = (athlete.clone(), provider.clone(), account_id.clone());
                change(!self.links.contains_key(&place))
            }
            _ => Change::Updated,
        }
    }

    /// Repeats a write that the file has.
    pub(crate) fn apply(&mut self, write: &Write) -> Change {
        match write {
            Write::Register { athlete, at } => {
                let is_new = !self.athletes.contains_key(athlete);
                self.athletes.entry(athlete.clone()).or_insert(*at);
                change(is_new)
            }
            Write::Link {
                athlete,
                provider,
                account_id,
                at,
            } => {
                let link = Link {
                    is_live: true,
                    linked_at: *at,
                };
                change(self.put_link(athlete, provider, account_id, link))
            }
            Write::Deregister {
                provider,
                account_id,
                ..
            } => {
                let account = (provider.clone(), account_id.clone());
                for athlete in self.owners.remove(&account).unwrap_or_default() {
                    let place = (athlete, provider.clone(), account_id.clone());
                    if let Some(link) = self.links.get_mut(&place) {
                        link.is_live = false;
                    }
                }
                Change::Updated
            }
            Write::Account {
                athlete,
                provider,
                account_id,
                is_live,
                linked_at,
                ..
            } => {
                let link = Link {
                    is_live: *is_live,
                    linked_at: *linked_at,
                };
                change(self.put_link(athlete, provider, account_id, link))
            }
            Write::Seal { .. } | Write::Fetching(_) => Change::Updated,
        }
    }

    /// Whether the link is new. A known one keeps the time of its first link.
    pub(crate) fn put_link(
        &mut self,
        athlete: &AthleteRef,
        provider: &str,
        account_id: &str,
        link: Link,
    ) -> bool {
        let account = (provider.to_owned(), account_id.to_owned());
        if link.is_live {
            self.owners
                .entry(account.clone())
                .or_default()
                .insert(athlete.clone());
        } else if let Some(owners) = self.owners.get_mut(&account) {
            owners.remove(athlete);
        }
        let place = (athlete.clone(), account.0, account.1);
        match self.links.get_mut(&place) {
            Some(known) => {
                known.is_live = link.is_live;
                false
            }
            None => {
                self.links.insert(place, link);
                true
            }
        }
    }

    pub(crate) fn owners(&self, provider: &str, account_id: &str) -> Vec<AthleteRef> {
        let account = (provider.to_owned(), account_id.to_owned());
        self.owners
            .get(&account)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    pub(crate) fn connections_of(&self, athlete: &AthleteRef) -> Vec<Connection> {
        let first = (athlete.clone(), String::new(), String::new());
        self.links
            .range(first..)
            .take_while(|((owner, ..), _)| owner == athlete)
            .map(|((_, provider, account_id), link)| Connection {
                provider: provider.clone(),
                account_id: account_id.clone(),
                state: if link.is_live { LINKED } else { DEREGISTERED }.to_owned(),
                linked_at: link.linked_at,
            })
            .collect()
    }
}

fn change(is_new: bool) -> Change {
    if is_new {
        Change::Created
    } else {
        Change::Updated
    }
}
