//! Answers of the weather connector.

use processors_pipeline::{Body, Draft, normalize};
use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use schemas::record::observation::WeatherBody;
use serde_json::{Value, json};

use super::{NOW_S, but, drafts, raw, word};

const HOUR_S: i64 = NOW_S - NOW_S % 3_600;

pub(super) fn answer_body() -> Value {
    json!({
        "lat_dd": 525, "lon_dd": -134, "hour": HOUR_S, "attempt": 1, "model": "forecast",
        "temperature_2m": 21.34, "relative_humidity_2m": 55.4, "wind_speed_10m": 3.27,
        "shortwave_radiation": 410.6, "latitude": 52.52, "longitude": -13.41,
        "attribution": "Weather data by Open-Meteo.com, CC BY 4.0"
    })
}

fn answer(kind: &str, changes: &Value) -> RawReceived {
    let body = but(answer_body(), changes).to_string();
    RawReceived {
        provider_id: Some(format!("525,-134@{HOUR_S}")),
        ..raw("weather", kind, body.as_bytes())
    }
}

fn one(kind: &str, changes: &Value) -> (Draft, WeatherBody) {
    let draft = drafts(normalize(&answer(kind, changes))).remove(0);
    match draft.body.clone() {
        Body::Weather(body) => (draft, (*body).clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_is_rounded_to_what_its_sensors_tell() {
    let expected = WeatherBody {
        lat_dd: 525,
        lon_dd: -134,
        hour: Micros(HOUR_S * 1_000_000),
        model: "forecast".to_owned(),
        air_temp_c: Some(21.3),
        humidity_pct: Some(55.0),
        wind_m_s: Some(3.3),
        solar_w_m2: Some(411.0),
        failure: None,
        attribution: Some("Weather data by Open-Meteo.com, CC BY 4.0".to_owned()),
    };
    let (draft, body) = one("forecast", &json!({}));
    assert_eq!(body, expected);
    assert_eq!(draft.provider_id, format!("525,-134@{HOUR_S}/forecast"));
}

#[test]
fn forecast_archive_and_failure_of_an_hour_are_apart() {
    let (archive, body) = one("archive", &json!({}));
    assert_eq!(archive.provider_id, format!("525,-134@{HOUR_S}/archive"));
    assert_eq!(body.model, "archive");
    let (failed, body) = one("failed", &json!({"failure": "503 three times"}));
    assert_eq!(failed.provider_id, format!("525,-134@{HOUR_S}/failed"));
    assert_eq!(
        (body.model.as_str(), body.failure.as_deref()),
        ("none", Some("503 three times"))
    );
    assert_eq!(
        (body.air_temp_c, body.humidity_pct),
        (None, None),
        "a failure tells no weather"
    );
    assert!(one("failed", &json!({})).1.failure.is_some());
    let mut unnamed = answer("archive", &json!({}));
    unnamed.provider_id = None;
    let draft = drafts(normalize(&unnamed)).remove(0);
    assert_eq!(
        draft.provider_id, archive.provider_id,
        "the key follows from the body"
    );
}

#[test]
fn a_value_that_cannot_be_is_unknown_and_the_rest_stays() {
    let cases = [
        ("temperature_2m", json!(-90.1)),
        ("temperature_2m", json!(60.5)),
        ("temperature_2m", json!("warm")),
        ("relative_humidity_2m", json!(100.6)),
        ("relative_humidity_2m", json!(-1)),
        ("wind_speed_10m", json!(121)),
        ("shortwave_radiation", json!(1_501)),
        ("shortwave_radiation", json!([1])),
    ];
    for (name, value) in cases {
        let (_, body) = one("archive", &json!({ name: value }));
        let told = [
            ("temperature_2m", body.air_temp_c),
            ("relative_humidity_2m", body.humidity_pct),
            ("wind_speed_10m", body.wind_m_s),
            ("shortwave_radiation", body.solar_w_m2),
        ];
        for (field, told) in told {
            assert_eq!(told.is_none(), field == name, "{name} {value}: {field}");
        }
    }
    let edges = json!({
        "temperature_2m": -90, "relative_humidity_2m": 0, "wind_speed_10m": 120,
        "shortwave_radiation": 1_500
    });
    let (_, body) = one("archive", &edges);
    assert_eq!(
        (body.air_temp_c, body.humidity_pct),
        (Some(-90.0), Some(0.0))
    );
    assert_eq!(
        (body.wind_m_s, body.solar_w_m2),
        (Some(120.0), Some(1_500.0))
    );
}

#[test]
fn frost_that_rounds_to_nothing_has_no_sign() {
    let (_, body) = one("archive", &json!({"temperature_2m": -0.04}));
    assert_eq!(body.air_temp_c.map(f64::to_bits), Some(0.0_f64.to_bits()));
}

#[test]
fn an_answer_for_no_cell_or_no_hour_is_refused() {
    let cases = [
        ("forecast", json!({"lat_dd": null}), "missing_field"),
        ("forecast", json!({"lon_dd": null}), "missing_field"),
        ("forecast", json!({"hour": null}), "missing_field"),
        ("forecast", json!({"lat_dd": 901}), "bad_value"),
        ("forecast", json!({"lon_dd": -1_801}), "bad_value"),
        ("forecast", json!({"lat_dd": 52.5}), "bad_value"),
        ("forecast", json!({"hour": HOUR_S + 60}), "bad_value"),
        ("forecast", json!({"hour": "noon"}), "bad_value"),
        // A plan of next week wants its weather; one of the next century has none.
        ("forecast", json!({"hour": HOUR_S + 7 * 86_400}), "ok"),
        (
            "forecast",
            json!({"hour": HOUR_S + 36_500 * 86_400}),
            "implausible_time",
        ),
        ("horoscope", json!({}), "unsupported_kind"),
    ];
    for (kind, changes, expected) in cases {
        let found = normalize(&answer(kind, &changes));
        assert_eq!(word(&found), expected, "{kind} {changes}: {found:?}");
    }
}
