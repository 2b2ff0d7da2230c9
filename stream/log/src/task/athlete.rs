//! One athlete's share of a batch, evaluated: rules first, and what to do when a rule panics.
//!
//! The usual way is one call of `process` with other athletes. When that panics, each is looked at
//! alone; when that panics, the inputs are tried one by one, each
//! once; the one that panics alone becomes a dead letter and the athlete is quarantined: its inputs
//! become dead letters until a replay of one of them succeeds. Timers of a quarantined athlete are
//! put off, not lost.

use std::collections::BTreeMap;

use super::Condemned;
use super::batch::Share;
use super::cache::Entry;
use super::guard::{Panicked, guard};
use crate::{
    BucketId, BucketNeed, Call, Class, CounterChange, Effects, Failure, Key, LogTime, Processor,
    Record, Sequenced, Stamped, StateStore, Timer, TimerChange,
};

/// Questions for buckets before all of them are loaded.
const ROUNDS_MAX: usize = 16;
/// How long timers of a quarantined athlete are put off: one hour, so that an athlete whose timer
/// makes a rule panic costs one tick an hour.
const PUT_OFF_US: i64 = 3_600_000_000;

/// What is to be committed for one athlete, and merged into its decoded state after that.
pub(super) struct Outcome<P: Processor> {
    pub(super) outputs: Vec<Record>,
    pub(super) head: Option<P::Head>,
    pub(super) buckets: BTreeMap<BucketId, Option<P::Bucket>>,
    /// Head and buckets as bytes.
    pub(super) encoded: BTreeMap<BucketId, Option<Vec<u8>>>,
    pub(super) timers: Vec<TimerChange>,
    pub(super) counters: Vec<CounterChange>,
    /// The note to write, or `Some(None)` to lift the quarantine.
    pub(super) quarantine: Option<Option<Vec<u8>>>,
    pub(super) fired: usize,
    pub(super) rejected: usize,
}

impl<P: Processor> Outcome<P> {
    fn new() -> Self {
        Self {
            outputs: Vec::new(),
            head: None,
            buckets: BTreeMap::new(),
            encoded: BTreeMap::new(),
            timers: Vec::new(),
            counters: Vec::new(),
            quarantine: None,
            fired: 0,
            rejected: 0,
        }
    }

    fn absorb(&mut self, later: Self) {
        self.outputs.extend(later.outputs);
        if later.head.is_some() {
            self.head = later.head;
        }
        self.buckets.extend(later.buckets);
        self.encoded.extend(later.encoded);
        self.timers.extend(later.timers);
        self.counters.extend(later.counters);
        self.fired = self.fired.saturating_add(later.fired);
    }
}

/// When an athlete is evaluated, and the timers that fire then.
pub(super) struct Ready {
    now: LogTime,
    due: Vec<Timer>,
}

impl Ready {
    pub(super) fn call<'a, P: Processor>(
        &'a self,
        athlete: &'a Key,
        inputs: &'a [Stamped<P::Input>],
        entry: &'a Entry<P>,
    ) -> CallOf<'a, P> {
        Call {
            athlete,
            now: self.now,
            inputs,
            due: &self.due,
            head: &entry.head,
            buckets: &entry.buckets,
        }
    }
}

pub(super) type CallOf<'a, P> =
    Call<'a, <P as Processor>::Input, <P as Processor>::Head, <P as Processor>::Bucket>;

/// The rules over some athletes, and what is to be committed of each. Of a panic nobody knows whose
/// it was, and nothing is left behind.
pub(super) fn together<P: Processor>(
    processor: &P,
    calls: &[CallOf<'_, P>],
) -> Result<Vec<Outcome<P>>, Panicked> {
    guard(|| {
        let effects = processor.process(calls).into_iter();
        calls
            .iter()
            .zip(effects)
            .map(|(call, effects)| outcome(processor, call, effects))
            .collect()
    })
}

/// Effects as an outcome: encoded, fired timers removed before new ones are set.
fn outcome<P: Processor>(
    processor: &P,
    call: &CallOf<'_, P>,
    effects: Effects<P::Head, P::Bucket>,
) -> Outcome<P> {
    let encode = |bucket| processor.encode_bucket(bucket);
    let mut encoded: BTreeMap<BucketId, Option<Vec<u8>>> = effects
        .buckets
        .iter()
        .map(|(&id, value)| (id, value.as_ref().map(encode)))
        .collect();
    if let Some(head) = &effects.head {
        encoded.insert(BucketId::HEAD, Some(processor.encode_head(head)));
    }
    let fired = call.due.iter();
    let mut timers: Vec<TimerChange> = fired
        .map(|timer| TimerChange::Clear {
            id: timer.id.clone(),
        })
        .collect();
    // A timer for the past fires at the next instant, not in this one: otherwise a rule that
    // sets its timer again and again would hold the partition at one tick for ever.
    let soonest = LogTime(call.now.0.saturating_add(1));
    timers.extend(effects.timers.into_iter().map(|change| match change {
        TimerChange::Set { id, due } => TimerChange::Set {
            id,
            due: due.max(soonest),
        },
        clear @ TimerChange::Clear { .. } => clear,
    }));
    Outcome {
        outputs: effects.emit,
        head: effects.head,
        buckets: effects.buckets,
        encoded,
        timers,
        counters: effects.counters,
        quarantine: None,
        fired: call.due.len(),
        rejected: 0,
    }
}

pub(super) struct Evaluation<'a, P: Processor, S: StateStore> {
    pub(super) processor: &'a P,
    pub(super) store: &'a S,
    pub(super) athlete: &'a Key,
    pub(super) condemned: Option<&'a Condemned>,
    pub(super) quarantined: bool,
}

