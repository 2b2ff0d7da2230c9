//! Health Auto Export: workouts and metrics.

use processors_pipeline::{Body, Draft, Outcome, normalize};
use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use schemas::record::observation::{ActivityBody, SleepBody};
use serde_json::{Value, json};

use super::{but, detail, drafts, raw, word};

fn told(kind: &str, item: &Value) -> Outcome {
    normalize(&RawReceived {
        provider_id: Some("f00d".to_owned()),
        ..raw("healthkit", kind, item.to_string().as_bytes())
    })
}

pub(super) fn run() -> Value {
    json!({
        "name": "Outdoor Run", "start": "2025-10-09 07:00:00 +0200",
        "end": "2025-10-09 08:00:30 +0200", "duration": 3_500.4, "location": "Outdoor",
        "distance": {"qty": 6.2, "units": "mi"},
        "activeEnergyBurned": {"qty": 500, "units": "kcal"},
        "elevationUp": {"qty": 52.04, "units": "m"},
        "avgHeartRate": {"qty": 148.6, "units": "bpm"}, "maxHeartRate": {"qty": 171, "units": "bpm"},
        "heartRateData": [{"Avg": 120}]
    })
}

pub(super) fn night_metric() -> Value {
    json!({"name": "sleep_analysis", "units": "hr", "data": night()})
}

pub(super) fn mass_metric() -> Value {
    let datum = json!({"date": "2025-10-09 06:30:00 +0200", "qty": 70, "source": "Scale"});
    json!({"name": "weight_body_mass", "units": "kg", "data": datum})
}

fn activity(changes: &Value) -> ActivityBody {
    let found = drafts(told("hae_workout", &but(run(), changes)));
    match &found[0].body {
        Body::Activity(body) => (**body).clone(),
        other => panic!("{other:?}"),
    }
}

fn metric(name: &str, units: &str, datum: &Value) -> Outcome {
    told(
        "hae_metric",
        &json!({"name": name, "units": units, "data": datum}),
    )
}

fn sleep(units: &str, datum: &Value) -> (Draft, SleepBody) {
    let draft = drafts(metric("sleep_analysis", units, datum)).remove(0);
    match draft.body.clone() {
        Body::Sleep(body) => (draft, (*body).clone()),
        other => panic!("{other:?}"),
    }
}

const fn at(seconds: i64) -> Micros {
    Micros(seconds * 1_000_000)
}

#[test]
fn every_field_of_a_workout_arrives_in_our_words_and_units() {
    let expected = ActivityBody {
        sport: "run".to_owned(),
        family: "RUN".to_owned(),
        vendor_type: "Outdoor Run".to_owned(),
        start: at(1_759_986_000),
        end: at(1_759_989_630),
        utc_offset_s: Some(7_200),
        timer_s: Some(3_500),
        elapsed_s: 3_630,
        distance_m: Some(9_977.9),
        energy_kj: Some(2_092.0),
        heart_rate_avg_bpm: Some(149),
        heart_rate_max_bpm: Some(171),
        elevation_gain_m: Some(52.0),
        indoor: Some(false),
        ..ActivityBody::default()
    };
    assert_eq!(activity(&json!({})), expected);
    let found = drafts(told("hae_workout", &run()));
    assert_eq!(found[0].provider_id, "f00d");
    assert!(!found[0].fetched);
}

