//! Conditions: the air around a session, asked for once it is known where and when it was.
//!
//! Weather is keyed by a cell of 0.1 degree and a UTC hour. The loss is said at once without it, and
//! again when it comes. What counts is a function of the answers: the archive beats a forecast, and of
//! two the one that arrived first. What was asked is history, and so no content.

use std::collections::BTreeMap;

use processors_domain::observation::Licence;
use processors_domain::sweat;
use processors_domain::units::{AirTemperature, Humidity};
use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use schemas::record::loss::{Conditions, WeatherRequested};
use schemas::record::observation::WeatherBody;
use schemas::record::state::{ObservationState, SessionState, WeatherAskState};
use schemas::topic;

use crate::bucket::{DAY_US, Kind, day_of};
use crate::dirty::any_touches;
use crate::ids::id_of;
use crate::licence;
use crate::normalize::HOUR_US;
use crate::work::Work;

/// Hours of one session that weather is asked for; longer ones are told by their first day.
const HOURS_MAX: usize = 26;
/// A failed or forecast hour is asked for again, once.
const ATTEMPTS_MAX: i32 = 2;
/// The second question waits at least this long.
const AGAIN_MIN_US: i64 = 6 * HOUR_US;

/// The weather of one hour in one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    hour: Micros,
    lat_dd: i32,
    lon_dd: i32,
}

/// What is known of the air around a session.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// As the rules see it.
    pub(crate) air: sweat::Conditions,
    pub(crate) conditions: Conditions,
    /// The observations that told it.
    pub(crate) evidence: Vec<String>,
}

/// The keys that a session needs; none indoors, or where the place is unknown.
fn keys(state: &SessionState) -> Vec<Key> {
    let (Some(lat_dd), Some(lon_dd)) = (state.lat_dd, state.lon_dd) else {
        return Vec::new();
    };
    if state.indoor == Some(true) {
        return Vec::new();
    }
    let first = state.start.0.div_euclid(HOUR_US);
    let last = state.end.0.saturating_sub(1).div_euclid(HOUR_US).max(first);
    (first..=last)
        .take(HOURS_MAX)
        .map(|hour| Key {
            hour: Micros(hour.saturating_mul(HOUR_US)),
            lat_dd,
            lon_dd,
        })
        .collect()
}

/// The answer that counts for a key.
fn answer<'w>(work: &'w Work<'_>, key: Key) -> Option<(&'w ObservationState, &'w WeatherBody)> {
    let bucket = work.day(day_of(key.hour.0))?;
    let weather = bucket.observations.iter();
    let weather = weather.filter(|kept| kept.kind() == Kind::Weather);
    let answers = weather.filter_map(|state| {
        // Of several words of one kind the first one counts.
        let version = state.versions.first()?;
        let body = version.weather.as_deref()?;
        let is_it = body.hour == key.hour && body.lat_dd == key.lat_dd && body.lon_dd == key.lon_dd;
        is_it.then_some((&**state, version.first_received_at, body))
    });
    answers
        .max_by_key(|(_, arrived, body)| (rank(body), std::cmp::Reverse(*arrived)))
        .map(|(state, _, body)| (state, body))
}

fn rank(body: &WeatherBody) -> u8 {
    match body.model.as_str() {
        "archive" => 2,
        "forecast" => 1,
        _ => 0,
    }
}

/// A mean over the hours, each by how much of the session lay in it.
#[derive(Default)]
struct Mean {
    sum: f64,
    weight: f64,
}

impl Mean {
    fn add(&mut self, value: Option<f64>, weight: f64) {
        if let Some(value) = value {
            self.sum += value * weight;
            self.weight += weight;
        }
    }

    fn value(&self, steps_per_unit: f64) -> Option<f64> {
        (self.weight > 0.0)
            .then(|| libm::round(self.sum / self.weight * steps_per_unit) / steps_per_unit)
    }
}

