//! The air around a session: what the weather service says of its hour and place, asked once, and
//! what becomes of a loss where nobody can tell.

use edge::{Clock, SystemClock};
use ingest_simulator::fakes::StravaSettings;
use ingest_simulator::{Cell, Weather, forecast_at, weather_at};
use serde_json::{Value, json};

use super::support::{Service, assert_verified, until};
use super::vendors::Vendors;

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
const BERLIN: (f64, f64) = (52.52, 13.41);

/// The start of the present hour. What is forecast and what is measured depends on today.
fn this_hour() -> i64 {
    let now = SystemClock.now().0.div_euclid(1_000_000);
    now - now.rem_euclid(HOUR)
}

/// A run of fifty minutes, five minutes into an hour.
fn run(user: &str, id: i64, hour: i64, place: Option<(f64, f64)>, kind: &str) -> Value {
    json!({
        "userId": user, "summaryId": id.to_string(), "activityId": id, "activityType": kind,
        "startTimeInSeconds": hour + 300, "durationInSeconds": 3000,
        "startTimeOffsetInSeconds": 3600, "distanceInMeters": 9_000.0,
        "startingLatitudeInDegree": place.map(|place| place.0),
        "startingLongitudeInDegree": place.map(|place| place.1)
    })
}

async fn push(service: &Service, runs: &[Value]) {
    let (status, said) = service.push(&json!({ "activities": runs })).await;
    assert_eq!(status, 200, "{said}");
}

async fn losses(service: &Service, athlete: &str) -> Vec<Value> {
    service
        .all(&format!("/v1/athletes/{athlete}/sweat-losses"))
        .await
}

fn has_flag(loss: &Value, flag: &str) -> bool {
    loss["flags"].as_array().unwrap().contains(&json!(flag))
}

fn assert_conditions(loss: &Value, source: &str, expected: Weather) {
    let told = &loss["conditions"];
    assert_eq!(told["source"], source, "{loss}");
    for (name, value) in [
        ("air_temp_c", expected.temperature_c),
        ("humidity_pct", expected.humidity_pct),
        ("wind_m_s", expected.wind_m_s),
        ("solar_w_m2", expected.solar_w_m2),
    ] {
        assert_eq!(told[name], value, "{name}: {told}");
    }
    for flag in ["weather_pending", "weather_missing"] {
        assert!(!has_flag(loss, flag), "{loss}");
    }
}

async fn end(service: Service) {
    let data = service.data.clone();
    assert!(service.terminate().await.success());
    assert_verified(&data);
}

#[tokio::test]
async fn each_session_gets_the_weather_of_its_own_hour_and_place() {
    let folder = tempfile::tempdir().unwrap();
    let vendors = Vendors::start(StravaSettings::default()).await;
    let service = vendors.service(&folder.path().join("data")).await;
    service.register("ada", "acc").await;
    let (lat, lon) = BERLIN;
    let (late, recent) = (this_hour() - 21 * DAY, this_hour() - 2 * HOUR);
    push(&service, &[run("acc", 1, late, Some(BERLIN), "RUNNING")]).await;
    push(&service, &[run("acc", 2, recent, Some(BERLIN), "RUNNING")]).await;
    let inside = late + 2 * DAY;
    push(&service, &[run("acc", 3, inside, None, "INDOOR_RUNNING")]).await;
    let nowhere = late + 4 * DAY;
    push(&service, &[run("acc", 4, nowhere, None, "RUNNING")]).await;
    let quality = service.idle().await;
    assert_eq!(quality["pending"]["weather"], 0);

    let losses = losses(&service, "ada").await;
    assert_eq!(losses.len(), 4);
    let [late_loss, inside_loss, nowhere_loss, recent_loss] = [0, 1, 2, 3].map(|at| &losses[at]);
    let measured = weather_at(Cell::around(lat, lon, late));
    assert_conditions(late_loss, "archive", measured);
    let forecast = forecast_at(Cell::around(lat, lon, recent));
    assert_conditions(recent_loss, "forecast", forecast);
    assert_eq!(inside_loss["conditions"]["source"], "indoor");
    assert_eq!(inside_loss["conditions"]["air_temp_c"], Value::Null);
    assert!(!has_flag(inside_loss, "weather_missing"), "{inside_loss}");
    assert_eq!(nowhere_loss["conditions"]["source"], "none");
    assert!(has_flag(nowhere_loss, "weather_missing"), "{nowhere_loss}");
    for loss in &losses {
        assert_eq!(loss["status"], "live");
        assert!(loss["fluid_ml"]["median"].as_f64().unwrap() > 0.0, "{loss}");
    }
    let asked = vendors.weather.counters();
    assert_eq!((asked.archives, asked.forecasts), (1, 1), "{asked:?}");
    end(service).await;
}