#[test]
fn quantities_come_in_the_units_of_the_phone_and_in_two_forms() {
    let distance = |qty: f64, units: &str| json!({"distance": {"qty": qty, "units": units}});
    let cases = [
        (distance(10.0, "km"), Some(10_000.0)),
        (distance(10_000.0, "m"), Some(10_000.0)),
        (distance(1.0, "mi"), Some(1_609.3)),
        (distance(100.0, "yd"), Some(91.4)),
        (json!({"distance": 10}), None),
        (json!({"distance": {"qty": null, "units": "km"}}), None),
        (json!({"distance": null}), None),
    ];
    for (changes, metres) in cases {
        assert_eq!(activity(&changes).distance_m, metres, "{changes}");
    }
    let energy = |name: &str, units: &str| json!({"activeEnergyBurned": null, name: {"qty": 100, "units": units}});
    assert_eq!(
        activity(&energy("activeEnergy", "kcal")).energy_kj,
        Some(418.4)
    );
    assert_eq!(
        activity(&energy("activeEnergy", "kJ")).energy_kj,
        Some(100.0)
    );
    let heart =
        |value: Value| json!({"avgHeartRate": null, "maxHeartRate": null, "heartRate": value});
    for value in [
        json!({"min": 90, "avg": 140, "max": 170}),
        json!({"min": {"qty": 90}, "avg": {"qty": 140, "units": "bpm"}, "max": {"qty": 170}}),
    ] {
        let body = activity(&heart(value));
        assert_eq!(
            (body.heart_rate_avg_bpm, body.heart_rate_max_bpm),
            (Some(140), Some(170))
        );
    }
    let series = activity(&heart(json!([{"qty": 140}])));
    assert_eq!(
        series.heart_rate_avg_bpm, None,
        "a list of samples is no average"
    );
}

#[test]
fn workouts_are_named_in_the_language_of_the_phone() {
    let cases = [
        ("Running", "run", None),
        ("Outdoor Ausführen", "run", Some(false)),
        ("Indoor Run", "treadmill", Some(true)),
        ("Laufen (Indoor)", "treadmill", Some(true)),
        ("Outdoor-Lauf", "run", Some(false)),
        ("Course à pied en extérieur", "run", Some(false)),
        ("Carrera en interiores", "treadmill", Some(true)),
        ("Innenräume Radfahren", "indoor_ride", Some(true)),
        ("Outdoor Cycling", "road_ride", Some(false)),
        ("Vélo en intérieur", "indoor_ride", Some(true)),
        ("Ciclismo al aire libre", "road_ride", Some(false)),
        ("Pool Swim", "pool_swim", None),
        ("Open Water Swim", "open_water", Some(false)),
        ("Schwimmen im Freiwasser", "open_water", Some(false)),
        ("Natation en eau libre", "open_water", Some(false)),
        ("Natación en piscina", "pool_swim", None),
        ("Gehen", "walk", None),
        ("Marche", "walk", None),
        ("Caminar", "walk", None),
        ("Wandern", "hike", Some(false)),
        ("Randonnée", "hike", Some(false)),
        ("Traditionelles Krafttraining", "strength", None),
        ("Entrenamiento de fuerza tradicional", "strength", None),
        ("High Intensity Interval Training", "cardio", None),
        ("Fußball", "soccer", None),
        ("Fútbol", "soccer", None),
        ("FUSSBALL IM DUNKELN", "other", None),
        ("ランニング", "other", None),
    ];
    for (name, sport, indoor) in cases {
        let body = activity(&json!({"name": name, "location": null}));
        assert_eq!(
            (body.sport.as_str(), body.indoor),
            (sport, indoor),
            "{name}"
        );
        assert_eq!(body.vendor_type, name);
    }
    let place = |changes: Value| activity(&but(json!({"name": "Running"}), &changes)).indoor;
    assert_eq!(place(json!({"location": "indoor"})), Some(true));
    assert_eq!(place(json!({"location": "Innenräume"})), Some(true));
    assert_eq!(place(json!({"location": "somewhere"})), None);
    assert_eq!(
        place(json!({"isIndoor": true, "location": "Outdoor"})),
        Some(true)
    );
}

