//! Whether what was done to a log that is not in this process's folder is known to be processed, and to
//! be in the copy that the folder holds.
//!
//! Everything is a count of what was done here, and of what the copy took in of others: appends that
//! were acknowledged, commits, news. Whoever looks takes the count first, so that what is done meanwhile
//! is never taken for seen.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use stream_log::Offset;

#[derive(Debug, Default)]
#[cfg_attr(
    not(feature = "kafka"),
    allow(dead_code, reason = "without Kafka the log is always here")
)]
pub(crate) struct Elsewhere {
    is_used: AtomicBool,
    /// This process owns partitions.
    processes: AtomicBool,
    done: AtomicU64,
    /// Processing found the end of its inputs when this much had been done.
    idle: AtomicU64,
    /// The copy was complete when this much had been done.
    copied: AtomicU64,
    /// The copy has all that there was when it was opened.
    caught_up: AtomicBool,
    /// Questions whether what is written by then is in the copy with all that follows from it: how many
    /// were asked, how many were answered, and how long the copy was at the last answer.
    asked: AtomicU64,
    answered: AtomicU64,
    answered_at: AtomicU64,
}

impl Elsewhere {
    /// The log is not in the folder.
    pub(crate) fn is_used(&self) -> bool {
        self.is_used.load(Ordering::Acquire)
    }

    /// Asks; the answer has this number or a higher one.
    pub(super) fn ask(&self) -> u64 {
        self.asked.fetch_add(1, Ordering::AcqRel).saturating_add(1)
    }

    /// How long the copy was when this or a later question was answered.
    pub(super) fn answer_to(&self, question: u64) -> Option<Offset> {
        let is_answered = self.answered.load(Ordering::Acquire) >= question;
        is_answered.then(|| Offset(self.answered_at.load(Ordering::Acquire)))
    }

    /// The folder does not hold everything that was done.
    pub(super) fn is_behind(&self) -> bool {
        self.is_used() && self.copied.load(Ordering::Acquire) != self.done.load(Ordering::Acquire)
    }
}

#[cfg(feature = "kafka")]
impl Elsewhere {
    /// From now on nothing is settled before the copy says so.
    pub(crate) fn begin(&self, processes: bool) {
        self.processes.store(processes, Ordering::Release);
        self.done.fetch_add(1, Ordering::AcqRel);
        self.is_used.store(true, Ordering::Release);
    }

    pub(crate) fn did(&self) {
        self.done.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn done(&self) -> u64 {
        self.done.load(Ordering::Acquire)
    }

    /// Processing is at the end of all that had been done by then.
    pub(crate) fn idle(&self, done: u64) {
        self.idle.store(done, Ordering::Release);
    }

    /// How much had been done when processing was last at its end, where the copy does not know yet.
    pub(crate) fn to_copy(&self) -> Option<u64> {
        let done = self.done();
        let waits =
            self.processes.load(Ordering::Acquire) && self.idle.load(Ordering::Acquire) != done;
        (!waits && self.copied.load(Ordering::Acquire) != done).then_some(done)
    }

    pub(crate) fn caught_up(&self) {
        self.caught_up.store(true, Ordering::Release);
    }

    pub(crate) fn has_caught_up(&self) -> bool {
        self.caught_up.load(Ordering::Acquire)
    }

    /// The last question that is open.
    pub(crate) fn asked(&self) -> Option<u64> {
        let asked = self.asked.load(Ordering::Acquire);
        (asked > self.answered.load(Ordering::Acquire)).then_some(asked)
    }

    pub(crate) fn answer(&self, question: u64, head: Offset) {
        self.answered_at.store(head.0, Ordering::Release);
        self.answered.store(question, Ordering::Release);
    }

    pub(crate) fn copied(&self, done: u64) {
        self.copied.store(done, Ordering::Release);
    }
}
