//! Instants, spans and civil dates, in integers.
//!
//! Nothing here knows the present moment or the zone of the machine: zones come by name out of the
//! bundled database. All arithmetic saturates, so that an absurd instant gives an absurd answer and
//! never a panic.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub i64);

impl Instant {
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// Whole seconds since the epoch, rounded towards the past.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(
            self.0
                .saturating_add(seconds.saturating_mul(MICROS_PER_SECOND)),
        )
    }

    /// The distance to `other`, without sign.
    pub const fn distance_us(self, other: Self) -> u64 {
        self.0.abs_diff(other.0)
    }

    /// True where `other` is at most `seconds` away, before or after.
    pub const fn within(self, other: Self, seconds: i64) -> bool {
        self.distance_us(other) <= seconds.saturating_mul(MICROS_PER_SECOND).unsigned_abs()
    }
}

/// From `start` to `end`; never ends before it starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    start: Instant,
    end: Instant,
}

impl Span {
    /// An end before the start is taken as the start: a length is never negative.
    pub fn new(start: Instant, end: Instant) -> Self {
        Self {
            start,
            end: end.max(start),
        }
    }

    pub fn from_start(start: Instant, seconds: i64) -> Self {
        Self::new(start, start.plus_seconds(seconds))
    }

    pub const fn start(self) -> Instant {
        self.start
    }

    pub const fn end(self) -> Instant {
        self.end
    }

    pub const fn length_us(self) -> u64 {
        self.end.0.abs_diff(self.start.0)
    }

    /// Whole seconds, rounded to nearest.
    pub fn length_s(self) -> i64 {
        let seconds = self.length_us().saturating_add(500_000) / 1_000_000;
        i64::try_from(seconds).unwrap_or(i64::MAX)
    }

    /// What both cover, if they share more than an edge.
    pub fn overlap(self, other: Self) -> Option<Self> {
        let start = self.start.max(other.start);
        let end = self.end.min(other.end);
        (start < end).then_some(Self { start, end })
    }

    pub fn overlap_us(self, other: Self) -> u64 {
        self.overlap(other).map_or(0, Self::length_us)
    }

    /// The smallest span that covers both, with whatever lies between.
    pub fn hull(self, other: Self) -> Self {
        Self {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }

    pub fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// The time between the two, 0 where they touch or overlap.
    pub fn gap_us(self, other: Self) -> u64 {
        let later_start = self.start.max(other.start);
        let earlier_end = self.end.min(other.end);
        if later_start > earlier_end {
            later_start.distance_us(earlier_end)
        } else {
            0
        }
    }

    /// Intersection over union in thousandths. Two equal instants count as one thing: 1000.
    pub fn iou_permille(self, other: Self) -> u32 {
        let common = u128::from(self.overlap_us(other));
        let both = u128::from(self.length_us()).saturating_add(u128::from(other.length_us()));
        let union = both.saturating_sub(common);
        if self == other {
            return 1000;
        }
        let permille = common.saturating_mul(1000).checked_div(union).unwrap_or(0);
        u32::try_from(permille).unwrap_or(1000)
    }
}

/// A day of the calendar, as days since 1970-01-01.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CivilDate(pub i32);

impl CivilDate {
    pub const fn plus_days(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// Outside of the years that the calendar library knows, its nearest day.
    fn calendar(self) -> Date {
        let seconds = i64::from(self.0).saturating_mul(SECONDS_PER_DAY);
        Offset::UTC.to_datetime(clamped_timestamp(seconds)).date()
    }
}

/// `yyyy-mm-dd`.
impl fmt::Display for CivilDate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.calendar();
        write!(
            formatter,
            "{:04}-{:02}-{:02}",
            date.year(),
            date.month(),
            date.day()
        )
    }
}

/// The text was no `yyyy-mm-dd`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoCivilDate;

impl FromStr for CivilDate {
    type Err = NoCivilDate;

    fn from_str(text: &str) -> Result<Self, NoCivilDate> {
        if text.len() != "yyyy-mm-dd".len() {
            return Err(NoCivilDate);
        }
        let date: Date = text.parse().map_err(|_| NoCivilDate)?;
        let midnight = Offset::UTC
            .to_timestamp(date.at(0, 0, 0, 0))
            .map_err(|_| NoCivilDate)?;
        Ok(day_of(midnight.as_second()))
    }
}

/// The day that a clock `offset_s` ahead of UTC showed at `at`.
pub fn local_date(at: Instant, offset_s: i32) -> CivilDate {
    day_of(at.seconds().saturating_add(i64::from(offset_s)))
}

/// From midnight to midnight on a clock `offset_s` ahead of UTC.
pub fn civil_day(date: CivilDate, offset_s: i32) -> Span {
    let seconds = i64::from(date.0).saturating_mul(SECONDS_PER_DAY);
    let midnight = seconds.saturating_sub(i64::from(offset_s));
    Span::from_start(Instant::from_seconds(midnight), SECONDS_PER_DAY)
}

/// Seconds ahead of UTC in a zone of the tz database at `at`; unknown names are `None`.
pub fn offset_at(zone_name: &str, at: Instant) -> Option<i32> {
    Some(
        zone(zone_name)?
            .to_offset(clamped_timestamp(at.seconds()))
            .seconds(),
    )
}

