//! The form of the app Health Auto Export.
//!
//! ```text
//! {"data":{"metrics":[{"name":…,"units":…,"data":[{"date":…,"qty":…},…]},…],"workouts":[…]}}
//! ```
//!
//! A workout is an item, and so is every single datum of a metric, wrapped with what it needs to be
//! understood alone: `{"name":…,"units":…,"data":{…}}`. Other lists (symptoms, moods) are kept in
//! the same way, under the list's name and without a unit.
//!
//! Nothing here has an id that can be relied on, so the item's identity is a digest of what makes it
//! what it is. A workout's name is no part of that: it is written in the phone's language, and a
//! phone that changes it must not make another workout.
//!
//! It is not: a choice of what is useful. What no rule reads is kept and counted all the same.

use edge::Problem;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::json::{NotElements, elements, is_null, pick, string};
use crate::port::AthleteRef;
use crate::receive::{ITEM_BYTES_MAX, ITEMS_MAX, Item, RejectedItem, hex, update};
use crate::redact::redacted;
use crate::refusal::Refusal;

const WORKOUTS: &str = "workouts";
const METRICS: &str = "metrics";
const WORKOUT_KIND: &str = "hae_workout";
const METRIC_KIND: &str = "hae_metric";

/// One datum, or one workout, before it is looked at.
enum Found<'a> {
    Workout(&'a RawValue),
    Datum {
        /// As JSON.
        name: String,
        units: Option<&'a RawValue>,
        datum: &'a RawValue,
    },
    Wrong(Refusal),
}

/// The items of all lists, and what is wrong with the others. Places are counted over all data in
/// the order in which they stand; a metric that cannot be read counts as one.
pub(super) fn split<'a>(
    lists: impl Iterator<Item = (&'a str, &'a RawValue)>,
    athlete: &AthleteRef,
) -> Result<(Vec<Item>, Vec<RejectedItem>), Problem> {
    let mut found = Vec::new();
    for (name, list) in lists {
        match name {
            METRICS => {
                for metric in list_of(list, name, found.len())? {
                    find_data(metric, &mut found)?;
                }
            }
            WORKOUTS => {
                let workouts = list_of(list, name, found.len())?;
                found.extend(workouts.into_iter().map(Found::Workout));
            }
            other if list.get().starts_with('[') => {
                let name = serde_json::to_string(other).unwrap_or_default();
                for datum in list_of(list, other, found.len())? {
                    found.push(Found::Datum {
                        name: name.clone(),
                        units: None,
                        datum,
                    });
                }
            }
            _ => {}
        }
    }
    let (mut items, mut rejected) = (Vec::new(), Vec::new());
    for (index, found) in found.into_iter().enumerate() {
        match item(&found, athlete) {
            Ok(item) => items.push(item),
            Err(refusal) => rejected.push(RejectedItem::new(index, refusal)),
        }
    }
    Ok((items, rejected))
}

fn list_of<'a>(list: &'a RawValue, name: &str, found: usize) -> Result<Vec<&'a RawValue>, Problem> {
    match elements(list, ITEMS_MAX.saturating_sub(found)) {
        Ok(list) => Ok(list),
        Err(NotElements::NoArray) if is_null(list) => Ok(Vec::new()),
        Err(NotElements::NoArray) => {
            Err(Problem::bad_request(format!("`data.{name}` is no array")))
        }
        Err(NotElements::TooMany) => Err(too_many()),
    }
}

fn too_many() -> Problem {
    Problem::too_large(format!(
        "an upload has at most {ITEMS_MAX} data points and workouts: export fewer days at once"
    ))
}

/// The data of one metric.
fn find_data<'a>(metric: &'a RawValue, found: &mut Vec<Found<'a>>) -> Result<(), Problem> {
    let Some([name, units, data]) = pick(metric, ["name", "units", "data"]) else {
        let wrong = Refusal::malformed("a metric is a JSON object");
        found.push(Found::Wrong(wrong));
        return Ok(());
    };
    let Some(name) = name.filter(|name| !is_null(name)) else {
        found.push(Found::Wrong(Refusal::missing("name")));
        return Ok(());
    };
    if string(name).is_none() {
        found.push(Found::Wrong(Refusal::bad("name", "text")));
        return Ok(());
    }
    let Some(data) = data.filter(|data| !is_null(data)) else {
        return Ok(());
    };
    match elements(data, ITEMS_MAX.saturating_sub(found.len())) {
        Ok(data) => found.extend(data.into_iter().map(|datum| Found::Datum {
            name: name.get().to_owned(),
            units,
            datum,
        })),
        Err(NotElements::NoArray) => {
            let wrong = Refusal::malformed("`data` of a metric is an array");
            found.push(Found::Wrong(wrong));
        }
        Err(NotElements::TooMany) => return Err(too_many()),
    }
    Ok(())
}

fn item(found: &Found<'_>, athlete: &AthleteRef) -> Result<Item, Refusal> {
    let (kind, provider_id, body) = match found {
        Found::Wrong(refusal) => return Err(refusal.clone()),
        Found::Workout(workout) => {
            let id = identity(WORKOUT_KIND, None, workout, ["", "", ""])?;
            (WORKOUT_KIND, id, redacted(workout).into_owned())
        }
        Found::Datum { name, units, datum } => {
            let id = identity(name, *units, datum, ["qty", "value", "Avg"])?;
            let body = format!(
                "{{\"name\":{name},\"units\":{},\"data\":{}}}",
                units.map_or("null", RawValue::get),
                redacted(datum)
            );
            (METRIC_KIND, id, body)
        }
    };
    if body.len() > ITEM_BYTES_MAX {
        return Err(Refusal::too_large());
    }
    Ok(Item {
        kind: kind.to_owned(),
        account_id: None,
        provider_id: Some(provider_id),
        owners: vec![athlete.clone()],
        body,
    })
}

/// 32 hex digits over what it is, who recorded it, when, how much, and in which unit.
///
/// Values are compared as they are written. That the same sample comes in another unit after the
/// user changed a setting makes it another item; reconciling finds that both are one.
fn identity(
    what: &str,
    units: Option<&RawValue>,
    datum: &RawValue,
    values: [&str; 3],
) -> Result<String, Refusal> {
    let starts = pick(datum, ["startDate", "start", "sleepStart", "date"]);
    let starts = starts.ok_or_else(|| Refusal::malformed("it is no JSON object"))?;
    let ends = pick(datum, ["endDate", "end", "sleepEnd"]).unwrap_or_default();
    let values = pick(datum, values).unwrap_or_default();
    let [source, own_units] = pick(datum, ["source", "units"]).unwrap_or_default();
    let start = first(starts).ok_or_else(|| Refusal::missing("date"))?;
    let mut hash = Sha256::new();
    for part in [
        what.to_owned(),
        first([source]).unwrap_or_default(),
        start,
        first(ends).unwrap_or_default(),
        first(values).unwrap_or_default(),
        first([units, own_units]).unwrap_or_default(),
    ] {
        update(&mut hash, part.as_bytes());
    }
    Ok(hex(hash.finalize().get(..16).unwrap_or_default()))
}

/// The first that is there: a string's content, anything else as it is written.
fn first<const N: usize>(candidates: [Option<&RawValue>; N]) -> Option<String> {
    let there = candidates
        .into_iter()
        .flatten()
        .find(|value| !is_null(value))?;
    Some(string(there).unwrap_or_else(|| there.get().to_owned()))
}
