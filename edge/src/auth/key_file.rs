//! Keys in a file that an operator keeps: one for all processes of a service, out of whatever keeps
//! its secrets.
//!
//! A line is a key, what it allows, and the athlete that it is bound to, if any:
//! `sudor_<id>_<secret> read:all,ingest [athlete]`. What follows a `#` at its beginning is a remark.
//!
//! The file is looked at again when it was replaced. A file that cannot be read, or has a line that
//! means nothing, lets nobody in: what was taken out of it must not go on counting.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::{Grant, KeyStore, KeyStoreError, Scope, StoredKey, digest_of, parts};

/// `openssl rand -hex 16` has as many.
const SECRET_CHARS_MIN: usize = 32;

/// Why a line is no key. No text of the line is in it, because a secret may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyLineError {
    #[error("no key: `sudor_ID_SECRET SCOPE[,SCOPE] [ATHLETE]` is one")]
    Shape,
    #[error("the secret is shorter than {SECRET_CHARS_MIN} characters")]
    Short,
    #[error("no scope: ingest, read:athlete, read:all and admin are")]
    Scope,
    #[error(transparent)]
    Binding(#[from] BindingError),
    #[error("the id is that of a line before")]
    Twice,
}

/// A scope and the athlete of a key that do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindingError {
    #[error("read:athlete is for one athlete, and none is named")]
    NoAthlete,
    #[error("a key for one athlete cannot read all of them")]
    TooWide,
}

/// Who reads one athlete is bound to one, and who is bound cannot reach further.
pub fn check_binding(
    scopes: &BTreeSet<Scope>,
    athlete_id: Option<&str>,
) -> Result<(), BindingError> {
    match athlete_id {
        None if scopes.contains(&Scope::ReadAthlete) => Err(BindingError::NoAthlete),
        Some(_) if scopes.contains(&Scope::ReadAll) || scopes.contains(&Scope::Admin) => {
            Err(BindingError::TooWide)
        }
        _ => Ok(()),
    }
}

#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable {
        path: PathBuf,
        cause: std::io::Error,
    },
    #[error("{}, line {line}: {cause}", path.display())]
    Line {
        path: PathBuf,
        line: usize,
        cause: KeyLineError,
    },
}

pub struct KeyFile {
    path: PathBuf,
    loaded: Mutex<Loaded>,
}

struct Loaded {
    modified: SystemTime,
    keys: BTreeMap<String, StoredKey>,
}

impl KeyFile {
    pub fn open(path: &Path) -> Result<Self, KeyFileError> {
        Ok(Self {
            path: path.to_owned(),
            loaded: Mutex::new(load(path)?),
        })
    }

    fn with<T>(&self, look: impl FnOnce(&Loaded) -> T) -> Result<T, KeyStoreError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = |error: KeyFileError| KeyStoreError(Box::new(error));
        if modified(&self.path).map_err(refused)? != loaded.modified {
            *loaded = load(&self.path).map_err(refused)?;
        }
        Ok(look(&loaded))
    }
}

impl KeyStore for KeyFile {
    fn find(&self, key_id: &str) -> Result<Option<StoredKey>, KeyStoreError> {
        self.with(|loaded| loaded.keys.get(key_id).cloned())
    }

    fn count(&self) -> Result<usize, KeyStoreError> {
        self.with(|loaded| loaded.keys.len())
    }
}

/// A later change of the file is seen, because its time is read before its text.
fn load(path: &Path) -> Result<Loaded, KeyFileError> {
    let modified = modified(path)?;
    let text = fs::read_to_string(path).map_err(|cause| unreadable(path, cause))?;
    let mut keys = BTreeMap::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let added = key_of(line).and_then(|key| match keys.insert(key.grant.key_id.clone(), key) {
            None => Ok(()),
            Some(_) => Err(KeyLineError::Twice),
        });
        added.map_err(|cause| KeyFileError::Line {
            path: path.to_owned(),
            line: at + 1,
            cause,
        })?;
    }
    Ok(Loaded { modified, keys })
}

