//! Members of one session, and what it says.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::super::matching::tests::activity;
use super::*;
use crate::time::Span;

fn field<'a>(composed: &'a Composed, name: &str) -> Vec<&'a Choice> {
    composed
        .provenance
        .iter()
        .filter(|choice| choice.field == name)
        .collect()
}

/// `winner rule losers…` of one field, `-` where nobody tells it.
pub(super) fn told(composed: &Composed, name: &str) -> String {
    let choices = field(composed, name);
    assert!(choices.len() <= 1, "{name} was chosen twice");
    choices.first().map_or("-".to_owned(), |choice| {
        let losers = choice
            .losers
            .iter()
            .map(|(id, reason)| format!(" {}:{reason}", id.0));
        format!(
            "{} {}{}",
            choice.winner.0,
            choice.rule,
            losers.collect::<String>()
        )
    })
}

pub(super) fn merge(members: &[Activity]) -> Composed {
    compose(&members.iter().collect::<Vec<_>>(), Some("Europe/Berlin")).unwrap()
}

#[test]
fn each_field_comes_from_the_best_path_that_tells_it() {
    let mut garmin = activity(1, "garmin run 0 2760 8123 timer=2701");
    garmin.heart_rate_avg_bpm = Some(150);
    let mut strava = activity(2, "strava run 0 2760 8120 timer=2701");
    strava.energy_j = Some(2_000_000);
    strava.power_avg_dw = Some(2500);
    let mut copy = activity(3, "healthkit run 0 2760 8120 by=com.garmin.connect.mobile");
    copy.energy_j = Some(2_100_000);
    copy.heart_rate_avg_bpm = Some(149);
    copy.heart_rate_max_bpm = Some(140);
    let all = merge(&[strava, copy, garmin]);

    assert_eq!(told(&all, "start"), "1 path_rank 3:same_value 2:same_value");
    assert_eq!(
        told(&all, "distance_m"),
        "1 path_rank 3:lower_rank 2:lower_rank"
    );
    assert_eq!(told(&all, "energy_kj"), "3 next_by_rank 2:lower_rank");
    assert_eq!(told(&all, "power_avg_w"), "2 only_source");
    assert_eq!(told(&all, "heart_rate_avg_bpm"), "1 path_rank 3:lower_rank");
    assert_eq!(
        told(&all, "heart_rate_max_bpm"),
        "-",
        "a maximum below the average is no maximum"
    );
    assert_eq!(told(&all, "title"), "-");
    assert_eq!(
        all.energy_j,
        Some(2_100_000),
        "energy is one source's, not an average"
    );
    let roles: Vec<Role> = all.roles.iter().map(|role| role.1).collect();
    assert_eq!(roles, [Role::Primary, Role::Contributor, Role::Contributor]);
}

#[test]
fn on_a_ride_the_computer_on_the_bike_tells_the_way_and_the_watch_the_heart() {
    let mut watch = activity(1, "garmin road_ride 0 3600 30000 on=fenix7");
    watch.heart_rate_avg_bpm = Some(140);
    let mut head = activity(2, "garmin road_ride 40 3560 30100 on=edge840");
    (head.heart_rate_avg_bpm, head.power_avg_dw) = (Some(141), Some(2000));
    let all = merge(&[head.clone(), watch.clone()]);
    assert_eq!(told(&all, "start"), "1 path_rank 2:lower_rank");
    assert_eq!(told(&all, "distance_m"), "2 device_fit 1:lower_rank");
    assert_eq!(told(&all, "heart_rate_avg_bpm"), "1 path_rank 2:lower_rank");
    assert_eq!(told(&all, "power_avg_w"), "2 only_source");
    // On foot the computer of the bike is no better than the watch.
    (head.sport, watch.sport) = (Sport::Run, Sport::Run);
    assert_eq!(
        told(&merge(&[head, watch]), "distance_m"),
        "1 path_rank 2:lower_rank"
    );
}

