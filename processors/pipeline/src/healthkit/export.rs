//! Health Auto Export (JSON, version 2) → observations. Pure.
//!
//! Units follow the phone's settings, workout names its language, and quantities come bare or as
//! `{qty, units}`. Instants carry the offset of the phone's zone at the export.

use std::sync::Arc;

use chrono::DateTime;
use processors_domain::sport;
use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use schemas::record::observation::{ActivityBody, BodyMassBody, SleepBody};

use super::export_names;
use super::normalize::{
    DISTANCE_MAX_M, ENERGY_MAX_KJ, FRAGMENT_MAX_US, WORKOUT_MAX_S, beats, in_kilojoules, in_metres,
    kilograms, stage_named,
};
use crate::fields::Fields;
use crate::normalize::{
    Body, Draft, Rejected, SECOND_US, Told, bounded, instant, offset, quantise, whole,
};

const GAIN_MAX_M: f64 = 100_000.0;
const SLEEP_MAX_S: f64 = 48.0 * 3_600.0;

/// The connector hashes what makes a sample itself: its type, source, times, value and unit.
fn identity(raw: &RawReceived) -> Result<String, Rejected> {
    raw.provider_id
        .clone()
        .filter(|id| !id.is_empty())
        .ok_or_else(|| Rejected::missing("the identity of the sample"))
}

/// `2024-02-06 14:30:00 -0800`, with the offset that it was written in.
fn written(item: &Fields<'_>, name: &str) -> Result<(Micros, Option<i32>), Rejected> {
    let text = item.text(name)?;
    let spoken = item.name(name);
    let told = text.as_deref().ok_or_else(|| Rejected::missing(&spoken))?;
    if let Ok((at, offset)) = instant(&spoken, Some(told)) {
        return Ok((at, offset));
    }
    let at = DateTime::parse_from_str(told, "%Y-%m-%d %H:%M:%S %z").map_err(|_| {
        Rejected::new(
            "bad_value",
            format!("{spoken} is not of the form 2024-02-06 14:30:00 -0800"),
        )
    })?;
    let shift = f64::from(at.offset().local_minus_utc());
    Ok((Micros(at.timestamp_micros()), offset(Some(shift))))
}

struct Span {
    start: Micros,
    end: Micros,
    utc_offset_s: Option<i32>,
}

fn span(item: &Fields<'_>, from: &str, to: &str, max_us: i64) -> Result<Span, Rejected> {
    let (start, utc_offset_s) = written(item, from)?;
    let (end, _) = written(item, to)?;
    let length_us = end.0.saturating_sub(start.0);
    if length_us < 0 || length_us > max_us {
        let hours = max_us / SECOND_US / 3_600;
        let (from, to) = (item.name(from), item.name(to));
        return Err(Rejected::new(
            "bad_value",
            format!("{to} is before {from}, or more than {hours} h after"),
        ));
    }
    Ok(Span {
        start,
        end,
        utc_offset_s,
    })
}

pub(super) fn workout(raw: &RawReceived) -> Result<Draft, Rejected> {
    let item = Fields::parse(&raw.body)?;
    let id = identity(raw)?;
    let max_us = (WORKOUT_MAX_S as i64).saturating_mul(SECOND_US);
    let span = span(&item, "start", "end", max_us)?;
    let vendor_type = item
        .word("name")?
        .ok_or_else(|| Rejected::missing("name"))?;
    let named = export_names::read(&vendor_type);
    let place = match item.flag("isIndoor")? {
        Some(indoor) => Some(indoor),
        None => item
            .text("location")?
            .and_then(|place| export_names::indoor(&place)),
    };
    let known = sport::healthkit(named.kind, place.or(named.indoor), named.open_water);
    let timer = bounded("duration", item.number("duration")?, 0.0, WORKOUT_MAX_S)?;
    let elapsed_us = span.end.0.saturating_sub(span.start.0);
    let body = ActivityBody {
        sport: known.sport.as_str().to_owned(),
        family: known.sport.family().as_str().to_owned(),
        vendor_type,
        start: span.start,
        end: span.end,
        utc_offset_s: span.utc_offset_s,
        timer_s: whole(timer.filter(|timer| *timer > 0.0)),
        elapsed_s: elapsed_us.saturating_add(SECOND_US / 2) / SECOND_US,
        indoor: known.indoor,
        writer: item.word("source")?,
        ..ActivityBody::default()
    };
    let body = measured(&item, body)?;
    Ok(Draft::summary(id, Body::Activity(Arc::new(body))))
}

fn measured(item: &Fields<'_>, body: ActivityBody) -> Result<ActivityBody, Rejected> {
    let distance = in_unit(item, "distance", in_metres)?;
    let energy = match in_unit(item, "activeEnergyBurned", in_kilojoules)? {
        None => in_unit(item, "activeEnergy", in_kilojoules)?,
        energy => energy,
    };
    let gain = in_unit(item, "elevationUp", in_metres)?;
    // The list of samples has the same name in some versions.
    let inner = if item.is_object("heartRate") {
        item.object("heartRate")?
    } else {
        None
    };
    let heart_rate = |name: &str, short: &str| {
        let told = match (quantity(item, name)?, &inner) {
            (None, Some(inner)) => quantity(inner, short)?,
            (told, _) => told,
        };
        beats(told.map(|quantity| quantity.value))
    };
    Ok(ActivityBody {
        distance_m: quantise(
            bounded("distance in m", distance, 0.0, DISTANCE_MAX_M)?,
            10.0,
        ),
        energy_kj: quantise(bounded("energy in kJ", energy, 0.0, ENERGY_MAX_KJ)?, 10.0),
        heart_rate_avg_bpm: heart_rate("avgHeartRate", "avg")?,
        heart_rate_max_bpm: heart_rate("maxHeartRate", "max")?,
        elevation_gain_m: quantise(bounded("elevationUp in m", gain, 0.0, GAIN_MAX_M)?, 10.0),
        ..body
    })
}

