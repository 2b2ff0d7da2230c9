//! Bytes of a stored record: the header blob and the checksum.
//!
//! Header blob, header after header: one byte that is a number of `NAMES` plus one, or 0 followed by
//! a length byte and the name; then the value's length (LEB128) and the value. No headers, no bytes.
//!
//! Checksum: CRC-32 over topic number, partition, received_at (little endian), then key, header blob
//! and value, each preceded by its length, and at last the sequence number: a row that was moved,
//! cut or changed is seen.
//!
//! It is a format: files keep it for ever. Names may be added to the end of `NAMES`, never moved.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use stream_log::{Bytes, Header, Record, Topics};

/// Names that a record carries usually, stored as one byte.
const NAMES: &[&str] = &[
    "ce_id",
    "ce_type",
    "ce_source",
    "ce_time",
    "traceparent",
    "cause",
    "content-type",
    "ce_specversion",
    "schema",
    "kind",
];
/// Names read from files that are in no catalogue of this program; each is kept for ever.
const FOREIGN_NAMES_MAX: usize = 256;

pub(crate) fn write_headers(headers: &[Header], blob: &mut Vec<u8>) {
    for header in headers {
        let known = NAMES.iter().position(|name| *name == header.name);
        match known.and_then(|at| u8::try_from(at.saturating_add(1)).ok()) {
            Some(code) => blob.push(code),
            None => {
                let name = header.name.as_bytes();
                let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
                blob.push(0);
                blob.push(length);
                blob.extend(name.iter().take(usize::from(length)));
            }
        }
        write_length(header.value.len(), blob);
        blob.extend_from_slice(&header.value);
    }
}

/// `None` when the bytes are no header blob.
pub(crate) fn read_headers(mut blob: &[u8]) -> Option<Vec<Header>> {
    let mut headers = Vec::new();
    while let Some((&code, rest)) = blob.split_first() {
        blob = rest;
        let name = match usize::from(code).checked_sub(1) {
            Some(at) => NAMES.get(at).copied()?,
            None => {
                let (&length, rest) = blob.split_first()?;
                let (name, rest) = rest.split_at_checked(usize::from(length))?;
                blob = rest;
                intern(std::str::from_utf8(name).ok()?, &[])?
            }
        };
        let length = read_length(&mut blob)?;
        let (value, rest) = blob.split_at_checked(length)?;
        blob = rest;
        headers.push(Header {
            name,
            value: Bytes::copy_from_slice(value),
        });
    }
    Some(headers)
}

fn write_length(mut length: usize, blob: &mut Vec<u8>) {
    loop {
        let low = u8::try_from(length & 0x7f).unwrap_or(0);
        length >>= 7;
        if length == 0 {
            blob.push(low);
            return;
        }
        blob.push(low | 0x80);
    }
}

fn read_length(blob: &mut &[u8]) -> Option<usize> {
    let mut length = 0_usize;
    // Nine groups of seven bits: more than any value can be long.
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = blob.split_first()?;
        *blob = rest;
        length |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(length);
        }
    }
    None
}

/// A name that lives as long as the program: from the catalogue, or kept once for good.
pub(crate) fn intern(name: &str, topics: Topics) -> Option<&'static str> {
    static FOREIGN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    if let Some((known, _)) = topics.iter().find(|(known, _)| *known == name) {
        return Some(known);
    }
    let mut foreign = FOREIGN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = foreign.get(name) {
        return Some(known);
    }
    if foreign.len() >= FOREIGN_NAMES_MAX {
        return None;
    }
    let kept: &'static str = Box::leak(name.to_owned().into_boxed_str());
    foreign.insert(kept);
    Some(kept)
}

/// The part of the checksum that needs no sequence number: made by the caller's thread.
pub(crate) fn content_crc(topic: i64, partition: u32, record: &Record, headers: &[u8]) -> u32 {
    crc(
        topic,
        partition,
        record.received_at.0,
        record.key.as_str(),
        headers,
        &record.value,
    )
}

pub(crate) fn crc(
    topic: i64,
    partition: u32,
    received_at: i64,
    key: &str,
    headers: &[u8],
    value: &[u8],
) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&topic.to_le_bytes());
    hasher.update(&partition.to_le_bytes());
    hasher.update(&received_at.to_le_bytes());
    for part in [key.as_bytes(), headers, value] {
        hasher.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize()
}

pub(crate) fn placed_crc(content: u32, seq: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(content);
    hasher.update(&seq.to_le_bytes());
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use stream_log::Header;

    use super::{read_headers, write_headers};

    #[test]
    fn headers_come_back_as_they_were_written() {
        let headers = vec![
            Header {
                name: "ce_id",
                value: "4711".into(),
            },
            Header {
                name: "x-unknown",
                value: vec![7; 300].into(),
            },
            Header {
                name: "cause",
                value: Vec::new().into(),
            },
        ];
        let mut blob = Vec::new();
        write_headers(&headers, &mut blob);
        assert_eq!(read_headers(&blob), Some(headers));
    }

    #[test]
    fn bytes_that_are_no_headers_are_refused() {
        let mut blob = Vec::new();
        write_headers(
            &[Header {
                name: "ce_id",
                value: vec![1; 200].into(),
            }],
            &mut blob,
        );
        for end in 1..blob.len() {
            assert_eq!(read_headers(&blob[..end]), None, "cut at {end}");
        }
        assert_eq!(read_headers(&[200, 1, 1]), None);
    }
}
