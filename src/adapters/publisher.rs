//! Ingest's `Publisher` over the log: an item is framed, keyed by its athlete, and durable before
//! the connector hears of it.

use std::time::Duration;

use ingest_connectors::port::{Answer, PublishError, Publisher};
use schemas::record::ingest::RawReceived;
use schemas::topic;
use stream_embedded::Appender;
use stream_log::{Appended, Class, Failure, Header, Key, LogTime, Record, Topic};
use tokio::sync::oneshot;
#[cfg(feature = "kafka")]
use {crate::loops::Status, std::sync::Arc};

/// What a sender is asked to wait when the queue is full: a few group commits.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The header that names the kind of a raw item.
pub(crate) const KIND: &str = "kind";

/// The kind of ingest's own record of how a fetch ended.
pub(crate) const FETCH_RESULT: &str = "fetch_result";

#[derive(Clone)]
pub(crate) struct LogPublisher {
    intake: Intake,
}

/// Who makes it durable.
#[derive(Clone)]
pub(crate) enum Intake {
    Embedded(Appender),
    #[cfg(feature = "kafka")]
    Kafka(stream_kafka::KafkaAppender, Arc<Status>),
}

type Told = Box<dyn FnOnce(Result<Vec<Appended>, Failure>) + Send>;

impl Intake {
    fn append_with(&self, records: Vec<Record>, told: Told) -> Result<(), Failure> {
        match self {
            Self::Embedded(appender) => appender.append_with(records, told),
            #[cfg(feature = "kafka")]
            Self::Kafka(appender, status) => {
                let status = Arc::clone(status);
                let counted = move |result: Result<_, _>| {
                    // Before the sender hears of it: nobody may take an older count for everything.
                    status.elsewhere.did();
                    told(result);
                };
                appender.append_with(records, Box::new(counted))
            }
        }
    }
}

impl LogPublisher {
    pub(crate) fn new(intake: Intake) -> Self {
        Self { intake }
    }
}

impl Publisher for LogPublisher {
    fn publish(&self, items: Vec<RawReceived>) -> Answer<Result<(), PublishError>> {
        if items.is_empty() {
            return Box::pin(std::future::ready(Ok(())));
        }
        let records = items.iter().map(raw_record).collect();
        let (sender, receiver) = oneshot::channel();
        let told = Box::new(move |result: Result<_, Failure>| {
            // A request that was given up has nobody waiting; its items are in the log all the same.
            sender.send(result.map(|_| ())).unwrap_or_default();
        });
        let queued = self.intake.append_with(records, told);
        Box::pin(async move {
            queued.map_err(|failure| refusal(&failure))?;
            match receiver.await {
                Ok(result) => result.map_err(|failure| refusal(&failure)),
                Err(_) => Err(PublishError::Unavailable),
            }
        })
    }
}

fn refusal(failure: &Failure) -> PublishError {
    match failure.class {
        Class::Retry => PublishError::Busy {
            retry_after: RETRY_AFTER,
        },
        _ => PublishError::Unavailable,
    }
}

/// The record of a raw item. An item of nobody is keyed by the account that it came for.
pub(crate) fn raw_record(item: &RawReceived) -> Record {
    let key = match &item.athlete_id {
        Some(athlete) => format!("{}/{athlete}", item.tenant_id),
        None => format!(
            "{}/~{}:{}",
            item.tenant_id,
            item.source,
            item.account_id.as_deref().unwrap_or("")
        ),
    };
    Record {
        topic: Topic(topic::raw_topic(&item.source).unwrap_or(topic::RAW_APP)),
        key: Key::new(&key),
        received_at: LogTime(item.received_at.0),
        headers: vec![
            Header {
                name: "ce_id",
                value: item.id.clone().into(),
            },
            Header {
                name: "ce_type",
                value: "RawReceived".into(),
            },
            // So that who waits for a few kinds need not decode the others.
            Header {
                name: KIND,
                value: item.kind.clone().into(),
            },
        ],
        value: schemas::codec::encode(item),
    }
}
