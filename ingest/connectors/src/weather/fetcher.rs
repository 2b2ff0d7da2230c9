//! The loop: reads what is asked, answers what can be answered, asks for the rest, and rests.
//!
//! One turn does one thing that ends in records, so that what was just read is always considered
//! before the next call is made. Nothing is held back between turns but the ledger of open requests:
//! an answer that could not be published is given again, out of the cache.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use edge::http::{BuildError, Client};
use edge::{Clock, UnixMicros};
use tokio::sync::Notify;

use super::WeatherSettings;
use super::budget::weight;
use super::cache::Cache;
use super::client::{Outcome, ask, url};
use super::gate::{Admission, Gate, after};
use super::ledger::Ledger;
use super::parse::{VARIABLES, Values};
use super::place::{Cell, Model, Place, Request};
use super::plan::{Call, is_beyond_forecast, plan};
use super::record::{Told, records};
use crate::port::{Answer, HintFeed, Marks, PublishError, Publisher};

/// The name of the mark.
const MARK: &str = "weather";
/// Items of one read of the log.
const READ_MAX: usize = 1_000;
/// Records of one publication.
const PUBLISH_MAX: usize = 1_000;
/// A mark saves reading at the next start, so it need not be the latest.
const MARK_EVERY: Duration = Duration::from_secs(5);
/// How often to look for something new while requests wait for their service.
const WAITING_POLL: Duration = Duration::from_secs(1);
/// Cells that are remembered to be asked for by themselves.
const ALONE_MAX: usize = 10_000;
/// How long to rest when the log or the marks cannot be used.
const TROUBLE_WAIT: Duration = Duration::from_secs(1);

/// The ports, joined by the root.
pub struct WeatherPorts {
    /// Of raw records it has those of source `weather`.
    pub feed: Box<dyn HintFeed>,
    pub publisher: Arc<dyn Publisher>,
    pub marks: Arc<dyn Marks>,
    pub clock: Arc<dyn Clock>,
    /// Told when the feed may have something new; without, the feed is polled.
    pub wake: Arc<Notify>,
}

/// Waits; a test moves its clock instead.
type Pause = Arc<dyn Fn(Duration) -> Answer<()> + Send + Sync>;

/// Answers requests for weather, for as long as it runs.
pub struct WeatherFetcher {
    settings: Arc<WeatherSettings>,
    feed: Arc<Mutex<Box<dyn HintFeed>>>,
    publisher: Arc<dyn Publisher>,
    marks: Arc<dyn Marks>,
    clock: Arc<dyn Clock>,
    wake: Arc<Notify>,
    client: Client,
    pause: Pause,
    ledger: Option<Ledger>,
    cache: Cache,
    /// Cells of calls that could not be answered at once.
    alone: BTreeSet<Cell>,
    gate: Gate,
    /// What was last written, and when.
    saved: (u64, UnixMicros),
    last_arrival: UnixMicros,
}

/// What a turn did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Worked,
    /// Nothing can be done before something comes, or before then.
    Idle {
        until: Option<UnixMicros>,
    },
}

impl WeatherFetcher {
    pub fn new(settings: WeatherSettings, ports: WeatherPorts) -> Result<Self, BuildError> {
        Self::with_pause(settings, ports, Arc::new(|wait| Box::pin(sleep(wait))))
    }

    pub(super) fn with_pause(
        settings: WeatherSettings,
        ports: WeatherPorts,
        pause: Pause,
    ) -> Result<Self, BuildError> {
        Ok(Self {
            client: Client::new(settings.limits)?,
            gate: Gate::new(settings.budget, settings.probe_after, settings.patience),
            settings: Arc::new(settings),
            feed: Arc::new(Mutex::new(ports.feed)),
            publisher: ports.publisher,
            marks: ports.marks,
            clock: ports.clock,
            wake: ports.wake,
            pause,
            ledger: None,
            cache: Cache::default(),
            alone: BTreeSet::new(),
            saved: (0, UnixMicros(i64::MIN)),
            last_arrival: UnixMicros(i64::MIN),
        })
    }

    /// Works until it is told to stop. It may be stopped anywhere: what was not published is still
    /// open in the log.
    pub async fn run(mut self, stop: impl Future<Output = ()> + Send) {
        tokio::select! {
            () = stop => {}
            () = self.work() => {}
        }
    }

    async fn work(&mut self) {
        loop {
            let Turn::Idle { until } = self.turn().await else {
                continue;
            };
            let rest = match until {
                // Everything that is open waits for the same thing, so there is no hurry to look.
                Some(until) => self.until(until).min(self.settings.poll.max(WAITING_POLL)),
                None => self.settings.poll,
            };
            tokio::select! {
                () = self.wake.notified() => {}
                () = (self.pause)(rest) => {}
            }
        }
    }

