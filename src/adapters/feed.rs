//! The sinks' `Feed` over the log: committed facts of the topics a store projects, in log order.

use sinks_store::{Feed, FeedPosition, FeedRecord, StoreError};
use stream_embedded::Subscriber;
use stream_log::{Offset, Subscribe, Topic};

/// A batch ends early when its facts are large.
const BATCH_BYTES_MAX: usize = 16 * 1_024 * 1_024;

pub(crate) struct LogFeed {
    subscriber: Subscriber,
    topics: Vec<Topic>,
}

impl LogFeed {
    pub(crate) fn new(subscriber: Subscriber) -> Self {
        let topics = sinks_store::TOPICS.iter().map(|name| Topic(name)).collect();
        Self { subscriber, topics }
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
