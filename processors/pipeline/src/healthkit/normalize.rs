//! HealthKit items → observations. Pure.

use std::sync::Arc;

use processors_domain::sport;
use schemas::record::ingest::RawReceived;
use schemas::record::observation::{ActivityBody, BodyMassBody, SleepBody};
use serde_json::{Map, Value};

use super::export;
use super::payload::{Deleted, Quantity, Sample, Source, Workout};
use crate::normalize::{
    Body, Draft, Rejected, SECOND_US, Told, bounded, instant, offset, parse, quantise, whole,
};

pub(super) const WORKOUT_MAX_S: f64 = 7.0 * 86_400.0;
pub(super) const FRAGMENT_MAX_US: i64 = 48 * 3_600 * SECOND_US;
pub(super) const DISTANCE_MAX_M: f64 = 5_000_000.0;
pub(super) const ENERGY_MAX_KJ: f64 = 400_000.0;
const KJ_PER_KCAL: f64 = 4.184;
const ROUNDED_S: i64 = 1;
const KG_PER_LB: f64 = 0.453_592_37;
const KG_PER_STONE: f64 = 14.0 * KG_PER_LB;
const METRES_PER_MILE: f64 = 1_609.344;

pub(crate) fn normalize(raw: &RawReceived) -> Told {
    let draft = match raw.kind.as_str() {
        "workouts" => workout(&parse(&raw.body)?)?,
        "sleep" => sleep(&parse(&raw.body)?)?,
        "records" => return record(&parse(&raw.body)?),
        "deleted" => deleted(&parse(&raw.body)?)?,
        "hae_workout" => export::workout(raw)?,
        "hae_metric" => return export::metric(raw),
        kind => {
            return Err(Rejected::new(
                "unsupported_kind",
                format!("healthkit {kind} is not known"),
            ));
        }
    };
    Ok(Some(vec![draft]))
}

fn identity(id: Option<&String>, uuid: Option<&String>) -> Result<String, Rejected> {
    id.or(uuid)
        .filter(|text| !text.is_empty())
        .cloned()
        .ok_or_else(|| Rejected::missing("id"))
}

fn deleted(item: &Deleted) -> Result<Draft, Rejected> {
    let id = match item {
        Deleted::Uuid(uuid) => identity(Some(uuid), None)?,
        Deleted::Object { id, uuid } => identity(id.as_ref(), uuid.as_ref())?,
    };
    Ok(Draft::summary(id, Body::Deletion))
}

fn workout(item: &Workout) -> Result<Draft, Rejected> {
    let id = identity(item.id.as_ref(), item.uuid.as_ref())?;
    let (start, start_offset) = instant("startDate", item.start_date.as_deref())?;
    let (end, _) = instant("endDate", item.end_date.as_deref())?;
    if end < start {
        return Err(Rejected::new("bad_value", "endDate is before startDate"));
    }
    let elapsed_s = (end.0.saturating_sub(start.0) + SECOND_US / 2) / SECOND_US;
    bounded(
        "endDate - startDate in seconds",
        Some(elapsed_s as f64),
        0.0,
        WORKOUT_MAX_S,
    )?;
    let vendor_type = kind_of(item)?;
    let empty = Map::new();
    let metadata = item.metadata.as_ref().unwrap_or(&empty);
    let quantities = quantities(item)?;
    let known = sport::healthkit(
        &vendor_type,
        flag(metadata, "HKIndoorWorkout"),
        open_water(metadata),
    );
    let body = ActivityBody {
        sport: known.sport.as_str().to_owned(),
        family: known.sport.family().as_str().to_owned(),
        vendor_type,
        start,
        end,
        utc_offset_s: zone_offset(item.zone_offset.as_ref()).or(start_offset),
        time_zone: text(metadata, "HKTimeZone"),
        timer_s: quantities
            .timer_s
            .map(|timer_s| rounded_to(timer_s, elapsed_s)),
        elapsed_s,
        distance_m: quantities.distance_m,
        energy_kj: quantities.energy_kj,
        heart_rate_avg_bpm: quantities.heart_rate_avg_bpm,
        heart_rate_max_bpm: quantities.heart_rate_max_bpm,
        indoor: known.indoor,
        manual: flag(metadata, "HKWasUserEntered").unwrap_or(false),
        device: device(item.device.as_ref(), item.source.as_ref()),
        writer: writer(item.source.as_ref(), item.source_name.as_ref()),
        ..ActivityBody::default()
    };
    let writer = body.writer.clone();
    let draft = Draft::summary(id, Body::Activity(Arc::new(body)));
    Ok(versioned(draft, metadata, writer))
}

