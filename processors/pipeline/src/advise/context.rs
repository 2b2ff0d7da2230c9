//! What the safety rules look at, out of the timeline: of the athlete, after a workout, before one.
//!
//! Each phase begins with one of these, so that none forgets a rule.

use processors_domain::safety::{self, BasisFacts, Gain, SafetyContext};
use processors_domain::units::{BodyMass, Millilitres, SodiumConcentration, SweatRate};
use schemas::record::Micros;
use schemas::record::state::LossState;

use super::timeline::{Plan, Timeline, Workout};
use crate::bucket::DAY_US;

/// For so long after a gain nobody is told to drink before a workout or in it.
const GAIN_US: i64 = DAY_US;

fn of_athlete(timeline: &Timeline) -> SafetyContext {
    SafetyContext {
        withheld: timeline.settings.withheld(),
        ..SafetyContext::default()
    }
}

pub(super) fn before(timeline: &Timeline, plan: &Plan) -> SafetyContext {
    let planned = Workout::of_plan(plan);
    let lately = gained_before(timeline, plan.start, &planned)
        .next()
        .is_some();
    SafetyContext {
        gain: lately.then_some(Gain::Drinking),
        ..of_athlete(timeline)
    }
}

pub(super) fn after(timeline: &Timeline, workout: &Workout, loss: &LossState) -> SafetyContext {
    SafetyContext {
        fluid_today: Some(drunk_today(timeline, workout.end)),
        basis: Some(basis_facts(workout, loss)),
        gain: gain_after(timeline, workout, loss),
        ..of_athlete(timeline)
    }
}

/// Of the workout that it rests on, what counts is only what the scales showed.
pub(super) fn before_sleep(
    timeline: &Timeline,
    workout: &Workout,
    loss: &LossState,
) -> SafetyContext {
    let all = after(timeline, workout, loss);
    let weighed = all.basis.map(|facts| BasisFacts {
        mass_loss_permille: facts.mass_loss_permille,
        ..BasisFacts::default()
    });
    SafetyContext {
        basis: weighed,
        fluid_today: None,
        ..all
    }
}

/// A gain in this workout, or in one of the day before.
fn gain_after(timeline: &Timeline, workout: &Workout, loss: &LossState) -> Option<Gain> {
    if gained(workout, loss) {
        return Some(Gain::Drinking);
    }
    let mut gained = gained_before(timeline, workout.end, workout);
    gained.next().map(|_| Gain::PlainWater)
}

/// Other workouts of the day before an instant in which the athlete gained.
pub(super) fn gained_before<'t>(
    timeline: &'t Timeline,
    at: Micros,
    workout: &'t Workout,
) -> impl Iterator<Item = &'t Workout> {
    let since = at.0.saturating_sub(GAIN_US);
    let others = timeline.workouts().filter(|other| other.id != workout.id);
    let lately = others.filter(move |other| {
        other.end.0 > since && other.start < at && other.start >= workout.since()
    });
    lately.filter(|other| other.loss.as_ref().is_some_and(|loss| gained(other, loss)))
}

/// By the scales alone: what was drunk in excess of an estimate is no gain.
fn gained(workout: &Workout, loss: &LossState) -> bool {
    let weighed = weighed(loss);
    weighed.is_some_and(|(lost, mass)| safety::is_gain(lost, mass, workout.duration))
}

/// What the scales say is missing, and of what mass.
fn weighed(loss: &LossState) -> Option<(Millilitres, BodyMass)> {
    let (lost, mass) = loss.deficit_ml.zip(loss.mass_pre_g)?;
    Some((Millilitres::clamped(lost), BodyMass::clamped(mass)))
}

pub(super) fn drunk_today(timeline: &Timeline, at: Micros) -> Millilitres {
    timeline.taken((at.0.saturating_sub(DAY_US), at.0)).0
}

fn basis_facts(workout: &Workout, loss: &LossState) -> BasisFacts {
    BasisFacts {
        rate: SweatRate::new(loss.rate_ml_per_h),
        sodium: loss.sodium_dmmol_l.and_then(SodiumConcentration::new),
        mass_loss_permille: weighed(loss).map(|(lost, mass)| safety::share_of_mass(lost, mass)),
        duration: Some(workout.duration),
    }
}
