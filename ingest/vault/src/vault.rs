//! The vault: one file behind one writer, and a copy in memory for all readers.
//!
//! Writers that come at the same time share a commit. Each puts its write into a queue and then
//! waits for the connection; who gets it commits everything that is queued, so that registering
//! thousands of athletes costs as many fsyncs as there were pauses, not as there were athletes.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use edge::{UnixMicros, private};
use ingest_connectors::port::{AthleteRef, Callback, Change, Registry, RegistryError, Tokens};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::control::{self, Journal};
use crate::fetching;
use crate::file::{self, Write};
use crate::key::Key;
use crate::memory::{Athlete, Connection, Memory};

const FILE_NAME: &str = "vault.db";
const KEY_FILE_NAME: &str = "vault.key";

/// Athletes of one account: each item of it becomes as many records. Concurrent links may pass it
/// by a few; it bounds, it does not count.
const ATHLETES_PER_ACCOUNT_MAX: usize = 16;

/// Accounts of one athlete, over all providers.
const ACCOUNTS_PER_ATHLETE_MAX: usize = 64;

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("the vault {path} cannot be opened")]
    Open {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("the vault {path} cannot be read")]
    Read {
        path: PathBuf,
        source: rusqlite::Error,
    },
    #[error("the vault {path} has format {found}, and this program knows {known}", known = file::FORMAT)]
    Format { path: PathBuf, found: String },
    #[error("the key file {path} cannot be read or made")]
    KeyFile {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("the file {path} is no vault key: it needs 64 hexadecimal digits")]
    NotAKey { path: PathBuf },
    #[error("the key {path} did not seal this vault; put the right key back, or start a new vault")]
    WrongKey { path: PathBuf },
    #[error("the key {path} is gone but the vault was sealed with it; put it back")]
    KeyGone { path: PathBuf },
    #[error("the vault could not be written")]
    Write(#[source] Arc<rusqlite::Error>),
    #[error("a token could not be read")]
    Unseal(#[source] rusqlite::Error),
    #[error("the vault could not be asked")]
    Query(#[source] rusqlite::Error),
    #[error("a sealed token does not open: it was altered, or sealed for something else")]
    Unsealable,
    #[error("the system gives no random bytes")]
    NoRandomness,
    #[error("the write could not be told to the other nodes")]
    Journal(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error(
        "a token of the cluster was sealed with the key {found}, and the vault here has {own}: give every node the same vault.key_file"
    )]
    OtherKey { found: String, own: String },
    #[error("too many API keys are valid, or the name is too long")]
    KeyLimit,
}

/// Athletes, accounts and sealed tokens.
pub struct Vault {
    key: Key,
    memory: RwLock<Memory>,
    /// Bounded by its callers: each waits until its own write is done.
    queue: Mutex<Vec<Queued>>,
    connection: Mutex<rusqlite::Connection>,
    /// Where other nodes hear of a write; none on one machine.
    journal: OnceLock<Arc<dyn Journal>>,
}

struct Queued {
    write: Write,
    done: SyncSender<Result<Change, Arc<rusqlite::Error>>>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Vault")
            .field("key_id", &self.key.id)
            .finish_non_exhaustive()
    }
}

impl Vault {
    /// Opens or makes the vault in a folder (or the file itself, where `place` ends in `.db`).
    ///
    /// Without `key_file` the key lies beside the vault and is made with it; a given key file has
    /// to be there.
    pub fn open(place: &Path, key_file: Option<&Path>) -> Result<Self, VaultError> {
        let is_file = place.extension().is_some_and(|extension| extension == "db");
        let path = if is_file {
            place.to_owned()
        } else {
            place.join(FILE_NAME)
        };
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        let failed = |source| VaultError::Open {
            path: path.clone(),
            source,
        };
        if !folder.as_os_str().is_empty() {
            private::folder(&folder).map_err(failed)?;
        }
        if !path.exists() {
            private::new(&path).map_err(failed)?;
        }
        let unread = |source| VaultError::Read {
            path: path.clone(),
            source,
        };
        let connection = file::open(&path).map_err(unread)?;
        check_format(&connection, &path)?;
        let key = key_of(&connection, &path, &folder.join(KEY_FILE_NAME), key_file)?;
        let memory = file::load(&connection).map_err(unread)?;
        Ok(Self {
            key,
            memory: RwLock::new(memory),
            queue: Mutex::default(),
            connection: Mutex::new(connection),
            journal: OnceLock::new(),
        })
    }

    /// All athletes, by tenant and id.
    pub fn list_athletes(&self) -> Vec<Athlete> {
        let memory = self.memory.read().unwrap_or_else(PoisonError::into_inner);
        let athlete = |(athlete, registered_at): (&AthleteRef, &UnixMicros)| Athlete {
            athlete: athlete.clone(),
            registered_at: *registered_at,
        };
        memory.athletes.iter().map(athlete).collect()
    }

    /// The accounts of an athlete, ended ones included, by provider and account.
    pub fn connections_of(&self, athlete: &AthleteRef) -> Vec<Connection> {
        self.memory
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .connections_of(athlete)
    }

    /// The tokens of a connection, if there are any.
    pub fn unseal(
        &self,
        athlete: &AthleteRef,
        provider: &str,
        account_id: &str,
    ) -> Result<Option<Tokens>, VaultError> {
        let found = file::sealed(&lock(&self.connection), athlete, provider, account_id)
            .map_err(VaultError::Unseal)?;
        let Some((key_id, sealed)) = found else {
            return Ok(None);
        };
        if key_id != self.key.id {
            return Err(VaultError::Unsealable);
        }
        let plain = self
            .key
            .open(&sealed, &bound_to(athlete, provider, account_id))?;
        tokens_of(&plain).map(Some).ok_or(VaultError::Unsealable)
    }

    /// A key to sign with, the same for the same purpose as long as the vault's key is the same.
    pub fn signing_key(&self, purpose: &str) -> [u8; 32] {
        self.key.derived(purpose)
    }

    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    pub(crate) fn read<T>(
        &self,
        query: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T>,
    ) -> Result<T, VaultError> {
        query(&lock(&self.connection)).map_err(VaultError::Query)
    }

    pub(crate) fn write_fetching(&self, write: file::fetching::Fetching) -> Result<(), VaultError> {
        self.write(Write::Fetching(write)).map(|_| ())
    }

    /// From now on other nodes hear of every write before it is one.
    pub fn share(&self, journal: Arc<dyn Journal>) {
        self.journal.get_or_init(|| journal);
    }

    /// Returns when the write is durable and readers see it.
    fn write(&self, write: Write) -> Result<Change, VaultError> {
        let Some(journal) = self.journal.get() else {
            return self.write_here(vec![write]);
        };
        let (entries, change) = self.with_memory(|memory| {
            let entries = control::entries_of(&write, memory);
            (entries, memory.would(&write))
        });
        if !entries.is_empty() {
            journal.write(entries).map_err(VaultError::Journal)?;
        }
        // It may have been heard of already, so that it is not new here any more.
        self.write_here(vec![write]).map(|_| change)
    }

    pub(crate) fn with_memory<T>(&self, look: impl FnOnce(&Memory) -> T) -> T {
        look(&self.memory.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What others have been told of, or need not be. In one commit, or more of them.
    pub(crate) fn write_all(&self, writes: Vec<Write>) -> Result<(), VaultError> {
        self.write_here(writes).map(|_| ())
    }

    /// What the last of them found.
    fn write_here(&self, writes: Vec<Write>) -> Result<Change, VaultError> {
        let mut outcome = None;
        {
            let mut queue = lock(&self.queue);
            for write in writes {
                let (done, told) = sync_channel(1);
                queue.push(Queued { write, done });
                outcome = Some(told);
            }
        }
        let Some(outcome) = outcome else {
            return Ok(Change::Updated);
        };
        {
            let mut connection = lock(&self.connection);
            let batch = std::mem::take(&mut *lock(&self.queue));
            if !batch.is_empty() {
                self.commit(&mut connection, batch);
            }
        }
        // Whoever had the connection before has answered already, or this call has itself: the
        // channel only ends without an answer when that one panicked.
        match outcome.recv() {
            Ok(Ok(change)) => Ok(change),
            Ok(Err(error)) => Err(VaultError::Write(error)),
            Err(_) => Err(VaultError::Write(Arc::new(rusqlite::Error::InvalidQuery))),
        }
    }

    fn commit(&self, connection: &mut rusqlite::Connection, batch: Vec<Queued>) {
        let committed = file::commit(connection, batch.iter().map(|queued| &queued.write));
        let failure = committed.err().map(Arc::new);
        let mut memory = self.memory.write().unwrap_or_else(PoisonError::into_inner);
        for queued in batch {
            let outcome = match &failure {
                None => Ok(memory.apply(&queued.write)),
                Some(failure) => Err(failure.clone()),
            };
            // A caller that is gone needs no answer.
            drop(queued.done.send(outcome));
        }
    }
}

impl Registry for Vault {
    fn athlete_exists(&self, athlete: &AthleteRef) -> bool {
        let memory = self.memory.read().unwrap_or_else(PoisonError::into_inner);
        memory.athletes.contains_key(athlete)
    }

    fn athletes_linked(&self, provider: &str, account_id: &str) -> Vec<AthleteRef> {
        let memory = self.memory.read().unwrap_or_else(PoisonError::into_inner);
        memory.owners(provider, account_id)
    }

    fn register(&self, athlete: &AthleteRef, at: UnixMicros) -> Result<Change, RegistryError> {
        // Known already and never changed: a restart that registers everyone again writes nothing.
        if self.athlete_exists(athlete) {
            return Ok(Change::Updated);
        }
        self.write(Write::Register {
            athlete: athlete.clone(),
            at,
        })
        .map_err(unavailable)
    }

    fn link(
        &self,
        athlete: &AthleteRef,
        provider: &str,
        account_id: &str,
        at: UnixMicros,
    ) -> Result<Change, RegistryError> {
        let owners = self.athletes_linked(provider, account_id);
        if owners.contains(athlete) {
            return Ok(Change::Updated);
        }
        if owners.len() >= ATHLETES_PER_ACCOUNT_MAX {
            return Err(RegistryError::TooMany {
                limit: "athletes of one account",
            });
        }
        if self.connections_of(athlete).len() >= ACCOUNTS_PER_ATHLETE_MAX {
            return Err(RegistryError::TooMany {
                limit: "accounts of one athlete",
            });
        }
        self.write(Write::Link {
            athlete: athlete.clone(),
            provider: provider.to_owned(),
            account_id: account_id.to_owned(),
            at,
        })
        .map_err(unavailable)
    }

    fn deregister(
        &self,
        provider: &str,
        account_id: &str,
        at: UnixMicros,
    ) -> Result<(), RegistryError> {
        let (provider, account_id) = (provider.to_owned(), account_id.to_owned());
        let written = self.write(Write::Deregister {
            provider,
            account_id,
            at,
        });
        written.map(|_| ()).map_err(unavailable)
    }
}

impl ingest_connectors::port::Vault for Vault {
    fn seal(
        &self,
        athlete: &AthleteRef,
        provider: &str,
        account_id: &str,
        tokens: &Tokens,
    ) -> Result<(), RegistryError> {
        let words = bound_to(athlete, provider, account_id);
        let sealed = self.key.seal(&plain(tokens), &words).map_err(unavailable)?;
        let written = self.write(Write::Seal {
            athlete: athlete.clone(),
            provider: provider.to_owned(),
            account_id: account_id.to_owned(),
            key_id: self.key.id.clone(),
            sealed,
        });
        written.map(|_| ()).map_err(unavailable)
    }

    fn unseal(
        &self,
        athlete: &AthleteRef,
        provider: &str,
        account_id: &str,
    ) -> Result<Option<Tokens>, RegistryError> {
        Self::unseal(self, athlete, provider, account_id).map_err(unavailable)
    }

    fn seal_callbacks(&self, callbacks: &[Callback], at: UnixMicros) -> Result<(), RegistryError> {
        fetching::seal_callbacks(self, callbacks, at).map_err(unavailable)
    }

    fn unseal_callback(&self, reference: &str) -> Result<Option<SecretString>, RegistryError> {
        fetching::unseal_callback(self, reference).map_err(unavailable)
    }

    fn destroy_callback(&self, reference: &str) -> Result<(), RegistryError> {
        fetching::destroy_callback(self, reference).map_err(unavailable)
    }
}

fn check_format(connection: &rusqlite::Connection, path: &Path) -> Result<(), VaultError> {
    let unread = |source| VaultError::Read {
        path: path.to_owned(),
        source,
    };
    let format = file::FORMAT.to_string();
    match file::meta(connection, "format").map_err(unread)? {
        None => file::put_meta(connection, "format", &format).map_err(unread),
        Some(found) if found == format => Ok(()),
        Some(found) if file::FORMATS_BEFORE.contains(&found.as_str()) => {
            file::put_meta(connection, "format", &format).map_err(unread)
        }
        Some(found) => Err(VaultError::Format {
            path: path.to_owned(),
            found,
        }),
    }
}

/// The key that sealed the vault; a new vault takes the one that is given, or a new one.
fn key_of(
    connection: &rusqlite::Connection,
    path: &Path,
    beside: &Path,
    given: Option<&Path>,
) -> Result<Key, VaultError> {
    let unread = |source| VaultError::Read {
        path: path.to_owned(),
        source,
    };
    let sealed_with = file::meta(connection, "key_id").map_err(unread)?;
    let key_path = given.unwrap_or(beside);
    let key = if given.is_some() || key_path.exists() {
        Key::read(key_path)?
    } else if sealed_with.is_some() {
        return Err(VaultError::KeyGone {
            path: key_path.to_owned(),
        });
    } else {
        Key::create(key_path)?
    };
    match sealed_with {
        None => file::put_meta(connection, "key_id", &key.id).map_err(unread)?,
        Some(id) if id == key.id => {}
        Some(_) => {
            return Err(VaultError::WrongKey {
                path: key_path.to_owned(),
            });
        }
    }
    Ok(key)
}

fn bound_to<'a>(athlete: &'a AthleteRef, provider: &'a str, account_id: &'a str) -> [&'a str; 4] {
    [
        &athlete.tenant_id,
        &athlete.athlete_id,
        provider,
        account_id,
    ]
}

fn plain(tokens: &Tokens) -> Vec<u8> {
    let text = |token: &Option<secrecy::SecretString>| {
        token.as_ref().map(|token| token.expose_secret().to_owned())
    };
    json!({
        "access_token": text(&tokens.access_token),
        "refresh_token": text(&tokens.refresh_token),
        "expires_at": tokens.expires_at_unix_s,
        "scopes": tokens.scopes,
    })
    .to_string()
    .into_bytes()
}

fn tokens_of(plain: &[u8]) -> Option<Tokens> {
    let value: Value = serde_json::from_slice(plain).ok()?;
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let scopes = value.get("scopes")?.as_array()?;
    Some(Tokens {
        access_token: text("access_token").map(Into::into),
        refresh_token: text("refresh_token").map(Into::into),
        expires_at_unix_s: value.get("expires_at").and_then(Value::as_i64),
        scopes: scopes
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
    })
}

pub(crate) fn unavailable(error: VaultError) -> RegistryError {
    RegistryError::Unavailable(Box::new(error))
}

/// A panic under one of these locks leaves what they guard whole: a queue that was taken, or a
/// transaction that was rolled back.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
