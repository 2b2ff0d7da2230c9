//! Access tokens, and their renewal.
//!
//! Renewing may replace the refresh token, and the old one is dead from then on. So there is one
//! renewal of an account at a time, and what it brought is sealed before it is used; where sealing
//! fails it is kept in memory and sealed before anything else.
//!
//! Invariant: no token is in an error, in a log line, or in a `Debug`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use edge::http::{Answer, Client};
use edge::{Clock, UnixMicros};
use secrecy::{ExposeSecret, SecretString};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{SOURCE, StravaSettings};
use crate::fetch::{Ending, TokenPrint, Told, answers, blocking};
use crate::json::{id_text, pick, string};
use crate::port::{AthleteRef, Registry, RegistryError, Tokens, Vault};
use crate::receive::Connectors;

/// A token that ends within a minute could end on its way.
const EXPIRES_WITHIN_S: i64 = 60;

/// A token goes into a header and is sealed. What is longer is none, and would not fit either.
const TOKEN_BYTES_MAX: usize = 4 * 1024;

pub(super) struct TokenKeeper {
    registry: Arc<dyn Registry>,
    vault: Arc<dyn Vault>,
    clock: Arc<dyn Clock>,
    settings: StravaSettings,
    /// One for each account that is asked for right now.
    locks: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
    /// What was renewed and could not be sealed yet.
    unsealed: Mutex<BTreeMap<String, Vec<Grant>>>,
}

/// An athlete's tokens for an account.
#[derive(Clone)]
struct Grant {
    athlete: AthleteRef,
    tokens: Tokens,
}

/// Why there is no token, and with which status it was refused, if it was.
pub(super) struct NoToken {
    pub(super) told: Told,
    pub(super) status: Option<u16>,
}

impl From<Told> for NoToken {
    fn from(told: Told) -> Self {
        Self { told, status: None }
    }
}

impl TokenKeeper {
    pub(super) fn new(connectors: &Connectors, settings: StravaSettings) -> Self {
        Self {
            registry: connectors.ports.registry.clone(),
            vault: connectors.ports.vault.clone(),
            clock: connectors.ports.clock.clone(),
            settings,
            locks: Mutex::default(),
            unsealed: Mutex::default(),
        }
    }

    /// A token for the account, other than the one that was refused.
    pub(super) async fn access(
        &self,
        client: &Client,
        account_id: &str,
        refused: Option<TokenPrint>,
    ) -> Result<SecretString, NoToken> {
        let lock = self.lock(account_id);
        let token = {
            let _one_at_a_time = lock.lock().await;
            self.access_alone(client, account_id, refused).await
        };
        drop(lock);
        self.forget_locks();
        token
    }

    async fn access_alone(
        &self,
        client: &Client,
        account_id: &str,
        refused: Option<TokenPrint>,
    ) -> Result<SecretString, NoToken> {
        self.seal_again(account_id).await?;
        let grants = self.grants(account_id).await?;
        let newest = |grant: &&Grant| grant.tokens.expires_at_unix_s;
        let Some(Grant { tokens, .. }) = grants.iter().max_by_key(newest) else {
            return Err(unauthorised("nobody who has the account linked gave a token").into());
        };
        let access = tokens.access_token.as_ref();
        let is_refused = refused.is_some() && access.map(print) == refused;
        let now_s = self.clock.now().0.div_euclid(1_000_000);
        let expires = tokens.expires_at_unix_s;
        let is_old = expires.is_some_and(|at| at <= now_s.saturating_add(EXPIRES_WITHIN_S));
        match (access, &tokens.refresh_token) {
            (Some(access), _) if !is_refused && !is_old => Ok(access.clone()),
            (Some(access), None) if !is_refused => Ok(access.clone()),
            (_, Some(refresh)) => self.renew(client, account_id, refresh, &grants).await,
            (_, None) => Err(NoToken {
                told: unauthorised("the access token is refused, and there is none to renew it"),
                status: Some(401),
            }),
        }
    }

