//! One call to the service: how it is asked, and what its answer means for those who wait for it.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::DateTime;
use edge::UnixMicros;
use edge::http::{Answer, Client, HttpError, retry_after};
use secrecy::ExposeSecret;

use super::WeatherSettings;
use super::parse::{VARIABLES, Values, parse, refusal};
use super::place::{Cell, DAY_S, Model, Place};
use super::plan::Call;

/// How long to wait for a service that does not say.
const LIMITED_WAIT: Duration = Duration::from_secs(60);

pub(super) enum Outcome {
    Values(BTreeMap<Place, Values>),
    /// It asked to come again later.
    Limited(Duration),
    /// It cannot answer now; another try may help.
    Down(String),
    /// It answered, and asking the same again would not help.
    Useless(String),
}

pub(super) async fn ask(
    client: &Client,
    settings: &WeatherSettings,
    call: &Call,
    now: UnixMicros,
) -> Outcome {
    let degrees = |dd: fn(&Cell) -> i32| -> String {
        let degrees = call.cells.iter().map(|cell| f64::from(dd(cell)) / 10.0);
        let texts: Vec<_> = degrees.map(|degrees| format!("{degrees:.1}")).collect();
        texts.join(",")
    };
    let (latitude, longitude) = (degrees(|cell| cell.lat_dd), degrees(|cell| cell.lon_dd));
    let (first, last) = (date(call.first_day), date(call.last_day));
    let hourly = VARIABLES.map(|(variable, _)| variable).join(",");
    let mut query = vec![
        ("latitude", latitude.as_str()),
        ("longitude", &longitude),
        ("start_date", &first),
        ("end_date", &last),
        ("hourly", &hourly),
        ("timezone", "GMT"),
        ("timeformat", "unixtime"),
        ("wind_speed_unit", "ms"),
        ("temperature_unit", "celsius"),
    ];
    if let Some(key) = &settings.api_key {
        query.push(("apikey", key.expose_secret()));
    }
    match client.get(url(settings, call.model), &query, None).await {
        Ok(answer) => understood(&answer, call, now),
        Err(error @ (HttpError::Refused(_) | HttpError::TooLarge { .. })) => {
            Outcome::Useless(format!("the weather service cannot be asked: {error}"))
        }
        Err(error) => Outcome::Down(format!("the weather service does not answer: {error}")),
    }
}

pub(super) fn url(settings: &WeatherSettings, model: Model) -> &str {
    match model {
        Model::Forecast => &settings.forecast_url,
        Model::Archive => &settings.archive_url,
    }
}

fn understood(answer: &Answer, call: &Call, now: UnixMicros) -> Outcome {
    match answer.status.as_u16() {
        200 => match parse(&answer.body, call) {
            Ok(values) => Outcome::Values(values),
            Err(failure) => Outcome::Useless(failure),
        },
        429 => Outcome::Limited(retry_after(&answer.headers, now).unwrap_or(LIMITED_WAIT)),
        // A service may fail on one place of many, or on being asked for many.
        500 if call.cells.len() > 1 => {
            Outcome::Useless("the weather service failed on many places".to_owned())
        }
        status @ (408 | 500..=599) => {
            Outcome::Down(format!("the weather service answered {status}"))
        }
        status => Outcome::Useless(
            refusal(&answer.body)
                .unwrap_or_else(|| format!("the weather service answered {status}")),
        ),
    }
}

/// `YYYY-MM-DD`. A day that no calendar has is refused by the service, with its reason.
fn date(day: i64) -> String {
    DateTime::from_timestamp(day.saturating_mul(DAY_S), 0)
        .map(|midnight| midnight.format("%Y-%m-%d").to_string())
        .unwrap_or_default()
}
