//! Estimate: what each stale session cost in fluid and sodium, with an interval and a method.
//!
//! A loss at a time uses evidence up to that time, and that of its own session: filtered, not
//! smoothed, so that a new weigh-in does not rewrite the whole past.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use processors_domain::observation::Licence;
use processors_domain::sport::Sport;
use processors_domain::sweat::{self, Loss, LossFlag, LossInput, MODEL_VERSION, WeighInOutcome};
use processors_domain::units::{BodyMass, LogNormal, Seconds};
use schemas::record::Micros;
use schemas::record::loss::{SweatLossEstimated, SweatLossRetracted};
use schemas::record::observation::WeighInBody;
use schemas::record::state::{LossState, SessionState};
use schemas::topic;

use crate::beliefs::Beliefs;
use crate::conditions;
use crate::entity::{fact_id, hash_of, revise};
use crate::ids::id_of;
use crate::licence;
use crate::profile::weighed;
use crate::sessions::store;
use crate::settings::{Settings, mass_at};
use crate::sweat_tests::{SessionTests, tests_by_session};
use crate::wire;
use crate::work::Work;

pub(crate) fn losses(work: &mut Work<'_>) {
    if work.dirty.everything {
        let all: Vec<String> = work
            .sessions()
            .map(|state| state.session_id.clone())
            .collect();
        work.dirty.losses.extend(all);
    }
    if work.dirty.losses.is_empty() {
        return;
    }
    let stale: Vec<Arc<SessionState>> = work
        .shared_sessions()
        .filter(|state| work.dirty.losses.contains(&state.session_id))
        .cloned()
        .collect();
    let known = Known {
        tests: tests_by_session(work),
        beliefs: work.beliefs(),
        settings: work.settings(),
    };
    for state in stale {
        if state.published.live && !state.container {
            let estimated = work_out(work, &state, &known);
            say(work, &state, &estimated);
        } else {
            retract(work, &state);
        }
    }
}

/// What estimates of one batch share.
struct Known {
    tests: BTreeMap<String, SessionTests>,
    beliefs: Rc<Beliefs>,
    settings: Arc<Settings>,
}

/// A loss with what advice and later estimates need to know of it.
struct Estimated {
    loss: Loss,
    air: conditions::Told,
    /// The tests it rests on.
    evidence: Vec<String>,
    deficit_ml: Option<i64>,
    mass_pre_g: Option<i64>,
    test_at: Option<Micros>,
    prior: LogNormal,
    licence: Licence,
}

fn work_out(work: &Work<'_>, state: &SessionState, known: &Known) -> Estimated {
    let sex = known.settings.sex();
    let posterior = known.beliefs.rate(state.start);
    let air = conditions::of(work, state);
    let tests = known.tests.get(&state.session_id);
    let patch = tests.and_then(|tests| tests.patch(work, &known.settings, state));
    let weigh_in = tests.and_then(|tests| tests.weigh_in.as_ref());
    let outcome = weigh_in.map(|test| weighed(state, &test.body));
    let usable = outcome.as_ref().and_then(Option::as_ref);
    let mass = mass_at(&work.head, &known.settings, state.end).map(BodyMass::clamped);
    let mut loss = sweat::estimate(&LossInput {
        sport: Sport::parse(&state.sport).unwrap_or(Sport::Other),
        sex: Some(sex),
        mass,
        duration: Seconds::clamped(state.duration_s),
        conditions: air.air,
        tests: &posterior,
        sodium: &known.beliefs.sodium(state.start, sex),
        weigh_in: usable,
        patch: patch.as_ref().map(|patch| &patch.whole),
    });
    if matches!(outcome, Some(None)) {
        // Numbers that no scales show.
        loss.flags.insert(LossFlag::Implausible);
    }
    let deficit_ml = weigh_in
        .zip(usable)
        .and_then(|(test, outcome)| match outcome {
            WeighInOutcome::Loss(_) => Some(deficit_ml(&test.body)),
            WeighInOutcome::NotUsable(_) => believable_deficit_ml(&test.body),
        });
    Estimated {
        loss,
        evidence: tests
            .into_iter()
            .flat_map(SessionTests::observations)
            .map(str::to_owned)
            .collect(),
        deficit_ml,
        mass_pre_g: weigh_in
            .filter(|_| deficit_ml.is_some())
            .map(|test| libm::round(test.body.mass_pre_kg * 1_000.0) as i64),
        test_at: tests.map(|_| state.end),
        prior: posterior.belief(),
        licence: known.beliefs.licence(state.start).max(licence::of_session(
            work,
            state,
            &air,
            patch.as_ref(),
        )),
        air,
    }
}

fn deficit_ml(body: &WeighInBody) -> i64 {
    libm::round((body.mass_pre_kg - body.mass_post_kg) * 1_000.0) as i64
}

/// What the scales say is missing, where the sweat that follows from it is implausible. A loss that no
/// sweat explains is a mistake of the scales, and nothing follows from it; after a gain nobody may be
/// told to drink, unless it is more than a tenth.
fn believable_deficit_ml(body: &WeighInBody) -> Option<i64> {
    let gained_kg = body.mass_post_kg - body.mass_pre_kg;
    let believable = (0.0..=0.1 * body.mass_pre_kg).contains(&gained_kg);
    believable.then(|| deficit_ml(body))
}

