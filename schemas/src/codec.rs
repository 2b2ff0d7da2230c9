//! How a record becomes bytes: Confluent framing around an Avro body.
//!
//! ```text
//! byte 0      magic, always 0
//! bytes 1..5  schema id, big-endian, from `schemas.lock.json`
//! bytes 5..   the Avro body, written with that schema
//! ```
//!
//! It is not: a registry client, and not a place for meaning. All payload encoding of the system is
//! here, so that sealing payloads under an athlete's key has one place to go.
//!
//! Invariants: encoding is deterministic; decoding never panics, and never allocates more than
//! `MAX_ALLOCATION_BYTES` because a length field says so; a value that decodes was consumed whole.

mod body;
mod de;
pub(crate) mod registry;
mod ser;

use crate::table::AvroRecord;
use serde::Serialize;

/// No string, body or collection of a record may be larger. Bodies are cut at 16 MiB where they are
/// received, so four times that is out of reach for anything we wrote.
pub(crate) const MAX_ALLOCATION_BYTES: usize = 64 * 1024 * 1024;

const MAGIC: u8 = 0;
/// Where a buffer begins: most facts fit, and a larger one doubles from here.
const INITIAL_BYTES: usize = 1024;

/// Why bytes are not a record. Callers make a dead letter of it; nothing here is worth a retry.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("value begins with {found:#04x} instead of the magic byte 0")]
    BadMagic { found: u8 },
    #[error("schema id {id} is not in the lock file")]
    UnknownSchema { id: u32 },
    #[error("value is a {found}, not a {expected}")]
    OtherRecord {
        expected: &'static str,
        found: &'static str,
    },
    #[error("value ends before its record does")]
    Truncated,
    #[error("{count} bytes follow the record")]
    TrailingBytes { count: usize },
    #[error("body of the {record} does not follow its schema")]
    Malformed {
        record: &'static str,
        #[source]
        source: apache_avro::Error,
    },
}

/// The framed bytes of a record, under its present schema.
pub fn encode<T: AvroRecord>(record: &T) -> Vec<u8> {
    let entry = registry::present::<T>();
    let mut bytes = Vec::with_capacity(INITIAL_BYTES);
    bytes.push(MAGIC);
    bytes.extend_from_slice(&entry.id.to_be_bytes());
    body::write(record, &mut bytes);
    bytes
}

/// The bytes of a part of a record, without a frame: equal for equal values, for hashing only.
#[expect(
    clippy::expect_used,
    reason = "as for whole records: a part of one has bytes"
)]
pub fn canonical_bytes<T: Serialize>(part: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(PART_BYTES_USUAL);
    ser::append(part, &mut bytes).expect("a part of a record must be of kinds that have bytes");
    bytes
}

/// Most parts are smaller; a larger one grows its buffer.
const PART_BYTES_USUAL: usize = 256;

/// Reads a record of a known type, whichever version of its schema it was written with.
pub fn decode<T: AvroRecord>(bytes: &[u8]) -> Result<T, DecodeError> {
    let (entry, rest) = split(bytes)?;
    if entry.slot != T::SLOT {
        return Err(DecodeError::OtherRecord {
            expected: T::NAME,
            found: entry.name,
        });
    }
    body::read(entry, rest)
}

/// The record's name, by the schema id of the frame; the body is not looked at.
pub fn name_of(bytes: &[u8]) -> Result<&'static str, DecodeError> {
    split(bytes).map(|(entry, _)| entry.name)
}

/// CRC-64-AVRO fingerprint of a record's present schema in hex, for the header of that name.
pub fn fingerprint(name: &str) -> Option<&'static str> {
    registry::by_name(name).map(|entry| entry.fingerprint.as_str())
}

fn split(bytes: &[u8]) -> Result<(&'static registry::Entry, &[u8]), DecodeError> {
    match bytes {
        [] => Err(DecodeError::Truncated),
        [MAGIC, a, b, c, d, rest @ ..] => {
            let id = u32::from_be_bytes([*a, *b, *c, *d]);
            let entry = registry::by_id(id).ok_or(DecodeError::UnknownSchema { id })?;
            Ok((entry, rest))
        }
        [MAGIC, ..] => Err(DecodeError::Truncated),
        [found, ..] => Err(DecodeError::BadMagic { found: *found }),
    }
}
