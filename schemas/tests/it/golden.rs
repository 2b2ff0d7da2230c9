//! Bytes that were ever written are read for ever.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use schemas::{AvroRecord, Visit, check, golden, visit_records};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; a new version needs golden bytes: run \
             `cargo run -p schemas --example accept` and commit them",
            path.display()
        )
    })
}

/// Every version of every record that the lock file knows.
fn versions() -> BTreeMap<String, Vec<u32>> {
    let lock = check::locked().unwrap();
    let of = |subject: &str| subject.rsplit_once('.').unwrap().1.to_owned();
    let versions = lock.subjects.into_iter();
    versions
        .map(|(subject, all)| (of(&subject), all.iter().map(|v| v.version).collect()))
        .collect()
}

/// The defaults that the present schema names, by field.
fn defaults(schema: &Value, found: &mut Vec<(String, Value)>) {
    match schema {
        Value::Object(members) => {
            if let (Some(Value::String(name)), Some(default)) =
                (members.get("name"), members.get("default"))
            {
                // A default of bytes stands in a schema as text, and in a value as numbers.
                let default = match (members.get("type"), default) {
                    (Some(Value::String(kind)), Value::String(text)) if kind == "bytes" => {
                        text.chars().map(u32::from).collect()
                    }
                    _ => default.clone(),
                };
                found.push((name.clone(), default));
            }
            members.values().for_each(|value| defaults(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| defaults(item, found)),
        _ => {}
    }
}

/// Everything that was written is still there; what came later has the default of its schema.
fn assert_kept(expected: &Value, actual: &Value, later: &[(String, Value)], path: &str) {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            for (key, value) in expected {
                assert_kept(value, &actual[key], later, &format!("{path}.{key}"));
            }
            for (key, value) in actual
                .iter()
                .filter(|(key, _)| !expected.contains_key(*key))
            {
                let default = later
                    .iter()
                    .any(|(name, default)| name == key && default == value);
                assert!(default, "{path}.{key} was not written and is {value}");
            }
        }
        (Value::Array(expected), Value::Array(actual)) => {
            assert_eq!(expected.len(), actual.len(), "{path}");
            for (place, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                assert_kept(expected, actual, later, &format!("{path}[{place}]"));
            }
        }
        _ => assert_eq!(expected, actual, "{path}"),
    }
}

#[test]
fn golden_bytes_of_every_version_decode_to_what_was_written() {
    struct Each(BTreeMap<String, Vec<u32>>);
    impl Visit for Each {
        fn visit<T: AvroRecord + PartialEq + Debug>(&mut self) {
            let schema = folder()
                .with_file_name("avsc")
                .join(format!("{}.avsc", T::NAME));
            let mut later = Vec::new();
            defaults(&serde_json::from_str(&read(&schema)).unwrap(), &mut later);
            for version in &self.0[T::NAME] {
                for which in ["full", "min"] {
                    let stem = format!("{}.{which}", T::NAME);
                    let folder = folder().join(format!("v{version}"));
                    let hex = read(&folder.join(format!("{stem}.hex")));
                    let bytes = golden::from_hex(&hex).expect("a golden file is hex");
                    let value: T = schemas::decode(&bytes).unwrap();
                    let json = read(&folder.join(format!("{stem}.json")));
                    let expected: Value = serde_json::from_str(&json).unwrap();
                    let actual = serde_json::to_value(&value).unwrap();
                    assert_kept(&expected, &actual, &later, &stem);
                }
            }
        }
    }
    visit_records(&mut Each(versions()));
}

#[test]
fn encoding_a_present_record_reproduces_its_golden_bytes() {
    for present in golden::present() {
        let kept = folder().with_file_name(format!("{}.hex", present.path));
        assert_eq!(read(&kept), present.hex, "{}", present.path);
    }
}

#[test]
fn no_golden_file_is_without_a_version() {
    let versions = versions();
    for version in std::fs::read_dir(folder()).unwrap() {
        let version = version.unwrap();
        let number: u32 = version.file_name().to_str().unwrap()[1..].parse().unwrap();
        for file in std::fs::read_dir(version.path()).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            let record = name.split('.').next().unwrap();
            let known = versions
                .get(record)
                .is_some_and(|all| all.contains(&number));
            assert!(
                known,
                "v{number}/{name} belongs to no version of the lock file"
            );
        }
    }
}
