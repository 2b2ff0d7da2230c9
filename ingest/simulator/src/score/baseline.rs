//! What simpler rules make of the same records: the common ones of products that do not merge.
//!
//! They see what each record says of itself, nothing else. Only sessions: no such rule exists for
//! the fragments of a night.

use crate::score::{ThingTold, Told};
use crate::truth::{AthleteTruth, EventKind, TruthRecord, TruthSays};

/// Starts of copies lie this close, for the rule that looks at starts.
const START_APART_MAX: i64 = 120 * 1_000_000;
/// The better source first.
const PRIORITY: [&str; 3] = ["garmin", "healthkit", "strava"];

/// The name of each rule, and its answer about one athlete.
pub fn baselines(truth: &AthleteTruth) -> [(&'static str, Told); 2] {
    [
        ("same start ± 2 min, same type", by_start(truth)),
        ("highest-priority source only", by_priority(truth)),
    ]
}

/// In order of their starts, a record joins the first session of its type that started at most two
/// minutes before; each session is what its best source says.
fn by_start(truth: &AthleteTruth) -> Told {
    let mut groups: Vec<Vec<(&TruthRecord, &TruthSays)>> = Vec::new();
    for (record, says) in sessions(truth) {
        let fits = |group: &&mut Vec<(&TruthRecord, &TruthSays)>| {
            group.first().is_some_and(|(_, first)| {
                first.family == says.family && says.start - first.start <= START_APART_MAX
            })
        };
        match groups.iter_mut().rev().find(fits) {
            Some(group) => group.push((record, says)),
            None => groups.push(vec![(record, says)]),
        }
    }
    told(groups)
}

/// The athlete's best source alone: every record of it is a session, everything else is dropped.
fn by_priority(truth: &AthleteTruth) -> Told {
    let told_by = |source: &str| {
        sessions(truth)
            .into_iter()
            .filter(|(record, _)| record.source == source)
            .map(|pair| vec![pair])
            .collect::<Vec<_>>()
    };
    let best = PRIORITY.into_iter().map(told_by);
    told(
        best.into_iter()
            .find(|groups| !groups.is_empty())
            .unwrap_or_default(),
    )
}

/// Live accounts of sessions, by what they say of their start.
fn sessions(truth: &AthleteTruth) -> Vec<(&TruthRecord, &TruthSays)> {
    let mut found: Vec<(&TruthRecord, &TruthSays)> = truth
        .records
        .iter()
        .filter(|record| record.live && !record.container)
        .filter_map(|record| Some((record, record.says.as_ref()?)))
        .filter(|(_, says)| says.family.is_some())
        .collect();
    found.sort_by_key(|(record, says)| (says.start, record.provider_id.clone()));
    found
}

fn told(groups: Vec<Vec<(&TruthRecord, &TruthSays)>>) -> Told {
    let sessions = groups.iter().enumerate().filter_map(thing).collect();
    Told {
        sessions,
        ..Told::default()
    }
}

fn thing((index, group): (usize, &Vec<(&TruthRecord, &TruthSays)>)) -> Option<ThingTold> {
    let rank = |record: &TruthRecord| PRIORITY.iter().position(|name| *name == record.source);
    let (best, says) = group.iter().min_by_key(|(record, _)| rank(record))?;
    let member = |(record, _): &(&TruthRecord, &TruthSays)| {
        (record.source.clone(), record.provider_id.clone())
    };
    Some(ThingTold {
        id: index.to_string(),
        athlete_id: best.athlete_id.clone(),
        kind: EventKind::Session,
        members: group.iter().map(member).collect(),
        start: says.start,
        end: says.end,
        distance_m: says.distance_m,
        timer_s: Some(says.duration_s as f64),
        asleep_s: None,
        sport: None,
        container: false,
        candidates: Vec::new(),
    })
}
