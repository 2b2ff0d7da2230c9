//! Figures and instants as people read them. What is missing is a dash, never a zero.

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Timelike};
use schemas::record::Micros;
use serde_json::Value;

use crate::params::micros;

pub(super) const UNKNOWN: &str = "–";

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The wall clock where the athlete was.
pub(super) fn local(instant: &str, utc_offset_s: i64) -> Option<NaiveDateTime> {
    let at = DateTime::from_timestamp_micros(micros(instant)?.0)?;
    at.naive_utc()
        .checked_add_signed(TimeDelta::try_seconds(utc_offset_s)?)
}

pub(super) fn clock(instant: &str, utc_offset_s: i64) -> String {
    local(instant, utc_offset_s).map_or_else(
        || UNKNOWN.to_owned(),
        |at| format!("{:02}:{:02}", at.hour(), at.minute()),
    )
}

/// `07:16:18`: sources differ by seconds.
pub(super) fn second(instant: &str, utc_offset_s: i64) -> String {
    local(instant, utc_offset_s).map_or_else(
        || UNKNOWN.to_owned(),
        |at| at.time().format("%H:%M:%S").to_string(),
    )
}

/// `Wed 18 Nov`.
pub(super) fn day(instant: &str, utc_offset_s: i64) -> String {
    local(instant, utc_offset_s).map_or_else(|| UNKNOWN.to_owned(), |at| day_of(&at))
}

pub(super) fn day_of(at: &NaiveDateTime) -> String {
    let weekday = WEEKDAYS.get(at.weekday().num_days_from_monday() as usize);
    let month = MONTHS.get(at.month0() as usize);
    format!(
        "{} {} {}",
        weekday.copied().unwrap_or_default(),
        at.day(),
        month.copied().unwrap_or_default()
    )
}

/// Day and minute in UTC.
pub(super) fn moment(instant: &str) -> String {
    format!("{} {} UTC", day(instant, 0), clock(instant, 0))
}

pub(super) fn zone(utc_offset_s: i64) -> String {
    let sign = if utc_offset_s < 0 { '−' } else { '+' };
    let minutes = utc_offset_s.unsigned_abs() / 60;
    match (minutes / 60, minutes % 60) {
        (0, 0) => "UTC".to_owned(),
        (hours, 0) => format!("UTC{sign}{hours}"),
        (hours, rest) => format!("UTC{sign}{hours}:{rest:02}"),
    }
}

/// `1 h 15 min`.
pub(super) fn span(seconds: i64) -> String {
    let minutes = (seconds + 30) / 60;
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes:02} min"),
    }
}

/// How long ago, roughly.
pub(super) fn ago(then: Micros, now: Micros) -> String {
    let seconds = now.0.saturating_sub(then.0).max(0) / 1_000_000;
    match seconds {
        0..=1 => "just now".to_owned(),
        2..=119 => format!("{seconds} s ago"),
        120..=7_199 => format!("{} min ago", seconds / 60),
        7_200..=172_799 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// Groups of three, as in `12 345`.
pub(super) fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    if number < 0 {
        format!("−{text}")
    } else {
        text
    }
}

/// At most `places` decimals, without zeros at the end.
pub(super) fn decimal(number: f64, places: usize) -> String {
    let text = format!("{number:.places$}");
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A field's name as a label: the unit is said with the value.
pub(super) fn label(field: &str) -> String {
    let endings = ["_bpm", "_m_s", "_m", "_s", "_kj", "_w"];
    let bare = endings
        .iter()
        .find_map(|ending| field.strip_suffix(ending))
        .unwrap_or(field);
    let mut words = bare.replace('_', " ");
    if let Some(first) = words.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    words
        .replace("avg", "average")
        .replace(" max", " maximum")
        .replace("lat", "latitude")
        .replace("lon", "longitude")
        .replace("elevatitudeion", "elevation")
}

/// A field's value with its unit.
pub(super) fn value(field: &str, value: &Value) -> String {
    let Some(number) = value.as_f64() else {
        return match value {
            Value::String(text) => text.replace('_', " "),
            Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
            _ => UNKNOWN.to_owned(),
        };
    };
    match field {
        "distance_m" => format!("{} km", decimal(number / 1_000.0, 2)),
        "speed_avg_m_s" => format!("{} km/h", decimal(number * 3.6, 1)),
        "utc_offset_s" => zone(number as i64),
        _ if field.ends_with("_s") => span(number as i64),
        _ if field.ends_with("_bpm") => format!("{} bpm", decimal(number, 0)),
        _ if field.ends_with("_kj") => format!("{} kJ", decimal(number, 0)),
        _ if field.ends_with("_w") => format!("{} W", decimal(number, 0)),
        _ if field.ends_with("_m") => format!("{} m", decimal(number, 0)),
        _ => decimal(number, 3),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        assert_eq!(span(4_499), "1 h 15 min");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(
            (zone(-25_200), zone(19_800), zone(0)),
            ("UTC−7".into(), "UTC+5:30".into(), "UTC".into())
        );
        assert_eq!(clock("2026-11-18T14:16:18Z", -25_200), "07:16");
        assert_eq!(day("2026-11-18T04:00:00Z", -25_200), "Tue 17 Nov");
        assert_eq!(label("elevation_gain_m"), "Elevation gain");
        assert_eq!(label("heart_rate_avg_bpm"), "Heart rate average");
        assert_eq!(label("start_lat"), "Start latitude");
        for (field, told, shown) in [
            ("distance_m", json!(40_166.7), "40.17 km"),
            ("timer_s", json!(4_143), "1 h 09 min"),
            ("indoor", json!(false), "no"),
            ("power_avg_w", json!(null), UNKNOWN),
        ] {
            assert_eq!(value(field, &told), shown);
        }
    }
}
