//! Recommend: what to take during what is planned and after what was done.
//!
//! A slot (athlete, anchor, phase) has one live version. Its content is a function of facts alone;
//! that its window is over is said when time passes it, or at once where the facts came too late.
//! Safety rules run last, inside of the domain, and can only lower or stop.

mod slot;

use processors_domain::advice::{
    self, Advised, AfterInput, Basis, ConfidenceInput, DuringInput, Intensity, NextWorkout,
};
use processors_domain::profile;
use processors_domain::safety::{self, BasisFacts, SafetyContext};
use processors_domain::sport::Sport;
use processors_domain::sweat::{self, Sex};
use processors_domain::units::{
    BodyMass, LogNormal, Milligrams, Millilitres, Seconds, SodiumConcentration, SweatRate,
};
use schemas::record::Micros;
use schemas::record::observation::{IntakeBody, PlannedWorkoutBody};
use schemas::record::state::{LossState, SessionState};

use crate::bucket::DAY_US;
use crate::dirty::{Reach, any_touches};
use crate::normalize::{SECOND_US, plan_end};
use crate::observation;
use crate::settings::{Settings, mass_at};
use crate::wire;
use crate::work::Work;
use slot::{Anchor, Desired};

/// Advice after a workout looks this far ahead for the next one; later is "no next workout".
const HORIZON_US: i64 = DAY_US;
/// Advice stands at least this long, also where bed time is near.
const WINDOW_MIN_S: i64 = 1_800;
/// Mass that stands in where none is known; the advice says that it is unsure.
const MASS_UNKNOWN_G: i64 = 70_000;
/// Below this the reader is told that the numbers are unsure, in thousandths.
const SURE_PERMILLE_MIN: i64 = 500;

pub(crate) fn recommend(work: &mut Work<'_>) {
    if work.dirty.everything {
        work.dirty.advice.push((i64::MIN, i64::MAX));
    }
    for day in work.dirty.days.clone() {
        let start = i64::from(day).saturating_mul(DAY_US);
        work.dirty
            .advice
            .push((start, start.saturating_add(DAY_US - 1)));
    }
    if work.dirty.advice.is_empty() {
        return;
    }
    let timeline = Timeline::of(work);
    for state in &timeline.sessions {
        // What was drunk on the day before counts, and so does the next workout.
        let reach = (
            state.end.0.saturating_sub(DAY_US).min(state.start.0),
            state.end.0.saturating_add(HORIZON_US),
        );
        if !any_touches(&work.dirty.advice, reach, 0) {
            continue;
        }
        let anchor = Anchor::session(work, state);
        match (&state.loss, state.published.live && !state.container) {
            (Some(loss), true) => {
                let desired = after_session(work, &timeline, state, loss);
                slot::say(work, &anchor, desired);
            }
            _ => slot::cancel(work, &anchor, reason(state)),
        }
    }
    for (plan, live) in &timeline.plans {
        if !any_touches(&work.dirty.advice, (plan.start.0, plan_end(plan)), 0) {
            continue;
        }
        let anchor = Anchor::plan(work, plan);
        if *live {
            let desired = during_plan(work, &timeline, plan);
            slot::say(work, &anchor, desired);
        } else {
            slot::cancel(work, &anchor, "WORKOUT_DELETED");
        }
    }
}

fn reason(state: &SessionState) -> &'static str {
    if state.superseded_by.is_some() {
        "MERGED_WITH_OTHER"
    } else {
        "WORKOUT_DELETED"
    }
}

/// What advice looks at besides one workout.
struct Timeline {
    /// Live and withdrawn.
    sessions: Vec<SessionState>,
    plans: Vec<(PlannedWorkoutBody, bool)>,
    intake: Vec<IntakeBody>,
    settings: Settings,
}