/// The instant of a nominal local time, such as a bed time of 22:30 (1350 minutes).
///
/// A time that a clock change skipped is moved on by the gap; of one that came twice the first is
/// meant, as RFC 5545 does. Minutes past midnight carry over into the next days.
pub fn local_to_instant(date: CivilDate, minutes_of_day: i32, zone_name: &str) -> Option<Instant> {
    let midnight = date.calendar().at(0, 0, 0, 0);
    let wall = midnight
        .checked_add(SignedDuration::from_mins(i64::from(minutes_of_day)))
        .ok()?;
    let at = zone(zone_name)?
        .to_ambiguous_timestamp(wall)
        .compatible()
        .ok()?;
    Some(Instant(at.as_microsecond()))
}

fn zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

fn day_of(seconds: i64) -> CivilDate {
    let days = seconds.div_euclid(SECONDS_PER_DAY);
    CivilDate(i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX }))
}

fn clamped_timestamp(seconds: i64) -> Timestamp {
    let seconds = seconds.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        Instant(text.parse::<Timestamp>().unwrap().as_microsecond())
    }

    #[test]
    fn a_date_is_the_day_on_the_local_clock() {
        let cases = [
            ("2026-03-01T23:30:00Z", 0, "2026-03-01"),
            ("2026-03-01T23:30:00Z", 3600, "2026-03-02"),
            ("2026-03-01T00:30:00Z", -3600, "2026-02-28"),
            ("1969-12-31T23:59:59Z", 0, "1969-12-31"),
        ];
        for (instant, offset_s, day) in cases {
            assert_eq!(
                local_date(at(instant), offset_s).to_string(),
                day,
                "{instant}"
            );
            assert_eq!(day.parse(), Ok(local_date(at(instant), offset_s)));
        }
    }

    #[test]
    fn text_that_is_no_date_is_refused() {
        for text in [
            "",
            "2026-13-01",
            "2026-1-1",
            "2026-02-30",
            "20260201",
            "2026-02-01T00",
        ] {
            assert_eq!(text.parse::<CivilDate>(), Err(NoCivilDate), "{text}");
        }
    }

    #[test]
    fn an_offset_follows_the_clock_changes_of_its_zone() {
        let cases = [
            ("Europe/Berlin", "2026-01-10T12:00:00Z", Some(3600)),
            ("Europe/Berlin", "2026-07-10T12:00:00Z", Some(7200)),
            ("America/Los_Angeles", "2026-07-10T12:00:00Z", Some(-25200)),
            ("Asia/Kathmandu", "2026-07-10T12:00:00Z", Some(20700)),
            ("Middle/Earth", "2026-07-10T12:00:00Z", None),
        ];
        for (name, instant, offset_s) in cases {
            assert_eq!(offset_at(name, at(instant)), offset_s, "{name}");
        }
    }

    #[test]
    fn a_skipped_local_time_moves_on_and_a_doubled_one_is_the_first() {
        let cases = [
            ("2026-03-29", 150, "2026-03-29T01:30:00Z"),
            ("2026-10-25", 150, "2026-10-25T00:30:00Z"),
            ("2026-06-01", 1350, "2026-06-01T20:30:00Z"),
            ("2026-06-01", 1470, "2026-06-01T22:30:00Z"),
        ];
        for (day, minutes, instant) in cases {
            let found = local_to_instant(day.parse().unwrap(), minutes, "Europe/Berlin");
            assert_eq!(found, Some(at(instant)), "{day} {minutes}");
        }
    }

    #[test]
    fn a_likeness_of_spans_is_what_they_share_of_what_they_cover() {
        let span = |from, to| Span::new(Instant::from_seconds(from), Instant::from_seconds(to));
        let cases = [
            (span(0, 100), span(0, 100), 1000),
            (span(0, 100), span(50, 150), 333),
            (span(0, 100), span(100, 200), 0),
            (span(0, 100), span(20, 100), 800),
            (span(5, 5), span(5, 5), 1000),
            (span(5, 5), span(6, 6), 0),
        ];
        for (one, other, permille) in cases {
            assert_eq!(one.iou_permille(other), permille, "{one:?} {other:?}");
            assert_eq!(other.iou_permille(one), permille);
        }
    }

    #[test]
    fn extreme_instants_saturate() {
        let all = Span::new(Instant(i64::MIN), Instant(i64::MAX));
        assert_eq!(all.length_us(), u64::MAX);
        assert_eq!(
            all.iou_permille(Span::new(Instant(i64::MIN), Instant(0))),
            500
        );
        assert_eq!(
            Instant::from_seconds(i64::MAX).plus_seconds(1),
            Instant(i64::MAX)
        );
        for instant in [i64::MIN, i64::MAX] {
            let day = local_date(Instant(instant), i32::MAX);
            assert!(!day.to_string().is_empty());
            assert!(offset_at("Europe/Berlin", Instant(instant)).is_some());
        }
        assert!(!CivilDate(i32::MAX).to_string().is_empty());
        let last = local_to_instant(CivilDate(i32::MAX), i32::MAX, "Europe/Berlin");
        assert_eq!(last, None);
    }
}
