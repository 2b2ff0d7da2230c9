//! The Avro body: by position between bytes and the Rust type where the schema is the present one,
//! through a generic value where it is an older one.

use std::io::{self, Read};

use apache_avro::reader::datum::GenericDatumReader;
use serde::Serialize;

use super::registry::Entry;
use super::{DecodeError, de, ser};
use crate::table::AvroRecord;

#[expect(
    clippy::expect_used,
    reason = "a test writes every type of the table; a kind of value without bytes is a broken build"
)]
pub(super) fn write<T: Serialize>(record: &T, bytes: &mut Vec<u8>) {
    ser::append(record, bytes).expect("a record must be of kinds that have bytes");
}

pub(super) fn read<T: AvroRecord>(entry: &Entry, bytes: &[u8]) -> Result<T, DecodeError> {
    let (record, left) = match &entry.resolver {
        None => by_position(entry.name, bytes)?,
        Some(resolver) => by_resolution(entry.name, resolver, bytes)?,
    };
    match left {
        0 => Ok(record),
        count => Err(DecodeError::TrailingBytes { count }),
    }
}

/// A body of the present schema, and how many bytes it left.
fn by_position<T: AvroRecord>(name: &'static str, bytes: &[u8]) -> Result<(T, usize), DecodeError> {
    match de::take(bytes) {
        Ok((record, rest)) => Ok((record, rest.len())),
        Err(de::Fault::Truncated) => Err(DecodeError::Truncated),
        Err(fault @ de::Fault::Malformed(_)) => Err(DecodeError::Malformed {
            record: name,
            source: serde::de::Error::custom(fault),
        }),
    }
}

/// A body of an older schema, and how many bytes it left.
fn by_resolution<T: AvroRecord>(
    name: &'static str,
    resolver: &GenericDatumReader<'_>,
    bytes: &[u8],
) -> Result<(T, usize), DecodeError> {
    let mut body = Body {
        rest: bytes,
        ran_out: false,
    };
    let read = resolver
        .read_value(&mut body)
        .and_then(|value| apache_avro::from_value(&value));
    // The generic reader takes the end of input for a null, so a good result proves nothing yet.
    if body.ran_out {
        return Err(DecodeError::Truncated);
    }
    let record = read.map_err(|source| DecodeError::Malformed {
        record: name,
        source,
    })?;
    Ok((record, body.rest.len()))
}

/// The bytes of a body, and whether a read asked for more than there were.
struct Body<'a> {
    rest: &'a [u8],
    ran_out: bool,
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.ran_out |= buffer.len() > self.rest.len();
        self.rest.read(buffer)
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.ran_out |= buffer.len() > self.rest.len();
        self.rest.read_exact(buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;
    use crate::codec::registry::{self, Entry};
    use crate::lock::LockedVersion;
    use crate::record::ingest::ConnectionChanged;
    use crate::table::{PRESENT, Sealed, Visit, visit_records};
    use crate::{encode, sample};

    const FRAME_BYTES: usize = 5;

    /// An entry for a schema that was replaced by the present one of `T`.
    fn replaced<T: AvroRecord>(old: &str) -> Entry {
        let locked = LockedVersion {
            version: 1,
            id: 1,
            fingerprint: String::new(),
            shape: String::new(),
            file: String::new(),
        };
        registry::entry(T::SLOT, &locked, old, Some(PRESENT[T::SLOT].text))
    }

    #[test]
    fn every_record_is_read_through_resolution_as_it_is_read_directly() {
        struct Each;
        impl Visit for Each {
            fn visit<T: AvroRecord + PartialEq + Debug>(&mut self) {
                let entry = replaced::<T>(PRESENT[T::SLOT].text);
                for value in [sample::full::<T>(), sample::min::<T>()] {
                    let bytes = encode(&value);
                    assert_eq!(read::<T>(&entry, &bytes[FRAME_BYTES..]).unwrap(), value);
                }
            }
        }
        visit_records(&mut Each);
    }

    #[test]
    fn bytes_of_an_older_schema_get_the_defaults_of_the_present_one() {
        let present = PRESENT[ConnectionChanged::SLOT].text;
        let line = present
            .lines()
            .find(|line| line.contains(r#""name": "reason""#))
            .unwrap();
        let old = present.replace(&format!(",\n{line}"), "");
        let entry = replaced::<ConnectionChanged>(&old);
        let value = ConnectionChanged {
            reason: None,
            ..sample::full()
        };
        let bytes = encode(&value);
        let body = &bytes[FRAME_BYTES..bytes.len() - 1]; // without the null of `reason`
        assert_eq!(read::<ConnectionChanged>(&entry, body).unwrap(), value);
        let cut = read::<ConnectionChanged>(&entry, &body[..body.len() - 1]);
        assert!(matches!(cut, Err(DecodeError::Truncated)), "{cut:?}");
    }
}