    pub(super) async fn turn(&mut self) -> Turn {
        if let Err(trouble) = self.read().await {
            tracing::warn!(trouble, "requests for weather cannot be read");
            (self.pause)(TROUBLE_WAIT).await;
            return Turn::Worked;
        }
        if self.settle().await {
            return Turn::Worked;
        }
        let turn = self.fetch_one().await;
        if let Turn::Idle { .. } = turn {
            self.save_mark().await;
        }
        turn
    }

    /// Everything that the log has, or as much as may be open at once.
    async fn read(&mut self) -> Result<(), &'static str> {
        if self.ledger.is_none() {
            let mark = self.blocking(|marks| marks.mark(MARK)).await;
            let mark = mark.ok_or("the mark cannot be read")?;
            self.saved.0 = mark;
            self.ledger = Some(Ledger::starting_after(mark));
        }
        while let Some(ledger) = self.ledger.as_mut().filter(|ledger| !ledger.is_full()) {
            let (feed, end) = (self.feed.clone(), ledger.end());
            let read = move || {
                let mut feed = feed.lock().unwrap_or_else(PoisonError::into_inner);
                feed.read(end, READ_MAX)
            };
            let batch = tokio::task::spawn_blocking(read).await;
            let batch = batch.map_err(|_| "reading panicked")?;
            ledger.take(batch.map_err(|_| "the log cannot be read")?);
            if ledger.has_caught_up() {
                break;
            }
        }
        Ok(())
    }

    /// Answers what needs no call. Whether there was any.
    async fn settle(&mut self) -> bool {
        let Some(ledger) = &self.ledger else {
            return false;
        };
        let now_s = self.now_s();
        let answers: Vec<_> = ledger
            .open()
            .filter_map(|request| Some((request.clone(), self.known(request.place, now_s)?)))
            .take(PUBLISH_MAX)
            .collect();
        let is_any = !answers.is_empty();
        self.answer(answers, None).await;
        is_any
    }

    /// What can be said of a place without asking.
    fn known(&self, place: Place, now_s: i64) -> Option<Told> {
        let model = Model::of_hour(place.hour_s, now_s, self.settings.archive_after_days);
        if let Some(values) = self.cache.get(model, place, now_s) {
            return Some(Ok((model, values)));
        }
        if url(&self.settings, model).is_empty() {
            return Some(Err("weather is not configured".to_owned()));
        }
        if is_beyond_forecast(place.hour_s, now_s) {
            return Some(Err("no forecast reaches that far".to_owned()));
        }
        None
    }

    /// Makes the first call that may be made, or refuses the first that may not.
    async fn fetch_one(&mut self) -> Turn {
        let mut next = None;
        for call in self.calls() {
            let cost = weight(VARIABLES.len(), call.days(), call.cells.len());
            match self.gate.admit(call.model, cost, self.clock.now()) {
                Admission::Go { is_probe } => {
                    self.fetch(&call, cost, is_probe).await;
                    return Turn::Worked;
                }
                Admission::Refuse { why } => {
                    self.fail(&call, &why, None).await;
                    return Turn::Worked;
                }
                Admission::Wait { until } => {
                    next = Some(next.map_or(until, |next: UnixMicros| next.min(until)));
                }
            }
        }
        Turn::Idle { until: next }
    }

    fn calls(&self) -> Vec<Call> {
        let open = self.ledger.iter().flat_map(Ledger::open);
        let places: BTreeSet<_> = open.map(|request| request.place).collect();
        let cells_max = usize::try_from(self.settings.budget.weight_max()).unwrap_or(usize::MAX);
        let calls = plan(
            &places,
            self.now_s(),
            self.settings.archive_after_days,
            cells_max,
        );
        calls
            .into_iter()
            .flat_map(|call| call.without(&self.alone))
            .collect()
    }

    /// From now on each of these places is asked for by itself.
    fn ask_alone(&mut self, call: &Call) {
        tracing::warn!(
            places = call.cells.len(),
            "the weather service cannot answer for these at once; each is asked for by itself"
        );
        if self.alone.len().saturating_add(call.cells.len()) > ALONE_MAX {
            self.alone.clear();
        }
        self.alone.extend(call.cells.iter().copied());
    }

    /// Asks, again while the service fails, and answers.
    async fn fetch(&mut self, call: &Call, cost: u32, is_probe: bool) {
        let mut attempt = 1;
        loop {
            let asked_at = self.clock.now();
            self.gate.spend(cost, asked_at);
            match ask(&self.client, &self.settings, call, asked_at).await {
                Outcome::Values(values) => {
                    self.gate.answered(call.model);
                    return self.tell(call, &values, asked_at).await;
                }
                Outcome::Limited(wait) => {
                    tracing::warn!(wait_s = wait.as_secs(), "the weather service limits us");
                    return self.gate.limited(call.model, wait, self.clock.now());
                }
                Outcome::Useless(_) if call.cells.len() > 1 => {
                    // One place must not cost the others their weather.
                    self.gate.answered(call.model);
                    return self.ask_alone(call);
                }
                Outcome::Useless(failure) => {
                    self.gate.answered(call.model);
                    return self.fail(call, &failure, Some(asked_at)).await;
                }
                Outcome::Down(failure) => match self.wait_after(attempt).filter(|_| !is_probe) {
                    Some(wait) => (self.pause)(wait).await,
                    None => {
                        self.gate.failed(call.model, self.clock.now());
                        return self.fail(call, &failure, Some(asked_at)).await;
                    }
                },
            }
            attempt = attempt.saturating_add(1);
        }
    }

    /// The low bits of the clock are as good a draw as any: what is spread are a few calls of one
    /// process.
    fn wait_after(&self, attempt: u32) -> Option<Duration> {
        let spread = self
            .clock
            .now()
            .0
            .unsigned_abs()
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let jitter = u32::try_from(spread >> 32).unwrap_or(u32::MAX);
        self.settings.backoff.wait_after(attempt, jitter)
    }

    async fn tell(&mut self, call: &Call, values: &BTreeMap<Place, Values>, asked_at: UnixMicros) {
        let now_s = self.now_s();
        for (place, values) in values {
            self.cache.insert(call.model, *place, *values, now_s);
        }
        let told = |place: &Place| match values.get(place) {
            Some(values) => Ok((call.model, *values)),
            None => Err("the weather service left the hour out".to_owned()),
        };
        self.answer(self.waiting_for(call, told), Some(asked_at))
            .await;
    }

    async fn fail(&mut self, call: &Call, why: &str, asked_at: Option<UnixMicros>) {
        tracing::warn!(
            why,
            model = call.model.word(),
            places = call.places.len(),
            "no weather"
        );
        let told = |_: &Place| Err(why.to_owned());
        self.answer(self.waiting_for(call, told), asked_at).await;
    }

    fn waiting_for(&self, call: &Call, told: impl Fn(&Place) -> Told) -> Vec<(Request, Told)> {
        let places: BTreeSet<_> = call.places.iter().collect();
        let open = self.ledger.iter().flat_map(Ledger::open);
        open.filter(|request| places.contains(&request.place))
            .map(|request| (request.clone(), told(&request.place)))
            .collect()
    }

    /// Publishes answers and closes their requests. What the log does not take stays open.
    async fn answer(&mut self, answers: Vec<(Request, Told)>, asked_at: Option<UnixMicros>) {
        for answers in answers.chunks(PUBLISH_MAX) {
            let later = self.last_arrival.0.saturating_add(1);
            self.last_arrival = UnixMicros(self.clock.now().0.max(later));
            let records = records(answers, self.last_arrival, asked_at);
            if let Err(error) = self.publisher.publish(records).await {
                tracing::warn!(%error, "answers about weather were not stored");
                let wait = match error {
                    PublishError::Busy { retry_after } => retry_after,
                    PublishError::Unavailable => TROUBLE_WAIT,
                };
                return (self.pause)(wait).await;
            }
            for (request, _) in answers {
                self.ledger
                    .iter_mut()
                    .for_each(|ledger| ledger.close(request));
            }
        }
    }

    async fn save_mark(&mut self) {
        let now = self.clock.now();
        let mark = self.ledger.as_ref().map_or(0, Ledger::mark);
        if mark <= self.saved.0 || after(self.saved.1, MARK_EVERY) > now {
            return;
        }
        let is_saved = self.blocking(move |marks| marks.set_mark(MARK, mark)).await;
        let position = is_saved.map_or(self.saved.0, |()| mark);
        self.saved = (position, now);
    }

    /// Uses the marks where blocking is allowed; `None` after a failure, which is in the log.
    async fn blocking<T: Send + 'static, E: std::fmt::Display + Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Marks) -> Result<T, E> + Send + 'static,
    ) -> Option<T> {
        let marks = self.marks.clone();
        match tokio::task::spawn_blocking(move || work(&*marks)).await {
            Ok(Ok(done)) => Some(done),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the mark of the weather requests failed");
                None
            }
            Err(error) => {
                tracing::error!(%error, "the mark of the weather requests panicked");
                None
            }
        }
    }

    fn now_s(&self) -> i64 {
        self.clock.now().0.div_euclid(1_000_000)
    }

    fn until(&self, then: UnixMicros) -> Duration {
        let micros = then.0.saturating_sub(self.clock.now().0);
        Duration::from_micros(u64::try_from(micros).unwrap_or_default())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a connector's loop waits for its service and for its requests"
)]
async fn sleep(wait: Duration) {
    tokio::time::sleep(wait).await;
}
