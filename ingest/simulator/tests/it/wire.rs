//! The payloads have the vendors' shapes.

use std::collections::BTreeMap;

use ingest_simulator::{
    Delivery, GARMIN_SECRET_PLACEHOLDER, Method, Mix, STRAVA_SECRET_PLACEHOLDER, Source,
    WorldOptions, world, world_of,
};
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
        ("link_override", "s:action a:observation_ids"),
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
fn registrations_make_the_athlete_and_then_link_the_accounts() {
    let mut told = std::collections::BTreeSet::new();
    for one in world(OPTIONS) {
        let root = format!("/v1/athletes/{}", one.athlete_id);
        assert_eq!(one.registrations[0].path, root);
        assert!(
            one.registrations
                .iter()
                .all(|put| put.method == Method::Put)
        );
        let profile: Value = serde_json::from_slice(&one.registrations[0].body).unwrap();
        assert!(has(
            &profile,
            "n:mass_kg s:time_zone s:wake_time s:bed_time i:birth_year"
        ));
        told.extend(profile.as_object().unwrap().keys().cloned());
        for link in &one.registrations[1..] {
            let body: Value = serde_json::from_slice(&link.body).unwrap();
            assert_eq!(link.items, 0);
            assert!(has(&body, "s:account_id"), "{body}");
            if let Some(account) = &one.strava
                && link.path == format!("{root}/connections/strava")
            {
                assert!(has(
                    &body,
                    "s:access_token s:refresh_token i:expires_at a:scopes"
                ));
                assert_eq!(body["account_id"], account.account_id.as_str());
            } else {
                assert_eq!(link.path, format!("{root}/connections/garmin"));
            }
        }
    }
    for field in [
        "height_m",
        "diet",
        "allergies",
        "flags",
        "caffeine_opt_in",
        "gut_trained",
    ] {
        assert!(told.contains(field), "{field}");
    }
}

#[test]
fn strava_events_are_hints_and_nothing_more() {
    let mut seen = std::collections::BTreeMap::new();
    for (delivery, event) in bodies(Source::Strava) {
        let path = format!("/webhooks/strava/{STRAVA_SECRET_PLACEHOLDER}");
        assert_eq!((delivery.path, delivery.items), (path, 1));
        let fields = "s:object_type s:aspect_type o:updates i:event_time i:subscription_id";
        assert!(has(&event, fields), "{event}");
        assert!(event["object_id"].is_u64() && event["owner_id"].is_u64());
        assert!(event["event_time"].as_i64().unwrap() * 1_000_000 <= delivery.at);
        for change in event["updates"].as_object().unwrap().keys() {
            *seen.entry(change.clone()).or_insert(0) += 1;
        }
        let aspect = event["aspect_type"].as_str().unwrap();
        *seen.entry(aspect.to_owned()).or_insert(0) += 1;
    }
    for kind in ["create", "update", "delete", "title", "type", "private"] {
        assert!(
            seen.get(kind).is_some_and(|count| *count > 2),
            "{kind}: {seen:?}"
        );
    }
}

