//! Instants of the world (whole seconds, UTC) and how each vendor writes them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub(crate) const MINUTE: i64 = 60;
pub(crate) const HOUR: i64 = 3_600;
pub(crate) const DAY: i64 = 86_400;
pub(crate) const MICROS: i64 = 1_000_000;

/// `2026-01-01T05:06:07Z`; the epoch for what no calendar holds.
pub(crate) fn utc(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .unwrap_or_default()
        .to_string()
}

/// `2026-01-01T06:06:07+01:00`
pub(crate) fn with_offset(seconds: i64, offset: i64) -> String {
    let mut text = utc(seconds.saturating_add(offset));
    text.pop();
    text.push_str(&offset_label(offset));
    text
}

/// `+05:30`
pub(crate) fn offset_label(offset: i64) -> String {
    let sign = if offset < 0 { '-' } else { '+' };
    let minutes = offset.abs() / MINUTE;
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// Seconds to add to UTC to read the clock on the wall.
pub(crate) fn offset_at(zone: &TimeZone, seconds: i64) -> i64 {
    let at = Timestamp::from_second(seconds).unwrap_or_default();
    i64::from(zone.to_offset(at).seconds())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_instant_is_written_in_every_form() {
        let at = 1_767_225_967;
        assert_eq!(utc(at), "2026-01-01T00:06:07Z");
        assert_eq!(with_offset(at, 3_600), "2026-01-01T01:06:07+01:00");
        assert_eq!(with_offset(at, -12_600), "2025-12-31T20:36:07-03:30");
        let zone = TimeZone::get("America/Los_Angeles").unwrap();
        assert_eq!(offset_at(&zone, at), -28_800);
    }
}
