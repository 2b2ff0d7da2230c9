//! The truth agrees with itself and with what is sent.

use std::collections::{BTreeMap, BTreeSet};

use ingest_simulator::{
    AthleteWorld, EventKind, Mix, Source, StampedItem, WorldOptions, world, world_of,
};

use crate::world::OPTIONS;

/// Identities sent in an athlete's deliveries, by source; deleted ones apart.
fn sent(one: &AthleteWorld) -> (BTreeSet<(String, String)>, BTreeSet<String>) {
    let mut told = BTreeSet::new();
    let mut deleted = BTreeSet::new();
    let mut tell = |source: &str, id: String| told.insert((source.to_owned(), id));
    for activity in one.strava.iter().flat_map(|account| &account.activities) {
        tell("strava", activity.id.clone());
        if activity.last().is_none() {
            deleted.insert(activity.id.clone());
        }
    }
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
    // With a copy at Strava, hardly a session is left untold.
    let mut mix = Mix::default();
    mix.strava.linked = 0.0;
    let options = WorldOptions {
        athletes: 300,
        ..OPTIONS
    };
    for one in world_of(options, mix) {
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
            // What a lent watch told of is another body's.
            .filter(|event| event.fluid_lost_ml.is_some())
        {
            let rate = event.fluid_lost_ml.unwrap() * 3.6 / event.duration_s as f64;
            assert!((0.02..8.0).contains(&rate), "{rate}");
            // Indoors it is 20 degrees, where the sport's own median holds.
            if ["treadmill", "indoor_ride"].contains(&event.sport.as_deref().unwrap()) {
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

#[test]
fn the_last_fetch_of_an_activity_finds_what_the_truth_says() {
    let mut found = [0, 0];
    let mut back_and_forth = 0;
    for one in world(WorldOptions {
        athletes: 200,
        ..OPTIONS
    }) {
        let mut latest: BTreeMap<String, StampedItem> = BTreeMap::new();
        let mut contents: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
        for item in one.fetched() {
            if item.kind == "activity" {
                let seen = contents.entry(item.provider_id.clone()).or_default();
                if seen.len() > 1 && seen.contains(&item.body) && seen.last() != Some(&item.body) {
                    back_and_forth += 1;
                }
                seen.push(item.body.clone());
            }
            let before = latest.insert(item.provider_id.clone(), item.clone());
            assert!(before.is_none_or(|before| before.provider_event_at < item.provider_event_at));
        }
        let records = one.truth.records.iter();
        for record in records.filter(|record| record.source == "strava") {
            let item = &latest[&record.provider_id];
            assert_eq!(item.kind == "activity", record.live, "{record:?}");
            found[usize::from(record.live)] += 1;
        }
    }
    assert!(found[0] > 10 && found[1] > 500, "{found:?}");
    assert!(back_and_forth > 3, "{back_and_forth}");
}

#[test]
fn a_copy_starts_with_its_original_and_measures_nearly_the_same() {
    let mut hidden = 0;
    let mut with_garmin = 0;
    for one in world(WorldOptions {
        athletes: 400,
        ..OPTIONS
    }) {
        let mut garmin: BTreeMap<String, serde_json::Value> = BTreeMap::new();
        for delivery in one.deliveries.iter().filter(|d| d.source == Source::Garmin) {
            let body: serde_json::Value = serde_json::from_slice(&delivery.body).unwrap();
            for item in body["activities"].as_array().into_iter().flatten() {
                garmin.insert(item["activityId"].to_string(), item.clone());
            }
        }
        let by_event: BTreeMap<&str, &serde_json::Value> = one
            .truth
            .records
            .iter()
            .filter_map(|record| {
                let item = garmin.get(&record.provider_id)?;
                (record.source == "garmin").then_some((record.event_id.as_str(), item))
            })
            .collect();
        // With two units, a copy may be of the other one.
        let two_units = |id: &str| {
            let event = one.truth.events.iter().find(|event| event.event_id == id);
            event.unwrap().tags.iter().any(|tag| tag == "two_units")
        };
        let events: BTreeMap<&str, &str> = one
            .truth
            .records
            .iter()
            .filter(|record| record.source == "strava" && record.role == "upload")
            .filter(|record| !two_units(&record.event_id))
            .map(|record| (record.provider_id.as_str(), record.event_id.as_str()))
            .collect();
        for activity in one.strava.iter().flat_map(|account| &account.activities) {
            let event = events.get(activity.id.as_str());
            let original = event.and_then(|event| by_event.get(event));
            let (Some(body), Some(original)) = (activity.last(), original) else {
                continue;
            };
            let copy: serde_json::Value = serde_json::from_str(body).unwrap();
            let start: jiff::Timestamp = copy["start_date"].as_str().unwrap().parse().unwrap();
            let started = original["startTimeInSeconds"].as_i64().unwrap();
            if copy["start_date_local"]
                .as_str()
                .unwrap()
                .ends_with("T00:00:01Z")
            {
                hidden += 1;
            } else {
                assert_eq!(start.as_second(), started);
            }
            let device = format!("Garmin {}", original["deviceName"].as_str().unwrap());
            assert_eq!(copy["device_name"], device.as_str());
            let timer = original["durationInSeconds"].as_f64().unwrap();
            let moving = copy["moving_time"].as_f64().unwrap() / timer;
            assert!((0.975..1.0).contains(&moving), "{moving}");
            if let Some(distance) = original["distanceInMeters"].as_f64() {
                let part = copy["distance"].as_f64().unwrap() / distance;
                assert!((0.925..1.002).contains(&part), "{part}");
            }
            with_garmin += 1;
        }
    }
    assert!(hidden > 5 && with_garmin > 400, "{hidden} {with_garmin}");
}

#[test]
fn patches_say_of_the_whole_body_what_is_true_within_the_error_of_patches() {
    let mut errors = Vec::new();
    let mut mix = Mix::default();
    mix.patch.owners = 1.0;
    mix.patch.worn = 1.0;
    let options = WorldOptions {
        athletes: 150,
        ..OPTIONS
    };
    for one in world_of(options, mix) {
        let profile: serde_json::Value =
            serde_json::from_slice(&one.registrations[0].body).unwrap();
        let (Some(mass), Some(height)) =
            (profile["mass_kg"].as_f64(), profile["height_m"].as_f64())
        else {
            continue;
        };
        let surface = 0.202 * mass.powf(0.425) * height.powf(0.725);
        for delivery in one.deliveries.iter().filter(|d| d.source == Source::Scan) {
            let scan: serde_json::Value = serde_json::from_slice(&delivery.body).unwrap();
            let volume = &scan["volume_channel"];
            let read = volume["quality"]
                .as_f64()
                .is_some_and(|quality| quality > 0.69);
            let (Some(area), Some(false), true) = (
                scan["patch"]["collection_area_cm2"].as_f64(),
                volume["saturated"].as_bool(),
                read,
            ) else {
                continue;
            };
            let at = |name: &str| -> i64 {
                let at: jiff::Timestamp = scan[name].as_str().unwrap().parse().unwrap();
                at.as_microsecond()
            };
            let event = one.truth.events.iter().find(|event| {
                event.kind == EventKind::Session
                    && event.start < at("scanned_at")
                    && event.end > at("applied_at")
            });
            let event = event.unwrap();
            let from = at("applied_at").max(event.start + 600_000_000);
            let minutes = (at("scanned_at").min(event.end) - from) as f64 / 60e6;
            let local = volume["volume_ul"].as_f64().unwrap() / area / minutes;
            let told = surface * (0.239 + 0.162 * local);
            let real = event.fluid_lost_ml.unwrap() * 3.6 / event.duration_s as f64;
            errors.push((told / real).ln());
        }
    }
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    let spread = errors
        .iter()
        .map(|error| (error - mean).powi(2))
        .sum::<f64>();
    let spread = (spread / errors.len() as f64).sqrt();
    assert!(errors.len() > 180, "{}", errors.len());
    // A full channel tells nothing and an empty one tells the line's intercept: what is left is
    // narrower than the error itself.
    assert!((-0.12..0.12).contains(&mean), "{mean}");
    assert!((0.2..0.36).contains(&spread), "{spread}");
}
