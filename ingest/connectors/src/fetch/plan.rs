//! What to send next, and what an answer means. Pure: time and chance are arguments.
//!
//! ```text
//! answer                            the hints           the source
//! a body                            end as `body`       goes on
//! 404, 410                          end as `gone`       goes on
//! 401                               one more try with another token, then `unauthorised`
//! 403                               end as `forbidden`  goes on
//! 403 of a lapsed subscription      wait                rests for an hour, then one probe
//! 429                               wait                rests until the window's end
//! none, or 502, 503, 504            wait                one probe at a time, at most 30 s apart
//! any other                         wait, as long as `patience` has any; then they end as `failed`
//! ```
//!
//! Invariants: no request beyond the budget; an outage of the source fails no hint.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use edge::UnixMicros;

use super::after;
use super::budget::{Budget, Rates};
use super::circuit::Circuit;
use super::hint::{Hint, Object, Word};
use super::patience;
use super::queue::{Queue, Task, TokenPrint};

/// Requests under way at once, before and after the source has said what it allows.
const IN_FLIGHT_UNTOLD_MAX: usize = 1;
pub(crate) const IN_FLIGHT_MAX: usize = 8;

/// An application whose subscription lapsed is mended by a person.
const INACTIVE_PAUSE: Duration = Duration::from_secs(3_600);

/// A wait where neither the vendor nor a window says how long.
const REFUSED_WAIT_US: i64 = 60_000_000;

/// Objects whose streams may still be fetched; the oldest goes, and nothing is said.
const STREAMS_WAITING_MAX: usize = 1_000;

/// What one request came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Body,
    /// It ends, for a reason that another try does not mend.
    Ended(Ending),
    /// 401 for this token.
    Refused(TokenPrint),
    Inactive,
    RateLimited {
        retry_after_us: Option<i64>,
    },
    /// No answer, or one that says that the source is down.
    Down {
        /// The object itself may be the reason: an answer that breaks off, or never comes.
        suspect: bool,
        detail: &'static str,
    },
    /// It counts against the object.
    Failing(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// A word of the vocabulary of `fetch_result`.
    pub(crate) outcome: &'static str,
    pub(crate) detail: String,
}

impl Ending {
    pub(crate) fn new(outcome: &'static str, detail: impl Into<String>) -> Self {
        Self {
            outcome,
            detail: detail.into(),
        }
    }
}

/// What an answer means for the hints that it was to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Later,
    /// Later, and so often was an answer of this object no use.
    Again {
        attempts: u32,
        detail: String,
    },
    End(Ending),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Fetch(Task),
    Streams(Object),
}

/// When a request was sent, if it was, and what its answer told of the budget.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trace {
    pub(crate) sent_at: Option<UnixMicros>,
    pub(crate) rates: Rates,
}

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) queue: Queue,
    circuit: Circuit,
    pub(crate) budget: Budget,
    /// What is under way: `true` for an object's streams.
    in_flight: BTreeSet<(Object, bool)>,
    /// Answers so far, of whatever kind.
    answers: u64,
    wants_streams: bool,
    streams: VecDeque<Object>,
}

impl Plan {
    pub(crate) fn new(budget: Budget, wants_streams: bool) -> Self {
        Self {
            queue: Queue::default(),
            circuit: Circuit::default(),
            budget,
            in_flight: BTreeSet::new(),
            answers: 0,
            wants_streams,
            streams: VecDeque::new(),
        }
    }

