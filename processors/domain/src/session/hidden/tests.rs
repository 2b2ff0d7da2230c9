//! Records without a start, and the sessions of their day.

use super::super::matching::tests::activity;
use super::super::{Override, OverrideKind, compose, group, likeness};
use super::*;
use crate::observation::ObservationId;
use crate::time::Instant;

/// The middle of day 0 at UTC is second 43,200.
const RUN: &str = "garmin run 43200 2700 8000 on=fr965";
const HIDDEN: &str = "strava run 1 2700 8000 on=fr965 hidden";

fn records(lines: &[&str]) -> Vec<Activity> {
    (1..)
        .zip(lines)
        .map(|(id, line)| activity(id, line))
        .collect()
}

/// Groups as `1+2 3`, then the candidates as `1~2`, in both orders of the input.
fn check(lines: &[&str], words: &[Override], expected: &str) {
    let mut all = records(lines);
    assert_eq!(told(&all, words), expected);
    all.reverse();
    assert_eq!(told(&all, words), expected, "in reverse order");
}

fn told(all: &[Activity], words: &[Override]) -> String {
    let groups = group(all, words);
    let id = |index: &usize| all[*index].id.0.to_string();
    let names: Vec<String> = groups
        .iter()
        .map(|group| group.members.iter().map(id).collect::<Vec<_>>().join("+"))
        .collect();
    let mut said = names.clone();
    for (at, group) in groups.iter().enumerate() {
        for candidate in &group.candidates {
            assert_eq!(candidate.rule, RULE);
            let back = &groups[candidate.group].candidates;
            assert!(back.iter().any(|one| one.group == at), "one-sided");
            if at < candidate.group {
                said.push(format!("{}~{}", names[at], names[candidate.group]));
            }
        }
    }
    said.join(" ")
}

fn word(kind: OverrideKind, ids: &[u128]) -> Override {
    Override {
        kind,
        ids: ids.iter().map(|id| ObservationId(*id)).collect(),
        at: Instant(1),
        received_at: Instant(1),
        id: ObservationId(99),
    }
}

#[test]
fn a_hidden_start_joins_the_one_session_of_its_day_that_fits() {
    let other_day = "garmin run 129600 2700 8000 on=fr965";
    check(&[RUN, HIDDEN], &[], "2+1");
    check(&[RUN, HIDDEN, other_day], &[], "2+1 3");
    check(
        &[RUN, HIDDEN, "garmin run 60000 3600 12000 on=fr965"],
        &[],
        "2+1 3",
    );
    check(
        &[RUN, HIDDEN, "healthkit run 43290 2690 7900 on=Watch7,2"],
        &[],
        "2+1+3",
    );
    let groups = group(&records(&[RUN, HIDDEN]), &[]);
    assert_eq!(groups[0].confidence_pct, THRESHOLDS.confidence_weak_pct);
}

#[test]
fn a_device_may_go_by_another_name_or_by_none() {
    let of_watch = "strava run 1 2700 8000 on=Apple_Watch_Series_9 hidden";
    check(
        &["healthkit run 43200 2700 8000 on=Watch7,2", of_watch],
        &[],
        "2+1",
    );
    // What Strava wrote into Health is of its own upload.
    let written = "healthkit run 43200 2700 8000 by=com.strava.stravaride";
    check(&[written, HIDDEN], &[], "2+1");
    // A second upload of the account, by the phone.
    let phone = "strava run 43230 2650 7900 on=Strava_iPhone_App";
    check(&[RUN, HIDDEN, phone], &[], "2+1+3");
}

#[test]
fn a_hidden_start_that_fits_several_or_not_surely_is_a_candidate() {
    let second = "garmin run 60000 2690 8010 on=fr965";
    check(&[RUN, second, HIDDEN], &[], "3 1 2 3~1 3~2");
    check(&[RUN, HIDDEN, HIDDEN], &[], "2 3 1 2~1 3~1");
    // Untold device or distance; told ones that differ.
    check(&[RUN, "strava run 1 2700 8000 hidden"], &[], "2 1 2~1");
    check(
        &[RUN, "strava run 1 2700 - on=fr965 hidden"],
        &[],
        "2 1 2~1",
    );
    check(
        &[RUN, "strava run 1 2700 8000 on=edge hidden"],
        &[],
        "2 1 2~1",
    );
    check(&[RUN, "strava run 1 2700 - on=edge hidden"], &[], "2 1");
    check(&[RUN, "strava run 1 2700 8165 on=fr965 hidden"], &[], "2 1");
    check(&[RUN, "strava run 1 2756 8000 on=fr965 hidden"], &[], "2 1");
    check(&[RUN, "strava run 1 2755 8163 on=fr965 hidden"], &[], "2+1");
}

#[test]
fn a_hidden_start_is_compared_with_all_that_the_session_tells() {
    // The push knows the timer, the copy the elapsed time; 2434 beside 2385 is more than 2 %.
    let push = "garmin run 43200 2434 8000 on=fr965 timer=2434";
    let copy = "healthkit run 43200 2487 8000 by=com.garmin.connect.mobile timer=2434";
    let hidden = "strava run 1 2486 8000 on=fr965 hidden moving=2385";
    check(&[push, hidden], &[], "2 1");
    check(&[push, copy, hidden], &[], "3+1+2");
    // A second watch is no witness of the first one's way.
    let far = "healthkit run 43230 2480 8300 by=com.apple.health.7 on=Watch7,2";
    check(&[push, copy, far, hidden], &[], "4+1+2+3");
}

