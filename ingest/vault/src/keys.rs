//! API keys in `vault.db`: a digest of each secret, what it allows, and when it was taken back.
//!
//! The service reads them through a connection of its own and looks, for every request, whether
//! another process has written since: a key that `sudor keys` makes or revokes beside a running
//! service counts from the next request on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aes_gcm::aead::Generate;
use edge::UnixMicros;
use edge::auth::{Grant, KeyStore, KeyStoreError, Scope, StoredKey, digest_of, key_text};
use rusqlite::{Connection, params};

use crate::file;
use crate::key::hex;
use crate::vault::VaultError;

/// Keys that may be valid at a time.
const KEYS_MAX: usize = 10_000;
const NAME_CHARS_MAX: usize = 128;
const ID_BYTES: usize = 6;
const SECRET_BYTES: usize = 32;

pub(crate) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS api_keys (
  key_id TEXT PRIMARY KEY, name TEXT NOT NULL, scopes TEXT NOT NULL, athlete_id TEXT,
  digest BLOB NOT NULL, created_at_us INTEGER NOT NULL, revoked_at_us INTEGER
) STRICT, WITHOUT ROWID;
";

/// A key without its secret, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEntry {
    pub key_id: String,
    pub name: String,
    pub scopes: BTreeSet<Scope>,
    pub athlete_id: Option<String>,
    pub created_at: UnixMicros,
    pub revoked_at: Option<UnixMicros>,
}

/// What a new key is to be.
#[derive(Clone, Debug)]
pub struct NewKey {
    pub name: String,
    pub scopes: BTreeSet<Scope>,
    pub athlete_id: Option<String>,
}

/// The keys of one vault.
pub struct ApiKeys(Mutex<Loaded>);

struct Loaded {
    connection: Connection,
    /// What the file said of itself when `valid` was read.
    version: Option<i64>,
    valid: BTreeMap<String, StoredKey>,
}

impl ApiKeys {
    /// The vault's file has to be there.
    pub fn open(path: &Path) -> Result<Self, VaultError> {
        let connection = file::open(path).map_err(VaultError::Query)?;
        Ok(Self(Mutex::new(Loaded {
            connection,
            version: None,
            valid: BTreeMap::new(),
        })))
    }

    /// The whole key. It is told once: the file has a digest only.
    pub fn create(&self, new: &NewKey, at: UnixMicros) -> Result<(KeyEntry, String), VaultError> {
        let mut loaded = self.loaded();
        loaded.refresh().map_err(VaultError::Query)?;
        if loaded.valid.len() >= KEYS_MAX || new.name.chars().count() > NAME_CHARS_MAX {
            return Err(VaultError::KeyLimit);
        }
        let random = |_| VaultError::NoRandomness;
        let key_id = hex(&<[u8; ID_BYTES]>::try_generate().map_err(random)?);
        let secret = hex(&<[u8; SECRET_BYTES]>::try_generate().map_err(random)?);
        let digest = digest_of(&secret);
        let write = "INSERT INTO api_keys VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL)";
        let words: Vec<&str> = new.scopes.iter().map(|scope| scope.word()).collect();
        loaded
            .connection
            .execute(
                write,
                params![
                    key_id,
                    new.name,
                    words.join(" "),
                    new.athlete_id,
                    digest,
                    at.0
                ],
            )
            .map_err(VaultError::Query)?;
        loaded.version = None;
        let text = key_text(&key_id, &secret);
        let entry = KeyEntry {
            key_id,
            name: new.name.clone(),
            scopes: new.scopes.clone(),
            athlete_id: new.athlete_id.clone(),
            created_at: at,
            revoked_at: None,
        };
        Ok((entry, text))
    }

    /// All that were ever made, by the time they were made.
    pub fn list(&self) -> Result<Vec<KeyEntry>, VaultError> {
        let loaded = self.loaded();
        let rows = loaded.all().map_err(VaultError::Query)?;
        let mut entries: Vec<KeyEntry> = rows.into_iter().map(|(entry, _)| entry).collect();
        entries.sort_by(|a, b| (a.created_at, &a.key_id).cmp(&(b.created_at, &b.key_id)));
        Ok(entries)
    }

    /// `false` where there is no valid key of that id.
    pub fn revoke(&self, key_id: &str, at: UnixMicros) -> Result<bool, VaultError> {
        let mut loaded = self.loaded();
        let write =
            "UPDATE api_keys SET revoked_at_us = ?2 WHERE key_id = ?1 AND revoked_at_us IS NULL";
        let changed = loaded.connection.execute(write, params![key_id, at.0]);
        loaded.version = None;
        changed.map(|rows| rows > 0).map_err(VaultError::Query)
    }

