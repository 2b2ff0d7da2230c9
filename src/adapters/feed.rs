//! The sinks' `Feed` over the log: committed facts of the topics a store projects, in log order.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use schemas::AnyRecord;
use sinks_api::metrics::Metrics;
use sinks_store::{Feed, FeedPosition, FeedRecord, StoreError};
use stream_embedded::Subscriber;
use stream_log::{Offset, Sequenced, Subscribe, Topic};

/// A batch ends early when its facts are large.
const BATCH_BYTES_MAX: usize = 16 * 1_024 * 1_024;

pub(crate) struct LogFeed {
    subscriber: Subscriber,
    topics: Vec<Topic>,
    arrivals: Arrivals,
    metrics: Metrics,
}

/// When the oldest item arrived that the last batch follows from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrivals(Arc<AtomicI64>);

impl Arrivals {
    /// `None` where the last batch was empty.
    pub(crate) fn oldest_of_batch(&self) -> Option<i64> {
        Some(self.0.load(Ordering::Acquire)).filter(|at| *at > 0)
    }
}

impl LogFeed {
    pub(crate) fn new(subscriber: Subscriber, metrics: Metrics) -> Self {
        let topics = sinks_store::TOPICS.iter().map(|name| Topic(name)).collect();
        Self {
            subscriber,
            topics,
            arrivals: Arrivals::default(),
            metrics,
        }
    }

    pub(crate) fn arrivals(&self) -> Arrivals {
        self.arrivals.clone()
    }

    /// Counted here, where every rejection goes by with its stage and reason.
    fn count(&self, records: &[Sequenced]) {
        let oldest = records.iter().map(|read| read.record.received_at.0).min();
        self.arrivals
            .0
            .store(oldest.unwrap_or(0), Ordering::Release);
        for read in records {
            if read.record.topic.0 == schemas::topic::REJECTIONS
                && let Ok(AnyRecord::RecordRejected(fact)) = schemas::decode_any(&read.record.value)
            {
                self.metrics.dead_letter(&fact.stage, &fact.reason);
            }
        }
    }
}

impl Feed for LogFeed {
    fn read(
        &mut self,
        after: FeedPosition,
        max_records: usize,
    ) -> Result<Vec<FeedRecord>, StoreError> {
        let records = self
            .subscriber
            .read(&self.topics, Offset(after.0), max_records, BATCH_BYTES_MAX)
            .map_err(|failure| StoreError::unavailable("the log", failure))?;
        self.count(&records);
        Ok(records
            .into_iter()
            .map(|read| FeedRecord {
                position: FeedPosition(read.offset.0),
                topic: read.record.topic.0,
                key: read.record.key.as_str().to_owned(),
                value: read.record.value,
            })
            .collect())
    }
}
