//! The inputs of each phase's rule, gathered from the timeline, and the rule's answer.

use processors_domain::advice::{
    self, AfterInput, Basis, BeforeInput, BridgeInput, Confidence, ConfidenceInput, DuringInput,
    GapClass, NextWorkout, NightInput,
};
use processors_domain::safety::{self, BasisFacts, SafetyContext};
use processors_domain::sweat::{self, Conditions, Loss, LossInput};
use processors_domain::units::{
    BodyMass, Milligrams, Millilitres, Permille, Seconds, SodiumConcentration, SweatRate,
};
use schemas::record::Micros;
use schemas::record::state::LossState;

use super::chain::{Chain, deficit_after, handed_over, planned_fluid};
use super::context;
use super::label;
use super::slot::{Desired, Inputs};
use super::timeline::{Plan, Timeline, Workout};
use crate::normalize::SECOND_US;
use crate::settings::mass_at;
use crate::work::Work;

/// Advice stands at least this long, also where bed time is near.
const WINDOW_MIN_S: i64 = 1_800;
/// Mass that stands in where none is known; the advice says that it is unsure.
const MASS_UNKNOWN_G: i64 = 70_000;
/// Below this the reader is told that the numbers are unsure, in thousandths.
const SURE_PERMILLE_MIN: i64 = 500;
/// Drinking before a workout begins at most this early.
const LEAD_MAX_S: i64 = 4 * 3_600;
/// After a workout of the same day it begins this early, and stays small.
const LEAD_FAST_S: i64 = 2 * 3_600;
/// A workout that ends this long before bed is one of the evening.
const EVENING_S: i64 = 3 * 3_600;
/// Advice for the night stands from this long before bed.
const PRE_SLEEP_S: i64 = 90 * 60;

pub(super) fn after_session(
    work: &Work<'_>,
    timeline: &Timeline,
    workout: &Workout,
    loss: &LossState,
) -> Desired {
    let body = Body::of(work, timeline, workout.end, loss.mass_pre_g);
    let (_, sodium_taken) = timeline.taken((workout.start.0, workout.end.0));
    let seconds = |until: Micros| Seconds::from_micros(until.0.saturating_sub(workout.end.0));
    let rate = SweatRate::new(loss.rate_ml_per_h);
    let cap = advice::usual_cap(rate, false);
    let next = timeline.next(workout).map(|(next, gap)| NextWorkout {
        gap,
        fluid_before: Some(fluid_before(&body, timeline, next, gap)),
    });
    let sodium_lost = sodium_lost(timeline, workout, loss);
    let input = AfterInput {
        mass: body.mass,
        duration: workout.duration,
        intensity: workout.intensity,
        deficit: deficit_after(work, timeline, workout, Chain::of(workout)),
        sodium_lost,
        sodium_taken,
        next,
        to_bed: timeline.settings.bed_after(workout.end).map(seconds),
        cap,
        bounds: timeline.bounds,
    };
    let sure = sure_of_loss(timeline, workout, loss);
    let context = SafetyContext {
        cap: Some(cap),
        sodium_lost: Some(sodium_lost),
        low_confidence: !body.known || sure.fluid.get() < SURE_PERMILLE_MIN,
        ..context::after(timeline, workout, loss)
    };
    let advised = safety::apply(advice::after(&input), &context);
    let window = advised.window.get().max(WINDOW_MIN_S);
    Desired {
        phase: "post",
        start: workout.start,
        end: workout.end,
        valid_from: workout.end,
        valid_until: later(workout.end, window),
        origin: workout.end,
        gap_class: next.map(|next| GapClass::of(next.gap, &timeline.bounds)),
        inputs: Inputs::After(input),
        advised,
        confidence: sure,
        licence: label::of_session(work, timeline, workout),
    }
}

