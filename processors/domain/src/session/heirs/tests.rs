//! Who takes whose place.

use super::super::matching::tests::activity;
use super::*;

/// The heir of the first line among the others, numbered from 2; `-` is none.
fn check(old: &str, live: &str, expected: &str) {
    let lines = live.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut live: Vec<Activity> = (2..).zip(lines).map(|(id, it)| activity(id, it)).collect();
    for _ in 0..2 {
        let found = heirs(&[activity(1, old)], &live);
        let heir = found.values().next();
        assert_eq!(heir.map_or("-".to_owned(), |id| id.0.to_string()), expected);
        live.reverse();
    }
}

#[test]
fn an_account_that_was_linked_again_tells_the_same_records() {
    check(
        "garmin run 0 600 2000 id=5 account=1",
        "garmin run 0 600 2000 id=6 account=2
         garmin run 0 600 2000 id=5 account=2",
        "3",
    );
}

#[test]
fn an_edit_as_deletion_and_insertion_has_an_heir() {
    check(
        "healthkit run 0 600 2000 id=5 by=com.example.run",
        "healthkit walk 5 610 2000 id=6 by=com.example.run
         healthkit run 0 600 2000 id=7 by=com.apple.health.7
         strava run 0 600 2000 id=8",
        "2",
    );
}

#[test]
fn pieces_that_were_joined_at_their_source_have_one_heir() {
    check(
        "garmin run 700 600 2000 id=5 on=fr965",
        "garmin run 0 1900 6000 id=6 on=fr965",
        "2",
    );
    check(
        "garmin run 700 600 2000 id=5 on=fr965",
        "garmin road_ride 0 1900 6000 id=6 on=fr965",
        "-",
    );
}
