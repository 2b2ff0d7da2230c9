//! The lock file: which subject has which versions, and which id each schema has.
//!
//! An id is for ever: it stands in every frame. Subjects follow TopicRecordNameStrategy,
//! `<topic>-sudor.<Record>`; a record that is in several topics has one id in all of them.

use std::collections::BTreeMap;

use apache_avro::{Schema, rabin::Rabin};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::control;

/// The text of `schemas.lock.json`.
pub(crate) const TEXT: &str = include_str!("../schemas.lock.json");

/// The namespace of every record.
pub const NAMESPACE: &str = "sudor";

/// What `schemas.lock.json` holds: versions by subject, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    pub subjects: BTreeMap<String, Vec<LockedVersion>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedVersion {
    /// Counted from 1 within the subject.
    pub version: u32,
    /// Counted from 1 over all schemas.
    pub id: u32,
    /// CRC-64-AVRO of the canonical form, hex: what headers carry, and what other Avro
    /// libraries compute from the same text.
    pub fingerprint: String,
    /// SHA-256 of everything but the docs. The canonical form leaves defaults and logical types
    /// out, so the fingerprint alone would let a default change in silence.
    pub shape: String,
    /// The path below `avsc/`.
    pub file: String,
}

/// `<topic>-sudor.<Record>` for every topic and each of its records.
pub fn subject_names() -> impl Iterator<Item = (String, &'static str)> {
    control::of_a_cluster().flat_map(|spec| {
        spec.records
            .iter()
            .map(|record| (format!("{}-{NAMESPACE}.{record}", spec.name), *record))
    })
}

/// CRC-64-AVRO of the canonical form, hex.
pub fn fingerprint_of(schema: &Schema) -> String {
    schema.fingerprint::<Rabin>().to_string()
}

/// SHA-256 over the schema's JSON with sorted keys and without docs, hex.
pub fn shape_of(text: &str) -> serde_json::Result<String> {
    let mut canonical = String::new();
    write_sorted(&serde_json::from_str(text)?, &mut canonical);
    let digest = Sha256::digest(canonical.as_bytes());
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Sorts by itself: whether `serde_json` keeps the order of keys depends on features that any crate
/// of a build can turn on.
fn write_sorted(value: &serde_json::Value, out: &mut String) {
    match value {
        serde_json::Value::Object(object) => {
            let sorted: BTreeMap<_, _> = object.iter().filter(|(key, _)| *key != "doc").collect();
            out.push('{');
            for (key, item) in sorted {
                out.push_str(key);
                out.push(':');
                write_sorted(item, out);
                out.push(',');
            }
            out.push('}');
        }
        serde_json::Value::Array(items) => {
            out.push('[');
            for item in items {
                write_sorted(item, out);
                out.push(',');
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}
