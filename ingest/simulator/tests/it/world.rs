//! Size, seed, end and rates of a world.

use std::collections::{BTreeMap, BTreeSet};

use ingest_simulator::{
    AthleteWorld, Mix, Source, TruthReader, WorldOptions, blocks, small_world, world, write_world,
};
use sha2::{Digest, Sha256};

pub(crate) const OPTIONS: WorldOptions = WorldOptions {
    athletes: 60,
    days: 8,
    seed: 7,
    end: 1_774_828_800_000_000,
};

fn digest(options: WorldOptions) -> String {
    let mut hash = Sha256::new();
    for block in blocks(world(options)) {
        for delivery in block.registrations.iter().chain(&block.deliveries) {
            hash.update(delivery.at.to_le_bytes());
            hash.update(&delivery.path);
            hash.update(&delivery.body);
        }
        for athlete in &block.truth {
            for line in athlete.lines() {
                hash.update(serde_json::to_vec(&line).unwrap());
            }
        }
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[test]
fn the_same_options_give_the_same_bytes_and_another_seed_others() {
    let small = WorldOptions {
        athletes: 25,
        days: 3,
        ..OPTIONS
    };
    assert_eq!(digest(small), digest(small));
    assert_ne!(digest(small), digest(WorldOptions { seed: 8, ..small }));
}

#[test]
fn an_athlete_is_the_same_in_a_larger_world() {
    let few: Vec<AthleteWorld> = world(WorldOptions {
        athletes: 3,
        ..OPTIONS
    })
    .collect();
    let many: Vec<AthleteWorld> = world(OPTIONS).take(3).collect();
    assert_eq!(few, many);
}

#[test]
fn everything_is_sent_inside_the_world_and_in_order() {
    for one in world(OPTIONS) {
        let mut before = OPTIONS.start();
        for delivery in one.registrations.iter().chain(&one.deliveries) {
            assert!(
                delivery.at >= before && delivery.at <= OPTIONS.end,
                "{delivery:?}"
            );
            before = delivery.at;
        }
    }
}

#[test]
fn a_day_has_six_to_eight_items_beside_the_fragments_and_one_in_twenty_five_comes_twice() {
    let mut items = 0_usize;
    let mut fragments = 0_usize;
    let mut deliveries = 0_usize;
    let mut bodies: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    let options = WorldOptions {
        athletes: 300,
        ..OPTIONS
    };
    for one in world(options) {
        items += one.items();
        for record in &one.truth.records {
            fragments += usize::from(record.source == "healthkit" && record.weight < 0.9);
        }
        deliveries += one.deliveries.len();
        for delivery in one.deliveries {
            *bodies.entry(delivery.body).or_default() += 1;
        }
    }
    let days = (options.athletes * options.days) as f64;
    let a_day = (items - fragments) as f64 / days;
    assert!((6.0..9.0).contains(&a_day), "{a_day}");
    let repeated: usize = bodies.values().map(|count| count - 1).sum();
    let rate = repeated as f64 / deliveries as f64;
    assert!((0.03..0.05).contains(&rate), "{rate}");
}

#[test]
fn some_of_what_is_sent_is_days_late_and_some_is_deleted_or_edited() {
    let mut late = 0;
    let mut kinds = BTreeSet::new();
    let mut deleted = 0;
    for one in world(OPTIONS) {
        for record in &one.truth.records {
            deleted += usize::from(!record.live);
        }
        for delivery in &one.deliveries {
            if delivery.source != Source::Garmin {
                continue;
            }
            let body: serde_json::Value = serde_json::from_slice(&delivery.body).unwrap();
            for (key, items) in body.as_object().unwrap() {
                kinds.insert(key.clone());
                let start = items[0]["startTimeInSeconds"].as_i64();
                late += usize::from(start.is_some_and(|s| delivery.at / 1_000_000 - s > 172_800));
            }
        }
    }
    assert!(late > 20, "{late}");
    assert!(deleted > 5, "{deleted}");
    let wanted = [
        "activities",
        "activityDetails",
        "bodyComps",
        "dailies",
        "manuallyUpdatedActivities",
        "sleeps",
    ];
    assert_eq!(kinds, wanted.map(str::to_owned).into());
}

#[test]
fn small_worlds_keep_to_their_limit_and_still_tell_something() {
    let mut told = 0;
    for seed in 0..200 {
        let one = small_world(seed, 60, OPTIONS.end);
        assert!(one.items() <= 60);
        told += usize::from(one.truth.records.len() > 4);
        assert_eq!(one, small_world(seed, 60, OPTIONS.end));
    }
    assert!(told > 180, "{told}");
    assert!(small_world(1, 2, OPTIONS.end).items() <= 2);
}

#[test]
fn a_world_on_disk_reads_back_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let options = WorldOptions {
        athletes: 45,
        days: 2,
        ..OPTIONS
    };
    let written = write_world(dir.path(), options, Mix::default()).unwrap();
    let truth = std::fs::read(dir.path().join("truth.jsonl")).unwrap();
    let mut reader = TruthReader::new(truth.as_slice());
    let read: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
    assert_eq!(reader.world().unwrap().end, options.end);
    let made: Vec<_> = world(options).map(|one| one.truth).collect();
    let made: Vec<_> = made
        .into_iter()
        .filter(|truth| !truth.events.is_empty())
        .collect();
    assert_eq!(read, made);
    let lines = std::fs::read_to_string(dir.path().join("deliveries.jsonl")).unwrap();
    assert_eq!(lines.lines().count() as u64, written.deliveries);
    assert_eq!(written.athletes, 45);
}
