//! What the service knows: accounts, their tokens, and the version of each activity that stands.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::account::{StravaAccount, StravaVersion};
use crate::fakes::strava::limits::Usage;
use crate::fakes::strava::{StravaCounters, StravaSettings};
use crate::weather::mix;

/// Access tokens of this service live six hours.
pub(super) const TOKEN_LIFE_S: i64 = 6 * 3_600;
const MICROS: i64 = 1_000_000;

pub(super) struct State {
    pub(super) settings: StravaSettings,
    pub(super) counters: StravaCounters,
    pub(super) read: Usage,
    pub(super) overall: Usage,
    accounts: BTreeMap<String, Account>,
    /// Access tokens: whose they are and when they die, Unix seconds.
    access: BTreeMap<String, (String, i64)>,
    refresh: BTreeMap<String, String>,
    given_out: u64,
}

struct Account {
    activities: BTreeMap<String, Activity>,
    revoked: bool,
    access: String,
    refresh: String,
    /// The refresh token before, where it still works.
    refresh_before: Option<String>,
}

struct Activity {
    versions: Vec<StravaVersion>,
    /// What happened up to here is visible, microseconds.
    told_until: i64,
}

/// New tokens.
pub(super) struct Granted {
    pub(super) access: String,
    pub(super) refresh: String,
    pub(super) expires_at: i64,
}

impl State {
    pub(super) fn new(settings: StravaSettings) -> Self {
        Self {
            settings,
            counters: StravaCounters::default(),
            read: Usage::default(),
            overall: Usage::default(),
            accounts: BTreeMap::new(),
            access: BTreeMap::new(),
            refresh: BTreeMap::new(),
            given_out: 0,
        }
    }

    /// A second registration of an account adds what is new of it and leaves its tokens alone.
    pub(super) fn register(&mut self, account: &StravaAccount, finished: bool) {
        if !self.accounts.contains_key(&account.account_id) {
            let owner = account.account_id.clone();
            let token = (owner.clone(), account.expires_at);
            self.access.insert(account.access_token.clone(), token);
            self.refresh.insert(account.refresh_token.clone(), owner);
        }
        let known = self
            .accounts
            .entry(account.account_id.clone())
            .or_insert_with(|| Account {
                activities: BTreeMap::new(),
                revoked: false,
                access: account.access_token.clone(),
                refresh: account.refresh_token.clone(),
                refresh_before: None,
            });
        for activity in &account.activities {
            let made = if finished {
                let last = activity.versions.last().cloned();
                Activity {
                    versions: last.into_iter().collect(),
                    told_until: i64::MAX,
                }
            } else {
                Activity {
                    versions: activity.versions.clone(),
                    told_until: i64::MIN,
                }
            };
            if finished {
                // Registered anew, they are as they stand now.
                known.activities.insert(activity.id.clone(), made);
            } else {
                known.activities.entry(activity.id.clone()).or_insert(made);
            }
        }
    }

    /// Takes a webhook event for having happened.
    pub(super) fn told(&mut self, event: &[u8]) {
        let Ok(event) = serde_json::from_slice::<Value>(event) else {
            return;
        };
        let text = |name: &str| event.get(name).map(Value::to_string).unwrap_or_default();
        let Some(account) = self.accounts.get_mut(&text("owner_id")) else {
            return;
        };
        if event.get("object_type").and_then(Value::as_str) == Some("athlete") {
            account.revoked = true;
            return;
        }
        let at = event.get("event_time").and_then(Value::as_i64);
        if let (Some(activity), Some(at)) = (account.activities.get_mut(&text("object_id")), at) {
            activity.told_until = activity.told_until.max(at.saturating_mul(MICROS));
        }
    }

    /// The account whose access token this is, if it is alive.
    pub(super) fn bearer(&mut self, token: &str, now: i64) -> Option<String> {
        let (owner, expires_at) = self.access.get(token)?;
        let alive = *expires_at > now;
        let owner = owner.clone();
        let account = self.accounts.get_mut(&owner)?;
        if !alive || account.revoked {
            return None;
        }
        if token == account.access
            && let Some(before) = account.refresh_before.take()
        {
            self.refresh.remove(&before);
        }
        Some(owner)
    }

    pub(super) fn activity(&self, owner: &str, id: &str) -> Option<&str> {
        let activity = self.accounts.get(owner)?.activities.get(id)?;
        let until = activity.told_until;
        let visible = |version: &&StravaVersion| version.at <= until;
        activity
            .versions
            .iter()
            .rev()
            .find(visible)?
            .body
            .as_deref()
    }

    /// Trades a refresh token for new tokens; the old one dies.
    pub(super) fn refresh(&mut self, token: &str, now: i64) -> Option<Granted> {
        let owner = self.refresh.get(token)?.clone();
        let account = self.accounts.get_mut(&owner)?;
        if account.revoked {
            return None;
        }
        self.given_out = self.given_out.wrapping_add(1);
        let draw = |salt: u64| {
            let seed = mix(self.given_out ^ mix(salt));
            format!("{:016x}{:016x}", seed, mix(seed))
        };
        let granted = Granted {
            access: draw(1),
            refresh: draw(2),
            expires_at: now.saturating_add(TOKEN_LIFE_S),
        };
        let present = std::mem::replace(&mut account.refresh, granted.refresh.clone());
        account.access.clone_from(&granted.access);
        // Asked again with the token before: what was given out for it is replaced, unused.
        let again = account.refresh_before.as_deref() == Some(token);
        if again {
            self.refresh.remove(&present);
        } else {
            if let Some(before) = account.refresh_before.take() {
                self.refresh.remove(&before);
            }
            if self.settings.keeps_old_refresh {
                account.refresh_before = Some(present);
            } else {
                self.refresh.remove(&present);
            }
        }
        self.refresh.insert(granted.refresh.clone(), owner.clone());
        self.access
            .insert(granted.access.clone(), (owner, granted.expires_at));
        Some(granted)
    }
}