#[test]
fn a_recording_in_one_piece_is_believed_and_pieces_are_summed() {
    let first = activity(1, "garmin run 0 1800 5000 timer=1790");
    let mut second = activity(2, "garmin run 2100 1700 4800 timer=1700");
    second.power_avg_dw = Some(2500);
    let whole = activity(3, "healthkit run 10 3800 9700 by=com.apple.health.7");
    let all = merge(&[second.clone(), whole, first.clone()]);
    assert_eq!(told(&all, "distance_m"), "3 path_rank 1:lower_rank");
    assert_eq!(told(&all, "timer_s"), "1 of_parts");
    assert_eq!(field(&all, "timer_s")[0].parts, [ObservationId(2)]);
    assert_eq!((all.timer_s, all.elapsed_s), (Some(3490), 3800));
    let parts = |role: &&(ObservationId, Role)| role.1 == Role::Part;
    assert_eq!(all.roles.iter().filter(parts).count(), 2);

    // What the user merged without a whole.
    let both = merge(&[second.clone(), first.clone()]);
    assert_eq!((both.distance_dm, both.elapsed_s), (Some(98_000), 3800));
    assert_eq!(told(&both, "distance_m"), "1 of_parts");
    // Two uploads of one run, the second by a clock in a wrong zone, are no pieces.
    let shifted = activity(2, "garmin run 7200 1800 5000 timer=1790");
    assert_eq!(merge(&[first, shifted]).distance_dm, Some(50_000));
}

#[test]
fn halves_of_one_length_are_pieces_where_another_device_ran_through() {
    // Their starts are eight quarters of an hour apart, to six seconds.
    let first = activity(1, "garmin road_ride 43 7138 48086 on=edge840");
    let second = activity(2, "garmin road_ride 7249 7061 47927 on=edge840");
    let whole = activity(3, "garmin road_ride 0 14283 98304 on=fenix7");
    let all = merge(&[second.clone(), whole.clone(), first.clone()]);
    assert_eq!(told(&all, "distance_m"), "3 path_rank 1:lower_rank");
    assert_eq!(all.distance_dm, Some(983_040));
    let parts = |role: &&(ObservationId, Role)| role.1 == Role::Part;
    assert_eq!(all.roles.iter().filter(parts).count(), 2);

    // One that holds only the first of them says nothing of the second.
    let short = activity(3, "garmin road_ride 0 7300 49000 on=fenix7");
    let all = merge(&[first.clone(), second.clone(), short]);
    assert_eq!(all.distance_dm, Some(480_860));
    assert_eq!(merge(&[first, second]).distance_dm, Some(480_860));
}

#[test]
fn an_average_of_pieces_is_that_of_all_their_time() {
    let piece = |id, line: &str, heart, power, speed| {
        let mut it = activity(id, line);
        it.heart_rate_avg_bpm = Some(heart);
        (it.power_avg_dw, it.speed_avg_mm_s) = (Some(power), Some(speed));
        it
    };
    let first = piece(
        1,
        "strava road_ride 0 3700 25000 moving=3600",
        150,
        2000,
        7000,
    );
    let second = piece(2, "strava road_ride 4000 1200 9000", 140, 1800, 7500);
    let both = merge(&[second.clone(), first.clone()]);
    assert_eq!(
        (
            both.heart_rate_avg_bpm,
            both.power_avg_dw,
            both.speed_avg_mm_s
        ),
        (Some(148), Some(1950), Some(7125)),
        "three quarters of the time at the values of the first"
    );
    assert_eq!(told(&both, "power_avg_w"), "1 of_parts");

    // The average of one piece is no average of both.
    let silent = Activity {
        power_avg_dw: None,
        ..second
    };
    let both = merge(&[first, silent]);
    assert_eq!(
        (both.power_avg_dw, both.heart_rate_avg_bpm),
        (None, Some(148))
    );
}