fn say(work: &mut Work<'_>, state: &SessionState, estimated: &Estimated) {
    let mut fact = loss_fact(work, state, estimated);
    let hash = hash_of(&fact);
    let before = state.loss.as_ref();
    let loss = &estimated.loss;
    let mut kept = LossState {
        published: before
            .map(|loss| loss.published.clone())
            .unwrap_or_default(),
        session_revision: state.published.revision,
        prior_mean_micro: estimated.prior.log_mean.get(),
        prior_sd_micro: estimated.prior.log_sd.get(),
        method: fact.method.clone(),
        rate_ml_per_h: loss.rate.median().get(),
        fluid_ml: loss.fluid.median().get(),
        sodium_mg: loss.sodium.map(|sodium| sodium.median().get()),
        deficit_ml: estimated.deficit_ml,
        mass_pre_g: estimated.mass_pre_g,
        sodium_dmmol_l: loss
            .sodium_concentration
            .map(|sodium| sodium.median().get()),
        air_temp_dc: estimated.air.air.air_temp.map(|air| air.get()),
        humidity_known: estimated.air.air.humidity.is_some(),
        test_at: estimated.test_at,
        licence: fact.licence.clone(),
    };
    // The session's revision is named in the fact; another one alone is no other content.
    if let Some(said) = revise(before.map(|loss| &loss.published), &hash, true, work.now) {
        fact.loss_id = loss_id(&state.session_id);
        fact.id = fact_id(&fact.loss_id, &said);
        fact.session_id.clone_from(&state.session_id);
        fact.session_revision = state.published.revision;
        fact.revision = said.revision;
        fact.revised_at = said.revised_at;
        fact.recorded_at = work.now;
        fact.rules_id.clone_from(&work.rules.id);
        fact.content_hash = hash;
        work.emit(topic::SWEAT_LOSSES, &fact.id, &fact);
        kept.published = said;
    }
    // Advice reads what is kept, of which not all is said.
    if before != Some(&kept) {
        work.dirty.advice.push((state.start.0, state.end.0));
    }
    store(
        work,
        Some(state),
        Some(SessionState {
            loss: Some(kept),
            ..state.clone()
        }),
    );
}

fn loss_id(session_id: &str) -> String {
    id_of(&["loss", session_id])
}

fn loss_fact(work: &Work<'_>, state: &SessionState, estimated: &Estimated) -> SweatLossEstimated {
    let loss = &estimated.loss;
    SweatLossEstimated {
        id: String::new(),
        tenant_id: work.tenant.to_owned(),
        athlete_id: work.athlete.to_owned(),
        recorded_at: Micros(0),
        revised_at: Micros(0),
        rules_id: String::new(),
        licence: licence::word(estimated.licence),
        key_id: None,
        loss_id: String::new(),
        revision: 0,
        content_hash: String::new(),
        session_id: String::new(),
        session_revision: 0,
        session_start: state.start,
        session_end: state.end,
        method: loss.method.as_str().to_owned(),
        fluid_ml: wire::interval(loss.fluid, |value| value.get() as f64),
        sweat_rate_l_per_h: wire::interval(loss.rate, |value| value.get() as f64 / 1_000.0),
        sodium_mmol_per_l: loss
            .sodium_concentration
            .map(|sodium| wire::interval(sodium, |value| value.mmol_per_l())),
        sodium_mg: loss
            .sodium
            .map(|sodium| wire::interval(sodium, |value| value.get() as f64)),
        conditions: estimated.air.conditions.clone(),
        evidence: estimated
            .evidence
            .iter()
            .chain(&estimated.air.evidence)
            .cloned()
            .collect(),
        flags: loss
            .flags
            .iter()
            .map(|flag| flag.as_str().to_owned())
            .collect(),
        model_version: MODEL_VERSION.to_owned(),
    }
}

fn retract(work: &mut Work<'_>, state: &SessionState) {
    let Some(loss) = &state.loss else { return };
    if !loss.published.live {
        return;
    }
    let Some(said) = revise(Some(&loss.published), "", false, work.now) else {
        return;
    };
    let loss_id = loss_id(&state.session_id);
    let fact = SweatLossRetracted {
        id: fact_id(&loss_id, &said),
        tenant_id: work.tenant.to_owned(),
        athlete_id: work.athlete.to_owned(),
        recorded_at: work.now,
        revised_at: said.revised_at,
        rules_id: work.rules.id.clone(),
        licence: None,
        key_id: None,
        loss_id,
        revision: said.revision,
        content_hash: String::new(),
        session_id: state.session_id.clone(),
        reason: if state.published.live {
            "regrouped"
        } else {
            "session_retracted"
        }
        .to_owned(),
    };
    work.emit(topic::SWEAT_LOSSES, &fact.id, &fact);
    let loss = LossState {
        published: said,
        ..loss.clone()
    };
    store(
        work,
        Some(state),
        Some(SessionState {
            loss: Some(loss),
            ..state.clone()
        }),
    );
}
