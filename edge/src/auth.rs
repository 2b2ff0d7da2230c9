//! Who may ask: API keys, what they allow, and the guard in front of every route.
//!
//! A key is `sudor_<id>_<secret>`. Only a digest of the secret is kept, and it is compared in constant
//! time; the secret has 256 random bits, so that a plain digest cannot be turned back by guessing.
//!
//! Which route needs what stands beside the route, as its OpenAPI security requirement, and [`Access`]
//! is read from the merged document. A route without a requirement needs `admin`: what was forgotten
//! is closed.
//!
//! A key that is bound to an athlete reads and writes that athlete alone. Where the path names the
//! athlete the guard sees to it; elsewhere the handler asks the [`Grant`] that came with the request.

mod access;
mod guard;
mod key_file;
mod rate;
mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub use access::Access;
pub use guard::{COOKIE, Gate, guard};
pub use key_file::{BindingError, KeyFile, KeyFileError, check_binding};
pub use rate::Rates;
pub use store::{KeyStore, KeyStoreError, KeyStores, StoredKey};

/// In front of every key, so that one that leaked into a text is recognised.
const PREFIX: &str = "sudor_";
/// The longest key that is looked at.
const KEY_CHARS_MAX: usize = 128;

/// What a key allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Register athletes, link accounts, send.
    Ingest,
    /// Read the athlete that the key is bound to.
    ReadAthlete,
    /// Read everything.
    ReadAll,
    /// Everything, and replay what was set aside.
    Admin,
}

impl Scope {
    pub const ALL: [Self; 4] = [Self::Ingest, Self::ReadAthlete, Self::ReadAll, Self::Admin];

    pub fn word(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::ReadAthlete => "read:athlete",
            Self::ReadAll => "read:all",
            Self::Admin => "admin",
        }
    }

    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.word() == word)
    }
}

/// What whoever asks is allowed, as an extension of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Names the key in logs and limits; it is no secret.
    pub key_id: String,
    pub scopes: BTreeSet<Scope>,
    /// The one athlete that the key is for; `None` is all of them.
    pub athlete_id: Option<String>,
}

impl Grant {
    /// Where no key is needed.
    pub fn everything() -> Self {
        Self {
            key_id: "anonymous".to_owned(),
            scopes: BTreeSet::from([Scope::Admin]),
            athlete_id: None,
        }
    }

    /// `admin` allows all, and who reads everything reads each athlete.
    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&Scope::Admin)
            || self.scopes.contains(&scope)
            || (scope == Scope::ReadAthlete && self.scopes.contains(&Scope::ReadAll))
    }

    /// Whether this athlete is not beyond the key.
    pub fn reaches(&self, athlete_id: &str) -> bool {
        self.athlete_id.as_ref().is_none_or(|own| own == athlete_id)
    }
}

/// The text that its owner keeps.
pub fn key_text(key_id: &str, secret: &str) -> String {
    format!("{PREFIX}{key_id}_{secret}")
}

pub fn digest_of(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// What the key allows, or `None` for a key that is not one of ours.
pub(crate) fn check(keys: &dyn KeyStore, sent: &str) -> Result<Option<Grant>, KeyStoreError> {
    let Some((key_id, secret)) = parts(sent) else {
        return Ok(None);
    };
    let found = keys.find(key_id)?;
    // An unknown id costs the same comparison as a wrong secret.
    let expected = found.as_ref().map_or([0; 32], |key| key.digest);
    let fits: bool = digest_of(secret).ct_eq(&expected).into();
    Ok(found.filter(|_| fits).map(|key| key.grant))
}

fn parts(sent: &str) -> Option<(&str, &str)> {
    let rest = sent.strip_prefix(PREFIX)?;
    (sent.len() <= KEY_CHARS_MAX).then_some(())?;
    rest.split_once('_')
}
