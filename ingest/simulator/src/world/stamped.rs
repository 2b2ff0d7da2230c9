//! What the service would learn by asking, as records that are stamped already: fetched Strava
//! activities and answers about the weather. For benches and order tests, which have no network.
//!
//! A fetch follows each event by seconds and finds what stands at Strava by then, so that contents
//! go forth and back as they do in the world's accounts.

use std::collections::BTreeMap;

use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::account::StravaActivity;
use crate::delivery::Source;
use crate::time::{DAY, HOUR, MICROS};
use crate::weather::{Cell, Weather, forecast_at, mix, weather_at};
use crate::world::AthleteWorld;

/// A fetch follows its event by so many seconds.
const FETCH_S: std::ops::RangeInclusive<u64> = 2..=40;
/// An archive is asked for hours that are at least this old.
const ARCHIVE_AFTER: i64 = 5 * DAY * MICROS;
/// One answer in so many is a failure.
const WEATHER_FAILS: u64 = 40;

/// One item with its arrival, as ingest would put it into the log.
#[derive(Clone, Debug, PartialEq)]
pub struct StampedItem {
    pub athlete_id: String,
    pub source: &'static str,
    /// `activity`, `fetch_result`; `forecast`, `archive`, `failed`.
    pub kind: &'static str,
    pub account_id: Option<String>,
    pub provider_id: String,
    /// Microseconds UTC.
    pub received_at: i64,
    /// When the request was sent.
    pub provider_event_at: Option<i64>,
    pub body: Vec<u8>,
}