impl Timeline {
    fn of(work: &Work<'_>) -> Self {
        let mut timeline = Self {
            sessions: Vec::new(),
            plans: Vec::new(),
            intake: Vec::new(),
            settings: Settings::of(&work.head),
        };
        for (_, bucket) in work.days() {
            timeline.sessions.extend(bucket.sessions.iter().cloned());
            for state in &bucket.observations {
                let Some(version) = observation::current(state) else {
                    continue;
                };
                let live = observation::is_live(&work.head, state);
                if let Some(plan) = &version.planned_workout {
                    timeline.plans.push(((**plan).clone(), live));
                }
                if let (Some(intake), true) = (&version.intake, live) {
                    timeline.intake.push((**intake).clone());
                }
            }
        }
        timeline
    }

    /// The start of the next workout within the horizon, done or planned.
    fn next_start(&self, after: Micros) -> Option<Micros> {
        let sessions = self
            .sessions
            .iter()
            .filter(|state| state.published.live && !state.container);
        let plans = self.plans.iter().filter(|(_, live)| *live);
        sessions
            .map(|state| state.start)
            .chain(plans.map(|(plan, _)| plan.start))
            .filter(|start| *start > after && start.0 < after.0.saturating_add(HORIZON_US))
            .min()
    }

    fn taken(&self, reach: Reach) -> (Millilitres, Milligrams) {
        let within = |body: &&IntakeBody| body.at.0 >= reach.0 && body.at.0 <= reach.1;
        let sum = |of: fn(&IntakeBody) -> Option<f64>| {
            let parts = self.intake.iter().filter(within).filter_map(of);
            parts.map(|part| libm::round(part) as i64).sum::<i64>()
        };
        (
            Millilitres::clamped(sum(|body| body.fluid_ml)),
            Milligrams::clamped(sum(|body| body.sodium_mg)),
        )
    }

    fn sodium_prior(&self) -> SodiumConcentration {
        let sex = if self.settings.female {
            Sex::Female
        } else {
            Sex::Male
        };
        let prior: LogNormal = sweat::sodium_prior(Some(sex));
        prior.interval(10).median()
    }
}

fn mass(
    work: &Work<'_>,
    timeline: &Timeline,
    at: Micros,
    weighed_g: Option<i64>,
) -> (BodyMass, bool) {
    match mass_at(&work.head, &timeline.settings, at).or(weighed_g) {
        Some(grams) => (BodyMass::clamped(grams), true),
        None => (BodyMass::clamped(MASS_UNKNOWN_G), false),
    }
}

fn basis(work: &Work<'_>, method: &str, sport: &str, at: Micros) -> Basis {
    let family = Sport::parse(sport).unwrap_or(Sport::Other).family();
    match method {
        "weigh_in" => Basis::WeighIn,
        "population" => Basis::Population,
        _ => {
            let posterior = profile::posterior(&crate::profile::evidence(work), wire::instant(at));
            if posterior.was_tested_in(family) {
                Basis::Profile
            } else {
                Basis::OtherFamily
            }
        }
    }
}

fn confidence(basis: Basis) -> advice::Confidence {
    advice::Confidence::of(&ConfidenceInput {
        basis,
        test_age_days: None,
        hot_and_dryness_unknown: false,
        short_sleep: false,
    })
}

/// What the estimate says, or what people lose in so much sweat where it says nothing.
fn sodium_lost(timeline: &Timeline, loss: &LossState) -> Milligrams {
    loss.sodium_mg.map_or_else(
        || Milligrams::of_sodium(Millilitres::clamped(loss.fluid_ml), timeline.sodium_prior()),
        Milligrams::clamped,
    )
}