    /// Takes in what the log says. The id that comes back has no open fetch: what was kept for it
    /// may go, and that of a copy which came after the end has to.
    pub(crate) fn hear(&mut self, word: Word, now: UnixMicros) -> Option<String> {
        match word {
            Word::Hint(hint) => {
                let object = hint.object.clone();
                let is_done = !self.queue.hear(hint, now) && self.queue.job_mut(&object).is_none();
                is_done.then_some(object.id)
            }
            Word::Deleted {
                object,
                event_at,
                received_at,
            } => {
                self.queue.deleted(object, event_at, received_at);
                None
            }
            Word::Ended { id, raw_ids } => {
                self.queue.ended(&raw_ids);
                id
            }
            Word::Nothing => None,
        }
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// What may be sent now. It counts as sent.
    pub(crate) fn next(&mut self, now: UnixMicros) -> Option<Next> {
        let at_once = match self.budget.is_told() {
            true => IN_FLIGHT_MAX,
            false => IN_FLIGHT_UNTOLD_MAX,
        };
        let in_flight = self.in_flight.len();
        if in_flight >= at_once
            || !self.circuit.allows(now, in_flight)
            || self.budget.permit(now).is_err()
        {
            return None;
        }
        let next = self.choose(now)?;
        let started = match &next {
            Next::Fetch(task) => (task.object.clone(), false),
            Next::Streams(object) => (object.clone(), true),
        };
        self.in_flight.insert(started);
        self.budget.sent(now);
        self.circuit.sent();
        Some(next)
    }

    /// What was chosen could not be sent.
    pub(crate) fn take_back(&mut self, next: &Next, now: UnixMicros) {
        let (object, streams) = match next {
            Next::Fetch(task) => (&task.object, false),
            Next::Streams(object) => (object, true),
        };
        self.in_flight.remove(&(object.clone(), streams));
        self.budget.unsent();
        self.circuit.unasked(now);
        if !streams {
            self.queue.retry(object, now);
        }
    }

    fn choose(&mut self, now: UnixMicros) -> Option<Next> {
        let has_room = !self.queue.has_live(now) && self.budget.is_ample(now);
        if has_room && let Some(object) = self.streams.pop_front() {
            return Some(Next::Streams(object));
        }
        self.queue.take_next(now).map(Next::Fetch)
    }

    /// What the answer to a fetch means. Hints that end stay open until the queue is told `closed`.
    pub(crate) fn answered(
        &mut self,
        object: &Object,
        told: &Told,
        trace: Trace,
        now: UnixMicros,
        jitter: u32,
    ) -> Verdict {
        self.returned(object, false, trace, now);
        self.heard_from_source(told, trace, now, jitter);
        let verdict = self.judge(object, told, now, jitter);
        if told == &Told::Body {
            self.queue.exists(object);
            if self.wants_streams {
                self.streams.push_back(object.clone());
            }
            if self.streams.len() > STREAMS_WAITING_MAX {
                drop(self.streams.pop_front());
            }
        }
        verdict
    }

    /// Streams are taken when they come; nobody asks twice.
    pub(crate) fn streams_answered(
        &mut self,
        object: &Object,
        told: &Told,
        trace: Trace,
        now: UnixMicros,
        jitter: u32,
    ) {
        self.returned(object, true, trace, now);
        self.heard_from_source(told, trace, now, jitter);
    }

    fn returned(&mut self, object: &Object, streams: bool, trace: Trace, now: UnixMicros) {
        self.in_flight.remove(&(object.clone(), streams));
        match trace.sent_at {
            Some(sent_at) => {
                let others = u32::try_from(self.in_flight.len()).unwrap_or(u32::MAX);
                self.budget.told(trace.rates, sent_at, now, others);
            }
            None => self.budget.unsent(),
        }
    }

    fn heard_from_source(&mut self, told: &Told, trace: Trace, now: UnixMicros, jitter: u32) {
        match told {
            Told::Down { .. } => self.circuit.down(now, jitter),
            Told::Inactive => self.circuit.pause(after(now, INACTIVE_PAUSE), "inactive"),
            Told::RateLimited { retry_after_us } => {
                self.circuit.up();
                self.budget.refused(now, *retry_after_us, REFUSED_WAIT_US);
            }
            _ if trace.sent_at.is_none() => self.circuit.unasked(now),
            _ => {
                self.circuit.up();
                self.answers = self.answers.saturating_add(1);
            }
        }
    }

    fn judge(&mut self, object: &Object, told: &Told, now: UnixMicros, jitter: u32) -> Verdict {
        let answers = self.answers;
        let Some(job) = self.queue.job_mut(object) else {
            return Verdict::Later;
        };
        let (counts, detail) = match told {
            Told::Body => return Verdict::End(Ending::new("body", "")),
            Told::Ended(ending) => return Verdict::End(ending.clone()),
            Told::Refused(_) if job.refused.is_some() => {
                let ending = Ending::new("unauthorised", "the new access token is refused too");
                return Verdict::End(ending);
            }
            Told::Refused(token) => {
                job.refused = Some(*token);
                self.queue.retry(object, now);
                return Verdict::Later;
            }
            Told::Inactive | Told::RateLimited { .. } => (false, String::new()),
            Told::Down { suspect, detail } => {
                // While others are answered, it is this one that is not.
                let alone = job.down_at.is_some_and(|before| before < answers);
                job.down_at = Some(answers);
                (*suspect && alone, (*detail).to_owned())
            }
            Told::Failing(detail) => (true, detail.clone()),
        };
        if !counts {
            self.queue.retry(object, now);
            return Verdict::Later;
        }
        job.attempts = job.attempts.saturating_add(1);
        let attempts = job.attempts;
        let age_us = now.0.saturating_sub(job.asked_since().unwrap_or(now).0);
        match patience::wait_after(attempts, age_us, jitter) {
            Some(wait) => {
                self.queue.retry(object, after(now, wait));
                Verdict::Again { attempts, detail }
            }
            None => Verdict::End(Ending::new("failed", detail)),
        }
    }

    /// The hints that the fetch of an object answers.
    pub(crate) fn hints_of(&self, object: &Object) -> Vec<Arc<Hint>> {
        self.queue.answered(object)
    }

    /// Until when nothing is sent although there is something to send, and why.
    pub(crate) fn waiting(&mut self, now: UnixMicros) -> Option<(UnixMicros, &'static str)> {
        if !self.queue.has_ready(now) {
            return None;
        }
        let limited = self.budget.permit(now).err();
        self.circuit
            .waiting(now)
            .or(limited.map(|until| (until, "rate_limited")))
    }
}
