//! Hold: after a symptom that no drink and no food may answer, nothing is advised until the athlete
//! says that it is over (safety rule S3).
//!
//! A function of all reports and of nothing else: whichever comes first, a report counts where no
//! later one cleared it, by when they are about, then by when they arrived. What was advised for a
//! time that was over before the hold began stays as it was said.

use std::collections::BTreeSet;

use processors_domain::safety::SafetyRule;
use schemas::record::Micros;
use schemas::record::recommendation::{SafetyHoldRaised, SafetyHoldReleased};
use schemas::record::state::HoldState;
use schemas::topic;

use crate::bucket::Kind;
use crate::entity::{fact_id, hash_of, revise};
use crate::ids::id_of;
use crate::observation;
use crate::settings::plain;
use crate::work::Work;

/// Symptoms that hold advice back; the others are kept and hold nothing.
const HOLDING: [&str; 5] = [
    "collapse",
    "confusion",
    "no_sweating",
    "seizure",
    "vomiting",
];

/// What holds now, or when it was cleared last.
enum Reported {
    Held {
        since: Micros,
        symptoms: BTreeSet<String>,
    },
    Clear {
        at: Option<Micros>,
    },
}

/// Raise, revise or release the hold where reports changed; all advice is then worked out again.
pub(super) fn follow(work: &mut Work<'_>) {
    if !work.dirty.hold && !work.dirty.everything {
        return;
    }
    let changed = match reported(work) {
        Reported::Held { since, symptoms } => raise(work, since, symptoms),
        Reported::Clear { at } => release(work, at),
    };
    if changed {
        work.dirty.advice.push((i64::MIN, i64::MAX));
    }
}

/// Whether advice that stands until then is held back.
pub(super) fn stops(work: &Work<'_>, valid_until: Micros) -> bool {
    let hold = work.head.hold.as_ref().filter(|hold| hold.published.live);
    hold.is_some_and(|hold| hold.since < valid_until)
}

fn reported(work: &Work<'_>) -> Reported {
    let mut cleared: Option<(Micros, Micros)> = None;
    let mut reports: Vec<((Micros, Micros), BTreeSet<String>)> = Vec::new();
    for state in work.observations_of(&[Kind::Symptom]) {
        let version = observation::current(state).filter(|_| state.is_live(&work.head));
        let Some((version, body)) =
            version.and_then(|version| Some((version, version.symptom.as_ref()?)))
        else {
            continue;
        };
        let place = (body.at, version.first_received_at);
        let codes = body.codes.iter().map(|code| plain(code));
        let holding: BTreeSet<String> = codes
            .filter(|code| HOLDING.contains(&code.as_str()))
            .collect();
        if !holding.is_empty() {
            reports.push((place, holding));
        } else if body.cleared {
            cleared = cleared.max(Some(place));
        }
    }
    // Of two of one instant the symptom counts.
    reports.retain(|(place, _)| cleared.is_none_or(|cleared| *place >= cleared));
    let at = cleared.map(|(at, _)| at);
    match reports.iter().map(|((at, _), _)| *at).min() {
        Some(since) => Reported::Held {
            since,
            symptoms: reports.into_iter().flat_map(|(_, codes)| codes).collect(),
        },
        None => Reported::Clear { at },
    }
}

fn raise(work: &mut Work<'_>, since: Micros, symptoms: BTreeSet<String>) -> bool {
    let mut fact = SafetyHoldRaised {
        id: String::new(),
        tenant_id: work.tenant.to_owned(),
        athlete_id: work.athlete.to_owned(),
        recorded_at: Micros(0),
        revised_at: Micros(0),
        rules_id: String::new(),
        licence: None,
        key_id: None,
        hold_id: String::new(),
        version: 0,
        code: SafetyRule::S3.as_str().to_owned(),
        symptoms: symptoms.into_iter().collect(),
        since,
    };
    let hash = hash_of(&fact);
    let before = work.head.hold.as_ref().map(|hold| &hold.published);
    let Some(said) = revise(before, &hash, true, work.now) else {
        return false;
    };
    fact.hold_id = hold_id(work);
    fact.id = fact_id(&fact.hold_id, &said);
    fact.version = said.revision;
    fact.revised_at = said.revised_at;
    fact.recorded_at = work.now;
    fact.rules_id.clone_from(&work.rules.id);
    work.emit(topic::RECOMMENDATIONS, &fact.id, &fact);
    work.head.hold = Some(HoldState {
        published: said,
        since,
    });
    true
}

fn release(work: &mut Work<'_>, at: Option<Micros>) -> bool {
    let Some(hold) = work.head.hold.clone().filter(|hold| hold.published.live) else {
        return false;
    };
    let Some(said) = revise(Some(&hold.published), "", false, work.now) else {
        return false;
    };
    let hold_id = hold_id(work);
    let fact = SafetyHoldReleased {
        id: fact_id(&hold_id, &said),
        tenant_id: work.tenant.to_owned(),
        athlete_id: work.athlete.to_owned(),
        recorded_at: work.now,
        revised_at: said.revised_at,
        rules_id: work.rules.id.clone(),
        licence: None,
        key_id: None,
        hold_id,
        version: said.revision,
        // A report that was put right was never cleared.
        at: at.unwrap_or(work.now),
    };
    work.emit(topic::RECOMMENDATIONS, &fact.id, &fact);
    work.head.hold = Some(HoldState {
        published: said,
        ..hold
    });
    true
}

/// An athlete has one hold, with versions.
fn hold_id(work: &Work<'_>) -> String {
    id_of(&["hold", work.key.as_str()])
}