#[test]
fn workouts_become_observations_or_a_reason() {
    let cases = [
        ("as sent", json!({}), "ok"),
        ("no name", json!({"name": null}), "missing_field"),
        ("no start", json!({"start": null}), "missing_field"),
        ("no end", json!({"end": null}), "missing_field"),
        ("no duration", json!({"duration": null}), "ok"),
        (
            "the end first",
            json!({"end": "2025-10-09 06:59:59 +0200"}),
            "bad_value",
        ),
        (
            "eight days",
            json!({"end": "2025-10-17 07:00:00 +0200"}),
            "bad_value",
        ),
        (
            "a date without a zone",
            json!({"start": "2025-10-09 07:00:00"}),
            "bad_value",
        ),
        (
            "another clock",
            json!({"start": "9 Oct 2025, 7 am"}),
            "bad_value",
        ),
        (
            "seconds since 2001",
            json!({"start": 781_678_800.5}),
            "bad_value",
        ),
        (
            "a zone with a colon",
            json!({"start": "2025-10-09 07:00:00 +02:00"}),
            "ok",
        ),
        (
            "around the earth",
            json!({"distance": {"qty": 40_000, "units": "km"}}),
            "bad_value",
        ),
        (
            "a hummingbird",
            json!({"avgHeartRate": {"qty": 1_200}}),
            "bad_value",
        ),
        (
            "tomorrow's tomorrow",
            json!({"start": "2025-10-11 07:00:00 +0200", "end": "2025-10-11 08:00:00 +0200"}),
            "implausible_time",
        ),
    ];
    for (name, changes, expected) in cases {
        let found = told("hae_workout", &but(run(), &changes));
        assert_eq!(word(&found), expected, "{name}: {found:?}");
    }
    let unnamed = raw("healthkit", "hae_workout", run().to_string().as_bytes());
    assert_eq!(word(&normalize(&unnamed)), "missing_field");
    for body in [&b"{"[..], b"[]", b"\xff"] {
        for kind in ["hae_workout", "hae_metric"] {
            assert_eq!(word(&normalize(&raw("healthkit", kind, body))), "malformed");
        }
    }
    let inner = told(
        "hae_workout",
        &but(run(), &json!({"distance": {"qty": "far"}})),
    );
    assert_eq!(detail(&inner), "distance.qty is text, not a number");
}

#[test]
fn body_masses_come_in_the_unit_of_the_phone() {
    let datum = mass_metric()["data"].clone();
    for (units, value, kg) in [
        ("kg", 70.0, 70.0),
        ("lb", 154.324, 70.0),
        ("st", 11.0, 69.853),
    ] {
        let datum = but(datum.clone(), &json!({"qty": value}));
        let found = drafts(metric("weight_body_mass", units, &datum));
        let Body::BodyMass(body) = &found[0].body else {
            panic!("{found:?}")
        };
        assert_eq!((body.at, body.mass_kg), (at(1_759_984_200), kg), "{units}");
        assert_eq!(found[0].provider_id, "f00d");
    }
    let cases = [
        ("kg", json!({"qty": null}), "missing_field"),
        ("kg", json!({"date": null}), "missing_field"),
        ("kg", json!({"qty": 7_000}), "bad_value"),
        ("stones of Rome", json!({}), "bad_value"),
    ];
    for (units, changes, expected) in cases {
        let found = metric("weight_body_mass", units, &but(datum.clone(), &changes));
        assert_eq!(word(&found), expected, "{units} {changes}: {found:?}");
    }
    let unitless = json!({"name": "weight_body_mass", "data": datum.clone()});
    assert_eq!(word(&told("hae_metric", &unitless)), "missing_field");
    let own = but(datum, &json!({"units": "kg"}));
    let own = json!({"name": "weight_body_mass", "units": null, "data": own});
    assert_eq!(
        word(&told("hae_metric", &own)),
        "ok",
        "a datum may tell its own unit"
    );
}

#[test]
fn a_segment_of_sleep_is_one_fragment() {
    let cases = [
        ("Core", "light"),
        ("Deep", "deep"),
        ("REM", "rem"),
        ("Awake", "awake"),
        ("In Bed", "in_bed"),
        ("Asleep", "asleep"),
    ];
    for (value, stage) in cases {
        let datum = json!({
            "startDate": "2025-10-09 01:00:00 +0200", "endDate": "2025-10-09 01:30:00 +0200",
            "value": value, "qty": 0.5, "source": "Watch"
        });
        let (draft, body) = sleep("hr", &datum);
        let expected = SleepBody {
            start: at(1_759_964_400),
            end: at(1_759_966_200),
            utc_offset_s: Some(7_200),
            stage: stage.to_owned(),
            writer: Some("Watch".to_owned()),
            ..SleepBody::default()
        };
        assert_eq!(
            (draft.provider_id.as_str(), body),
            ("f00d", expected),
            "{value}"
        );
    }
}

