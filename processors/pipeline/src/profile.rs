//! Profile: weigh-ins become evidence, evidence becomes what is known of how the athlete sweats.
//!
//! Evidence is kept compactly in the head, so that the profile at any time is worked out from all of
//! it without loading a day. Evidence that comes late makes later losses stale only where the
//! quantised prior they used is another one now.

use std::collections::{BTreeMap, BTreeSet};

use processors_domain::profile::{self as rules, Evidence, SweatProfile};
use processors_domain::sport::{Family, Sport};
use processors_domain::sweat::{WeighIn, WeighInLoss, WeighInOutcome, weigh_in};
use processors_domain::units::{
    BodyMass, Grams, Kilocalories, LogMean, LogSd, Millilitres, Seconds,
};
use schemas::record::Micros;
use schemas::record::loss::{Envelope, SweatProfileRevised};
use schemas::record::observation::WeighInBody;
use schemas::record::state::{EvidenceState, SessionState};
use schemas::topic;

use crate::dirty::{Reach, any_touches};
use crate::entity::{fact_id, hash_of, revise};
use crate::normalize::{HOUR_US, SECOND_US};
use crate::observation;
use crate::processor::TimerId;
use crate::wire::{self, micros};
use crate::work::Work;

/// A weigh-in without a reference belongs to the session that ended at most this long before it.
const MATCH_BEFORE_US: i64 = 2 * HOUR_US;
/// People weigh themselves before they stop their watch.
const MATCH_AFTER_US: i64 = 10 * 60 * SECOND_US;
/// A weigh-in that names its session is followed this far back, and no further: a reference to last
/// week's run is a mistake, and matching stays a matter of neighbouring days.
const NAMED_BEFORE_US: i64 = 36 * HOUR_US;
const NAMED_AFTER_US: i64 = 3 * HOUR_US;
/// As far as a change can move a match.
const REACH_US: i64 = NAMED_BEFORE_US + NAMED_AFTER_US;
/// A plan and the session that fulfilled it start at most this far apart.
const PLAN_REACH_US: i64 = 3 * HOUR_US;
const DAY_US: i64 = 24 * HOUR_US;

/// A weigh-in with the session it is about.
#[derive(Clone, Debug)]
pub(crate) struct Test {
    pub(crate) observation_id: String,
    pub(crate) body: WeighInBody,
}

pub(crate) fn learn(work: &mut Work<'_>) {
    let windows = windows(work);
    let changed = if windows.is_empty() {
        Vec::new()
    } else {
        rematch(work, &windows)
    };
    if let Some(first) = changed.iter().min().copied() {
        mark_later(work, first);
        work.dirty.profile = true;
    }
    let new = work.head.profile.is_none()
        && (!work.head.profile_edits.is_empty() || !work.dirty.losses.is_empty());
    if work.dirty.profile || new {
        publish(work);
    }
}

fn windows(work: &Work<'_>) -> Vec<Reach> {
    if work.dirty.everything {
        return vec![(i64::MIN, i64::MAX)];
    }
    let dirty = &work.dirty;
    dirty
        .weigh_in
        .iter()
        .chain(&dirty.sessions)
        .copied()
        .collect()
}

/// Weigh-ins in reach of the windows, live or not, with their target among the loaded sessions.
fn rematch(work: &mut Work<'_>, windows: &[Reach]) -> Vec<Micros> {
    let in_reach: Vec<(Test, bool)> = weigh_ins(work)
        .into_iter()
        .filter(|(test, _)| any_touches(windows, (test.body.at.0, test.body.at.0), REACH_US))
        .collect();
    let tests = tests_by_session(work);
    let mut stale: BTreeSet<String> = BTreeSet::new();
    let mut evidence: BTreeMap<String, EvidenceState> = BTreeMap::new();
    for state in work.sessions() {
        if let Some(test) = tests.get(&state.session_id)
            && let Some(found) = evidence_of(state, test)
        {
            evidence.insert(test.observation_id.clone(), found);
        }
    }
    for (test, _) in &in_reach {
        stale.extend(target(work, &test.body).map(|state| state.session_id.clone()));
    }
    stale.extend(
        work.sessions()
            .filter(|state| any_touches(windows, (state.start.0, state.end.0), REACH_US))
            .filter(|state| state.published.live)
            .filter(|state| tests.contains_key(&state.session_id) || was_weighed(state))
            .map(|state| state.session_id.clone()),
    );
    work.dirty.losses.extend(stale);
    replace(work, &in_reach, &evidence)
}

fn was_weighed(state: &SessionState) -> bool {
    state
        .loss
        .as_ref()
        .is_some_and(|loss| loss.method == "weigh_in" || loss.deficit_ml.is_some())
}

