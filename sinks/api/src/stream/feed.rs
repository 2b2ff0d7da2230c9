//! From the log to one reader: pages of records, rendered as events, through a short queue.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use futures_core::Stream;
use schemas::AnyRecord;
use sinks_store::{Item, RowChange, SeriesQuery, StoreError, project, retract, rfc3339};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::timeout;

use super::position::Positions;
use crate::state::Api;

/// Records of one page; with typical facts about 256 KiB.
const PAGE_RECORDS: usize = 256;
/// Events that wait for a reader.
const QUEUE_EVENTS: usize = 64;
/// Silence is broken this often, so that who sits between does not cut the line.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A reader that takes nothing for this long is cut.
const PATIENCE: Duration = Duration::from_secs(30);
/// A failed read is tried again after this long.
const AGAIN: Duration = Duration::from_secs(1);
/// Revisions of an entity that are looked through for the row of a withdrawal.
const REVISIONS_MAX: usize = 10_000;

/// Which records a reader wants.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub topics: Vec<&'static str>,
    /// `tenant/athlete`; `None` is everybody.
    pub key: Option<String>,
}

/// A committed fact with its place.
#[derive(Clone, Debug)]
pub struct FactRecord {
    pub lane: u32,
    pub offset: u64,
    pub value: Vec<u8>,
}

/// What was found, and how far was looked: behind records that are not wanted, too.
#[derive(Clone, Debug, Default)]
pub struct FactPage {
    pub records: Vec<FactRecord>,
    pub upto: Positions,
}

/// Committed facts by place, for readers that come and go. Calls may block.
pub trait Facts: Send + Sync {
    /// Behind which everything is still kept.
    fn earliest(&self) -> Result<Positions, StoreError>;
    /// Up to where facts are shown: the store has their rows.
    fn readable(&self) -> Result<Positions, StoreError>;
    /// The end of the log.
    fn end(&self) -> Result<Positions, StoreError>;
    /// In log order for each athlete; nothing behind `readable`. With an empty page `upto` may still
    /// be further than `after`, and the next page may have something.
    fn read(&self, after: &Positions, wanted: &Wanted, max: usize) -> Result<FactPage, StoreError>;
    /// Changes when more may be readable.
    fn growth(&self) -> watch::Receiver<Growth>;
}

/// What readers are woken by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Growth {
    /// Any number that is another one when there may be more.
    pub upto: u64,
    /// The service ends, and with it every stream.
    pub stopping: bool,
}

/// The answer's body. The producer lives as long as somebody reads, and has one page at a time.
pub(super) fn body(
    api: Api,
    wanted: Wanted,
    begin: Positions,
    place: OwnedSemaphorePermit,
) -> Body {
    let (to, events) = mpsc::channel(QUEUE_EVENTS);
    let last_words = Arc::new(Mutex::new(None));
    let reader = Reader {
        events,
        last_words: Arc::clone(&last_words),
    };
    let mut producer = Producer {
        api,
        wanted,
        at: begin,
        to,
    };
    let work = async move {
        let metrics = producer.api.metrics.clone();
        metrics.stream_reader(1);
        let ended = producer.run().await;
        metrics.stream_reader(-1);
        *last_words.lock().unwrap_or_else(PoisonError::into_inner) = ended;
        // Only now the reader finds the end of the queue, and the last words behind it.
        drop(producer);
        drop(place);
    };
    spawn(work);
    Body::from_stream(reader)
}

#[expect(
    clippy::disallowed_methods,
    reason = "it ends with its reader, whose place it holds, or with the service"
)]
fn spawn(work: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(work);
}

/// What is left to say when the events are over.
type LastWords = Arc<Mutex<Option<&'static str>>>;

struct Reader {
    events: mpsc::Receiver<String>,
    last_words: LastWords,
}

impl Stream for Reader {
    type Item = Result<String, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.poll_recv(context).map(|event| {
            let mut words = self
                .last_words
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            event.or_else(|| words.take().map(str::to_owned)).map(Ok)
        })
    }
}

struct Producer {
    api: Api,
    wanted: Wanted,
    at: Positions,
    to: mpsc::Sender<String>,
}

/// Nobody reads any more, or too slowly.
enum Cut {
    Gone,
    Slow,
}

const TOO_SLOW: &str = "event: StreamEnded\ndata: {\"reason\":\"slow_reader\",\"detail\":\"nothing was \
    taken for 30 s; go on with the id of the last event\"}\n\n";

