//! Every hard scene happens, carries its tag, and is told the way its name says.

use std::collections::{BTreeMap, BTreeSet};

use ingest_simulator::{
    AthleteWorld, Mix, Source, TruthEvent, TruthRecord, WorldOptions, world, world_of,
};

/// Ends 2026-04-05T00:00:00Z: clocks changed in Europe and, before that, in America.
const OPTIONS: WorldOptions = WorldOptions {
    athletes: 250,
    days: 30,
    seed: 11,
    end: 1_775_347_200_000_000,
};

const TAGS: &str = "away back_to_back backfill by_hand cafe_stop clock_change day_sleep \
    deleted_on_one_side edited_weeks_later first_fix flight_night group_ride hidden_start \
    indoor_distance late_burst late_edit manual_copy multisport nap nested_sleep other_type \
    partial_night privacy_zone reencoded restart same_sport_twice short_pair tentative \
    two_trackers two_units upload_loop user_merge user_split wrong_zone";

/// Worlds in which many sessions are hard.
fn hard() -> impl Iterator<Item = AthleteWorld> {
    let mut mix = Mix::default();
    mix.scene.part = 0.5;
    world_of(OPTIONS, mix)
}

/// Each event that carries `tag`, with its live records.
fn tagged<'w>(
    one: &'w AthleteWorld,
    tag: &'w str,
) -> impl Iterator<Item = (&'w TruthEvent, Vec<&'w TruthRecord>)> {
    let events = one.truth.events.iter();
    let carrying = events.filter(move |event| event.tags.iter().any(|name| name == tag));
    carrying.map(|event| {
        let records = one.truth.records.iter();
        let mine = records.filter(|record| record.live && record.event_id == event.event_id);
        (event, mine.collect())
    })
}

fn roles(records: &[&TruthRecord], source: &str, role: &str) -> usize {
    let mine = records.iter();
    mine.filter(|record| record.source == source && record.role == role)
        .count()
}

#[test]
fn every_tag_is_carried_by_some_and_none_by_most() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut events = 0;
    for one in hard() {
        for event in &one.truth.events {
            events += 1;
            for tag in &event.tags {
                *counts.entry(tag.clone()).or_default() += 1;
            }
        }
    }
    let known: BTreeSet<&str> = TAGS.split_whitespace().collect();
    let found: BTreeSet<&str> = counts.keys().map(String::as_str).collect();
    assert_eq!(found, known);
    for (tag, count) in counts {
        assert!(
            count > 8 && count * 2 < events,
            "{tag}: {count} of {events}"
        );
    }
}

#[test]
fn without_hard_scenes_the_events_and_items_of_a_day_are_nearly_as_many() {
    let mut plain = Mix::default();
    plain.scene.part = 0.0;
    let items = |worlds: &mut dyn Iterator<Item = AthleteWorld>| -> usize {
        worlds.map(|one| one.facts()).sum()
    };
    let without = items(&mut world_of(OPTIONS, plain));
    let with = items(&mut world(OPTIONS));
    let more = with as f64 / without as f64;
    assert!((1.0..1.05).contains(&more), "{more}");
}

#[test]
fn what_was_recorded_in_pieces_has_a_whole_or_a_users_word() {
    let (mut restarts, mut merges) = (0, 0);
    for one in hard() {
        for (event, records) in tagged(&one, "restart") {
            assert_eq!(roles(&records, "garmin", "part"), 2, "{event:?}");
            assert_eq!(roles(&records, "healthkit", "second_watch"), 1, "{event:?}");
            restarts += 1;
        }
        for (event, records) in tagged(&one, "user_merge") {
            assert_eq!(roles(&records, "garmin", "part"), 2, "{event:?}");
            let words = words(&one, "merge");
            assert!(
                words.iter().any(|ids| ids.len() == records.len()),
                "{event:?}"
            );
            merges += 1;
        }
    }
    assert!(restarts > 20 && merges > 20, "{restarts} {merges}");
}

/// The ids that the athlete's words of one kind name.
fn words(one: &AthleteWorld, action: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for delivery in one.deliveries.iter().filter(|it| it.source == Source::App) {
        let body: serde_json::Value = serde_json::from_slice(&delivery.body).unwrap();
        let event = if body.is_array() { &body[0] } else { &body };
        if event["action"] == action {
            let ids = event["observation_ids"].as_array().unwrap().iter();
            found.push(ids.map(|id| id.as_str().unwrap().to_owned()).collect());
        }
    }
    found
}

#[test]
fn a_race_is_told_as_a_whole_and_as_three_legs() {
    let mut legs = 0;
    let mut wholes = 0;
    for one in hard() {
        for (_, records) in tagged(&one, "multisport") {
            let own: Vec<_> = records.iter().filter(|record| !record.container).collect();
            assert_eq!(own.iter().filter(|it| it.source == "garmin").count(), 1);
            legs += 1;
            wholes += roles(&records, "garmin", "parent");
        }
    }
    assert!(wholes > 8, "{wholes}");
    // The world may end before the last leg.
    assert!(
        (wholes * 3 - 3..=wholes * 3).contains(&legs),
        "{legs} {wholes}"
    );
}

#[test]
fn a_wrong_clock_is_off_by_whole_hours_and_never_tells_of_what_is_to_come() {
    let mut shifted = 0;
    for one in hard() {
        for (event, records) in tagged(&one, "wrong_zone") {
            for record in records.iter().filter(|record| record.candidate) {
                let says = record.says.as_ref().unwrap();
                let off = (says.start - event.start) as f64 / 3.6e9;
                assert!((off - off.round()).abs() < 0.01 && off.abs() > 0.9, "{off}");
                assert!(says.end <= OPTIONS.end);
                shifted += 1;
            }
        }
    }
    assert!(shifted > 15, "{shifted}");
}

#[test]
fn companions_ride_at_the_same_time_over_the_same_distance() {
    let mut rides: BTreeMap<(i64, i64), BTreeSet<String>> = BTreeMap::new();
    for one in hard() {
        for (event, _) in tagged(&one, "group_ride") {
            let together = rides.entry((event.start, event.end)).or_default();
            together.insert(one.athlete_id.clone());
        }
    }
    let met = rides.values().filter(|riders| riders.len() > 1).count();
    assert!(met > 3, "{met} of {}", rides.len());
}

#[test]
fn a_night_app_tells_ever_longer_records_of_one_night() {
    let mut nights = 0;
    for one in hard() {
        for (_, records) in tagged(&one, "nested_sleep") {
            let nested = roles(&records, "healthkit", "nested");
            assert!((2..=6).contains(&nested), "{nested}");
            nights += 1;
        }
    }
    assert!(nights > 50, "{nights}");
}

#[test]
fn what_an_account_held_before_it_was_linked_arrives_at_once() {
    let mut accounts = 0;
    for one in hard() {
        let events = one.truth.events.iter();
        let before = events.filter(|event| event.tags.iter().any(|tag| tag == "backfill"));
        let Some(last) = before.map(|event| event.start).max() else {
            continue;
        };
        let garmin = one
            .deliveries
            .iter()
            .filter(|it| it.source == Source::Garmin);
        let first = garmin.map(|delivery| delivery.at).min().unwrap();
        assert!(first + 3_600_000_000 > last, "{}", one.athlete_id);
        accounts += 1;
    }
    assert!(accounts > 3, "{accounts}");
}
