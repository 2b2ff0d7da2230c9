//! The fake weather service over HTTP: shapes, units, ranges, errors.

use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::http::Request;
use edge::{ManualClock, UnixMicros};
use ingest_simulator::fakes::FakeWeather;
use ingest_simulator::{Cell, forecast_at, weather_at};
use serde_json::{Value, json};
use tower::ServiceExt;

/// 2026-03-30T00:00Z
const NOW: i64 = 1_774_828_800;
const ASKED: &str = "hourly=temperature_2m,relative_humidity_2m,wind_speed_10m,shortwave_radiation\
    &timezone=GMT&timeformat=unixtime&wind_speed_unit=ms&temperature_unit=celsius";

fn service() -> FakeWeather {
    FakeWeather::new(Arc::new(ManualClock::at(UnixMicros(NOW * 1_000_000))))
}

async fn get(fake: &FakeWeather, path: &str) -> (u16, Value) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let answer = fake.router().oneshot(request).await.unwrap();
    let (parts, mut body) = answer.into_parts();
    let mut bytes = Vec::new();
    while let Some(frame) =
        std::future::poll_fn(|task| std::pin::Pin::new(&mut body).poll_frame(task)).await
    {
        bytes.extend(frame.unwrap().into_data().unwrap());
    }
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    (parts.status.as_u16(), body)
}

#[tokio::test]
async fn one_place_is_an_object_with_units_and_parallel_lists() {
    let fake = service();
    let days = "start_date=2026-03-20&end_date=2026-03-21";
    for (route, real) in [("forecast", false), ("archive", true)] {
        let path = format!("/v1/{route}?latitude=52.5&longitude=13.4&{days}&{ASKED}");
        let (status, body) = get(&fake, &path).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(
            body["hourly_units"],
            json!({"time": "unixtime", "temperature_2m": "°C", "relative_humidity_2m": "%",
                "wind_speed_10m": "m/s", "shortwave_radiation": "W/m²"})
        );
        let hourly = &body["hourly"];
        let times = hourly["time"].as_array().unwrap();
        assert_eq!(times.len(), 48);
        for (index, time) in times.iter().enumerate() {
            let cell = Cell::around(52.5, 13.4, time.as_i64().unwrap());
            let weather = if real {
                weather_at(cell)
            } else {
                forecast_at(cell)
            };
            assert_eq!(hourly["temperature_2m"][index], weather.temperature_c);
            assert_eq!(hourly["relative_humidity_2m"][index], weather.humidity_pct);
            assert_eq!(hourly["wind_speed_10m"][index], weather.wind_m_s);
            assert_eq!(hourly["shortwave_radiation"][index], weather.solar_w_m2);
        }
        // Answers snap to a grid near the asked point.
        let latitude = body["latitude"].as_f64().unwrap();
        assert!(latitude != 52.5 && (latitude - 52.5).abs() < 0.1);
    }
    let counters = fake.counters();
    assert_eq!(
        (counters.requests, counters.forecasts, counters.archives),
        (2, 1, 1)
    );
}

#[tokio::test]
async fn several_places_are_a_list_in_the_order_they_were_asked() {
    let fake = service();
    let path = format!(
        "/v1/forecast?latitude=52.5,-33.9&longitude=13.4,151.2&start_date=2026-03-30&end_date=2026-03-30&{ASKED}"
    );
    let (_, body) = get(&fake, &path).await;
    let noon = NOW + 12 * 3_600;
    for (index, (latitude, longitude)) in [(52.5, 13.4), (-33.9, 151.2)].into_iter().enumerate() {
        let wanted = forecast_at(Cell::around(latitude, longitude, noon));
        assert_eq!(
            body[index]["hourly"]["temperature_2m"][12],
            wanted.temperature_c
        );
    }
    assert_eq!(fake.counters().places, 2);
    assert_eq!(fake.counters().weight, 2.0);
}

