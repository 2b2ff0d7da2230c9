//! The pipeline as one value, in the order of the data: from topic, by step, to topic.
//!
//! Third of the six files that tell the whole story; the next is `stream/log/src/task.rs`. Nothing
//! is wired anywhere else in this crate. All topics are keyed by athlete, so one task runs all the
//! steps of an athlete in one go and commits once; what a step says is published for others, and
//! the pipeline never reads its own facts back.

// The picture in docs/ARCHITECTURE.md is this table; `cargo xtask tidy` compares the two.
// diagram:begin
// sudor.raw.*          -> normalize -> sudor.observations, sudor.rejections
// observations         -> reconcile -> sudor.sessions, sudor.nights
// sessions, weigh-ins  -> profile   -> sudor.profiles
// sessions, evidence   -> estimate  -> sudor.sweat-losses, sudor.weather-requests
// timeline, losses     -> recommend -> sudor.recommendations
// sudor.ticks, timers  -> every step that knows the time
// diagram:end

use schemas::record::state::AthleteHead;
use schemas::topic::{self, Direction};
use stream_log::{Buckets, Call, Effects, Key, LogTime};

use crate::bucket::Bucket;
use crate::processor::Input;
use crate::rules::Rules;
use crate::work::Work;
use crate::{advise, apply, conditions, estimate, nights, profile, sessions, timers};

/// Topics the processors read.
pub fn inputs() -> impl Iterator<Item = &'static str> {
    topic::CATALOGUE
        .iter()
        .filter(|spec| spec.direction == Direction::Input)
        .map(|spec| spec.name)
}

/// Some athletes, one batch, every step.
pub(crate) fn run(
    rules: &Rules,
    calls: &[Call<'_, Input, AthleteHead, Bucket>],
) -> Vec<Effects<AthleteHead, Bucket>> {
    let mut works: Vec<Work<'_>> = Vec::with_capacity(calls.len());
    for call in calls {
        let mut work = Work::new(rules, call.athlete, call.now, call.head, call.buckets);
        for stamped in call.inputs {
            apply::apply(&mut work, stamped);
        }
        timers::fired(&mut work, call.due);
        works.push(work);
    }
    derive(&mut works);
    works.into_iter().map(Work::into_effects).collect()
}

/// One athlete, nothing new, every step over everything: for state that other rules derived.
pub(crate) fn all_again(
    rules: &Rules,
    athlete: &Key,
    now: LogTime,
    head: &AthleteHead,
    buckets: &Buckets<Bucket>,
) -> Effects<AthleteHead, Bucket> {
    let mut work = Work::new(rules, athlete, now, head, buckets);
    work.dirty.everything = true;
    derive(std::slice::from_mut(&mut work));
    work.into_effects()
}

/// In the order of the data: a step sees what the ones before it said of the same athlete.
const STEPS: [fn(&mut Work<'_>); 8] = [
    sessions::reconcile,
    nights::reconcile,
    conditions::came,
    profile::learn,
    estimate::losses,
    conditions::ask,
    advise::recommend,
    timers::arm,
];

/// Step by step, and not athlete by athlete: together the steps are more code than stays at hand.
fn derive(works: &mut [Work<'_>]) {
    for step in STEPS {
        for work in &mut *works {
            step(work);
        }
    }
}
