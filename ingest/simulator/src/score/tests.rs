//! Hand-made answers with known scores, and the perfect answer to a whole world.

use super::*;
use crate::options::WorldOptions;
use crate::truth::{TruthRecord, TruthSays};
use crate::world::world;

fn event(id: &str, kind: EventKind) -> TruthEvent {
    TruthEvent {
        event_id: id.to_owned(),
        athlete_id: "a".to_owned(),
        kind,
        sport: Some("run".to_owned()),
        start: 0,
        end: 3_600_000_000,
        duration_s: 3_600,
        distance_m: Some(10_000.0),
        fluid_lost_ml: Some(1_000.0),
        sodium_lost_mg: None,
        told: true,
        tags: Vec::new(),
    }
}

fn record(id: &str, event_id: &str, weight: f64) -> TruthRecord {
    TruthRecord {
        athlete_id: "a".to_owned(),
        source: "garmin".to_owned(),
        provider_id: id.to_owned(),
        event_id: event_id.to_owned(),
        device: "d".to_owned(),
        weight,
        live: true,
        container: false,
        candidate: false,
        role: "original".to_owned(),
        says: None,
    }
}

fn thing(id: &str, members: &str) -> ThingTold {
    let member = |name: &str| ("garmin".to_owned(), name.to_owned());
    ThingTold {
        id: id.to_owned(),
        athlete_id: "a".to_owned(),
        kind: EventKind::Session,
        members: members.split_whitespace().map(member).collect(),
        start: 2_000_000,
        end: 3_590_000_000,
        distance_m: Some(10_100.0),
        timer_s: Some(3_600.0),
        asleep_s: None,
        sport: Some("run".to_owned()),
        container: false,
        candidates: Vec::new(),
    }
}

/// Events "A" with records a1 a2 a3, and "B" with b1.
fn small_truth() -> AthleteTruth {
    AthleteTruth {
        athlete_id: "a".to_owned(),
        events: vec![
            event("A", EventKind::Session),
            event("B", EventKind::Session),
        ],
        records: ["a1", "a2", "a3", "b1"]
            .map(|id| record(id, &id[..1].to_uppercase(), 1.0))
            .to_vec(),
    }
}

#[test]
fn hand_made_groupings_have_their_known_scores() {
    // groups                  precision            recall
    let cases = [
        ("a1 a2 a3 | b1", 1.0, 1.0),
        ("a1 | a2 | a3 | b1", 1.0, (3.0 * (1.0 / 3.0) + 1.0) / 4.0),
        ("", 1.0, (3.0 * (1.0 / 3.0) + 1.0) / 4.0),
        ("a1 a2 a3 b1", (3.0 * 0.75 + 0.25) / 4.0, 1.0),
        (
            "a1 a2 | a3 b1",
            (2.0 + 1.0) / 4.0,
            (2.0 * (2.0 / 3.0) + 1.0 / 3.0 + 1.0) / 4.0,
        ),
        ("a1 a2 unheard-of a3 | b1", 1.0, 1.0),
    ];
    for (groups, precision, recall) in cases {
        let groups = groups.split('|').filter(|group| !group.trim().is_empty());
        let sessions = groups
            .enumerate()
            .map(|(n, group)| thing(&n.to_string(), group))
            .collect();
        let told = Told {
            sessions,
            ..Told::default()
        };
        let score = score([small_truth()], told).sessions;
        assert!((score.precision - precision).abs() < 1e-12, "{score:?}");
        assert!((score.recall - recall).abs() < 1e-12, "{score:?}");
        let f1 = 2.0 * precision * recall / (precision + recall);
        assert!((score.f1 - f1).abs() < 1e-12);
    }
}

#[test]
fn deleted_records_and_containers_do_not_count() {
    let mut truth = small_truth();
    truth.records[2].live = false;
    truth.records[3].container = true;
    let mut whole = thing("whole", "a1 a2 b1");
    whole.container = true;
    let told = Told {
        sessions: vec![whole, thing("1", "a1 a2")],
        ..Told::default()
    };
    let score = score([truth], told);
    assert_eq!(score.sessions.f1, 1.0);
    assert_eq!(score.counts.records, 2);
    assert_eq!(score.counts.sessions_live, 1);
}

