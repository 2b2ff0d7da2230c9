//! What is live, and how it differs from what the table says.

use std::collections::BTreeMap;

use schemas::AnyRecord;
use schemas::record::loss::{SweatLossEstimated, SweatProfileRevised};
use schemas::record::night::NightRevised;
use schemas::record::recommendation::{
    Need, Needs, RecommendationCancelled, RecommendationIssued, SafetyHoldRaised,
};
use schemas::record::session::{Member, SessionRevised};

use super::row::{Row, seconds};

/// Kinds of which a scenario tells all or nothing.
const ALWAYS: [&str; 3] = ["session", "night", "nap"];

/// What is live: id, revision and content of each.
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
            AnyRecord::SweatLossEstimated(fact) => {
                let said = (fact.revision, fact.content_hash.clone());
                live.insert(fact.loss_id.clone(), said);
            }
            AnyRecord::SweatLossRetracted(fact) => drop(live.remove(&fact.loss_id)),
            AnyRecord::RecommendationIssued(fact) => {
                let said = (fact.version, fact.content_hash.clone());
                live.insert(fact.slot.clone(), said);
            }
            AnyRecord::RecommendationCancelled(fact) => drop(live.remove(&fact.slot)),
            AnyRecord::RecommendationExpired(fact) => drop(live.remove(&fact.slot)),
            AnyRecord::SafetyHoldRaised(fact) => {
                let said = (fact.version, fact.symptoms.join(","));
                live.insert(fact.hold_id.clone(), said);
            }
            AnyRecord::SafetyHoldReleased(fact) => drop(live.remove(&fact.hold_id)),
            _ => {}
        }
    }
    live
}

/// Sessions that name another as a leg or a suspect that is not live, or does not suspect them.
pub(super) fn dangling(facts: &[AnyRecord]) -> Vec<String> {
    let mut live: BTreeMap<&str, &SessionRevised> = BTreeMap::new();
    for fact in facts {
        match fact {
            AnyRecord::SessionRevised(fact) => drop(live.insert(&fact.session_id, fact)),
            AnyRecord::SessionRetracted(fact) => drop(live.remove(fact.session_id.as_str())),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for (id, session) in &live {
        for one in &session.candidates {
            let other = live.get(one.session_id.as_str());
            let back = other.is_some_and(|other| {
                let mut theirs = other.candidates.iter();
                theirs.any(|theirs| theirs.session_id == *id && theirs.rule == one.rule)
            });
            if !back {
                found.push(format!("{id} suspects {} by itself", one.session_id));
            }
        }
        let legs = session.legs.iter();
        let gone = legs.filter(|leg| !live.contains_key(leg.as_str()));
        found.extend(gone.map(|leg| format!("{id} has the leg {leg}, which is not live")));
    }
    found
}

/// What has to be so in every order of reading. What was said in time, and taken back, is history.
pub(super) fn lasting(said: &[Row]) -> Vec<Row> {
    let is_history = |row: &&Row| matches!(row.word(0), "advice" | "cancelled");
    said.iter()
        .filter(|row| !is_history(row))
        .cloned()
        .collect()
}

/// Each expected thing beside the live one at its place in the order of starts.
pub(super) fn differences(said: &[Row], facts: &[AnyRecord]) -> Vec<String> {
    let told_of = |kind: &str| said.iter().any(|row| row.word(0) == kind);
    let mut found = things(facts);
    found.retain(|thing| ALWAYS.contains(&thing.kind.as_str()) || told_of(&thing.kind));
    let said: Vec<&Row> = said.iter().filter(|row| row.word(1) != "none").collect();
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
            continue;
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

/// Everything live (sessions, nights, losses, advice, the profile) and what was cancelled, each in order of
/// start, then members.
fn things(facts: &[AnyRecord]) -> Vec<Thing> {
    let mut found: BTreeMap<String, (i64, Thing)> = BTreeMap::new();
    let names = names(facts);
    let known = |id: &String| names.get(id).unwrap_or(id).clone();
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
            AnyRecord::SweatLossEstimated(fact) => {
                let thing = loss(fact, known(&fact.session_id));
                found.insert(fact.loss_id.clone(), (fact.session_start.0, thing));
            }
            AnyRecord::SweatLossRetracted(fact) => drop(found.remove(&fact.loss_id)),
            AnyRecord::RecommendationIssued(fact) => {
                let thing = advice(fact, known(&fact.advice.anchor_id));
                let start = fact.advice.anchor_start.0;
                found.insert(fact.slot.clone(), (start, thing));
            }
            AnyRecord::RecommendationCancelled(fact) => {
                let anchor = found
                    .get(&fact.slot)
                    .map(|(_, thing)| thing.value("anchor"));
                let thing = cancelled(fact, anchor.unwrap_or_default());
                found.insert(fact.slot.clone(), (0, thing));
            }
            AnyRecord::RecommendationExpired(fact) => drop(found.remove(&fact.slot)),
            AnyRecord::SafetyHoldRaised(fact) => {
                found.insert(fact.hold_id.clone(), (fact.since.0, hold(fact)));
            }
            AnyRecord::SafetyHoldReleased(fact) => drop(found.remove(&fact.hold_id)),
            AnyRecord::SweatProfileRevised(fact) => {
                found.insert("profile".to_owned(), (0, profile(fact)));
            }
            _ => {}
        }
    }
    let mut found: Vec<(i64, Thing)> = found.into_values().collect();
    let kinds = [
        "session",
        "night",
        "nap",
        "loss",
        "advice",
        "cancelled",
        "hold",
        "profile",
    ];
    found.sort_by_key(|(start, thing)| {
        let kind = kinds.iter().position(|kind| *kind == thing.kind);
        // Naps stand among the nights.
        let kind = kind.map(|kind| if kind == 2 { 1 } else { kind });
        (kind, *start, thing.members.clone())
    });
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
            ("licence", label(fact.licence.as_ref())),
        ]),
    }
}

