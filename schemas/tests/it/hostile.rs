//! Bytes from anywhere: they decode or they are refused, quickly and without a panic.

use std::sync::LazyLock;

use proptest::prelude::*;
use schemas::record::ingest::{RawReceived, Tick};
use schemas::{DecodeError, decode, decode_any, golden, sample};

static GOLDEN: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    golden::present()
        .iter()
        .map(|golden| golden::from_hex(&golden.hex).unwrap())
        .collect()
});

/// The frame of a record's present schema with another body.
fn framed(like: &[u8], body: &[u8]) -> Vec<u8> {
    [&like[..5], body].concat()
}

#[test]
fn a_record_that_is_cut_anywhere_is_truncated() {
    for bytes in GOLDEN.iter() {
        for length in 0..bytes.len() {
            let cut = decode_any(&bytes[..length]);
            assert!(
                matches!(cut, Err(DecodeError::Truncated)),
                "{length}: {cut:?}"
            );
        }
    }
}

#[test]
fn bytes_after_a_record_are_refused() {
    for bytes in GOLDEN.iter() {
        let longer = [bytes.as_slice(), &[0, 0]].concat();
        let refused = decode_any(&longer);
        assert!(
            matches!(refused, Err(DecodeError::TrailingBytes { count: 2 })),
            "{refused:?}"
        );
    }
}

#[test]
fn a_foreign_frame_is_named_for_what_it_is() {
    let tick = schemas::encode(&sample::full::<Tick>());
    assert!(matches!(
        decode_any(b"{}"),
        Err(DecodeError::BadMagic { found: b'{' })
    ));
    let unknown = [0, 0, 1, 0, 0, 0];
    assert!(matches!(
        decode_any(&unknown),
        Err(DecodeError::UnknownSchema { id: 65536 })
    ));
    let zero = [0, 0, 0, 0, 0, 0];
    assert!(matches!(
        decode_any(&zero),
        Err(DecodeError::UnknownSchema { id: 0 })
    ));
    let other = decode::<RawReceived>(&tick);
    assert!(
        matches!(
            other,
            Err(DecodeError::OtherRecord {
                expected: "RawReceived",
                found: "Tick"
            })
        ),
        "{other:?}"
    );
}

#[test]
fn a_length_of_many_gigabytes_is_refused_without_allocating_it() {
    let like = schemas::encode(&sample::min::<RawReceived>());
    // 2^62 as a zigzag varint: the length of the first string.
    let huge = [&[0x80; 8][..], &[0x80, 0x01]].concat();
    assert!(decode::<RawReceived>(&framed(&like, &huge)).is_err());
    // The most that passes for a length: 64 MiB of nothing.
    let most = framed(&like, &[0x80, 0x80, 0x80, 0x40]);
    assert!(matches!(
        decode::<RawReceived>(&most),
        Err(DecodeError::Truncated)
    ));
}

#[test]
fn a_string_that_is_not_utf8_is_malformed() {
    let like = schemas::encode(&sample::min::<RawReceived>());
    let refused = decode::<RawReceived>(&framed(&like, &[4, 0xff, 0xfe]));
    assert!(matches!(
        refused,
        Err(DecodeError::Malformed {
            record: "RawReceived",
            ..
        })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_decode_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(decode_any(&bytes));
    }

    #[test]
    fn any_body_behind_a_right_frame_decodes_or_is_refused(
        which in any::<prop::sample::Index>(),
        body in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        drop(decode_any(&framed(&which.get::<Vec<u8>>(&GOLDEN)[..], &body)));
    }

    #[test]
    fn a_record_with_bytes_changed_decodes_or_is_refused(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = which.get::<Vec<u8>>(&GOLDEN).clone();
        for (place, byte) in changes {
            *place.get_mut(&mut bytes) = byte;
        }
        // What still decodes must come out again as bytes that decode to the same.
        if let Ok(record) = decode_any(&bytes) {
            let again = decode_any(&record.encode()).unwrap();
            prop_assert_eq!(format!("{record:?}"), format!("{again:?}"));
        }
    }
}
