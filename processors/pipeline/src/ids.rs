//! Identities: how ids and content hashes are derived. Nothing here is random.
//!
//! An id is the first 128 bits of SHA-256 as lower-case hex; a fingerprint is the first 64. Parts
//! are length-prefixed, so that ("ab", "c") and ("a", "bc") differ.

use sha2::{Digest, Sha256};

fn digest<P: AsRef<[u8]>>(parts: &[P]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        let part = part.as_ref();
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// 32 hex digits over the parts.
pub(crate) fn id_of(parts: &[&str]) -> String {
    half(digest(parts))
}

/// The first 128 bits as text.
fn half(digest: [u8; 32]) -> String {
    let first = digest.first_chunk().copied().unwrap_or_default();
    id_text(u128::from_be_bytes(first))
}

/// 64 bits over bytes, as the signed number Avro has.
pub(crate) fn fingerprint(parts: &[&[u8]]) -> i64 {
    let digest = digest(parts);
    let mut first = [0_u8; 8];
    first.copy_from_slice(digest.get(..8).unwrap_or(&[0; 8]));
    i64::from_be_bytes(first)
}

/// SHA-256 of bytes as they are, as an envelope states it.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    hex(&digest)
}

/// Hash of a content's canonical bytes, in parts.
pub(crate) fn content_hash(parts: &[&[u8]]) -> String {
    half(digest(parts))
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn digits_of(byte: u8) -> [u8; 2] {
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
    [digit(byte >> 4), digit(byte & 0xf)]
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.extend(digits_of(*byte).map(char::from));
    }
    text
}

/// The text of an id back as a number, for rules that compare ids only.
pub(crate) fn id_number(id: &str) -> u128 {
    // Digit by digit, as the library does it, a 128-bit multiplication is checked for each.
    let digits = id.as_bytes();
    if digits.is_empty() || digits.len() > 32 {
        return 0;
    }
    let mut number = 0_u128;
    for digit in digits {
        let nibble = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            b'A'..=b'F' => digit - b'A' + 10,
            _ => return 0,
        };
        number = number << 4 | u128::from(nibble);
    }
    number
}

/// The text of an id, without a place in memory of its own.
pub(crate) fn id_digits(number: u128) -> [u8; 32] {
    let mut digits = [0; 32];
    let (pairs, _) = digits.as_chunks_mut::<2>();
    for (pair, byte) in pairs.iter_mut().zip(number.to_be_bytes()) {
        *pair = digits_of(byte);
    }
    digits
}

pub(crate) fn id_text(number: u128) -> String {
    text_of(&id_digits(number))
}

fn text_of(digits: &[u8]) -> String {
    std::str::from_utf8(digits).unwrap_or_default().to_owned()
}

/// An observation's identity: stable over revisions and deliveries.
pub(crate) fn observation_id(
    tenant: &str,
    athlete: &str,
    source: &str,
    account: Option<&str>,
    kind: &str,
    provider_id: &str,
) -> String {
    // HealthKit's ids are unique over all kinds, Strava tells activities only, and their deletions
    // name nothing but the id. Elsewhere two kinds may use one id: an activity and a sleep.
    let kind = match source {
        "healthkit" | "strava" => "",
        _ => kind,
    };
    id_of(&[
        "observation",
        tenant,
        athlete,
        source,
        account.unwrap_or(""),
        kind,
        provider_id,
    ])
}
