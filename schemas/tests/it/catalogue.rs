//! The topic catalogue, the table of records and the files of `avsc/` name the same things.

use std::collections::BTreeSet;

use schemas::control::of_a_cluster;

fn names_in_avsc() -> BTreeSet<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/avsc");
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter_map(|name| name.strip_suffix(".avsc").map(str::to_owned))
        .collect()
}

fn names_in_topics() -> BTreeSet<String> {
    let records = of_a_cluster().flat_map(|topic| topic.records);
    records.map(|record| (*record).to_owned()).collect()
}

#[test]
fn every_schema_file_is_in_the_table_and_in_a_topic() {
    let table: BTreeSet<String> = schemas::NAMES
        .iter()
        .map(|name| (*name).to_owned())
        .collect();
    assert_eq!(
        names_in_avsc(),
        table,
        "avsc/ (left) and the table (right) differ"
    );
    assert_eq!(
        names_in_topics(),
        table,
        "the topics (left) and the table (right) differ"
    );
}

#[test]
fn a_record_stands_in_one_topic_but_for_raw_items() {
    for record in names_in_topics() {
        let topics: Vec<&str> = of_a_cluster()
            .filter(|topic| topic.records.contains(&record.as_str()))
            .map(|topic| topic.name)
            .collect();
        if record == "RawReceived" {
            assert!(
                topics.iter().all(|topic| topic.starts_with("sudor.raw.")),
                "{topics:?}"
            );
        } else {
            assert_eq!(topics.len(), 1, "{record} is in {topics:?}");
        }
    }
}

#[test]
fn topic_names_are_unique_and_begin_with_the_namespace() {
    let names: BTreeSet<&str> = of_a_cluster().map(|topic| topic.name).collect();
    assert_eq!(names.len(), of_a_cluster().count());
    assert!(names.iter().all(|name| name.starts_with("sudor.")));
}

#[test]
fn one_schema_has_one_id_in_every_subject() {
    let raw: BTreeSet<u32> = schemas::subjects()
        .into_iter()
        .filter(|subject| subject.name.ends_with("-sudor.RawReceived"))
        .map(|subject| subject.id)
        .collect();
    assert_eq!(raw.len(), 1);
    let ids: BTreeSet<u32> = schemas::subjects()
        .iter()
        .map(|subject| subject.id)
        .collect();
    assert_eq!(ids.len(), schemas::NAMES.len());
}
