//! Whether the files of the contract agree with each other: `sudor schemas check`, and a test.
//!
//! Looks at the texts only, so that it can say what is wrong where the codec would refuse to start.

use std::collections::BTreeMap;

use crate::compatibility::{self, Incompatible};
use crate::lock::{self, Lock, LockedVersion};
use crate::table::{HISTORY, NAMES, PRESENT, SchemaFile};

/// What is wrong with the contract's files, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("schemas.lock.json is not a lock file")]
    Lock(#[source] serde_json::Error),
    #[error("{file} is not an Avro schema")]
    Schema {
        file: &'static str,
        #[source]
        source: Box<apache_avro::Error>,
    },
    #[error(
        "{record} changed but its old text is not kept: copy what {file} was to \
         avsc/history/v{version}/{record}.avsc and list it in HISTORY of src/table.rs"
    )]
    OldTextLost {
        record: &'static str,
        file: String,
        version: u32,
    },
    #[error(
        "schemas.lock.json does not hold what avsc/ says now ({subject}): run \
         `cargo run -p schemas --example accept` and commit the lock file"
    )]
    LockOutdated { subject: String },
    #[error(
        "id {id} of schemas.lock.json stands for two schemas, in {one} and in {other}: two changes took \
         it at once; take what the later one added out of the file, and run \
         `cargo run -p schemas --example accept` again"
    )]
    IdTwice { id: u32, one: String, other: String },
    #[error("version {old} of {subject} may not become version {new}")]
    Incompatible {
        subject: String,
        old: u32,
        new: u32,
        #[source]
        source: Incompatible,
    },
}

/// Checks that the lock file holds the present schemas, that no old text was lost or edited, and
/// that every version of a subject can read every other.
pub fn check() -> Result<(), Fault> {
    let locked = locked()?;
    one_schema_an_id(&locked)?;
    let proposed = propose(&locked)?;
    for (subject, versions) in &proposed.subjects {
        if locked.subjects.get(subject) != Some(versions) {
            return Err(Fault::LockOutdated {
                subject: subject.clone(),
            });
        }
        compatible(subject, versions)?;
    }
    match locked
        .subjects
        .keys()
        .find(|subject| !proposed.subjects.contains_key(*subject))
    {
        Some(subject) => Err(Fault::LockOutdated {
            subject: subject.clone(),
        }),
        None => Ok(()),
    }
}

/// One version of a subject, with its text.
#[derive(Clone, Debug)]
pub struct SubjectVersion {
    pub subject: String,
    pub version: u32,
    /// In the lock file.
    pub id: u32,
    pub text: &'static str,
}

/// Everything that was ever a schema here: by subject, oldest first, as a registry has to hear it.
pub fn versions() -> Result<Vec<SubjectVersion>, Fault> {
    let subjects = locked()?.subjects.into_iter();
    let versions = subjects.flat_map(|(subject, versions)| {
        versions.into_iter().map(move |one| SubjectVersion {
            subject: subject.clone(),
            version: one.version,
            id: one.id,
            text: text(&one.file),
        })
    });
    Ok(versions.collect())
}

/// The lock file as it is.
pub fn locked() -> Result<Lock, Fault> {
    serde_json::from_str(lock::TEXT).map_err(Fault::Lock)
}

/// The lock file as it should be: `locked`, with a version added for every schema that is new.
pub fn propose(locked: &Lock) -> Result<Lock, Fault> {
    let mut proposed = Lock::default();
    let mut next_id = highest_id(locked) + 1;
    for (subject, record) in lock::subject_names() {
        let Some((name, file)) = NAMES.iter().zip(PRESENT).find(|(name, _)| **name == record)
        else {
            continue;
        };
        let mut versions = locked.subjects.get(&subject).cloned().unwrap_or_default();
        let mut now = describe(file)?;
        let newest_is_kept = keep_old_texts(name, file, &now, &mut versions)?;
        if !newest_is_kept {
            now.version = versions.last().map_or(1, |last| last.version + 1);
            now.id = id_in_other_subject(&proposed, &now).unwrap_or(next_id);
            next_id = next_id.max(now.id + 1);
            versions.push(now);
        }
        proposed.subjects.insert(subject, versions);
    }
    Ok(proposed)
}