#[test]
fn what_contradicts_a_choice_is_not_chosen() {
    let watch = activity(1, "garmin run 0 1800 5000 timer=1790");
    let phone = activity(2, "strava run 0 1800 5000 moving=1799");
    let all = merge(&[watch.clone(), phone]);
    assert_eq!(told(&all, "moving_s"), "-");
    let strava = activity(2, "strava run 0 1800 5000 moving=1700");
    assert_eq!(told(&merge(&[watch, strava]), "moving_s"), "2 only_source");
}

#[test]
fn what_was_typed_in_comes_last() {
    let typed = activity(1, "garmin run 0 3600 10000 manual");
    let watch = activity(2, "strava run 60 3500 9800");
    let all = merge(&[typed, watch]);
    assert_eq!((all.start.seconds(), all.distance_dm), (60, Some(98_000)));
}

#[test]
fn the_last_edit_of_the_user_names_title_and_sport() {
    let mut garmin = activity(1, "garmin run 0 3600 -");
    garmin.title = Some("Berlin Running".to_owned());
    let mut strava = activity(2, "strava trail_run 0 3600 -");
    strava.title = Some("Sunday with Kim".to_owned());
    let all = merge(&[garmin.clone(), strava.clone()]);
    assert_eq!(told(&all, "sport"), "2 most_specific 1:less_specific");
    assert_eq!(all.title.as_deref(), Some("Berlin Running"));

    (strava.sport_edited_at, strava.title_edited_at) = (Some(Instant(5)), Some(Instant(5)));
    let all = merge(&[garmin.clone(), strava.clone()]);
    assert_eq!(told(&all, "title"), "2 user_edit 1:not_edited");

    (garmin.sport_edited_at, garmin.title_edited_at) = (Some(Instant(6)), Some(Instant(6)));
    let all = merge(&[garmin, strava]);
    assert_eq!(
        (all.title.as_deref(), all.sport),
        (Some("Berlin Running"), Sport::Run)
    );
}

#[test]
fn a_sport_of_another_family_does_not_outrank_for_being_special() {
    let all = merge(&[
        activity(1, "garmin run 0 3600 -"),
        activity(2, "strava hike 0 3600 -"),
    ]);
    assert_eq!((all.sport, all.family), (Sport::Run, Family::Run));
    let all = merge(&[
        activity(1, "garmin other 0 3600 -"),
        activity(2, "strava hike 0 3600 -"),
    ]);
    assert_eq!(all.sport, Sport::Hike);
}

/// A push: its length is the timer.
fn garmin() -> Activity {
    activity(1, "garmin road_ride 0 3600 - timer=3600")
}

fn strava() -> Activity {
    activity(2, "strava road_ride 0 5400 - timer=3590")
}

#[test]
fn a_copy_that_tells_the_pauses_tells_the_end() {
    let all = merge(&[garmin(), strava()]);
    assert_eq!(
        (all.end.seconds(), all.elapsed_s, all.timer_s),
        (5400, 5400, Some(3600))
    );
    assert_eq!(told(&all, "end"), "2 pauses_told 1:pauses_untold");
    // One that knows no pauses still knows when it ended, but a known timer speaks before it.
    let sync = "healthkit road_ride 1 5390 - timer=5390 by=com.example.sync";
    assert_eq!(merge(&[garmin(), activity(2, sync)]).end.seconds(), 5391);
    let all = merge(&[garmin(), strava(), activity(3, sync)]);
    assert_eq!(all.end.seconds(), 5400);
}

#[test]
fn another_device_tells_the_end_where_it_ended_much_later() {
    let apple = |start: i64, length: i64| {
        let line = format!("healthkit road_ride {start} {length} - by=com.apple.health.7");
        activity(2, &line)
    };
    let ends = |all: &[Activity]| merge(all).end.seconds();
    assert_eq!(ends(&[garmin(), apple(60, 3900)]), 3960);
    // So far apart end two devices on one body.
    assert_eq!(ends(&[garmin(), apple(60, 3660)]), 3600);
    assert_eq!(ends(&[garmin(), apple(60, 3000)]), 3600);
    // A watch that tells its pauses needs nobody.
    let details = activity(1, "garmin road_ride 0 3700 - timer=3600");
    assert_eq!(ends(&[details, apple(60, 3900)]), 3700);
}