/// The air around a session, as far as it was told.
pub(crate) fn of(work: &Work<'_>, state: &SessionState) -> Told {
    let mut told = Told {
        air: sweat::Conditions::INDOOR,
        conditions: Conditions {
            indoor: state.indoor,
            source: "indoor".to_owned(),
            ..Conditions::default()
        },
        evidence: Vec::new(),
    };
    if state.indoor == Some(true) {
        return told;
    }
    let keys = keys(state);
    let [mut temp, mut humidity, mut wind, mut solar] = [(); 4].map(|()| Mean::default());
    let (mut unanswered, mut forecast) = (keys.is_empty(), false);
    for key in &keys {
        let Some((observation, body)) = answer(work, *key) else {
            unanswered = true;
            continue;
        };
        told.evidence.push(observation.observation_id.clone());
        forecast |= rank(body) == 1;
        let from = state.start.0.max(key.hour.0);
        let until = state.end.0.min(key.hour.0.saturating_add(HOUR_US));
        // A session within one second still has an hour.
        let weight = until.saturating_sub(from).max(1) as f64;
        temp.add(body.air_temp_c, weight);
        humidity.add(body.humidity_pct, weight);
        wind.add(body.wind_m_s, weight);
        solar.add(body.solar_w_m2, weight);
    }
    told.conditions = Conditions {
        air_temp_c: temp.value(10.0),
        humidity_pct: humidity.value(1.0),
        wind_m_s: wind.value(10.0),
        solar_w_m2: solar.value(1.0),
        indoor: state.indoor,
        source: match (temp.weight > 0.0, forecast) {
            (false, _) => "none",
            (true, true) => "forecast",
            (true, false) => "archive",
        }
        .to_owned(),
    };
    told.air = match told.conditions.air_temp_c {
        _ if unanswered && !keys.is_empty() => sweat::Conditions::PENDING,
        None => sweat::Conditions::MISSING,
        Some(celsius) => sweat::Conditions::outdoor(
            AirTemperature::from_f64(celsius * 10.0),
            told.conditions.humidity_pct.and_then(Humidity::from_f64),
        ),
    };
    told
}

/// Weather came: the sessions in those hours cost something else now.
pub(crate) fn came(work: &mut Work<'_>) {
    if work.dirty.weather.is_empty() {
        return;
    }
    let hours = &work.dirty.weather;
    let stale: Vec<String> = work
        .sessions()
        .filter(|state| state.published.live)
        .filter(|state| any_touches(hours, (state.start.0, state.end.0), HOUR_US))
        .map(|state| state.session_id.clone())
        .collect();
    work.dirty.losses.extend(stale);
}

/// An answer arrived, whatever it says: one question less is open.
pub(crate) fn answered(work: &mut Work<'_>, raw: &RawReceived, body: &WeatherBody) {
    let key = Key {
        hour: body.hour,
        lat_dd: body.lat_dd,
        lon_dd: body.lon_dd,
    };
    let again_at = again_at(work, key, body);
    let day = day_of(key.hour.0);
    work.dirty.asks.insert(day);
    let asks = &mut work.day_mut(day).weather_asks;
    let Ok(at) = asks.binary_search_by_key(&key, key_of) else {
        return;
    };
    let Some(ask) = asks.get_mut(at) else { return };
    let open = ask.answers < ask.attempts;
    if open {
        ask.answers += 1;
    }
    ask.again_at = if ask.attempts < ATTEMPTS_MAX {
        again_at
    } else {
        Micros(0)
    };
    if open {
        work.count(&raw.source, "asked", -1);
    }
}

/// When a word that is not the last is asked for again.
fn again_at(work: &Work<'_>, key: Key, body: &WeatherBody) -> Micros {
    if rank(body) == 2 {
        return Micros(0);
    }
    let archive = i64::from(work.rules.archive_after_days).saturating_mul(DAY_US);
    let opens = key.hour.0.saturating_add(archive).saturating_add(HOUR_US);
    Micros(opens.max(work.now.0.saturating_add(AGAIN_MIN_US)))
}

fn key_of(ask: &WeatherAskState) -> Key {
    Key {
        hour: ask.hour,
        lat_dd: ask.lat_dd,
        lon_dd: ask.lon_dd,
    }
}