fn after_session(
    work: &Work<'_>,
    timeline: &Timeline,
    state: &SessionState,
    loss: &LossState,
) -> Desired {
    let (mass, mass_known) = mass(work, timeline, state.end, loss.mass_pre_g);
    let (drunk, sodium_taken) = timeline.taken((state.start.0, state.end.0));
    let lost = Millilitres::clamped(loss.fluid_ml);
    let deficit = loss
        .deficit_ml
        .unwrap_or_else(|| lost.get().saturating_sub(drunk.get()));
    let sodium_lost = sodium_lost(timeline, loss);
    let seconds = |until: Micros| Seconds::from_micros(until.0.saturating_sub(state.end.0));
    let next = timeline.next_start(state.end);
    let rate = SweatRate::new(loss.rate_ml_per_h);
    let cap = advice::usual_cap(rate, false);
    let duration = Seconds::clamped(state.duration_s);
    let input = AfterInput {
        mass,
        duration,
        intensity: Intensity::Moderate,
        deficit: Millilitres::clamped(deficit),
        sodium_lost,
        sodium_taken,
        next: next.map(|start| NextWorkout {
            gap: seconds(start),
            fluid_before: None,
        }),
        to_bed: timeline.settings.bed_after(state.end).map(seconds),
        cap,
    };
    let confidence = confidence(basis(work, &loss.method, &state.sport, state.start));
    let (fluid_today, _) = timeline.taken((state.end.0.saturating_sub(DAY_US), state.end.0));
    let weighed = loss
        .deficit_ml
        .map(|ml| safety::share_of_mass(Millilitres::clamped(ml), mass));
    let advised = safety::apply(
        advice::after(&input),
        &SafetyContext {
            predicted_loss: None,
            cap: Some(cap),
            fluid_today: Some(fluid_today),
            basis: Some(BasisFacts {
                rate,
                sodium: None,
                mass_loss_permille: weighed,
                duration: Some(duration),
            }),
            low_confidence: !mass_known || confidence.fluid.get() < SURE_PERMILLE_MIN,
        },
    );
    let window = advised.window.get().max(WINDOW_MIN_S);
    Desired {
        phase: "post",
        start: state.start,
        end: state.end,
        valid_from: state.end,
        valid_until: Micros(state.end.0.saturating_add(window.saturating_mul(SECOND_US))),
        origin: state.end,
        gap_class: input
            .next
            .map(|next| advice::GapClass::of(next.gap, &advice::GapBounds::default())),
        inputs: format!("{input:?}"),
        advised,
        confidence,
    }
}

fn during_plan(work: &Work<'_>, timeline: &Timeline, plan: &PlannedWorkoutBody) -> Desired {
    let (mass, mass_known) = mass(work, timeline, plan.start, None);
    let sport = Sport::parse(&plan.sport).unwrap_or(Sport::Other);
    let sex = if timeline.settings.female {
        Sex::Female
    } else {
        Sex::Male
    };
    let duration = Seconds::from_minutes(plan.duration_min).unwrap_or(Seconds::ZERO);
    let evidence = crate::profile::evidence(work);
    let posterior = profile::posterior(&evidence, wire::instant(plan.start));
    let predicted = sweat::predict(sport, Some(sex), &posterior, duration);
    let rate = predicted.rate.median();
    let sodium = predicted
        .sodium_concentration
        .map_or_else(|| timeline.sodium_prior(), |sodium| sodium.median());
    let cap = advice::usual_cap(Some(rate), false);
    let input = DuringInput {
        mass,
        duration,
        rate,
        sodium,
        intensity: Intensity::parse(&plan.intensity).unwrap_or_default(),
        start_deficit: Millilitres::ZERO,
        cap,
        gut_trained: timeline.settings.gut_trained,
        merged_before: Seconds::ZERO,
    };
    let confidence = confidence(basis(
        work,
        predicted.method.as_str(),
        &plan.sport,
        plan.start,
    ));
    let advised: Advised = safety::apply(
        advice::during(&input),
        &SafetyContext {
            predicted_loss: Some(predicted.fluid.median()),
            cap: Some(cap),
            fluid_today: None,
            basis: Some(BasisFacts {
                rate: Some(rate),
                sodium: Some(sodium),
                mass_loss_permille: None,
                duration: Some(duration),
            }),
            low_confidence: !mass_known || confidence.fluid.get() < SURE_PERMILLE_MIN,
        },
    );
    let end = Micros(plan_end(plan));
    Desired {
        phase: "during",
        start: plan.start,
        end,
        valid_from: plan.start,
        valid_until: end,
        origin: plan.start,
        gap_class: None,
        inputs: format!("{input:?}"),
        advised,
        confidence,
    }
}