pub(super) fn bridge_after(
    work: &Work<'_>,
    timeline: &Timeline,
    workout: &Workout,
    loss: &LossState,
) -> Desired {
    let body = Body::of(work, timeline, workout.end, loss.mass_pre_g);
    let cap = advice::usual_cap(SweatRate::new(loss.rate_ml_per_h), false);
    let gap = timeline.next(workout).map_or(Seconds::ZERO, |(_, gap)| gap);
    let input = BridgeInput {
        mass: body.mass,
        deficit: deficit_after(work, timeline, workout, Chain::of(workout)),
        gap,
        cap,
    };
    let sure = sure_of_loss(timeline, workout, loss);
    let context = SafetyContext {
        cap: Some(cap),
        sodium_lost: Some(sodium_lost(timeline, workout, loss)),
        low_confidence: !body.known || sure.fluid.get() < SURE_PERMILLE_MIN,
        ..context::after(timeline, workout, loss)
    };
    Desired {
        phase: "bridge",
        start: workout.start,
        end: workout.end,
        valid_from: workout.end,
        valid_until: later(workout.end, gap.get()),
        origin: workout.end,
        gap_class: Some(GapClass::of(gap, &timeline.bounds)),
        inputs: Inputs::Bridge(input),
        advised: safety::apply(advice::bridge(&input), &context),
        confidence: sure,
        licence: label::of_session(work, timeline, workout),
    }
}

/// Before a plan; `None` where the workout before it leaves no room for that.
pub(super) fn before_plan(work: &Work<'_>, timeline: &Timeline, plan: &Plan) -> Option<Desired> {
    let before = timeline.before_plan(plan);
    let class = before.map(|(_, _, class)| class);
    if matches!(
        class,
        Some(GapClass::Merged | GapClass::Bridge | GapClass::Rapid)
    ) {
        return None;
    }
    let body = Body::of(work, timeline, plan.start, None);
    let dark_urine = timeline.dark_urine(plan.start);
    let (lead, input) = match before {
        Some((_, gap, GapClass::Fast)) => {
            let lead = Seconds::clamped(LEAD_FAST_S);
            (lead, between_fast(&body, plan, gap))
        }
        _ => {
            let lead = lead(timeline, plan, before.map(|(workout, _, _)| workout.end));
            let input = BeforeInput {
                mass: body.mass,
                duration: plan.duration,
                intensity: plan.intensity,
                lead,
                dark_urine,
                carbohydrate_scale: work.rules.pre_carb_scale(),
            };
            (lead, input)
        }
    };
    let valid_from = later(plan.start, lead.get().saturating_neg());
    let predicted = predict(timeline, &Workout::of_plan(plan));
    let sure = sure_of(timeline, &Workout::of_plan(plan), predicted.method.as_str());
    let context = SafetyContext {
        fluid_today: Some(context::drunk_today(timeline, valid_from)),
        low_confidence: !body.known,
        ..context::before(timeline, plan)
    };
    Some(Desired {
        phase: "pre",
        start: plan.start,
        end: plan.end,
        valid_from,
        valid_until: plan.start,
        origin: valid_from,
        gap_class: class,
        inputs: Inputs::Before(input),
        advised: safety::apply(advice::before(&input), &context),
        confidence: sure,
        licence: label::of_plan(work, timeline, plan, &Workout::of_plan(plan)),
    })
}

/// After a workout in the evening; `None` where bed is far, unknown, or another workout comes first.
pub(super) fn before_sleep(
    work: &Work<'_>,
    timeline: &Timeline,
    workout: &Workout,
    loss: &LossState,
) -> Option<Desired> {
    let bed = timeline.settings.bed_after(workout.end)?;
    let evening = bed.0.saturating_sub(workout.end.0) <= EVENING_S.saturating_mul(SECOND_US);
    let last = timeline
        .next(workout)
        .is_none_or(|(next, _)| next.start >= bed);
    if !evening || !last {
        return None;
    }
    let input = NightInput {
        hard_day: true,
        without_milk: timeline.settings.avoids_milk(),
    };
    let valid_from = later(bed, -PRE_SLEEP_S).max(workout.end);
    let context = context::before_sleep(timeline, workout, loss);
    Some(Desired {
        phase: "pre_sleep",
        start: workout.start,
        end: workout.end,
        valid_from,
        valid_until: bed,
        origin: valid_from,
        gap_class: None,
        inputs: Inputs::Night(input),
        advised: safety::apply(advice::pre_sleep(&input), &context),
        // It rests on the hour and on the diet alone.
        confidence: Confidence::of(&ConfidenceInput {
            basis: Basis::Population,
            test_age_days: None,
            hot_and_dryness_unknown: false,
            short_sleep: false,
        }),
        licence: label::of_session(work, timeline, workout),
    })
}