/// Put the evidence of these weigh-ins in the head; answers when evidence came, went or changed.
fn replace(
    work: &mut Work<'_>,
    in_reach: &[(Test, bool)],
    evidence: &BTreeMap<String, EvidenceState>,
) -> Vec<Micros> {
    let mut changed = Vec::new();
    for (test, _) in in_reach {
        let known = work
            .head
            .evidence
            .iter()
            .position(|state| state.observation_id == test.observation_id);
        let found = evidence.get(&test.observation_id);
        let before = known.and_then(|at| work.head.evidence.get(at)).cloned();
        if before.as_ref() == found {
            continue;
        }
        changed.extend(before.map(|state| state.at));
        changed.extend(found.map(|state| state.at));
        if let Some(at) = known {
            work.head.evidence.remove(at);
        }
        work.head.evidence.extend(found.cloned());
    }
    work.head
        .evidence
        .sort_by(|a, b| (a.at, &a.observation_id).cmp(&(b.at, &b.observation_id)));
    changed
}

fn weigh_ins(work: &Work<'_>) -> Vec<(Test, bool)> {
    work.observations()
        .filter_map(|state| {
            let body = observation::current(state)?.weigh_in.as_deref()?.clone();
            let live = observation::is_live(&work.head, state);
            Some((
                Test {
                    observation_id: state.observation_id.clone(),
                    body,
                },
                live,
            ))
        })
        .collect()
}

/// The weigh-in of each session: of several the last.
pub(crate) fn tests_by_session(work: &Work<'_>) -> BTreeMap<String, Test> {
    let mut tests: BTreeMap<String, Test> = BTreeMap::new();
    for (test, live) in weigh_ins(work) {
        if !live {
            continue;
        }
        let Some(session) = target(work, &test.body).map(|state| state.session_id.clone()) else {
            continue;
        };
        let later = tests.get(&session).is_none_or(|known| {
            (known.body.at, &known.observation_id) < (test.body.at, &test.observation_id)
        });
        if later {
            tests.insert(session, test);
        }
    }
    tests
}

/// The session that a weigh-in is about: the one it names, else the last that had just ended.
fn target<'w>(work: &'w Work<'_>, body: &WeighInBody) -> Option<&'w SessionState> {
    let live = || {
        work.sessions()
            .filter(|state| state.published.live && !state.container)
            .filter(|state| is_near(state, body))
    };
    if let Some(reference) = &body.session_ref {
        let told = told_as(work, reference);
        let named = live().find(|state| {
            state.session_id == *reference
                || state.members.iter().any(|id| told.contains(&id.as_str()))
        });
        return named.or_else(|| planned(work, reference).filter(|state| is_near(state, body)));
    }
    live()
        .filter(|state| {
            state.end.0 <= body.at.0.saturating_add(MATCH_AFTER_US)
                && state.end.0 >= body.at.0.saturating_sub(MATCH_BEFORE_US)
        })
        .max_by_key(|state| (state.end, state.start, &state.anchor_observation_id))
}

fn is_near(state: &SessionState, body: &WeighInBody) -> bool {
    state.end.0 >= body.at.0.saturating_sub(NAMED_BEFORE_US)
        && state.end.0 <= body.at.0.saturating_add(NAMED_AFTER_US)
}

/// The observations that are `source:provider_id`: one for each account that tells it.
fn told_as<'w>(work: &'w Work<'_>, reference: &str) -> Vec<&'w str> {
    let Some((source, provider_id)) = reference.split_once(':') else {
        return Vec::new();
    };
    work.observations()
        .filter(|seen| seen.source == source && seen.provider_id == provider_id)
        .map(|seen| seen.observation_id.as_str())
        .collect()
}

/// The session nearest to a plan's start, of its family, that fulfilled it.
fn planned<'w>(work: &'w Work<'_>, plan_id: &str) -> Option<&'w SessionState> {
    let plan = work
        .observations()
        .filter_map(|state| observation::current(state)?.planned_workout.as_deref())
        .find(|plan| plan.plan_id == plan_id)?;
    let distance = |state: &SessionState| state.start.0.abs_diff(plan.start.0);
    work.sessions()
        .filter(|state| state.published.live && !state.container)
        .filter(|state| family(&state.sport).as_str() == plan.family)
        .filter(|state| distance(state) <= PLAN_REACH_US.unsigned_abs())
        .min_by_key(|state| (distance(state), state.start, &state.anchor_observation_id))
}

fn family(sport: &str) -> Family {
    Sport::parse(sport).unwrap_or(Sport::Other).family()
}

/// What the scales say of a session.
pub(crate) fn weighed(state: &SessionState, body: &WeighInBody) -> Option<WeighInOutcome> {
    let volume = |ml: Option<f64>| ml.and_then(Millilitres::from_f64);
    Some(weigh_in(&WeighIn {
        mass_pre: BodyMass::from_kilograms(body.mass_pre_kg)?,
        mass_post: BodyMass::from_kilograms(body.mass_post_kg)?,
        fluid: volume(body.fluid_ml).unwrap_or(Millilitres::ZERO),
        food: body.food_g.and_then(Grams::from_f64).unwrap_or_default(),
        urine: volume(body.urine_ml),
        clothed: body.clothed,
        energy: state.energy_kj.and_then(Kilocalories::from_kilojoules),
        duration: Seconds::clamped(state.duration_s),
    }))
}

