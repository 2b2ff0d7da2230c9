//! A fetched activity → an observation. Pure.
//!
//! Times: `start_date` is UTC and true. `start_date_local` is wall time behind a `Z` that means
//! nothing, `utc_offset` the offset that held, and `timezone` a label whose bracket shows the standard
//! offset, so only the zone's name behind it is used. Ids may be longer than any integer.

use std::sync::Arc;

use chrono::{NaiveDateTime, Timelike};
use processors_domain::sport;
use processors_domain::time;
use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use schemas::record::observation::ActivityBody;

use crate::fields::Fields;
use crate::normalize::{
    Body, Draft, Rejected, SECOND_US, bounded, fetched_draft, instant, offset, quantise, whole,
};

/// No recording is longer; an ultra of three days with pauses is.
const ACTIVITY_MAX_S: f64 = 7.0 * 86_400.0;
const DISTANCE_MAX_M: f64 = 5_000_000.0;
const ENERGY_MAX_KCAL: f64 = 100_000.0;
const HEART_RATE_MAX_BPM: f64 = 300.0;
const POWER_MAX_W: f64 = 5_000.0;
const SPEED_MAX_M_S: f64 = 200.0;
const GAIN_MAX_M: f64 = 100_000.0;
const KJ_PER_KCAL: f64 = 4.184;
/// What Strava shows in place of a start that its athlete hides: the first second of the local day,
/// since July 2024.
const HIDDEN_START_S: u32 = 1;

pub(super) fn normalize(raw: &RawReceived) -> Result<Draft, Rejected> {
    let item = Fields::parse(&raw.body)?;
    let id = match &raw.provider_id {
        Some(id) => Some(id.clone()),
        None => item.id("id")?,
    };
    let id = id
        .filter(|id| !id.is_empty())
        .ok_or_else(|| Rejected::missing("id"))?;
    let body = measured(&item, told(&item)?)?;
    Ok(fetched_draft(
        raw,
        Draft::summary(id, Body::Activity(Arc::new(body))),
    ))
}

/// What was done, when, and on what.
fn told(item: &Fields<'_>) -> Result<ActivityBody, Rejected> {
    let begin = begin(item)?;
    let seconds = |name: &str| bounded(name, item.number(name)?, 0.0, ACTIVITY_MAX_S).map(whole);
    let moving_s = seconds("moving_time")?;
    let elapsed_s = seconds("elapsed_time")?
        .or(moving_s)
        .ok_or_else(|| Rejected::missing("elapsed_time"))?;
    let vendor_type = item
        .word("sport_type")?
        .or(item.word("type")?)
        .unwrap_or_default();
    let known = sport::strava(&vendor_type, item.flag("trainer")?);
    Ok(ActivityBody {
        sport: known.sport.as_str().to_owned(),
        family: known.sport.family().as_str().to_owned(),
        vendor_type,
        start: begin.start,
        end: Micros(
            begin
                .start
                .0
                .saturating_add(elapsed_s.saturating_mul(SECOND_US)),
        ),
        utc_offset_s: begin.utc_offset_s,
        time_zone: zone(item.text("timezone")?.as_deref(), begin.start),
        moving_s,
        elapsed_s,
        indoor: known.indoor,
        manual: item.flag("manual")?.unwrap_or(false),
        title: item.word("name")?,
        device: item.word("device_name")?,
        external_id: item.word("external_id")?,
        hidden_start: begin.hidden,
        ..ActivityBody::default()
    })
}

struct Begin {
    start: Micros,
    utc_offset_s: Option<i32>,
    hidden: bool,
}

fn begin(item: &Fields<'_>) -> Result<Begin, Rejected> {
    let (start, _) = instant("start_date", item.text("start_date")?.as_deref())?;
    let wall = wall_time(item.text("start_date_local")?.as_deref());
    let utc_offset_s = offset(item.number("utc_offset")?).or_else(|| offset_between(wall?, start));
    let wall = wall.or_else(|| {
        let shift = i64::from(utc_offset_s?).saturating_mul(SECOND_US);
        wall_at(start.0.saturating_add(shift))
    });
    let hidden = wall.is_some_and(|wall| wall.num_seconds_from_midnight() == HIDDEN_START_S);
    Ok(Begin {
        start: match (hidden, wall, utc_offset_s) {
            // The instant of the local midnight, also where only the local time was changed.
            (true, Some(wall), Some(shift)) => Micros(
                wall.and_utc()
                    .timestamp_micros()
                    .saturating_sub(i64::from(shift).saturating_mul(SECOND_US)),
            ),
            _ => start,
        },
        utc_offset_s,
        hidden,
    })
}