#[test]
fn strava_activities_are_written_as_the_vendor_writes_them() {
    let mut seen = std::collections::BTreeMap::new();
    let mut note = |what: &'static str, is: bool| *seen.entry(what).or_insert(0) += u32::from(is);
    for one in world(ingest_simulator::WorldOptions {
        athletes: 400,
        ..OPTIONS
    }) {
        let activities = one.strava.iter().flat_map(|account| &account.activities);
        for activity in activities {
            note("long id", activity.id.parse::<u64>().unwrap() > 1 << 53);
            for body in activity.versions.iter().filter_map(|v| v.body.as_deref()) {
                let body: Value = serde_json::from_str(body).unwrap();
                let fields = "s:name n:distance i:moving_time i:elapsed_time s:sport_type s:type \
                    s:start_date s:start_date_local s:timezone n:utc_offset o:athlete s:embed_token";
                assert!(has(&body, fields), "{body}");
                assert_eq!(body["id"].to_string(), activity.id);
                let instant = |name: &str| -> jiff::Timestamp {
                    body[name].as_str().unwrap().parse().unwrap()
                };
                let offset =
                    instant("start_date_local").as_second() - instant("start_date").as_second();
                assert_eq!(body["utc_offset"], offset as f64);
                assert!(body["moving_time"].as_i64() <= body["elapsed_time"].as_i64());
                let label = body["timezone"].as_str().unwrap();
                let sign = if offset < 0 { '-' } else { '+' };
                let told = format!(
                    "(GMT{sign}{:02}:{:02})",
                    offset.abs() / 3_600,
                    offset.abs() / 60 % 60
                );
                note("summer", !label.starts_with(&told));
                note(
                    "hidden",
                    body["start_date_local"]
                        .as_str()
                        .unwrap()
                        .ends_with("T00:00:01Z"),
                );
                note(
                    "manual",
                    body["manual"] == true && body["external_id"].is_null(),
                );
                note("trainer", body["trainer"] == true);
                let file = body["external_id"].as_str().unwrap_or_default();
                note(
                    "garmin",
                    file.starts_with("garmin_ping_") && file.ends_with(".fit"),
                );
                note(
                    "apple",
                    body["device_name"]
                        .as_str()
                        .is_some_and(|d| d.starts_with("Apple")),
                );
                note("own app", body["device_name"] == "Strava App");
                note("large upload", body["upload_id"].is_f64());
                note(
                    "no place",
                    body["start_latlng"].as_array().unwrap().is_empty(),
                );
            }
        }
    }
    assert_eq!(seen.len(), 10);
    assert!(seen.values().all(|count| *count > 3), "{seen:?}");
}

#[test]
fn scans_have_the_fields_of_their_schema_and_everything_goes_wrong_sometimes() {
    let mut seen = std::collections::BTreeMap::new();
    let mut note = |what: &'static str, is: bool| *seen.entry(what).or_insert(0) += u32::from(is);
    let mut patches: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut mix = Mix::default();
    mix.patch.owners = 1.0;
    let options = WorldOptions {
        athletes: 100,
        ..OPTIONS
    };
    for one in world_of(options, mix) {
        for delivery in one.deliveries.iter().filter(|d| d.source == Source::Scan) {
            assert_eq!(
                delivery.path,
                format!("/v1/athletes/{}/scans", one.athlete_id)
            );
            let scan: Value = serde_json::from_slice(&delivery.body).unwrap();
            let fields = "s:schema s:scan_id s:athlete_id s:patch_id s:body_site s:applied_at \
                s:scanned_at o:volume_channel o:chloride_channel i:revision";
            assert!(has(&scan, fields), "{scan}");
            assert_eq!(scan["schema"], "sweat.scan/1");
            let at =
                |name: &str| -> jiff::Timestamp { scan[name].as_str().unwrap().parse().unwrap() };
            assert!(at("applied_at") < at("scanned_at"));
            assert!(at("scanned_at").as_microsecond() <= delivery.at);
            note("failed", scan["failed"] == true);
            note(
                "poor",
                scan["volume_channel"]["quality"].as_f64().unwrap() < 0.5,
            );
            note("full", scan["volume_channel"]["saturated"] == true);
            note("area", scan["patch"]["collection_area_cm2"].is_number());
            note("no area", scan["patch"].is_null());
            note("replaces", scan["supersedes"].is_string());
            note(
                "second revision",
                scan["revision"] == 2 && scan["supersedes"].is_null(),
            );
            let ids = patches
                .entry(scan["patch_id"].as_str().unwrap().to_owned())
                .or_default();
            ids.push(scan["scan_id"].as_str().unwrap().to_owned());
        }
    }
    note("two photographs", false);
    *seen.get_mut("two photographs").unwrap() +=
        patches.values().filter(|ids| ids.len() > 1).count() as u32;
    assert_eq!(seen.len(), 8);
    assert!(seen.values().all(|count| *count > 3), "{seen:?}");
    let rate = f64::from(seen["failed"] + seen["poor"]) / patches.len() as f64;
    assert!((0.1..0.4).contains(&rate), "{rate}");
}