/// From the start of drinking to that of the workout: not in the night, nor in the workout before.
fn lead(timeline: &Timeline, plan: &Plan, last_end: Option<Micros>) -> Seconds {
    let earliest = later(plan.start, -LEAD_MAX_S);
    let awake = timeline.settings.woke_before(plan.start);
    let from = [awake, last_end]
        .into_iter()
        .flatten()
        .fold(earliest, Micros::max);
    Seconds::from_micros(plan.start.0.saturating_sub(from.0))
}

/// Two hours before the second workout of a day: a small drink, and carbohydrate for each hour that
/// the gap is longer than four.
fn between_fast(body: &Body, plan: &Plan, gap: Seconds) -> BeforeInput {
    let scale = gap.get().saturating_sub(LEAD_MAX_S).clamp(0, 3_600);
    BeforeInput {
        mass: body.mass,
        duration: plan.duration,
        intensity: plan.intensity,
        // The rule's band of 3 to 5 mL/kg, and 1 g/kg before the scale.
        lead: Seconds::clamped(3_600),
        dark_urine: false,
        carbohydrate_scale: Permille::clamped(scale.saturating_mul(1_000) / 3_600),
    }
}

/// In a planned workout; `None` where another one is under way all the time.
pub(super) fn during_plan(work: &Work<'_>, timeline: &Timeline, plan: &Plan) -> Option<Desired> {
    let workout = timeline.free_part(plan)?;
    let predicted = predict(timeline, &workout);
    let body = Body::of(work, timeline, workout.start, None);
    let input = during_input(
        work,
        timeline,
        &workout,
        &body,
        &predicted,
        Chain::of(&workout),
    );
    let sure = sure_of(timeline, &workout, predicted.method.as_str());
    let context = SafetyContext {
        predicted_loss: Some(predicted.fluid.median()),
        sodium_lost: Some(Milligrams::of_sodium(
            predicted.fluid.median(),
            input.sodium,
        )),
        cap: Some(input.cap),
        basis: Some(BasisFacts {
            rate: Some(input.rate),
            sodium: Some(input.sodium),
            mass_loss_permille: None,
            duration: Some(workout.duration),
        }),
        low_confidence: !body.known || sure.fluid.get() < SURE_PERMILLE_MIN,
        ..context::before(timeline, plan)
    };
    Some(Desired {
        phase: "during",
        start: plan.start,
        end: plan.end,
        valid_from: workout.start,
        valid_until: plan.end,
        origin: workout.start,
        gap_class: timeline.before_plan(plan).map(|(_, _, class)| class),
        inputs: Inputs::During(input),
        advised: safety::apply(advice::during(&input), &context),
        confidence: sure,
        licence: label::of_plan(work, timeline, plan, &workout),
    })
}

pub(super) fn during_input(
    work: &Work<'_>,
    timeline: &Timeline,
    workout: &Workout,
    body: &Body,
    predicted: &Loss,
    chain: Chain,
) -> DuringInput {
    let rate = predicted.rate.median();
    let handed = handed_over(work, timeline, workout, chain);
    DuringInput {
        mass: body.mass,
        duration: workout.duration,
        rate,
        sodium: predicted.sodium_concentration.map_or_else(
            || usual_sodium(timeline, workout.start),
            |sodium| sodium.median(),
        ),
        intensity: workout.intensity,
        start_deficit: handed.deficit,
        cap: advice::usual_cap(Some(rate), false),
        gut_trained: timeline.settings.gut_trained,
        merged_before: handed.merged,
    }
}

