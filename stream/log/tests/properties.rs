//! However the log is cut, cached or partitioned: each athlete's outputs are the same.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests; only test functions are exempt by configuration"
)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use stream_log::contract::{OUTPUT, TOPICS, Tally, drive, input};
use stream_log::driver::Memory;
use stream_log::{Append, BucketId, Key, LogTime, Record, Task, TaskLimits};

type Left = (
    BTreeMap<Key, Vec<Vec<u8>>>,
    BTreeMap<Key, BTreeMap<BucketId, Vec<u8>>>,
);

fn left(script: &[Record], partitions: u32, limits: TaskLimits, append_by: usize) -> Left {
    let memory = Memory::new(partitions, TOPICS);
    let mut task = Task::new(Tally, memory.open(), limits);
    for part in script.chunks(append_by) {
        memory.append(part.to_vec()).unwrap();
        drive(&mut task, LogTime(0)).unwrap();
    }
    let mut outputs: BTreeMap<Key, Vec<Vec<u8>>> = BTreeMap::new();
    for found in memory.records() {
        if found.record.topic == OUTPUT {
            outputs
                .entry(found.record.key)
                .or_default()
                .push(found.record.value);
        }
    }
    let mut state = memory.state();
    state.values_mut().for_each(|buckets| {
        // The note names the place in the log, which is of the log and not of the athlete.
        if let Some(note) = buckets.get_mut(&BucketId::QUARANTINE) {
            note.clear();
        }
    });
    (outputs, state)
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (-3_i64..10).prop_map(|n| format!("add {n}")),
        1 => Just("garbage".to_owned()),
        1 => Just("panic".to_owned()),
        2 => (1_i64..5).prop_map(|n| format!("replay {n}")),
    ]
}

fn script() -> impl Strategy<Value = Vec<Record>> {
    proptest::collection::vec((0_u8..4, 0_i64..3_000, word()), 1..60).prop_map(|items| {
        items
            .into_iter()
            .map(|(athlete, at, words)| {
                input(&format!("t/a{athlete}"), LogTime(at * 100_000_000), &words)
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn batch_borders_caches_and_partitions_do_not_change_an_athlete(
        script in script(),
        records in 1_usize..12,
        bytes in 1_usize..200,
        cache_bytes in prop_oneof![Just(0_usize), Just(600), Just(1_000_000)],
        partitions in 1_u32..9,
        append_by in 1_usize..20,
    ) {
        let one_by_one = TaskLimits { records: 1, cache_bytes: 0, ..TaskLimits::default() };
        let cut = TaskLimits { records, bytes, cache_bytes, ..TaskLimits::default() };
        prop_assert_eq!(
            left(&script, 1, one_by_one, 1_000),
            left(&script, partitions, cut, append_by)
        );
    }
}
