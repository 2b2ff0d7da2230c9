//! Pairs of records, and whether they are one workout.

use super::super::Activity;
use super::*;
use crate::observation::{Device, ObservationId, Source, Writer};
use crate::sport::Sport;
use crate::time::Instant;

/// `source sport start_s length_s metres words…`; a word is `manual`, `indoor`, `whole`, `leg`, `hidden`,
/// `timer=s`, `moving=s`, `by=bundle`, `on=device` (with `_` for a blank), `id=n`, `account=n`, `file=n` or `of=n` (uploaded from that
/// Garmin activity).
pub(crate) fn activity(id: u128, line: &str) -> Activity {
    let words: Vec<&str> = line.split_whitespace().collect();
    let start = Instant::from_seconds(words[2].parse().unwrap());
    let span = Span::from_start(start, words[3].parse().unwrap());
    let sport = Sport::parse(words[1]).unwrap();
    let mut it = Activity::bare(ObservationId(id), Source::parse(words[0]), sport, span);
    it.distance_dm = words[4].parse().ok().map(|metres: i64| metres * 10);
    for word in &words[5..] {
        match word.split_once('=').unwrap_or((word, "")) {
            ("manual", _) => it.manual = true,
            ("indoor", _) => it.indoor = Some(true),
            ("whole", _) => it.container = true,
            ("hidden", _) => it.hidden_start = true,
            ("leg", _) => it.parent = Some(1),
            ("timer", seconds) => it.timer_s = Some(seconds.parse().unwrap()),
            ("by", bundle) => it.writer = Writer::of(bundle),
            ("on", device) => it.device = Device::of(&device.replace('_', " ")),
            ("id", id) => it.provider = id.parse().unwrap(),
            ("account", id) => it.account = id.parse().unwrap(),
            ("file", name) => it.external = Some(name.parse().unwrap()),
            ("of", id) => it.uploaded_from = Some((Source::Garmin, id.parse().unwrap())),
            ("moving", seconds) => it.moving_s = Some(seconds.parse().unwrap()),
            (other, _) => panic!("{other}"),
        }
    }
    it
}

/// `one | other => strength or -`, one pair a line.
fn check(cases: &str) {
    for case in cases.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (pair, expected) = case.split_once("=>").unwrap();
        let (one, other) = pair.split_once('|').unwrap();
        let (one, other) = (activity(1, one), activity(2, other));
        let found = likeness(&one, &other);
        assert_eq!(
            found,
            likeness(&other, &one),
            "not alike from both sides: {case}"
        );
        let said = found.map_or("-".to_owned(), |found| format!("{:?}", found.strength));
        assert_eq!(said, expected.trim(), "{case}");
    }
}

#[test]
fn copies_of_one_run_are_linked() {
    check(
        "garmin run 0 2701 8123 | strava run 0 2760 8120 => Strong
         garmin run 0 2701 8123 | strava run 90 2650 8300 => Strong
         garmin run 0 2701 8123 | strava trail_run 0 2701 8123 => Strong
         garmin run 0 2701 8123 | healthkit run 0 2760 8120 by=com.garmin.connect.mobile => Copy
         garmin run 0 2701 8123 | healthkit other 3 4000 1 by=com.garmin.connect.mobile => Copy
         garmin run 0 2701 8123 | healthkit run 110 2600 8000 by=com.apple.health.7 => Strong",
    );
}

#[test]
fn like_lengths_are_compared_where_one_side_hides_its_pauses() {
    check(
        "garmin road_ride 0 3600 30000 timer=3600 | strava road_ride 0 5400 30000 timer=3590 => Strong
         garmin road_ride 0 3600 30000 timer=3600 | strava road_ride 0 5400 30000 => Weak
         garmin road_ride 0 3600 30000 timer=3600 | strava road_ride 0 5400 36000 => -
         garmin road_ride 0 3600 30000 timer=3600 | strava road_ride 0 5400 25000 => -",
    );
}

#[test]
fn less_alike_pairs_are_linked_weakly() {
    check(
        "garmin run 0 3600 10000 | healthkit run 250 3300 8700 by=com.apple.health.7 => Weak
         garmin run 0 3600 10000 | strava road_ride 0 3600 10000 => Weak
         garmin run 0 3600 10000 | strava run 301 3600 10000 => -
         garmin run 0 3600 10000 | strava run 0 3600 8000 => -
         garmin run 0 3600 10000 manual | strava run 0 3600 8000 => Strong
         garmin treadmill 0 3600 10000 indoor | strava run 0 3600 8000 => Strong
         garmin run 0 3600 - | strava run 0 3600 8000 => Strong",
    );
}

