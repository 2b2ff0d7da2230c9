//! Ingest's `HintFeed` over the log: what asks for a request to the outside, and how those ended.

use std::collections::BTreeSet;
use std::sync::Arc;

use ingest_connectors::port::{Asked, Batch, FeedError, HintFeed};
use schemas::record::ingest::RawReceived;
use schemas::record::loss::WeatherRequested;
use schemas::topic;
use stream_embedded::Subscriber;
use stream_log::{Failure, Offset, Partition, Sequenced, Subscribe, Topic};

use super::publisher::{FETCH_RESULT, KIND};

/// Records that one read looks at.
const RECORDS_MAX: usize = 4_096;
const BYTES_MAX: usize = 8 * 1_024 * 1_024;

/// Kinds of raw records that a fetcher works on; what was fetched is none of them.
const HINTS: &[&[u8]] = &[b"event", b"ping", FETCH_RESULT.as_bytes()];

pub(crate) struct LogHints {
    subscriber: Subscriber,
    topics: Vec<Topic>,
    ours: Ours,
}

/// Partitions whose athletes are worked for here; `None` is all.
pub(crate) type Ours = Option<Arc<BTreeSet<Partition>>>;

impl LogHints {
    /// Hints of a vendor that tells only that there is something.
    pub(crate) fn of_vendor(subscriber: Subscriber, topic: &'static str, ours: Ours) -> Self {
        Self {
            subscriber,
            topics: vec![Topic(topic)],
            ours,
        }
    }

    /// Questions for the weather, and the answers that were given.
    pub(crate) fn of_weather(subscriber: Subscriber, ours: Ours) -> Self {
        Self {
            subscriber,
            topics: vec![Topic(topic::WEATHER_REQUESTS), Topic(topic::RAW_WEATHER)],
            ours,
        }
    }

    fn is_ours(&self, record: &Sequenced) -> bool {
        let ours = self.ours.as_ref();
        ours.is_none_or(|ours| ours.contains(&record.partition))
    }
}

impl HintFeed for LogHints {
    fn read(&mut self, after: u64, max: usize) -> Result<Batch, FeedError> {
        let mut batch = Batch {
            items: Vec::new(),
            end: after,
        };
        while batch.items.len() < max {
            let left = max.saturating_sub(batch.items.len()).min(RECORDS_MAX);
            let records = self
                .subscriber
                .read(&self.topics, Offset(batch.end), left, BYTES_MAX)
                .map_err(unavailable)?;
            let Some(last) = records.last() else { break };
            batch.end = last.offset.0;
            for record in records.iter().filter(|record| self.is_ours(record)) {
                batch
                    .items
                    .extend(asked(record).map(|asked| (record.offset.0, asked)));
            }
        }
        Ok(batch)
    }
}

fn unavailable(failure: Failure) -> FeedError {
    FeedError::Unavailable(Box::new(failure))
}

/// What a record asks for. One that cannot be read asks for nothing: processing makes a dead letter of
/// it, and nobody waits for it here.
fn asked(read: &Sequenced) -> Option<Asked> {
    let record = &read.record;
    let told = if record.topic.0 == topic::WEATHER_REQUESTS {
        schemas::decode::<WeatherRequested>(&record.value)
            .map(|request| Asked::WeatherRequested(Box::new(request)))
    } else {
        let kind = record.headers.iter().find(|header| header.name == KIND);
        let vendor = record.topic.0 != topic::RAW_WEATHER;
        if vendor && kind.is_none_or(|kind| !HINTS.contains(&&*kind.value)) {
            return None;
        }
        schemas::decode::<RawReceived>(&record.value).map(|raw| Asked::Raw(Box::new(raw)))
    };
    told.inspect_err(|error| {
        tracing::error!(topic = record.topic.0, place = read.offset.0, %error, "a record cannot be read; it asks for nothing");
    })
    .ok()
}
