//! Garmin's push items as JSON, written from the vendor's field lists: integer Unix seconds with a
//! separate offset, metres, grams, upper-case activity types.
//!
//! It knows no truth: what the watch measured is handed in.

use serde_json::{Map, Value, json};

use crate::life::{Fragment, Stage, round};

/// One sample of an activity's details per this many seconds: a device writes up to one a second,
/// and fewer say the same.
const SAMPLE_EVERY_S: i64 = 600;

/// What a Garmin watch recorded of a session.
#[derive(Clone)]
pub(crate) struct Activity {
    pub(crate) user_id: String,
    pub(crate) activity_id: u64,
    pub(crate) name: String,
    pub(crate) activity_type: &'static str,
    pub(crate) device: &'static str,
    pub(crate) start: i64,
    pub(crate) offset: i64,
    pub(crate) timer_s: i64,
    pub(crate) elapsed_s: i64,
    pub(crate) distance_m: Option<f64>,
    pub(crate) kcal: i64,
    pub(crate) heart_rate_avg: i64,
    pub(crate) outdoors_at: Option<(f64, f64)>,
    /// The whole of a multisport, or a leg of the one with this id.
    pub(crate) is_parent: bool,
    pub(crate) parent: Option<u64>,
}

impl Activity {
    fn summary(&self, summary_id: String) -> Map<String, Value> {
        let mut item = Map::new();
        item.insert("userId".into(), json!(self.user_id));
        item.insert("summaryId".into(), json!(summary_id));
        item.insert("activityId".into(), json!(self.activity_id));
        item.insert("activityName".into(), json!(self.name));
        item.insert("activityType".into(), json!(self.activity_type));
        item.insert("deviceName".into(), json!(self.device));
        item.insert("startTimeInSeconds".into(), json!(self.start));
        item.insert("startTimeOffsetInSeconds".into(), json!(self.offset));
        item.insert("durationInSeconds".into(), json!(self.timer_s));
        item.insert("activeKilocalories".into(), json!(self.kcal));
        item.insert(
            "averageHeartRateInBeatsPerMinute".into(),
            json!(self.heart_rate_avg),
        );
        let highest = self.heart_rate_avg + 22;
        item.insert("maxHeartRateInBeatsPerMinute".into(), json!(highest));
        if let Some(distance) = self.distance_m {
            let speed = round(distance / self.timer_s.max(1) as f64, 1_000.0);
            item.insert("distanceInMeters".into(), json!(round(distance, 100.0)));
            item.insert("averageSpeedInMetersPerSecond".into(), json!(speed));
        }
        if self.is_parent {
            item.insert("isParent".into(), json!(true));
        }
        if let Some(parent) = self.parent {
            item.insert("parentSummaryId".into(), json!(parent.to_string()));
        }
        if let Some((latitude, longitude)) = self.outdoors_at {
            item.insert("startingLatitudeInDegree".into(), json!(latitude));
            item.insert("startingLongitudeInDegree".into(), json!(longitude));
        }
        item
    }

    pub(crate) fn summary_item(&self) -> String {
        Value::Object(self.summary(self.activity_id.to_string())).to_string()
    }

    pub(crate) fn details_item(&self) -> String {
        let summary_id = format!("{}-detail", self.activity_id);
        let mut samples = Vec::new();
        let mut clock = 0;
        while clock < self.elapsed_s {
            samples.push(self.sample(clock));
            clock += SAMPLE_EVERY_S;
        }
        // A recording ends with a sample.
        samples.push(self.sample(self.elapsed_s));
        json!({
            "userId": self.user_id,
            "summaryId": summary_id,
            "activityId": self.activity_id,
            "summary": self.summary(summary_id.clone()),
            "samples": samples,
            "laps": [{"startTimeInSeconds": self.start}],
        })
        .to_string()
    }

    /// Pauses are spread evenly: moving ≤ timer ≤ clock holds in every sample.
    fn sample(&self, clock: i64) -> Value {
        let share = clock as f64 / self.elapsed_s.max(1) as f64;
        let timer = (share * self.timer_s as f64) as i64;
        let mut sample = json!({
            "startTimeInSeconds": self.start + clock,
            "heartRate": self.heart_rate_avg,
            "timerDurationInSeconds": timer,
            "clockDurationInSeconds": clock,
            "movingDurationInSeconds": timer - timer / 100,
        });
        if let (Some(distance), Some(fields)) = (self.distance_m, sample.as_object_mut()) {
            fields.insert(
                "totalDistanceInMeters".into(),
                json!(round(distance * share, 10.0)),
            );
        }
        sample
    }
}

