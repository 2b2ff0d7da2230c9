//! Open-Meteo's forecast and archive: hourly values for one place or many, in the asked units.
//!
//! The archive tells what [`weather_at`] says, the forecast something close to it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use edge::Clock;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::{Map, Value, json};

use crate::time::{DAY, HOUR};
use crate::weather::{Cell, Weather, forecast_at, weather_at};

const PLACES_MAX: usize = 1_000;
const ROWS_MAX: i64 = 200_000;
/// How far the forecast reaches back and ahead of now, days.
const FORECAST_DAYS: (i64, i64) = (92, 16);
/// Hours younger than this are not in the archive yet: nulls.
const ARCHIVE_LAG: i64 = 2 * DAY;
const KMH_PER_M_S: f64 = 3.6;

/// What the service was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WeatherCounters {
    pub requests: u64,
    pub forecasts: u64,
    pub archives: u64,
    /// Places of all requests.
    pub places: u64,
    /// The cost as the service counts it: a request weighs more with more than ten variables, more
    /// than fourteen days, and by the number of places.
    pub weight: f64,
    pub refused: u64,
}

/// The service. Clones share one state.
#[derive(Clone)]
pub struct FakeWeather {
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    down: bool,
    counters: WeatherCounters,
}

#[derive(Clone, Copy, PartialEq)]
enum Model {
    Forecast,
    Archive,
}

impl FakeWeather {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            state: Arc::default(),
        }
    }

    /// `/v1/forecast` and `/v1/archive`.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/v1/forecast", get(forecast))
            .route("/v1/archive", get(archive))
            .with_state(self.clone())
    }

    /// While it is down, every request is answered with 503.
    pub fn set_down(&self, down: bool) {
        self.state().down = down;
    }

    pub fn counters(&self) -> WeatherCounters {
        self.state().counters
    }

    fn state(&self) -> MutexGuard<'_, Shared> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, model: Model, query: &BTreeMap<String, String>) -> Response {
        let now = self.clock.now().0.div_euclid(1_000_000);
        let mut state = self.state();
        state.counters.requests += 1;
        match model {
            Model::Forecast => state.counters.forecasts += 1,
            Model::Archive => state.counters.archives += 1,
        }
        if state.down {
            state.counters.refused += 1;
            return (StatusCode::SERVICE_UNAVAILABLE, "upstream is away").into_response();
        }
        let (status, body) = match Asked::parse(model, query, now) {
            Ok(asked) => {
                state.counters.places += asked.places.len() as u64;
                state.counters.weight += asked.weight();
                (StatusCode::OK, asked.body(now))
            }
            Err(reason) => {
                state.counters.refused += 1;
                let body = json!({"error": true, "reason": reason});
                (StatusCode::BAD_REQUEST, body)
            }
        };
        let headers = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
        (status, headers, body.to_string()).into_response()
    }
}

async fn forecast(
    State(fake): State<FakeWeather>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    fake.answer(Model::Forecast, &query)
}

async fn archive(
    State(fake): State<FakeWeather>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    fake.answer(Model::Archive, &query)
}

/// A request that makes sense.
struct Asked {
    model: Model,
    places: Vec<(f64, f64)>,
    variables: Vec<String>,
    /// Days since the epoch, both inclusive.
    days: (i64, i64),
    unix_times: bool,
    metres_per_second: bool,
}

impl Asked {
    fn parse(model: Model, query: &BTreeMap<String, String>, now: i64) -> Result<Self, String> {
        let text = |name: &str| query.get(name).map(String::as_str);
        let list = |name: &str| text(name).into_iter().flat_map(|text| text.split(','));
        let numbers = |name: &str| -> Result<Vec<f64>, String> {
            let parsed = list(name).map(|number| number.trim().parse::<f64>());
            let bad = |_| format!("Parameter '{name}' must be a number");
            parsed.collect::<Result<_, _>>().map_err(bad)
        };
        let (latitudes, longitudes) = (numbers("latitude")?, numbers("longitude")?);
        if latitudes.len() != longitudes.len() || latitudes.is_empty() {
            return Err(
                "Parameter 'latitude' and 'longitude' must have the same number of elements"
                    .to_owned(),
            );
        }
        if latitudes.len() > PLACES_MAX {
            return Err(format!(
                "Only up to {PLACES_MAX} locations can be requested at once"
            ));
        }
        let places: Vec<(f64, f64)> = latitudes.into_iter().zip(longitudes).collect();
        for (latitude, longitude) in &places {
            if !(-90.0..=90.0).contains(latitude) {
                return Err(format!(
                    "Latitude must be in range of -90 to 90°. Given: {latitude}."
                ));
            }
            if !(-180.0..=180.0).contains(longitude) {
                return Err(format!(
                    "Longitude must be in range of -180 to 180°. Given: {longitude}."
                ));
            }
        }
        let variables: Vec<String> = list("hourly").map(str::to_owned).collect();
        if let Some(unknown) = variables
            .iter()
            .find(|name| value_of(name, None, true).is_none())
        {
            return Err(format!(
                "Data corrupted at path ''. Cannot initialize variable from invalid String value {unknown}."
            ));
        }
        let asked = Self {
            model,
            places,
            variables,
            days: days(model, query, now)?,
            unix_times: text("timeformat") == Some("unixtime"),
            metres_per_second: text("wind_speed_unit") == Some("ms"),
        };
        if asked.hours() * asked.places.len() as i64 > ROWS_MAX {
            return Err("too much data asked for at once".to_owned());
        }
        Ok(asked)
    }

    fn hours(&self) -> i64 {
        (self.days.1 - self.days.0 + 1) * 24
    }