impl<P: Processor, S: StateStore> Evaluation<'_, P, S> {
    pub(super) fn run(
        &self,
        entry: &mut Entry<P>,
        mut share: Share<P::Input>,
    ) -> Result<Outcome<P>, Failure> {
        let mut outcome = Outcome::new();
        for unread in std::mem::take(&mut share.undecodable) {
            self.reject(&mut outcome, &unread.record, unread.reason, &unread.detail)?;
        }
        if let Some(condemned) = self.condemned
            && condemned.names(self.athlete, &share)
        {
            return self.set_aside(outcome, entry, share, condemned);
        }
        if !self.quarantined {
            match self.attempt(entry, &share.inputs, share.tick)? {
                Ok(all) => {
                    outcome.absorb(all);
                    return Ok(outcome);
                }
                Err(panicked) => tracing::warn!(
                    athlete = self.athlete.as_str(),
                    panic = panicked.0,
                    "a rule panicked, trying the inputs one by one"
                ),
            }
        }
        self.one_by_one(outcome, entry.clone(), share)
    }

    /// All that the usual way needs, at hand. `None` where the athlete has to be looked at alone, or
    /// where there is nothing to do.
    pub(super) fn prepare(
        &self,
        entry: &mut Entry<P>,
        share: &Share<P::Input>,
    ) -> Result<Option<Ready>, Failure> {
        let names = |condemned: &Condemned| condemned.names(self.athlete, share);
        if self.quarantined || !share.undecodable.is_empty() || self.condemned.is_some_and(names) {
            return Ok(None);
        }
        let ready = self.ready(entry, &share.inputs, share.tick);
        if share.inputs.is_empty() && ready.due.is_empty() {
            return Ok(None);
        }
        let loaded = self.load(entry, &share.inputs, &ready.due)?;
        Ok(loaded.is_ok().then_some(ready))
    }

    /// One call of the rules. The inner error is a panic, with nothing of the call left behind.
    fn attempt(
        &self,
        entry: &mut Entry<P>,
        inputs: &[Stamped<P::Input>],
        tick: Option<LogTime>,
    ) -> Result<Result<Outcome<P>, Panicked>, Failure> {
        let ready = self.ready(entry, inputs, tick);
        if inputs.is_empty() && ready.due.is_empty() {
            return Ok(Ok(Outcome::new()));
        }
        if let Err(panicked) = self.load(entry, inputs, &ready.due)? {
            return Ok(Err(panicked));
        }
        let outcomes = together(self.processor, &[ready.call(self.athlete, inputs, entry)]);
        let only = |mut outcomes: Vec<Outcome<P>>| outcomes.pop();
        let nothing = || Panicked("the rules gave no effects".to_owned());
        Ok(outcomes.and_then(|outcomes| only(outcomes).ok_or_else(nothing)))
    }

    fn ready(
        &self,
        entry: &Entry<P>,
        inputs: &[Stamped<P::Input>],
        tick: Option<LogTime>,
    ) -> Ready {
        let arrived = inputs.iter().map(|input| input.received_at).max();
        let mut now = self.processor.logical_time(&entry.head);
        now = arrived.map_or(now, |at| now.max(at));
        let due = match tick.map(|at| (now.max(at), due(self.athlete, entry, now.max(at)))) {
            Some((at, due)) if !due.is_empty() => {
                now = at;
                due
            }
            _ => due(self.athlete, entry, now),
        };
        Ready { now, due }
    }

    fn load(
        &self,
        entry: &mut Entry<P>,
        inputs: &[Stamped<P::Input>],
        due: &[Timer],
    ) -> Result<Result<(), Panicked>, Failure> {
        for _ in 0..ROUNDS_MAX {
            let need = guard(|| {
                self.processor
                    .buckets(&entry.head, inputs, due, &entry.buckets)
            });
            let news = match need {
                Ok(BucketNeed::These(asked)) => {
                    entry.want(self.processor, self.store, self.athlete, &asked)?
                }
                Ok(BucketNeed::All) => entry.want_all(self.processor, self.store, self.athlete)?,
                Err(panicked) => return Ok(Err(panicked)),
            };
            if !news {
                return Ok(Ok(()));
            }
        }
        entry.want_all(self.processor, self.store, self.athlete)?;
        Ok(Ok(()))
    }

    /// The slow way, on a draft of the athlete's state.
    fn one_by_one(
        &self,
        mut outcome: Outcome<P>,
        mut draft: Entry<P>,
        share: Share<P::Input>,
    ) -> Result<Outcome<P>, Failure> {
        let mut quarantined = self.quarantined;
        let mut horizon = self.processor.logical_time(&draft.head);
        horizon = share.tick.map_or(horizon, |at| horizon.max(at));
        for (record, input) in share.originals.iter().zip(&share.inputs) {
            horizon = horizon.max(input.received_at);
            let replay =
                quarantined && guard(|| self.processor.is_replay(&input.input)).unwrap_or(false);
            if quarantined && !replay {
                let detail = "the athlete is quarantined until a replay succeeds";
                self.reject(&mut outcome, record, "rule_panic", detail)?;
                continue;
            }
            match self.attempt(&mut draft, std::slice::from_ref(input), None)? {
                Ok(step) => {
                    self.advance(&mut outcome, &mut draft, step);
                    if quarantined {
                        quarantined = false;
                        outcome.quarantine = Some(None);
                    }
                }
                Err(Panicked(message)) => {
                    self.reject(&mut outcome, record, "rule_panic", &message)?;
                    if !quarantined {
                        quarantined = true;
                        outcome.quarantine = Some(Some(note(input.received_at, record, &message)));
                    }
                }
            }
        }
        if !quarantined && share.tick.is_some() {
            match self.attempt(&mut draft, &[], share.tick)? {
                Ok(step) => self.advance(&mut outcome, &mut draft, step),
                Err(Panicked(message)) => {
                    quarantined = true;
                    outcome.quarantine = Some(Some(note_of_timer(horizon, &message)));
                }
            }
        }
        if quarantined {
            outcome.timers.extend(put_off(&draft, horizon));
        }
        Ok(outcome)
    }

    fn advance(&self, outcome: &mut Outcome<P>, draft: &mut Entry<P>, step: Outcome<P>) {
        draft.apply(
            self.processor,
            step.head.clone(),
            step.buckets.clone(),
            &step.timers,
        );
        outcome.absorb(step);
    }

    /// The host refuses this athlete's effects for good.
    fn set_aside(
        &self,
        mut outcome: Outcome<P>,
        entry: &Entry<P>,
        share: Share<P::Input>,
        condemned: &Condemned,
    ) -> Result<Outcome<P>, Failure> {
        for record in &share.originals {
            self.reject(&mut outcome, record, "too_large", &condemned.detail)?;
        }
        if let Some(at) = share.tick {
            outcome.quarantine = Some(Some(note_of_timer(at, &condemned.detail)));
            outcome.timers.extend(put_off(entry, at));
        }
        Ok(outcome)
    }

    fn reject(
        &self,
        outcome: &mut Outcome<P>,
        record: &Sequenced,
        reason: &str,
        detail: &str,
    ) -> Result<(), Failure> {
        let rejection =
            guard(|| self.processor.rejection(record, reason, detail)).map_err(|panicked| {
                Failure::new(
                    Class::Stop,
                    format!(
                        "making a dead letter of partition {} offset {}",
                        record.partition.0, record.offset.0
                    ),
                )
                .with_source(panicked.0)
            })?;
        outcome.outputs.extend(rejection.records);
        outcome.counters.extend(rejection.counters);
        outcome.rejected = outcome.rejected.saturating_add(1);
        Ok(())
    }
}