fn night() -> Value {
    json!({
        "date": "2025-10-09", "totalSleep": 7.5, "asleep": 0, "core": 4, "deep": 1.5, "rem": 2.0,
        "awake": 0.25, "inBed": 8.5, "source": "Watch",
        "sleepStart": "2025-10-08 22:30:00 +0200", "sleepEnd": "2025-10-09 06:15:00 +0200",
        "inBedStart": "2025-10-08 22:00:00 +0200", "inBedEnd": "2025-10-09 06:30:00 +0200"
    })
}

#[test]
fn a_night_in_one_sum_is_one_session() {
    let expected = SleepBody {
        start: at(1_759_955_400),
        end: at(1_759_983_300),
        utc_offset_s: Some(7_200),
        stage: "session".to_owned(),
        calendar_date: Some("2025-10-09".to_owned()),
        asleep_s: Some(27_000),
        awake_s: Some(900),
        deep_s: Some(5_400),
        light_s: Some(14_400),
        rem_s: Some(7_200),
        writer: Some("Watch".to_owned()),
        ..SleepBody::default()
    };
    assert_eq!(sleep("hr", &night()).1, expected);
    let minutes = json!({"totalSleep": 450, "core": 240, "deep": 90, "rem": 120, "awake": 15});
    assert_eq!(sleep("min", &but(night(), &minutes)).1, expected);
    let in_bed = but(night(), &json!({"sleepStart": null, "sleepEnd": null}));
    let (_, body) = sleep("hr", &in_bed);
    assert_eq!(
        (body.start, body.end),
        (at(1_759_953_600), at(1_759_984_200))
    );
    let old = but(
        night(),
        &json!({"totalSleep": null, "asleep": 7.0, "core": null}),
    );
    let (_, body) = sleep("hr", &old);
    assert_eq!((body.asleep_s, body.light_s), (Some(25_200), None));
}

#[test]
fn sleep_that_cannot_be_placed_says_why() {
    let segment = json!({
        "startDate": "2025-10-09 01:00:00 +0200", "endDate": "2025-10-09 01:30:00 +0200",
        "value": "Core"
    });
    let cases = [
        (
            but(night(), &json!({"sleepStart": null, "inBedStart": null})),
            "missing_field",
        ),
        (but(night(), &json!({"sleepEnd": null})), "missing_field"),
        (
            but(night(), &json!({"sleepEnd": "2025-10-08 22:00:00 +0200"})),
            "bad_value",
        ),
        (but(night(), &json!({"totalSleep": 49})), "bad_value"),
        (but(night(), &json!({"date": "the ninth"})), "ok"),
        (
            but(segment.clone(), &json!({"value": "Sleepwalking"})),
            "bad_value",
        ),
        (
            but(segment.clone(), &json!({"endDate": null})),
            "missing_field",
        ),
        (
            but(segment, &json!({"endDate": "2025-10-12 01:30:00 +0200"})),
            "bad_value",
        ),
    ];
    for (datum, expected) in cases {
        let found = metric("sleep_analysis", "hr", &datum);
        assert_eq!(word(&found), expected, "{datum}: {found:?}");
    }
}

#[test]
fn metrics_that_no_rule_uses_are_kept() {
    let datum = json!({"date": "2025-10-09 06:30:00 +0200", "Min": 60, "Avg": 70, "Max": 80});
    for name in ["heart_rate", "step_count", "a_metric_of_next_year"] {
        assert_eq!(metric(name, "bpm", &datum), Outcome::Unused, "{name}");
    }
    let odd = json!({"name": "heart_rate", "units": 7, "data": datum});
    assert_eq!(
        told("hae_metric", &odd),
        Outcome::Unused,
        "nobody reads the unit"
    );
    let nameless = json!({"units": "bpm", "data": datum});
    assert_eq!(word(&told("hae_metric", &nameless)), "missing_field");
    let empty = json!({"name": "heart_rate", "units": "bpm"});
    assert_eq!(word(&told("hae_metric", &empty)), "missing_field");
}
