//! Observations that are entries of the timeline by themselves: what a person told, planned, weighed
//! or scanned. Activities and sleep get there as sessions and nights.
//!
//! An observation has no revision of its own. `revised_at` rises strictly with each, so that is what
//! orders them; a plan that counts its versions is ordered by those first.

use schemas::record::Micros;
use schemas::record::observation::{
    IntakeBody, ObservationRecorded, PlannedWorkoutBody, ScanBody, SelfReportBody, WeighInBody,
};

use super::{live_row, open_body};
use crate::json::Json;
use crate::{Cell, Row, RowChange, Status, Told};

/// Plans of more than this are no plan; keeps the sum within its type.
const PLAN_MINUTES_MAX: f64 = 366.0 * 24.0 * 60.0;
const MICROS_PER_MIN: f64 = 60_000_000.0;

pub(super) fn recorded(fact: &ObservationRecorded) -> Option<RowChange> {
    match fact.kind.as_str() {
        "weigh_in" => fact.weigh_in.as_ref().map(|body| weigh_in(fact, body)),
        "intake" => fact.intake.as_ref().map(|body| intake(fact, body)),
        "planned_workout" => fact.planned_workout.as_ref().map(|body| plan(fact, body)),
        "self_report" => fact.self_report.as_ref().map(|body| report(fact, body)),
        "scan" => fact.scan.as_ref().map(|body| scan(fact, body)),
        "deletion" => taken_back(fact),
        _ => None,
    }
}

/// What an entry has beside the observation's envelope.
struct Entry {
    kind: &'static str,
    start: Micros,
    end: Micros,
    /// 0 unless the source counts versions itself.
    revision: i64,
}

impl Entry {
    fn at(kind: &'static str, at: Micros) -> Self {
        Self {
            kind,
            start: at,
            end: at,
            revision: 0,
        }
    }
}

fn entry(
    fact: &ObservationRecorded,
    entry: &Entry,
    figures: Vec<Cell>,
    fill: impl FnOnce(&mut Json),
) -> RowChange {
    let mut json = open_body!(fact, entry.start, entry.end);
    json.text("type", entry.kind)
        .text("observation_id", &fact.observation_id)
        .text("content_hash", &fact.content_hash)
        .text("source", &fact.source)
        .text_or_null("account_id", fact.account_id.as_deref())
        .text("provider_id", &fact.provider_id)
        .instant("received_at", fact.received_at);
    fill(&mut json);
    let mut cells = vec![
        Cell::from(&fact.source),
        fact.account_id.as_ref().into(),
        Cell::from(&fact.provider_id),
        Cell::from(entry.kind),
    ];
    cells.extend(figures);
    live_row!(TimelineEntries, fact, id: fact.observation_id,
        version: (entry.revision, fact.revised_at.0),
        span: (entry.start, entry.end), hash: fact.content_hash, cells: cells, body: json)
}

/// The columns of figures: masses, then amounts, then those of a plan.
fn figures(masses: [Cell; 2], amounts: [Cell; 5], plan: [Cell; 3]) -> Vec<Cell> {
    masses.into_iter().chain(amounts).chain(plan).collect()
}

fn none<const N: usize>() -> [Cell; N] {
    [const { Cell::Null }; N]
}

fn weigh_in(fact: &ObservationRecorded, body: &WeighInBody) -> RowChange {
    let masses = [body.mass_pre_kg.into(), body.mass_post_kg.into()];
    let [_, carbohydrate, protein, sodium, caffeine] = none();
    let amounts = [
        body.fluid_ml.into(),
        carbohydrate,
        protein,
        sodium,
        caffeine,
    ];
    let figures = figures(masses, amounts, none());
    entry(fact, &Entry::at("weigh_in", body.at), figures, |json| {
        json.instant("at", body.at)
            .text_or_null("session_ref", body.session_ref.as_deref())
            .value("mass_pre_kg", &body.mass_pre_kg)
            .value("mass_post_kg", &body.mass_post_kg)
            .value("fluid_ml", &body.fluid_ml)
            .value("food_g", &body.food_g)
            .value("urine_ml", &body.urine_ml)
            .flag("clothed", body.clothed);
    })
}

fn intake(fact: &ObservationRecorded, body: &IntakeBody) -> RowChange {
    let amounts = [
        body.fluid_ml.into(),
        body.carbohydrate_g.into(),
        body.protein_g.into(),
        body.sodium_mg.into(),
        body.caffeine_mg.into(),
    ];
    let figures = figures(none(), amounts, none());
    entry(fact, &Entry::at("intake", body.at), figures, |json| {
        json.instant("at", body.at)
            .value("fluid_ml", &body.fluid_ml)
            .value("carbohydrate_g", &body.carbohydrate_g)
            .value("protein_g", &body.protein_g)
            .value("sodium_mg", &body.sodium_mg)
            .value("caffeine_mg", &body.caffeine_mg)
            .value("items", &body.items);
    })
}

