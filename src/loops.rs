//! The loops of one process: processing and the store's writer, each on a thread of its own.
//!
//! They sleep until the log grows or a timer is due, and end when they are told to. What they did
//! is told in [`Status`], which also says whether everything received can be read by now.

mod elsewhere;
mod upkeep;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use edge::{Clock, UnixMicros};
use processors_pipeline::{Pipeline, Rules};
use sinks_api::Growth;
use sinks_api::metrics::{Committed, Metrics};
use sinks_store::{Feed, SeriesStore, Writer};
use stream_embedded::EmbeddedLog;
use stream_log::{Class, Failure, LogTime, Offset, Partition, Step, Task, TaskLimits};
use tokio::sync::{Notify, watch};

use crate::adapters::Arrivals;
use crate::config::Settings;
use crate::rules;
use elsewhere::Elsewhere;
pub(crate) use upkeep::{Readers, upkeep};

/// The longest sleep: a stop is heard within it.
const SLEEP_MAX: Duration = Duration::from_millis(200);
/// Failed openings in a row before the process gives up.
const REBUILDS_MAX: u32 = 5;

/// Partitions whose athletes this process works for, each with a count that changes when it went and
/// came back.
pub(crate) type Shares = Arc<BTreeMap<Partition, u64>>;
/// Tells when they change.
pub(crate) type Share = watch::Receiver<Shares>;

/// How far a loop is that this process does not have: nobody waits for it.
const NOT_HERE: u64 = u64::MAX;

/// What somebody waits for who asked what was received by then to be readable.
#[derive(Debug)]
pub(crate) enum Question {
    /// The log was so long.
    Here(Offset),
    /// The number of a question to the copy of the log.
    Elsewhere(u64),
    /// It is processed, and what came of it lies before this place.
    Stored(Offset),
}

/// What the loops tell the rest of the process.
#[derive(Debug, Default)]
pub(crate) struct Status {
    stopping: AtomicBool,
    /// The log was this long when processing last found nothing to do.
    processed: AtomicU64,
    /// The store has looked at everything up to there.
    stored: AtomicU64,
    /// For a log that is not in the folder.
    pub(crate) elsewhere: Elsewhere,
    failure: Mutex<Option<String>>,
    told: Notify,
    /// Wakes those who follow what is stored.
    growth: watch::Sender<Growth>,
}

impl Status {
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Up to where everything was processed and can be read.
    pub(crate) fn settled(&self) -> Offset {
        if self.elsewhere.is_behind() {
            return Offset(0);
        }
        let processed = self.processed.load(Ordering::Acquire);
        Offset(processed.min(self.stored.load(Ordering::Acquire)))
    }

    /// This process did something to a log elsewhere that its copy does not show yet.
    pub(crate) fn is_behind(&self) -> bool {
        self.elsewhere.is_behind()
    }

    pub(crate) fn is_settled(&self, head: Offset) -> bool {
        // A copy that has nothing yet is as long as what it is settled up to.
        !self.is_behind() && self.settled() >= head
    }

    /// Asks to be told when all that is received by now is processed and can be read.
    pub(crate) fn ask(&self, head: Offset) -> Question {
        if self.elsewhere.is_used() {
            Question::Elsewhere(self.elsewhere.ask())
        } else {
            Question::Here(head)
        }
    }

    /// Goes on with a question; whether it is answered.
    pub(crate) fn is_answered(&self, question: &mut Question) -> bool {
        let upto = match question {
            Question::Here(head) => {
                let processed = self.processed.load(Ordering::Acquire);
                // Without the loop nothing comes of what is there.
                let upto = if processed == NOT_HERE {
                    head.0
                } else {
                    processed
                };
                (processed >= head.0).then_some(Offset(upto))
            }
            Question::Elsewhere(number) => self.elsewhere.answer_to(*number),
            Question::Stored(upto) => return self.stored.load(Ordering::Acquire) >= upto.0,
        };
        if let Some(upto) = upto {
            *question = Question::Stored(upto);
        }
        false
    }