#[test]
fn a_copy_that_tells_the_same_elapsed_time_says_that_no_pause_is_hidden() {
    let ends = |copy: &str| {
        let late = activity(3, "healthkit road_ride 20 4200 - by=com.apple.health.7");
        let all = merge(&[garmin(), activity(2, copy), late]);
        (all.end.seconds(), all.elapsed_s)
    };
    assert_eq!(ends("strava road_ride 0 3600 - moving=3550"), (3600, 3600));
    assert_eq!(ends("strava road_ride 1 3602 - moving=3550"), (3600, 3600));
    // Of another recording, typed in, or by an app that may have written the timer as the length.
    assert_eq!(ends("strava road_ride 90 3600 -"), (4220, 4220));
    assert_eq!(ends("strava road_ride 0 3600 - manual"), (4220, 4220));
    assert_eq!(
        ends("healthkit road_ride 0 3600 - timer=3600 by=com.garmin.connect.mobile"),
        (4220, 4220)
    );
    // It confirms against other copies too, whose clocks are a few seconds off.
    let connect = "healthkit road_ride 0 3607 - timer=3600 by=com.garmin.connect.mobile";
    let strava = activity(2, "strava road_ride 0 3600 -");
    let all = merge(&[garmin(), strava, activity(3, connect)]);
    assert_eq!(all.end.seconds(), 3600);
    assert_eq!(told(&all, "end"), "1 confirmed 3:lower_rank 2:same_value");
    let by = |field: &str| {
        all.provenance
            .iter()
            .find(|it| it.field == field)?
            .confirmed_by
    };
    assert_eq!(by("end"), Some(ObservationId(2)));
    assert_eq!((by("elapsed_s"), by("start")), (by("end"), None));
}

#[test]
fn an_apple_watch_that_starts_in_the_same_second_is_no_copy() {
    let copy = activity(3, "healthkit road_ride 0 3600 - by=com.example.filesync");
    let ends = |apple: &str| {
        let all = merge(&[garmin(), activity(2, apple), copy.clone()]);
        (all.end.seconds(), all.elapsed_s)
    };
    let soon = "healthkit road_ride 0 3665 - by=com.apple.health.7";
    assert_eq!(ends(soon), (3600, 3600));
    let much_later = "healthkit road_ride 0 4200 - by=com.apple.health.7";
    assert_eq!(ends(much_later), (4200, 4200));
}

#[test]
fn of_those_that_count_pauses_the_one_that_starts_in_the_same_second_is_the_copy() {
    let watch = activity(2, "healthkit road_ride 4 4100 - by=com.apple.health.7");
    let copy = activity(3, "healthkit road_ride 0 4200 - by=com.example.filesync");
    let all = merge(&[garmin(), watch, copy]);
    assert_eq!((all.end.seconds(), all.elapsed_s), (4200, 4200));
    assert_eq!(
        told(&all, "end"),
        "3 pauses_told 1:pauses_untold 2:pauses_untold"
    );
}

#[test]
fn another_app_without_a_device_of_its_own_gives_way_to_a_recording() {
    let start = |lines: [&str; 2]| {
        let all = merge(&[activity(1, lines[0]), activity(2, lines[1])]);
        all.start.seconds()
    };
    let ring = "healthkit run 150 3350 - by=com.ouraring.oura";
    assert_eq!(start([ring, "strava run 0 3600 10000 on=ELEMNT"]), 0);
    assert_eq!(start([ring, "strava run 0 3600 10000"]), 150);
    // The phone on which an app wrote is not what measured.
    let phone = "healthkit run 150 3350 - by=com.ouraring.oura on=iPhone15,2";
    assert_eq!(start([phone, "strava run 0 3600 10000 on=ELEMNT"]), 0);
    let strap = "healthkit run 150 3350 - by=com.example.run on=PolarH10";
    assert_eq!(start([strap, "strava run 0 3600 10000 on=ELEMNT"]), 150);
}

