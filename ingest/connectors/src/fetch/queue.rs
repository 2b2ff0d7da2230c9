//! What is to be fetched, in which order, and for which hints. Pure: time is an argument.
//!
//! ```text
//!            hear                 take_next            finish           closed
//!   hint ──────────▶ asked ─────────────────▶ answering ─────▶ published ─────▶ gone
//!                      ▲   ready or waiting       │
//!                      └──────────────────────────┘ retry
//! ```
//!
//! Hints of one object share a fetch. What is asked during a fetch is answered by the next one,
//! however much it is: the fetch may have been too early to see it.
//!
//! Invariants: every hint that was heard and not known ends exactly once; an object is fetched by one
//! request at a time; the low-water mark never passes a hint that is open.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use edge::UnixMicros;

use super::hint::{Hint, Object};

mod memory;

use memory::{Deletions, Known};

/// Hints that are open. Beyond it the log keeps them: nothing more is read. About 1 KiB each.
pub(crate) const HINTS_OPEN_MAX: usize = 50_000;

/// Somebody waits for what happened within the last two days; the rest is history.
const LIVE_US: i64 = 2 * 24 * 3_600 * 1_000_000;

/// What is asked of a vendor next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) object: Object,
    /// One of the hints: they differ in nothing that a request needs.
    pub(crate) hint: Arc<Hint>,
    /// A token that was refused before, as a fingerprint.
    pub(crate) refused: Option<TokenPrint>,
}

pub(crate) type TokenPrint = [u8; 32];

/// Hints that end without a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stale {
    pub(crate) object: Object,
    pub(crate) hints: Vec<Arc<Hint>>,
    /// When the deletion arrived that they are older than.
    pub(crate) deleted_at: UnixMicros,
}

/// History comes after what is live, and what was asked first comes first.
type Rank = (bool, u64);

#[derive(Debug)]
enum Place {
    Ready(Rank),
    Waiting(UnixMicros),
    InFlight,
}

#[derive(Debug)]
pub(crate) struct Job {
    asked: Vec<Arc<Hint>>,
    answering: Vec<Arc<Hint>>,
    place: Place,
    is_history: bool,
    /// Answers that count against the object.
    pub(crate) attempts: u32,
    pub(crate) refused: Option<TokenPrint>,
    /// How many answers others had got when this one got none for the last time.
    pub(crate) down_at: Option<u64>,
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    jobs: BTreeMap<Object, Job>,
    ready: BTreeSet<(Rank, Object)>,
    waiting: BTreeSet<(UnixMicros, Object)>,
    /// By raw id.
    open: BTreeMap<String, (u64, Object)>,
    positions: BTreeSet<(u64, String)>,
    stale: Vec<Stale>,
    known: Known,
    deletions: Deletions,
}

impl Job {
    /// When the oldest hint arrived that is being answered.
    pub(crate) fn asked_since(&self) -> Option<UnixMicros> {
        self.answering.iter().map(|hint| hint.received_at).min()
    }
}

impl Queue {
    /// Whether it asks for anything: a copy of what is open, or was lately, does not.
    pub(crate) fn hear(&mut self, hint: Arc<Hint>, now: UnixMicros) -> bool {
        if self.open.contains_key(&hint.raw_id) || !self.known.insert(hint.fingerprint()) {
            return false;
        }
        let object = hint.object.clone();
        self.open
            .insert(hint.raw_id.clone(), (hint.position, object.clone()));
        self.positions.insert((hint.position, hint.raw_id.clone()));
        if let Some(deleted_at) = self.deletions.after(&hint) {
            self.stale.push(Stale {
                object,
                hints: vec![hint],
                deleted_at,
            });
            return true;
        }
        let is_history = hint.told_at().0 < now.0.saturating_sub(LIVE_US);
        match self.jobs.get_mut(&object) {
            Some(job) => {
                job.is_history &= is_history;
                job.asked.push(hint);
                if matches!(job.place, Place::Ready(_)) {
                    self.make_ready(&object);
                }
            }
            None => {
                let job = Job {
                    asked: vec![hint],
                    answering: Vec::new(),
                    place: Place::InFlight,
                    is_history,
                    attempts: 0,
                    refused: None,
                    down_at: None,
                };
                self.jobs.insert(object.clone(), job);
                self.make_ready(&object);
            }
        }
        true
    }

    /// Hints from before a deletion have nothing to find, and must not undo it.
    pub(crate) fn deleted(
        &mut self,
        object: Object,
        event_at: UnixMicros,
        received_at: UnixMicros,
    ) {
        self.deletions.insert(object.clone(), event_at, received_at);
        let Some(job) = self.jobs.get_mut(&object) else {
            return;
        };
        let is_older = |hint: &Arc<Hint>| hint.event_at.is_some_and(|at| at < event_at);
        let (older, asked): (Vec<_>, Vec<_>) = job.asked.drain(..).partition(is_older);
        job.asked = asked;
        if older.is_empty() {
            return;
        }
        self.stale.push(Stale {
            object: object.clone(),
            hints: older,
            deleted_at: received_at,
        });
        self.drop_if_done(&object);
    }

    /// The log says that these hints ended, in this life of the process or in one before.
    pub(crate) fn ended(&mut self, raw_ids: &[String]) {
        for raw_id in raw_ids {
            let Some((_, object)) = self.open.get(raw_id) else {
                continue;
            };
            let object = object.clone();
            if let Some(job) = self.jobs.get_mut(&object) {
                if job.answering.iter().any(|hint| hint.raw_id == *raw_id) {
                    continue;
                }
                job.asked.retain(|hint| hint.raw_id != *raw_id);
            }
            for stale in &mut self.stale {
                stale.hints.retain(|hint| hint.raw_id != *raw_id);
            }
            self.close(raw_id);
            self.drop_if_done(&object);
        }
        self.stale.retain(|stale| !stale.hints.is_empty());
    }

