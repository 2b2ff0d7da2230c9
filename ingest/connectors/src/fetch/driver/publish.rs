//! Putting what came into the log: the body and the end of its fetch in one piece, or neither yet.

use edge::UnixMicros;
use schemas::record::ingest::RawReceived;

use super::{Fetched, Fetcher};
use crate::fetch::hint::Object;
use crate::fetch::plan::Ending;
use crate::fetch::records::{End, results};
use crate::port::AthleteRef;
use crate::receive::{Item, raw_records};

/// Records that the log did not take yet.
pub(super) struct Unpublished {
    pub(super) records: Vec<RawReceived>,
    pub(super) closes: Closes,
}

pub(super) enum Closes {
    Object(Object),
    Stale(usize),
    Nothing,
}

impl Fetcher {
    pub(super) async fn end(
        &mut self,
        object: Object,
        ending: &Ending,
        fetched: Fetched,
        now: UnixMicros,
    ) {
        let at = fetched.trace.sent_at.unwrap_or(now);
        let hints = self.plan.hints_of(&object);
        let owners = self.owners(&object);
        let mut items = if ending.outcome == "body" {
            fetched.items
        } else {
            self.say_ended(&object, ending, fetched.status, hints.len());
            Vec::new()
        };
        items.extend(results(&End {
            object: &object,
            ending,
            status: fetched.status,
            at,
            hints: &hints,
            owners: &owners,
        }));
        self.unpublished.push_back(Unpublished {
            records: self.records(at, items),
            closes: Closes::Object(object),
        });
    }

    /// Once for an object at a level that is seen: the same answer may come for a day.
    pub(super) fn say_refused(
        &self,
        object: &Object,
        attempts: u32,
        reason: &str,
        status: Option<u16>,
    ) {
        let (source, object) = (self.source.name(), object.id.as_str());
        if attempts == 1 {
            tracing::warn!(
                source,
                object,
                status,
                reason,
                "the answer to a fetch is no use; it is asked for again"
            );
        } else {
            tracing::debug!(
                source,
                object,
                status,
                reason,
                attempts,
                "the answer to a fetch is no use again"
            );
        }
    }

    fn say_ended(&self, object: &Object, ending: &Ending, status: Option<u16>, hints: usize) {
        let (source, object) = (self.source.name(), object.id.as_str());
        let (outcome, reason) = (ending.outcome, ending.detail.as_str());
        if outcome == "failed" {
            tracing::warn!(
                source,
                object,
                status,
                reason,
                hints,
                "a fetch was given up; its hints are dead letters"
            );
        } else {
            tracing::info!(
                source,
                outcome,
                status,
                hints,
                "a fetch ended without a body"
            );
        }
    }

    /// Hints that a deletion has overtaken end as it did.
    pub(super) async fn end_stale(&mut self) {
        if self.plan.queue.stale().is_empty() || !self.unpublished.is_empty() {
            return;
        }
        let ending = Ending::new("gone", "it was deleted after this happened");
        let mut records = Vec::new();
        for stale in self.plan.queue.stale() {
            let items = results(&End {
                object: &stale.object,
                ending: &ending,
                status: None,
                at: stale.deleted_at,
                hints: &stale.hints,
                owners: &[],
            });
            records.extend(self.records(stale.deleted_at, items));
        }
        let count = self.plan.queue.stale().len();
        self.unpublished.push_back(Unpublished {
            records,
            closes: Closes::Stale(count),
        });
        self.publish_all().await;
    }

    fn owners(&self, object: &Object) -> Vec<AthleteRef> {
        let registry = &self.connectors.ports.registry;
        registry.athletes_linked(self.source.name(), &object.account_id)
    }

    pub(super) fn records(&self, at: UnixMicros, items: Vec<Item>) -> Vec<RawReceived> {
        let delivery = self
            .connectors
            .fetched(self.source.name(), self.source.connector(), at);
        raw_records(&delivery, items)
    }

    /// In order, and again at the next look where the log refuses: nothing is fetched meanwhile.
    pub(super) async fn publish_all(&mut self) {
        while let Some(next) = self.unpublished.pop_front() {
            let publisher = &self.connectors.ports.publisher;
            if let Err(error) = publisher.publish(next.records.clone()).await {
                tracing::warn!(source = self.source.name(), %error, "what was fetched is not stored yet");
                self.unpublished.push_front(next);
                return;
            }
            match next.closes {
                Closes::Object(object) => self.plan.queue.closed(&object),
                Closes::Stale(count) => self.plan.queue.stale_closed(count),
                Closes::Nothing => {}
            }
        }
    }
}
