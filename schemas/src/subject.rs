//! The subjects as a registry and `sudor schemas list` show them.

use crate::codec::registry;

/// The present version of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// `<topic>-sudor.<Record>`.
    pub name: String,
    pub id: u32,
    pub version: u32,
    /// CRC-64-AVRO of the canonical form, hex.
    pub fingerprint: String,
}

/// Every subject with its newest version, by name.
pub fn subjects() -> Vec<Subject> {
    let lock = registry::lock();
    let newest = lock.subjects.into_iter().filter_map(|(name, versions)| {
        let version = versions.into_iter().next_back()?;
        Some(Subject {
            name,
            id: version.id,
            version: version.version,
            fingerprint: version.fingerprint,
        })
    });
    newest.collect()
}
