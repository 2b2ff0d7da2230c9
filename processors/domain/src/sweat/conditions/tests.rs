//! What the air does to a forecast: widths and flags, row by row.

use std::collections::BTreeSet;

use super::*;
use crate::observation::ObservationId;
use crate::profile::{Test, TestKind, posterior};
use crate::time::Instant;
use crate::units::{LogMean, LogSd, Seconds};

fn tested(celsius: &[Option<f64>]) -> Posterior {
    let tests: Vec<Test> = celsius
        .iter()
        .zip(1..)
        .map(|(air, key)| Test {
            at: Instant(0),
            observation: ObservationId(key),
            kind: TestKind::WeighIn,
            log_ratio: LogMean::clamped(0),
            log_sd: LogSd::clamped(100_000),
            family: Family::Run,
            duration: Seconds::clamped(3_600),
            air_temp: air.and_then(AirTemperature::from_celsius),
        })
        .collect();
    posterior(&tests, Instant(0))
}

fn outdoor(celsius: f64, percent: Option<f64>) -> Conditions {
    Conditions::outdoor(
        AirTemperature::from_celsius(celsius),
        percent.and_then(Humidity::from_percent),
    )
}

fn flags(conditions: Conditions, tests: &Posterior, family: Family) -> BTreeSet<&'static str> {
    conditions
        .flags(tests, family)
        .into_iter()
        .filter(|word| word.0)
        .map(|word| word.1.as_str())
        .collect()
}

/// Degrees and percent outdoors, or a word; then the degrees of the tests.
fn check(table: &str) {
    for row in table.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let number = |word: &str| word.parse::<f64>().ok();
        let air: Vec<&str> = cells[0].split(' ').collect();
        let conditions = match air[0] {
            "indoor" => Conditions::INDOOR,
            "pending" => Conditions::PENDING,
            "missing" => Conditions::MISSING,
            "untold" => Conditions::outdoor(None, None),
            celsius => outdoor(number(celsius).unwrap(), number(air[1])),
        };
        let tests: Vec<Option<f64>> = cells[1].split(' ').map(number).collect();
        let family = Family::parse(cells[2]).unwrap();
        let sd = conditions.log_variance(&tested(&tests), family).sqrt();
        assert!((sd - number(cells[3]).unwrap()).abs() < 1e-4, "{row}: {sd}");
        let words: BTreeSet<&str> = cells[4].split_whitespace().collect();
        assert_eq!(flags(conditions, &tested(&tests), family), words, "{row}");
    }
}

#[test]
fn each_condition_has_its_flags_and_its_width() {
    let (run, ride) = (Family::Run.as_str(), Family::Ride.as_str());
    check(&format!(
        "20 50    | 20     | {run}  | 0      |
         24 50    | 20     | {run}  | 0.06   |
         25 50    | 20     | {run}  | 0.075  |
         25.1 50  | 20     | {run}  | 0.0765 | outside_envelope
         10 -     | 20     | {run}  | 0.15   | outside_envelope
         15 -     | 20     | {run}  | 0.075  |
         15.1 -   | 20     | {run}  | 0.0889 | humidity_missing
         20 50    | 20     | {ride} | 0.1    | outside_envelope
         29 50    | 5 30 - | {run}  | 0.015  |
         28.1 76  | 5 30 - | {run}  | 0.0285 | outside_envelope
         28 76    | 5 30 - | {run}  | 0.03   |
         28.1 75  | 5 30 - | {run}  | 0.0285 |
         20 50    | -      | {run}  | 0.12   |
         10 50    | -      | {run}  | 0.12   | outside_envelope
         pending  | 20     | {run}  | 0.12   | weather_pending
         missing  | 20     | {run}  | 0.12   | weather_missing
         untold   | 20     | {run}  | 0.12   | weather_missing
         indoor   | 20     | {run}  | 0      |
         indoor   | 20     | {ride} | 0.1    | outside_envelope"
    ));
}

#[test]
fn without_tests_only_air_that_nobody_was_measured_in_is_outside() {
    let nobody = tested(&[]);
    for (celsius, outside) in [(14.9, true), (15.0, false), (46.0, false), (46.1, true)] {
        let conditions = outdoor(celsius, Some(40.0));
        let told = flags(conditions, &nobody, Family::Ride);
        assert_eq!(told.contains("outside_envelope"), outside, "{celsius}");
    }
}

#[test]
fn indoors_the_weather_does_not_matter_whatever_is_told() {
    let told = Conditions {
        indoor: true,
        ..outdoor(40.0, Some(90.0))
    };
    assert_eq!(told.state(), WeatherState::NotNeeded);
    assert_eq!(
        flags(told, &tested(&[Some(5.0)]), Family::Run),
        BTreeSet::new()
    );
    assert_eq!(told.log_variance(&tested(&[Some(5.0)]), Family::Run), 0.0);
}
