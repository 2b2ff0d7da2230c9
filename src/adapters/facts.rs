//! The stream's `Facts` over the embedded log: one sequence for all partitions, so one lane.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sinks_api::{FactPage, FactRecord, Facts, Growth, Positions, Wanted};
use sinks_store::StoreError;
use stream_embedded::{EmbeddedLog, EmbeddedReader, Filter};
use stream_log::{Class, Failure, Key, Offset, Topic};
use tokio::sync::watch;

use crate::stores::FedTo;
use crate::topics;

const LANE: u32 = 0;
/// Records that one page looks at: a reader of a rare thing must not hold a snapshot for long.
const LOOKED_AT_MAX: u64 = 50_000;
const PAGE_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// Readers of the file that are kept open.
const READERS_KEPT_MAX: usize = 8;

pub(crate) struct LogFacts {
    folder: PathBuf,
    log: Arc<EmbeddedLog>,
    fed_to: FedTo,
    idle: Mutex<Vec<EmbeddedReader>>,
    growth: watch::Receiver<Growth>,
}

impl LogFacts {
    pub(crate) fn new(
        folder: &Path,
        log: Arc<EmbeddedLog>,
        fed_to: FedTo,
        growth: watch::Receiver<Growth>,
    ) -> Self {
        Self {
            folder: folder.to_owned(),
            log,
            fed_to,
            idle: Mutex::default(),
            growth,
        }
    }

    fn with<T>(
        &self,
        read: impl FnOnce(&EmbeddedReader) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let failed = |failure| StoreError::unavailable("the log", failure);
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let reader = match idle {
            Some(reader) => reader,
            None => EmbeddedReader::open(&self.folder, topics::CATALOGUE).map_err(failed)?,
        };
        let answer = read(&reader).map_err(failed)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < READERS_KEPT_MAX {
            idle.push(reader);
        }
        Ok(answer)
    }
}

impl Facts for LogFacts {
    fn earliest(&self) -> Result<Positions, StoreError> {
        let first = self.with(EmbeddedReader::first_seq)?;
        Ok(Positions::of(LANE).at(first.0.saturating_sub(1)))
    }

    fn readable(&self) -> Result<Positions, StoreError> {
        Ok(Positions::of(LANE).at((self.fed_to)()?.0))
    }

    fn end(&self) -> Result<Positions, StoreError> {
        Ok(Positions::of(LANE).at(self.log.head().0))
    }

    fn read(&self, after: &Positions, wanted: &Wanted, max: usize) -> Result<FactPage, StoreError> {
        let from = after.get(LANE);
        let readable = (self.fed_to)()?.0;
        let until = readable.min(from.saturating_add(LOOKED_AT_MAX));
        if until <= from {
            return Ok(FactPage {
                records: Vec::new(),
                upto: after.clone(),
            });
        }
        let topics: Vec<Topic> = wanted.topics.iter().map(|name| Topic(name)).collect();
        let key = wanted.key.as_deref().map(Key::new);
        let filter = Filter {
            topics: &topics,
            key: key.as_ref(),
        };
        let mut records = Vec::new();
        let mut bytes = 0_usize;
        let mut full = false;
        self.with(|reader| {
            reader.visit_some(Offset(from), Offset(until), &filter, &mut |stored| {
                let read = stored.sequenced;
                bytes = bytes.saturating_add(read.record.value.len());
                records.push(FactRecord {
                    lane: LANE,
                    offset: read.offset.0,
                    value: read.record.value,
                });
                full = records.len() >= max || bytes >= PAGE_BYTES_MAX;
                if full {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })
        })?;
        // Retention does not wait for a reader of the stream: one that it overtook is cut, and told when
        // it comes again.
        let first = self.with(EmbeddedReader::first_seq)?.0;
        if first > from.saturating_add(1) {
            let passed = Failure::new(Class::Retry, "reading what is past retention");
            return Err(StoreError::unavailable("the log", passed));
        }
        let last = records.last().map_or(until, |last| last.offset);
        let upto = Positions::of(LANE).at(if full { last } else { until });
        Ok(FactPage { records, upto })
    }

    fn growth(&self) -> watch::Receiver<Growth> {
        self.growth.clone()
    }
}
