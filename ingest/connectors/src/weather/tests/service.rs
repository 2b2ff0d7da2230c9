//! A weather service that answers as told, and otherwise like the real one.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What one call gets instead of weather.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reply {
    Status(u16),
    /// 429, with or without a wait in seconds.
    Limited(Option<u32>),
    /// 400 and a reason.
    Refused(&'static str),
    Fahrenheit,
    WithoutHours,
}

/// Serves until it is dropped.
pub(super) struct Service {
    address: SocketAddr,
    script: Script,
    _tasks: JoinSet<()>,
}

#[derive(Clone, Default)]
struct Script {
    replies: Arc<Mutex<VecDeque<Reply>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Service {
    pub(super) async fn start() -> Self {
        let script = Script::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().fallback(answer).with_state(script.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self {
            address,
            script,
            _tasks: tasks,
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The next calls get these, one each; later ones get weather.
    pub(super) fn then(&self, replies: impl IntoIterator<Item = Reply>) {
        self.script.replies.lock().unwrap().extend(replies);
    }

    /// What was asked since the last time: path and query.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.script.asked.lock().unwrap())
    }
}

/// An address where nobody listens.
pub(super) async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

#[derive(Deserialize)]
struct Asked {
    latitude: String,
    longitude: String,
    start_date: String,
    end_date: String,
}

async fn answer(State(script): State<Script>, uri: Uri, Query(asked): Query<Asked>) -> Response {
    script.asked.lock().unwrap().push(uri.to_string());
    let reply = script.replies.lock().unwrap().pop_front();
    let mut answer = weather(&asked);
    match reply {
        None => {}
        Some(Reply::Status(status)) => {
            return StatusCode::from_u16(status).unwrap().into_response();
        }
        Some(Reply::Limited(wait)) => {
            let mut response = StatusCode::TOO_MANY_REQUESTS.into_response();
            if let Some(wait) = wait {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, wait.into());
            }
            return response;
        }
        Some(Reply::Refused(reason)) => {
            let body = axum::Json(json!({ "error": true, "reason": reason }));
            return (StatusCode::BAD_REQUEST, body).into_response();
        }
        Some(Reply::Fahrenheit) => answer["hourly_units"]["temperature_2m"] = json!("°F"),
        Some(Reply::WithoutHours) => {
            for column in answer["hourly"].as_object_mut().unwrap().values_mut() {
                *column = json!([]);
            }
        }
    }
    axum::Json(answer).into_response()
}

/// The temperature is the hour of the day and the latitude, so that a mix-up shows.
fn weather(asked: &Asked) -> Value {
    let numbers =
        |text: &str| -> Vec<f64> { text.split(',').map(|n| n.parse().unwrap()).collect() };
    let midnight = |date: &str| {
        let date: chrono::NaiveDate = date.parse().unwrap();
        date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp()
    };
    let (start, end) = (
        midnight(&asked.start_date),
        midnight(&asked.end_date) + 86_400,
    );
    let hours: Vec<_> = (start..end).step_by(3_600).collect();
    let location = |(lat, lon): (f64, f64)| {
        let column = |value: &dyn Fn(f64) -> Value| -> Vec<Value> {
            let of_day = |hour: &i64| (hour % 86_400 / 3_600) as f64;
            hours.iter().map(of_day).map(value).collect()
        };
        json!({
            "latitude": lat, "longitude": lon, "utc_offset_seconds": 0, "timezone": "GMT",
            "hourly_units": { "time": "unixtime", "temperature_2m": "°C",
                "relative_humidity_2m": "%", "wind_speed_10m": "m/s", "shortwave_radiation": "W/m²" },
            "hourly": {
                "time": hours,
                "temperature_2m": column(&|hour| json!(((hour + lat) * 10.0).round() / 10.0)),
                "relative_humidity_2m": column(&|_| json!(80)),
                "wind_speed_10m": column(&|_| json!(null)),
                "shortwave_radiation": column(&|_| json!(0.5)),
            }
        })
    };
    let places = numbers(&asked.latitude)
        .into_iter()
        .zip(numbers(&asked.longitude));
    let mut locations: Vec<_> = places.map(location).collect();
    match locations.len() {
        1 => locations.remove(0),
        _ => json!(locations),
    }
}
