//! Recommendations: one row per slot, the latest version.
//!
//! Advice whose window closed stays live, with `expired_at`; only a cancelled slot is retracted. A
//! slot that expires without ever having been issued says so with `late`.

use schemas::record::Micros;
use schemas::record::recommendation::{
    Advice, Need, Param, Portion, Reason, RecommendationCancelled, RecommendationExpired,
    RecommendationIssued,
};

use super::{EXPIRED, ISSUED, RETRACTED, live_row, open_body};
use crate::json::Json;
use crate::{Cell, Retraction, RowChange, Table, Version};

pub(super) fn issued(fact: &RecommendationIssued) -> RowChange {
    row(fact, None, false, ISSUED)
}

pub(super) fn expired(fact: RecommendationExpired) -> RowChange {
    let (late, expired_at) = (fact.late, fact.recorded_at);
    let issued = RecommendationIssued {
        id: fact.id,
        tenant_id: fact.tenant_id,
        athlete_id: fact.athlete_id,
        recorded_at: fact.recorded_at,
        revised_at: fact.revised_at,
        rules_id: fact.rules_id,
        licence: fact.licence,
        key_id: fact.key_id,
        slot: fact.slot,
        version: fact.version,
        content_hash: fact.content_hash,
        inputs_hash: fact.inputs_hash,
        rules: fact.rules,
        catalog: fact.catalog,
        advice: fact.advice,
    };
    row(&issued, Some(expired_at), late, EXPIRED)
}

fn row(
    fact: &RecommendationIssued,
    expired_at: Option<Micros>,
    late: bool,
    step: i64,
) -> RowChange {
    let advice = &fact.advice;
    let mut json = open_body!(fact, advice.valid_from, advice.valid_until);
    json.text("slot", &fact.slot)
        .int("version", fact.version)
        .text("content_hash", &fact.content_hash)
        .instant_or_null("expired_at", expired_at)
        .flag("late", late);
    advised(&mut json, advice);
    json.text("inputs_hash", &fact.inputs_hash)
        .text("rules", &fact.rules)
        .text("catalog", &fact.catalog);
    live_row!(Recommendations, fact, id: fact.slot, version: (fact.version, step),
        span: (advice.valid_from, advice.valid_until), hash: fact.content_hash,
        cells: cells(advice, expired_at, late), body: json)
}

fn advised(json: &mut Json, advice: &Advice) {
    json.text("phase", &advice.phase)
        .text("anchor_id", &advice.anchor_id)
        .text("anchor_kind", &advice.anchor_kind)
        .instant("anchor_start", advice.anchor_start)
        .instant("anchor_end", advice.anchor_end)
        .instant("valid_from", advice.valid_from)
        .instant("valid_until", advice.valid_until)
        .text_or_null("gap_class", advice.gap_class.as_deref())
        .value("needs", &advice.needs)
        .array("schedule", &advice.schedule, portion)
        .value("options", &advice.options)
        .array("reasons", &advice.reasons, reason)
        .value("safety", &advice.safety)
        .value("flags", &advice.flags)
        .value("confidence", &advice.confidence)
        .value("depends_on", &advice.depends_on);
}

fn portion(json: &mut Json, portion: &Portion) {
    json.instant("at", portion.at)
        .int_or_null("fluid_ml", portion.fluid_ml)
        .int_or_null("carbohydrate_dg", portion.carbohydrate_dg)
        .int_or_null("protein_dg", portion.protein_dg)
        .int_or_null("sodium_mg", portion.sodium_mg);
}

/// Parameters are looked up by name, so they read as an object.
fn reason(json: &mut Json, reason: &Reason) {
    let mut params = Json::with_room(64);
    for Param { name, value } in &reason.params {
        params.quoted_int(name, *value);
    }
    json.text("code", &reason.code)
        .raw("params", &params.finish())
        .value("evidence", &reason.evidence);
}

fn cells(advice: &Advice, expired_at: Option<Micros>, late: bool) -> Vec<Cell> {
    let target = |need: Option<Need>| Cell::from(need.map(|need| need.target));
    let needs = &advice.needs;
    vec![
        Cell::from(&advice.phase),
        Cell::from(&advice.anchor_id),
        Cell::from(&advice.anchor_kind),
        advice.anchor_start.into(),
        advice.anchor_end.into(),
        advice.gap_class.as_ref().into(),
        target(needs.fluid_ml),
        needs.fluid_ml_per_h.into(),
        target(needs.carbohydrate_dg),
        target(needs.protein_dg),
        target(needs.casein_dg),
        target(needs.sodium_mg),
        target(needs.caffeine_mg),
        advice.confidence.fluid.into(),
        advice.confidence.sodium.into(),
        expired_at.into(),
        late.into(),
    ]
}

pub(super) fn cancelled(fact: RecommendationCancelled) -> RowChange {
    RowChange::Retract(Retraction {
        table: Table::Recommendations,
        tenant_id: fact.tenant_id,
        athlete_id: fact.athlete_id,
        id: fact.slot,
        version: Version {
            revision: fact.version,
            step: RETRACTED,
        },
        fact_id: fact.id,
        content_hash: None,
        recorded_at: fact.recorded_at,
        revised_at: fact.revised_at,
        reason: fact.reason,
        superseded_by: None,
    })
}