impl StampedItem {
    /// The item as a raw record of the default tenant under `id`.
    pub fn raw(&self, id: String) -> RawReceived {
        RawReceived {
            id,
            tenant_id: "default".to_owned(),
            athlete_id: Some(self.athlete_id.clone()),
            source: self.source.to_owned(),
            kind: self.kind.to_owned(),
            account_id: self.account_id.clone(),
            provider_id: Some(self.provider_id.clone()),
            received_at: Micros(self.received_at),
            first_received_at: None,
            replay_of: None,
            attempt: 1,
            provider_event_at: self.provider_event_at.map(Micros),
            content_type: "application/json".to_owned(),
            body: self.body.clone(),
            body_sha256: hex(&Sha256::digest(&self.body)),
            headers: BTreeMap::new(),
            connector: self.source.to_owned(),
            connector_version: env!("CARGO_PKG_VERSION").to_owned(),
            licence: None,
            key_id: None,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl AthleteWorld {
    /// What fetches after the athlete's Strava events bring: a body, or the end of a fetch that
    /// found nothing. In the order of the fetches; the events themselves are in `deliveries`.
    ///
    /// The ends name no hints: their ids are the receiver's. Who wants hints to be answered adds
    /// them with [`Self::fetch_end`].
    pub fn fetched(&self) -> Vec<StampedItem> {
        let Some(account) = &self.strava else {
            return Vec::new();
        };
        let mut heard: Vec<(i64, Hint)> = self
            .deliveries
            .iter()
            .filter(|delivery| delivery.source == Source::Strava)
            .filter_map(|delivery| Some((delivery.at, Hint::of(&delivery.body)?)))
            .collect();
        heard.sort_by_key(|(at, _)| *at);
        let mut items = Vec::new();
        for activity in &account.activities {
            let mine = heard.iter().filter(|(_, hint)| hint.object == activity.id);
            let mine: Vec<(i64, i64)> = mine.map(|(at, hint)| (*at, hint.event_at)).collect();
            items.extend(self.fetches(activity, &account.account_id, &mine));
        }
        items.sort_by_key(|item| item.received_at);
        items
    }

    /// `heard`: when an event came, and when it happened.
    fn fetches(
        &self,
        activity: &StravaActivity,
        account_id: &str,
        heard: &[(i64, i64)],
    ) -> Vec<StampedItem> {
        let mut items: Vec<StampedItem> = Vec::new();
        let mut before = i64::MIN;
        for (number, (at, _)) in heard.iter().enumerate() {
            let (low, high) = (*FETCH_S.start(), *FETCH_S.end());
            let salt = mix(at.cast_unsigned() ^ number as u64);
            let wait = low + salt % (high - low + 1);
            let sent = (at + wait.cast_signed() * MICROS).max(before.saturating_add(MICROS));
            before = sent;
            // What the vendor's events told by then is true at the vendor by then.
            let told = heard.iter().filter(|(heard_at, _)| *heard_at <= sent);
            let Some(happened) = told.map(|(_, event_at)| *event_at).max() else {
                continue;
            };
            let found = activity.version_at(happened);
            let item = |kind, received_at, body| StampedItem {
                athlete_id: self.athlete_id.clone(),
                source: Source::Strava.as_str(),
                kind,
                account_id: Some(account_id.to_owned()),
                provider_id: activity.id.clone(),
                received_at,
                provider_event_at: Some(sent),
                body,
            };
            let received = sent + 300_000;
            items.push(match found.and_then(|version| version.body.as_deref()) {
                Some(body) => item("activity", received, redacted(body)),
                None => item("fetch_result", received, fetch_end("gone", sent, &[])),
            });
        }
        items
    }

    /// The body of a `fetch_result`: its outcome, when it was sent, and the hints it answers.
    pub fn fetch_end(outcome: &str, fetched_at: i64, hints: &[Value]) -> Vec<u8> {
        fetch_end(outcome, fetched_at, hints)
    }

    /// Answers about the weather of the athlete's outdoor sessions: a forecast soon after each, the
    /// archive's days later where the world lasts that long, and now and then a failure.
    pub fn weather_answers(&self) -> Vec<StampedItem> {
        let mut items = Vec::new();
        for need in &self.weather {
            let cell = need.cell;
            let salt = mix(cell.hour.cast_unsigned() ^ u64::from(cell.lat_dd.cast_unsigned()));
            let asked = need.known_at;
            let answer = |model, at: i64, attempt| StampedItem {
                athlete_id: self.athlete_id.clone(),
                source: "weather",
                kind: model,
                account_id: None,
                provider_id: format!("{},{}@{}", cell.lat_dd, cell.lon_dd, cell.hour),
                received_at: at,
                provider_event_at: Some(at),
                body: weather_body(cell, model, attempt),
            };
            if salt.is_multiple_of(WEATHER_FAILS) {
                items.push(answer("failed", asked, 1));
            } else if asked - cell.hour * MICROS > ARCHIVE_AFTER {
                items.push(answer("archive", asked, 1));
                continue;
            } else {
                items.push(answer("forecast", asked, 1));
            }
            let later = cell.hour * MICROS + ARCHIVE_AFTER + HOUR * MICROS;
            if later <= self.end {
                items.push(answer("archive", later.max(asked + 1), 2));
            }
        }
        items.sort_by_key(|item| item.received_at);
        items
    }
}

/// What an event points at.
struct Hint {
    object: String,
    event_at: i64,
}

impl Hint {
    fn of(body: &[u8]) -> Option<Self> {
        let event: Value = serde_json::from_slice(body).ok()?;
        (event.get("object_type")? == "activity").then_some(())?;
        Some(Self {
            object: event.get("object_id")?.to_string(),
            event_at: event.get("event_time")?.as_i64()? * MICROS,
        })
    }
}

/// The embed token is kept out of the log.
fn redacted(body: &str) -> Vec<u8> {
    const NAME: &str = "\"embed_token\":\"";
    let Some((before, rest)) = body.split_once(NAME) else {
        return body.as_bytes().to_vec();
    };
    let after = rest.split_once('"').map_or("", |(_, after)| after);
    format!("{before}{NAME}redacted\"{after}").into_bytes()
}

fn fetch_end(outcome: &str, fetched_at: i64, hints: &[Value]) -> Vec<u8> {
    let status = match outcome {
        "body" => json!(200),
        "gone" => json!(404),
        "unauthorised" => json!(401),
        "forbidden" => json!(403),
        _ => Value::Null,
    };
    json!({
        "outcome": outcome,
        "status": status,
        "detail": "",
        "fetched_at": fetched_at,
        "hints": hints,
    })
    .to_string()
    .into_bytes()
}

/// The body of an answer about the weather: `forecast`, `archive` or `failed`.
fn weather_body(cell: Cell, kind: &str, attempt: u32) -> Vec<u8> {
    let told: Option<Weather> = match kind {
        "forecast" => Some(forecast_at(cell)),
        "archive" => Some(weather_at(cell)),
        _ => None,
    };
    let mut body = json!({
        "lat_dd": cell.lat_dd,
        "lon_dd": cell.lon_dd,
        "hour": cell.hour,
        "attempt": attempt,
        "model": if told.is_some() { kind } else { "none" },
        "temperature_2m": told.map(|weather| weather.temperature_c),
        "relative_humidity_2m": told.map(|weather| weather.humidity_pct),
        "wind_speed_10m": told.map(|weather| weather.wind_m_s),
        "shortwave_radiation": told.map(|weather| weather.solar_w_m2),
        "latitude": f64::from(cell.lat_dd) / 10.0,
        "longitude": f64::from(cell.lon_dd) / 10.0,
        "attribution": "Weather data by Open-Meteo.com, CC BY 4.0",
    });
    if let (None, Some(fields)) = (told, body.as_object_mut()) {
        fields.insert("failure".into(), json!("the service did not answer"));
    }
    body.to_string().into_bytes()
}
