//! The schemas, parsed once: by id for reading, by record for writing.
//!
//! Everything here comes from files that were compiled in, so a fault in them is a broken build, not
//! bad input: it panics at the first use, which every test is.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use apache_avro::{Schema, reader::datum::GenericDatumReader, util::max_allocation_bytes};

use super::MAX_ALLOCATION_BYTES;
use crate::lock::{self, Lock, LockedVersion};
use crate::table::{AvroRecord, HISTORY, NAMES, PRESENT, SchemaFile};

/// One schema with all that reading and writing under it needs.
pub(crate) struct Entry {
    pub(crate) id: u32,
    pub(crate) name: &'static str,
    pub(crate) slot: usize,
    pub(crate) version: u32,
    pub(crate) fingerprint: String,
    pub(crate) schema: &'static Schema,
    /// For a replaced schema: resolves to the present one. Bodies of the present schema need none,
    /// they are read and written by position.
    pub(crate) resolver: Option<GenericDatumReader<'static>>,
}

struct Registry {
    /// Index = id - 1.
    entries: Vec<Entry>,
    /// Index into `entries` of the present schema, by slot.
    present: Vec<usize>,
}

static REGISTRY: LazyLock<Registry> = LazyLock::new(build);

/// The present schema of `T`.
#[expect(
    clippy::indexing_slicing,
    reason = "slots and entries were counted from the same table when the registry was built"
)]
pub(crate) fn present<T: AvroRecord>() -> &'static Entry {
    let registry = &*REGISTRY;
    &registry.entries[registry.present[T::SLOT]]
}

pub(crate) fn by_id(id: u32) -> Option<&'static Entry> {
    REGISTRY
        .entries
        .get(usize::try_from(id).ok()?.checked_sub(1)?)
}

pub(crate) fn by_name(name: &str) -> Option<&'static Entry> {
    let slot = NAMES.iter().position(|known| *known == name)?;
    REGISTRY.entries.get(*REGISTRY.present.get(slot)?)
}

/// The lock file, parsed.
#[expect(
    clippy::expect_used,
    reason = "the lock file is compiled in; a bad one is a broken build"
)]
pub(crate) fn lock() -> Lock {
    serde_json::from_str(lock::TEXT).expect("schemas.lock.json must be a lock file")
}

#[expect(
    clippy::expect_used,
    reason = "the schemas are compiled in; a bad one is a broken build"
)]
fn build() -> Registry {
    assert_eq!(
        max_allocation_bytes(MAX_ALLOCATION_BYTES),
        MAX_ALLOCATION_BYTES,
        "another user of apache-avro set the limit first; decoding would be unbounded"
    );
    let texts: BTreeMap<&str, &SchemaFile> = PRESENT
        .iter()
        .chain(HISTORY)
        .map(|file| (file.file, file))
        .collect();
    let text_of = |path: &str| {
        let file = texts
            .get(path)
            .expect("a file of schemas.lock.json must be in the table");
        file.text
    };
    let lock = lock();
    let mut entries: BTreeMap<u32, Entry> = BTreeMap::new();
    let mut present: BTreeMap<usize, u32> = BTreeMap::new();
    for (subject, record) in lock::subject_names() {
        // A topic may name a record before it is built; a test says so.
        let Some(slot) = NAMES.iter().position(|known| *known == record) else {
            continue;
        };
        let versions = lock.subjects.get(&subject);
        let newest = versions
            .and_then(|versions| versions.last())
            .expect("every subject must be in schemas.lock.json: run the example `accept`");
        present.insert(slot, newest.id);
        for version in versions.into_iter().flatten() {
            let now = (version.id != newest.id).then(|| text_of(&newest.file));
            entries
                .entry(version.id)
                .or_insert_with(|| entry(slot, version, text_of(&version.file), now));
        }
    }
    index(entries, &present)
}

#[expect(
    clippy::expect_used,
    reason = "the schemas are compiled in; a bad one is a broken build"
)]
pub(crate) fn entry(slot: usize, locked: &LockedVersion, text: &str, now: Option<&str>) -> Entry {
    let schema = parse(text);
    let resolver = now.map(|now| {
        GenericDatumReader::builder(schema)
            .reader_schema(parse(now))
            .build()
            .expect("a schema must resolve its own names")
    });
    Entry {
        id: locked.id,
        name: NAMES.get(slot).expect("a slot is a place in the table"),
        slot,
        version: locked.version,
        fingerprint: lock::fingerprint_of(schema),
        schema,
        resolver,
    }
}

/// Schemas live as long as the program: one small leak for each, once.
#[expect(
    clippy::expect_used,
    reason = "the schemas are compiled in; a bad one is a broken build"
)]
fn parse(text: &str) -> &'static Schema {
    Box::leak(Box::new(
        Schema::parse_str(text).expect("a file of avsc/ must be an Avro schema"),
    ))
}

#[expect(
    clippy::expect_used,
    reason = "the table is compiled in; a bad one is a broken build"
)]
fn index(entries: BTreeMap<u32, Entry>, present: &BTreeMap<usize, u32>) -> Registry {
    assert!(
        entries.keys().copied().eq((1..).take(entries.len())),
        "ids must run from 1, gapless"
    );
    let place = |slot: usize| {
        let id = present
            .get(&slot)
            .expect("every record of the table must be in a topic");
        entries
            .keys()
            .position(|known| known == id)
            .expect("its id was just entered")
    };
    let present = (0..NAMES.len()).map(place).collect();
    Registry {
        entries: entries.into_values().collect(),
        present,
    }
}