/// A nap inside a Garmin sleep: start and length in seconds.
#[derive(Clone, Copy)]
pub(crate) struct Nap {
    pub(crate) start: i64,
    pub(crate) duration_s: i64,
}

/// What a Garmin watch makes of a night.
#[derive(Clone)]
pub(crate) struct Night {
    pub(crate) user_id: String,
    pub(crate) summary_id: String,
    pub(crate) calendar_date: String,
    pub(crate) offset: i64,
    pub(crate) validation: &'static str,
    pub(crate) levels: Vec<Fragment>,
    pub(crate) naps: Vec<Nap>,
}

impl Night {
    fn seconds(&self, stage: Stage) -> i64 {
        let levels = self.levels.iter().filter(|level| level.stage == stage);
        levels.map(|level| level.end - level.start).sum()
    }

    fn level_map(&self) -> Value {
        let mut map = Map::new();
        for (stage, name) in [
            (Stage::Deep, "deep"),
            (Stage::Core, "light"),
            (Stage::Rem, "rem"),
            (Stage::Awake, "awake"),
        ] {
            let levels = self.levels.iter().filter(|level| level.stage == stage);
            let spans: Vec<Value> = levels
                .map(|level| {
                    json!({"startTimeInSeconds": level.start, "endTimeInSeconds": level.end})
                })
                .collect();
            if !spans.is_empty() {
                map.insert(name.into(), Value::Array(spans));
            }
        }
        Value::Object(map)
    }

    /// `durationInSeconds` counts sleep only; where the night ends is in the level map.
    pub(crate) fn item(&self) -> String {
        let (deep, light) = (self.seconds(Stage::Deep), self.seconds(Stage::Core));
        let rem = self.seconds(Stage::Rem);
        let start = self.levels.first().map_or(0, |level| level.start);
        let mut item = json!({
            "userId": self.user_id,
            "summaryId": self.summary_id,
            "calendarDate": self.calendar_date,
            "startTimeInSeconds": start,
            "startTimeOffsetInSeconds": self.offset,
            "durationInSeconds": deep + light + rem,
            "unmeasurableSleepInSeconds": 0,
            "deepSleepDurationInSeconds": deep,
            "lightSleepDurationInSeconds": light,
            "remSleepInSeconds": rem,
            "awakeDurationInSeconds": self.seconds(Stage::Awake),
            "sleepLevelsMap": self.level_map(),
            "validation": self.validation,
        });
        if let (false, Some(fields)) = (self.naps.is_empty(), item.as_object_mut()) {
            let naps = self.naps.iter().map(|nap| {
                json!({
                    "napStartTimeInSeconds": nap.start,
                    "napDurationInSeconds": nap.duration_s,
                    "napOffsetInSeconds": self.offset,
                    "napValidation": "DEVICE",
                })
            });
            fields.insert("naps".into(), naps.collect());
        }
        item.to_string()
    }
}

pub(crate) fn body_composition(
    user_id: &str,
    summary_id: &str,
    at: i64,
    offset: i64,
    mass_kg: f64,
) -> String {
    json!({
        "userId": user_id,
        "summaryId": summary_id,
        "measurementTimeInSeconds": at,
        "measurementTimeOffsetInSeconds": offset,
        "weightInGrams": (mass_kg * 1_000.0).round() as i64,
    })
    .to_string()
}

pub(crate) fn daily(
    user_id: &str,
    summary_id: &str,
    date: &str,
    midnight: i64,
    offset: i64,
    steps: i64,
) -> String {
    json!({
        "userId": user_id,
        "summaryId": summary_id,
        "calendarDate": date,
        "activityType": "WALKING",
        "startTimeInSeconds": midnight,
        "startTimeOffsetInSeconds": offset,
        "durationInSeconds": 86_100,
        "steps": steps,
        "distanceInMeters": steps as f64 * 0.75,
        "activeKilocalories": steps / 22,
        "averageStressLevel": -1,
    })
    .to_string()
}
