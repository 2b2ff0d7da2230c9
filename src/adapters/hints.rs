//! Ingest's `HintFeed` over the log: what asks for a request to the outside, and how those ended.

use ingest_connectors::port::{Asked, Batch, FeedError, HintFeed};
use schemas::record::ingest::RawReceived;
use schemas::record::loss::WeatherRequested;
use schemas::topic;
use stream_embedded::Subscriber;
use stream_log::{Failure, Offset, Sequenced, Subscribe, Topic};

use super::publisher::KIND;

/// Records that one read looks at.
const RECORDS_MAX: usize = 4_096;
const BYTES_MAX: usize = 8 * 1_024 * 1_024;

/// Kinds of raw records that a fetcher works on; what was fetched is none of them.
const HINTS: &[&[u8]] = &[b"event", b"ping", b"fetch_result"];

pub(crate) struct LogHints {
    subscriber: Subscriber,
    topics: Vec<Topic>,
}

impl LogHints {
    /// Hints of a vendor that tells only that there is something.
    pub(crate) fn of_vendor(subscriber: Subscriber, topic: &'static str) -> Self {
        Self {
            subscriber,
            topics: vec![Topic(topic)],
        }
    }

    /// Questions for the weather, and the answers that were given.
    pub(crate) fn of_weather(subscriber: Subscriber) -> Self {
        Self {
            subscriber,
            topics: vec![Topic(topic::WEATHER_REQUESTS), Topic(topic::RAW_WEATHER)],
        }
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
            for record in &records {
                let asked = asked(record)?;
                batch
                    .items
                    .extend(asked.map(|asked| (record.offset.0, asked)));
            }
        }
        Ok(batch)
    }
}

fn unavailable(failure: Failure) -> FeedError {
    FeedError::Unavailable(Box::new(failure))
}

fn asked(read: &Sequenced) -> Result<Option<Asked>, FeedError> {
    let record = &read.record;
    let broken = |error: schemas::DecodeError| FeedError::Unavailable(Box::new(error));
    if record.topic.0 == topic::WEATHER_REQUESTS {
        let request: WeatherRequested = schemas::decode(&record.value).map_err(broken)?;
        return Ok(Some(Asked::WeatherRequested(Box::new(request))));
    }
    let kind = record.headers.iter().find(|header| header.name == KIND);
    let vendor = record.topic.0 != topic::RAW_WEATHER;
    if vendor && kind.is_none_or(|kind| !HINTS.contains(&kind.value.as_slice())) {
        return Ok(None);
    }
    let raw: RawReceived = schemas::decode(&record.value).map_err(broken)?;
    Ok(Some(Asked::Raw(Box::new(raw))))
}
