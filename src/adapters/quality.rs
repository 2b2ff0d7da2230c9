//! The API's `Quality` over the log: committed counters, and what still waits to be processed.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use edge::Clock;
use schemas::record::Micros;
use sinks_api::Quality;
use sinks_api::dto::{Pending, QualityReport, SourceQuality};
use sinks_store::StoreError;
use stream_embedded::{EmbeddedLog, EmbeddedReader};
use stream_log::{BucketId, Failure, Offset, Record};

use super::publisher::{FETCH_RESULT, KIND};
use crate::loops::Status;

/// Athletes that are set aside are few, or something is very wrong.
const QUARANTINED_LISTED_MAX: usize = 1_000;
/// How far back the last arrival of a source is looked for.
const LOOK_BACK: u64 = 5_000;

pub(crate) struct LogQuality {
    reader: Mutex<Reading>,
    log: Arc<EmbeddedLog>,
    status: Arc<Status>,
    clock: Arc<dyn Clock>,
}

struct Reading {
    reader: EmbeddedReader,
    /// Up to where arrivals were looked at, and the last of each source.
    seen: Offset,
    last_received: BTreeMap<String, i64>,
}

impl LogQuality {
    pub(crate) fn new(
        reader: EmbeddedReader,
        log: Arc<EmbeddedLog>,
        status: Arc<Status>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let seen = Offset(log.head().0.saturating_sub(LOOK_BACK));
        let reading = Reading {
            reader,
            seen,
            last_received: BTreeMap::new(),
        };
        Self {
            reader: Mutex::new(reading),
            log,
            status,
            clock,
        }
    }
}

impl Quality for LogQuality {
    fn quality(&self) -> Result<QualityReport, StoreError> {
        let mut reading = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        self.report(&mut reading)
            .map_err(|failure| StoreError::unavailable("the log", failure))
    }
}

impl LogQuality {
    fn report(&self, reading: &mut Reading) -> Result<QualityReport, Failure> {
        reading.look()?;
        let mut sources: BTreeMap<String, SourceQuality> = BTreeMap::new();
        // Before the snapshot: what the loops do after it is not in its counters.
        let settled = self.status.settled();
        // One moment for counters and positions.
        reading.reader.hold()?;
        let told = self.counted(&reading.reader, settled, &mut sources);
        reading.reader.release()?;
        let waiting = told?;
        for (source, at) in &reading.last_received {
            sources.entry(source.clone()).or_default().last_received_at = Some(Micros(*at));
        }
        let quarantined = reading
            .reader
            .athletes_with(BucketId::QUARANTINE, QUARANTINED_LISTED_MAX)?
            .iter()
            .map(|key| key.as_str().to_owned())
            .collect();
        let now = self.clock.now().0;
        let due = reading
            .reader
            .timers()?
            .iter()
            .filter(|timer| timer.due.0 <= now)
            .count();
        let pending = Pending {
            records: waiting.records,
            fetches: waiting.fetches,
            weather: waiting.weather,
            timers_due: i64::try_from(due).unwrap_or(i64::MAX),
        };
        Ok(QualityReport::new(sources, pending, quarantined))
    }

    fn counted(
        &self,
        reader: &EmbeddedReader,
        settled: Offset,
        sources: &mut BTreeMap<String, SourceQuality>,
    ) -> Result<Waiting, Failure> {
        let mut open = Waiting::default();
        for ((_, name), count) in reader.counters()? {
            // A copy keeps counts of its own beside them.
            if name.starts_with('~') {
                continue;
            }
            let Some((source, what)) = name.split_once('.') else {
                continue;
            };
            let quality = sources.entry(source.to_owned()).or_default();
            match what {
                "received" => quality.received += count,
                "accepted" => quality.accepted += count,
                "duplicate" => quality.duplicate += count,
                "dead_lettered" => quality.dead_lettered += count,
                "pending" => {
                    quality.pending += count;
                    open.fetches += count;
                }
                "asked" => open.weather += count,
                _ => {
                    if let Some(kind) = what.strip_prefix("unused.") {
                        *quality.unused.entry(kind.to_owned()).or_default() += count;
                    }
                }
            }
        }
        // The snapshot's own end: the writer may be ahead of it, or it of what the loops were told.
        let head = Offset(reader.next_seq()?.0.saturating_sub(1));
        // Others may own what waits in a log elsewhere: what is settled here says nothing of them.
        if !self.status.elsewhere.is_used() && settled >= head.max(self.log.head()) {
            return Ok(open);
        }
        let inputs = waiting(reader, sources)?;
        // Facts that are on their way to the store are not there to be read yet.
        open.records = inputs
            .max(self.status.facts_to_store(head))
            .max(i64::from(self.status.is_behind()));
        Ok(open)
    }
}

/// What has not come to its end.
#[derive(Clone, Copy, Debug, Default)]
struct Waiting {
    records: i64,
    /// Hints whose fetch goes on.
    fetches: i64,
    /// Questions to the weather service.
    weather: i64,
}

/// How a fetch ended is told by ingest itself: nobody sent it, so it was not received.
fn is_own_word(record: &Record) -> bool {
    let kind = record.headers.iter().find(|header| header.name == KIND);
    kind.is_some_and(|kind| *kind.value == *FETCH_RESULT.as_bytes())
}

/// Count what is in the log and not processed: received, and pending.
fn waiting(
    reader: &EmbeddedReader,
    sources: &mut BTreeMap<String, SourceQuality>,
) -> Result<i64, Failure> {
    let positions = reader.positions()?;
    let from = positions.values().min().copied().unwrap_or_default();
    let mut waiting = 0;
    reader.visit(from, &mut |stored| {
        let read = stored.sequenced;
        let processed = positions
            .get(&read.partition)
            .is_some_and(|position| read.offset <= *position);
        if let Some(source) = read.record.topic.0.strip_prefix("sudor.raw.")
            && !processed
        {
            waiting += 1;
            if is_own_word(&read.record) {
                return ControlFlow::Continue(());
            }
            let quality = sources.entry(source.to_owned()).or_default();
            quality.received += 1;
            quality.pending += 1;
        }
        ControlFlow::Continue(())
    })?;
    Ok(waiting)
}

impl Reading {
    /// Note the last arrival of each source since the last look.
    fn look(&mut self) -> Result<(), Failure> {
        let (seen, last_received) = (&mut self.seen, &mut self.last_received);
        self.reader.visit(*seen, &mut |stored| {
            let read = stored.sequenced;
            *seen = read.offset;
            if let Some(source) = read.record.topic.0.strip_prefix("sudor.raw.") {
                let last = last_received.entry(source.to_owned()).or_insert(i64::MIN);
                *last = (*last).max(read.record.received_at.0);
            }
            ControlFlow::Continue(())
        })
    }
}
