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

use std::cell::Cell;

use serde::Serialize;

use crate::table::AvroRecord;

/// No string, body or collection of a record may be larger. Bodies are cut at 16 MiB where they are
/// received, so four times that is out of reach for anything we wrote.
pub(crate) const MAX_ALLOCATION_BYTES: usize = 64 * 1024 * 1024;

const MAGIC: u8 = 0;

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
    with_encoded(record, <[u8]>::to_vec)
}

/// What is written as a record without being one: the same fields in the same order, of which some
/// are borrowed, so that nothing is copied only to be written.
pub trait RecordView: Serialize {
    type Record: AvroRecord;
}

/// The framed bytes of the record that a view is of.
pub fn encode_view<V: RecordView>(view: &V) -> Vec<u8> {
    with_view(view, <[u8]>::to_vec)
}

/// Lends the framed bytes of the record that a view is of.
pub fn with_view<V: RecordView, R>(view: &V, use_bytes: impl FnOnce(&[u8]) -> R) -> R {
    framed(registry::present::<V::Record>().id, view, use_bytes)
}

/// Lends the framed bytes of a record, for what needs no copy of its own.
pub fn with_encoded<T: AvroRecord, R>(record: &T, use_bytes: impl FnOnce(&[u8]) -> R) -> R {
    framed(registry::present::<T>().id, record, use_bytes)
}

fn framed<T: Serialize, R>(id: u32, record: &T, use_bytes: impl FnOnce(&[u8]) -> R) -> R {
    with_scratch(|bytes| {
        bytes.push(MAGIC);
        bytes.extend_from_slice(&id.to_be_bytes());
        body::write(record, bytes);
        use_bytes(bytes)
    })
}

thread_local! {
    /// Records differ in size by a factor of a hundred: they are written here and copied out, so that
    /// none is grown step by step and none keeps more than it needs.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What a thread keeps between records; a larger buffer is given back.
const SCRATCH_BYTES_MAX: usize = 1024 * 1024;

fn with_scratch<R>(write: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    let mut bytes = SCRATCH.take();
    bytes.clear();
    let result = write(&mut bytes);
    if bytes.capacity() <= SCRATCH_BYTES_MAX {
        SCRATCH.set(bytes);
    }
    result
}

/// Lends the bytes of a part of a record, without a frame: equal for equal values, for hashing only.
#[expect(
    clippy::expect_used,
    reason = "as for whole records: a part of one has bytes"
)]
pub fn with_canonical<T: Serialize, R>(part: &T, use_bytes: impl FnOnce(&[u8]) -> R) -> R {
    with_scratch(|bytes| {
        ser::append(part, bytes).expect("a part of a record must be of kinds that have bytes");
        use_bytes(bytes)
    })
}

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
