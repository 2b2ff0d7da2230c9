//! Strava: activities as they were fetched.

use processors_pipeline::{Body, Draft, Outcome, normalize};
use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use schemas::record::observation::ActivityBody;
use serde_json::{Value, json};

use super::{NOW_S, but, detail, drafts, outcome, raw, word};

pub(super) fn ride() -> Value {
    json!({
        "id": 4_711, "sport_type": "GravelRide", "type": "Ride",
        "start_date": "2025-10-09T05:30:00Z", "start_date_local": "2025-10-09T07:30:00Z",
        "timezone": "(GMT+01:00) Europe/Berlin", "utc_offset": 7200.0,
        "moving_time": 3_400, "elapsed_time": 3_600, "distance": 24_012.34,
        "total_elevation_gain": 210.04, "average_speed": 7.0624,
        "average_heartrate": 141.6, "max_heartrate": 177.0,
        "average_watts": 188.4, "device_watts": true,
        "calories": 700.0, "kilojoules": 640.5,
        "device_name": "Edge 540", "name": "To the lake",
        "trainer": false, "manual": false,
        "external_id": "garmin_ping_340000000001.fit",
        "start_latlng": [52.520_008_1, 13.404_954]
    })
}

fn fetched(item: &Value) -> RawReceived {
    RawReceived {
        provider_id: Some("4711".to_owned()),
        account_id: Some("9".to_owned()),
        ..raw("strava", "activity", item.to_string().as_bytes())
    }
}

fn activity(item: &Value) -> ActivityBody {
    activity_of(&drafts(normalize(&fetched(item))))
}

fn activity_of(drafts: &[Draft]) -> ActivityBody {
    match &drafts[0].body {
        Body::Activity(body) => (**body).clone(),
        other => panic!("{other:?}"),
    }
}

fn micros(text: &str) -> Micros {
    Micros(
        chrono::DateTime::parse_from_rfc3339(text)
            .unwrap()
            .timestamp_micros(),
    )
}

#[test]
fn every_field_of_an_activity_arrives_in_our_words_and_units() {
    let expected = ActivityBody {
        sport: "gravel_ride".to_owned(),
        family: "RIDE".to_owned(),
        vendor_type: "GravelRide".to_owned(),
        start: micros("2025-10-09T05:30:00Z"),
        end: micros("2025-10-09T06:30:00Z"),
        utc_offset_s: Some(7_200),
        time_zone: Some("Europe/Berlin".to_owned()),
        timer_s: None,
        moving_s: Some(3_400),
        elapsed_s: 3_600,
        distance_m: Some(24_012.3),
        // 700 kcal; the work of 640.5 kJ is not what the body spent.
        energy_kj: Some(2_928.8),
        heart_rate_avg_bpm: Some(142),
        heart_rate_max_bpm: Some(177),
        power_avg_w: Some(188.0),
        speed_avg_m_s: Some(7.062),
        elevation_gain_m: Some(210.0),
        start_lat: Some(52.520_008),
        start_lon: Some(13.404_954),
        indoor: Some(false),
        manual: false,
        title: Some("To the lake".to_owned()),
        user_edited: false,
        device: Some("Edge 540".to_owned()),
        writer: None,
        container: false,
        parent_provider_id: None,
        external_id: Some("garmin_ping_340000000001.fit".to_owned()),
        hidden_start: false,
    };
    assert_eq!(activity(&ride()), expected);
}

#[test]
fn an_activity_is_as_new_as_its_fetch() {
    let mut item = fetched(&ride());
    let order = |item: &RawReceived| {
        let drafts = drafts(normalize(item));
        assert!(drafts[0].fetched);
        assert_eq!(
            (drafts[0].provider_id.as_str(), drafts[0].channel),
            ("4711", "summary")
        );
        drafts[0].order
    };
    assert_eq!(order(&item), NOW_S * 1_000_000);
    item.provider_event_at = Some(Micros(123_456_789));
    assert_eq!(order(&item), 123_456_789);
}

#[test]
fn an_id_keeps_all_of_its_digits() {
    // Larger than any 64-bit integer, and than what a floating-point number tells apart.
    let long = "987654321234567891234";
    let text = ride().to_string().replace("4711", long);
    let found = drafts(normalize(&raw("strava", "activity", text.as_bytes())));
    assert_eq!(found[0].provider_id, long);
    let quoted = but(ride(), &json!({"id": "12345678987654321"}));
    let found = drafts(outcome("strava", "activity", &quoted));
    assert_eq!(found[0].provider_id, "12345678987654321");
}

