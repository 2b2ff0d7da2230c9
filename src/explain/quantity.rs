//! Numbers as people read them: the unit that ends a field's name, behind the number.

use serde_json::Value;

/// Ending of a name, unit, and how many of the name's small unit make one. Longer endings first.
const UNITS: &[(&str, &str, f64)] = &[
    ("mmol_per_l", "mmol/L", 1.0),
    ("ml_per_h", "mL/h", 1.0),
    ("mg_per_h", "mg/h", 1.0),
    ("g_per_h", "g/h", 1.0),
    ("l_per_h", "L/h", 1.0),
    ("w_m2", "W/m²", 1.0),
    ("m_s", "m/s", 1.0),
    ("bpm", "bpm", 1.0),
    ("pct", "%", 1.0),
    ("min", "min", 1.0),
    ("lat", "°", 1.0),
    ("lon", "°", 1.0),
    ("ml", "mL", 1.0),
    ("mg", "mg", 1.0),
    ("dg", "g", 10.0),
    ("kg", "kg", 1.0),
    ("kj", "kJ", 1.0),
    ("g", "g", 1.0),
    ("w", "W", 1.0),
    ("m", "m", 1.0),
    ("c", "°C", 1.0),
];

fn unit(name: &str) -> Option<&'static (&'static str, &'static str, f64)> {
    UNITS.iter().find(|(ending, _, _)| {
        name.strip_suffix(ending)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('_'))
    })
}

/// The value with the unit of its name; `unknown` for null, never zero.
pub(super) fn with_unit(name: &str, value: &Value) -> String {
    match value {
        Value::Null => "unknown".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => {
            let Some(number) = number.as_f64() else {
                return number.to_string();
            };
            if name.ends_with("offset_s") {
                return offset(number);
            }
            if name.ends_with("_s") && !name.ends_with("m_s") {
                return duration(number);
            }
            match unit(name) {
                Some((_, "°", _)) => format!("{}°", plain(number)),
                Some((_, unit, per_unit)) => format!("{} {unit}", plain(number / per_unit)),
                None => plain(number),
            }
        }
        Value::Object(parts) => match (parts.get("median"), parts.get("lo90"), parts.get("hi90")) {
            (Some(median), Some(lo), Some(hi)) => format!(
                "{} (90 % between {} and {})",
                with_unit(name, median),
                with_unit("", lo),
                with_unit("", hi)
            ),
            _ => value.to_string(),
        },
        Value::Array(_) => value.to_string(),
    }
}

/// `sweat_rate_ml_per_h` → `sweat rate`; a name that is nothing but a unit stays empty.
pub(super) fn name_without_unit(name: &str) -> String {
    let ending = unit(name).map(|(ending, _, _)| *ending);
    let ending = ending.or_else(|| name.ends_with("_s").then_some("s"));
    let stem = ending.and_then(|ending| name.strip_suffix(ending));
    let stem = stem.unwrap_or(name).trim_end_matches('_');
    stem.replace('_', " ")
}

/// Without needless decimals.
fn plain(number: f64) -> String {
    let text = format!("{number:.7}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "seconds of a workout; what is no number of seconds is shown as the nearest"
)]
fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as i64;
    let (sign, seconds) = if seconds < 0 {
        ("-", -seconds)
    } else {
        ("", seconds)
    };
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    let text = match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min {} s", seconds % 60),
        _ => format!("{hours} h {minutes} min {} s", seconds % 60),
    };
    format!("{sign}{}", text.trim_end_matches(" 0 s"))
}

/// An offset from UTC as clocks write it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "offsets are less than a day; anything else is shown as the nearest"
)]
fn offset(seconds: f64) -> String {
    let seconds = seconds.round() as i64;
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{name_without_unit, with_unit};

    #[test]
    fn a_number_has_the_unit_that_ends_its_name() {
        let interval = json!({"median": 0.5, "lo90": 0.2, "hi90": 1.25});
        let cases: Vec<(&str, Value, &str)> = vec![
            ("distance_m", json!(12923.3), "12923.3 m"),
            ("speed_avg_m_s", json!(4.25), "4.25 m/s"),
            ("timer_s", json!(3041), "50 min 41 s"),
            ("timer_s", json!(3600), "1 h 0 min"),
            ("timer_s", json!(59), "59 s"),
            ("utc_offset_s", json!(-28800), "UTC-08:00"),
            ("utc_offset_s", json!(20700), "UTC+05:45"),
            ("carbohydrate_dg", json!(1050), "105 g"),
            ("heart_rate_avg_bpm", json!(163), "163 bpm"),
            ("air_temp_c", Value::Null, "unknown"),
            ("indoor", json!(false), "no"),
            ("start_lat", json!(-36.8), "-36.8°"),
            ("sport", json!("run"), "run"),
            ("tests", json!(3), "3"),
            (
                "sweat_rate_l_per_h",
                interval,
                "0.5 L/h (90 % between 0.2 and 1.25)",
            ),
        ];
        for (name, value, expected) in cases {
            assert_eq!(with_unit(name, &value), expected, "{name} {value}");
        }
    }

    #[test]
    fn a_name_is_shown_without_its_unit() {
        let cases = [
            ("sweat_rate_ml_per_h", "sweat rate"),
            ("gap_s", "gap"),
            ("speed_avg_m_s", "speed avg"),
            ("indoor", "indoor"),
            ("ml_per_h", ""),
        ];
        for (name, expected) in cases {
            assert_eq!(name_without_unit(name), expected);
        }
    }
}