/// What would be drunk before the next workout by itself; after a short gap it is folded in.
fn fluid_before(body: &Body, timeline: &Timeline, next: &Workout, gap: Seconds) -> Millilitres {
    let draft = advice::before(&BeforeInput {
        mass: body.mass,
        duration: next.duration,
        intensity: next.intensity,
        lead: Seconds::clamped(gap.get().min(LEAD_MAX_S)),
        dark_urine: timeline.dark_urine(next.start),
        carbohydrate_scale: Permille::ONE,
    });
    planned_fluid(&draft)
}

/// How heavy the athlete is, and whether anybody said so.
pub(super) struct Body {
    pub(super) mass: BodyMass,
    known: bool,
}

impl Body {
    pub(super) fn of(
        work: &Work<'_>,
        timeline: &Timeline,
        at: Micros,
        weighed_g: Option<i64>,
    ) -> Self {
        match mass_at(&work.head, &timeline.settings, at).or(weighed_g) {
            Some(grams) => Self {
                mass: BodyMass::clamped(grams),
                known: true,
            },
            None => Self {
                mass: BodyMass::clamped(MASS_UNKNOWN_G),
                known: false,
            },
        }
    }
}

/// What a workout will cost: weather of the future is not asked for.
pub(super) fn predict(timeline: &Timeline, workout: &Workout) -> Loss {
    sweat::estimate(&LossInput {
        sport: workout.sport,
        sex: Some(timeline.settings.sex()),
        mass: None,
        duration: workout.duration,
        conditions: Conditions::MISSING,
        tests: &timeline.beliefs.rate(workout.start),
        sodium: &timeline
            .beliefs
            .sodium(workout.start, timeline.settings.sex()),
        weigh_in: None,
        patch: None,
    })
}

fn usual_sodium(timeline: &Timeline, at: Micros) -> SodiumConcentration {
    let sex = timeline.settings.sex();
    let belief = timeline.beliefs.sodium(at, sex).belief(Some(sex));
    belief.interval(10).median()
}

/// What the estimate says, or what people lose in so much sweat where it says nothing.
fn sodium_lost(timeline: &Timeline, workout: &Workout, loss: &LossState) -> Milligrams {
    let usual = || usual_sodium(timeline, workout.start);
    loss.sodium_mg.map_or_else(
        || Milligrams::of_sodium(Millilitres::clamped(loss.fluid_ml), usual()),
        Milligrams::clamped,
    )
}

fn sure_of_loss(timeline: &Timeline, workout: &Workout, loss: &LossState) -> Confidence {
    let hot = loss.air_temp_dc.is_some_and(|temp| temp >= HOT_DC);
    Confidence::of(&ConfidenceInput {
        basis: basis(timeline, workout, &loss.method),
        test_age_days: None,
        hot_and_dryness_unknown: hot && !loss.humidity_known,
        short_sleep: false,
    })
}

/// 28 °C, in tenths.
const HOT_DC: i64 = 280;

fn sure_of(timeline: &Timeline, workout: &Workout, method: &str) -> Confidence {
    Confidence::of(&ConfidenceInput {
        basis: basis(timeline, workout, method),
        test_age_days: None,
        hot_and_dryness_unknown: false,
        short_sleep: false,
    })
}

fn basis(timeline: &Timeline, workout: &Workout, method: &str) -> Basis {
    match method {
        "weigh_in" => Basis::WeighIn,
        "population" => Basis::Population,
        // A patch of this very workout.
        "patch" | "fused" => Basis::Profile,
        _ => {
            let posterior = timeline.beliefs.rate(workout.start);
            if posterior.was_tested_in(workout.sport.family()) {
                Basis::Profile
            } else {
                Basis::OtherFamily
            }
        }
    }
}

fn later(at: Micros, seconds: i64) -> Micros {
    Micros(at.0.saturating_add(seconds.saturating_mul(SECOND_US)))
}