fn evidence_of(state: &SessionState, test: &Test) -> Option<EvidenceState> {
    let WeighInOutcome::Loss(WeighInLoss { rate, log_sd, .. }) = weighed(state, &test.body)? else {
        return None;
    };
    let found = Evidence::of_rate(
        wire::instant(state.end),
        wire::observation_id(&test.observation_id),
        rate.median(),
        log_sd?,
        Sport::parse(&state.sport).unwrap_or(Sport::Other),
        Seconds::clamped(state.duration_s),
    )?;
    Some(EvidenceState {
        at: state.end,
        observation_id: test.observation_id.clone(),
        log_ratio_micro: found.log_ratio.get(),
        log_sd_micro: found.log_sd.get(),
        family: found.family.as_str().to_owned(),
        duration_s: state.duration_s,
        air_temp_dc: None,
    })
}

/// All evidence as the rules see it.
pub(crate) fn evidence(work: &Work<'_>) -> Vec<Evidence> {
    work.head
        .evidence
        .iter()
        .map(|state| Evidence {
            at: wire::instant(state.at),
            observation: wire::observation_id(&state.observation_id),
            log_ratio: LogMean::clamped(state.log_ratio_micro),
            log_sd: LogSd::clamped(state.log_sd_micro),
            family: Family::parse(&state.family).unwrap_or(Family::Any),
            duration: Seconds::clamped(state.duration_s),
        })
        .collect()
}

/// Losses after a change of evidence whose prior is another one now.
fn mark_later(work: &mut Work<'_>, first: Micros) {
    let evidence = evidence(work);
    let stale: Vec<String> = work
        .sessions()
        .filter(|state| state.published.live && state.start >= first)
        .filter(|state| {
            let belief = rules::posterior(&evidence, wire::instant(state.start)).belief();
            state.loss.as_ref().is_none_or(|loss| {
                loss.prior_mean_micro != belief.log_mean.get()
                    || loss.prior_sd_micro != belief.log_sd.get()
            })
        })
        .map(|state| state.session_id.clone())
        .collect();
    work.dirty.losses.extend(stale);
    // What is planned is predicted from the profile as well.
    work.dirty.advice.push((first.0, i64::MAX));
}

fn publish(work: &mut Work<'_>) {
    let evidence = evidence(work);
    let profile = rules::profile(&evidence, wire::instant(Micros(i64::MAX)));
    let mut fact = profile_fact(work, &profile);
    let hash = hash_of(&fact);
    let due = profile
        .last_test_at
        .map(|last| micros(last).0.saturating_add(180 * DAY_US + 1))
        .filter(|due| *due > work.now.0);
    match due {
        Some(due) => work.set_timer(TimerId::Profile.encode(), Micros(due)),
        None => work.clear_timer(TimerId::Profile.encode()),
    }
    let Some(said) = revise(work.head.profile.as_ref(), &hash, true, work.now) else {
        return;
    };
    fact.id = fact_id(&format!("profile/{}", work.key.as_str()), &said);
    fact.revision = said.revision;
    fact.revised_at = said.revised_at;
    fact.recorded_at = work.now;
    fact.rules_id.clone_from(&work.rules.id);
    fact.content_hash = hash;
    work.emit(topic::PROFILES, &fact.id.clone(), &fact);
    work.head.profile = Some(said);
}

fn profile_fact(work: &Work<'_>, profile: &SweatProfile) -> SweatProfileRevised {
    SweatProfileRevised {
        id: String::new(),
        tenant_id: work.tenant.to_owned(),
        athlete_id: work.athlete.to_owned(),
        recorded_at: Micros(0),
        revised_at: Micros(0),
        rules_id: String::new(),
        licence: None,
        key_id: None,
        revision: 0,
        content_hash: String::new(),
        sweat_rate_multiplier: wire::interval(profile.multiplier, |value| value.fraction()),
        // Weigh-ins tell nothing of sodium; a patch will.
        sodium_mmol_per_l: None,
        log_mean: profile.belief.log_mean.natural(),
        log_sd: profile.belief.log_sd.natural(),
        tests: i32::try_from(profile.tests).unwrap_or(i32::MAX),
        last_test_at: profile.last_test_at.map(micros),
        envelope: Envelope {
            families: profile
                .families
                .iter()
                .map(|family| family.as_str().to_owned())
                .collect(),
            duration_min_s: profile.durations.map(|(shortest, _)| shortest.get()),
            duration_max_s: profile.durations.map(|(_, longest)| longest.get()),
            ..Envelope::default()
        },
        advice: profile.advice(wire::instant(work.now)).as_str().to_owned(),
        evidence: profile
            .evidence
            .iter()
            .map(|id| wire::observation_text(*id))
            .collect(),
    }
}
