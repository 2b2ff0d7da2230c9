//! Reading an answer of the weather service. Pure.
//!
//! ```text
//! {"latitude":…,"longitude":…,"hourly_units":{"time":"unixtime","temperature_2m":"°C",…},
//!  "hourly":{"time":[1772344800,…],"temperature_2m":[5.8,null,…],…}}   one place; several: an array
//! {"error":true,"reason":"…"}                                          with 400 or 429
//! ```
//!
//! Arrays are parallel. A null is a value that is not known and stays one. A variable that a model
//! does not offer has the unit `undefined` and only nulls.
//!
//! Invariant: no value passes whose unit is not the one that was asked for.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::place::{Cell, Place};
use super::plan::Call;

/// What is asked for, with the unit that the answer has to name.
pub(super) const VARIABLES: [(&str, &str); 4] = [
    ("temperature_2m", "°C"),
    ("relative_humidity_2m", "%"),
    ("wind_speed_10m", "m/s"),
    ("shortwave_radiation", "W/m²"),
];

const TIME_UNIT: &str = "unixtime";
const NOT_OFFERED: &str = "undefined";

/// What of a service's own words is kept in a failure.
const REASON_CHARS_MAX: usize = 200;

/// The values of one hour in one cell, in the order of [`VARIABLES`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Values {
    pub(super) of_variables: [Option<f64>; 4],
    /// Of the grid point that the service answered for.
    pub(super) latitude: Option<f64>,
    pub(super) longitude: Option<f64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Several(Vec<Location>),
    One(Box<Location>),
}

#[derive(Deserialize)]
struct Location {
    #[serde(default)]
    error: bool,
    reason: Option<String>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    #[serde(default)]
    hourly_units: BTreeMap<String, String>,
    #[serde(default)]
    hourly: Hourly,
}

#[derive(Default, Deserialize)]
struct Hourly {
    #[serde(default)]
    time: Vec<i64>,
    #[serde(flatten)]
    of_variables: BTreeMap<String, Vec<Option<f64>>>,
}

/// The values of the places that the call was made for, as far as the answer has them; or why none
/// of it can be used.
pub(super) fn parse(body: &[u8], call: &Call) -> Result<BTreeMap<Place, Values>, String> {
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|_| "the weather service answered something that is not weather".to_owned())?;
    let locations = match answer {
        Answer::Several(locations) => locations,
        Answer::One(location) => vec![*location],
    };
    if let Some(reason) = locations.iter().find_map(reason) {
        return Err(reason);
    }
    if locations.len() != call.cells.len() {
        return Err(format!(
            "the weather service answered for {} places instead of {}",
            locations.len(),
            call.cells.len()
        ));
    }
    let mut wanted: BTreeMap<Cell, Vec<Place>> = BTreeMap::new();
    for place in &call.places {
        wanted.entry(place.cell).or_default().push(*place);
    }
    let mut found = BTreeMap::new();
    for (cell, location) in call.cells.iter().zip(&locations) {
        let columns = columns(location)?;
        for place in wanted.get(cell).into_iter().flatten() {
            if let Some(values) = values_at(place.hour_s, location, columns) {
                found.insert(*place, values);
            }
        }
    }
    Ok(found)
}

/// What the service says of a call that it refuses.
pub(super) fn refusal(body: &[u8]) -> Option<String> {
    reason(&serde_json::from_slice(body).ok()?)
}

fn reason(location: &Location) -> Option<String> {
    let reason = location.reason.as_deref().unwrap_or("without a reason");
    location.error.then(|| {
        let reason: String = reason.chars().take(REASON_CHARS_MAX).collect();
        format!("the weather service refused: {reason}")
    })
}

/// The array of each variable, once units and lengths were compared; `None` for one that is not
/// offered.
fn columns(location: &Location) -> Result<[Option<&[Option<f64>]>; 4], String> {
    has_unit(location, "time", TIME_UNIT)?;
    let mut columns = [None; 4];
    for ((variable, unit), column) in VARIABLES.into_iter().zip(&mut columns) {
        let Some(values) = location.hourly.of_variables.get(variable) else {
            return Err(format!("the weather service left {variable} out"));
        };
        if values.len() != location.hourly.time.len() {
            return Err(format!(
                "the weather service has {} hours and {} values of {variable}",
                location.hourly.time.len(),
                values.len()
            ));
        }
        let is_offered = location
            .hourly_units
            .get(variable)
            .is_none_or(|unit| unit != NOT_OFFERED);
        if !is_offered && values.iter().all(Option::is_none) {
            continue;
        }
        has_unit(location, variable, unit)?;
        *column = Some(values.as_slice());
    }
    Ok(columns)
}

fn has_unit(location: &Location, variable: &str, expected: &str) -> Result<(), String> {
    let unit = location
        .hourly_units
        .get(variable)
        .map_or("none", String::as_str);
    if unit == expected {
        return Ok(());
    }
    let unit: String = unit.chars().take(REASON_CHARS_MAX).collect();
    Err(format!(
        "the weather service has {variable} in {unit} instead of {expected}"
    ))
}