/// The members of each session, by its id.
fn names(facts: &[AnyRecord]) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for fact in facts {
        if let AnyRecord::SessionRevised(fact) = fact {
            names.insert(fact.session_id.clone(), members(&fact.members));
        }
    }
    names
}

fn loss(fact: &SweatLossEstimated, session: String) -> Thing {
    let sodium = fact.sodium_mg.as_ref();
    Thing {
        kind: "loss".to_owned(),
        members: session,
        values: BTreeMap::from([
            ("method", fact.method.clone()),
            ("fluid", fact.fluid_ml.median.round().to_string()),
            (
                "sodium",
                sodium.map_or("-".to_owned(), |mg| mg.median.round().to_string()),
            ),
            ("flags", fact.flags.join(",")),
            ("licence", label(fact.licence.as_ref())),
        ]),
    }
}

fn advice(fact: &RecommendationIssued, anchor: String) -> Thing {
    let advice = &fact.advice;
    let fluid = advice.needs.fluid_ml.as_ref();
    // The most of any basket.
    let offered = |of: fn(&Needs) -> Option<Need>| {
        let totals = advice
            .options
            .iter()
            .filter_map(|option| of(&option.totals));
        let most = totals.map(|need| need.target).max();
        most.map_or("-".to_owned(), |most| most.to_string())
    };
    let mut items = advice.options.iter().flat_map(|option| &option.items);
    let plain_water = items.any(|item| item.catalog_id == "water-500");
    let codes: Vec<&str> = advice
        .reasons
        .iter()
        .map(|reason| reason.code.as_str())
        .collect();
    Thing {
        kind: "advice".to_owned(),
        members: format!("{anchor} {}", advice.phase),
        values: BTreeMap::from([
            ("anchor", anchor),
            ("phase", advice.phase.clone()),
            ("start", instant(advice.anchor_start.0)),
            ("from", instant(advice.valid_from.0)),
            ("gap", advice.gap_class.clone().unwrap_or_default()),
            (
                "fluid",
                fluid.map_or("-".to_owned(), |need| need.target.to_string()),
            ),
            ("sodium_offered", offered(|totals| totals.sodium_mg)),
            (
                "carbohydrate_offered",
                offered(|totals| totals.carbohydrate_dg),
            ),
            ("fluid_offered", offered(|totals| totals.fluid_ml)),
            ("plain_water", plain_water.to_string()),
            ("safety", advice.safety.join(",")),
            ("flags", advice.flags.join(",")),
            ("codes", codes.join(",")),
            ("licence", label(fact.licence.as_ref())),
        ]),
    }
}

fn profile(fact: &SweatProfileRevised) -> Thing {
    Thing {
        kind: "profile".to_owned(),
        members: fact.athlete_id.clone(),
        values: BTreeMap::from([
            ("tests", fact.tests.to_string()),
            ("licence", label(fact.licence.as_ref())),
        ]),
    }
}

fn cancelled(fact: &RecommendationCancelled, anchor: String) -> Thing {
    let phase = fact.slot.rsplit('/').next().unwrap_or_default();
    Thing {
        kind: "cancelled".to_owned(),
        members: format!("{anchor} {phase}"),
        values: BTreeMap::from([
            ("anchor", anchor),
            ("phase", phase.to_owned()),
            ("reason", fact.reason.clone()),
        ]),
    }
}

fn hold(fact: &SafetyHoldRaised) -> Thing {
    Thing {
        kind: "hold".to_owned(),
        members: fact.code.clone(),
        values: BTreeMap::from([
            ("since", instant(fact.since.0)),
            ("symptoms", fact.symptoms.join(",")),
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
            ("licence", label(fact.licence.as_ref())),
        ]),
    }
}

fn label(licence: Option<&String>) -> String {
    licence.map_or("-", String::as_str).to_owned()
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