#[test]
fn numbers_that_fit_in_no_integer_harm_nothing_where_nobody_reads_them() {
    let text = ride().to_string().replacen(
        '{',
        "{\"upload_id\":987654321234567891234,\"kudos_count\":1e999,",
        1,
    );
    assert_eq!(
        word(&normalize(&raw("strava", "activity", text.as_bytes()))),
        "ok"
    );
}

#[test]
fn activities_become_observations_or_a_reason() {
    #[rustfmt::skip]
    let cases = [
        ("as fetched", json!({}), "ok"),
        ("no id anywhere", json!({"id": null}), "missing_field"),
        ("an id that is none", json!({"id": {"v": 1}}), "bad_value"),
        ("no start", json!({"start_date": null}), "missing_field"),
        ("a start in words", json!({"start_date": "at noon"}), "bad_value"),
        ("a start without a zone", json!({"start_date": "2025-10-09T05:30:00"}), "bad_value"),
        ("no elapsed time", json!({"elapsed_time": null}), "ok"),
        ("no time at all", json!({"elapsed_time": null, "moving_time": null}), "missing_field"),
        ("it ends before it starts", json!({"elapsed_time": -60}), "bad_value"),
        ("eight days", json!({"elapsed_time": 691_200}), "bad_value"),
        ("a text for a time", json!({"elapsed_time": "1h"}), "bad_value"),
        ("around the earth", json!({"distance": 40_000_000}), "bad_value"),
        ("a hummingbird", json!({"average_heartrate": 1_200}), "bad_value"),
        ("off the map", json!({"start_latlng": [95.0, 13.0]}), "bad_value"),
        ("three coordinates", json!({"start_latlng": [52.0, 13.0, 34.0]}), "bad_value"),
        ("the year 2200", json!({"start_date": "2200-01-01T00:00:00Z"}), "implausible_time"),
        ("the epoch", json!({"start_date": "1970-01-01T00:00:00Z"}), "implausible_time"),
        ("an unknown sport", json!({"sport_type": "Quidditch", "type": "Quidditch"}), "ok"),
        ("wrong types that nobody reads", json!({"kudos_count": "many", "map": 7, "athlete": [], "upload_id": {}}), "ok"),
    ];
    for (name, changes, expected) in cases {
        let found = outcome("strava", "activity", &but(ride(), &changes));
        assert_eq!(word(&found), expected, "{name}: {found:?}");
    }
}

#[test]
fn a_null_of_any_field_is_a_field_that_is_absent() {
    let whole = ride();
    for name in whole.as_object().unwrap().keys() {
        let mut null = whole.clone();
        null[name] = Value::Null;
        let absent = but(whole.clone(), &json!({ name.as_str(): null }));
        assert_eq!(
            outcome("strava", "activity", &null),
            outcome("strava", "activity", &absent),
            "{name}"
        );
        if !matches!(name.as_str(), "id" | "start_date") {
            assert_eq!(word(&outcome("strava", "activity", &null)), "ok", "{name}");
        }
    }
}

#[test]
fn a_rejection_names_the_field_and_what_was_found() {
    let cases = [
        (json!({"distance": "far"}), "distance is text, not a number"),
        (
            json!({"trainer": 3}),
            "trainer is a number, not true or false",
        ),
        (
            json!({"average_heartrate": 1_200}),
            "average_heartrate is 1200, outside 0 to 300",
        ),
        (
            json!({"start_latlng": "here"}),
            "start_latlng is text, not a list of numbers",
        ),
        (json!({"start_date": null}), "start_date is missing"),
    ];
    for (changes, expected) in cases {
        let found = outcome("strava", "activity", &but(ride(), &changes));
        assert_eq!(detail(&found), expected);
    }
}

#[test]
fn what_was_not_measured_is_unknown() {
    let unmeasured = json!({
        "distance": 0.0, "average_speed": 0.0, "total_elevation_gain": 0.0, "calories": 0.0,
        "average_heartrate": 0, "start_latlng": [], "device_watts": false
    });
    let body = activity(&but(ride(), &unmeasured));
    assert_eq!((body.distance_m, body.speed_avg_m_s), (None, None));
    assert_eq!((body.elevation_gain_m, body.energy_kj), (None, None));
    assert_eq!((body.heart_rate_avg_bpm, body.power_avg_w), (None, None));
    assert_eq!((body.start_lat, body.start_lon), (None, None));
    let flat = activity(&but(ride(), &json!({"total_elevation_gain": 0.0})));
    assert_eq!(flat.elevation_gain_m, Some(0.0), "a flat way was measured");
    let half = activity(&but(ride(), &json!({"start_latlng": [52.5, null]})));
    assert_eq!((half.start_lat, half.start_lon), (None, None));
}