#[tokio::test]
async fn without_the_units_that_we_ask_for_it_answers_in_its_own() {
    let path = "/v1/archive?latitude=4.7&longitude=-74.1&start_date=2026-01-01&end_date=2026-01-01&hourly=wind_speed_10m";
    let (_, body) = get(&service(), path).await;
    assert_eq!(
        body["hourly_units"],
        json!({"time": "iso8601", "wind_speed_10m": "km/h"})
    );
    assert_eq!(body["hourly"]["time"][13], "2026-01-01T13:00");
    let wind = weather_at(Cell::around(4.7, -74.1, 1_767_225_600)).wind_m_s;
    let told = body["hourly"]["wind_speed_10m"][0].as_f64().unwrap();
    assert!((told - wind * 3.6).abs() < 0.051, "{told} {wind}");
}

#[tokio::test]
async fn the_archive_has_nothing_yet_of_the_last_two_days() {
    let path = format!(
        "/v1/archive?latitude=52.5&longitude=13.4&start_date=2026-03-27&end_date=2026-03-29&{ASKED}"
    );
    let (_, body) = get(&service(), &path).await;
    let temperatures = body["hourly"]["temperature_2m"].as_array().unwrap();
    let known = temperatures
        .iter()
        .take_while(|value| !value.is_null())
        .count();
    assert_eq!(known, 25);
    assert!(temperatures[25..].iter().all(Value::is_null));
}

#[tokio::test]
async fn what_makes_no_sense_is_an_error_with_a_reason() {
    let place = "latitude=52.5&longitude=13.4";
    let day = "start_date=2026-03-20&end_date=2026-03-20";
    let cases = [
        (
            format!("forecast?latitude=52.5&{day}"),
            "same number of elements",
        ),
        (
            format!("forecast?latitude=52.5,1&longitude=13.4&{day}"),
            "same number of elements",
        ),
        (
            format!("forecast?latitude=north&longitude=13.4&{day}"),
            "'latitude' must be a number",
        ),
        (
            format!("forecast?latitude=91&longitude=13.4&{day}"),
            "Latitude must be in range",
        ),
        (
            format!("forecast?latitude=9&longitude=181&{day}"),
            "Longitude must be in range",
        ),
        (
            format!("forecast?{place}&hourly=mood&{day}"),
            "invalid String value mood",
        ),
        (format!("archive?{place}"), "must be set"),
        (
            format!("archive?{place}&start_date=2026-03-20"),
            "must be set",
        ),
        (
            format!("archive?{place}&start_date=2026-03-20&end_date=2026-03-19"),
            "End-date",
        ),
        (
            format!("archive?{place}&start_date=2026-3-x&end_date=2026-03-19"),
            "Invalid date",
        ),
        (
            format!("archive?{place}&start_date=2026-03-20&end_date=2026-03-31"),
            "2026-03-30",
        ),
        (
            format!("forecast?{place}&start_date=2025-03-20&end_date=2025-03-20"),
            "out of allowed range",
        ),
    ];
    let fake = service();
    for (path, reason) in &cases {
        let (status, body) = get(&fake, &format!("/v1/{path}")).await;
        assert_eq!((status, &body["error"]), (400, &json!(true)), "{path}");
        assert!(
            body["reason"].as_str().unwrap().contains(reason),
            "{path}: {body}"
        );
    }
    assert_eq!(fake.counters().refused, cases.len() as u64);
}

#[tokio::test]
async fn it_can_be_down_and_come_back() {
    let fake = service();
    let path = format!("/v1/forecast?latitude=1&longitude=1&{ASKED}");
    fake.set_down(true);
    assert_eq!(get(&fake, &path).await.0, 503);
    fake.set_down(false);
    let (status, body) = get(&fake, &path).await;
    assert_eq!(
        (status, body["hourly"]["time"].as_array().unwrap().len()),
        (200, 168)
    );
}
