//! Strava's detailed activities and webhook events as JSON, written from the vendor's field lists:
//! a local time with a false `Z`, a zone label with the standard offset, ids of any length.
//!
//! It knows no truth: what was uploaded is handed in.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::life::round;
use crate::sport::Sport;
use crate::time::{HOUR, MINUTE, offset_at, utc};

/// What Strava holds of an uploaded recording.
#[derive(Clone)]
pub(crate) struct Upload {
    /// Digits; the number may be too large for other programs' integers.
    pub(crate) id: String,
    pub(crate) upload_id: Option<String>,
    pub(crate) owner: String,
    pub(crate) name: String,
    pub(crate) sport_type: &'static str,
    pub(crate) trainer: bool,
    pub(crate) manual: bool,
    pub(crate) private: bool,
    pub(crate) start: i64,
    pub(crate) elapsed_s: i64,
    pub(crate) moving_s: i64,
    pub(crate) distance_m: Option<f64>,
    pub(crate) kcal: i64,
    pub(crate) heart_rate_avg: Option<i64>,
    pub(crate) external_id: Option<String>,
    pub(crate) device_name: Option<String>,
    pub(crate) place: Option<(f64, f64)>,
    pub(crate) kudos: i64,
    pub(crate) embed_token: u64,
}

impl Upload {
    /// The activity as `GET /activities/{id}` tells it. Ids are written as they are: a number that
    /// no integer type holds is a number all the same.
    pub(crate) fn body(&self, zone: &TimeZone, zone_name: &str) -> String {
        let offset = offset_at(zone, self.start);
        let distance = round(self.distance_m.unwrap_or(0.0), 10.0);
        let speed = round(distance / self.moving_s.max(1) as f64, 1_000.0);
        let place = |place: Option<(f64, f64)>| match place {
            Some((latitude, longitude)) => json!([latitude, longitude]),
            None => json!([]),
        };
        let fields: [(&str, Value); 29] = [
            ("name", json!(self.name)),
            ("distance", json!(distance)),
            ("moving_time", json!(self.moving_s)),
            ("elapsed_time", json!(self.elapsed_s)),
            ("total_elevation_gain", json!(round(distance / 140.0, 10.0))),
            ("type", json!(legacy_type(self.sport_type))),
            ("sport_type", json!(self.sport_type)),
            ("start_date", json!(utc(self.start))),
            ("start_date_local", json!(utc(self.start + offset))),
            ("timezone", json!(zone_label(zone, zone_name, self.start))),
            ("utc_offset", json!(offset as f64)),
            ("kudos_count", json!(self.kudos)),
            ("trainer", json!(self.trainer)),
            ("commute", json!(false)),
            ("manual", json!(self.manual)),
            ("private", json!(self.private)),
            (
                "visibility",
                json!(if self.private { "only_me" } else { "everyone" }),
            ),
            ("flagged", json!(false)),
            ("start_latlng", place(self.place)),
            ("end_latlng", place(self.place)),
            ("average_speed", json!(speed)),
            ("has_heartrate", json!(self.heart_rate_avg.is_some())),
            (
                "average_heartrate",
                json!(self.heart_rate_avg.map(|rate| rate as f64)),
            ),
            (
                "max_heartrate",
                json!(self.heart_rate_avg.map(|rate| (rate + 22) as f64)),
            ),
            ("calories", json!(self.kcal)),
            ("external_id", json!(self.external_id)),
            ("device_name", json!(self.device_name)),
            ("upload_id_str", json!(self.upload_id)),
            ("embed_token", json!(format!("{:016x}", self.embed_token))),
        ];
        let mut body = format!(
            "{{\"resource_state\":3,\"athlete\":{{\"id\":{},\"resource_state\":1}},\"id\":{},\"upload_id\":{}",
            self.owner,
            self.id,
            self.upload_id.as_deref().unwrap_or("null"),
        );
        for (name, value) in fields {
            // What an activity does not have is left out, as Strava does, or null where it says so.
            if value.is_null() && name != "external_id" && name != "device_name" {
                continue;
            }
            body.push_str(",\"");
            body.push_str(name);
            body.push_str("\":");
            body.push_str(&value.to_string());
        }
        body.push('}');
        body
    }
}

/// Strava's name of a sport, and whether it was done on a trainer.
pub(crate) fn sport_type(sport: &Sport) -> (&'static str, bool) {
    match sport.name {
        "run" => ("Run", false),
        "trail_run" => ("TrailRun", false),
        "treadmill" => ("Run", true),
        "road_ride" => ("Ride", false),
        "gravel_ride" => ("GravelRide", false),
        "indoor_ride" => ("VirtualRide", true),
        "strength" => ("WeightTraining", false),
        "yoga" => ("Yoga", false),
        "walk" => ("Walk", false),
        "pool_swim" | "open_water" => ("Swim", false),
        "soccer" => ("Soccer", false),
        _ => ("Workout", false),
    }
}

