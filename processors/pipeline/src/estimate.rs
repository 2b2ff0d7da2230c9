//! Estimate: what each stale session cost in fluid and sodium, with an interval and a method.
//!
//! A loss at a time uses evidence up to that time, and that of its own session: filtered, not
//! smoothed, so that a new weigh-in does not rewrite the whole past.

use std::collections::BTreeMap;

use processors_domain::profile::{self, Posterior};
use processors_domain::sport::Sport;
use processors_domain::sweat::{self, Loss, MODEL_VERSION, Sex, WeighInOutcome};
use processors_domain::units::Seconds;
use schemas::record::Micros;
use schemas::record::loss::{Conditions, SweatLossEstimated, SweatLossRetracted};
use schemas::record::observation::WeighInBody;
use schemas::record::state::{LossState, SessionState};
use schemas::topic;

use crate::entity::{fact_id, hash_of, revise};
use crate::ids::id_of;
use crate::profile::{Test, evidence, tests_by_session, weighed};
use crate::sessions::store;
use crate::settings::Settings;
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
    let stale: Vec<SessionState> = work
        .sessions()
        .filter(|state| work.dirty.losses.contains(&state.session_id))
        .cloned()
        .collect();
    let tests = tests_by_session(work);
    let evidence = evidence(work);
    let settings = Settings::of(&work.head);
    for state in stale {
        if state.published.live && !state.container {
            let posterior = profile::posterior(&evidence, wire::instant(state.start));
            estimate(work, &state, &tests, &posterior, &settings);
        } else {
            retract(work, &state);
        }
    }
}

/// A loss with what advice needs to know of it.
struct Estimated {
    loss: Loss,
    evidence: Vec<String>,
    deficit_ml: Option<i64>,
}

fn work_out(
    state: &SessionState,
    tests: &BTreeMap<String, Test>,
    posterior: &Posterior,
    settings: &Settings,
) -> Estimated {
    let sex = if settings.female {
        Sex::Female
    } else {
        Sex::Male
    };
    let sport = Sport::parse(&state.sport).unwrap_or(Sport::Other);
    let predicted = || {
        sweat::predict(
            sport,
            Some(sex),
            posterior,
            Seconds::clamped(state.duration_s),
        )
    };
    let Some(test) = tests.get(&state.session_id) else {
        return Estimated {
            loss: predicted(),
            evidence: Vec::new(),
            deficit_ml: None,
        };
    };
    let evidence = vec![test.observation_id.clone()];
    match weighed(state, &test.body) {
        Some(WeighInOutcome::Loss(told)) => {
            let lost = (test.body.mass_pre_kg - test.body.mass_post_kg) * 1_000.0;
            let deficit_ml = Some(libm::round(lost) as i64);
            Estimated {
                loss: told.into_loss(),
                evidence,
                deficit_ml,
            }
        }
        Some(WeighInOutcome::NotUsable(unusable)) => {
            let mut loss = predicted();
            loss.flags.extend(unusable.flags);
            Estimated {
                loss,
                evidence,
                deficit_ml: believable_deficit_ml(&test.body),
            }
        }
        None => {
            let mut loss = predicted();
            loss.flags.insert(sweat::LossFlag::Implausible);
            Estimated {
                loss,
                evidence,
                deficit_ml: None,
            }
        }
    }
}

/// What the scales say is missing, where only the sweat that follows from it is implausible: after a
/// gain nobody may be told to drink. A change of more than a tenth is a mistake of the scales.
fn believable_deficit_ml(body: &WeighInBody) -> Option<i64> {
    let lost_kg = body.mass_pre_kg - body.mass_post_kg;
    let believable = lost_kg.abs() <= 0.1 * body.mass_pre_kg;
    believable.then(|| libm::round(lost_kg * 1_000.0) as i64)
}

fn estimate(
    work: &mut Work<'_>,
    state: &SessionState,
    tests: &BTreeMap<String, Test>,
    posterior: &Posterior,
    settings: &Settings,
) {
    let estimated = work_out(state, tests, posterior, settings);
    let mut fact = loss_fact(work, state, &estimated);
    let hash = hash_of(&fact);
    let before = state.loss.as_ref();
    let belief = posterior.belief();
    let mut loss = LossState {
        published: before
            .map(|loss| loss.published.clone())
            .unwrap_or_default(),
        session_revision: state.published.revision,
        prior_mean_micro: belief.log_mean.get(),
        prior_sd_micro: belief.log_sd.get(),
        method: fact.method.clone(),
        rate_ml_per_h: estimated.loss.rate.median().get(),
        fluid_ml: estimated.loss.fluid.median().get(),
        sodium_mg: estimated.loss.sodium.map(|sodium| sodium.median().get()),
        deficit_ml: estimated.deficit_ml,
        mass_pre_g: tests
            .get(&state.session_id)
            .map(|test| libm::round(test.body.mass_pre_kg * 1_000.0) as i64),
        ..LossState::default()
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
        work.emit(topic::SWEAT_LOSSES, &fact.id.clone(), &fact);
        work.dirty.advice.push((state.start.0, state.end.0));
        loss.published = said;
    }
    store(
        work,
        Some(state),
        Some(SessionState {
            loss: Some(loss),
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
        licence: None,
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
        conditions: Conditions {
            indoor: state.indoor,
            source: "none".to_owned(),
            ..Conditions::default()
        },
        evidence: estimated.evidence.clone(),
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
    work.emit(topic::SWEAT_LOSSES, &fact.id.clone(), &fact);
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
