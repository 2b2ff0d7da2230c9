//! The loop that carries out the plan: reads hints, sends requests, publishes what came, moves the
//! mark.
//!
//! Everything in here can be repeated: a process that ends between any two lines finds in the log
//! what it had done. It has no time of its own: `run` waits, and what it calls takes the clock.

mod publish;
mod status;

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use edge::{Backoff, UnixMicros};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use self::publish::{Closes, Unpublished};
pub use self::status::{FetchStatus, Waiting};
use super::hint::{Object, word};
use super::plan::{Next, Plan, Told, Trace, Verdict};
use super::queue::Task;
use crate::port::{Answer, Asked, Budgets, FeedError, HintFeed, Marks, RegistryError};
use crate::receive::{Connectors, Item};

/// How long a hint may wait to be read.
const POLL: Duration = Duration::from_millis(200);

/// While the log or the vault cannot be used, looks are rarer; it is never given up.
const UNUSABLE: Backoff = Backoff {
    base: POLL,
    cap: Duration::from_secs(10),
    attempts_max: u32::MAX,
};

/// Records of one read, and reads of one look: 10,000 records before the next request is sent.
const READ_MAX: usize = 500;
const READS_MAX: usize = 20;

/// Moving the mark is a durable write: while hints stream through, once a second is enough.
const MARK_EVERY_US: i64 = 1_000_000;

/// A source, as the driver asks it. All of it runs on the driver's task; nothing may block.
pub(crate) trait Source: Send + Sync {
    fn name(&self) -> &'static str;

    /// Who brings what was fetched into the log.
    fn connector(&self) -> &'static str;

    /// One request, at most.
    fn fetch(&self, task: Task) -> Answer<Fetched>;

    /// The series of samples of an object, where the source has them apart.
    fn streams(&self, object: Object) -> Answer<Fetched>;

    /// The fetch of this id ended, durably: what was kept for it is not needed any more.
    fn ended(&self, id: String) -> Answer<Result<(), RegistryError>>;
}

/// What one request came to.
pub(crate) struct Fetched {
    pub(crate) told: Told,
    pub(crate) trace: Trace,
    pub(crate) status: Option<u16>,
    /// What came, to be published for everybody who has the account linked.
    pub(crate) items: Vec<Item>,
}

/// The loop of one source.
pub struct Fetcher {
    connectors: Connectors,
    source: Arc<dyn Source>,
    /// Only this loop reads it; the lock lets another thread do the reading.
    feed: Arc<Mutex<Box<dyn HintFeed>>>,
    marks: Arc<dyn Marks>,
    budgets: Arc<dyn Budgets>,
    plan: Plan,
    mark_name: String,
    /// `None` until it was read.
    read_to: Option<u64>,
    caught_up: bool,
    marked: u64,
    marked_at: UnixMicros,
    under_way: JoinSet<(Next, Fetched)>,
    unpublished: VecDeque<Unpublished>,
    chance: u64,
    status: watch::Sender<FetchStatus>,
}

impl Fetcher {
    pub(crate) fn new(
        connectors: Connectors,
        source: Arc<dyn Source>,
        plan: Plan,
        feed: Box<dyn HintFeed>,
        marks: Arc<dyn Marks>,
        budgets: Arc<dyn Budgets>,
    ) -> Self {
        let (status, _) = watch::channel(FetchStatus {
            source: source.name(),
            ..FetchStatus::default()
        });
        Self {
            mark_name: format!("fetch/{}", source.name()),
            connectors,
            source,
            feed: Arc::new(Mutex::new(feed)),
            marks,
            budgets,
            plan,
            read_to: None,
            caught_up: false,
            marked: 0,
            marked_at: UnixMicros(i64::MIN),
            under_way: JoinSet::new(),
            unpublished: VecDeque::new(),
            chance: 0,
            status,
        }
    }

    /// What it does, whenever somebody looks.
    pub fn status(&self) -> watch::Receiver<FetchStatus> {
        self.status.subscribe()
    }