fn plan(fact: &ObservationRecorded, body: &PlannedWorkoutBody) -> RowChange {
    let place = Entry {
        kind: "plan",
        start: body.start,
        end: plan_end(body),
        revision: body.version.unwrap_or(0),
    };
    let plan = [
        Cell::from(&body.sport),
        body.duration_min.into(),
        Cell::from(&body.intensity),
    ];
    let change = entry(fact, &place, figures(none(), none(), plan), |json| {
        json.text("plan_id", &body.plan_id)
            .int_or_null("version", body.version)
            .text("sport", &body.sport)
            .text("family", &body.family)
            .value("duration_min", &body.duration_min)
            .text("intensity", &body.intensity)
            .value("indoor", &body.indoor)
            .value("with_patch", &body.with_patch)
            .value("lat", &body.lat)
            .value("lon", &body.lon);
    });
    match change {
        RowChange::Put(row) if body.deleted => RowChange::Put(Box::new(deleted(*row))),
        change => change,
    }
}

/// A deleted plan carries its last words itself, so its row can be written as ended.
fn deleted(mut row: Row) -> Row {
    let ended = format!(
        "{{\"status\":\"{}\",\"reason\":\"deleted\",",
        Status::Retracted.word()
    );
    let live = format!("{{\"status\":\"{}\",\"reason\":null,", Status::Live.word());
    if let Some(rest) = row.body.strip_prefix(&live) {
        row.body = ended + rest;
    }
    row.status = Status::Retracted;
    row.retracted_reason = Some("deleted".to_owned());
    row
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "bounded by PLAN_MINUTES_MAX; a plan that is not a number lasts no time"
)]
fn plan_end(body: &PlannedWorkoutBody) -> Micros {
    let minutes = body.duration_min.clamp(0.0, PLAN_MINUTES_MAX);
    let span = (minutes * MICROS_PER_MIN).round() as i64;
    Micros(body.start.0.saturating_add(span))
}

fn report(fact: &ObservationRecorded, body: &SelfReportBody) -> RowChange {
    let figures = figures(none(), none(), none());
    entry(fact, &Entry::at("self_report", body.at), figures, |json| {
        json.instant("at", body.at)
            .int_or_null("motivation", body.motivation)
            .int_or_null("fatigue", body.fatigue)
            .int_or_null("urine_colour", body.urine_colour)
            .int_or_null("gut", body.gut);
    })
}

/// What a scan measured; the loss that follows from it is a row of its own.
fn scan(fact: &ObservationRecorded, body: &ScanBody) -> RowChange {
    let figures = figures(none(), none(), none());
    let place = Entry {
        kind: "scan",
        start: body.applied_at,
        end: body.scanned_at,
        revision: fact.source_order.unwrap_or(0),
    };
    entry(fact, &place, figures, |json| {
        json.instant("at", body.scanned_at)
            .instant("applied_at", body.applied_at)
            .instant("scanned_at", body.scanned_at)
            .text("patch_id", &body.patch_id)
            .text_or_null("body_site", body.body_site.as_deref())
            .text_or_null("session_ref", body.session_ref.as_deref())
            .value("volume_ul", &body.volume_ul)
            .value("fill_fraction", &body.fill_fraction)
            .flag("volume_saturated", body.volume_saturated)
            .value("volume_quality", &body.volume_quality)
            .value("chloride_mmol_l", &body.chloride_mmol_l)
            .flag("chloride_below_range", body.chloride_below_range)
            .flag("chloride_above_range", body.chloride_above_range)
            .value("chloride_quality", &body.chloride_quality)
            .value("collection_area_cm2", &body.collection_area_cm2)
            .flag("failed", body.failed)
            .text_or_null("failure_reason", body.failure_reason.as_deref());
    })
}

/// Only single records: what an account told is ended by the facts that follow from its end.
fn taken_back(fact: &ObservationRecorded) -> Option<RowChange> {
    let provider_id = fact.deletion.as_ref()?.target_provider_id.clone()?;
    Some(RowChange::TakeBack(Told {
        tenant_id: fact.tenant_id.clone(),
        athlete_id: fact.athlete_id.clone(),
        source: fact.source.clone(),
        account_id: fact.account_id.clone(),
        provider_id,
        revised_at: fact.revised_at,
        reason: "deleted".to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Table;

    #[test]
    fn an_entry_has_as_many_cells_as_its_table_has_columns() {
        let cells = 4 + figures(none(), none(), none()).len();
        assert_eq!(cells, Table::TimelineEntries.columns().len());
    }
}
