//! How a batch of inputs becomes one atomic commit.
//!
//! Why it exists: every law about loss, doubling and bad input meets here, in one loop that can be
//! read from top to bottom. The rules are behind `Processor`, the world is behind `Log` and
//! `StateStore`; this file is all that happens between them.
//!
//! It is not a thread and has no clock: a host calls `step`, and tells it the time of day for one
//! purpose only, to decide whether a tick is due.
//!
//! Invariants:
//! * a batch is a prefix of what was polled, so that positions can describe it;
//! * an athlete is processed once per batch, its inputs in log order;
//! * decoded state changes after `commit` returned `Ok`, never before;
//! * `decide` is the only code that looks at the class of a failure.
//!
//! Fourth of the six files that tell the whole story; the next is `sinks/store/src/writer.rs`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{
    BucketId, Class, Commit, Failure, Key, Log, LogTime, Partition, Position, Processor, Sequenced,
    StateChange, StateStore,
};

mod athlete;
mod batch;
mod cache;
mod guard;
mod limits;

use athlete::{Evaluation, Outcome, Ready};
use batch::{Batch, InputPlace, Share};
use cache::{Cache, Entry};
pub use limits::{Step, TaskLimits};

/// Athletes whose rules run together. Each step's code serves all of them while it is at hand, and
/// what they have in memory still fits beside it.
const TOGETHER_MAX: usize = 16;

/// Names kept in memory to spare a read per athlete; beyond this many every athlete is looked up.
const QUARANTINED_IN_MEMORY_MAX: usize = 10_000;

/// One processor at work on the partitions of one host.
pub struct Task<P: Processor, H: Log + StateStore> {
    processor: P,
    host: H,
    limits: TaskLimits,
    cache: Cache<P>,
    /// Polled, not yet committed.
    pending: VecDeque<Sequenced>,
    /// Most records, and most athletes with due timers, of the next batch. Halved while the host
    /// says that something in the batch can never be committed, doubled by each success.
    window: usize,
    /// Failures since the last commit.
    failures: u32,
    attempted: Attempted,
    condemned: Option<Condemned>,
    /// `None`: too many to hold, or not read yet.
    quarantined: Option<BTreeSet<Key>>,
    quarantined_read: bool,
    /// Ticks that were appended and have not come back yet.
    ticks_awaited: BTreeMap<Partition, LogTime>,
    ticks_looked_at: Option<LogTime>,
}

/// What the last batch held, for the search of what cannot be committed.
#[derive(Default)]
struct Attempted {
    size: usize,
    input: Option<InputPlace>,
    athlete: Option<Key>,
}

/// The one input, or the one athlete with due timers, that the host refuses for good.
struct Condemned {
    input: Option<InputPlace>,
    athlete: Option<Key>,
    detail: String,
}

impl Condemned {
    fn names<I>(&self, athlete: &Key, share: &Share<I>) -> bool {
        self.athlete.as_ref() == Some(athlete)
            && self.input == share.first_input()
            && share.originals.len() <= 1
    }
}

impl<P: Processor, H: Log + StateStore> Task<P, H> {
    pub fn new(processor: P, host: H, limits: TaskLimits) -> Self {
        Self {
            processor,
            host,
            cache: Cache::new(limits.cache_bytes),
            pending: VecDeque::new(),
            window: limits.records.max(1),
            limits,
            failures: 0,
            attempted: Attempted::default(),
            condemned: None,
            quarantined: None,
            quarantined_read: false,
            ticks_awaited: BTreeMap::new(),
            ticks_looked_at: None,
        }
    }

    pub fn host(&self) -> &H {
        &self.host
    }

    pub fn host_mut(&mut self) -> &mut H {
        &mut self.host
    }

    pub fn into_host(self) -> H {
        self.host
    }

    pub fn processor(&self) -> &P {
        &self.processor
    }

    /// Bytes of decoded state in memory, as the processor estimates them.
    pub fn cached_bytes(&self) -> usize {
        self.cache.bytes()
    }