/// Apps that write their own records again give them a name and a version: HealthKit then puts the
/// greater version, with a uuid of its own, in the place of the smaller.
fn versioned(draft: Draft, metadata: &Map<String, Value>, writer: Option<String>) -> Draft {
    let told = |names: [&str; 2]| names.into_iter().find_map(|name| metadata.get(name));
    let name = match told(["HKMetadataKeySyncIdentifier", "HKSyncIdentifier"]) {
        Some(Value::String(name)) if !name.is_empty() => name.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => return draft,
    };
    let version = match told(["HKMetadataKeySyncVersion", "HKSyncVersion"]) {
        Some(Value::Number(number)) => number.as_i64().or_else(|| whole(number.as_f64())),
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    // Apps that do not say who they are may give one name to two things.
    let (Some(order), Some(writer)) = (version, writer.filter(|it| !it.is_empty())) else {
        return draft;
    };
    Draft {
        order,
        replaces: Some(format!("{writer}\n{name}")),
        ..draft
    }
}

fn kind_of(item: &Workout) -> Result<String, Rejected> {
    match item.workout_activity_type.as_ref().or(item.kind.as_ref()) {
        Some(Value::String(name)) => Ok(name.clone()),
        Some(Value::Number(code)) => Ok(code.to_string()),
        Some(_) => Err(Rejected::new(
            "bad_value",
            "workoutActivityType is neither text nor number",
        )),
        None => Err(Rejected::missing("workoutActivityType")),
    }
}

/// `HKSwimmingLocationType`: 1 is a pool, 2 is open water.
fn open_water(metadata: &Map<String, Value>) -> Option<bool> {
    match metadata.get("HKSwimmingLocationType")?.as_i64()? {
        1 => Some(false),
        2 => Some(true),
        _ => None,
    }
}

/// Apps round a length and two instants apart: a timer that is over by so much was never stopped.
fn rounded_to(timer_s: i64, elapsed_s: i64) -> i64 {
    if timer_s.saturating_sub(elapsed_s) <= ROUNDED_S {
        timer_s.min(elapsed_s)
    } else {
        timer_s
    }
}

#[derive(Default)]
struct Quantities {
    timer_s: Option<i64>,
    distance_m: Option<f64>,
    energy_kj: Option<f64>,
    heart_rate_avg_bpm: Option<i32>,
    heart_rate_max_bpm: Option<i32>,
}

fn quantities(item: &Workout) -> Result<Quantities, Rejected> {
    let value = |name: &str| {
        item.values
            .iter()
            .find(|value| value.kind.as_deref() == Some(name))
    };
    let number = |name: &str, convert: fn(&Quantity) -> Option<f64>| value(name).and_then(convert);
    let timer = number("duration", seconds).or(item.duration);
    let distance = number("totalDistance", metres).or(item.total_distance);
    let energy = number("activeEnergyBurned", kilojoules)
        .or_else(|| number("totalEnergyBurned", kilojoules))
        .or(item.total_energy_burned.map(|kcal| kcal * KJ_PER_KCAL));
    Ok(Quantities {
        timer_s: whole(bounded("duration", timer, 0.0, WORKOUT_MAX_S)?),
        distance_m: quantise(
            bounded("totalDistance in m", distance, 0.0, DISTANCE_MAX_M)?,
            10.0,
        ),
        energy_kj: quantise(bounded("energy in kJ", energy, 0.0, ENERGY_MAX_KJ)?, 10.0),
        heart_rate_avg_bpm: beats(number("averageHeartRate", plain))?,
        heart_rate_max_bpm: beats(number("maxHeartRate", plain))?,
    })
}

fn plain(quantity: &Quantity) -> Option<f64> {
    quantity.value
}

fn seconds(quantity: &Quantity) -> Option<f64> {
    let value = quantity.value?;
    Some(match quantity.unit.as_deref() {
        Some("min") => value * 60.0,
        Some("h" | "hr") => value * 3_600.0,
        Some("ms") => value / 1_000.0,
        _ => value,
    })
}

fn metres(quantity: &Quantity) -> Option<f64> {
    Some(in_metres(quantity.value?, quantity.unit.as_deref()))
}

pub(super) fn in_metres(value: f64, unit: Option<&str>) -> f64 {
    match unit {
        Some("km") => value * 1_000.0,
        Some("mi") => value * METRES_PER_MILE,
        Some("yd") => value * 0.9144,
        Some("ft") => value * 0.3048,
        _ => value,
    }
}

fn kilojoules(quantity: &Quantity) -> Option<f64> {
    Some(in_kilojoules(quantity.value?, quantity.unit.as_deref()))
}

/// HealthKit writes kilocalories as `kcal` or `Cal`.
pub(super) fn in_kilojoules(value: f64, unit: Option<&str>) -> f64 {
    match unit {
        Some("kJ") => value,
        Some("J") => value / 1_000.0,
        Some("cal") => value * KJ_PER_KCAL / 1_000.0,
        _ => value * KJ_PER_KCAL,
    }
}

pub(super) fn beats(value: Option<f64>) -> Result<Option<i32>, Rejected> {
    let value = bounded("heart rate", value, 0.0, 300.0)?;
    Ok(value
        .map(|bpm| libm::round(bpm) as i32)
        .filter(|bpm| *bpm > 0))
}

fn sleep(item: &Sample) -> Result<Draft, Rejected> {
    let id = identity(item.id.as_ref(), item.uuid.as_ref())?;
    let (start, start_offset) = instant("startDate", item.start_date.as_deref())?;
    let (end, _) = instant("endDate", item.end_date.as_deref())?;
    if end < start || end.0.saturating_sub(start.0) > FRAGMENT_MAX_US {
        return Err(Rejected::new(
            "bad_value",
            "endDate is before startDate, or more than 48 h after",
        ));
    }
    let stage = stage(item.value.as_ref())?;
    let empty = Map::new();
    let metadata = item.metadata.as_ref().unwrap_or(&empty);
    let body = SleepBody {
        start,
        end,
        utc_offset_s: zone_offset(item.zone_offset.as_ref()).or(start_offset),
        time_zone: text(metadata, "HKTimeZone"),
        stage: stage.to_owned(),
        device: device(None, item.source.as_ref()),
        writer: writer(item.source.as_ref(), None),
        ..SleepBody::default()
    };
    let writer = body.writer.clone();
    let draft = Draft::summary(id, Body::Sleep(Arc::new(body)));
    Ok(versioned(draft, metadata, writer))
}

/// `HKCategoryValueSleepAnalysis`, as integer or by name with or without the prefix.
fn stage(value: Option<&Value>) -> Result<&'static str, Rejected> {
    match value {
        None => Err(Rejected::missing("value")),
        Some(Value::Number(number)) => stage_named(&number.to_string()),
        Some(Value::String(name)) => stage_named(name),
        Some(_) => stage_named(""),
    }
}

