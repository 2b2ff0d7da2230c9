//! The licence label of advice: the strictest of what it was worked out from.
//!
//! A workout counts where it can change the advice: the one that it is about, the one that follows, those
//! that hand over what is missing, those that are under way at the same time, and those that scales told
//! a gain of.

use processors_domain::advice::GapClass;
use processors_domain::observation::Licence;
use schemas::record::Micros;

use super::chain::CHAIN_MAX;
use super::context::gained_before;
use super::timeline::{Plan, Timeline, Workout};
use crate::bucket::DAY_US;
use crate::licence;
use crate::settings::mass_licence;
use crate::work::Work;

pub(super) fn of_session(work: &Work<'_>, timeline: &Timeline, workout: &Workout) -> Licence {
    let next = timeline.next(workout).map(|(next, _)| next.licence);
    let gained = gained_before(timeline, workout.end, &workout.id);
    let around = gained.map(|other| other.licence).chain(next);
    licence::strictest(around)
        .max(of_chain(timeline, workout, None, CHAIN_MAX))
        .max(of_body(work, timeline, workout.end))
}

pub(super) fn of_plan(work: &Work<'_>, timeline: &Timeline, plan: &Plan) -> Licence {
    let planned = Workout::of_plan(plan);
    let done = plan.fulfilled_by.as_deref();
    let before = timeline.previous(&planned, done);
    let others = timeline.before(&planned, done);
    let meanwhile = others.filter(|other| other.end > plan.start);
    let gained = gained_before(timeline, plan.start, &plan.id);
    let around = before.map(|(other, _)| other).into_iter();
    let around = around.chain(meanwhile).chain(gained);
    licence::strictest(around.map(|other| other.licence))
        .max(of_chain(timeline, &planned, done, CHAIN_MAX))
        .max(timeline.beliefs.licence(plan.start))
        .max(of_body(work, timeline, plan.start))
}

/// What the athlete weighs and drank.
fn of_body(work: &Work<'_>, timeline: &Timeline, at: Micros) -> Licence {
    let since = Micros(at.0.saturating_sub(DAY_US));
    let taken = timeline.taken_by((since.0, at.0));
    licence::strictest(taken).max(mass_licence(&work.head, at))
}

/// A workout, and those shortly before it that hand over what is missing.
fn of_chain(timeline: &Timeline, workout: &Workout, done: Option<&str>, chain: u32) -> Licence {
    let before = chain.checked_sub(1).and_then(|left| {
        let (before, gap) = timeline.previous(workout, done)?;
        let hands_over = matches!(
            GapClass::of(gap, &timeline.bounds),
            GapClass::Merged | GapClass::Bridge
        );
        hands_over.then(|| of_chain(timeline, before, None, left))
    });
    workout.licence.max(before.unwrap_or(Licence::Own))
}
