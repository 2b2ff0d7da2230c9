//! The Rust types and the schemas say the same, and the bytes are what any Avro reader sees.

use std::fmt::Debug;

use apache_avro::types::Value;
use apache_avro::{Schema, reader::datum::GenericDatumReader};
use schemas::{AnyRecord, AvroRecord, Visit, record, sample, visit_records};

use crate::shape;

/// Magic byte and schema id.
const FRAME_BYTES: usize = 5;

/// Runs a generic check for every record.
macro_rules! for_every_record {
    ($check:ident) => {{
        struct Each;
        impl Visit for Each {
            fn visit<T: AvroRecord + PartialEq + Debug>(&mut self) {
                $check::<T>();
            }
        }
        visit_records(&mut Each);
    }};
}

fn avsc(name: &str) -> String {
    let path = format!("{}/avsc/{name}.avsc", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("every record has a file")
}

pub(crate) fn schema_of<T: AvroRecord>() -> Schema {
    Schema::parse_str(&avsc(T::NAME)).expect("every file is a schema")
}

#[test]
fn every_type_declares_the_fields_of_its_schema_in_their_order() {
    fn check<T: AvroRecord + PartialEq + Debug>() {
        let (of_type, of_schema) = (shape::of_type::<T>(), shape::of_schema(&schema_of::<T>()));
        assert_eq!(
            of_type,
            of_schema,
            "{}: left is the Rust type, right the avsc",
            T::NAME
        );
    }
    for_every_record!(check);
}

#[test]
fn a_field_that_only_one_side_has_is_seen() {
    let fewer = avsc("Tick").replace(r#"{"name": "partition", "type": "int""#, "");
    assert_ne!(fewer, avsc("Tick"));
    let fewer = r#"{"type":"record","name":"Tick","fields":[{"name":"at","type":"long"}]}"#;
    let swapped = r#"{"type":"record","name":"Tick","fields":[
        {"name":"at","type":"long"},{"name":"partition","type":"int"}]}"#;
    for text in [fewer, swapped] {
        let schema = Schema::parse_str(text).unwrap();
        assert_ne!(
            shape::of_type::<record::ingest::Tick>(),
            shape::of_schema(&schema)
        );
    }
}

#[test]
fn another_avro_reader_sees_every_field_by_name() {
    fn check<T: AvroRecord + PartialEq + Debug>() {
        let schema = schema_of::<T>();
        let reader = GenericDatumReader::builder(&schema).build().unwrap();
        for value in [sample::full::<T>(), sample::min::<T>()] {
            let bytes = schemas::encode(&value);
            let mut body = &bytes[FRAME_BYTES..];
            let read = reader.read_value(&mut body).unwrap();
            assert!(body.is_empty(), "{}: bytes are left", T::NAME);
            assert!(read.validate(&schema), "{}: not of its schema", T::NAME);
            let Value::Record(fields) = &read else {
                panic!("{} is a record", T::NAME)
            };
            let Schema::Record(declared) = &schema else {
                panic!("{} is a record", T::NAME)
            };
            let names = |f: &(String, Value)| f.0.clone();
            assert!(
                fields
                    .iter()
                    .map(names)
                    .eq(declared.fields.iter().map(|f| f.name.clone()))
            );
            assert_eq!(
                apache_avro::from_value::<T>(&read).unwrap(),
                value,
                "{}",
                T::NAME
            );
        }
    }
    for_every_record!(check);
}

#[test]
fn what_was_encoded_decodes_to_the_same_value() {
    fn check<T: AvroRecord + PartialEq + Debug>() {
        for value in [sample::full::<T>(), sample::min::<T>()] {
            let bytes = schemas::encode(&value);
            assert_eq!(schemas::name_of(&bytes).unwrap(), T::NAME);
            assert_eq!(schemas::decode::<T>(&bytes).unwrap(), value);
            let any = schemas::decode_any(&bytes).unwrap();
            assert_eq!((any.name(), any.encode()), (T::NAME, bytes));
        }
    }
    for_every_record!(check);
}

#[test]
fn a_full_sample_has_no_field_that_is_unknown_or_empty() {
    fn check<T: AvroRecord + PartialEq + Debug>() {
        let text = serde_json::to_string(&sample::full::<T>()).unwrap();
        for empty in ["null", "[]", "{}", "\"\""] {
            assert!(!text.contains(empty), "{} has {empty}: {text}", T::NAME);
        }
    }
    for_every_record!(check);
}

#[test]
fn every_field_says_what_it_means() {
    fn documented(schema: &Schema, path: &str) {
        match schema {
            Schema::Record(record) => {
                assert!(record.doc.is_some(), "{path}: the record has no doc");
                for field in &record.fields {
                    let path = format!("{path}.{}", field.name);
                    let doc = field.doc.as_deref().unwrap_or_default();
                    assert!(
                        doc.len() > 3 && doc.ends_with('.'),
                        "{path}: {doc:?} is not a doc"
                    );
                    documented(&field.schema, &path);
                }
            }
            Schema::Union(union) => union.variants().iter().for_each(|v| documented(v, path)),
            Schema::Array(array) => documented(&array.items, path),
            _ => {}
        }
    }
    fn check<T: AvroRecord + PartialEq + Debug>() {
        documented(&schema_of::<T>(), T::NAME);
    }
    for_every_record!(check);
}

#[test]
fn a_unit_at_the_end_of_a_name_is_spelled_out_in_the_doc() {
    const UNITS: &[(&str, &str)] = &[
        ("_s", "seconds"),
        ("_min", "minutes"),
        ("_m", "metres"),
        ("_kg", "kilograms"),
        ("_ml", "millilitres"),
        ("_mg", "milligrams"),
        ("_dg", "decigrams"),
        ("_g", "grams"),
        ("_bpm", "beats per minute"),
        ("_c", "degrees Celsius"),
        ("_per_l", "per litre"),
        ("_per_h", "per hour"),
    ];
    fn check<T: AvroRecord + PartialEq + Debug>() {
        // A speed ends in `_m_s`, and is not a duration.
        let text = avsc(T::NAME).replace("_m_s\"", "\"");
        for line in text
            .lines()
            .filter(|line| line.trim_start().starts_with("{\"name\""))
        {
            let Ok(field) = serde_json::from_str::<serde_json::Value>(line.trim_end_matches(','))
            else {
                continue; // a nested record: its own fields follow on lines of their own
            };
            let (name, doc) = (
                field["name"].as_str().unwrap(),
                field["doc"].as_str().unwrap(),
            );
            if let Some((_, unit)) = UNITS.iter().find(|(end, _)| name.ends_with(end)) {
                assert!(
                    doc.contains(unit),
                    "{}.{name} is in {unit}: {doc:?}",
                    T::NAME
                );
            }
        }
    }
    for_every_record!(check);
}

#[test]
fn a_record_is_known_by_its_schema_id_alone() {
    let tick: record::ingest::Tick = sample::full();
    let bytes = schemas::encode(&tick);
    assert_eq!(bytes[0], 0);
    let id = u32::from_be_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]);
    let subjects = schemas::subjects();
    let subject = subjects
        .iter()
        .find(|s| s.name == "sudor.ticks-sudor.Tick")
        .unwrap();
    assert_eq!(
        (id, Some(subject.fingerprint.as_str())),
        (subject.id, schemas::fingerprint("Tick"))
    );
    assert_eq!(schemas::decode_any(&bytes).unwrap(), AnyRecord::Tick(tick));
}