/// The clock on the wall, whatever zone is written behind it: `Z`, an offset, or none.
fn wall_time(text: Option<&str>) -> Option<NaiveDateTime> {
    const WALL_LENGTH: usize = "2024-07-02T00:00:01".len();
    let wall = text?.get(..WALL_LENGTH)?;
    NaiveDateTime::parse_from_str(wall, "%Y-%m-%dT%H:%M:%S").ok()
}

fn wall_at(micros: i64) -> Option<NaiveDateTime> {
    chrono::DateTime::from_timestamp_micros(micros).map(|at| at.naive_utc())
}

/// The offset that wall time and truth imply. All zones of today are whole quarters of an hour off;
/// anything else is a mistake of one of the two.
fn offset_between(wall: NaiveDateTime, start: Micros) -> Option<i32> {
    const QUARTER_S: i64 = 900;
    let seconds = wall
        .and_utc()
        .timestamp()
        .saturating_sub(start.0.div_euclid(SECOND_US));
    (seconds % QUARTER_S == 0)
        .then(|| offset(Some(seconds as f64)))
        .flatten()
}

/// The zone's name behind the bracket of `(GMT-08:00) America/Los_Angeles`, if there is such a zone.
fn zone(label: Option<&str>, start: Micros) -> Option<String> {
    let label = label?;
    let name = label
        .rsplit_once(')')
        .map_or(label, |(_, name)| name)
        .trim();
    time::offset_at(name, time::Instant(start.0)).map(|_| name.to_owned())
}

/// The numbers that sensors told, each within its bounds and to its resolution.
fn measured(item: &Fields<'_>, body: ActivityBody) -> Result<ActivityBody, Rejected> {
    let number = |name: &str, high: f64, steps: f64| {
        bounded(name, item.number(name)?, 0.0, high).map(|value| quantise(value, steps))
    };
    // Strava writes 0 where nothing was measured: indoors, by hand.
    let more_than_none = |value: Option<f64>| value.filter(|value| *value > 0.0);
    let kcal = bounded("calories", item.number("calories")?, 0.0, ENERGY_MAX_KCAL)?;
    let distance_m = more_than_none(number("distance", DISTANCE_MAX_M, 10.0)?);
    let gain = number("total_elevation_gain", GAIN_MAX_M, 10.0)?;
    let power = number("average_watts", POWER_MAX_W, 1.0)?;
    // Without a power meter Strava works the power out of speed and gradient.
    let estimated = item.flag("device_watts")? == Some(false);
    let (start_lat, start_lon) = start_place(item)?;
    Ok(ActivityBody {
        energy_kj: quantise(more_than_none(kcal).map(|kcal| kcal * KJ_PER_KCAL), 10.0),
        heart_rate_avg_bpm: heart_rate(item, "average_heartrate")?,
        heart_rate_max_bpm: heart_rate(item, "max_heartrate")?,
        power_avg_w: more_than_none(power).filter(|_| !estimated),
        speed_avg_m_s: more_than_none(number("average_speed", SPEED_MAX_M_S, 1_000.0)?),
        // Flat is told by a way that was covered; without one there was nothing to climb.
        elevation_gain_m: gain.filter(|gain| *gain > 0.0 || distance_m.is_some()),
        distance_m,
        start_lat,
        start_lon,
        ..body
    })
}

fn heart_rate(item: &Fields<'_>, name: &str) -> Result<Option<i32>, Rejected> {
    let value = bounded(name, item.number(name)?, 0.0, HEART_RATE_MAX_BPM)?;
    Ok(value
        .map(|bpm| libm::round(bpm) as i32)
        .filter(|bpm| *bpm > 0))
}

/// `[latitude, longitude]`, which is empty or null where the place is hidden or unknown.
fn start_place(item: &Fields<'_>) -> Result<(Option<f64>, Option<f64>), Rejected> {
    let place = item.numbers("start_latlng")?.unwrap_or_default();
    let (lat, lon) = match place.as_slice() {
        [] => return Ok((None, None)),
        [lat, lon] => (*lat, *lon),
        _ => {
            return Err(Rejected::new(
                "bad_value",
                "start_latlng is not a latitude and a longitude",
            ));
        }
    };
    let lat = bounded("start_latlng, its latitude", lat, -90.0, 90.0)?;
    let lon = bounded("start_latlng, its longitude", lon, -180.0, 180.0)?;
    // Half a place is none.
    Ok((
        quantise(lat.filter(|_| lon.is_some()), 1e6),
        quantise(lon.filter(|_| lat.is_some()), 1e6),
    ))
}
