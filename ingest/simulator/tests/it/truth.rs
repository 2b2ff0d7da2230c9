//! The truth agrees with itself and with what is sent.

use std::collections::{BTreeMap, BTreeSet};

use ingest_simulator::{AthleteWorld, EventKind, WorldOptions, world};

use crate::world::OPTIONS;

/// Identities sent in an athlete's deliveries, by source; deleted ones apart.
fn sent(one: &AthleteWorld) -> (BTreeSet<(String, String)>, BTreeSet<String>) {
    let mut told = BTreeSet::new();
    let mut deleted = BTreeSet::new();
    let mut tell = |source: &str, id: String| told.insert((source.to_owned(), id));
    for delivery in &one.deliveries {
        let body: serde_json::Value = serde_json::from_slice(&delivery.body).unwrap();
        let items = |key: &str| body[key].as_array().cloned().unwrap_or_default();
        for item in items("activities") {
            tell("garmin", item["activityId"].to_string());
        }
        for item in items("sleeps") {
            let id = item["summaryId"].as_str().unwrap().to_owned();
            for nap in item["naps"].as_array().into_iter().flatten() {
                tell(
                    "garmin",
                    format!("{id}#nap{}", nap["napStartTimeInSeconds"]),
                );
            }
            tell("garmin", id);
        }
        let data = |key: &str| body["data"][key].as_array().cloned().unwrap_or_default();
        for item in data("workouts").into_iter().chain(data("sleep")) {
            tell("healthkit", item["id"].as_str().unwrap().to_owned());
        }
        for item in data("deleted") {
            let id = item.as_str().or(item["id"].as_str()).unwrap();
            deleted.insert(id.to_owned());
        }
    }
    (told, deleted)
}

#[test]
fn every_record_was_sent_and_everything_sent_is_a_record() {
    for one in world(OPTIONS) {
        let (told, deleted) = sent(&one);
        let mut known = BTreeSet::new();
        for record in &one.truth.records {
            let identity = (record.source.clone(), record.provider_id.clone());
            assert_eq!(
                record.live,
                !deleted.contains(&record.provider_id),
                "{record:?}"
            );
            assert!(known.insert(identity), "told twice: {record:?}");
        }
        assert_eq!(known, told, "{}", one.athlete_id);
    }
}

#[test]
fn an_event_is_told_when_a_live_record_tells_of_it() {
    let mut untold = 0;
    for one in world(WorldOptions {
        athletes: 200,
        ..OPTIONS
    }) {
        let mut live: BTreeMap<&str, usize> = BTreeMap::new();
        for record in one.truth.records.iter().filter(|record| record.live) {
            *live.entry(&record.event_id).or_default() += 1;
        }
        let ids: BTreeSet<&str> = one
            .truth
            .events
            .iter()
            .map(|event| event.event_id.as_str())
            .collect();
        assert_eq!(ids.len(), one.truth.events.len());
        assert!(
            one.truth
                .records
                .iter()
                .all(|record| ids.contains(record.event_id.as_str()))
        );
        for event in &one.truth.events {
            assert_eq!(event.told, live.contains_key(event.event_id.as_str()));
            untold += usize::from(!event.told && event.kind == EventKind::Session);
        }
    }
    assert!(untold > 3, "{untold}");
}

#[test]
fn the_fragments_of_a_night_by_one_device_weigh_one() {
    for one in world(OPTIONS) {
        let mut weights: BTreeMap<(&str, &str), f64> = BTreeMap::new();
        for record in one.truth.records.iter().filter(|record| record.live) {
            *weights
                .entry((&record.event_id, &record.device))
                .or_default() += record.weight;
        }
        for (key, weight) in weights {
            assert!((weight - 1.0).abs() < 1e-9, "{key:?} {weight}");
        }
    }
}

#[test]
fn sweat_is_within_what_bodies_do() {
    let mut rates = Vec::new();
    for one in world(WorldOptions {
        athletes: 300,
        ..OPTIONS
    }) {
        for event in one
            .truth
            .events
            .iter()
            .filter(|event| event.kind == EventKind::Session)
        {
            let rate = event.fluid_lost_ml.unwrap() * 3.6 / event.duration_s as f64;
            assert!((0.02..8.0).contains(&rate), "{rate}");
            if event.sport.as_deref() == Some("run") {
                rates.push(rate);
            }
            let sodium = event.sodium_lost_mg.unwrap() / event.fluid_lost_ml.unwrap() * 1_000.0;
            assert!((100.0..3_500.0).contains(&sodium), "{sodium}");
        }
    }
    rates.sort_by(f64::total_cmp);
    let median = rates[rates.len() / 2];
    assert!((1.05..1.3).contains(&median), "{median}");
}
