//! The licence label of advice: the strictest of what it was worked out from.
//!
//! A workout counts where it can change the advice: the one that it is about, the one that follows, those
//! that hand over what is missing, those that are under way at the same time, and those that scales told
//! a gain of.

use processors_domain::advice::GapClass;
use processors_domain::observation::Licence;
use schemas::record::Micros;

use super::chain::Chain;
use super::context::gained_before;
use super::timeline::{Plan, Timeline, Workout};
use crate::bucket::DAY_US;
use crate::licence;
use crate::settings::mass_licence;
use crate::work::Work;

pub(super) fn of_session(work: &Work<'_>, timeline: &Timeline, workout: &Workout) -> Licence {
    let next = timeline.next(workout).map(|(next, _)| next.licence);
    let gained = gained_before(timeline, workout.end, workout);
    let around = gained.map(|other| other.licence).chain(next);
    licence::strictest(around)
        .max(of_chain(work, timeline, workout, None, Chain::of(workout)))
        .max(of_body(work, timeline, workout.end))
}

/// Of a plan, or of the part of it that is `free`.
pub(super) fn of_plan(
    work: &Work<'_>,
    timeline: &Timeline,
    plan: &Plan,
    free: &Workout,
) -> Licence {
    let planned = Workout::of_plan(plan);
    let done = plan.fulfilled_by.as_deref();
    let began = timeline.before(free, done);
    let meanwhile = began.filter(|other| other.end > plan.start && other.start >= planned.since());
    let gained = gained_before(timeline, plan.start, &planned);
    let before = [&planned, free].map(|it| timeline.previous(it, done, it.since()));
    let before = before.into_iter().flatten().map(|(other, _)| other);
    let around = before.chain(meanwhile).chain(gained);
    licence::strictest(around.map(|other| other.licence))
        .max(of_chain(work, timeline, free, done, Chain::of(free)))
        .max(timeline.beliefs.licence(free.start))
        .max(of_body(work, timeline, plan.start))
        .max(of_body(work, timeline, free.start))
}

/// What the athlete weighs and drank.
fn of_body(work: &Work<'_>, timeline: &Timeline, at: Micros) -> Licence {
    let taken = timeline.taken_by((at.0.saturating_sub(DAY_US), at.0));
    licence::strictest(taken).max(of_mass(work, at))
}

fn of_mass(work: &Work<'_>, at: Micros) -> Licence {
    mass_licence(&work.head, at)
}

/// A workout, and those shortly before it that hand over what is missing.
fn of_chain(
    work: &Work<'_>,
    timeline: &Timeline,
    workout: &Workout,
    done: Option<&str>,
    chain: Chain,
) -> Licence {
    let before = chain.previous(timeline, workout, done);
    let before = before.and_then(|(before, gap, left)| {
        let hands_over = matches!(
            GapClass::of(gap, &timeline.bounds),
            GapClass::Merged | GapClass::Bridge
        );
        let drunk = [before.start, before.end].map(|at| of_mass(work, at));
        let whole = || of_chain(work, timeline, before, None, left).max(licence::strictest(drunk));
        hands_over.then(whole)
    });
    workout.licence.max(before.unwrap_or(Licence::Own))
}
