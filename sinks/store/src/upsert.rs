//! What a change makes of the row that is there: the same answer in every store.

use std::collections::BTreeMap;

use schemas::record::Micros;
use serde_json::value::RawValue;

use crate::json::Json;
use crate::{Replayed, Retraction, Row, Status, Table, Told};

/// The row after a retraction, or `None` when something newer is known. Without a row before (its
/// facts were not fed to this store) the retraction stands alone.
pub fn retract(before: Option<&Row>, change: &Retraction) -> Option<Row> {
    let Some(before) = before else {
        return Some(tombstone(change));
    };
    if before.version >= change.version {
        return None;
    }
    let mut row = before.clone();
    row.version = change.version;
    row.revised_at = change.revised_at;
    if let Some(hash) = &change.content_hash {
        row.content_hash.clone_from(hash);
    }
    end(&mut row, &change.reason, change.superseded_by.as_deref());
    row.body = patched_body(&before.body, |patch| {
        patch.text("id", &change.fact_id);
        if let Some(field) = change.table.revision_field() {
            patch.int(field, change.version.revision);
        }
        patch.text("content_hash", &row.content_hash);
        patch.instant("recorded_at", change.recorded_at);
        patch.instant("revised_at", change.revised_at);
        patch_end(patch, &row);
    });
    Some(row)
}

/// The timeline entry after its source took it back, or `None` when it was told again since.
pub fn take_back(before: &Row, change: &Told) -> Option<Row> {
    if before.status == Status::Retracted || before.revised_at >= change.revised_at {
        return None;
    }
    let mut row = before.clone();
    row.revised_at = change.revised_at;
    end(&mut row, &change.reason, None);
    row.body = patched_body(&before.body, |patch| {
        patch.instant("revised_at", change.revised_at);
        patch_end(patch, &row);
    });
    Some(row)
}

/// The dead letter after it was sent in again, or `None` when it was marked before.
pub fn replayed(before: &Row, change: &Replayed) -> Option<Row> {
    if before.status == Status::Retracted {
        return None;
    }
    let mut row = before.clone();
    row.revised_at = change.at.max(before.revised_at);
    row.version.step = row.version.step.saturating_add(1);
    end(&mut row, "replayed", None);
    row.body = patched_body(&before.body, |patch| {
        patch.text("status", Status::Retracted.word());
        patch.instant("replayed_at", change.at);
    });
    Some(row)
}

/// The body without the bytes that somebody sent, for stores with a limit for a row.
pub fn without_bytes(body: &str) -> String {
    patched_body(body, |patch| {
        patch.null("body_base64");
    })
}

fn end(row: &mut Row, reason: &str, superseded_by: Option<&str>) {
    row.status = Status::Retracted;
    row.retracted_reason = Some(reason.to_owned());
    row.superseded_by = superseded_by.map(str::to_owned);
}

fn patch_end(patch: &mut Json, row: &Row) {
    patch.text("status", Status::Retracted.word());
    patch.text_or_null("reason", row.retracted_reason.as_deref());
    if matches!(row.table, Table::Sessions | Table::Nights) {
        patch.text_or_null("superseded_by", row.superseded_by.as_deref());
    }
}

/// The body with the patch's fields in place of its own, all else byte for byte as it was.
fn patched_body(body: &str, fill: impl FnOnce(&mut Json)) -> String {
    let mut patch = Json::with_room(256);
    fill(&mut patch);
    let patch = patch.finish();
    let mut fields = fields_of(body);
    fields.extend(fields_of(&patch));
    let mut json = Json::with_room(body.len() + patch.len());
    for (name, value) in fields {
        json.raw(&name, value.get());
    }
    json.finish()
}

/// A body is written by this crate and always an object; anything else has no fields to keep.
fn fields_of(object: &str) -> BTreeMap<String, &RawValue> {
    serde_json::from_str(object).unwrap_or_default()
}

fn tombstone(change: &Retraction) -> Row {
    let mut json = Json::with_room(256);
    json.text("id", &change.fact_id)
        .text(change.table.id_column(), &change.id)
        .text("athlete_id", &change.athlete_id)
        .text("status", Status::Retracted.word())
        .text("reason", &change.reason)
        .text_or_null("superseded_by", change.superseded_by.as_deref())
        .instant("start", change.recorded_at)
        .instant("end", change.recorded_at)
        .instant("recorded_at", change.recorded_at)
        .instant("revised_at", change.revised_at);
    if let Some(field) = change.table.revision_field() {
        json.int(field, change.version.revision);
    }
    Row {
        table: change.table,
        tenant_id: change.tenant_id.clone(),
        athlete_id: Some(change.athlete_id.clone()),
        id: change.id.clone(),
        version: change.version,
        status: Status::Retracted,
        start: change.recorded_at,
        end: change.recorded_at,
        content_hash: change.content_hash.clone().unwrap_or_default(),
        revised_at: change.revised_at,
        retracted_reason: Some(change.reason.clone()),
        superseded_by: change.superseded_by.clone(),
        cells: vec![crate::Cell::Null; change.table.columns().len()],
        body: json.finish(),
    }
}

/// Whether a row belongs to `[from, to)`. What has no length belongs where it begins.
pub(crate) fn overlaps(
    start: Micros,
    end: Micros,
    from: Option<Micros>,
    to: Option<Micros>,
) -> bool {
    from.is_none_or(|from| end > from || start >= from) && to.is_none_or(|to| start < to)
}
