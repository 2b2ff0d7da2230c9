//! How a schema may change: every version reads every other, and nothing changes in silence.

use schemas::check::{self, Fault};
use schemas::compatibility::{Incompatible, full};

const OLD: &str = r#"{"type":"record","name":"R","namespace":"sudor","fields":[
    {"name":"id","type":"string","doc":"Id."},
    {"name":"at","type":"long"},
    {"name":"parts","type":{"type":"array","items":
        {"type":"record","name":"P","fields":[{"name":"n","type":"int"}]}},"default":[]}]}"#;

/// `OLD` with one text replaced by another.
fn changed(from: &str, to: &str) -> String {
    assert!(OLD.contains(from), "{from}");
    OLD.replace(from, to)
}

#[test]
fn the_lock_file_holds_the_present_schemas_and_all_versions_read_each_other() {
    if let Err(fault) = check::check() {
        let cause = std::error::Error::source(&fault).map(ToString::to_string);
        panic!("{fault}: {}", cause.unwrap_or_default());
    }
}

#[test]
fn an_optional_field_with_a_default_may_be_added() {
    let field = r#"{"name":"more","type":["null","double"],"default":null},{"name":"at""#;
    full(OLD, &changed(r#"{"name":"at""#, field)).unwrap();
}

#[test]
fn a_field_may_be_added_to_a_nested_record() {
    let field = r#"{"name":"m","type":["null","int"],"default":null},{"name":"n""#;
    full(OLD, &changed(r#"{"name":"n""#, field)).unwrap();
}

#[test]
fn incompatible_changes_are_refused() {
    let cases = [
        (
            "added without default",
            r#"{"name":"at""#,
            r#"{"name":"b","type":"int"},{"name":"at""#,
        ),
        ("type narrowed", r#""type":"long""#, r#""type":"int""#),
        ("type widened", r#""type":"int""#, r#""type":"long""#),
        ("type changed", r#""type":"long""#, r#""type":"boolean""#),
        ("field renamed", r#""name":"at""#, r#""name":"when""#),
        (
            "nested field renamed",
            r#""name":"n""#,
            r#""name":"number""#,
        ),
        ("record renamed", r#""name":"R""#, r#""name":"Q""#),
        (
            "made optional",
            r#""type":"long""#,
            r#""type":["null","long"],"default":null"#,
        ),
    ];
    for (what, from, to) in cases {
        assert!(
            full(OLD, &changed(from, to)).is_err(),
            "{what} was let through"
        );
    }
}

#[test]
fn a_field_with_a_default_may_not_be_renamed_or_dropped() {
    let renamed = changed(r#""name":"parts""#, r#""name":"pieces""#);
    let refused = full(OLD, &renamed).unwrap_err();
    assert!(matches!(refused, Incompatible::FieldGone { path } if path == "parts"));
}

#[test]
fn a_changed_schema_without_a_new_version_is_refused_with_the_remedy() {
    let mut lock = check::locked().unwrap();
    let ticks = lock.subjects.get_mut("sudor.ticks-sudor.Tick").unwrap();
    ticks[0].shape = "what Tick was before".to_owned();
    let fault = check::propose(&lock).unwrap_err();
    assert!(
        matches!(
            fault,
            Fault::OldTextLost {
                record: "Tick",
                version: 1,
                ..
            }
        ),
        "{fault}"
    );
    assert!(
        fault.to_string().contains("avsc/history/v1/Tick.avsc"),
        "{fault}"
    );
}

#[test]
fn a_new_record_gets_the_next_free_id_and_keeps_it_in_every_subject() {
    let locked = check::locked().unwrap();
    let mut without = locked.clone();
    without
        .subjects
        .retain(|subject, _| !subject.ends_with(".RawReceived"));
    let proposed = check::propose(&without).unwrap();
    let highest = locked
        .subjects
        .values()
        .flatten()
        .map(|version| version.id)
        .max()
        .unwrap();
    for source in ["garmin", "healthkit", "app"] {
        let subject = format!("sudor.raw.{source}-sudor.RawReceived");
        assert_eq!(proposed.subjects[&subject][0].id, highest + 1);
    }
}

#[test]
fn a_default_is_part_of_the_shape_and_a_doc_is_not() {
    let shape = |text: &str| schemas::lock::shape_of(text).unwrap();
    assert_eq!(shape(OLD), shape(&changed("Id.", "The id.")));
    assert_ne!(shape(OLD), shape(&changed(r#","default":[]"#, "")));
}
