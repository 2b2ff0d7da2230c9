//! One line of the table, and what its source would have sent.

use std::collections::BTreeMap;

use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use serde_json::{Map, Value, json};

/// Published ids by `source:provider id`.
pub(super) type Ids = BTreeMap<String, String>;

/// Words, and `name=value` pairs; a value with spaces stands in quotes.
#[derive(Clone)]
pub(super) struct Row {
    words: Vec<String>,
    fields: Vec<(String, String)>,
}

impl Row {
    pub(super) fn parse(line: &str) -> Self {
        let mut row = Self {
            words: Vec::new(),
            fields: Vec::new(),
        };
        for token in tokens(line) {
            match token.split_once('=') {
                Some((name, value)) => row.fields.push((name.to_owned(), value.to_owned())),
                None => row.words.push(token),
            }
        }
        row
    }

    pub(super) fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", String::as_str)
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(super) fn line(&self) -> String {
        let fields = self.fields().map(|(name, value)| format!("{name}={value}"));
        let words = self.words.iter().cloned();
        words.chain(fields).collect::<Vec<_>>().join(" ")
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.fields()
            .find(|(field, _)| *field == name)
            .map(|(_, value)| value)
    }

    fn text(&self, name: &str) -> &str {
        self.get(name)
            .unwrap_or_else(|| panic!("no {name} in: {}", self.line()))
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.get(name).map(|value| value.parse().unwrap())
    }

    fn at(&self, name: &str) -> i64 {
        seconds(self.text(name)).unwrap_or_else(|| panic!("{name} is no instant: {}", self.line()))
    }

    /// What ingest would have put into the log.
    pub(super) fn raw(&self, number: usize, ids: &Ids) -> RawReceived {
        let arrived = seconds(&format!("{}:00", self.word(0))).unwrap() * 1_000_000;
        let arrived = arrived + number as i64;
        let (source, kind) = (self.word(1), self.word(2));
        let body = self.body(source, kind, ids).to_string().into_bytes();
        let fetched = source == "strava";
        RawReceived {
            id: format!("{number:032x}"),
            tenant_id: "default".to_owned(),
            athlete_id: Some(super::ATHLETE.to_owned()),
            source: source.to_owned(),
            kind: kind.to_owned(),
            account_id: self.account(source),
            provider_id: fetched.then(|| self.text("id").to_owned()),
            received_at: Micros(arrived),
            first_received_at: None,
            replay_of: None,
            attempt: 1,
            provider_event_at: match kind {
                "event" => Some(Micros(self.at("at") * 1_000_000)),
                _ => fetched.then_some(Micros(arrived)),
            },
            content_type: "application/json".to_owned(),
            body_sha256: sha(&body),
            body,
            headers: BTreeMap::new(),
            connector: "test".to_owned(),
            connector_version: "1".to_owned(),
            licence: None,
            key_id: None,
        }
    }

    fn account(&self, source: &str) -> Option<String> {
        match source {
            "garmin" => Some(self.get("account").unwrap_or("g").to_owned()),
            "strava" => Some("s".to_owned()),
            _ => None,
        }
    }

    fn body(&self, source: &str, kind: &str, ids: &Ids) -> Value {
        match (source, kind) {
            ("garmin", "activities" | "manuallyUpdatedActivities") => self.garmin_activity(),
            ("garmin", "activityDetails") => self.garmin_details(),
            ("garmin", "sleeps") => self.garmin_sleep(),
            ("garmin", "deregistrations") => json!({"userId": self.text("account")}),
            ("healthkit", "workouts") => self.workout(),
            ("healthkit", "sleep") => self.sleep_sample(),
            ("healthkit", "deleted") => json!(self.text("id")),
            ("strava", "activity") => self.strava_activity(),
            ("strava", "event") => self.event_of_strava(),
            ("strava", "fetch_result") => self.fetch_end(),
            ("garmin", "bodyComps") => json!({
                "userId": "g", "summaryId": self.text("id"), "weightInGrams": self.number("g"),
                "measurementTimeInSeconds": self.at("at"), "measurementTimeOffsetInSeconds": 7_200,
            }),
            ("healthkit", "records") => self.mass_sample(),
            ("scan", _) => self.scan(),
            (
                "app",
                "profile" | "weigh_in" | "body_mass" | "intake" | "planned_workout" | "symptom",
            ) => self.event(kind),
            ("app", "link_override") => self.word_of_the_user(ids),
            _ => panic!("the table tells of no {source} {kind}"),
        }
    }

    fn event_of_strava(&self) -> Value {
        let aspect = self.get("aspect").unwrap_or("update");
        let edited = self.get("edited").map(|name| (name, "to something"));
        json!({
            "object_type": "activity", "aspect_type": aspect, "event_time": self.at("at"),
            "updates": BTreeMap::from_iter(edited),
        })
    }

