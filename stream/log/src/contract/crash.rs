//! A host that dies or fails at any call leaves neither a missing nor a doubled output.

use super::rules::{TIMES, limits, script};
use super::{HostFactory, Outcome, TOPICS, Tally, append, drive, must, outcome, run};
use crate::driver::{Fault, Faulty, Moment};
use crate::{Class, Record, Task};

const PARTITIONS: u32 = 2;
const BATCH: usize = 7;

/// Batches, ticks and reads of the script; fewer would mean that nothing was tried.
const CALLS_MIN: u64 = 50;
/// A run has far fewer calls; more would mean that it never ends.
const CALLS_MAX: u64 = 5_000;

pub(super) fn check<F: HostFactory>(factory: &mut F) {
    let script = script();
    let straight = run(factory, PARTITIONS, limits(BATCH, true), &script, &TIMES);
    let faults = [
        (Moment::Before, Fault::Crash),
        (Moment::After, Fault::Crash),
        (Moment::Before, Fault::Once(Class::Retry)),
        (Moment::Before, Fault::Once(Class::Abort)),
        (Moment::After, Fault::Once(Class::Rebuild)),
    ];
    for (moment, fault) in faults {
        let stride = usize::try_from(factory.crash_stride()).unwrap_or(1);
        for at in (0..=CALLS_MAX).step_by(stride.max(1)) {
            assert!(at < CALLS_MAX, "a run ends");
            let (left, struck) = interrupted(factory, &script, at, moment, fault);
            assert_eq!(straight, left, "{fault:?} {moment:?} call {at}");
            if !struck {
                assert!(at > CALLS_MIN, "every kind of call was struck: {at}");
                break;
            }
        }
    }
}

/// One run with one fault, opened anew where the task asks for it.
fn interrupted<F: HostFactory>(
    factory: &mut F,
    script: &[Record],
    at: u64,
    moment: Moment,
    fault: Fault,
) -> (Outcome, bool) {
    factory.create(PARTITIONS, TOPICS);
    append(factory, script);
    let mut times = TIMES.as_slice();
    let faulty = Faulty::new(factory.open(), at, moment, fault);
    let mut task = Task::new(Tally, faulty, limits(BATCH, true));
    while let [now, later @ ..] = times {
        match drive(&mut task, *now) {
            Ok(()) => times = later,
            Err(failure) => {
                assert_eq!(failure.class, Class::Rebuild, "{failure:?}");
                break;
            }
        }
    }
    let faulty = task.into_host();
    let struck = faulty.struck();
    drop(faulty);
    let mut task = Task::new(Tally, factory.open(), limits(BATCH, true));
    for &now in times {
        must(drive(&mut task, now));
    }
    let host = task.into_host();
    (outcome(factory, &host, script), struck)
}