    fn loaded(&self) -> MutexGuard<'_, Loaded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeyStore for ApiKeys {
    fn find(&self, key_id: &str) -> Result<Option<StoredKey>, KeyStoreError> {
        let mut loaded = self.loaded();
        loaded.refresh().map_err(unreadable)?;
        Ok(loaded.valid.get(key_id).cloned())
    }

    fn count(&self) -> Result<usize, KeyStoreError> {
        let mut loaded = self.loaded();
        loaded.refresh().map_err(unreadable)?;
        Ok(loaded.valid.len())
    }
}

fn unreadable(error: rusqlite::Error) -> KeyStoreError {
    KeyStoreError(Box::new(error))
}

impl Loaded {
    /// SQLite's own count of what others committed: a look into shared memory, not into the file.
    fn refresh(&mut self) -> rusqlite::Result<()> {
        let version = self
            .connection
            .query_row("PRAGMA data_version", [], |row| row.get::<_, i64>(0))?;
        if self.version == Some(version) {
            return Ok(());
        }
        let valid = self
            .all()?
            .into_iter()
            .filter(|(entry, _)| entry.revoked_at.is_none());
        self.valid = valid
            .map(|(entry, digest)| {
                let grant = Grant {
                    key_id: entry.key_id.clone(),
                    scopes: entry.scopes,
                    athlete_id: entry.athlete_id,
                };
                (entry.key_id, StoredKey { grant, digest })
            })
            .collect();
        self.version = Some(version);
        Ok(())
    }

    fn all(&self) -> rusqlite::Result<Vec<(KeyEntry, [u8; 32])>> {
        let mut select = self.connection.prepare_cached(
            "SELECT key_id, name, scopes, athlete_id, created_at_us, revoked_at_us, digest FROM api_keys",
        )?;
        let rows = select.query_map([], |row| {
            let scopes: String = row.get(2)?;
            let entry = KeyEntry {
                key_id: row.get(0)?,
                name: row.get(1)?,
                // A word of a newer program allows nothing here.
                scopes: scopes.split(' ').filter_map(Scope::of_word).collect(),
                athlete_id: row.get(3)?,
                created_at: UnixMicros(row.get(4)?),
                revoked_at: row.get::<_, Option<i64>>(5)?.map(UnixMicros),
            };
            Ok((entry, row.get(6)?))
        })?;
        rows.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(scope: Scope) -> NewKey {
        NewKey {
            name: "an app".to_owned(),
            scopes: BTreeSet::from([scope]),
            athlete_id: Some("anna".to_owned()),
        }
    }

    fn vault() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.db");
        drop(crate::Vault::open(&path, None).unwrap());
        (folder, path)
    }

    #[test]
    fn a_key_made_or_revoked_by_another_process_counts_at_once() {
        let (_folder, path) = vault();
        let service = ApiKeys::open(&path).unwrap();
        let command = ApiKeys::open(&path).unwrap();
        assert_eq!(service.count().unwrap(), 0);
        let (entry, text) = command
            .create(&new(Scope::ReadAthlete), UnixMicros(5))
            .unwrap();
        let found = service.find(&entry.key_id).unwrap().unwrap();
        assert_eq!(found.grant.athlete_id.as_deref(), Some("anna"));
        assert!(found.grant.has(Scope::ReadAthlete) && !found.grant.has(Scope::Ingest));
        assert_eq!(found.digest, digest_of(text.rsplit('_').next().unwrap()));
        assert!(command.revoke(&entry.key_id, UnixMicros(6)).unwrap());
        assert!(!command.revoke(&entry.key_id, UnixMicros(7)).unwrap());
        assert_eq!(service.find(&entry.key_id).unwrap(), None);
        assert_eq!(command.list().unwrap()[0].revoked_at, Some(UnixMicros(6)));
    }

    #[test]
    fn no_file_of_the_vault_has_a_secret() {
        let (folder, path) = vault();
        let keys = ApiKeys::open(&path).unwrap();
        let (_, text) = keys.create(&new(Scope::Admin), UnixMicros(0)).unwrap();
        let secret = text.rsplit('_').next().unwrap().as_bytes().to_vec();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret));
        }
    }
}