/// Points replaced versions at their text in the history; says whether the newest is still `now`.
fn keep_old_texts(
    record: &'static str,
    present: &SchemaFile,
    now: &LockedVersion,
    versions: &mut [LockedVersion],
) -> Result<bool, Fault> {
    let newest = versions.len();
    for (place, version) in versions.iter_mut().enumerate() {
        if place + 1 == newest && version.shape == now.shape {
            version.file = present.file.to_owned();
            return Ok(true);
        }
        version.file = kept_text(record, version)?.file.to_owned();
    }
    Ok(false)
}

fn kept_text(record: &'static str, version: &LockedVersion) -> Result<&'static SchemaFile, Fault> {
    let of_record = format!("/{record}.avsc");
    for kept in HISTORY
        .iter()
        .filter(|kept| kept.file.ends_with(&of_record))
    {
        if describe(kept)?.shape == version.shape {
            return Ok(kept);
        }
    }
    Err(Fault::OldTextLost {
        record,
        file: version.file.clone(),
        version: version.version,
    })
}

/// A schema's line in the lock file; version and id are filled in by the caller.
fn describe(file: &SchemaFile) -> Result<LockedVersion, Fault> {
    let schema = apache_avro::Schema::parse_str(file.text).map_err(|e| Fault::Schema {
        file: file.file,
        source: Box::new(e),
    })?;
    Ok(LockedVersion {
        version: 0,
        id: 0,
        fingerprint: lock::fingerprint_of(&schema),
        shape: lock::shape_of(file.text).map_err(Fault::Lock)?,
        file: file.file.to_owned(),
    })
}

/// A record in several topics has one id in all of them.
fn id_in_other_subject(lock: &Lock, now: &LockedVersion) -> Option<u32> {
    let mut all = lock.subjects.values().flatten();
    all.find(|version| version.shape == now.shape)
        .map(|version| version.id)
}

/// Two branches that were merged can each have taken the next id, and no line of the file conflicts.
fn one_schema_an_id(lock: &Lock) -> Result<(), Fault> {
    let mut known: BTreeMap<u32, (&str, &str)> = BTreeMap::new();
    for (subject, versions) in &lock.subjects {
        for version in versions {
            let (shape, one) = *known.entry(version.id).or_insert((&version.shape, subject));
            if shape != version.shape {
                return Err(Fault::IdTwice {
                    id: version.id,
                    one: one.to_owned(),
                    other: subject.clone(),
                });
            }
        }
    }
    Ok(())
}

fn highest_id(lock: &Lock) -> u32 {
    lock.subjects
        .values()
        .flatten()
        .map(|version| version.id)
        .max()
        .unwrap_or(0)
}

fn compatible(subject: &str, versions: &[LockedVersion]) -> Result<(), Fault> {
    for (place, old) in versions.iter().enumerate() {
        for new in versions.iter().skip(place + 1) {
            compatibility::full(text(&old.file), text(&new.file)).map_err(|source| {
                Fault::Incompatible {
                    subject: subject.to_owned(),
                    old: old.version,
                    new: new.version,
                    source,
                }
            })?;
        }
    }
    Ok(())
}

/// The text behind a file name of the lock; a name outside of the table reads as no schema.
fn text(file: &str) -> &'static str {
    let found = PRESENT
        .iter()
        .chain(HISTORY)
        .find(|known| known.file == file);
    found.map_or("", |known| known.text)
}

#[cfg(test)]
mod tests {
    use super::{locked, one_schema_an_id};

    #[test]
    fn an_id_that_two_changes_took_is_told_with_both_subjects() {
        let mut lock = locked().unwrap();
        assert!(one_schema_an_id(&lock).is_ok());
        let mut newest: Vec<(u32, String, usize)> = Vec::new();
        for (subject, versions) in &lock.subjects {
            let last = versions.iter().enumerate().next_back();
            newest.extend(last.map(|(at, version)| (version.id, subject.clone(), at)));
        }
        newest.sort();
        let (id, one, _) = newest.first().cloned().unwrap();
        let (_, other, at) = newest.last().cloned().unwrap();
        lock.subjects.get_mut(&other).unwrap()[at].id = id;
        let told = one_schema_an_id(&lock).unwrap_err().to_string();
        assert!(told.contains(&one) && told.contains(&other), "{told}");
    }
}
