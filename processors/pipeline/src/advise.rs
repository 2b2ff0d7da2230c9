//! Recommend: what to take before, during, between and after workouts.
//!
//! A slot (athlete, anchor, phase) has one live version. Its content is a function of facts alone;
//! that its window is over is said when time passes it, or at once where the facts came too late.
//! Safety rules run last, inside of the domain, and can only lower or stop.
//!
//! ```text
//! timeline (workouts in order, done and planned) → phases (inputs of the rules) → select → slot
//! ```

mod chain;
mod context;
mod hold;
mod label;
mod phases;
mod select;
mod slot;
mod timeline;

use processors_domain::advice::{Between, GapClass};
use schemas::record::Micros;
use schemas::record::state::SessionState;

use crate::bucket::DAY_US;
use crate::dirty::{Reach, any_touches};
use crate::normalize::HOUR_US;
use crate::work::Work;
pub(crate) use select::Shelf;
pub use select::product_name;
use slot::Anchor;
use timeline::{Timeline, Workout};

/// Advice looks this far to both sides for the neighbouring workout; further is "none".
pub(crate) const HORIZON_US: i64 = DAY_US;
/// A workout counts for what comes after it where it began so long before that at most: with this, what
/// an advice looks at stays a matter of days that a batch can load.
pub(crate) const BEGAN_BEFORE_US: i64 = 36 * HOUR_US;

pub(crate) fn recommend(work: &mut Work<'_>) {
    hold::follow(work);
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
        if is_stale(work, state.start.0, state.end.0) {
            after(work, &timeline, state);
        }
    }
    for plan in &timeline.plans {
        if !is_stale(work, plan.start.0, plan.end.0) {
            continue;
        }
        let pre = Anchor::plan(work, &plan.id, "pre");
        let during = Anchor::plan(work, &plan.id, "during");
        if !plan.live {
            slot::cancel(work, &pre, "WORKOUT_DELETED");
            slot::cancel(work, &during, "WORKOUT_DELETED");
            continue;
        }
        if timeline.is_done_early(plan) {
            // It took place at another hour.
            slot::cancel(work, &pre, "WORKOUT_MOVED");
            slot::cancel(work, &during, "WORKOUT_MOVED");
            continue;
        }
        match phases::before_plan(work, &timeline, plan) {
            Some(desired) => slot::say(work, &timeline, &pre, &desired),
            // What is taken between the two workouts stands with the first of them.
            None => slot::cancel(work, &pre, "MERGED_WITH_OTHER"),
        }
        match phases::during_plan(work, &timeline, plan) {
            Some(desired) => slot::say(work, &timeline, &during, &desired),
            None => slot::cancel(work, &during, "MERGED_WITH_OTHER"),
        }
    }
}

/// What was drunk on the day before counts, and so does the next workout.
fn is_stale(work: &Work<'_>, start: i64, end: i64) -> bool {
    any_touches(&work.dirty.advice, hangs_on((start, end)), 0)
}

/// What changes here changes the advice about a workout.
pub(crate) fn hangs_on(workout: Reach) -> Reach {
    (
        workout.0.saturating_sub(HORIZON_US),
        workout.1.saturating_add(HORIZON_US),
    )
}

/// What that is, with the beginning of a workout whose end lies here.
pub(crate) fn looks_at(workout: Reach) -> Reach {
    let (_, until) = hangs_on(workout);
    (workout.0.saturating_sub(BEGAN_BEFORE_US), until)
}

/// What follows a session: advice after it, one small thing before the next, or nothing extra.
fn after(work: &mut Work<'_>, timeline: &Timeline, state: &SessionState) {
    let post = Anchor::session(work, state, "post");
    let bridge = Anchor::session(work, state, "bridge");
    let night = Anchor::session(work, state, "pre_sleep");
    let workout = timeline.workout_of(state);
    let (Some(workout), Some(loss)) = (workout, &state.loss) else {
        slot::cancel(work, &post, reason(state));
        slot::cancel(work, &bridge, reason(state));
        slot::cancel(work, &night, reason(state));
        return;
    };
    match phases::before_sleep(work, timeline, &workout, loss) {
        Some(desired) => slot::say(work, timeline, &night, &desired),
        None => {
            let reason = no_night(work, timeline, &workout, &night);
            slot::cancel(work, &night, reason);
        }
    }
    let between = timeline
        .next(&workout)
        .map(|(_, gap)| GapClass::of(gap, &timeline.bounds).between());
    match between {
        Some(Between::Nothing) => {
            slot::cancel(work, &post, "MERGED_WITH_OTHER");
            slot::cancel(work, &bridge, "MERGED_WITH_OTHER");
        }
        Some(Between::Bridge) => {
            slot::cancel(work, &post, "MERGED_WITH_OTHER");
            let desired = phases::bridge_after(work, timeline, &workout, loss);
            slot::say(work, timeline, &bridge, &desired);
        }
        Some(Between::AfterFolded | Between::Both) | None => {
            let reason = no_bridge(work, timeline, &bridge);
            slot::cancel(work, &bridge, reason);
            let desired = phases::after_session(work, timeline, &workout, loss);
            slot::say(work, timeline, &post, &desired);
        }
    }
}

/// Why nothing is said for the night any more. What was said stood until bed time, so that the bed time
/// is another one where none is at its end.
fn no_night(
    work: &Work<'_>,
    timeline: &Timeline,
    workout: &Workout,
    night: &Anchor<'_>,
) -> &'static str {
    let settings = &timeline.settings;
    let stood_until = slot::valid_until(work, night);
    let is_bed = |at: Micros| settings.bed_after(Micros(at.0.saturating_sub(1))) == Some(at);
    if stood_until.is_some_and(|at| !is_bed(at)) {
        return "PROFILE_CHANGED";
    }
    let bed = settings.bed_after(workout.end);
    let next = timeline.next(workout).map(|(next, _)| next.start);
    if bed.zip(next).is_some_and(|(bed, next)| next < bed) {
        "MERGED_WITH_OTHER"
    } else {
        "WORKOUT_MOVED"
    }
}

/// Why there is nothing to bridge any more. What was said stood until the next workout, so that the
/// next one was taken back where one is withdrawn that began there.
fn no_bridge(work: &Work<'_>, timeline: &Timeline, bridge: &Anchor<'_>) -> &'static str {
    let gone = |at: Micros| timeline.is_withdrawn(at);
    if slot::valid_until(work, bridge).is_some_and(gone) {
        "WORKOUT_DELETED"
    } else {
        "WORKOUT_MOVED"
    }
}

fn reason(state: &SessionState) -> &'static str {
    if state.superseded_by.is_some() {
        "MERGED_WITH_OTHER"
    } else {
        "WORKOUT_DELETED"
    }
}
