//! The payloads have the vendors' shapes.

use ingest_simulator::{Delivery, GARMIN_SECRET_PLACEHOLDER, Method, Source, world};
use serde_json::Value;

use crate::world::OPTIONS;

fn bodies(source: Source) -> Vec<(Delivery, Value)> {
    world(OPTIONS)
        .flat_map(|one| one.deliveries)
        .filter(|delivery| delivery.source == source)
        .map(|delivery| {
            let body = serde_json::from_slice(&delivery.body).unwrap();
            (delivery, body)
        })
        .collect()
}

/// Whether every named field of `item` is there and of its kind: `i` integer, `n` number, `s` text,
/// `a` array, `o` object.
fn has(item: &Value, fields: &str) -> bool {
    fields.split_whitespace().all(|field| {
        let (kind, name) = field.split_once(':').unwrap();
        let value = &item[name];
        match kind {
            "i" => value.is_i64(),
            "n" => value.is_number(),
            "s" => value.as_str().is_some_and(|text| !text.is_empty()),
            "a" => value.is_array(),
            "o" => value.is_object(),
            other => panic!("no kind {other}"),
        }
    })
}

const ACTIVITY: &str = "s:userId s:summaryId i:activityId s:activityName s:activityType \
    s:deviceName i:startTimeInSeconds i:startTimeOffsetInSeconds i:durationInSeconds \
    i:activeKilocalories";

#[test]
fn garmin_items_have_their_required_fields() {
    let wanted = [
        ("activities", ACTIVITY),
        ("manuallyUpdatedActivities", ACTIVITY),
        (
            "activityDetails",
            "s:userId s:summaryId i:activityId o:summary a:samples a:laps",
        ),
        (
            "sleeps",
            "s:userId s:summaryId s:calendarDate i:startTimeInSeconds \
             i:startTimeOffsetInSeconds i:durationInSeconds o:sleepLevelsMap s:validation",
        ),
        (
            "bodyComps",
            "s:userId s:summaryId i:measurementTimeInSeconds \
             i:measurementTimeOffsetInSeconds i:weightInGrams",
        ),
        (
            "dailies",
            "s:userId s:summaryId s:calendarDate i:durationInSeconds",
        ),
    ];
    for (delivery, body) in bodies(Source::Garmin) {
        assert_eq!(delivery.method, Method::Post);
        assert!(delivery.path.contains(GARMIN_SECRET_PLACEHOLDER));
        let mut items = 0;
        for (key, list) in body.as_object().unwrap() {
            let fields = wanted.iter().find(|(name, _)| name == key).unwrap().1;
            for item in list.as_array().unwrap() {
                assert!(has(item, fields), "{key}: {item}");
                items += 1;
            }
        }
        assert_eq!(items, delivery.items);
    }
}

#[test]
fn a_garmin_night_counts_sleep_only_and_ends_in_its_level_map() {
    for (_, body) in bodies(Source::Garmin) {
        for item in body["sleeps"].as_array().into_iter().flatten() {
            let mut spans: Vec<(i64, i64, &str)> = Vec::new();
            for (level, list) in item["sleepLevelsMap"].as_object().unwrap() {
                for span in list.as_array().unwrap() {
                    let start = span["startTimeInSeconds"].as_i64().unwrap();
                    spans.push((start, span["endTimeInSeconds"].as_i64().unwrap(), level));
                }
            }
            spans.sort_unstable();
            assert_eq!(item["startTimeInSeconds"], spans[0].0);
            assert!(spans.windows(2).all(|pair| pair[0].1 == pair[1].0));
            let asleep: i64 = spans
                .iter()
                .filter(|span| span.2 != "awake")
                .map(|span| span.1 - span.0)
                .sum();
            assert_eq!(item["durationInSeconds"], asleep);
        }
    }
}

