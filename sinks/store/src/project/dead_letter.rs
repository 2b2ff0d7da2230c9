//! Dead letters: the original bytes and why they could not be used.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemas::record::ingest::{RawReceived, RecordRejected, RejectionResolved};

use super::ISSUED;
use crate::json::Json;
use crate::{Cell, Replayed, Row, RowChange, Status, Table, Version};

pub(super) fn rejected(fact: RecordRejected) -> RowChange {
    let (cells, body) = (cells(&fact), body(&fact));
    RowChange::Put(Box::new(Row {
        table: Table::DeadLetters,
        version: Version {
            revision: i64::from(fact.attempts),
            step: ISSUED,
        },
        tenant_id: fact.tenant_id,
        athlete_id: fact.athlete_id,
        id: fact.id,
        status: Status::Live,
        start: fact.received_at,
        end: fact.received_at,
        content_hash: fact.body_sha256,
        revised_at: fact.recorded_at,
        retracted_reason: None,
        superseded_by: None,
        cells,
        body,
    }))
}

fn body(fact: &RecordRejected) -> String {
    let bytes = STANDARD.encode(&fact.body);
    let mut json = Json::with_room(bytes.len() + 768);
    json.text("status", Status::Live.word())
        .text("id", &fact.id)
        .text("tenant_id", &fact.tenant_id)
        .text_or_null("athlete_id", fact.athlete_id.as_deref())
        .text_or_null("account_id", fact.account_id.as_deref())
        .text("source", &fact.source)
        .text("kind", &fact.kind)
        .text_or_null("provider_id", fact.provider_id.as_deref())
        .text("stage", &fact.stage)
        .text("reason", &fact.reason)
        .text("detail", &fact.detail)
        .instant("start", fact.received_at)
        .instant("received_at", fact.received_at)
        .instant("first_received_at", fact.first_received_at)
        .instant("recorded_at", fact.recorded_at)
        .int("attempts", fact.attempts)
        .null("replayed_at")
        .text("raw_id", &fact.raw_id)
        .text("rules_id", &fact.rules_id)
        .text_or_null("licence", fact.licence.as_deref())
        .text("content_type", &fact.content_type)
        .text("body_sha256", &fact.body_sha256)
        .text("body_base64", &bytes);
    json.finish()
}

fn cells(fact: &RecordRejected) -> Vec<Cell> {
    vec![
        Cell::from(&fact.source),
        fact.account_id.as_ref().into(),
        fact.provider_id.as_ref().into(),
        Cell::from(&fact.kind),
        Cell::from(&fact.stage),
        Cell::from(&fact.reason),
        Cell::from(&fact.detail),
        fact.attempts.into(),
        fact.first_received_at.into(),
        Cell::from(&fact.raw_id),
        Cell::from(&fact.body_sha256),
        fact.body.len().into(),
    ]
}

pub(super) fn resolved(fact: RejectionResolved) -> RowChange {
    RowChange::Replayed(Replayed {
        tenant_id: fact.tenant_id,
        id: fact.rejection_id,
        at: fact.recorded_at,
    })
}

pub(super) fn replayed(raw: RawReceived) -> Option<RowChange> {
    Some(RowChange::Replayed(Replayed {
        tenant_id: raw.tenant_id,
        id: raw.replay_of?,
        at: raw.received_at,
    }))
}
