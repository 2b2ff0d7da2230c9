//! HealthKit items as an app's SDK uploads them: UUIDs, ISO dates, a source with a bundle id, and
//! app versions that write the same thing differently.
//!
//! It knows no truth: what the device measured is handed in.

use serde_json::{Map, Value, json};

use crate::life::{Fragment, Stage, round};
use crate::person::Phone;
use crate::time::{offset_label, utc, with_offset};

const POUNDS_PER_KG: f64 = 2.204_622_621_8;

/// Who wrote a sample into Health.
#[derive(Clone)]
pub(crate) struct Writer {
    pub(crate) bundle: String,
    pub(crate) name: String,
    pub(crate) product: &'static str,
}

impl Writer {
    /// Garmin Connect shows itself as "Connect".
    pub(crate) fn connect() -> Self {
        Self {
            bundle: "com.garmin.connect.mobile".to_owned(),
            name: "Connect".to_owned(),
            product: "iPhone15,2",
        }
    }

    /// An app on the phone.
    pub(crate) fn named(bundle: &str, name: &str) -> Self {
        Self {
            bundle: bundle.to_owned(),
            name: name.to_owned(),
            product: "iPhone15,2",
        }
    }

    /// Strava's app.
    pub(crate) fn strava() -> Self {
        Self {
            bundle: "com.strava.stravaride".to_owned(),
            name: "Strava".to_owned(),
            product: "iPhone15,2",
        }
    }

    pub(crate) fn phone(phone: &Phone) -> Self {
        let name = "iPhone".to_owned();
        Self {
            bundle: phone.bundle.clone(),
            name,
            product: "iPhone15,2",
        }
    }

    fn json(&self) -> Value {
        json!({"bundleIdentifier": self.bundle, "name": self.name, "productType": self.product})
    }
}

/// How the phone writes instants: with the local offset, or in UTC with the offset beside it.
#[derive(Clone, Copy)]
pub(crate) struct Clock<'a> {
    pub(crate) phone: &'a Phone,
    pub(crate) offset: i64,
    /// Some samples come without `zoneOffset`.
    pub(crate) tells_zone: bool,
}

impl Clock<'_> {
    fn write(self, at: i64) -> String {
        if self.phone.local_times {
            with_offset(at, self.offset)
        } else {
            utc(at)
        }
    }

    fn span(self, id: &str, start: i64, end: i64, writer: &Writer) -> Map<String, Value> {
        let mut item = Map::new();
        item.insert("id".into(), json!(id));
        item.insert("startDate".into(), json!(self.write(start)));
        item.insert("endDate".into(), json!(self.write(end)));
        item.insert("source".into(), writer.json());
        if self.tells_zone {
            item.insert("zoneOffset".into(), json!(offset_label(self.offset)));
        }
        item
    }
}

/// What a HealthKit workout says.
#[derive(Clone)]
pub(crate) struct Workout {
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) timer_s: i64,
    pub(crate) distance_m: Option<f64>,
    pub(crate) kcal: i64,
    pub(crate) heart_rate_avg: i64,
    pub(crate) indoor: bool,
    pub(crate) writer: Writer,
}

impl Workout {
    pub(crate) fn item(&self, clock: Clock<'_>) -> String {
        let mut item = clock.span(&self.id, self.start, self.end, &self.writer);
        item.insert("type".into(), json!(self.kind));
        let indoor = i64::from(self.indoor);
        item.insert("metadata".into(), json!({"HKIndoorWorkout": indoor}));
        if clock.phone.flat_workouts {
            item.insert("duration".into(), json!(self.timer_s));
            item.insert("totalEnergyBurned".into(), json!(self.kcal));
            if let Some(distance) = self.distance_m {
                item.insert("totalDistance".into(), json!(distance));
            }
        } else {
            item.insert("values".into(), self.values());
        }
        Value::Object(item).to_string()
    }

    fn values(&self) -> Value {
        let mut values = vec![
            json!({"type": "duration", "value": self.timer_s, "unit": "s"}),
            json!({"type": "activeEnergyBurned", "value": self.kcal, "unit": "kcal"}),
            json!({"type": "averageHeartRate", "value": self.heart_rate_avg, "unit": "count/min"}),
        ];
        if let Some(distance) = self.distance_m {
            values.push(json!({"type": "totalDistance", "value": distance, "unit": "m"}));
        }
        Value::Array(values)
    }
}

pub(crate) fn stage(id: &str, fragment: &Fragment, writer: &Writer, clock: Clock<'_>) -> String {
    let (number, name) = match fragment.stage {
        Stage::Awake => (2, "HKCategoryValueSleepAnalysisAwake"),
        Stage::Core => (3, "HKCategoryValueSleepAnalysisAsleepCore"),
        Stage::Deep => (4, "HKCategoryValueSleepAnalysisAsleepDeep"),
        Stage::Rem => (5, "HKCategoryValueSleepAnalysisAsleepREM"),
    };
    sleep_sample(
        id,
        fragment.start,
        fragment.end,
        (number, name),
        writer,
        clock,
    )
}

