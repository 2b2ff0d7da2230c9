//! What a source tells is published once: not again because its bytes are others, but again where it
//! is true again. No two facts have one id.

use std::collections::{BTreeMap, BTreeSet};

use schemas::AnyRecord;
use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use schemas::record::observation::ObservationRecorded;
use serde_json::json;

use crate::reports::{self, raw, start_s, strava, watched};

/// The same item, told a number of minutes later in bytes of their own.
fn later(minutes: i64, item: &RawReceived) -> RawReceived {
    let at = Micros(item.received_at.0 + minutes * 60_000_000);
    RawReceived {
        id: format!("{:016x}{minutes:016x}", at.0),
        received_at: at,
        provider_event_at: item.provider_event_at.map(|_| at),
        body_sha256: format!("{:032x}{minutes:032x}", at.0),
        ..item.clone()
    }
}

/// The same bytes, sent or fetched a number of minutes later.
fn same_bytes(minutes: i64, item: &RawReceived) -> RawReceived {
    RawReceived {
        body_sha256: item.body_sha256.clone(),
        ..later(minutes, item)
    }
}

fn fetched(title: &str, minutes: i64) -> RawReceived {
    let mut item = later(minutes, &strava(2, start_s(0, 8), 10_000, title));
    item.body_sha256 = format!("{title:0>64}");
    item
}

fn deletion(minutes: i64) -> RawReceived {
    let body = json!({"object_type": "activity", "aspect_type": "delete", "event_time": 0});
    let event = raw("strava", "event", 2, &body);
    later(minutes, &event)
}

/// A workout that its app writes again.
fn version(id: i64, uuid: &str, version: i64) -> RawReceived {
    let item = reports::health(id, uuid, "com.example.run", start_s(0, 8), 9_000 + version);
    let mut body: serde_json::Value = serde_json::from_slice(&item.body).unwrap();
    body["metadata"] = json!({
        "HKMetadataKeySyncIdentifier": "a", "HKMetadataKeySyncVersion": version.to_string()
    });
    RawReceived {
        body: body.to_string().into_bytes(),
        ..item
    }
}

/// A night of so many seconds, and whether its record lists a nap.
fn night(id: i64, seconds: i64, naps: bool) -> RawReceived {
    let nap = json!({"napStartTimeInSeconds": start_s(0, 13), "napDurationInSeconds": 1_800});
    let body = json!({
        "userId": "acc", "summaryId": "n", "startTimeInSeconds": start_s(0, 0),
        "durationInSeconds": seconds, "naps": Vec::from_iter(naps.then_some(nap))
    });
    raw("garmin", "sleeps", id, &body)
}

/// What is published of items that come in batches of this many.
fn facts(items: &[RawReceived], together: usize) -> Vec<ObservationRecorded> {
    let observed = |fact| match fact {
        AnyRecord::ObservationRecorded(fact) => Some(fact),
        _ => None,
    };
    let told = reports::told(items, together).into_iter();
    told.filter_map(observed).collect()
}

/// What a fact tells, in a word.
fn word(fact: &ObservationRecorded) -> String {
    match (&fact.activity, &fact.deletion) {
        (Some(body), _) => match &body.title {
            Some(title) => title.clone(),
            None => format!("{} m", body.distance_m.unwrap_or(0.0)),
        },
        (_, Some(body)) => format!("{} gone", body.scope),
        _ => fact.kind.clone(),
    }
}

/// What it is about, what is told, and what is published of it.
type Case = (&'static str, Vec<RawReceived>, Vec<&'static str>);

fn of_what_was_sent() -> Vec<Case> {
    let run = watched();
    let longer = |minutes| {
        let mut item = later(minutes, &run);
        let body = String::from_utf8(item.body).unwrap();
        item.body = body.replace("10000", "10100").into_bytes();
        item
    };
    let [morning, _, merged, _] = reports::merged_and_told_again();
    let health = reports::health(3, "aaaa", "com.example.run", start_s(0, 8), 9_000);
    vec![
        (
            "the same in other bytes",
            vec![run.clone(), later(1, &run)],
            vec!["10000 m"],
        ),
        (
            "a revision, and the old words in other bytes, which arrived first",
            vec![run.clone(), longer(1), later(2, &run)],
            vec!["10000 m", "10100 m"],
        ),
        (
            "the word of a user in other bytes",
            vec![morning, merged.clone(), later(1, &merged)],
            vec!["10000 m", "link_override"],
        ),
        (
            "deleted before it came",
            vec![reports::gone(2, "aaaa"), health],
            vec!["record gone"],
        ),
        (
            "a nap that is listed no more, in a late copy, and again",
            vec![
                night(3, 25_000, true),
                night(4, 25_000, false),
                later(3, &night(3, 25_000, true)),
                night(7, 25_100, true),
            ],
            vec!["sleep", "sleep", "record gone", "sleep", "sleep"],
        ),
        (
            "replaced by a greater version, deleted after that, and told late",
            vec![
                version(3, "aaaa", 1),
                version(4, "bbbb", 3),
                reports::gone(5, "aaaa"),
                version(6, "cccc", 2),
            ],
            vec!["9001 m", "9003 m", "record gone"],
        ),
    ]
}