struct Quantity {
    value: f64,
    unit: Option<String>,
}

/// A bare number, or `{qty, units}`. A list of samples under the same name is none.
fn quantity(item: &Fields<'_>, name: &str) -> Result<Option<Quantity>, Rejected> {
    if item.is_number(name) {
        let value = item.number(name)?;
        return Ok(value.map(|value| Quantity { value, unit: None }));
    }
    if !item.is_object(name) {
        return Ok(None);
    }
    let Some(inner) = item.object(name)? else {
        return Ok(None);
    };
    let unit = inner.word("units")?;
    let value = inner.number("qty")?;
    Ok(value.map(|value| Quantity { value, unit }))
}

/// A quantity in our unit. Without its own unit nobody knows whether it is kilometres or miles.
fn in_unit(
    item: &Fields<'_>,
    name: &str,
    convert: fn(f64, Option<&str>) -> f64,
) -> Result<Option<f64>, Rejected> {
    Ok(quantity(item, name)?.and_then(|quantity| {
        let unit = quantity.unit?;
        Some(convert(quantity.value, Some(&unit)))
    }))
}

/// One datum of a metric, with the metric's name and unit.
pub(super) fn metric(raw: &RawReceived) -> Told {
    let item = Fields::parse(&raw.body)?;
    let name = item.word("name")?;
    let name = name.ok_or_else(|| Rejected::missing("name"))?;
    let datum = item.object("data")?;
    let datum = datum.ok_or_else(|| Rejected::missing("data"))?;
    if !matches!(name.as_str(), "weight_body_mass" | "sleep_analysis") {
        return Ok(None);
    }
    let unit = item.word("units")?.or(datum.word("units")?);
    let body = match name.as_str() {
        "weight_body_mass" => Body::BodyMass(Arc::new(body_mass(&datum, unit.as_deref())?)),
        _ if datum.word("value")?.is_some() => Body::Sleep(Arc::new(fragment(&datum)?)),
        _ => Body::Sleep(Arc::new(night(&datum, unit.as_deref())?)),
    };
    Ok(Some(vec![Draft::summary(identity(raw)?, body)]))
}

fn body_mass(datum: &Fields<'_>, unit: Option<&str>) -> Result<BodyMassBody, Rejected> {
    let (at, _) = written(datum, "date")?;
    let value = datum.number("qty")?;
    let value = value.ok_or_else(|| Rejected::missing(&datum.name("qty")))?;
    // No other form omits it, and a mass in an unknown unit is none.
    let unit = unit.ok_or_else(|| Rejected::missing("units"))?;
    Ok(BodyMassBody {
        at,
        mass_kg: kilograms(value, Some(unit))?,
        manual: false,
    })
}

fn fragment(datum: &Fields<'_>) -> Result<SleepBody, Rejected> {
    let span = span(datum, "startDate", "endDate", FRAGMENT_MAX_US)?;
    let value = datum.word("value")?.unwrap_or_default();
    Ok(SleepBody {
        start: span.start,
        end: span.end,
        utc_offset_s: span.utc_offset_s,
        stage: stage_named(&value)?.to_owned(),
        writer: datum.word("source")?,
        ..SleepBody::default()
    })
}

/// A night in one sum: from the first sleep to the last, or the time in bed where only that is told.
fn night(datum: &Fields<'_>, unit: Option<&str>) -> Result<SleepBody, Rejected> {
    let (from, to) = match datum.word("sleepStart")? {
        Some(_) => ("sleepStart", "sleepEnd"),
        None if datum.word("inBedStart")?.is_some() => ("inBedStart", "inBedEnd"),
        None => return Err(Rejected::missing(&datum.name("sleepStart"))),
    };
    let span = span(datum, from, to, FRAGMENT_MAX_US)?;
    let seconds_per_unit = match unit {
        Some("min") => 60.0,
        Some("s" | "sec") => 1.0,
        _ => 3_600.0,
    };
    let seconds = |name: &str| {
        let told = datum.number(name)?.map(|value| value * seconds_per_unit);
        bounded(&datum.name(name), told, 0.0, SLEEP_MAX_S).map(whole)
    };
    let some = |value: Option<i64>| value.filter(|seconds| *seconds > 0);
    let total = some(seconds("totalSleep")?);
    Ok(SleepBody {
        start: span.start,
        end: span.end,
        utc_offset_s: span.utc_offset_s,
        stage: "session".to_owned(),
        calendar_date: datum.word("date")?.and_then(|date| day(&date)),
        // `asleep` counts sleep without a stage in some versions, and all sleep in others.
        asleep_s: total.or(some(seconds("asleep")?)),
        awake_s: seconds("awake")?,
        deep_s: seconds("deep")?,
        light_s: seconds("core")?,
        rem_s: seconds("rem")?,
        writer: datum.word("source")?,
        ..SleepBody::default()
    })
}

/// The day of a date with or without a time.
fn day(date: &str) -> Option<String> {
    let day = date.get(..10)?;
    day.parse::<chrono::NaiveDate>().ok()?;
    Some(day.to_owned())
}