fn key_of(line: &str) -> Result<StoredKey, KeyLineError> {
    let mut words = line.split_whitespace();
    let (Some(key), Some(scopes), athlete, None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(KeyLineError::Shape);
    };
    let (key_id, secret) = parts(key)
        .filter(|(key_id, _)| !key_id.is_empty())
        .ok_or(KeyLineError::Shape)?;
    if secret.len() < SECRET_CHARS_MIN {
        return Err(KeyLineError::Short);
    }
    let scopes: Option<BTreeSet<Scope>> = scopes.split(',').map(Scope::of_word).collect();
    let scopes = scopes.ok_or(KeyLineError::Scope)?;
    check_binding(&scopes, athlete)?;
    Ok(StoredKey {
        grant: Grant {
            key_id: key_id.to_owned(),
            scopes,
            athlete_id: athlete.map(str::to_owned),
        },
        digest: digest_of(secret),
    })
}

fn modified(path: &Path) -> Result<SystemTime, KeyFileError> {
    fs::metadata(path)
        .and_then(|about| about.modified())
        .map_err(|cause| unreadable(path, cause))
}

fn unreadable(path: &Path, cause: std::io::Error) -> KeyFileError {
    KeyFileError::Unreadable {
        path: path.to_owned(),
        cause,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::check;
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    /// A file of this text, as of the given second.
    fn write(path: &Path, second: u64, text: &str) {
        fs::write(path, text).unwrap();
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(second))
            .unwrap();
    }

    #[test]
    fn a_line_is_a_key_and_what_it_allows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let text = format!(
            "# of the platform\n\nsudor_ops_{SECRET} read:all,ingest\n  sudor_app_{SECRET} read:athlete anna \n"
        );
        write(&path, 1, &text);
        let keys = KeyFile::open(&path).unwrap();
        assert_eq!(keys.count().unwrap(), 2);
        let ops = check(&keys, &format!("sudor_ops_{SECRET}"))
            .unwrap()
            .unwrap();
        assert!(ops.has(Scope::ReadAll) && ops.has(Scope::Ingest) && !ops.has(Scope::Admin));
        let app = check(&keys, &format!("sudor_app_{SECRET}"))
            .unwrap()
            .unwrap();
        assert!(app.reaches("anna") && !app.reaches("ben"));
        let wrong = format!("sudor_ops_{}", SECRET.replace('0', "1"));
        assert_eq!(check(&keys, &wrong).unwrap(), None);
    }

    #[test]
    fn what_is_taken_out_of_the_file_lets_nobody_in() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let (one, two) = (
            format!("sudor_one_{SECRET} admin\n"),
            format!("sudor_two_{SECRET} admin\n"),
        );
        write(&path, 1, &one);
        let keys = KeyFile::open(&path).unwrap();
        write(&path, 2, &two);
        assert!(keys.find("one").unwrap().is_none() && keys.find("two").unwrap().is_some());
        write(&path, 3, "sudor_two admin");
        assert!(keys.find("two").is_err(), "a bad file is no file");
        fs::remove_file(&path).unwrap();
        assert!(keys.find("two").is_err());
    }

    #[test]
    fn a_line_that_means_nothing_is_named_without_its_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let cases = [
            (format!("sudor_a_{SECRET}"), KeyLineError::Shape),
            (format!("sudor__{SECRET} admin"), KeyLineError::Shape),
            (format!("a_{SECRET} admin"), KeyLineError::Shape),
            (
                format!("sudor_a_{SECRET} admin anna ben"),
                KeyLineError::Shape,
            ),
            ("sudor_a_short admin".to_owned(), KeyLineError::Short),
            (format!("sudor_a_{SECRET} all"), KeyLineError::Scope),
            (
                format!("sudor_a_{SECRET} read:athlete"),
                BindingError::NoAthlete.into(),
            ),
            (
                format!("sudor_a_{SECRET} admin anna"),
                BindingError::TooWide.into(),
            ),
            (
                format!("sudor_a_{SECRET} admin\nsudor_a_{SECRET} ingest"),
                KeyLineError::Twice,
            ),
        ];
        for (text, expected) in cases {
            write(&path, 1, &text);
            let Err(error) = KeyFile::open(&path) else {
                panic!("accepted: {text}")
            };
            let said = error.to_string();
            assert!(said.ends_with(&expected.to_string()), "{text}: {said}");
            assert!(!said.contains(SECRET), "{said}");
        }
    }
}