    /// Sent at the second of its arrival, for one event or none that can be read.
    fn fetch_end(&self) -> Value {
        let arrived = seconds(&format!("{}:00", self.word(0))).unwrap() * 1_000_000;
        let status = match self.text("outcome") {
            "body" => json!(200),
            _ => json!(404),
        };
        let hint = |at: &str| {
            let event = json!({"event_time": seconds(at).unwrap()}).to_string();
            json!({"id": "hint", "kind": "event", "received_at": arrived, "body": event})
        };
        let hints: Vec<Value> = self.get("asked").map(hint).into_iter().collect();
        json!({
            "outcome": self.text("outcome"), "status": status, "detail": "", "hints": hints,
            "fetched_at": arrived,
        })
    }

    fn word_of_the_user(&self, ids: &Ids) -> Value {
        let of: Vec<&String> = self.text("of").split(',').map(|name| &ids[name]).collect();
        json!({
            "id": self.text("id"), "type": "link_override", "action": self.text("action"),
            "at": format!("2025-{}:00Z", self.word(0)), "observation_ids": of,
            "deleted": self.get("deleted") == Some("true"),
        })
    }

    /// Instants are written as elsewhere in the table, everything else as the app sends it.
    fn event(&self, kind: &str) -> Value {
        let mut event = Map::new();
        event.insert("type".to_owned(), json!(kind));
        for (name, value) in self.fields() {
            let value = match seconds(value) {
                Some(_) => json!(format!("2025-{value}Z")),
                None => literal(name, value),
            };
            event.insert(name.to_owned(), value);
        }
        event
            .entry("at")
            .or_insert_with(|| json!(format!("2025-{}:00Z", self.word(0))));
        Value::Object(event)
    }

    fn scan(&self) -> Value {
        let mut scan = json!({
            "schema": "sweat.scan/1", "scan_id": self.text("id"), "athlete_id": super::ATHLETE,
            "patch_id": self.text("patch"), "body_site": "forearm_left_ventral",
            "applied_at": format!("2025-{}Z", self.text("applied")),
            "scanned_at": format!("2025-{}Z", self.text("scanned")),
            "volume_channel": {
                "fill_fraction": 0.5, "volume_ul": self.number("ul"),
                "saturated": self.get("saturated").is_some(),
                "quality": self.number("quality").unwrap_or(0.93),
            },
            "chloride_channel": {
                "chloride_mmol_l": self.number("chloride").unwrap_or(38.0), "below_range": false,
                "above_range": false, "quality": 0.9,
            },
            "patch": {"collection_area_cm2": 2.5},
        });
        let fields = scan.as_object_mut().unwrap();
        self.copy(fields, &[("supersedes", "supersedes")]);
        for name in ["revision", "failed"] {
            if let Some(value) = self.get(name) {
                fields.insert(name.to_owned(), literal(name, value));
            }
        }
        scan
    }

    fn mass_sample(&self) -> Value {
        let at = format!("2025-{}Z", self.text("at"));
        json!({
            "id": self.text("id"), "type": "HKQuantityTypeIdentifierBodyMass", "startDate": at,
            "endDate": at, "value": self.number("kg"), "unit": "kg",
            "source": {"bundleIdentifier": self.get("bundle").unwrap_or("com.apple.Health")},
        })
    }

    fn garmin_activity(&self) -> Value {
        let id: i64 = self.text("id").parse().unwrap();
        let mut item = json!({
            "userId": "g", "summaryId": id.to_string(), "activityId": id,
            "activityType": self.text("type"), "startTimeInSeconds": self.at("start"),
            "startTimeOffsetInSeconds": 7_200, "durationInSeconds": self.number("timer"),
        });
        let fields = item.as_object_mut().unwrap();
        self.copy(
            fields,
            &[("device", "deviceName"), ("title", "activityName")],
        );
        self.copy(fields, &[("parent", "parentSummaryId")]);
        self.copy_numbers(fields, &[("m", "distanceInMeters")]);
        self.copy_numbers(
            fields,
            &[
                ("lat", "startingLatitudeInDegree"),
                ("lon", "startingLongitudeInDegree"),
            ],
        );
        if self.get("is_parent").is_some() {
            fields.insert("isParent".to_owned(), json!(true));
        }
        item
    }

    fn garmin_details(&self) -> Value {
        let id: i64 = self.text("id").parse().unwrap();
        json!({
            "userId": "g", "summaryId": format!("{id}-detail"), "activityId": id,
            "summary": self.garmin_activity(),
            "samples": [{
                "startTimeInSeconds": self.at("start"), "powerInWatts": self.number("watts"),
                "clockDurationInSeconds": self.number("clock"),
                "movingDurationInSeconds": self.number("moving"),
            }],
        })
    }

    /// All of it light sleep. Naps last half an hour; `none` lists none of them.
    fn garmin_sleep(&self) -> Value {
        let (start, end) = (self.at("start"), self.at("end"));
        let mut item = json!({
            "userId": "g", "summaryId": self.text("id"), "startTimeInSeconds": start,
            "startTimeOffsetInSeconds": self.number("offset").unwrap_or(7_200.0),
            "durationInSeconds": end - start, "lightSleepDurationInSeconds": end - start,
            "sleepLevelsMap": {"light": [{"startTimeInSeconds": start, "endTimeInSeconds": end}]},
            "validation": self.text("validation"),
        });
        if let Some(starts) = self.get("naps") {
            let nap = |start: &str| {
                let start = seconds(start)?;
                Some(json!({"napStartTimeInSeconds": start, "napDurationInSeconds": 1_800}))
            };
            item["naps"] = starts.split(',').filter_map(nap).collect();
        }
        item
    }

