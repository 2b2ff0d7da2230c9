//! Sweat losses. A loss lies where its session lies.

use schemas::record::Interval;
use schemas::record::loss::{SweatLossEstimated, SweatLossRetracted};

use super::{ISSUED, RETRACTED, live_row, open_body};
use crate::{Cell, Retraction, RowChange, Table, Version};

pub(super) fn estimated(fact: &SweatLossEstimated) -> RowChange {
    let mut json = open_body!(fact, fact.session_start, fact.session_end);
    json.text("loss_id", &fact.loss_id)
        .int("revision", fact.revision)
        .text("content_hash", &fact.content_hash)
        .text("session_id", &fact.session_id)
        .int("session_revision", fact.session_revision)
        .instant("session_start", fact.session_start)
        .instant("session_end", fact.session_end)
        .text("method", &fact.method)
        .value("fluid_ml", &fact.fluid_ml)
        .value("sweat_rate_l_per_h", &fact.sweat_rate_l_per_h)
        .value("sodium_mmol_per_l", &fact.sodium_mmol_per_l)
        .value("sodium_mg", &fact.sodium_mg)
        .value("conditions", &fact.conditions)
        .value("evidence", &fact.evidence)
        .value("flags", &fact.flags)
        .text("model_version", &fact.model_version);
    live_row!(SweatLosses, fact, id: fact.loss_id, version: (fact.revision, ISSUED),
        span: (fact.session_start, fact.session_end), hash: fact.content_hash,
        cells: cells(fact), body: json)
}

fn cells(fact: &SweatLossEstimated) -> Vec<Cell> {
    let mut cells = Vec::with_capacity(Table::SweatLosses.columns().len());
    cells.extend([
        Cell::from(&fact.session_id),
        fact.session_revision.into(),
        Cell::from(&fact.method),
    ]);
    cells.extend(interval(Some(fact.fluid_ml)));
    cells.extend(interval(Some(fact.sweat_rate_l_per_h)));
    cells.extend(interval(fact.sodium_mmol_per_l));
    cells.extend(interval(fact.sodium_mg));
    cells.extend([
        fact.conditions.air_temp_c.into(),
        fact.conditions.humidity_pct.into(),
        fact.conditions.wind_m_s.into(),
        fact.conditions.solar_w_m2.into(),
        fact.conditions.indoor.into(),
        Cell::from(&fact.conditions.source),
        Cell::Text(fact.flags.join(",")),
        Cell::from(&fact.model_version),
    ]);
    cells
}

/// Median, lower and upper bound.
pub(super) fn interval(of: Option<Interval>) -> [Cell; 3] {
    [
        of.map(|i| i.median).into(),
        of.map(|i| i.lo90).into(),
        of.map(|i| i.hi90).into(),
    ]
}

pub(super) fn retracted(fact: SweatLossRetracted) -> RowChange {
    RowChange::Retract(Retraction {
        table: Table::SweatLosses,
        tenant_id: fact.tenant_id,
        athlete_id: fact.athlete_id,
        id: fact.loss_id,
        version: Version {
            revision: fact.revision,
            step: RETRACTED,
        },
        fact_id: fact.id,
        content_hash: Some(fact.content_hash),
        recorded_at: fact.recorded_at,
        revised_at: fact.revised_at,
        reason: fact.reason,
        superseded_by: None,
    })
}