    /// At most one batch. `now` is the host's time of day; it decides whether a tick is appended,
    /// and reaches a rule only as the time that tick carries.
    ///
    /// `Err` means that this task and its host must be dropped: opened anew where the class is
    /// `Rebuild`, and not at all where it is `Stop`.
    pub fn step(&mut self, now: LogTime) -> Result<Step, Failure> {
        match self.try_step(now) {
            Ok(step) => Ok(step),
            Err(failure) => self.decide(failure),
        }
    }

    fn try_step(&mut self, now: LogTime) -> Result<Step, Failure> {
        self.attempted = Attempted::default();
        if self.pending.is_empty() {
            let polled = self.host.poll(self.limits.records, self.limits.bytes)?;
            self.forget_what_changed_hands();
            self.pending.extend(polled);
        }
        self.read_quarantined()?;
        let ticks = self.append_ticks(now)?;
        if self.pending.is_empty() {
            return if ticks > 0 {
                Ok(Step::Worked {
                    inputs: 0,
                    outputs: 0,
                    timers: 0,
                    dead_letters: 0,
                    ticks,
                })
            } else {
                Ok(Step::Idle {
                    next_due: self.next_due()?,
                })
            };
        }
        let batch = batch::take(
            &self.processor,
            &self.host,
            &self.limits,
            self.window,
            &mut self.pending,
        )?;
        self.attempted = Attempted::of(&batch);
        self.work(batch, ticks)
    }

    /// Somebody else may have worked on these partitions, or will: nothing remembered of them holds.
    fn forget_what_changed_hands(&mut self) {
        let changed = self.host.changed_hands();
        if changed.is_empty() {
            return;
        }
        self.cache.clear();
        self.ticks_awaited
            .retain(|partition, _| !changed.contains(partition));
        self.quarantined = None;
        self.quarantined_read = false;
    }

    /// Batch → overlay → commit → merge.
    fn work(&mut self, batch: Batch<P::Input>, ticks: usize) -> Result<Step, Failure> {
        let Batch {
            shares,
            positions,
            ticks: came_back,
            records: inputs,
            ..
        } = batch;
        let mut overlay: BTreeMap<Key, Outcome<P>> = BTreeMap::new();
        let mut commit = Commit {
            positions: positions
                .iter()
                .map(|(&(topic, partition), &offset)| Position {
                    topic,
                    partition,
                    offset,
                })
                .collect(),
            ..Commit::default()
        };
        let (mut timers, mut dead_letters) = (0_usize, 0_usize);
        let mut shares = shares.into_iter();
        loop {
            let some: Vec<_> = shares.by_ref().take(TOGETHER_MAX).collect();
            if some.is_empty() {
                break;
            }
            for (athlete, partition, mut outcome) in self.evaluate(some)? {
                timers = timers.saturating_add(outcome.fired);
                dead_letters = dead_letters.saturating_add(outcome.rejected);
                collect(&mut commit, &athlete, partition, &mut outcome);
                overlay.insert(athlete, outcome);
            }
        }
        let outputs = commit.outputs.len();
        self.host.commit(commit)?;
        self.merge(overlay, &came_back);
        Ok(Step::Worked {
            inputs,
            outputs,
            timers,
            dead_letters,
            ticks,
        })
    }

    /// Outcomes in the order of the shares: of all together, or of each alone where that cannot be.
    fn evaluate(
        &mut self,
        shares: Vec<(Key, Share<P::Input>)>,
    ) -> Result<Vec<(Key, Partition, Outcome<P>)>, Failure> {
        let mut ready = Vec::with_capacity(shares.len());
        for (athlete, share) in &shares {
            ready.push(self.prepare(athlete, share)?);
        }
        let together = self.together(&shares, &ready);
        let mut together = together.into_iter().flatten();
        let mut outcomes = Vec::with_capacity(shares.len());
        for ((athlete, share), ready) in shares.into_iter().zip(ready) {
            let partition = share.partition;
            let outcome = match ready.and_then(|_| together.next()) {
                Some(outcome) => outcome,
                None => self.alone(&athlete, share)?,
            };
            outcomes.push((athlete, partition, outcome));
        }
        Ok(outcomes)
    }

