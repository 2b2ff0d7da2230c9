//! Workouts that follow each other closely: what is missing after one is missing before the next.

use processors_domain::advice::{self, BridgeInput, Draft, GapClass};
use processors_domain::units::{Millilitres, Seconds};
use schemas::record::Micros;

use super::HORIZON_US;
use super::phases::{Body, during_input, predict};
use super::timeline::{Timeline, Workout};
use crate::work::Work;

/// Longer chains of workouts are not real.
const CHAIN_MAX: u32 = 4;

/// How far back is gone from one workout through those that follow each other closely.
#[derive(Clone, Copy)]
pub(super) struct Chain {
    /// Workouts that may still be looked at.
    left: u32,
    /// Since when they may have begun.
    since: Micros,
}

impl Chain {
    pub(super) fn of(workout: &Workout) -> Self {
        Self {
            left: CHAIN_MAX,
            // What was drunk in them counts, and that is looked at within the horizon.
            since: Micros(workout.start.0.saturating_sub(HORIZON_US)),
        }
    }

    /// The workout before one in it, and the chain from there.
    pub(super) fn previous<'t>(
        self,
        timeline: &'t Timeline,
        workout: &Workout,
        fulfilled_by: Option<&str>,
    ) -> Option<(&'t Workout, Seconds, Self)> {
        let left = self.left.checked_sub(1)?;
        let (before, gap) = timeline.previous(workout, fulfilled_by, self.since)?;
        Some((before, gap, Self { left, ..self }))
    }
}

/// What a workout takes over from one shortly before it.
pub(super) struct Handed {
    pub(super) deficit: Millilitres,
    /// How long the one before was, where both count as one.
    pub(super) merged: Seconds,
}

pub(super) fn handed_over(
    work: &Work<'_>,
    timeline: &Timeline,
    workout: &Workout,
    chain: Chain,
) -> Handed {
    let none = Handed {
        deficit: Millilitres::ZERO,
        merged: Seconds::ZERO,
    };
    // What fulfils a plan does not come before it.
    let plan = timeline.plans.iter().find(|plan| plan.id == workout.id);
    let fulfilled_by = plan.and_then(|plan| plan.fulfilled_by.as_deref());
    let Some((before, gap, rest)) = chain.previous(timeline, workout, fulfilled_by) else {
        return none;
    };
    let all = || deficit_after(work, timeline, before, rest).get();
    match GapClass::of(gap, &timeline.bounds) {
        GapClass::Merged => {
            // What both lost in the same minutes counts once, in the later one.
            let within = before.permille_within(workout);
            let lost = lost(timeline, before).get().saturating_mul(within) / 1_000;
            let alone = 1_000_i64.saturating_sub(within);
            Handed {
                deficit: Millilitres::clamped(all().saturating_sub(lost).max(0)),
                merged: Seconds::clamped(before.duration.get().saturating_mul(alone) / 1_000),
            }
        }
        GapClass::Bridge => {
            let input = BridgeInput {
                mass: Body::of(work, timeline, before.end, None).mass,
                deficit: Millilitres::clamped(all().max(0)),
                gap,
                cap: advice::usual_cap(None, false),
            };
            let draft = advice::bridge(&input);
            let drunk = planned_fluid(&draft);
            let left = input.deficit.get().saturating_sub(drunk.get()).max(0);
            Handed {
                deficit: Millilitres::clamped(left),
                merged: Seconds::ZERO,
            }
        }
        // There was time to make it good.
        GapClass::Rapid
        | GapClass::Fast
        | GapClass::SameDay
        | GapClass::Supplemental
        | GapClass::Independent => none,
    }
}

/// Sweat, by the estimate or the forecast.
fn lost(timeline: &Timeline, workout: &Workout) -> Millilitres {
    match &workout.loss {
        Some(loss) => Millilitres::clamped(loss.fluid_ml),
        None => predict(timeline, workout).fluid.median(),
    }
}

/// What is missing when a workout ends: by the scales, else what was missing before and lost in it,
/// less what was drunk, or is planned to be. Below zero after a gain.
pub(super) fn deficit_after(
    work: &Work<'_>,
    timeline: &Timeline,
    workout: &Workout,
    chain: Chain,
) -> Millilitres {
    let Some(loss) = &workout.loss else {
        let predicted = predict(timeline, workout);
        let body = Body::of(work, timeline, workout.start, None);
        let input = during_input(work, timeline, workout, &body, &predicted, chain);
        let drunk = planned_fluid(&advice::during(&input));
        let start = input.start_deficit.get();
        let lost = predicted.fluid.median().get();
        return Millilitres::clamped(start.saturating_add(lost).saturating_sub(drunk.get()));
    };
    if let Some(weighed) = loss.deficit_ml {
        return Millilitres::clamped(weighed);
    }
    let start = handed_over(work, timeline, workout, chain).deficit;
    let (drunk, _) = timeline.taken((workout.start.0, workout.end.0));
    let lost = start.get().saturating_add(loss.fluid_ml);
    Millilitres::clamped(lost.saturating_sub(drunk.get()))
}

pub(super) fn planned_fluid(draft: &Draft) -> Millilitres {
    draft
        .needs()
        .fluid
        .map_or(Millilitres::ZERO, |need| need.target)
}
