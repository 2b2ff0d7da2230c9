//! What has to be looked after while the other loops work: that the log still takes records, and that
//! nothing is kept beyond its term.
//!
//! Invariants: no record goes that somebody has yet to read (processing, the store, a fetcher); what
//! goes is a beginning of the log; steps are small, so that appends and batches go on between them. A
//! process that ends in the middle goes on at the next start: every step is a commit of its own.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, anyhow};
use edge::Clock;
use ingest_connectors::port::Marks;
use schemas::record::Micros;
use schemas::topic;
use sinks_sqlite::SqliteRetention;
use sinks_store::Kept;
use stream_embedded::{EmbeddedLog, EmbeddedReader, Filter};
use stream_log::{LogTime, Offset, Topic};

use super::{SLEEP_MAX, Status, thread};
use crate::config::{Retention, Settings};
use crate::stores::FedTo;
use crate::topics;

/// A term is kept to the hundredth, and looked at every hour at least.
const ROUNDS_OF_TERM: u32 = 100;
const BETWEEN_ROUNDS_MAX: Duration = Duration::from_secs(3_600);
/// Records that are looked at before some of them go.
const STRETCH_RECORDS: u64 = 20_000;
/// How far the fetchers read of what, by the names of their marks.
const FETCHERS: [(&str, &[Topic]); 3] = [
    ("fetch/strava", &[Topic(topic::RAW_STRAVA)]),
    ("fetch/garmin", &[Topic(topic::RAW_GARMIN)]),
    (
        "weather",
        &[Topic(topic::WEATHER_REQUESTS), Topic(topic::RAW_WEATHER)],
    ),
];

/// Who else has to have read what goes.
pub(crate) struct Readers {
    pub(crate) marks: Arc<dyn Marks>,
    pub(crate) fed_to: FedTo,
}

/// A process that only takes records in has no loop that would meet a full disk: without this one it
/// would refuse for ever, and nobody would start it again.
pub(crate) fn upkeep(
    settings: &Settings,
    log: &Arc<EmbeddedLog>,
    status: &Arc<Status>,
    clock: &Arc<dyn Clock>,
    readers: Readers,
) -> anyhow::Result<JoinHandle<anyhow::Result<()>>> {
    let mut keeper = Keeper::open(settings, log, readers)?;
    let (log, status_in, clock) = (Arc::clone(log), Arc::clone(status), Arc::clone(clock));
    thread("upkeep", status, move || {
        while !status_in.is_stopping() {
            if let Some(first) = log.failed() {
                return Err(anyhow!("the log takes nothing more ({first})"));
            }
            let more = match &mut keeper {
                Some(keeper) => keeper.step(clock.now().0)?,
                None => false,
            };
            if !more {
                // No record has this place: only the time ends the wait.
                log.wait_for(Offset(u64::MAX), SLEEP_MAX);
            }
        }
        Ok(())
    })
}

/// Removes what is past its term.
struct Keeper {
    terms: Retention,
    log: Arc<EmbeddedLog>,
    reader: EmbeddedReader,
    readers: Readers,
    store: Option<SqliteRetention>,
    /// When to look again.
    next_us: i64,
}

impl Keeper {
    fn open(
        settings: &Settings,
        log: &Arc<EmbeddedLog>,
        readers: Readers,
    ) -> anyhow::Result<Option<Self>> {
        let terms = settings.retention;
        if terms == Retention::default() {
            return Ok(None);
        }
        let of_store = terms.history.or(terms.dead_letters).is_some();
        let store = of_store
            .then(|| SqliteRetention::open(&settings.store.path))
            .transpose()?;
        Ok(Some(Self {
            terms,
            log: Arc::clone(log),
            reader: EmbeddedReader::open(&settings.log.data, topics::CATALOGUE)?,
            readers,
            store,
            next_us: i64::MIN,
        }))
    }

    /// A little of it; whether there is more to do at once.
    fn step(&mut self, now_us: i64) -> anyhow::Result<bool> {
        if now_us < self.next_us {
            return Ok(false);
        }
        let more = self.trim(now_us)? | self.forget(now_us)?;
        if !more {
            let terms = [self.terms.log, self.terms.history, self.terms.dead_letters];
            let shortest = terms.into_iter().flatten().min().unwrap_or_default();
            let pause = (shortest / ROUNDS_OF_TERM).min(BETWEEN_ROUNDS_MAX);
            self.next_us = now_us.saturating_add(micros(pause));
        }
        Ok(more)
    }

    fn trim(&self, now_us: i64) -> anyhow::Result<bool> {
        let Some(term) = self.terms.log else {
            return Ok(false);
        };
        let older_than = LogTime(now_us.saturating_sub(micros(term)));
        let removed = self
            .log
            .trim(self.read_by_all()?, older_than)
            .context("cannot shorten the log")?;
        Ok(removed > 0)
    }

    /// Up to where nobody will read any more, as far as one stretch goes. Processing is asked by the
    /// log itself.
    fn read_by_all(&self) -> anyhow::Result<Offset> {
        let before = self.reader.first_seq()?.0.saturating_sub(1);
        let mut until = before.saturating_add(STRETCH_RECORDS);
        until = until.min((self.readers.fed_to)()?.0);
        for (name, topics) in FETCHERS {
            let read_to = self.readers.marks.mark(name)?.max(before);
            let filter = Filter { topics, key: None };
            let mut open = None;
            let (after, upto) = (Offset(read_to), Offset(until));
            self.reader
                .visit_some(after, upto, &filter, &mut |stored| {
                    open = Some(stored.sequenced.offset.0);
                    ControlFlow::Break(())
                })?;
            until = open.map_or(until, |open| until.min(open.saturating_sub(1)));
        }
        Ok(Offset(until))
    }

    fn forget(&mut self, now_us: i64) -> anyhow::Result<bool> {
        let Some(store) = &mut self.store else {
            return Ok(false);
        };
        let since =
            |term: Option<Duration>| term.map(|term| Micros(now_us.saturating_sub(micros(term))));
        let terms = Kept {
            history_since: since(self.terms.history),
            dead_letters_since: since(self.terms.dead_letters),
        };
        match store.forget(&terms) {
            Ok(gone) => Ok(gone > 0),
            // The writer has the file; the next round is soon enough.
            Err(error) if error.is_transient() => Ok(false),
            Err(error) => Err(anyhow::Error::new(error).context("cannot shorten the store")),
        }
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
