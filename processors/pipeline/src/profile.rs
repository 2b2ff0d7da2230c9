//! Profile: weigh-ins and patches become evidence, evidence becomes what is known of how the athlete sweats.
//!
//! Evidence is kept compactly in the head, so that the profile at any time is worked out from all of
//! it without loading a day. Evidence that comes late makes later losses stale.

use std::collections::{BTreeMap, BTreeSet};

use processors_domain::profile::{self as rules, SodiumEvidence, SweatProfile};
use processors_domain::sport::Sport;
use processors_domain::sweat::{self, WeighIn, WeighInOutcome, weigh_in};
use processors_domain::units::{
    AirTemperature, BodyMass, Grams, Kilocalories, Millilitres, Seconds,
};
use schemas::record::Micros;
use schemas::record::loss::{Envelope, SweatProfileRevised};
use schemas::record::observation::WeighInBody;
use schemas::record::state::{EvidenceState, SessionState, SodiumState};
use schemas::topic;

use crate::conditions;
use crate::dirty::{Reach, any_touches};
use crate::entity::{fact_id, hash_of, revise};
use crate::licence;
use crate::processor::TimerId;
use crate::settings::Settings;
use crate::sweat_tests::{self, REACH_US, SessionTests, tests_by_session};
use crate::wire::{self, micros};
use crate::work::Work;

const DAY_US: i64 = crate::bucket::DAY_US;

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
    // What is believed of sodium depends on what the athlete said about themself.
    work.dirty.profile |= work.dirty.everything;
    // A workout that was taken back at once counts too: whether a batch saw it live is chance.
    let new = work.head.profile.is_none()
        && (!work.head.profile_edits.is_empty() || !work.dirty.activity.is_empty());
    if work.dirty.profile || new {
        publish(work);
    }
}

fn windows(work: &Work<'_>) -> Vec<Reach> {
    if work.dirty.everything {
        return vec![(i64::MIN, i64::MAX)];
    }
    let dirty = &work.dirty;
    let mut windows: Vec<Reach> = dirty
        .weigh_in
        .iter()
        .chain(&dirty.sessions)
        .chain(&dirty.weather)
        .copied()
        .collect();
    if !dirty.mass.is_empty() && sweat_tests::any_scan(work) {
        windows.extend(&dirty.mass);
    }
    windows
}

/// Tests in reach of the windows, live or not, are matched again; what they teach is replaced.
fn rematch(work: &mut Work<'_>, windows: &[Reach]) -> Vec<Micros> {
    let settings = work.settings();
    let tests = tests_by_session(work);
    let mut learnt = Learnt::default();
    let mut stale: BTreeSet<String> = BTreeSet::new();
    for state in work.sessions() {
        let tested = tests.get(&state.session_id);
        if let Some(tests) = tested {
            learnt.add(work, &settings, state, tests);
        }
        if state.published.live
            && (tested.is_some() || was_tested(state))
            && any_touches(windows, (state.start.0, state.end.0), REACH_US)
        {
            stale.insert(state.session_id.clone());
        }
    }
    let in_reach: BTreeSet<String> = sweat_tests::all(work)
        .filter(|test| any_touches(windows, test.reach, REACH_US))
        .map(|test| test.observation_id.to_owned())
        .collect();
    for (session, tests) in &tests {
        if tests.observations().any(|id| in_reach.contains(id)) {
            stale.insert(session.clone());
        }
    }
    work.dirty.losses.extend(stale);
    let mut changed = replace(&mut work.head.evidence, &in_reach, learnt.rates);
    changed.extend(replace(&mut work.head.sodium, &in_reach, learnt.sodium));
    if !changed.is_empty() {
        work.forget_beliefs();
    }
    changed
}

fn was_tested(state: &SessionState) -> bool {
    state
        .loss
        .as_ref()
        .is_some_and(|loss| loss.test_at.is_some() || loss.deficit_ml.is_some())
}

/// What the tests at hand teach, by observation.
#[derive(Default)]
struct Learnt {
    rates: BTreeMap<String, EvidenceState>,
    sodium: BTreeMap<String, SodiumState>,
}