#[test]
fn what_was_started_late_or_ended_early_is_linked_weakly() {
    check(
        "garmin run 0 3600 10000 | healthkit run 600 3000 8400 => Weak
         garmin run 0 7200 20000 | healthkit run 5 4320 12000 => Weak
         garmin run 0 7200 20000 | healthkit run 5 3500 9700 => -
         garmin run 0 7200 20000 | healthkit run 5 4320 16000 => -
         garmin run 0 7200 20000 | healthkit run 1000 4320 12000 => -
         garmin run 0 1886 5065 | healthkit run 6 2436 5167 => Weak
         garmin run 0 1886 5065 | healthkit run 6 2436 4000 => -
         garmin road_ride 0 11756 76507 | healthkit road_ride 805 11116 72837 => Weak
         garmin walk 0 781 1066 | healthkit walk 81 631 858 => Weak
         garmin walk 0 781 1066 | healthkit run 81 631 858 => -
         garmin strength 0 3600 - | healthkit strength 200 3250 - => Weak
         garmin run 0 3600 10000 on=fr965 | garmin run 600 3000 8400 on=fr965 => -
         garmin run 0 3600 10000 | healthkit run 350 3600 10000 manual => Weak
         garmin run 0 3600 10000 | healthkit run 650 3600 10000 manual => -",
    );
}

#[test]
fn a_family_that_says_nothing_needs_the_same_time() {
    check(
        "garmin run 0 3600 - | strava other 0 3600 - => Strong
         garmin run 0 3600 - | strava cardio 100 3300 - => Weak
         garmin run 0 3600 - | strava other 200 3400 - => Weak
         garmin run 0 3600 - | strava other 290 2880 - => -
         garmin indoor_ride 0 3600 20000 | garmin other -130 3730 - => Weak
         garmin walk 0 3600 6000 | strava run 0 3600 6000 => Strong
         garmin walk 0 3600 6000 | strava run 250 3300 6000 => -",
    );
}

#[test]
fn one_device_starts_one_recording_at_a_time() {
    check(
        "garmin run 0 3600 10000 on=fr965 | strava run 1 3600 7000 on=fr965 => Recording
         garmin run 0 3600 10000 on=fr965 | strava road_ride 0 2400 7000 on=fr965 => Strong
         garmin run 0 3600 10000 on=fr965 | strava run 3 3600 7000 on=fr965 => -
         garmin run 0 3600 10000 on=fr965 | strava run 0 1000 2000 on=fr965 => -
         garmin run 0 3600 10000 on=fr965 | strava run 0 3600 7000 on=edge530 => -
         healthkit run 0 900 2500 on=Watch7,2 | strava run 0 900 2100 on=AppleWatchSeries9 => -
         healthkit run 0 900 2500 on=Watch7,2 | strava run 0 900 2100 on=Apple_Watch_Series_9 => Recording",
    );
}

#[test]
fn a_file_is_one_recording_wherever_it_went() {
    check(
        "garmin run 0 3600 10000 id=7 | strava run 900 2000 5000 of=7 => Copy
         garmin run 0 3600 10000 id=8 | strava run 900 2000 5000 of=7 => -
         strava run 0 3600 10000 file=7 | file run 600 1800 5000 file=7 => Copy
         strava run 0 3600 10000 file=7 | file run 3700 3600 10000 file=7 => -",
    );
}

#[test]
fn what_cannot_be_one_workout_is_not() {
    check(
        "garmin run 0 600 2000 | strava run 690 600 2000 => -
         garmin run 0 200 - | healthkit run 205 200 - by=com.garmin.connect.mobile => -
         garmin run 0 3600 - on=fr965 | garmin run 250 3300 - on=fr965 => -
         garmin run 0 3600 - on=fr965 | garmin run 250 3300 - on=edge => Weak
         garmin run 0 3600 - on=fr965 | garmin run 0 3600 - on=fr965 => Recording
         garmin multisport 0 7200 - whole | strava run 0 7200 - => -
         garmin multisport 0 7200 - whole | healthkit multisport 10 7190 - => Strong
         garmin run 0 3600 - leg | garmin run 60 3600 - leg => -
         garmin run 0 3600 - leg | strava run 0 3600 - => Strong
         garmin run 0 3600 - manual | strava run 3600 3600 - => -",
    );
}

#[test]
fn the_rules_describe_themselves() {
    assert!(THRESHOLDS.describe().contains("strong_iou_permille: 800"));
}