    fn prepare(
        &mut self,
        athlete: &Key,
        share: &Share<P::Input>,
    ) -> Result<Option<Ready>, Failure> {
        let (evaluation, entry) = self.at_hand(athlete)?;
        evaluation.prepare(entry, share)
    }

    /// Of those that are ready; `None` where a rule panicked, or did not answer for each.
    fn together(
        &self,
        shares: &[(Key, Share<P::Input>)],
        ready: &[Option<Ready>],
    ) -> Option<Vec<Outcome<P>>> {
        let calls = shares
            .iter()
            .zip(ready)
            .filter_map(|((athlete, share), ready)| {
                let entry = self.cache.get(athlete)?;
                Some(ready.as_ref()?.call(athlete, &share.inputs, entry))
            });
        let calls: Vec<_> = calls.collect();
        let outcomes = athlete::together(&self.processor, &calls).ok()?;
        (outcomes.len() == calls.len()).then_some(outcomes)
    }

    fn alone(&mut self, athlete: &Key, share: Share<P::Input>) -> Result<Outcome<P>, Failure> {
        let (evaluation, entry) = self.at_hand(athlete)?;
        evaluation.run(entry, share)
    }

    /// What an athlete is evaluated by, and its entry in the cache.
    fn at_hand<'t>(
        &'t mut self,
        athlete: &'t Key,
    ) -> Result<(Evaluation<'t, P, H>, &'t mut Entry<P>), Failure> {
        let quarantined = match &self.quarantined {
            Some(known) => known.contains(athlete),
            None => self.host.get(athlete, BucketId::QUARANTINE)?.is_some(),
        };
        let entry = self.cache.load(&self.processor, &self.host, athlete)?;
        let evaluation = Evaluation {
            processor: &self.processor,
            store: &self.host,
            athlete,
            condemned: self.condemned.as_ref(),
            quarantined,
        };
        Ok((evaluation, entry))
    }

    /// Only after a commit: decoded state, the list of quarantined athletes, the ticks awaited.
    fn merge(&mut self, overlay: BTreeMap<Key, Outcome<P>>, ticks: &BTreeMap<Partition, LogTime>) {
        for (athlete, outcome) in overlay {
            if let (Some(known), Some(note)) = (&mut self.quarantined, &outcome.quarantine) {
                if note.is_some() {
                    known.insert(athlete.clone());
                } else {
                    known.remove(&athlete);
                }
            }
            self.cache.apply(&self.processor, &athlete, outcome);
        }
        if self
            .quarantined
            .as_ref()
            .is_some_and(|known| known.len() > QUARANTINED_IN_MEMORY_MAX)
        {
            self.quarantined = None;
        }
        self.cache.shrink();
        self.ticks_awaited
            .retain(|partition, at| ticks.get(partition).is_none_or(|came| *came < *at));
        self.failures = 0;
        self.condemned = None;
        self.window = self
            .window
            .saturating_mul(2)
            .min(self.limits.records.max(1));
    }

    /// The one decision about a failure.
    fn decide(&mut self, failure: Failure) -> Result<Step, Failure> {
        self.pending.clear();
        self.cache.shrink();
        match failure.class {
            Class::Rebuild | Class::Stop => return Err(failure),
            Class::Retry | Class::Abort => {
                // Steps are deterministic: to process the same inputs again is to try the same
                // commit again, without holding a copy of every commit for the rare refusal.
                self.failures = self.failures.saturating_add(1);
                if self.failures > self.limits.failures {
                    return Err(Failure::new(
                        Class::Rebuild,
                        format!("processing a batch {} times", self.failures),
                    )
                    .with_source(failure));
                }
                tracing::warn!(failure = %failure, attempt = self.failures, "batch abandoned, starting again");
            }
            Class::DeadLetter => self.narrow(failure)?,
        }
        match self.host.rewind() {
            Ok(()) => Ok(Step::Aborted),
            Err(stop) if stop.class == Class::Stop => Err(stop),
            Err(doubt) => Err(
                Failure::new(Class::Rebuild, "rewinding to the committed positions")
                    .with_source(doubt),
            ),
        }
    }

    /// Something in the batch can never be committed: halve, until it stands alone.
    fn narrow(&mut self, failure: Failure) -> Result<(), Failure> {
        let Attempted {
            size,
            input,
            athlete,
        } = std::mem::take(&mut self.attempted);
        if size > 1 {
            self.window = size.div_euclid(2);
            return Ok(());
        }
        if self.condemned.is_some() || (input.is_none() && athlete.is_none()) {
            return Err(
                Failure::new(Class::Stop, "rejecting an input that cannot be committed")
                    .with_source(failure),
            );
        }
        tracing::error!(failure = %failure, "an input cannot be committed and is rejected");
        self.window = 1;
        self.condemned = Some(Condemned {
            input,
            athlete,
            detail: failure.to_string(),
        });
        Ok(())
    }

    /// Appends a tick where timers are due: when there is nothing else to do, and now and then
    /// under load, because a busy partition must not hold back the timers of quiet athletes.
    fn append_ticks(&mut self, now: LogTime) -> Result<usize, Failure> {
        let waited = self.ticks_looked_at.is_none_or(|last| {
            now.0.saturating_sub(last.0) >= self.limits.tick_interval_us || now < last
        });
        if !(self.pending.is_empty() || waited) {
            return Ok(0);
        }
        self.ticks_looked_at = Some(now);
        let mut appended = 0_usize;
        for partition in self.host.partitions() {
            if self.ticks_awaited.contains_key(&partition) {
                continue;
            }
            if self.host.next_due(partition)?.is_some_and(|due| due <= now) {
                self.host
                    .append_tick(partition, self.processor.tick(partition, now))?;
                self.ticks_awaited.insert(partition, now);
                appended = appended.saturating_add(1);
            }
        }
        Ok(appended)
    }

    fn next_due(&self) -> Result<Option<LogTime>, Failure> {
        let mut earliest: Option<LogTime> = None;
        for partition in self.host.partitions() {
            if let Some(due) = self.host.next_due(partition)? {
                earliest = Some(earliest.map_or(due, |known| known.min(due)));
            }
        }
        Ok(earliest)
    }

    fn read_quarantined(&mut self) -> Result<(), Failure> {
        if !self.quarantined_read {
            let known = self
                .host
                .athletes_with(BucketId::QUARANTINE, QUARANTINED_IN_MEMORY_MAX)?;
            if known.len() < QUARANTINED_IN_MEMORY_MAX {
                self.quarantined = Some(known.into_iter().collect());
            }
            self.quarantined_read = true;
        }
        Ok(())
    }
}

