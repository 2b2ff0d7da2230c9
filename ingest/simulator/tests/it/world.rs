//! Size, seed, end and rates of a world.

use std::collections::{BTreeMap, BTreeSet};

use ingest_simulator::{
    AthleteWorld, Mix, Source, TruthReader, WorldOptions, blocks, read_strava, small_world, world,
    write_world,
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
        for account in &block.strava {
            let mut line = Vec::new();
            ingest_simulator::write_strava(&mut line, account).unwrap();
            hash.update(line);
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
        assert!(one.facts() <= 60);
        told += usize::from(one.truth.records.len() > 4);
        assert_eq!(one, small_world(seed, 60, OPTIONS.end));
    }
    assert!(told > 180, "{told}");
    assert!(small_world(1, 3, OPTIONS.end).facts() <= 3);
}

#[test]
fn small_worlds_fetch_back_and_forth_find_nothing_ask_for_the_weather_and_scan() {
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    let mut note = |what: &'static str, is: bool| *seen.entry(what).or_default() += u32::from(is);
    for seed in 0..200 {
        let one = small_world(seed, 60, OPTIONS.end);
        let fetched = one.fetched();
        let mut bodies: BTreeMap<&str, Vec<&[u8]>> = BTreeMap::new();
        for item in fetched.iter().filter(|item| item.kind == "activity") {
            let text = String::from_utf8_lossy(&item.body);
            assert!(text.contains(r#""embed_token":"redacted""#), "{text}");
            bodies
                .entry(&item.provider_id)
                .or_default()
                .push(&item.body);
        }
        let there_and_back = |seen: &Vec<&[u8]>| {
            (2..seen.len()).any(|n| seen[n] != seen[n - 1] && seen[..n].contains(&seen[n]))
        };
        note("A, B, A", bodies.values().any(there_and_back));
        note(
            "gone",
            fetched.iter().any(|item| item.kind == "fetch_result"),
        );
        let sent = |word: &str| {
            let strava = one.deliveries.iter().filter(|d| d.source == Source::Strava);
            strava
                .filter(|d| String::from_utf8_lossy(&d.body).contains(word))
                .count()
        };
        note("deleted", sent("\"delete\"") > 0);
        note("private", sent("private") > 0);
        note(
            "scan",
            one.deliveries.iter().any(|d| d.source == Source::Scan),
        );
        for item in one.weather_answers() {
            let body: serde_json::Value = serde_json::from_slice(&item.body).unwrap();
            let (lat, lon, hour) = (&body["lat_dd"], &body["lon_dd"], &body["hour"]);
            assert_eq!(item.provider_id, format!("{lat},{lon}@{hour}"));
            assert_eq!(body["temperature_2m"].is_number(), item.kind != "failed");
            note(item.kind, true);
        }
        let raw = fetched.first().map(|item| item.raw("1".to_owned()));
        assert!(raw.is_none_or(|raw| raw.source == "strava" && raw.body_sha256.len() == 64));
    }
    for what in [
        "A, B, A", "gone", "deleted", "private", "scan", "forecast", "failed",
    ] {
        assert!(
            seen.get(what).is_some_and(|count| *count > 2),
            "{what}: {seen:?}"
        );
    }
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
    let accounts = std::fs::read(dir.path().join("strava.jsonl")).unwrap();
    let accounts: Vec<_> = read_strava(accounts.as_slice())
        .map(Result::unwrap)
        .collect();
    let linked: Vec<_> = world(options).filter_map(|one| one.strava).collect();
    assert_eq!(accounts, linked);
    let lines = std::fs::read_to_string(dir.path().join("deliveries.jsonl")).unwrap();
    assert_eq!(lines.lines().count() as u64, written.deliveries);
    assert_eq!(written.athletes, 45);
}