/// Ask for what the sessions of this batch need and nobody asked for yet, and again where it is time.
pub(crate) fn ask(work: &mut Work<'_>) {
    let mut wanted: BTreeMap<Key, Licence> = BTreeMap::new();
    let asking = work
        .sessions()
        .filter(|state| work.dirty.losses.contains(&state.session_id));
    for state in asking.filter(|state| state.published.live && !state.container) {
        let label = licence::kept(state.licence.as_deref());
        for key in keys(state) {
            let known = wanted.entry(key).or_insert(label);
            *known = label.max(*known);
        }
    }
    for (key, label) in wanted {
        let day = day_of(key.hour.0);
        let known = work.day(day).is_some_and(|bucket| {
            bucket
                .weather_asks
                .binary_search_by_key(&key, key_of)
                .is_ok()
        });
        if known {
            continue;
        }
        let told = answer(work, key).map(|(_, body)| body.clone());
        let mut ask = WeatherAskState {
            hour: key.hour,
            lat_dd: key.lat_dd,
            lon_dd: key.lon_dd,
            attempts: 1,
            answers: 1,
            again_at: Micros(0),
        };
        match &told {
            Some(body) if rank(body) == 2 => continue,
            Some(body) => ask.again_at = again_at(work, key, body),
            None => {
                ask.answers = 0;
                request(work, key, 1, label);
            }
        }
        work.dirty.asks.insert(day);
        let asks = &mut work.day_mut(day).weather_asks;
        let at = asks.partition_point(|known| key_of(known) < key);
        asks.insert(at, ask);
    }
    ask_again(work);
}

/// The archive has opened, or a failure is old: one more time, if somebody still needs it.
fn ask_again(work: &mut Work<'_>) {
    for day in work.dirty.asks.clone() {
        let now = work.now;
        let due: Vec<WeatherAskState> = work
            .day(day)
            .into_iter()
            .flat_map(|bucket| &bucket.weather_asks)
            .filter(|ask| ask.again_at > Micros(0) && ask.again_at <= now)
            .cloned()
            .collect();
        for ask in due {
            let key = key_of(&ask);
            let needed = work
                .sessions()
                .filter(|state| state.published.live && keys(state).contains(&key))
                .map(|state| licence::kept(state.licence.as_deref()))
                .max();
            let asks = &mut work.day_mut(day).weather_asks;
            if let Ok(at) = asks.binary_search_by_key(&key, key_of)
                && let Some(known) = asks.get_mut(at)
            {
                known.again_at = Micros(0);
                known.attempts += i32::from(needed.is_some());
            }
            if let Some(label) = needed {
                request(work, key, ask.attempts.saturating_add(1), label);
            }
        }
    }
}

/// A question tells where and when somebody was: it has the label of the sessions that need it.
fn request(work: &mut Work<'_>, key: Key, attempt: i32, label: Licence) {
    let text = format!("{},{}@{}", key.lat_dd, key.lon_dd, key.hour.0);
    let fact = WeatherRequested {
        id: id_of(&["weather", work.key.as_str(), &text, &attempt.to_string()]),
        tenant_id: work.tenant.to_owned(),
        athlete_id: work.athlete.to_owned(),
        recorded_at: work.now,
        revised_at: work.now,
        rules_id: work.rules.id.clone(),
        licence: licence::word(label),
        key_id: None,
        lat_cell: f64::from(key.lat_dd) / 10.0,
        lon_cell: f64::from(key.lon_dd) / 10.0,
        hour: key.hour,
        attempt,
    };
    work.emit(topic::WEATHER_REQUESTS, &fact.id, &fact);
    work.count("weather", "asked", 1);
}

/// When a day's weather has to be asked for again.
pub(crate) fn next_due(asks: &[WeatherAskState]) -> Option<Micros> {
    asks.iter()
        .map(|ask| ask.again_at)
        .filter(|again_at| *again_at > Micros(0))
        .min()
}