#[test]
fn a_tag_is_scored_over_the_records_of_its_events() {
    let mut truth = small_truth();
    truth.events[0].tags = vec!["split".to_owned(), "pause".to_owned()];
    truth.events[1].tags = vec!["pause".to_owned()];
    let told = Told {
        sessions: vec![thing("1", "a1 a2"), thing("2", "a3 b1")],
        ..Told::default()
    };
    let score = score([truth], told);
    let split = score.session_tags["split"];
    assert_eq!(split.records, 3);
    assert!((split.precision - (1.0 + 1.0 + 0.5) / 3.0).abs() < 1e-12);
    assert!((split.recall - (2.0 / 3.0 + 2.0 / 3.0 + 1.0 / 3.0) / 3.0).abs() < 1e-12);
    let both = score.session_tags["pause"];
    assert_eq!((both.records, both.f1), (4, score.sessions.f1));
    assert!(score.night_tags.is_empty());
}

#[test]
fn pairs_of_two_events_are_counted_and_suspects_apart() {
    let mut truth = small_truth();
    let mut shifted = record("s1", "A", 1.0);
    shifted.candidate = true;
    truth.records.push(shifted);
    let mut suspected = thing("2", "s1");
    suspected.candidates = vec!["1".to_owned()];
    let told = Told {
        sessions: vec![thing("1", "a1 a2 a3 b1"), suspected],
        ..Told::default()
    };
    let apart = score([truth.clone()], told);
    assert_eq!((apart.pairs.merged, apart.pairs.wrong), (6, 3));
    assert_eq!(apart.pairs.wrong_part(), 0.5);
    let found = apart.suspects;
    assert_eq!((found.records, found.joined, found.listed), (1, 0, 1));
    let joined = Told {
        sessions: vec![thing("1", "a1 a2 a3 s1"), thing("2", "b1")],
        ..Told::default()
    };
    let found = score([truth], joined);
    assert_eq!((found.suspects.joined, found.suspects.listed), (1, 0));
    assert_eq!((found.pairs.wrong, found.sessions.f1), (0, 1.0));
}

fn says(start_s: i64, family: &str) -> Option<TruthSays> {
    Some(TruthSays {
        start: start_s * 1_000_000,
        end: (start_s + 3_600) * 1_000_000,
        duration_s: 3_600,
        distance_m: Some(10_200.0),
        family: Some(family.to_owned()),
    })
}

#[test]
fn an_answer_is_compared_with_each_device_on_what_the_device_told() {
    let mut truth = small_truth();
    truth.records[0].says = says(5, "run");
    truth.records[1].says = says(7, "run");
    truth.records[1].role = "part".to_owned();
    truth.records[3].device = "other".to_owned();
    truth.records[3].says = says(1, "run");
    let told = Told {
        sessions: vec![thing("0", "a1 a2 a3"), thing("1", "b1")],
        ..Told::default()
    };
    let rivals = score([truth], told).rivals;
    let starts = |device: &str| {
        let Rival { ours, theirs } = rivals[device];
        (
            ours.start_s.count,
            ours.start_s.median,
            theirs.start_s.median,
        )
    };
    assert_eq!(starts("d"), (1, Some(2.0), Some(5.0)));
    assert_eq!(starts("other"), (1, Some(2.0), Some(1.0)));
    let distances = rivals["d"]
        .ours
        .distance_pct
        .p95
        .zip(rivals["d"].theirs.distance_pct.p95);
    assert_eq!(distances, Some((1.0, 2.0)));
}

#[test]
fn baselines_see_starts_types_and_sources_alone() {
    let mut truth = small_truth();
    let told = [
        ("garmin", says(0, "run")),
        ("strava", says(119, "run")),
        ("healthkit", says(125, "run")),
        ("strava", says(60, "ride")),
    ];
    for (record, (source, says)) in truth.records.iter_mut().zip(told) {
        record.source = source.to_owned();
        record.says = says;
    }
    let groups = |told: &Told| -> Vec<String> {
        let members = |thing: &ThingTold| {
            let ids: Vec<&str> = thing.members.iter().map(|(_, id)| id.as_str()).collect();
            ids.join(" ")
        };
        told.sessions.iter().map(members).collect()
    };
    let [(_, by_start), (_, by_priority)] = baselines(&truth);
    assert_eq!(groups(&by_start), ["a1 a2", "b1", "a3"]);
    assert_eq!(by_start.sessions[0].start, 0);
    assert_eq!(groups(&by_priority), ["a1"]);
}