#[tokio::test]
async fn many_athletes_in_one_place_and_hour_are_one_question() {
    let folder = tempfile::tempdir().unwrap();
    let vendors = Vendors::start(StravaSettings::default()).await;
    let data = folder.path().join("data");
    let service = vendors.service(&data).await;
    let hour = this_hour() - 21 * DAY;
    let athletes: Vec<String> = (0..12).map(|number| format!("athlete-{number}")).collect();
    let mut runs = Vec::new();
    for (id, athlete) in (1..).zip(&athletes) {
        service.register(athlete, athlete).await;
        // Within the cell, but not at one point.
        let near = (BERLIN.0 + id as f64 * 0.002, BERLIN.1);
        runs.push(run(athlete, id, hour, Some(near), "RUNNING"));
    }
    push(&service, &runs).await;
    service.idle().await;
    let expected = weather_at(Cell::around(BERLIN.0, BERLIN.1, hour));
    for athlete in &athletes {
        let losses = losses(&service, athlete).await;
        assert_conditions(&losses[0], "archive", expected);
    }
    let asked = vendors.weather.counters();
    assert_eq!((asked.requests, asked.places), (1, 1), "{asked:?}");
    end(service).await;
}

/// Scales before and after the run of an hour.
fn tested(hour: i64) -> Value {
    let at = jiff::Timestamp::from_second(hour + 3_600).unwrap();
    json!({"id": "w1", "type": "weigh_in", "at": at.to_string(), "mass_pre_kg": 70.0,
        "mass_post_kg": 69.1, "fluid_ml": 0, "urine_ml": 0})
}

/// Fluid's interval by what the air was known of.
fn width(loss: &Value) -> f64 {
    let bound = |name: &str| loss["fluid_ml"][name].as_f64().unwrap();
    (bound("hi90") / bound("lo90")).ln()
}

#[tokio::test]
async fn without_a_weather_service_everything_is_there_and_less_certain() {
    let folder = tempfile::tempdir().unwrap();
    let vendors = Vendors::start(StravaSettings::default()).await;
    let first = this_hour() - 21 * DAY;
    let runs: Vec<Value> = (0..3)
        .map(|day| run("acc", 1 + day, first + day * DAY, Some(BERLIN), "RUNNING"))
        .collect();
    let mut told = Vec::new();
    for (name, is_down) in [("with", false), ("without", true)] {
        vendors.weather.set_down(is_down);
        let service = vendors.service(&folder.path().join(name)).await;
        service.register("ada", "acc").await;
        push(&service, &runs).await;
        let (status, said) = service
            .post("/v1/athletes/ada/events", tested(first).to_string())
            .await;
        assert_eq!(status, 202, "{said}");
        if is_down {
            // Said at once, and said to be waiting.
            until("losses are told before the weather is", async || {
                let (_, quality) = service.get("/v1/quality").await;
                let losses = losses(&service, "ada").await;
                let waits = losses.iter().any(|loss| has_flag(loss, "weather_pending"));
                (losses.len() == 3 && waits && quality["idle"] == false).then_some(())
            })
            .await;
        }
        let quality = service.idle().await;
        assert_eq!(quality["pending"]["weather"], 0);
        let sessions = service.all("/v1/athletes/ada/sessions").await;
        assert_eq!(sessions.len(), 3, "{name}");
        told.push(losses(&service, "ada").await);
        end(service).await;
    }
    let [with, without] = [&told[0], &told[1]];
    assert_eq!((with.len(), without.len()), (3, 3));
    for (with, without) in with.iter().zip(without) {
        assert_eq!(with["session_start"], without["session_start"]);
        assert_eq!(with["conditions"]["source"], "archive", "{with}");
        assert_eq!(without["conditions"]["source"], "none", "{without}");
        assert_eq!(without["conditions"]["air_temp_c"], Value::Null);
        assert!(!has_flag(without, "weather_pending"), "{without}");
        assert!(!has_flag(with, "weather_missing"), "{with}");
        assert_eq!(with["method"], without["method"]);
        // Scales need no weather; what other days taught does.
        let rests_on_it = with["method"] == "profile";
        assert_eq!(has_flag(without, "weather_missing"), rests_on_it);
        if rests_on_it {
            assert!(width(without) > width(with), "{with} {without}");
        } else {
            assert_eq!(without["fluid_ml"], with["fluid_ml"]);
        }
    }
    let methods = [0, 1, 2].map(|at| with[at]["method"].as_str().unwrap());
    assert_eq!(methods, ["weigh_in", "profile", "profile"]);
}
