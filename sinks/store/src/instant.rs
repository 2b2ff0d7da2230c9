//! Instants as people and JSON read them: RFC 3339 in UTC with `Z`.
//!
//! Written by hand because it is on the path of every row and needs no calendar but the Gregorian one.

use schemas::record::Micros;

const MICROS_PER_S: i64 = 1_000_000;
const S_PER_DAY: i64 = 86_400;
/// Days from 0000-03-01 to 1970-01-01. A year that begins in March has its leap day at the end.
const DAYS_TO_EPOCH: i64 = 719_468;
/// 400 Gregorian years.
const DAYS_PER_ERA: i64 = 146_097;
/// RFC 3339 has four digits for the year.
const MIN: i64 = -62_167_219_200 * MICROS_PER_S;
const MAX: i64 = 253_402_300_800 * MICROS_PER_S - 1;

/// `2026-11-21T06:00:00Z`, with as many decimals (0 or up to 6) as are not zero. Instants outside of
/// the years 0000 to 9999 are shown as the nearest that RFC 3339 can say.
pub fn rfc3339(at: Micros) -> String {
    let mut text = String::with_capacity(27);
    push_rfc3339(&mut text, at);
    text
}

pub(crate) fn push_rfc3339(text: &mut String, at: Micros) {
    let micros = at.0.clamp(MIN, MAX);
    let seconds = micros.div_euclid(MICROS_PER_S);
    let fraction = micros.rem_euclid(MICROS_PER_S);
    let (year, month, day) = civil(seconds.div_euclid(S_PER_DAY));
    let of_day = seconds.rem_euclid(S_PER_DAY);
    push_digits(text, year, 4);
    text.push('-');
    push_digits(text, month, 2);
    text.push('-');
    push_digits(text, day, 2);
    text.push('T');
    push_digits(text, of_day / 3_600, 2);
    text.push(':');
    push_digits(text, of_day / 60 % 60, 2);
    text.push(':');
    push_digits(text, of_day % 60, 2);
    if fraction != 0 {
        text.push('.');
        push_digits(text, fraction, 6);
        text.truncate(text.trim_end_matches('0').len());
    }
    text.push('Z');
}

/// Year and month of an instant in UTC.
pub(crate) fn civil_month(at: Micros) -> (i64, i64) {
    let seconds = at.0.clamp(MIN, MAX).div_euclid(MICROS_PER_S);
    let (year, month, _) = civil(seconds.div_euclid(S_PER_DAY));
    (year, month)
}

/// Midnight of a month's first day in UTC: the inverse of `civil` for that day.
pub(crate) fn month_start(year: i64, month: i64) -> Micros {
    let (of_march, year) = match month {
        1 | 2 => (month + 9, year - 1),
        _ => (month - 3, year),
    };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    // Months from March on have 153 days in every five.
    let of_year = (153 * of_march + 2) / 5;
    let days = era * DAYS_PER_ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    Micros((days - DAYS_TO_EPOCH) * S_PER_DAY * MICROS_PER_S)
}

/// Year, month and day of a count of days since 1970-01-01.
fn civil(days_since_epoch: i64) -> (i64, i64, i64) {
    let days = days_since_epoch + DAYS_TO_EPOCH;
    let era = days.div_euclid(DAYS_PER_ERA);
    let of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months from March on have 153 days in every five.
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

fn push_digits(text: &mut String, value: i64, width: u32) {
    for place in (0..width).rev() {
        let digit = value / 10_i64.pow(place) % 10;
        text.push(char::from(b'0' + u8::try_from(digit).unwrap_or(0)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_utc_with_z_and_no_needless_zeros() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00Z"),
            (1_763_625_662_500_000, "2025-11-20T08:01:02.5Z"),
            (1_767_225_599_000_001, "2025-12-31T23:59:59.000001Z"),
            (i64::MAX, "9999-12-31T23:59:59.999999Z"),
            (i64::MIN, "0000-01-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(Micros(micros)), text);
        }
    }
}