#[test]
fn fragments_weigh_one_together() {
    // Ten fragments of one device in one night, and the other device's record alone: two equal
    // halves that were not joined.
    let mut records: Vec<_> = (0..10)
        .map(|n| record(&format!("f{n}"), "N", 0.1))
        .collect();
    records.push(record("g", "N", 1.0));
    let events = vec![event("N", EventKind::Night)];
    let truth = AthleteTruth {
        athlete_id: "a".to_owned(),
        events,
        records,
    };
    let mut night = thing("n", "f0 f1 f2 f3 f4 f5 f6 f7 f8 f9");
    night.kind = EventKind::Night;
    let told = Told {
        nights: vec![night],
        ..Told::default()
    };
    let score = score([truth], told);
    assert!((score.nights.precision - 1.0).abs() < 1e-12);
    assert!((score.nights.recall - 0.5).abs() < 1e-12);
    assert_eq!(
        (score.counts.nights_live, score.counts.records_alone),
        (1, 1)
    );
}

#[test]
fn field_and_sweat_errors_are_those_of_the_event_that_was_told() {
    let loss = |session: &str, median_ml, hi90_ml, method: &str| LossTold {
        session_id: session.to_owned(),
        median_ml,
        lo90_ml: 700.0,
        hi90_ml,
        method: method.to_owned(),
    };
    let told = Told {
        sessions: vec![thing("0", "a1 a2 a3"), thing("1", "b1")],
        nights: Vec::new(),
        losses: vec![
            loss("0", 900.0, 1_100.0, "weigh_in"),
            loss("1", 800.0, 900.0, "population"),
        ],
    };
    let score = score([small_truth()], told);
    let fields = score.field_errors;
    assert_eq!(
        fields.start_s,
        Spread {
            count: 2,
            median: Some(2.0),
            p95: Some(2.0)
        }
    );
    assert_eq!(fields.end_s.median, Some(10.0));
    assert_eq!(fields.distance_pct.median, Some(1.0));
    assert_eq!(fields.duration_pct.median, Some(0.0));
    assert_eq!(fields.sport_right, Some(1.0));
    let weighed = score.sweat.by_method["weigh_in"];
    assert_eq!(
        (weighed.median_abs_error_pct, weighed.coverage_90),
        (Some(10.0), Some(1.0))
    );
    assert_eq!(score.sweat.overall.coverage_90, Some(0.5));
}

/// What a pipeline that makes no mistake would say.
fn perfect(truth: &AthleteTruth) -> Told {
    let mut told = Told::default();
    for event in truth.events.iter().filter(|event| event.told) {
        let records = truth.records.iter();
        let mine = records.filter(|record| record.live && record.event_id == event.event_id);
        let made = ThingTold {
            id: event.event_id.clone(),
            athlete_id: event.athlete_id.clone(),
            kind: event.kind,
            members: mine
                .map(|r| (r.source.clone(), r.provider_id.clone()))
                .collect(),
            start: event.start,
            end: event.end,
            distance_m: event.distance_m,
            timer_s: Some(event.duration_s as f64),
            asleep_s: Some(event.duration_s as f64),
            sport: event.sport.clone(),
            container: false,
            candidates: Vec::new(),
        };
        let shelf = if event.kind.is_sleep() {
            &mut told.nights
        } else {
            &mut told.sessions
        };
        shelf.push(made);
        if let Some(ml) = event.fluid_lost_ml {
            told.losses.push(LossTold {
                session_id: event.event_id.clone(),
                median_ml: ml,
                lo90_ml: ml * 0.9,
                hi90_ml: ml * 1.1,
                method: "perfect".to_owned(),
            });
        }
    }
    told
}

#[test]
fn the_perfect_answer_scores_one_and_an_empty_one_keeps_its_precision() {
    let options = WorldOptions {
        athletes: 30,
        days: 5,
        seed: 2,
        end: 1_774_828_800_000_000,
    };
    let truths: Vec<AthleteTruth> = world(options).map(|world| world.truth).collect();
    let mut all = Told::default();
    for told in truths.iter().map(perfect) {
        all.sessions.extend(told.sessions);
        all.nights.extend(told.nights);
        all.losses.extend(told.losses);
    }
    let best = score(truths.clone(), all);
    for bcubed in [best.sessions, best.nights] {
        assert!((bcubed.f1 - 1.0).abs() < 1e-9, "{bcubed:?}");
    }
    let counts = best.counts;
    assert_eq!(counts.sessions_live, counts.sessions_truth);
    assert_eq!(counts.nights_live, counts.nights_truth);
    assert_eq!(counts.naps_live, counts.naps_truth);
    assert_eq!(counts.records_alone, 0);
    assert_eq!(best.field_errors.start_s.p95, Some(0.0));
    assert_eq!(best.sweat.overall.coverage_90, Some(1.0));
    let none = score(truths, Told::default());
    assert_eq!(none.sessions.precision, 1.0);
    assert!(none.sessions.recall < 0.9);
    assert!(none.nights.recall < 0.9);
}