    async fn renew(
        &self,
        client: &Client,
        account_id: &str,
        refresh: &SecretString,
        grants: &[Grant],
    ) -> Result<SecretString, NoToken> {
        let url = format!("{}/token", self.settings.oauth_url.trim_end_matches('/'));
        let fields = [
            ("client_id", self.settings.client_id.as_str()),
            ("client_secret", self.settings.client_secret.expose_secret()),
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose_secret()),
        ];
        let now = self.clock.now();
        let answer = client
            .post_form(&url, &fields, None)
            .await
            .map_err(|error| answers::of_failure(&error))?;
        let renewed = renewed(&answer, now)?;
        // Athletes who share an account share what it grants.
        let shared = grants.iter().filter(|grant| {
            let known = grant.tokens.refresh_token.as_ref();
            known.is_some_and(|known| known.expose_secret() == refresh.expose_secret())
        });
        let rotated: Vec<Grant> = shared
            .map(|grant| Grant {
                athlete: grant.athlete.clone(),
                tokens: renewed.replace(&grant.tokens),
            })
            .collect();
        lock(&self.unsealed).insert(account_id.to_owned(), rotated);
        self.seal_again(account_id).await?;
        Ok(renewed.access_token)
    }

    /// Seals what a renewal brought. Until that is done, nothing is sent for the account.
    async fn seal_again(&self, account_id: &str) -> Result<(), Told> {
        let Some(rotated) = lock(&self.unsealed).get(account_id).cloned() else {
            return Ok(());
        };
        let (vault, account) = (self.vault.clone(), account_id.to_owned());
        let sealed = blocking(move || {
            rotated
                .iter()
                .try_for_each(|grant| vault.seal(&grant.athlete, SOURCE, &account, &grant.tokens))
        });
        sealed.await.map_err(no_vault)?;
        lock(&self.unsealed).remove(account_id);
        Ok(())
    }

    async fn grants(&self, account_id: &str) -> Result<Vec<Grant>, Told> {
        let athletes = self.registry.athletes_linked(SOURCE, account_id);
        if athletes.is_empty() {
            return Err(unauthorised("the account is not linked any more"));
        }
        let (vault, account) = (self.vault.clone(), account_id.to_owned());
        let unsealed = blocking(move || {
            let mut grants = Vec::with_capacity(athletes.len());
            for athlete in athletes {
                if let Some(tokens) = vault.unseal(&athlete, SOURCE, &account)? {
                    grants.push(Grant { athlete, tokens });
                }
            }
            Ok::<_, RegistryError>(grants)
        });
        unsealed.await.map_err(no_vault)
    }

    fn lock(&self, account_id: &str) -> Arc<tokio::sync::Mutex<()>> {
        lock(&self.locks)
            .entry(account_id.to_owned())
            .or_default()
            .clone()
    }

    /// As many locks stay as there are requests under way.
    fn forget_locks(&self) {
        lock(&self.locks).retain(|_, lock| Arc::strong_count(lock) > 1);
    }
}

/// What a renewal brought.
struct Renewed {
    access_token: SecretString,
    refresh_token: Option<SecretString>,
    expires_at_unix_s: Option<i64>,
}

impl Renewed {
    fn replace(&self, before: &Tokens) -> Tokens {
        Tokens {
            access_token: Some(self.access_token.clone()),
            refresh_token: self
                .refresh_token
                .clone()
                .or_else(|| before.refresh_token.clone()),
            expires_at_unix_s: self.expires_at_unix_s,
            scopes: before.scopes.clone(),
        }
    }
}

fn renewed(answer: &Answer, now: UnixMicros) -> Result<Renewed, NoToken> {
    match answer.status.as_u16() {
        200 => token_of(&answer.body, now).ok_or_else(|| {
            let detail = "the answer to a renewal has no access token";
            Told::Failing(detail.to_owned()).into()
        }),
        // Not this athlete's token but we are refused: a person has to look at the settings.
        400 | 401 | 403 if super::client::blames(&answer.body, "Application") => {
            Err(Told::Inactive.into())
        }
        status @ (400 | 401 | 403) => Err(NoToken {
            told: unauthorised("the refresh token is refused"),
            status: Some(status),
        }),
        _ => Err(match answers::of_status(answer, now) {
            Told::Ended(ending) => Told::Failing(format!("a renewal ended as {}", ending.outcome)),
            told => told,
        }
        .into()),
    }
}

fn token_of(body: &[u8], now: UnixMicros) -> Option<Renewed> {
    let body: &RawValue = serde_json::from_slice(body).ok()?;
    let names = ["access_token", "refresh_token", "expires_at", "expires_in"];
    let [access, refresh, expires_at, expires_in] = pick(body, names)?;
    let number = |value: Option<&RawValue>| id_text(value?)?.parse::<i64>().ok();
    let now_s = now.0.div_euclid(1_000_000);
    Some(Renewed {
        access_token: access.and_then(token)?,
        refresh_token: refresh.and_then(token),
        expires_at_unix_s: number(expires_at)
            .or_else(|| number(expires_in).map(|seconds| now_s.saturating_add(seconds))),
    })
}

/// A text that a header can carry.
fn token(value: &RawValue) -> Option<SecretString> {
    let text = string(value)?;
    let fits = (1..=TOKEN_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| text.into())
}

/// Tells tokens apart without keeping one.
pub(super) fn print(token: &SecretString) -> TokenPrint {
    Sha256::digest(token.expose_secret().as_bytes()).into()
}

fn unauthorised(detail: &str) -> Told {
    Told::Ended(Ending::new("unauthorised", detail))
}

fn no_vault(error: RegistryError) -> Told {
    tracing::error!(%error, "the tokens of an account cannot be read or sealed");
    Told::Down {
        suspect: false,
        detail: "the vault cannot be used",
    }
}

/// A panic elsewhere leaves these maps whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
