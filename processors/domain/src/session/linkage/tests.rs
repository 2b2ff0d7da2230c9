//! Sets of records, and the sessions that they make.

mod drawn;

use super::super::matching::tests::activity;
use super::*;
use crate::observation::ObservationId;
use crate::session::OverrideKind;
use crate::time::Instant;

/// Groups as text: ids of members joined by `+`, groups by a blank.
fn told(activities: &[Activity], overrides: &[Override]) -> String {
    let ids = |group: &Group| {
        let ids: Vec<String> = group
            .members
            .iter()
            .map(|index| activities[*index].id.0.to_string())
            .collect();
        ids.join("+")
    };
    let groups = group(activities, overrides);
    let names: Vec<String> = groups.iter().map(ids).collect();
    let with_candidates = |(name, group): (&String, &Group)| {
        let suspects = group
            .candidates
            .iter()
            .map(|one| format!("~{}", names[one.group]));
        name.clone() + &suspects.collect::<String>()
    };
    names
        .iter()
        .zip(&groups)
        .map(with_candidates)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Lines of records, numbered from 1, and the groups expected.
fn check(lines: &str, overrides: &[Override], expected: &str) {
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut activities: Vec<Activity> = (1..).zip(lines).map(|(id, it)| activity(id, it)).collect();
    assert_eq!(told(&activities, overrides), expected);
    activities.reverse();
    assert_eq!(told(&activities, overrides), expected, "in reverse order");
}

fn word(kind: OverrideKind, ids: &[u128], at: i64) -> Override {
    let ids = ids.iter().map(|id| ObservationId(*id)).collect();
    let at = Instant(at);
    Override {
        kind,
        ids,
        at,
        received_at: at,
        id: ObservationId(at.0.unsigned_abs().into()),
    }
}

#[test]
fn one_run_that_arrived_four_times_is_one_session() {
    check(
        "garmin run 0 2701 8123 on=fr965
         strava run 0 2760 8120 on=fr965
         healthkit run 1 2760 8120 by=com.garmin.connect.mobile
         healthkit run 100 2600 8000 by=com.apple.health.7",
        &[],
        "1+2+3+4",
    );
}

#[test]
fn two_short_sessions_in_a_row_stay_two() {
    check(
        "garmin run 0 600 2000
         garmin run 690 600 2000
         strava run 0 600 2000
         strava run 690 600 2000",
        &[],
        "1+3 2+4",
    );
}

#[test]
fn a_record_between_two_does_not_chain_them_together() {
    // 2 is weakly like both 1 and 3, which are not alike: the better link has it.
    check(
        "garmin run 0 1000 -
         strava run 250 1000 -
         file run 490 1000 -",
        &[],
        "1~2+3 2+3~1",
    );
}

#[test]
fn a_race_is_its_legs_and_a_whole() {
    let lines = [
        "garmin multisport 0 9000 - whole",
        "garmin open_water 0 1800 - leg",
        "garmin road_ride 1900 4000 - leg",
        "garmin run 6000 3000 - leg",
        "strava road_ride 1900 4000 -",
    ];
    let mut race: Vec<Activity> = (1..).zip(lines).map(|(id, it)| activity(id, it)).collect();
    race[0].provider = 1;
    assert_eq!(told(&race, &[]), "2 1 3+5 4");
    let groups = group(&race, &[]);
    assert_eq!(
        legs(&groups, &race),
        [vec![], vec![0, 2, 3], vec![], vec![]]
    );
}

#[test]
fn the_user_merges_and_splits_and_the_last_word_counts() {
    let lines = "garmin run 0 600 2000
         garmin run 690 600 2000
         strava run 0 600 2000
         strava run 9100 600 2000";
    use OverrideKind::{Merge, Split};
    check(lines, &[word(Merge, &[1, 2], 1)], "1+3+2 4");
    check(lines, &[word(Merge, &[1, 4], 1)], "1+3+4 2");
    check(lines, &[word(Split, &[1, 3], 1)], "1 3 2 4");
    check(
        lines,
        &[word(Split, &[1, 3], 1), word(Merge, &[1, 3], 2)],
        "1+3 2 4",
    );
    check(
        lines,
        &[word(Merge, &[1, 3], 2), word(Split, &[3, 1], 3)],
        "1 3 2 4",
    );
    check(lines, &[word(Merge, &[1, 99], 2)], "1+3 2 4");
}

#[test]
fn a_group_is_as_sure_as_its_weakest_pair() {
    let pair = |line: &str| {
        let all = [activity(1, "garmin run 0 3600 10000"), activity(2, line)];
        group(&all, &[])
            .iter()
            .map(|group| group.confidence_pct)
            .collect::<Vec<_>>()
    };
    assert_eq!(pair("strava run 0 3600 10000"), [95]);
    assert_eq!(pair("strava run 250 3300 10000"), [60]);
    assert_eq!(
        pair("healthkit run 0 3600 10000 by=com.garmin.connect.mobile"),
        [100]
    );
    assert_eq!(pair("strava run 9000 3600 10000"), [100, 100]);
}

#[test]
fn copies_of_one_recording_count_as_one() {
    // A privacy zone cuts a fifth off the copy at Strava; whatever agrees with the original is in.
    let cut = "garmin run 0 900 2500 on=fr965
         strava run 0 900 2000 on=fr965";
    for third in [
        "healthkit run 0 900 2500 by=com.garmin.connect.mobile",
        "healthkit run 20 880 2480 by=com.apple.health.7",
        "healthkit run 0 900 2000 by=com.strava.stravaride",
    ] {
        check(&format!("{cut}\n{third}"), &[], "1+2+3");
    }
    // A copy that does not say that it was indoors; one that says another sport.
    check(
        "garmin treadmill 0 2400 6000 indoor on=fr965
         strava run 0 2400 6005 on=fr965
         strava run 20 2380 7200 on=iphone",
        &[],
        "1+2+3",
    );
    check(
        "garmin run 0 1200 4000
         healthkit other 0 1200 4000 by=com.garmin.connect.mobile
         garmin run 1260 1500 5000
         healthkit run 1260 1500 5000 by=com.garmin.connect.mobile
         healthkit run -30 2800 9050 by=com.apple.health.7",
        &[],
        "5+1+2+3+4",
    );
    // Pieces that only a service tells of, and what it wrote into Health.
    check(
        "healthkit road_ride 0 5422 37090 by=com.strava.stravaride
         strava road_ride 0 5422 37138 on=coros
         healthkit road_ride 53 10779 72049 by=com.apple.health.7
         strava road_ride 5485 5379 36885 on=coros
         healthkit road_ride 5485 5379 36930 by=com.strava.stravaride",
        &[],
        "1+2+3+4+5",
    );
    check(
        "strava e_bike -57 5643 37831 on=android
         strava road_ride -4 11934 64371 on=fr965 moving=9445
         garmin road_ride -4 9463 64318 on=fr965 timer=9463
         strava road_ride 8105 3817 26550 on=android",
        &[],
        "1+3+2+4",
    );
    // Two halves that a user made of it at Strava are its pieces, though one starts with it.
    check(
        "garmin road_ride 0 5647 40356 on=fr965
         strava road_ride 0 3196 22919 on=fr965
         strava road_ride 3203 2442 17459 on=fr965",
        &[],
        "2+1+3",
    );
    // One copy of two recordings does not make them one.
    check(
        "garmin run 0 3600 10000 on=fr965
         healthkit run 2 3600 10000 by=com.garmin.connect.mobile
         garmin road_ride 4 900 9000 on=edge",
        &[],
        "1+2 3",
    );
}

#[test]
fn the_word_of_a_user_parts_a_copy_from_its_recording() {
    let lines = "garmin run 0 900 2500 on=fr965
         strava run 0 900 2000 on=fr965
         healthkit run 0 900 2500 by=com.garmin.connect.mobile";
    check(lines, &[word(OverrideKind::Split, &[1, 2], 1)], "1+3 2");
}

#[test]
fn two_of_one_sport_at_one_time_are_suspected() {
    check(
        "garmin run 0 3600 10000
         healthkit run 500 2000 9000 by=com.apple.health.7
         strava road_ride 900 1500 9000",
        &[],
        "1~2 2~1 3",
    );
    check(
        "garmin run 0 3600 10000
         healthkit run 3000 3600 9000 by=com.apple.health.7",
        &[],
        "1 2",
    );
}

#[test]
fn a_recording_in_pieces_is_one_side_of_the_whole() {
    // Stopped and started again on the watch, with copies of the pieces; the phone ran through.
    check(
        "garmin run 0 1800 5000 timer=1800
         garmin run 2100 1700 4800 timer=1700
         strava run 0 1800 5000
         healthkit run 10 3800 9800 timer=3500 by=com.apple.health.7",
        &[],
        "1+3+4+2",
    );
    // A piece that is nearly the whole does not take the whole away from the other piece.
    check(
        "garmin run 0 5100 15000
         garmin run 5200 700 2000
         healthkit run 0 5900 17000 by=com.apple.health.7",
        &[],
        "1+3+2",
    );
    // Two runs and a recording of one of them; a long one that is not their sum.
    check(
        "garmin run 0 1800 5000
         garmin run 1890 1800 5000
         healthkit run 0 1800 5000 by=com.apple.health.7",
        &[],
        "1+3 2",
    );
    check(
        "garmin run 0 1800 5000
         garmin run 6000 1800 5000
         healthkit run 0 7800 20000 by=com.apple.health.7",
        &[],
        "1~3 3~1~2 2~3",
    );
    // Without a whole there is no side.
    check(
        "garmin run 0 1800 5000\ngarmin run 1830 1800 5000",
        &[],
        "1 2",
    );
}

#[test]
fn a_race_of_which_nobody_names_the_legs_holds_what_lies_in_it() {
    let lines = [
        "healthkit multisport 0 9000 - by=com.apple.health.7",
        "strava open_water 0 1800 1500",
        "strava road_ride 1900 4000 40000",
        "strava run 6000 2990 10000",
        "garmin other 5 8990 51000",
        "strava run 9100 1200 3000",
    ];
    let race: Vec<Activity> = (1..).zip(lines).map(|(id, it)| activity(id, it)).collect();
    assert_eq!(told(&race, &[]), "2 1+5 3 4 6");
    assert_eq!(legs(&group(&race, &[]), &race)[1], [0, 2, 3]);
}

#[test]
fn a_clock_in_a_wrong_zone_is_suspected_and_never_joined() {
    let lines = "garmin run 0 3600 10000
         strava run 7204 3600 10010";
    check(lines, &[], "1~2 2~1");
    check(lines, &[word(OverrideKind::Split, &[1, 2], 1)], "1 2");
    check(lines, &[word(OverrideKind::Merge, &[1, 2], 1)], "1+2");
    // A source that tells both tells of two runs; half an hour of slack is no zone.
    check(
        "garmin run 0 3600 10000\ngarmin run 7200 3600 10000",
        &[],
        "1 2",
    );
    check(
        "garmin run 0 3600 10000\nstrava run 7260 3600 10000",
        &[],
        "1 2",
    );
    check(
        "garmin run 0 3600 10000\nstrava run 54000 3600 10000",
        &[],
        "1 2",
    );
}

#[test]
fn a_split_of_one_sets_it_apart_from_all() {
    use OverrideKind::Split;
    let lines = "garmin run 0 600 2000
         strava run 0 600 2000
         healthkit run 0 600 2000";
    check(lines, &[word(Split, &[2], 1)], "1+3 2");
    check(lines, &[word(Split, &[2, 99], 1)], "1+2+3");
}

#[test]
fn a_merge_holds_over_any_distance() {
    let lines = "garmin run 0 600 2000\nstrava run 900000 600 2000";
    check(lines, &[word(OverrideKind::Merge, &[1, 2], 1)], "1+2");
}

#[test]
fn ties_say_what_holds_a_group_together() {
    let lines = [
        "garmin run 0 3600 10000 on=fr965",
        "strava run 0 3600 8000 on=fr965",
        "healthkit run 100 3500 10000 by=com.apple.health.7",
    ];
    let all: Vec<Activity> = (1..).zip(lines).map(|(id, it)| activity(id, it)).collect();
    let word = word(OverrideKind::Merge, &[2, 3], 1);
    let ties: Vec<_> = group(&all, &[word])[0]
        .ties
        .iter()
        .map(|tie| (tie.member, tie.with, tie.rule))
        .collect();
    assert_eq!(ties, [(1, 0, "device_and_start"), (2, 1, "user")]);
}

#[test]
fn blocks_are_apart_by_more_than_a_quarter_of_an_hour() {
    let lines = [
        "garmin run 0 600 -",
        "garmin run 1500 600 -",
        "garmin run 3001 600 -",
    ];
    let all: Vec<Activity> = (1..).zip(lines).map(|(id, it)| activity(id, it)).collect();
    assert_eq!(blocks(&all), [vec![0, 1], vec![2]]);
}