pub(crate) fn in_bed(id: &str, start: i64, end: i64, writer: &Writer, clock: Clock<'_>) -> String {
    sleep_sample(
        id,
        start,
        end,
        (0, "HKCategoryValueSleepAnalysisInBed"),
        writer,
        clock,
    )
}

/// Sleep without stages.
pub(crate) fn asleep(id: &str, start: i64, end: i64, writer: &Writer, clock: Clock<'_>) -> String {
    sleep_sample(
        id,
        start,
        end,
        (1, "HKCategoryValueSleepAnalysisAsleepUnspecified"),
        writer,
        clock,
    )
}

fn sleep_sample(
    id: &str,
    start: i64,
    end: i64,
    (number, name): (i64, &str),
    writer: &Writer,
    clock: Clock<'_>,
) -> String {
    let mut item = clock.span(id, start, end, writer);
    let value = if clock.phone.named_stages {
        json!(name)
    } else {
        json!(number)
    };
    item.insert(
        "type".into(),
        json!("HKCategoryTypeIdentifierSleepAnalysis"),
    );
    item.insert("value".into(), value);
    Value::Object(item).to_string()
}

pub(crate) fn body_mass(
    id: &str,
    at: i64,
    mass_kg: f64,
    writer: &Writer,
    clock: Clock<'_>,
) -> String {
    let (value, unit) = if clock.phone.pounds {
        (round(mass_kg * POUNDS_PER_KG, 10.0), "lb")
    } else {
        (round(mass_kg, 100.0), "kg")
    };
    quantity(
        id,
        "HKQuantityTypeIdentifierBodyMass",
        (at, at),
        (value, unit),
        writer,
        clock,
    )
}

pub(crate) fn steps(
    id: &str,
    span: (i64, i64),
    count: i64,
    writer: &Writer,
    clock: Clock<'_>,
) -> String {
    let value = (count as f64, "count");
    quantity(
        id,
        "HKQuantityTypeIdentifierStepCount",
        span,
        value,
        writer,
        clock,
    )
}

fn quantity(
    id: &str,
    kind: &str,
    (start, end): (i64, i64),
    (value, unit): (f64, &str),
    writer: &Writer,
    clock: Clock<'_>,
) -> String {
    let mut item = clock.span(id, start, end, writer);
    item.insert("type".into(), json!(kind));
    item.insert("value".into(), json!(value));
    item.insert("unit".into(), json!(unit));
    Value::Object(item).to_string()
}

/// The shelves of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shelf {
    Records,
    Sleep,
    Workouts,
    Deleted,
}

const SHELVES: [(Shelf, &str); 4] = [
    (Shelf::Records, "records"),
    (Shelf::Sleep, "sleep"),
    (Shelf::Workouts, "workouts"),
    (Shelf::Deleted, "deleted"),
];

/// One upload of the app: its items are JSON already.
pub(crate) fn upload(sdk: &str, at: i64, items: &[(Shelf, &str)]) -> String {
    let size: usize = items.iter().map(|(_, item)| item.len() + 1).sum();
    let mut body = String::with_capacity(size + 160);
    body.push_str("{\"provider\":\"apple\",\"sdkVersion\":\"");
    body.push_str(sdk);
    body.push_str("\",\"syncTimestamp\":\"");
    body.push_str(&utc(at));
    body.push_str("\",\"data\":{");
    let mut first_shelf = true;
    for (shelf, name) in SHELVES {
        let mut first = true;
        for (_, item) in items.iter().filter(|(on, _)| *on == shelf) {
            if first {
                body.push_str(if first_shelf { "\"" } else { ",\"" });
                body.push_str(name);
                body.push_str("\":[");
                first_shelf = false;
            } else {
                body.push(',');
            }
            first = false;
            body.push_str(item);
        }
        if !first {
            body.push(']');
        }
    }
    body.push_str("}}");
    body
}

/// Older versions of the SDK name deleted ones in an object.
pub(crate) fn deleted(id: &str, phone: &Phone) -> String {
    if phone.flat_workouts {
        json!({"id": id}).to_string()
    } else {
        json!(id).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_is_json_with_only_the_shelves_that_hold_something() {
        let items = [
            (Shelf::Sleep, "1"),
            (Shelf::Deleted, "\"x\""),
            (Shelf::Sleep, "2"),
        ];
        assert_eq!(
            upload("2", 0, &items),
            r#"{"provider":"apple","sdkVersion":"2","syncTimestamp":"1970-01-01T00:00:00Z","data":{"sleep":[1,2],"deleted":["x"]}}"#
        );
    }
}