impl Learnt {
    fn add(
        &mut self,
        work: &Work<'_>,
        settings: &Settings,
        state: &SessionState,
        tests: &SessionTests,
    ) {
        let told = conditions::of(work, state);
        let air = told.air.air_temp;
        let sport = Sport::parse(&state.sport).unwrap_or(Sport::Other);
        let patch = tests
            .patch(work, settings, state)
            .filter(|_| sweat::wears_patch(sport));
        let label = licence::of_session(work, state, &told, patch.as_ref());
        let weighed = tests
            .weigh_in
            .as_ref()
            .and_then(|test| Some((&test.observation_id, weighed(state, &test.body)?)));
        let scales = weighed.and_then(|(id, outcome)| match outcome {
            WeighInOutcome::Loss(loss) => Some((id.clone(), loss)),
            WeighInOutcome::NotUsable(_) => None,
        });
        // One of two that disagree is wrong, and it is not the scales.
        let patch = patch.filter(|patch| {
            scales
                .as_ref()
                .is_none_or(|(_, loss)| !sweat::conflicts(loss.rate.median(), &patch.whole))
        });
        // Scales know better than a patch; what they cannot teach, the patch may.
        let rate = scales
            .as_ref()
            .and_then(|(id, loss)| Some((id.clone(), loss.rate.median(), loss.log_sd?)));
        let rate = rate.or_else(|| {
            let patch = patch.as_ref().filter(|_| scales.is_none())?;
            let (rate, log_sd) = patch.whole.rate_evidence()?;
            Some((patch.observation_id.clone(), rate, log_sd))
        });
        let ratio = rate
            .as_ref()
            .and_then(|(_, rate, _)| rules::log_ratio(*rate, sport));
        if let Some(patch) = &patch
            && let Some(sodium) = patch.whole.sodium_evidence()
        {
            let at = wire::instant(state.end);
            let id = wire::observation_id(&patch.observation_id);
            let found = SodiumEvidence::new(at, id, sodium, ratio);
            let state = SodiumState {
                at: state.end,
                observation_id: patch.observation_id.clone(),
                log_mean_micro: found.log_mean.get(),
                log_sd_micro: found.log_sd.get(),
                licence: licence::word(label),
            };
            self.sodium.insert(patch.observation_id.clone(), state);
        }
        if let (Some((id, _, log_sd)), Some(log_ratio)) = (rate, ratio) {
            let state = EvidenceState {
                at: state.end,
                observation_id: id.clone(),
                log_ratio_micro: log_ratio.get(),
                log_sd_micro: log_sd.get(),
                family: sport.family().as_str().to_owned(),
                duration_s: state.duration_s,
                air_temp_dc: air.map(|air| air.get()),
                licence: licence::word(label),
            };
            self.rates.insert(id, state);
        }
    }
}

/// A row of evidence in the head.
trait Taught: PartialEq {
    fn place(&self) -> (Micros, &str);
}

impl Taught for EvidenceState {
    fn place(&self) -> (Micros, &str) {
        (self.at, &self.observation_id)
    }
}

impl Taught for SodiumState {
    fn place(&self) -> (Micros, &str) {
        (self.at, &self.observation_id)
    }
}

/// Put what the tests in reach teach in the place of what they taught; answers when it came, went or
/// changed.
fn replace<T: Taught>(
    rows: &mut Vec<T>,
    in_reach: &BTreeSet<String>,
    mut learnt: BTreeMap<String, T>,
) -> Vec<Micros> {
    let mut changed = Vec::new();
    rows.retain(|row| {
        let (at, id) = row.place();
        if !in_reach.contains(id) || learnt.get(id) == Some(row) {
            learnt.remove(id);
            return true;
        }
        changed.push(at);
        false
    });
    for (id, row) in learnt {
        if in_reach.contains(&id) {
            changed.push(row.place().0);
            rows.push(row);
        }
    }
    rows.sort_by(|a, b| a.place().cmp(&b.place()));
    changed
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

/// Losses after a change of evidence whose prior is another one now.
fn mark_later(work: &mut Work<'_>, first: Micros) {
    // Families, temperatures and sodium count besides the belief, so that all later ones are looked at;
    // what did not change is not said again.
    let stale: Vec<String> = work
        .sessions()
        .filter(|state| state.published.live && state.start >= first)
        .map(|state| state.session_id.clone())
        .collect();
    work.dirty.losses.extend(stale);
    // What is planned is predicted from the profile as well.
    work.dirty.advice.push((first.0, i64::MAX));
}

fn publish(work: &mut Work<'_>) {
    let beliefs = work.beliefs();
    let sex = Some(work.settings().sex());
    let until = wire::instant(Micros(i64::MAX));
    let profile = rules::profile_of(&beliefs.tests, &beliefs.patches, until, sex);
    let mut fact = profile_fact(work, &profile);
    fact.licence = licence::word(beliefs.licence(Micros(i64::MAX)));
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
    work.emit(topic::PROFILES, &fact.id, &fact);
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
        sodium_mmol_per_l: profile
            .sodium
            .map(|sodium| wire::interval(sodium, |value| value.mmol_per_l())),
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
            air_temp_min_c: profile.air_temps.map(|(coldest, _)| celsius(coldest)),
            air_temp_max_c: profile.air_temps.map(|(_, warmest)| celsius(warmest)),
        },
        advice: profile.advice(wire::instant(work.now)).as_str().to_owned(),
        evidence: profile
            .evidence
            .iter()
            .map(|id| wire::observation_text(*id))
            .collect(),
    }
}

fn celsius(air: AirTemperature) -> f64 {
    air.get() as f64 / 10.0
}