    pub(crate) fn is_full(&self) -> bool {
        self.open.len() >= HINTS_OPEN_MAX
    }

    pub(crate) fn hints_open(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn jobs_open(&self) -> usize {
        self.jobs.len()
    }

    pub(crate) fn job_mut(&mut self, object: &Object) -> Option<&mut Job> {
        self.jobs.get_mut(object)
    }

    /// Whether anything could be asked now.
    pub(crate) fn has_ready(&mut self, now: UnixMicros) -> bool {
        self.wake(now);
        !self.ready.is_empty()
    }

    /// Whether somebody waits for something that could be asked now.
    pub(crate) fn has_live(&mut self, now: UnixMicros) -> bool {
        self.wake(now);
        self.ready
            .first()
            .is_some_and(|((is_history, _), _)| !is_history)
    }

    /// The most urgent object; its hints are being answered from now on.
    pub(crate) fn take_next(&mut self, now: UnixMicros) -> Option<Task> {
        self.wake(now);
        let (_, object) = self.ready.pop_first()?;
        let job = self.jobs.get_mut(&object)?;
        job.place = Place::InFlight;
        job.answering.append(&mut job.asked);
        let hint = job.answering.first()?.clone();
        Some(Task {
            object,
            hint,
            refused: job.refused,
        })
    }

    /// The fetch told nothing; it is tried again when `due` has come.
    pub(crate) fn retry(&mut self, object: &Object, due: UnixMicros) {
        let Some(job) = self.jobs.get_mut(object) else {
            return;
        };
        let later = std::mem::take(&mut job.asked);
        job.asked = std::mem::take(&mut job.answering);
        job.asked.extend(later);
        job.place = Place::Waiting(due);
        self.waiting.insert((due, object.clone()));
    }

    /// The hints that the fetch answers. They stay open until [`Queue::closed`].
    pub(crate) fn answered(&self, object: &Object) -> Vec<Arc<Hint>> {
        self.jobs
            .get(object)
            .map(|job| job.answering.clone())
            .unwrap_or_default()
    }

    /// The end of a fetch is durable. What was asked meanwhile is fetched anew.
    pub(crate) fn closed(&mut self, object: &Object) {
        let Some(job) = self.jobs.get_mut(object) else {
            return;
        };
        let answered = std::mem::take(&mut job.answering);
        job.attempts = 0;
        job.refused = None;
        job.down_at = None;
        let goes_on = !job.asked.is_empty();
        for hint in answered {
            self.close(&hint.raw_id);
        }
        if goes_on {
            self.make_ready(object);
        } else {
            self.jobs.remove(object);
        }
    }

    /// It was there a moment ago, whatever a deletion said.
    pub(crate) fn exists(&mut self, object: &Object) {
        self.deletions.forget(object);
    }

    /// Hints that end without a request, until [`Queue::stale_closed`].
    pub(crate) fn stale(&self) -> &[Stale] {
        &self.stale
    }

    /// The end of the first `count` of [`Queue::stale`] is durable.
    pub(crate) fn stale_closed(&mut self, count: usize) {
        let closed: Vec<_> = self.stale.drain(..count.min(self.stale.len())).collect();
        for hint in closed.into_iter().flat_map(|stale| stale.hints) {
            self.close(&hint.raw_id);
        }
    }

    /// Everything up to here is closed, when everything up to `read_to` was heard.
    pub(crate) fn low_water(&self, read_to: u64) -> u64 {
        match self.positions.first() {
            Some((position, _)) => position.saturating_sub(1).min(read_to),
            None => read_to,
        }
    }

    fn close(&mut self, raw_id: &str) {
        if let Some((position, _)) = self.open.remove(raw_id) {
            self.positions.remove(&(position, raw_id.to_owned()));
        }
    }

    /// A job that nobody asks for any more, and that is not under way, is none.
    fn drop_if_done(&mut self, object: &Object) {
        let is_done = self
            .jobs
            .get(object)
            .is_some_and(|job| job.asked.is_empty() && !matches!(job.place, Place::InFlight));
        if is_done && let Some(job) = self.jobs.remove(object) {
            self.unplace(object, &job.place);
        }
    }

    fn unplace(&mut self, object: &Object, place: &Place) {
        match place {
            Place::Ready(rank) => drop(self.ready.remove(&(*rank, object.clone()))),
            Place::Waiting(due) => drop(self.waiting.remove(&(*due, object.clone()))),
            Place::InFlight => {}
        }
    }

    fn make_ready(&mut self, object: &Object) {
        let Some(job) = self.jobs.get_mut(object) else {
            return;
        };
        let first = job.asked.iter().map(|hint| hint.position).min();
        let rank = (job.is_history, first.unwrap_or(u64::MAX));
        let before = std::mem::replace(&mut job.place, Place::Ready(rank));
        self.unplace(object, &before);
        self.ready.insert((rank, object.clone()));
    }

    /// Those whose wait is over are ready.
    fn wake(&mut self, now: UnixMicros) {
        while let Some((due, _)) = self.waiting.first()
            && *due <= now
            && let Some((_, object)) = self.waiting.pop_first()
        {
            self.make_ready(&object);
        }
    }
}