impl Producer {
    /// What to say at the end.
    async fn run(&mut self) -> Option<&'static str> {
        let mut growth = self.api.streams.facts.growth();
        let opened = "retry: 1000\n: sudor\n\n".to_owned();
        let mut cut = self.say(opened).await.err();
        while cut.is_none() {
            if growth.borrow_and_update().stopping {
                break;
            }
            cut = match self.page().await {
                Ok(Some(events)) => self.all(events).await.err(),
                Ok(None) => self.wait(&mut growth).await.err(),
                Err(()) => self.pause().await.err(),
            };
        }
        matches!(cut, Some(Cut::Slow)).then_some(TOO_SLOW)
    }

    async fn all(&self, events: Vec<String>) -> Result<(), Cut> {
        for event in events {
            self.say(event).await?;
        }
        Ok(())
    }

    async fn say(&self, event: String) -> Result<(), Cut> {
        match timeout(PATIENCE, self.to.send(event)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_closed)) => Err(Cut::Gone),
            Err(_waited) => Err(Cut::Slow),
        }
    }

    /// Until there may be more; or a heartbeat, which carries the position too, so that a reader of a
    /// rare thing does not fall out of what is kept.
    async fn wait(&self, growth: &mut watch::Receiver<Growth>) -> Result<(), Cut> {
        let grown = tokio::select! {
            grown = timeout(HEARTBEAT, growth.changed()) => grown,
            () = self.to.closed() => return Err(Cut::Gone),
        };
        match grown {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_ended)) => Err(Cut::Gone),
            Err(_silence) => {
                let id = self.api.streams.signer.write(&self.at);
                self.say(format!(": heartbeat\nid: {id}\n\n")).await
            }
        }
    }

    async fn pause(&self) -> Result<(), Cut> {
        match timeout(AGAIN, self.to.closed()).await {
            Ok(()) => Err(Cut::Gone),
            Err(_waited) => Ok(()),
        }
    }

    /// The next events; `None` at the end. A failure is logged and tried again: the reader waits.
    async fn page(&mut self) -> Result<Option<Vec<String>>, ()> {
        let (wanted, after) = (self.wanted.clone(), self.at.clone());
        let page = self.api.read(move |api| {
            let page = api.streams.facts.read(&after, &wanted, PAGE_RECORDS);
            let page = page.map_err(crate::state::problem)?;
            render(api, &after, &page)
                .map_err(crate::state::problem)
                .map(|events| (events, page.upto))
        });
        let (events, upto) = page.await.map_err(|_told| ())?;
        let moved = upto != self.at;
        self.at = upto;
        Ok(moved.then_some(events))
    }
}

/// Each record as an event whose id says that it, and all before it, was read.
fn render(api: &Api, after: &Positions, page: &FactPage) -> Result<Vec<String>, StoreError> {
    let mut at = after.clone();
    let mut events = Vec::with_capacity(page.records.len());
    for record in &page.records {
        at.set(record.lane, record.offset);
        let fact =
            schemas::decode_any(&record.value).map_err(|source| StoreError::Undecodable {
                topic: "the stream",
                position: record.offset,
                source: Box::new(source),
            })?;
        let name = fact.name();
        if let Some(data) = data(api.store.as_ref(), fact)? {
            let id = api.streams.signer.write(&at);
            events.push(format!("id: {id}\nevent: {name}\ndata: {data}\n\n"));
        }
    }
    Ok(events)
}

/// The row as the lists show it. A replaced version has no row of its own any more: it is named.
fn data(store: &dyn SeriesQuery, fact: AnyRecord) -> Result<Option<String>, StoreError> {
    if let AnyRecord::RecommendationSuperseded(fact) = &fact {
        let told = serde_json::json!({
            "id": fact.id, "athlete_id": fact.athlete_id, "status": "retracted",
            "reason": "superseded", "slot": fact.slot, "version": fact.version,
            "superseded_by": fact.by, "revised_at": rfc3339(fact.revised_at),
        });
        return Ok(Some(told.to_string()));
    }
    match project(fact) {
        Some(RowChange::Put(row)) => Ok(Some(row.body)),
        Some(RowChange::Retract(change)) => {
            let rows = store.history(change.table, &change.tenant_id, &change.id, REVISIONS_MAX)?;
            let ended = |item: &Item| ended_at(&item.body, &rfc3339(change.revised_at));
            let found = rows.into_iter().rfind(ended).map(|item| item.body);
            Ok(found.or_else(|| retract(None, &change).map(|row| row.body)))
        }
        Some(RowChange::TakeBack(_) | RowChange::Replayed(_)) | None => Ok(None),
    }
}

fn ended_at(body: &str, revised_at: &str) -> bool {
    let Ok(body) = serde_json::from_str::<serde_json::Value>(body) else {
        return false;
    };
    body.get("status")
        .is_some_and(|status| status == "retracted")
        && body.get("revised_at").is_some_and(|at| at == revised_at)
}