#[test]
fn indoors_a_copy_still_says_the_way_of_its_original() {
    let belt = "garmin treadmill 43200 2700 8000 on=fr965 indoor";
    check(
        &[belt, "strava treadmill 1 2700 8005 on=fr965 hidden indoor"],
        &[],
        "2+1",
    );
    check(
        &[belt, "strava treadmill 1 2700 9000 on=fr965 hidden indoor"],
        &[],
        "2 1",
    );
    // Of two devices it is no measurement, so nothing is known of it.
    let other = "healthkit treadmill 43200 2700 9000 by=com.apple.health.7 indoor";
    check(
        &[other, "strava treadmill 1 2700 8000 on=fr965 hidden indoor"],
        &[],
        "2 1 2~1",
    );
}

#[test]
fn where_nobody_covers_a_way_the_length_decides() {
    let lift = "garmin strength 43200 2700 - on=fr965";
    let hidden = "strava strength 1 2690 - on=fr965 hidden";
    check(&[lift, hidden], &[], "2+1");
    check(&[lift, "strava run 1 2690 - on=fr965 hidden"], &[], "2+1");
    check(
        &[
            "garmin yoga 43200 2700 - on=fr965",
            "strava run 1 2690 - on=fr965 hidden",
        ],
        &[],
        "2 1 2~1",
    );
    let second = "garmin strength 60000 2695 - on=fr965";
    check(&[lift, second, hidden], &[], "3 1 2 3~1 3~2");
}

#[test]
fn a_hidden_start_may_be_one_piece_of_a_recording() {
    let whole = "healthkit run 43190 3100 9700 by=com.apple.health.7 on=Watch7,2 timer=2990";
    let first = "garmin run 43200 1400 4600 on=fr965";
    let second = "garmin run 44660 1540 5100 on=fr965";
    let hidden = "strava run 1 1400 4600 on=fr965 hidden id=1";
    let other = "strava run 1 1540 5100 on=fr965 hidden id=2";
    check(&[whole, first, second], &[], "1+2+3");
    check(&[whole, first, second, hidden], &[], "4+1+2+3");
    check(&[whole, first, second, hidden, other], &[], "4+5+1+2+3");
    // Two for one piece: neither can be told from the other.
    let again = "strava run 1 1400 4610 on=fr965 hidden id=2";
    check(
        &[whole, first, second, hidden, again],
        &[],
        "4 5 1+2+3 4~1+2+3 5~1+2+3",
    );
}

#[test]
fn a_session_with_a_record_of_the_same_account_is_only_a_candidate() {
    check(
        &[RUN, "strava run 43200 2700 8000 on=fr965", HIDDEN],
        &[],
        "3 1+2 3~1+2",
    );
}

#[test]
fn the_users_word_stands_above_a_hidden_start() {
    use OverrideKind::{Merge, Split};
    let second = "garmin run 60000 2690 8010 on=fr965";
    check(&[RUN, HIDDEN], &[word(Split, &[1, 2])], "2 1");
    check(&[RUN, second, HIDDEN], &[word(Merge, &[2, 3])], "3+2 1");
    check(&[RUN, second, HIDDEN], &[word(Split, &[2, 3])], "3+1 2");
}

#[test]
fn two_hidden_starts_are_no_evidence_for_each_other() {
    let pair = records(&[HIDDEN, "garmin run 1 2700 8000 on=fr965"]);
    assert_eq!(likeness(&pair[0], &pair[1]), None);
    check(&[HIDDEN, HIDDEN], &[], "1 2");
}

#[test]
fn the_day_is_that_of_the_local_clock() {
    // 00:00:01 at UTC+2 is 22:00:01 of the day before at UTC.
    let mut all = records(&[
        "strava run -7199 2700 8000 on=fr965 hidden",
        "garmin run 78000 2700 8000 on=fr965",
        "garmin run 80000 2700 8000 on=fr965",
    ]);
    all[0].utc_offset_s = Some(7200);
    // 21:40 UTC is still the same local day; 22:13 is the next.
    assert_eq!(told(&all, &[]), "1+2 3");
    assert_eq!(reach(&all[0]).start().seconds(), -7200);
    assert_eq!(reach(&all[0]).end().seconds(), 79_200);
    assert_eq!(reach(&all[1]), all[1].span);
}

#[test]
fn a_hidden_start_never_tells_when_the_session_was() {
    let mut all = records(&[
        "app run 43200 2700 8000 manual",
        "strava run 1 2760 8000 on=fr965 hidden timer=2700",
    ]);
    all[1].power_avg_dw = Some(2500);
    let both: Vec<&Activity> = all.iter().collect();
    let session = compose(&both, None).unwrap();
    assert_eq!(
        (session.start.seconds(), session.end.seconds()),
        (43_200, 45_900)
    );
    assert_eq!(session.elapsed_s, 2700);
    assert_eq!(session.power_avg_dw, Some(2500));
    let start = session.provenance.iter().find(|one| one.field == "start");
    assert!(start.is_some_and(|choice| choice.losers.is_empty()));

    // Alone it is all there is.
    let alone = compose(&both[1..], None).unwrap();
    assert_eq!((alone.start.seconds(), alone.end.seconds()), (1, 2761));
}