#[test]
fn the_local_day_comes_from_an_offset_then_a_zone_then_home() {
    // 1970-01-01T23:30Z.
    let bare = activity(1, "garmin run 84600 600 -");
    let all = merge(std::slice::from_ref(&bare));
    assert_eq!(
        (all.utc_offset_s, all.local_date.to_string().as_str()),
        (3600, "1970-01-02")
    );
    assert_eq!(told(&all, "utc_offset_s"), "1 home_zone");
    assert_eq!(told(&all, "local_date"), "1 of_start");

    let zoned = Activity {
        zone: Some("America/New_York".to_owned()),
        ..bare.clone()
    };
    let all = merge(&[zoned]);
    assert_eq!(
        (all.utc_offset_s, all.local_date.to_string().as_str()),
        (-18000, "1970-01-01")
    );

    let zone = Some("America/New_York".to_owned());
    let odd = Activity {
        zone,
        utc_offset_s: Some(0),
        ..bare
    };
    let all = merge(&[odd]);
    assert_eq!(
        (all.utc_offset_s, all.zone),
        (0, None),
        "a zone that contradicts is left out"
    );
}

#[test]
fn no_members_make_no_session() {
    assert_eq!(compose(&[], None), None);
}

prop_compose! {
    fn member()(
        source in prop_oneof![Just(Source::Garmin), Just(Source::Strava), Just(Source::HealthKit)],
        start in any::<i64>(), end in any::<i64>(), elapsed_s in any::<i64>(),
        timer_s in any::<Option<i64>>(), distance_dm in any::<Option<i64>>(),
        utc_offset_s in any::<Option<i32>>(), edited in any::<Option<i64>>(),
        title in proptest::option::of("[ab]{0,2}"), received in 0_i64..3,
    ) -> Activity {
        let span = Span::new(Instant(start), Instant(end));
        Activity {
            timer_s, distance_dm, utc_offset_s, title, elapsed_s,
            sport_edited_at: edited.map(Instant),
            title_edited_at: edited.map(Instant),
            first_received: Instant(received),
            zone: Some("Europe/Berlin".to_owned()),
            ..Activity::bare(ObservationId(0), source, Sport::Run, span)
        }
    }
}

/// The same cases in every run; a failure is shown, not kept in a file.
fn fixed_cases() -> ProptestConfig {
    let rng_seed = RngSeed::Fixed(1);
    ProptestConfig {
        rng_seed,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(fixed_cases())]

    #[test]
    fn the_time_of_arrival_does_not_change_what_is_said(
        mut members in proptest::collection::vec(member(), 1..6),
        arrivals in proptest::collection::vec(0_i64..3, 6),
    ) {
        for (id, member) in (1..).zip(&mut members) {
            member.id = ObservationId(id);
        }
        let said = merge(&members);
        for (member, arrival) in members.iter_mut().zip(arrivals) {
            member.first_received = Instant(arrival);
        }
        prop_assert_eq!(said, merge(&members));
    }

    #[test]
    fn order_does_not_change_what_is_said(
        mut members in proptest::collection::vec(member(), 1..6),
        turn in 0_usize..6,
    ) {
        for (id, member) in (1..).zip(&mut members) {
            member.id = ObservationId(id);
        }
        let said = merge(&members);
        let count = members.len();
        members.rotate_left(turn % count);
        prop_assert_eq!(&said, &merge(&members));
        members.reverse();
        prop_assert_eq!(&said, &merge(&members));
        prop_assert_eq!(said.roles.len(), members.len());
    }
}