pub(super) fn stage_named(name: &str) -> Result<&'static str, Rejected> {
    let name = name.trim_start_matches("HKCategoryValueSleepAnalysis");
    match name.to_ascii_lowercase().replace(['_', ' '], "").as_str() {
        "inbed" | "0" => Ok("in_bed"),
        "asleepunspecified" | "asleep" | "unspecified" | "1" => Ok("asleep"),
        "awake" | "2" => Ok("awake"),
        "asleepcore" | "core" | "light" | "3" => Ok("light"),
        "asleepdeep" | "deep" | "4" => Ok("deep"),
        "asleeprem" | "rem" | "5" => Ok("rem"),
        _ => Err(Rejected::new(
            "bad_value",
            "value is no stage of sleep analysis",
        )),
    }
}

fn record(item: &Sample) -> Told {
    let id = identity(item.id.as_ref(), item.uuid.as_ref())?;
    let kind = item
        .kind
        .as_deref()
        .ok_or_else(|| Rejected::missing("type"))?;
    if kind.trim_start_matches("HKQuantityTypeIdentifier") != "BodyMass" {
        return Ok(None);
    }
    let (at, _) = instant("startDate", item.start_date.as_deref())?;
    let value = match &item.value {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.parse().ok(),
        Some(_) => None,
        None => return Err(Rejected::missing("value")),
    };
    let value = value.ok_or_else(|| Rejected::new("bad_value", "value is not a number"))?;
    let empty = Map::new();
    let metadata = item.metadata.as_ref().unwrap_or(&empty);
    let body = BodyMassBody {
        at,
        mass_kg: kilograms(value, item.unit.as_deref())?,
        manual: flag(metadata, "HKWasUserEntered").unwrap_or(false),
    };
    let draft = Draft::summary(id, Body::BodyMass(Arc::new(body)));
    let writer = writer(item.source.as_ref(), None);
    Ok(Some(vec![versioned(draft, metadata, writer)]))
}

