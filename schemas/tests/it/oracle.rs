//! Bodies are written and read by position; `apache-avro`, which goes by the schema, has to agree.

use std::fmt::Debug;
use std::sync::LazyLock;

use apache_avro::{
    Schema, reader::datum::GenericDatumReader, types::Value, writer::datum::GenericDatumWriter,
};
use proptest::prelude::*;
use schemas::record::ingest::{RawReceived, RecordRejected};
use schemas::record::observation::ObservationRecorded;
use schemas::record::recommendation::RecommendationIssued;
use schemas::record::session::SessionRevised;
use schemas::record::state::{AthleteHead, DayBucket};
use schemas::{AvroRecord, DecodeError, Visit, decode, encode, sample, visit_records};

use crate::agree::schema_of;
use crate::random;

/// Magic byte and schema id.
const FRAME_BYTES: usize = 5;
/// What the writer puts into a block at least before it begins another: one element.
const SMALL_BLOCK_BYTES: usize = 1;

/// Everything that can be asked of a value: same bytes and same value by either codec.
fn assert_agrees<T: AvroRecord + PartialEq + Debug>(schema: &Schema, value: &T) {
    // First, as the codec sets the limit of allocation for the whole process.
    let ours = encode(value);
    let body = &ours[FRAME_BYTES..];
    assert_eq!(&decode::<T>(&ours).unwrap(), value);

    let writer = GenericDatumWriter::builder(schema).build().unwrap();
    let reader = GenericDatumReader::builder(schema).build().unwrap();
    assert_eq!(writer.write_ser_to_vec(value).unwrap(), body, "{}", T::NAME);
    assert_eq!(
        &reader.read_deser::<T>(&mut &*body).unwrap(),
        value,
        "{}",
        T::NAME
    );
    let generic: Value = reader.read_value(&mut &*body).unwrap();
    assert_eq!(&apache_avro::from_value::<T>(&generic).unwrap(), value);
    // A generic map has no order, so its bytes are as many but not always the same.
    let written = writer.write_value_to_vec(generic).unwrap();
    assert_eq!(written.len(), body.len());
    let written = [&ours[..FRAME_BYTES], &written].concat();
    assert_eq!(&decode::<T>(&written).unwrap(), value, "as generic value");

    let writer = GenericDatumWriter::builder(schema)
        .target_block_size(SMALL_BLOCK_BYTES)
        .build()
        .unwrap();
    let foreign = writer.write_ser_to_vec(value).unwrap();
    let foreign = [&ours[..FRAME_BYTES], &foreign].concat();
    assert_eq!(&decode::<T>(&foreign).unwrap(), value, "in many blocks");
}

/// Any bytes as a body: both refuse them, or both read the same.
fn assert_agrees_on_bytes<T: AvroRecord + Debug>(schema: &Schema, framed: &[u8]) {
    let ours = decode::<T>(framed);
    let reader = GenericDatumReader::builder(schema).build().unwrap();
    let mut body = &framed[FRAME_BYTES..];
    let theirs = reader.read_deser::<T>(&mut body);
    match (&ours, theirs) {
        (Ok(ours), Ok(theirs)) => {
            assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
            assert!(body.is_empty());
        }
        (Err(DecodeError::TrailingBytes { count }), Ok(_)) => assert_eq!(*count, body.len()),
        // Here alone they differ: `apache-avro` drops the bits of a number that have no place.
        (Err(DecodeError::Malformed { source, .. }), Ok(_)) => {
            assert!(source.to_string().contains("more than 64 bits"), "{source}");
        }
        (Err(_), Err(_)) => {}
        (ours, theirs) => panic!("{}: {ours:?}, but {theirs:?}", T::NAME),
    }
}

#[test]
fn every_record_has_the_bytes_that_its_schema_gives_it() {
    struct Each;
    impl Visit for Each {
        fn visit<T: AvroRecord + PartialEq + Debug>(&mut self) {
            let schema = schema_of::<T>();
            assert_agrees(&schema, &sample::full::<T>());
            assert_agrees(&schema, &sample::min::<T>());
        }
    }
    visit_records(&mut Each);
}

#[test]
fn numbers_that_are_no_numbers_keep_their_bits() {
    for odd in [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0] {
        let session = SessionRevised {
            distance_m: Some(odd),
            ..sample::min()
        };
        let bytes = encode(&session);
        let schema = schema_of::<SessionRevised>();
        let writer = GenericDatumWriter::builder(&schema).build().unwrap();
        assert_eq!(
            writer.write_ser_to_vec(&session).unwrap(),
            &bytes[FRAME_BYTES..]
        );
        let again = decode::<SessionRevised>(&bytes).unwrap();
        assert_eq!(again.distance_m.map(f64::to_bits), Some(odd.to_bits()));
    }
}

macro_rules! agreement {
    ($($random:ident, $changed:ident: $record:ident, $cases:literal;)*) => {$(
        proptest! {
            #![proptest_config(ProptestConfig {
                failure_persistence: None,
                cases: $cases,
                ..ProptestConfig::default()
            })]

            #[test]
            fn $random(value in random::record::<$record>()) {
                static SCHEMA: LazyLock<Schema> = LazyLock::new(schema_of::<$record>);
                assert_agrees(&SCHEMA, &value);
            }

            #[test]
            fn $changed(
                value in random::record::<$record>(),
                changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
                cut in prop::option::of(any::<prop::sample::Index>()),
            ) {
                static SCHEMA: LazyLock<Schema> = LazyLock::new(schema_of::<$record>);
                let mut bytes = encode(&value);
                let body = &mut bytes[FRAME_BYTES..];
                for (place, byte) in changes {
                    *place.get_mut(body) = byte;
                }
                let length = cut.map_or(body.len(), |cut| cut.index(body.len()));
                bytes.truncate(FRAME_BYTES + length);
                assert_agrees_on_bytes::<$record>(&SCHEMA, &bytes);
            }
        }
    )*};
}

agreement! {
    any_raw_item_agrees, any_changed_raw_item_agrees: RawReceived, 256;
    any_dead_letter_agrees, any_changed_dead_letter_agrees: RecordRejected, 128;
    any_observation_agrees, any_changed_observation_agrees: ObservationRecorded, 64;
    any_session_agrees, any_changed_session_agrees: SessionRevised, 256;
    any_recommendation_agrees, any_changed_recommendation_agrees: RecommendationIssued, 64;
    any_head_agrees, any_changed_head_agrees: AthleteHead, 64;
    any_day_agrees, any_changed_day_agrees: DayBucket, 64;
}
