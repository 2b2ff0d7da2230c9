//! Nights and naps.

use schemas::record::night::{NightRetracted, NightRevised};

use super::{ISSUED, RETRACTED, live_row, open_body};
use crate::{Cell, Retraction, RowChange, Table, Version};

pub(super) fn revised(fact: &NightRevised) -> RowChange {
    let mut json = open_body!(fact, fact.start, fact.end);
    json.text("night_id", &fact.night_id)
        .int("revision", fact.revision)
        .text("content_hash", &fact.content_hash)
        .text("kind", &fact.kind)
        .instant_or_null("in_bed_start", fact.in_bed_start)
        .instant_or_null("in_bed_end", fact.in_bed_end)
        .int("asleep_s", fact.asleep_s)
        .int_or_null("awake_s", fact.awake_s)
        .int_or_null("deep_s", fact.deep_s)
        .int_or_null("light_s", fact.light_s)
        .int_or_null("rem_s", fact.rem_s)
        .text("local_date", &fact.local_date)
        .int("utc_offset_s", fact.utc_offset_s)
        .value("provenance", &fact.provenance)
        .value("members", &fact.members)
        .text_or_null("superseded_by", fact.superseded_by.as_deref())
        .text("change", &fact.change)
        .value("merged_from", &fact.merged_from)
        .text_or_null("split_from", fact.split_from.as_deref())
        .value("split_into", &fact.split_into);
    live_row!(Nights, fact, id: fact.night_id, version: (fact.revision, ISSUED),
        span: (fact.start, fact.end), hash: fact.content_hash,
        cells: cells(fact), body: json)
}

fn cells(fact: &NightRevised) -> Vec<Cell> {
    vec![
        Cell::from(&fact.kind),
        fact.in_bed_start.into(),
        fact.in_bed_end.into(),
        fact.asleep_s.into(),
        fact.awake_s.into(),
        fact.deep_s.into(),
        fact.light_s.into(),
        fact.rem_s.into(),
        Cell::from(&fact.local_date),
        fact.utc_offset_s.into(),
        fact.members.len().into(),
    ]
}

pub(super) fn retracted(fact: NightRetracted) -> RowChange {
    RowChange::Retract(Retraction {
        table: Table::Nights,
        tenant_id: fact.tenant_id,
        athlete_id: fact.athlete_id,
        id: fact.night_id,
        version: Version {
            revision: fact.revision,
            step: RETRACTED,
        },
        fact_id: fact.id,
        content_hash: Some(fact.content_hash),
        recorded_at: fact.recorded_at,
        revised_at: fact.revised_at,
        reason: fact.reason,
        superseded_by: fact.superseded_by,
    })
}