#[test]
fn the_samples_of_details_keep_moving_below_timer_below_clock() {
    let mut seen = 0;
    for (_, body) in bodies(Source::Garmin) {
        for item in body["activityDetails"].as_array().into_iter().flatten() {
            assert!(has(&item["summary"], ACTIVITY));
            for sample in item["samples"].as_array().unwrap() {
                let second = |name: &str| sample[name].as_i64().unwrap();
                let timer = second("timerDurationInSeconds");
                assert!(second("movingDurationInSeconds") <= timer);
                assert!(timer <= second("clockDurationInSeconds"));
                seen += 1;
            }
        }
    }
    assert!(seen > 50);
}

#[test]
fn healthkit_uploads_hold_what_an_app_reads_from_health() {
    let common = "s:id s:startDate s:endDate o:source";
    let mut connect = 0;
    let mut watch = 0;
    for (delivery, body) in bodies(Source::Healthkit) {
        assert!(delivery.path.starts_with("/v1/athletes/athlete-"));
        assert!(has(&body, "s:provider s:sdkVersion s:syncTimestamp o:data"));
        let mut items = 0;
        for (shelf, list) in body["data"].as_object().unwrap() {
            for item in list.as_array().unwrap() {
                items += 1;
                match shelf.as_str() {
                    "deleted" => assert!(item.is_string() || has(item, "s:id")),
                    "records" => assert!(has(item, "n:value s:unit s:type") && has(item, common)),
                    "sleep" => assert!(!item["value"].is_null() && has(item, common)),
                    "workouts" => {
                        assert!(has(item, common));
                        assert!(has(item, "a:values") || has(item, "n:duration"));
                        let bundle = item["source"]["bundleIdentifier"].as_str().unwrap();
                        connect += usize::from(bundle == "com.garmin.connect.mobile");
                        watch += usize::from(bundle.starts_with("com.apple.health."));
                    }
                    other => panic!("no shelf {other}"),
                }
            }
        }
        assert_eq!(items, delivery.items);
    }
    assert!(connect > 50 && watch > 30, "{connect} {watch}");
}

#[test]
fn app_events_name_their_type_and_time() {
    let wanted = [
        ("weigh_in", "n:mass_pre_kg n:mass_post_kg i:fluid_ml"),
        (
            "planned_workout",
            "s:plan_id i:version s:sport s:start i:duration_min s:intensity",
        ),
        ("intake", "i:fluid_ml i:carbohydrate_g"),
        ("self_report", "i:motivation i:fatigue i:gut i:urine_colour"),
        ("body_mass", "n:mass_kg"),
    ];
    let mut seen = std::collections::BTreeSet::new();
    for (delivery, body) in bodies(Source::App) {
        let item = if body.is_array() { &body[0] } else { &body };
        assert!(has(item, "s:id s:type s:at"), "{item}");
        let kind = item["type"].as_str().unwrap();
        let fields = wanted.iter().find(|(name, _)| *name == kind).unwrap().1;
        assert!(has(item, fields), "{item}");
        let at: jiff::Timestamp = item["at"].as_str().unwrap().parse().unwrap();
        assert!(
            at.as_microsecond() <= delivery.at,
            "told before it was: {item}"
        );
        seen.insert(kind.to_owned());
    }
    assert_eq!(seen.len(), wanted.len(), "{seen:?}");
}

#[test]
fn registrations_make_the_athlete_and_then_link_garmin() {
    for one in world(OPTIONS) {
        let root = format!("/v1/athletes/{}", one.athlete_id);
        let paths: Vec<&str> = one
            .registrations
            .iter()
            .map(|put| put.path.as_str())
            .collect();
        assert_eq!(paths[0], root);
        assert!(
            paths[1..]
                .iter()
                .all(|path| *path == format!("{root}/connections/garmin"))
        );
        assert!(
            one.registrations
                .iter()
                .all(|put| put.method == Method::Put)
        );
        let profile: Value = serde_json::from_slice(&one.registrations[0].body).unwrap();
        assert!(has(
            &profile,
            "n:mass_kg n:height_m s:time_zone s:wake_time s:bed_time"
        ));
    }
}