    /// How much of the log the store has not looked at.
    pub(crate) fn facts_to_store(&self, head: Offset) -> i64 {
        let behind = head.0.saturating_sub(self.stored.load(Ordering::Acquire));
        i64::try_from(behind).unwrap_or(i64::MAX)
    }

    /// Everything is processed up to here, as the copy of the log knows it.
    #[cfg(feature = "kafka")]
    pub(crate) fn copied(&self, done: u64, head: Offset) {
        self.processed.fetch_max(head.0, Ordering::AcqRel);
        self.elsewhere.copied(done);
    }

    /// For a process without the loop: nobody waits for what others do.
    pub(crate) fn nothing_to_process(&self) {
        self.processed.store(NOT_HERE, Ordering::Release);
    }

    pub(crate) fn nothing_to_store(&self) {
        self.stored.store(NOT_HERE, Ordering::Release);
    }

    /// The store has every row up to there.
    fn stored_upto(&self, upto: u64) {
        self.growth.send_modify(|growth| growth.upto = upto);
    }

    /// Streams end now: a graceful stop would wait for them.
    pub(crate) fn end_streams(&self) {
        self.growth.send_modify(|growth| growth.stopping = true);
    }

    pub(crate) fn growth(&self) -> watch::Receiver<Growth> {
        self.growth.subscribe()
    }

    pub(crate) fn failure(&self) -> Option<String> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn fail(&self, error: &anyhow::Error) {
        tracing::error!(error = %format!("{error:#}"), "a loop failed; the process stops");
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert_with(|| format!("{error:#}"));
        self.told.notify_one();
    }

    /// Ends when a loop failed.
    pub(crate) async fn failed(&self) {
        while self.failure().is_none() {
            self.told.notified().await;
        }
    }
}

pub(crate) fn thread(
    name: &str,
    status: &Arc<Status>,
    body: impl FnOnce() -> anyhow::Result<()> + Send + 'static,
) -> anyhow::Result<JoinHandle<anyhow::Result<()>>> {
    let status = Arc::clone(status);
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            let done = body();
            if let Err(error) = &done {
                status.fail(error);
            }
            done
        })
        .with_context(|| format!("cannot start the thread {name}"))
}

/// The processors over the whole log.
pub(crate) fn processing(
    settings: &Settings,
    log: &Arc<EmbeddedLog>,
    status: &Arc<Status>,
    clock: &Arc<dyn Clock>,
    metrics: &Metrics,
) -> anyhow::Result<JoinHandle<anyhow::Result<()>>> {
    let pipeline = Arc::new(Rules::new(rules::config(settings)));
    let limits = TaskLimits {
        records: settings.limits.batch_records,
        bytes: settings.limits.batch_bytes,
        cache_bytes: settings.limits.decoded_cache_bytes,
        ..TaskLimits::default()
    };
    let (log, status_in, clock, metrics) = (
        Arc::clone(log),
        Arc::clone(status),
        Arc::clone(clock),
        metrics.clone(),
    );
    thread("processing", status, move || {
        let mut rebuilds = 0;
        loop {
            let host = log.processing()?;
            let mut task = Task::new(Pipeline::new((*pipeline).clone()), host, limits);
            match process(&mut task, &log, &status_in, &*clock, &metrics) {
                Ok(()) => return Ok(()),
                Err(failure) if failure.class == Class::Rebuild && rebuilds < REBUILDS_MAX => {
                    rebuilds += 1;
                    tracing::warn!(error = %failure, rebuilds, "processing is opened anew");
                }
                Err(failure) => {
                    return Err(anyhow::Error::new(failure).context("processing stopped"));
                }
            }
        }
    })
}

/// A step that committed, whatever log it was on.
pub(crate) fn count_step(
    metrics: &Metrics,
    clock: &dyn Clock,
    began: UnixMicros,
    (inputs, outputs): (usize, usize),
) {
    let now = clock.now();
    let count = |number| u64::try_from(number).unwrap_or(0);
    metrics.committed(Committed {
        inputs: count(inputs),
        outputs: count(outputs),
        took_s: (now.0 - began.0) as f64 / 1e6,
        at_s: now.0 as f64 / 1e6,
    });
    metrics.records_consumed("sudor.raw", count(inputs));
}

