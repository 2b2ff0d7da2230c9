//! Safety holds, as entries of the timeline. A hold that was released is shown as ended.

use schemas::record::recommendation::{SafetyHoldRaised, SafetyHoldReleased};

use super::{ISSUED, RETRACTED, live_row, open_body};
use crate::{Cell, Retraction, RowChange, Table, Version};

const TYPE: &str = "safety_hold";

pub(super) fn raised(fact: &SafetyHoldRaised) -> RowChange {
    let mut json = open_body!(fact, fact.since, fact.since);
    json.text("type", TYPE)
        .text("hold_id", &fact.hold_id)
        .int("version", fact.version)
        .text("code", &fact.code)
        .value("symptoms", &fact.symptoms)
        .instant("since", fact.since);
    let mut cells = vec![Cell::Null; Table::TimelineEntries.columns().len()];
    if let Some(kind) = cells.get_mut(3) {
        *kind = Cell::from(TYPE);
    }
    live_row!(TimelineEntries, fact, id: fact.hold_id, version: (fact.version, ISSUED),
        span: (fact.since, fact.since), hash: fact.id, cells: cells, body: json)
}

pub(super) fn released(fact: SafetyHoldReleased) -> RowChange {
    RowChange::Retract(Retraction {
        table: Table::TimelineEntries,
        tenant_id: fact.tenant_id,
        athlete_id: fact.athlete_id,
        id: fact.hold_id,
        version: Version {
            revision: fact.version,
            step: RETRACTED,
        },
        fact_id: fact.id,
        content_hash: None,
        recorded_at: fact.recorded_at,
        revised_at: fact.revised_at,
        reason: "released".to_owned(),
        superseded_by: None,
    })
}