impl Attempted {
    fn of<I>(batch: &Batch<I>) -> Self {
        let timers_only = batch
            .shares
            .values()
            .filter(|share| share.tick.is_some())
            .count();
        let only = batch.shares.iter().next();
        Self {
            size: batch.records.max(timers_only),
            input: only.and_then(|(_, share)| share.first_input()),
            athlete: only.map(|(athlete, _)| athlete.clone()),
        }
    }
}

/// Adds one athlete's outcome to the commit; what the cache needs later stays in the outcome.
fn collect<P: Processor>(
    commit: &mut Commit,
    athlete: &Key,
    partition: Partition,
    outcome: &mut Outcome<P>,
) {
    commit.outputs.append(&mut outcome.outputs);
    for (bucket, value) in std::mem::take(&mut outcome.encoded) {
        commit.state.push(StateChange {
            athlete: athlete.clone(),
            bucket,
            value,
        });
    }
    if let Some(note) = &outcome.quarantine {
        commit.state.push(StateChange {
            athlete: athlete.clone(),
            bucket: BucketId::QUARANTINE,
            value: note.clone(),
        });
    }
    commit.timers.extend(
        outcome
            .timers
            .iter()
            .map(|change| (athlete.clone(), change.clone())),
    );
    for change in std::mem::take(&mut outcome.counters) {
        let count = commit.counters.entry((partition, change.name)).or_insert(0);
        *count = count.saturating_add(change.by);
    }
}