/// The deprecated `type` knows fewer sports.
pub(crate) fn legacy_type(sport_type: &'static str) -> &'static str {
    match sport_type {
        "TrailRun" => "Run",
        "GravelRide" => "Ride",
        other => other,
    }
}

/// `(GMT-08:00) America/Los_Angeles`: the standard offset, also in summer.
fn zone_label(zone: &TimeZone, name: &str, at: i64) -> String {
    let info = zone.to_offset_info(Timestamp::from_second(at).unwrap_or_default());
    let mut seconds = i64::from(info.offset().seconds());
    if info.dst().is_dst() {
        seconds -= HOUR;
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / MINUTE;
    format!("(GMT{sign}{:02}:{:02}) {name}", minutes / 60, minutes % 60)
}

/// What an event says has changed.
#[derive(Clone)]
pub(crate) enum Change {
    Created,
    Title(String),
    Type(&'static str),
    /// As a text or as a boolean: both occur.
    Private(bool, bool),
    Deleted,
}

/// One webhook event about an activity; `at` in Unix seconds.
pub(crate) fn activity_event(owner: &str, activity: &str, change: &Change, at: i64) -> String {
    let (aspect, updates) = match change {
        Change::Created => ("create", json!({})),
        Change::Title(title) => ("update", json!({"title": title})),
        Change::Type(sport_type) => ("update", json!({"type": sport_type})),
        Change::Private(private, true) => ("update", json!({"private": private.to_string()})),
        Change::Private(private, false) => ("update", json!({"private": private})),
        Change::Deleted => ("delete", json!({})),
    };
    event(("activity", activity), owner, aspect, &updates, at)
}

/// The athlete took the permission back.
pub(crate) fn deauthorisation(owner: &str, at: i64) -> String {
    let updates = json!({"authorized": "false"});
    event(("athlete", owner), owner, "update", &updates, at)
}

fn event(object: (&str, &str), owner: &str, aspect: &str, updates: &Value, at: i64) -> String {
    let (kind, id) = object;
    format!(
        "{{\"aspect_type\":\"{aspect}\",\"event_time\":{at},\"object_id\":{id},\"object_type\":\"{kind}\",\"owner_id\":{owner},\"subscription_id\":{SUBSCRIPTION},\"updates\":{updates}}}"
    )
}

const SUBSCRIPTION: u32 = 120_475;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_label_keeps_the_standard_offset_in_summer() {
        let cases = [
            (
                "America/Los_Angeles",
                1_784_116_800,
                "(GMT-08:00) America/Los_Angeles",
            ),
            (
                "America/Los_Angeles",
                1_768_478_400,
                "(GMT-08:00) America/Los_Angeles",
            ),
            ("Europe/Berlin", 1_784_116_800, "(GMT+01:00) Europe/Berlin"),
            (
                "Asia/Kathmandu",
                1_784_116_800,
                "(GMT+05:45) Asia/Kathmandu",
            ),
            (
                "America/St_Johns",
                1_784_116_800,
                "(GMT-03:30) America/St_Johns",
            ),
        ];
        for (name, at, label) in cases {
            assert_eq!(zone_label(&TimeZone::get(name).unwrap(), name, at), label);
        }
    }

    #[test]
    fn events_say_what_changed_in_either_spelling() {
        let cases = [
            (
                Change::Created,
                r#""aspect_type":"create""#,
                r#""updates":{}"#,
            ),
            (
                Change::Title("a \"b\"".to_owned()),
                r#""aspect_type":"update""#,
                r#""updates":{"title":"a \"b\""}"#,
            ),
            (
                Change::Type("TrailRun"),
                "update",
                r#""updates":{"type":"TrailRun"}"#,
            ),
            (
                Change::Private(true, true),
                "update",
                r#""updates":{"private":"true"}"#,
            ),
            (
                Change::Private(false, false),
                "update",
                r#""updates":{"private":false}"#,
            ),
            (
                Change::Deleted,
                r#""aspect_type":"delete""#,
                r#""updates":{}"#,
            ),
        ];
        for (change, aspect, updates) in cases {
            let event = activity_event("7", "99", &change, 5);
            assert!(event.contains(aspect) && event.contains(updates), "{event}");
            let read: Value = serde_json::from_str(&event).unwrap();
            assert_eq!(
                (&read["object_id"], &read["owner_id"]),
                (&json!(99), &json!(7))
            );
        }
        let gone: Value = serde_json::from_str(&deauthorisation("7", 5)).unwrap();
        assert_eq!(gone["object_type"], "athlete");
        assert_eq!(gone["updates"]["authorized"], "false");
    }
}