/// Timers of an entry with `due <= until`, by (due, id).
fn due<P: Processor>(athlete: &Key, entry: &Entry<P>, until: LogTime) -> Vec<Timer> {
    let mut due: Vec<Timer> = entry
        .timers
        .iter()
        .filter(|&(_, &at)| at <= until)
        .map(|(id, &at)| Timer {
            due: at,
            athlete: athlete.clone(),
            id: id.clone(),
        })
        .collect();
    due.sort_unstable();
    due
}

fn put_off<P: Processor>(entry: &Entry<P>, horizon: LogTime) -> Vec<TimerChange> {
    let due = LogTime(horizon.0.saturating_add(PUT_OFF_US));
    entry
        .timers
        .iter()
        .filter(|&(_, &at)| at <= horizon)
        .map(|(id, _)| TimerChange::Set {
            id: id.clone(),
            due,
        })
        .collect()
}

/// The text under `BucketId::QUARANTINE`, for people.
fn note(since: LogTime, input: &Sequenced, message: &str) -> Vec<u8> {
    let (partition, offset) = (input.partition.0, input.offset.0);
    format!("since {} input {partition}:{offset} {message}", since.0).into_bytes()
}

fn note_of_timer(since: LogTime, message: &str) -> Vec<u8> {
    format!("since {} timer {message}", since.0).into_bytes()
}
