//! Records of a part beside one of the whole, and what the session says.

use super::super::super::matching::tests::activity;
use super::super::tests::{merge, told};
use super::super::{Activity, Composed, compose};
use crate::observation::{ObservationId, Role};

#[test]
fn who_was_there_for_a_part_tells_nothing_of_the_whole() {
    let died = activity(1, "garmin run 900 1440 4320 timer=1430");
    let mut whole = activity(2, "healthkit run 0 3600 10800 by=com.apple.health.7");
    let all = merge(&[died.clone(), whole.clone()]);
    assert_eq!(told(&all, "start"), "2 path_rank 1:covers_part");
    assert_eq!(told(&all, "distance_m"), "2 path_rank 1:covers_part");
    assert_eq!((all.start.seconds(), all.elapsed_s), (0, 3600));
    // What only the part tells and what grows with time is told by nobody.
    assert_eq!((told(&all, "timer_s"), all.timer_s), ("-".to_owned(), None));

    // As far in less time: the other was stopped later, or began early.
    whole.distance_dm = Some(43_500);
    let all = merge(&[died.clone(), whole.clone()]);
    assert_eq!(told(&all, "start"), "1 path_rank 2:lower_rank");
    // Nobody tells a way, so it cannot be known which.
    whole.distance_dm = None;
    assert_eq!(merge(&[died.clone(), whole]).start.seconds(), 900);
    // Typed in, and a few minutes shorter.
    let typed = activity(2, "healthkit run 0 3600 10800 by=com.apple.health");
    assert_eq!(merge(&[died, typed]).start.seconds(), 900);
    let close = activity(1, "garmin run 100 3200 9700");
    let whole = activity(2, "healthkit run 0 3600 10800 by=com.apple.health.7");
    assert_eq!(merge(&[close, whole]).start.seconds(), 100);
}

#[test]
fn a_copy_that_was_cropped_gives_way_to_its_recording() {
    let start = |strava: &str| {
        let flow = activity(1, "healthkit run 0 3600 10800 by=fi.polar.flow");
        merge(&[flow, activity(2, strava)]).start.seconds()
    };
    assert_eq!(start("strava run 275 3325 10000 on=PolarVantage"), 0);
    assert_eq!(start("strava run 20 3560 10790 on=PolarVantage"), 20);
    // Both ends are others: an app that names no device may have guessed.
    assert_eq!(start("strava run 275 3200 9700 on=PolarVantage"), 275);
}

#[test]
fn a_copy_of_one_piece_tells_nothing_of_what_a_user_merged() {
    let first = activity(1, "garmin run 0 1800 5000 timer=1790");
    let second = activity(2, "garmin run 3600 1800 5200 timer=1795");
    let of_both = (102_000, Some(3585), 5400);
    let read = |all: &Composed| (all.distance_dm.unwrap(), all.timer_s, all.elapsed_s);
    let copy = activity(3, "strava run 0 1800 4990 on=fr965");
    let other = activity(
        4,
        "healthkit run 3601 1799 5199 by=com.garmin.connect.mobile",
    );
    for copies in [vec![], vec![&copy], vec![&other], vec![&copy, &other]] {
        let members: Vec<&Activity> = [&first, &second].into_iter().chain(copies).collect();
        assert_eq!(read(&compose(&members, None).unwrap()), of_both);
    }
    // One device died, and another went on.
    let phone = activity(2, "healthkit run 1830 1800 5200 by=com.apple.health.7");
    let all = merge(&[first.clone(), phone.clone()]);
    assert_eq!((all.distance_dm, all.elapsed_s), (Some(102_000), 3630));
    assert_eq!(told(&all, "distance_m"), "1 of_parts");
    let copy = activity(3, "strava run 1830 1800 5100");
    assert_eq!(merge(&[copy, phone, first]).distance_dm, Some(102_000));
}

#[test]
fn pieces_of_more_than_a_day_are_pieces_where_another_device_ran_through() {
    let first = activity(1, "garmin trail_run 0 21600 40000 on=fenix7");
    let second = activity(2, "garmin trail_run 21650 86400 120000 on=fenix7");
    let whole = activity(
        3,
        "healthkit trail_run 10 108030 160500 by=com.apple.health.7",
    );
    let all = merge(&[second.clone(), whole, first.clone()]);
    assert_eq!((all.start.seconds(), all.elapsed_s), (10, 108_030));
    let parts = |role: &&(ObservationId, Role)| role.1 == Role::Part;
    assert_eq!(all.roles.iter().filter(parts).count(), 2);
}