fn process(
    task: &mut Task<Pipeline, stream_embedded::ProcessingHost>,
    log: &EmbeddedLog,
    status: &Status,
    clock: &dyn Clock,
    metrics: &Metrics,
) -> Result<(), Failure> {
    while !status.is_stopping() {
        // Taken before the step, so that what arrives during it is not slept through.
        let head = log.head();
        let began = clock.now();
        match task.step(LogTime(began.0))? {
            Step::Worked {
                inputs, outputs, ..
            } => {
                count_step(metrics, clock, began, (inputs, outputs));
            }
            Step::Idle { next_due } => {
                status.processed.fetch_max(head.0, Ordering::AcqRel);
                let until = next_due.map_or(SLEEP_MAX, |due| {
                    Duration::from_micros(u64::try_from(due.0 - began.0).unwrap_or(0))
                        .min(SLEEP_MAX)
                });
                log.wait_for(head, until.max(Duration::from_millis(1)));
            }
            Step::Aborted => {
                log.wait_for(head, Duration::from_millis(20));
            }
        }
    }
    Ok(())
}

/// Facts into the store.
pub(crate) fn sink<F, S>(
    mut writer: Writer<F, S>,
    log: &Arc<EmbeddedLog>,
    status: &Arc<Status>,
    clock: &Arc<dyn Clock>,
    (metrics, arrivals): (&Metrics, Arrivals),
) -> anyhow::Result<JoinHandle<anyhow::Result<()>>>
where
    F: Feed + 'static,
    S: SeriesStore + 'static,
{
    let (log, status_in, metrics) = (Arc::clone(log), Arc::clone(status), metrics.clone());
    let clock = Arc::clone(clock);
    thread("store", status, move || {
        while !status_in.is_stopping() {
            let head = log.head();
            let began = clock.now().0;
            match writer.step() {
                Ok(step) if step.is_idle() => {
                    status_in.stored.fetch_max(head.0, Ordering::AcqRel);
                    log.wait_for(head, SLEEP_MAX);
                }
                Ok(step) => {
                    let now = clock.now().0;
                    let waited = arrivals
                        .oldest_of_batch()
                        .map(|at| (now - at).max(0) as f64 / 1e6);
                    let rows = u64::try_from(step.rows).unwrap_or(0);
                    metrics.stored((now - began) as f64 / 1e6, waited, rows, now as f64 / 1e6);
                    metrics.store_position(step.position.0);
                    status_in
                        .stored
                        .fetch_max(step.position.0, Ordering::AcqRel);
                    status_in.stored_upto(step.position.0);
                    for (topic, records) in step.by_topic {
                        metrics.records_consumed(topic, records);
                    }
                }
                Err(error) if error.is_transient() => {
                    tracing::warn!(%error, "the store is busy; the batch is tried again");
                    log.wait_for(head, SLEEP_MAX);
                }
                Err(error) => {
                    return Err(anyhow::Error::new(error).context("the store's writer stopped"));
                }
            }
        }
        Ok(())
    })
}

/// A short wait of whoever polls the status.
#[expect(
    clippy::disallowed_methods,
    reason = "the status has no way to wake several waiters"
)]
pub(crate) async fn nap() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use stream_log::Offset;

    use super::Status;

    #[test]
    fn who_asks_waits_for_what_came_of_it_in_the_loops_that_are_here() {
        let status = Status::default();
        let mut question = status.ask(Offset(10));
        status.stored.store(10, Ordering::Release);
        assert!(!status.is_answered(&mut question), "it is not processed");
        status.processed.store(14, Ordering::Release);
        assert!(!status.is_answered(&mut question));
        assert!(
            !status.is_answered(&mut question),
            "its facts are not stored"
        );
        status.stored.store(14, Ordering::Release);
        assert!(status.is_answered(&mut question));

        let ingests_only = Status::default();
        ingests_only.nothing_to_process();
        let mut question = ingests_only.ask(Offset(10));
        assert!(!ingests_only.is_answered(&mut question));
        assert!(!ingests_only.is_answered(&mut question), "not stored");
        ingests_only.stored.store(10, Ordering::Release);
        assert!(ingests_only.is_answered(&mut question));
    }
}