#[test]
fn the_sport_type_rules_over_the_type_and_a_trainer_is_indoors() {
    let cases = [
        (json!({}), "gravel_ride", Some(false)),
        (json!({"sport_type": null}), "road_ride", None),
        (
            json!({"sport_type": "Ride", "trainer": true}),
            "indoor_ride",
            Some(true),
        ),
        (
            json!({"sport_type": "Run", "trainer": true}),
            "treadmill",
            Some(true),
        ),
        (
            json!({"sport_type": "VirtualRide"}),
            "indoor_ride",
            Some(true),
        ),
        (json!({"sport_type": "Quidditch"}), "other", None),
        (json!({"sport_type": null, "type": null}), "other", None),
    ];
    for (changes, sport, indoor) in cases {
        let body = activity(&but(ride(), &changes));
        assert_eq!(
            (body.sport.as_str(), body.indoor),
            (sport, indoor),
            "{changes}"
        );
    }
    assert!(activity(&but(ride(), &json!({"manual": true}))).manual);
}

#[test]
fn local_time_and_zone_are_read_past_their_false_labels() {
    let local = |text: &str| json!({"utc_offset": null, "start_date_local": text});
    let cases = [
        // The label shows the standard offset; what held is told apart.
        (
            json!({"timezone": "(GMT-08:00) America/Los_Angeles", "utc_offset": -25_200}),
            Some(-25_200),
            Some("America/Los_Angeles"),
        ),
        (
            json!({"utc_offset": 19_800.0, "timezone": "Asia/Kolkata"}),
            Some(19_800),
            Some("Asia/Kolkata"),
        ),
        (
            json!({"timezone": "(GMT+03:00) Middle/Earth"}),
            Some(7_200),
            None,
        ),
        (json!({"timezone": ""}), Some(7_200), None),
        (
            json!({"utc_offset": 9e9}),
            Some(7_200),
            Some("Europe/Berlin"),
        ),
        // Without an offset the wall time implies it: behind a false Z, an offset, or nothing.
        (
            local("2025-10-09T07:30:00Z"),
            Some(7_200),
            Some("Europe/Berlin"),
        ),
        (
            local("2025-10-09T07:30:00+02:00"),
            Some(7_200),
            Some("Europe/Berlin"),
        ),
        (
            local("2025-10-09T07:30:00"),
            Some(7_200),
            Some("Europe/Berlin"),
        ),
        (local("2025-10-09T07:37:11"), None, Some("Europe/Berlin")),
        (local("breakfast"), None, Some("Europe/Berlin")),
    ];
    for (changes, offset, zone) in cases {
        let body = activity(&but(ride(), &changes));
        assert_eq!(body.start, micros("2025-10-09T05:30:00Z"), "{changes}");
        assert_eq!(
            (body.utc_offset_s, body.time_zone.as_deref()),
            (offset, zone),
            "{changes}"
        );
    }
}

#[test]
fn a_hidden_start_is_the_first_second_of_the_local_day() {
    let midnight = "2025-10-08T22:00:01Z";
    let cases = [
        (
            "both times changed",
            json!({"start_date": midnight, "start_date_local": "2025-10-09T00:00:01Z"}),
            midnight,
            true,
        ),
        (
            "without an offset",
            json!({"start_date": midnight, "start_date_local": "2025-10-09T00:00:01Z", "utc_offset": null}),
            midnight,
            true,
        ),
        (
            "without local time",
            json!({"start_date": midnight, "start_date_local": null}),
            midnight,
            true,
        ),
        (
            "only the local time changed",
            json!({"start_date_local": "2025-10-09T00:00:01Z"}),
            midnight,
            true,
        ),
        (
            "midnight itself",
            json!({"start_date": "2025-10-08T22:00:00Z", "start_date_local": "2025-10-09T00:00:00Z"}),
            "2025-10-08T22:00:00Z",
            false,
        ),
        (
            "the first second of UTC",
            json!({"start_date": "2025-10-09T00:00:01Z", "start_date_local": "2025-10-09T02:00:01Z"}),
            "2025-10-09T00:00:01Z",
            false,
        ),
    ];
    for (name, changes, start, hidden) in cases {
        let body = activity(&but(ride(), &changes));
        assert_eq!(
            (body.start, body.hidden_start),
            (micros(start), hidden),
            "{name}"
        );
        assert_eq!(body.end.0 - body.start.0, 3_600_000_000, "{name}");
    }
}

#[test]
fn streams_are_kept_and_other_kinds_are_named() {
    for body in [json!({"time": {"data": [0, 1]}}), json!([{"type": "time"}])] {
        assert_eq!(outcome("strava", "streams", &body), Outcome::Unused);
    }
    let found = outcome("strava", "clubs", &json!({}));
    assert_eq!(word(&found), "unsupported_kind");
    assert!(detail(&found).contains("clubs"), "{found:?}");
}