/// A body mass in the user's unit; without a unit it is in kilograms.
pub(super) fn kilograms(value: f64, unit: Option<&str>) -> Result<f64, Rejected> {
    let kg = match unit {
        Some("kg") | None => value,
        Some("g") => value / 1_000.0,
        Some("lb" | "lbs") => value * KG_PER_LB,
        Some("st") => value * KG_PER_STONE,
        Some(unit) => {
            return Err(Rejected::new(
                "bad_value",
                format!("unit {unit} is no mass"),
            ));
        }
    };
    let kg = bounded("body mass in kg", Some(kg), 20.0, 400.0)?;
    Ok(quantise(kg, 1_000.0).unwrap_or_default())
}

/// `+02:00`, `+0200`, `Z`, or seconds as a number.
fn zone_offset(value: Option<&Value>) -> Option<i32> {
    match value? {
        Value::Number(number) => offset(number.as_f64()),
        Value::String(text) if text.eq_ignore_ascii_case("z") => Some(0),
        Value::String(text) => {
            let (sign, digits) = match text.split_at_checked(1)? {
                ("+", digits) => (1.0, digits),
                ("-", digits) => (-1.0, digits),
                _ => return None,
            };
            let digits = digits.replace(':', "");
            let hours: f64 = digits.get(0..2)?.parse().ok()?;
            let minutes: f64 = digits.get(2..4).unwrap_or("0").parse().ok()?;
            offset(Some(sign * (hours * 3_600.0 + minutes * 60.0)))
        }
        _ => None,
    }
}

/// Metadata values come as booleans, numbers or text.
fn flag(metadata: &Map<String, Value>, name: &str) -> Option<bool> {
    match metadata.get(name)? {
        Value::Bool(value) => Some(*value),
        Value::Number(number) => Some(number.as_f64()? != 0.0),
        Value::String(text) => Some(matches!(text.as_str(), "1" | "true" | "YES")),
        _ => None,
    }
}

fn text(metadata: &Map<String, Value>, name: &str) -> Option<String> {
    metadata
        .get(name)
        .and_then(Value::as_str)
        .map(str::to_owned)
}

fn writer(source: Option<&Source>, source_name: Option<&String>) -> Option<String> {
    source
        .and_then(|source| {
            source
                .bundle_identifier
                .clone()
                .or_else(|| source.app_id.clone())
        })
        .or_else(|| source.and_then(|source| source.name.clone()))
        .or_else(|| source_name.cloned())
}

/// The hardware, where it is told; the phone's or watch's product type otherwise.
fn device(device: Option<&Value>, source: Option<&Source>) -> Option<String> {
    let told = match device {
        Some(Value::String(name)) => Some(name.clone()),
        Some(Value::Object(fields)) => ["model", "hardwareVersion", "name"]
            .iter()
            .find_map(|name| text(fields, name)),
        _ => None,
    };
    told.or_else(|| {
        source.and_then(|source| {
            source
                .product_type
                .clone()
                .or_else(|| source.device_model.clone())
        })
    })
}