    fn weight(&self) -> f64 {
        let variables = (self.variables.len() as f64 / 10.0).max(1.0);
        let days = (self.hours() as f64 / 24.0 / 14.0).max(1.0);
        variables * days * self.places.len() as f64
    }

    /// An object for one place, a list for several.
    fn body(&self, now: i64) -> Value {
        let mut answers: Vec<Value> = self
            .places
            .iter()
            .enumerate()
            .map(|(index, place)| self.place(index, *place, now))
            .collect();
        if answers.len() == 1 {
            answers.pop().unwrap_or_default()
        } else {
            Value::Array(answers)
        }
    }

    fn place(&self, index: usize, (latitude, longitude): (f64, f64), now: i64) -> Value {
        let first = self.days.0 * DAY;
        let hours: Vec<i64> = (0..self.hours()).map(|hour| first + hour * HOUR).collect();
        let weather: Vec<Option<Weather>> = hours
            .iter()
            .map(|hour| self.weather(Cell::around(latitude, longitude, *hour), now))
            .collect();
        let times = hours.iter().map(|hour| {
            if self.unix_times {
                json!(hour)
            } else {
                let at = Timestamp::from_second(*hour).unwrap_or_default();
                json!(
                    at.to_zoned(TimeZone::UTC)
                        .strftime("%Y-%m-%dT%H:%M")
                        .to_string()
                )
            }
        });
        let mut hourly = Map::new();
        let mut units = Map::new();
        hourly.insert("time".into(), times.collect());
        let unit = if self.unix_times {
            "unixtime"
        } else {
            "iso8601"
        };
        units.insert("time".into(), json!(unit));
        for name in &self.variables {
            let value = |weather: &Option<Weather>| {
                let told = value_of(name, *weather, self.metres_per_second);
                told.map_or(Value::Null, |(value, _)| json!(value))
            };
            hourly.insert(name.clone(), weather.iter().map(value).collect());
            let unit = value_of(name, None, self.metres_per_second).map(|(_, unit)| unit);
            units.insert(name.clone(), json!(unit));
        }
        // The answer is for the middle of a cell of the model's grid, not for the asked point.
        let snapped = |degrees: f64| (degrees * 20.0).round() / 20.0 + 0.012_5;
        let mut answer = json!({
            "latitude": snapped(latitude),
            "longitude": snapped(longitude),
            "generationtime_ms": 0.25,
            "utc_offset_seconds": 0,
            "timezone": "GMT",
            "timezone_abbreviation": "GMT",
            "elevation": 38.0,
            "hourly_units": units,
            "hourly": hourly,
        });
        if let (true, Some(fields)) = (index > 0, answer.as_object_mut()) {
            fields.insert("location_id".into(), json!(index));
        }
        answer
    }

    fn weather(&self, cell: Cell, now: i64) -> Option<Weather> {
        match self.model {
            Model::Forecast => Some(forecast_at(cell)),
            Model::Archive => (cell.hour + ARCHIVE_LAG <= now).then(|| weather_at(cell)),
        }
    }
}

/// The value and unit of a variable; none where there is no such variable. Without weather the
/// value is null.
fn value_of(
    name: &str,
    weather: Option<Weather>,
    metres_per_second: bool,
) -> Option<(Option<f64>, &'static str)> {
    let tenth = |value: f64| (value * 10.0).round() / 10.0;
    Some(match name {
        "temperature_2m" => (weather.map(|weather| weather.temperature_c), "°C"),
        "relative_humidity_2m" => (weather.map(|weather| weather.humidity_pct), "%"),
        "shortwave_radiation" => (weather.map(|weather| weather.solar_w_m2), "W/m²"),
        "wind_speed_10m" if metres_per_second => (weather.map(|weather| weather.wind_m_s), "m/s"),
        "wind_speed_10m" => {
            let wind = weather.map(|weather| tenth(weather.wind_m_s * KMH_PER_M_S));
            (wind, "km/h")
        }
        _ => return None,
    })
}

fn days(model: Model, query: &BTreeMap<String, String>, now: i64) -> Result<(i64, i64), String> {
    let today = now.div_euclid(DAY);
    let date = |name: &str| -> Result<Option<i64>, String> {
        let Some(text) = query.get(name) else {
            return Ok(None);
        };
        let date: Date = text.parse().map_err(|_| {
            format!("Invalid date format for '{name}'. Make sure to use 'YYYY-MM-DD'")
        })?;
        let since = date.since(Date::constant(1970, 1, 1)).unwrap_or(0.days());
        Ok(Some(i64::from(since.get_days())))
    };
    let (start, end) = match (date("start_date")?, date("end_date")?) {
        (Some(start), Some(end)) => (start, end),
        (None, None) if model == Model::Forecast => (today, today + 6),
        _ => return Err("Both 'start_date' and 'end_date' must be set".to_owned()),
    };
    if end < start {
        return Err("End-date must be larger or equals than start-date".to_owned());
    }
    let (back, ahead) = FORECAST_DAYS;
    let allowed = match model {
        Model::Forecast => today - back..=today + ahead,
        // 1940-01-01, where the reanalysis starts.
        Model::Archive => -10_957..=today,
    };
    for (name, day) in [("start_date", start), ("end_date", end)] {
        if !allowed.contains(&day) {
            let text = |day: i64| {
                crate::time::utc(day * DAY)
                    .split('T')
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            };
            return Err(format!(
                "Parameter '{name}' is out of allowed range from {} to {}",
                text(*allowed.start()),
                text(*allowed.end())
            ));
        }
    }
    Ok((start, end))
}