    /// Fetches until `stop` ends; then waits for what is under way, and no longer than a request may
    /// take. Being dropped instead loses nothing but the work.
    #[expect(
        clippy::disallowed_methods,
        reason = "the loop of a connector is a place that waits"
    )]
    pub async fn run(mut self, stop: impl Future<Output = ()> + Send) {
        tokio::pin!(stop);
        let mut failures = 0;
        loop {
            let mut pause = POLL;
            match self.look().await {
                Ok(()) => failures = 0,
                Err(error) => {
                    failures = u32::saturating_add(failures, 1);
                    pause = UNUSABLE.wait_after(failures, u32::MAX).unwrap_or(POLL);
                    tracing::warn!(source = self.source.name(), error = %chain(&error), "fetching cannot go on; it is tried again");
                }
            }
            tokio::select! {
                biased;
                () = &mut stop => break,
                Some(done) = self.under_way.join_next() => self.conclude(done).await,
                () = tokio::time::sleep(pause) => {}
            }
        }
        while let Some(done) = self.under_way.join_next().await {
            self.conclude(done).await;
        }
    }

    /// Reads what is new, tells the log what it has not taken, moves the mark, sends what may be sent.
    pub(super) async fn look(&mut self) -> Result<(), FetchError> {
        let read = self.read().await;
        self.publish_all().await;
        self.end_stale().await;
        let marked = self.move_mark().await;
        // Before everything was read it is not known what ended; while the log takes nothing, what
        // would be fetched could not be kept.
        let knows_enough = self.caught_up || self.plan.queue.is_full();
        let sent = if knows_enough && self.unpublished.is_empty() && read.is_ok() {
            self.send().await
        } else {
            Ok(())
        };
        self.tell_status();
        read.and(marked).and(sent)
    }

    /// Waits for one request that is under way. Nothing happens when there is none.
    #[cfg(test)]
    pub(super) async fn finish_one(&mut self) -> bool {
        match self.under_way.join_next().await {
            Some(done) => {
                self.conclude(done).await;
                true
            }
            None => false,
        }
    }

    fn now(&self) -> UnixMicros {
        self.connectors.ports.clock.now()
    }

    async fn read(&mut self) -> Result<(), FetchError> {
        let mut after = match self.read_to {
            Some(after) => after,
            None => {
                let (marks, name) = (self.marks.clone(), self.mark_name.clone());
                self.marked = blocking(move || marks.mark(&name)).await?;
                self.marked
            }
        };
        for _ in 0..READS_MAX {
            if self.plan.queue.is_full() {
                break;
            }
            let feed = self.feed.clone();
            let batch = blocking(move || {
                let mut feed = feed.lock().unwrap_or_else(PoisonError::into_inner);
                feed.read(after, READ_MAX)
            })
            .await?;
            let is_end = batch.end == after;
            self.hear(batch.items).await;
            after = batch.end;
            self.read_to = Some(after);
            if is_end {
                self.caught_up = true;
                break;
            }
        }
        Ok(())
    }

    async fn hear(&mut self, items: Vec<(u64, Asked)>) {
        let now = self.now();
        for (position, asked) in items {
            let Asked::Raw(raw) = asked else {
                continue;
            };
            let word = word(self.source.name(), position, &raw);
            let done = self.plan.hear(word, now);
            if let Some(id) = done
                && let Err(error) = self.source.ended(id).await
            {
                tracing::warn!(source = self.source.name(), %error, "what a fetch had needed was not destroyed");
            }
        }
    }

    async fn send(&mut self) -> Result<(), FetchError> {
        let now = self.now();
        let mut chosen = Vec::new();
        while let Some(next) = self.plan.next(now) {
            chosen.push(next);
        }
        if chosen.is_empty() {
            return Ok(());
        }
        // Counted durably before it is sent: a restart may believe that too much was used, never
        // too little.
        let kept = self.keep_budget().await;
        for next in chosen {
            if kept.is_err() {
                self.plan.take_back(&next, now);
                continue;
            }
            let source = self.source.clone();
            self.under_way.spawn(async move {
                let fetched = match &next {
                    Next::Fetch(task) => source.fetch(task.clone()).await,
                    Next::Streams(object) => source.streams(object.clone()).await,
                };
                (next, fetched)
            });
        }
        kept
    }

    async fn keep_budget(&self) -> Result<(), FetchError> {
        let used = self.plan.budget.stored();
        if used.is_empty() {
            return Ok(());
        }
        let budgets = self.budgets.clone();
        Ok(blocking(move || budgets.set_used(&used)).await?)
    }

    async fn conclude(&mut self, done: Result<(Next, Fetched), JoinError>) {
        let (next, fetched) = match done {
            Ok(done) => done,
            // A panic of a client would leave its object under way for ever.
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => return,
        };
        let now = self.now();
        let jitter = self.jitter(now);
        match next {
            Next::Fetch(task) => {
                let verdict =
                    self.plan
                        .answered(&task.object, &fetched.told, fetched.trace, now, jitter);
                match verdict {
                    Verdict::Later => {}
                    Verdict::Again { attempts, detail } => {
                        self.say_refused(&task.object, attempts, &detail, fetched.status);
                    }
                    Verdict::End(ending) => self.end(task.object, &ending, fetched, now).await,
                }
            }
            Next::Streams(object) => {
                self.plan
                    .streams_answered(&object, &fetched.told, fetched.trace, now, jitter);
                if fetched.told == Told::Body {
                    let sent_at = fetched.trace.sent_at.unwrap_or(now);
                    self.unpublished.push_back(Unpublished {
                        records: self.records(sent_at, fetched.items),
                        closes: Closes::Nothing,
                    });
                }
            }
        }
        self.publish_all().await;
        self.tell_status();
    }

    async fn move_mark(&mut self) -> Result<(), FetchError> {
        let Some(read_to) = self.read_to else {
            return Ok(());
        };
        let position = self.plan.queue.low_water(read_to);
        let now = self.now();
        let is_due = now.0.saturating_sub(self.marked_at.0) >= MARK_EVERY_US;
        if position <= self.marked || !is_due {
            return Ok(());
        }
        let (marks, name) = (self.marks.clone(), self.mark_name.clone());
        blocking(move || marks.set_mark(&name, position)).await?;
        self.marked = position;
        self.marked_at = now;
        Ok(())
    }

    /// Spreads retries. It needs no secrecy, only that processes and objects differ.
    fn jitter(&mut self, now: UnixMicros) -> u32 {
        // The steps of the generator SplitMix64.
        self.chance = self
            .chance
            .wrapping_add(now.0.unsigned_abs())
            .wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.chance;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((bits ^ (bits >> 31)) >> 32).unwrap_or(0)
    }
}

/// What keeps the loop from going on; it is tried again.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error(transparent)]
    Feed(#[from] FeedError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// Runs what may block where that is allowed. Its panic is a panic of the caller.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // The runtime ends, and this task with it.
        Err(_) => std::future::pending().await,
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