fn values_at(
    hour_s: i64,
    location: &Location,
    columns: [Option<&[Option<f64>]>; 4],
) -> Option<Values> {
    let row = location
        .hourly
        .time
        .iter()
        .position(|time| *time == hour_s)?;
    Some(Values {
        of_variables: columns.map(|column| column.and_then(|values| *values.get(row)?)),
        latitude: location.latitude,
        longitude: location.longitude,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::weather::place::Model;

    const HOUR_S: i64 = 1_772_344_800;

    fn call(cells: &[i32]) -> Call {
        let cells: Vec<_> = cells
            .iter()
            .map(|lat_dd| Cell {
                lat_dd: *lat_dd,
                lon_dd: 0,
            })
            .collect();
        Call {
            model: Model::Forecast,
            first_day: 20_513,
            last_day: 20_513,
            places: cells
                .iter()
                .map(|cell| Place {
                    cell: *cell,
                    hour_s: HOUR_S,
                })
                .collect(),
            cells,
        }
    }

    fn location(temperature: Value) -> Value {
        json!({
            "latitude": 52.52, "longitude": 13.419998, "elevation": 38.0, "timezone": "GMT",
            "hourly_units": { "time": "unixtime", "temperature_2m": "°C",
                "relative_humidity_2m": "%", "wind_speed_10m": "m/s", "shortwave_radiation": "W/m²" },
            "hourly": { "time": [HOUR_S - 3600, HOUR_S], "temperature_2m": [9.9, temperature],
                "relative_humidity_2m": [1, 81], "wind_speed_10m": [0.0, 2.41],
                "shortwave_radiation": [null, 0.0] }
        })
    }

    fn parsed(body: &Value, cells: &[i32]) -> Result<Vec<Option<f64>>, String> {
        let found = parse(body.to_string().as_bytes(), &call(cells))?;
        Ok(found
            .values()
            .map(|values| values.of_variables[0])
            .collect())
    }

    /// The location with one member of a block set, or taken away by null.
    fn with(block: &str, name: &str, value: Value) -> Value {
        let mut body = location(json!(5.8));
        let block = body[block].as_object_mut().unwrap();
        match value {
            Value::Null => drop(block.remove(name)),
            value => drop(block.insert(name.to_owned(), value)),
        }
        body
    }

    #[test]
    fn one_place_is_an_object_and_several_are_an_array_in_the_order_of_the_call() {
        let one = parse(location(json!(5.8)).to_string().as_bytes(), &call(&[525])).unwrap();
        assert_eq!(
            one.into_values().collect::<Vec<_>>(),
            [Values {
                of_variables: [Some(5.8), Some(81.0), Some(2.41), Some(0.0)],
                latitude: Some(52.52),
                longitude: Some(13.419998),
            }]
        );
        let two = json!([location(json!(1.0)), location(json!(null))]);
        assert_eq!(parsed(&two, &[1, 2]), Ok(vec![Some(1.0), None]));
        let one_in_an_array = json!([location(json!(1.0))]);
        assert_eq!(parsed(&one_in_an_array, &[1]), Ok(vec![Some(1.0)]));
    }

    #[test]
    fn an_hour_that_the_answer_does_not_have_is_not_made_up() {
        let body = with("hourly", "time", json!([HOUR_S - 7200, HOUR_S - 3600]));
        assert_eq!(parsed(&body, &[525]), Ok(vec![]));
    }

    #[test]
    fn a_variable_that_is_not_offered_is_unknown_and_no_mistake() {
        let mut body = with("hourly_units", "temperature_2m", json!("undefined"));
        body["hourly"]["temperature_2m"] = json!([null, null]);
        assert_eq!(parsed(&body, &[525]), Ok(vec![None]));
    }

    #[test]
    fn a_unit_that_was_not_asked_for_is_named() {
        for (variable, unit, shown, expected) in [
            ("temperature_2m", json!("°F"), "°F", "°C"),
            ("temperature_2m", json!("undefined"), "undefined", "°C"),
            ("wind_speed_10m", json!("km/h"), "km/h", "m/s"),
            ("wind_speed_10m", json!(null), "none", "m/s"),
            ("time", json!("iso8601"), "iso8601", "unixtime"),
        ] {
            let body = with("hourly_units", variable, unit);
            let failure =
                format!("the weather service has {variable} in {shown} instead of {expected}");
            assert_eq!(parsed(&body, &[1]), Err(failure));
        }
    }

    #[test]
    fn what_does_not_match_what_was_asked_is_a_failure() {
        const NO_WEATHER: &str = "the weather service answered something that is not weather";
        let radiation = |values| with("hourly", "shortwave_radiation", values);
        let refused = json!({ "error": true, "reason": "Cannot resolve" });
        let one = location(json!(1.0));
        for (body, cells, failure) in [
            (
                radiation(json!(null)),
                1,
                "the weather service left shortwave_radiation out",
            ),
            (
                radiation(json!([1.0])),
                1,
                "the weather service has 2 hours and 1 values of shortwave_radiation",
            ),
            (
                with("hourly", "time", json!(["2026-03-01T06:00"])),
                1,
                NO_WEATHER,
            ),
            (location(json!("5.8")), 1, NO_WEATHER),
            (json!("<html>"), 1, NO_WEATHER),
            (
                one.clone(),
                2,
                "the weather service answered for 1 places instead of 2",
            ),
            (
                json!([]),
                1,
                "the weather service answered for 0 places instead of 1",
            ),
            (
                refused.clone(),
                1,
                "the weather service refused: Cannot resolve",
            ),
            (
                json!([one, refused]),
                2,
                "the weather service refused: Cannot resolve",
            ),
        ] {
            let cells: Vec<i32> = (0..cells).collect();
            assert_eq!(parsed(&body, &cells), Err(failure.to_owned()), "{body}");
        }
    }

    #[test]
    fn a_reason_is_kept_short_and_only_where_there_is_one() {
        let long = json!({ "error": true, "reason": "ä".repeat(1_000) }).to_string();
        let kept = refusal(long.as_bytes()).unwrap();
        assert!(kept.chars().count() < 250, "{kept}");
        for nothing in ["{}", "[]", "<html>", r#"{"reason":"x"}"#] {
            assert_eq!(refusal(nothing.as_bytes()), None, "{nothing}");
        }
    }
}