    fn span(&self, zone: &str) -> Map<String, Value> {
        let mut item = Map::new();
        item.insert("id".to_owned(), json!(self.text("id")));
        for (field, name) in [("start", "startDate"), ("end", "endDate")] {
            item.insert(
                name.to_owned(),
                json!(format!("2025-{}Z", self.text(field))),
            );
        }
        item.insert("zoneOffset".to_owned(), json!(zone));
        let bundle = self.get("bundle").unwrap_or("com.apple.health.W");
        let product = self.get("product").unwrap_or("Watch7,2");
        let source = json!({"bundleIdentifier": bundle, "productType": product});
        item.insert("source".to_owned(), source);
        item
    }

    fn workout(&self) -> Value {
        let mut item = self.span("+02:00");
        let kind = format!("HKWorkoutActivityType{}", self.text("type"));
        item.insert("type".to_owned(), json!(kind));
        let unit = self.get("unit").unwrap_or("s");
        let mut values = vec![json!({"type": "duration", "value": self.number("s"), "unit": unit})];
        if let Some(distance) = self.number("m") {
            let unit = self.get("metre").unwrap_or("m");
            values.push(json!({"type": "totalDistance", "value": distance, "unit": unit}));
        }
        item.insert("values".to_owned(), json!(values));
        self.call(&mut item);
        Value::Object(item)
    }

    fn sleep_sample(&self) -> Value {
        let mut item = self.span(self.get("offset").unwrap_or("+02:00"));
        item.insert(
            "type".to_owned(),
            json!("HKCategoryTypeIdentifierSleepAnalysis"),
        );
        item.insert(
            "value".to_owned(),
            json!(self.number("value").map(|value| value as i64)),
        );
        self.call(&mut item);
        Value::Object(item)
    }

    /// What the app calls its own record, and the version of it.
    fn call(&self, item: &mut Map<String, Value>) {
        if let (Some(name), Some(version)) = (self.get("sync"), self.number("version")) {
            let metadata = json!({
                "HKMetadataKeySyncIdentifier": name, "HKMetadataKeySyncVersion": version as i64,
            });
            item.insert("metadata".to_owned(), metadata);
        }
    }

    fn strava_activity(&self) -> Value {
        let start = self.text("start");
        let id: i64 = self.text("id").parse().unwrap();
        let mut item = json!({
            "id": id, "sport_type": self.text("type"), "start_date": format!("2025-{start}Z"),
            "utc_offset": 7_200, "moving_time": self.number("moving"),
            "elapsed_time": self.number("elapsed"), "distance": self.number("m"),
        });
        let fields = item.as_object_mut().unwrap();
        self.copy(
            fields,
            &[
                ("device", "device_name"),
                ("external", "external_id"),
                ("title", "name"),
            ],
        );
        item
    }

    fn copy(&self, into: &mut Map<String, Value>, names: &[(&str, &str)]) {
        for (field, name) in names {
            if let Some(value) = self.get(field) {
                into.insert((*name).to_owned(), json!(value));
            }
        }
    }

    fn copy_numbers(&self, into: &mut Map<String, Value>, names: &[(&str, &str)]) {
        for (field, name) in names {
            if let Some(value) = self.number(field) {
                into.insert((*name).to_owned(), json!(value));
            }
        }
    }
}

/// A number or a truth where it reads as one; what names something is text, and codes are a list.
fn literal(name: &str, value: &str) -> Value {
    if name == "codes" {
        let codes = value.split(',').filter(|code| !code.is_empty());
        return codes.map(|code| json!(code)).collect();
    }
    let named = matches!(name, "id" | "plan_id" | "session_ref");
    let read = (!named).then(|| serde_json::from_str(value).ok()).flatten();
    read.unwrap_or_else(|| json!(value))
}

fn tokens(line: &str) -> Vec<String> {
    let mut tokens = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ' ' if !quoted => tokens.push(String::new()),
            other => tokens.last_mut().unwrap().push(other),
        }
    }
    tokens.retain(|token| !token.is_empty());
    tokens
}

/// `06-02T08:00:00` of the year 2025, in Unix seconds.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let at = chrono::DateTime::parse_from_rfc3339(&format!("2025-{text}Z")).ok()?;
    Some(at.timestamp())
}

/// Different for different bytes, which is all that is asked of it here.
fn sha(bytes: &[u8]) -> String {
    let mix = |hash: u128, byte: &u8| (hash ^ u128::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    format!(
        "{:064x}",
        bytes.iter().fold(0xcbf2_9ce4_8422_2325_u128, mix)
    )
}
