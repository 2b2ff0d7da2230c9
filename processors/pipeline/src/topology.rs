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
use stream_log::{Buckets, Effects, Key, LogTime, Stamped, Timer};

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

/// One athlete, one batch, every step.
pub(crate) fn run(
    rules: &Rules,
    athlete: &Key,
    now: LogTime,
    inputs: &[Stamped<Input>],
    due: &[Timer],
    head: &AthleteHead,
    buckets: &Buckets<Bucket>,
) -> Effects<AthleteHead, Bucket> {
    let mut work = Work::new(rules, athlete, now, head, buckets);
    for stamped in inputs {
        apply::apply(&mut work, stamped);
    }
    timers::fired(&mut work, due);
    derive(&mut work);
    work.into_effects()
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
    derive(&mut work);
    work.into_effects()
}

fn derive(work: &mut Work<'_>) {
    sessions::reconcile(work);
    nights::reconcile(work);
    conditions::came(work);
    profile::learn(work);
    estimate::losses(work);
    conditions::ask(work);
    advise::recommend(work);
    timers::arm(work);
}
