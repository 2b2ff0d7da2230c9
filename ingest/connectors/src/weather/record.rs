//! An answer as a raw record, and back.
//!
//! ```text
//! {"lat_dd":525,"lon_dd":134,"hour":1772344800,"attempt":1,"model":"forecast",
//!  "temperature_2m":5.8,…,"latitude":52.52,…,"attribution":"…"}       or model "none" and "failure"
//! ```

use edge::UnixMicros;
use schemas::record::ingest::RawReceived;
use serde::{Deserialize, Serialize};

use super::parse::Values;
use super::place::{Cell, Model, Place, Request};
use crate::port::AthleteRef;
use crate::receive::{Delivery, Item, raw_records};

const SOURCE: &str = "weather";
const FAILED: &str = "failed";
/// The licence asks for a visible link to the source; this is its text.
const ATTRIBUTION: &str = "Weather data by Open-Meteo.com, CC BY 4.0";

/// What a request is told.
pub(super) type Told = Result<(Model, Values), String>;

#[derive(Serialize)]
struct Body<'a> {
    lat_dd: i32,
    lon_dd: i32,
    hour: i64,
    attempt: i32,
    model: &'static str,
    temperature_2m: Option<f64>,
    relative_humidity_2m: Option<f64>,
    wind_speed_10m: Option<f64>,
    shortwave_radiation: Option<f64>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attribution: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a str>,
}

/// One record per request. `asked_at` is when the service was asked, if it was.
pub(super) fn records(
    answers: &[(Request, Told)],
    received_at: UnixMicros,
    asked_at: Option<UnixMicros>,
) -> Vec<RawReceived> {
    let items = answers
        .iter()
        .map(|(request, told)| item(request, told))
        .collect();
    raw_records(&Delivery::of_our_own(SOURCE, received_at, asked_at), items)
}

fn item(request: &Request, told: &Told) -> Item {
    let Place { cell, hour_s } = request.place;
    let (kind, values, failure) = match told {
        Ok((model, values)) => (model.word(), *values, None),
        Err(failure) => (FAILED, Values::default(), Some(failure.as_str())),
    };
    let [temperature, humidity, wind, radiation] = values.of_variables;
    let body = Body {
        lat_dd: cell.lat_dd,
        lon_dd: cell.lon_dd,
        hour: hour_s,
        attempt: request.attempt,
        model: if failure.is_some() { "none" } else { kind },
        temperature_2m: temperature,
        relative_humidity_2m: humidity,
        wind_speed_10m: wind,
        shortwave_radiation: radiation,
        latitude: values.latitude,
        longitude: values.longitude,
        attribution: failure.is_none().then_some(ATTRIBUTION),
        failure,
    };
    Item {
        kind: kind.to_owned(),
        account_id: None,
        provider_id: Some(format!("{},{}@{hour_s}", cell.lat_dd, cell.lon_dd)),
        owners: vec![request.athlete.clone()],
        // Numbers and texts: there is nothing in it that cannot be written.
        body: serde_json::to_string(&body).unwrap_or_default(),
    }
}

/// The request that a record answers; `None` for what is no answer.
pub(super) fn answered(raw: &RawReceived) -> Option<Request> {
    #[derive(Deserialize)]
    struct Head {
        lat_dd: i32,
        lon_dd: i32,
        hour: i64,
        attempt: i32,
    }
    if raw.source != SOURCE {
        return None;
    }
    let head: Head = serde_json::from_slice(&raw.body).ok()?;
    Some(Request {
        place: Place {
            cell: Cell {
                lat_dd: head.lat_dd,
                lon_dd: head.lon_dd,
            },
            hour_s: head.hour,
        },
        athlete: AthleteRef::new(&raw.tenant_id, raw.athlete_id.as_deref()?),
        attempt: head.attempt,
    })
}