fn of_accounts() -> Vec<Case> {
    let run = watched();
    let closed = raw("garmin", "deregistrations", 9, &json!({"userId": "acc"}));
    let closed_again = |minutes| same_bytes(minutes, &closed);
    vec![
        (
            "closed twice",
            vec![
                run.clone(),
                closed.clone(),
                later(1, &closed),
                closed_again(2),
            ],
            vec!["10000 m", "account gone"],
        ),
        (
            "closed, linked again and told again, and closed with the same bytes",
            vec![run.clone(), closed.clone(), later(5, &run), closed_again(6)],
            vec!["10000 m", "account gone", "10000 m", "account gone"],
        ),
        (
            "closed, linked again and told again in the same bytes",
            vec![run.clone(), closed.clone(), same_bytes(5, &run)],
            vec!["10000 m", "account gone", "10000 m"],
        ),
    ]
}

fn of_what_was_fetched() -> Vec<Case> {
    let first = fetched("First", 0);
    let renamed = fetched("Second", 1);
    let there_again = same_bytes(3, &first);
    vec![
        (
            "fetched again in other bytes",
            vec![first.clone(), later(1, &first)],
            vec!["First"],
        ),
        (
            "renamed, and renamed back",
            vec![first.clone(), renamed.clone(), same_bytes(2, &first)],
            vec!["First", "Second", "First"],
        ),
        (
            "a fetch that comes late, and one that comes twice",
            vec![renamed.clone(), first.clone(), renamed],
            vec!["Second"],
        ),
        (
            "a fetch that was under way when it was deleted",
            vec![deletion(1), first.clone()],
            vec!["record gone"],
        ),
        (
            "deleted twice, there again, deleted again",
            vec![first, deletion(1), deletion(2), there_again, deletion(4)],
            vec!["First", "record gone", "First", "record gone"],
        ),
    ]
}

#[test]
fn a_source_is_published_where_it_says_something_that_was_not_true_before() {
    let cases = [of_what_was_sent(), of_accounts(), of_what_was_fetched()];
    for (name, items, expected) in cases.concat() {
        let facts = facts(&items, 1);
        let told: Vec<String> = facts.iter().map(word).collect();
        assert_eq!(told, expected, "{name}");
        check(&facts, name);
    }
}

/// No id twice, and each fact of an observation is later than the one before it.
fn check(facts: &[ObservationRecorded], name: &str) {
    let ids: BTreeSet<&str> = facts.iter().map(|fact| fact.id.as_str()).collect();
    assert_eq!(ids.len(), facts.len(), "{name}: two facts have one id");
    let mut told: BTreeMap<&str, Micros> = BTreeMap::new();
    for fact in facts {
        let before = told.insert(&fact.observation_id, fact.revised_at);
        assert!(before < Some(fact.revised_at), "{name}: {fact:?}");
    }
}

#[test]
fn what_is_told_at_once_is_told_apart_and_in_order() {
    for (name, items, _) in [of_what_was_sent(), of_accounts(), of_what_was_fetched()].concat() {
        for together in 2..=items.len() {
            check(&facts(&items, together), name);
        }
    }
}

#[test]
fn three_answers_of_one_fetch_are_told_apart_and_in_order_whatever_their_bytes_are() {
    for bytes in [
        [1, 2, 3],
        [1, 3, 2],
        [2, 1, 3],
        [2, 3, 1],
        [3, 1, 2],
        [3, 2, 1],
    ] {
        let answer = |(title, bytes): (&str, i64)| RawReceived {
            id: format!("{bytes:032x}"),
            body_sha256: format!("{bytes:064x}"),
            ..fetched(title, 0)
        };
        let titles = ["First", "Second", "First"];
        let items: Vec<RawReceived> = titles.into_iter().zip(bytes).map(answer).collect();
        for together in 1..=items.len() {
            let name = format!("{bytes:?} in batches of {together}");
            check(&facts(&items, together), &name);
        }
    }
}
