//! What is live, and how it differs from what the table says.

use std::collections::BTreeMap;

use schemas::AnyRecord;
use schemas::record::night::NightRevised;
use schemas::record::session::{Member, SessionRevised};

use super::row::{Row, seconds};

/// Live sessions and nights: id, revision and content of each.
pub(super) fn live(facts: &[AnyRecord]) -> BTreeMap<String, (i64, String)> {
    let mut live = BTreeMap::new();
    for fact in facts {
        match fact {
            AnyRecord::SessionRevised(fact) => {
                let said = (fact.revision, fact.content_hash.clone());
                live.insert(fact.session_id.clone(), said);
            }
            AnyRecord::SessionRetracted(fact) => drop(live.remove(&fact.session_id)),
            AnyRecord::NightRevised(fact) => {
                let said = (fact.revision, fact.content_hash.clone());
                live.insert(fact.night_id.clone(), said);
            }
            AnyRecord::NightRetracted(fact) => drop(live.remove(&fact.night_id)),
            _ => {}
        }
    }
    live
}

/// Each expected thing beside the live one at its place in the order of starts.
pub(super) fn differences(said: &[Row], facts: &[AnyRecord]) -> Vec<String> {
    let found = things(facts);
    let mut differences = Vec::new();
    if found.len() != said.len() {
        differences.push(format!(
            "{} things are live, not {}",
            found.len(),
            said.len()
        ));
    }
    for (number, thing) in found.iter().enumerate() {
        let Some(row) = said.get(number) else {
            differences.push(format!("not expected: {} {}", thing.kind, thing.members));
            continue;
        };
        if row.word(0) != thing.kind {
            differences.push(format!(
                "a {}, not a {}: {}",
                thing.kind,
                row.word(0),
                thing.members
            ));
        }
        for (name, expected) in row.fields() {
            let value = thing.value(name);
            if !fits(expected, &value) {
                differences.push(format!(
                    "{name}={value}, not {expected} ({})",
                    thing.members
                ));
            }
        }
    }
    for row in said.iter().skip(found.len()) {
        differences.push(format!("missing: {}", row.line()));
    }
    differences
}

/// Equal, or inside `low..high`; instants and numbers alike.
fn fits(expected: &str, value: &str) -> bool {
    let Some((low, high)) = expected.split_once("..") else {
        return expected == value;
    };
    let number = |text: &str| {
        seconds(text)
            .map(|at| at as f64)
            .or_else(|| text.parse().ok())
    };
    match (number(low), number(value), number(high)) {
        (Some(low), Some(value), Some(high)) => (low..=high).contains(&value),
        _ => false,
    }
}

struct Thing {
    kind: String,
    members: String,
    values: BTreeMap<&'static str, String>,
}

impl Thing {
    fn value(&self, name: &str) -> String {
        if name == "members" {
            return self.members.clone();
        }
        let value = self.values.get(name);
        value
            .unwrap_or_else(|| panic!("{name} is no field of a {}", self.kind))
            .clone()
    }
}

/// Everything live, sessions before nights, each in order of start, then members.
fn things(facts: &[AnyRecord]) -> Vec<Thing> {
    let mut found: BTreeMap<String, (i64, Thing)> = BTreeMap::new();
    for fact in facts {
        match fact {
            AnyRecord::SessionRevised(fact) => {
                found.insert(fact.session_id.clone(), (fact.start.0, session(fact)));
            }
            AnyRecord::SessionRetracted(fact) => drop(found.remove(&fact.session_id)),
            AnyRecord::NightRevised(fact) => {
                found.insert(fact.night_id.clone(), (fact.start.0, night(fact)));
            }
            AnyRecord::NightRetracted(fact) => drop(found.remove(&fact.night_id)),
            _ => {}
        }
    }
    let mut found: Vec<(i64, Thing)> = found.into_values().collect();
    found.sort_by_key(|(start, thing)| (thing.kind != "session", *start, thing.members.clone()));
    found.into_iter().map(|(_, thing)| thing).collect()
}

fn session(fact: &SessionRevised) -> Thing {
    let roles = fact.members.iter().filter(|it| it.role == "part");
    let mut roles: Vec<String> = roles
        .map(|it| format!("{}={}", name(it), it.role))
        .collect();
    roles.sort();
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| value.to_string());
    Thing {
        kind: "session".to_owned(),
        members: members(&fact.members),
        values: BTreeMap::from([
            ("start", instant(fact.start.0)),
            ("end", instant(fact.end.0)),
            ("sport", fact.sport.clone()),
            ("timer", number(fact.timer_s.map(|seconds| seconds as f64))),
            ("m", number(fact.distance_m)),
            ("power", number(fact.power_avg_w)),
            ("lat", number(fact.start_lat)),
            ("title", fact.title.clone().unwrap_or_default()),
            ("legs", fact.legs.len().to_string()),
            ("candidates", fact.candidates.len().to_string()),
            ("roles", roles.join(",")),
        ]),
    }
}

fn night(fact: &NightRevised) -> Thing {
    Thing {
        kind: fact.kind.clone(),
        members: members(&fact.members),
        values: BTreeMap::from([
            ("start", instant(fact.start.0)),
            ("end", instant(fact.end.0)),
            ("asleep", fact.asleep_s.to_string()),
            ("date", fact.local_date.clone()),
            ("offset", fact.utc_offset_s.to_string()),
        ]),
    }
}

fn name(member: &Member) -> String {
    format!("{}:{}", member.source, member.provider_id)
}

/// Those that are live, sorted.
fn members(members: &[Member]) -> String {
    let live = members.iter().filter(|member| member.role != "deleted");
    let mut names: Vec<String> = live.map(name).collect();
    names.sort();
    names.join(",")
}

/// As the table writes it.
fn instant(micros: i64) -> String {
    let at = chrono::DateTime::from_timestamp_micros(micros).unwrap();
    at.format("%m-%dT%H:%M:%S").to_string()
}
