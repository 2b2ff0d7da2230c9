//! What to drink and eat, why, and what was withdrawn and why.

use askama::Template;
use axum::extract::{Path, State};
use serde_json::Value;
use sinks_store::Table;

use super::athletes::known;
use super::failure::{Shown, shown};
use super::text::{clock, decimal, moment};
use super::view::{Frame, Row, latest, made};
use crate::ports::Vocabulary;
use crate::state::Api;

/// Slots of one page.
const SLOTS: usize = 40;

struct Amount {
    name: &'static str,
    target: String,
    range: String,
}

struct Basket {
    rank: i64,
    items: Vec<String>,
    totals: Vec<String>,
    proven: bool,
    unmet: Vec<String>,
}

struct Reason {
    text: String,
    evidence: String,
}

struct Slot {
    phase: String,
    phase_code: String,
    window: String,
    status: &'static str,
    withdrawn: Option<String>,
    gap: Option<String>,
    amounts: Vec<Amount>,
    schedule: Vec<String>,
    reasons: Vec<Reason>,
    safety: Vec<String>,
    flags: Vec<String>,
    baskets: Vec<Basket>,
    version: i64,
    slot: String,
}

#[derive(Template)]
#[template(path = "advice.html")]
struct AdvicePage {
    frame: Frame,
    slots: Vec<Slot>,
}

pub(super) async fn page(State(api): State<Api>, Path(athlete): Path<String>) -> Shown {
    let page = made(&api, move |api| {
        known(api, &athlete)?;
        let rows = latest(api, Table::Recommendations, &athlete, true)?;
        Ok(AdvicePage {
            frame: Frame::of_athlete(&athlete, "advice"),
            slots: rows.iter().take(SLOTS).map(|row| slot(api, row)).collect(),
        })
    });
    Ok(shown(&page.await?))
}

fn slot(api: &Api, row: &Row) -> Slot {
    let word = |vocabulary, code: &str| api.words.word(vocabulary, code);
    let phase_code = row.text("phase");
    let safety = row.texts("safety");
    let flags = row.texts("flags");
    Slot {
        phase: word(Vocabulary::Phase, &phase_code),
        window: format!(
            "{} to {}",
            moment(&row.text("valid_from")),
            moment(&row.text("valid_until"))
        ),
        status: status(row),
        withdrawn: (!row.live()).then(|| word(Vocabulary::Cancelled, &row.text("reason"))),
        gap: row
            .get("gap_class")
            .map(|_| word(Vocabulary::GapClass, &row.text("gap_class"))),
        amounts: amounts(row),
        schedule: row.rows("schedule").iter().map(portion).collect(),
        reasons: row
            .rows("reasons")
            .iter()
            .map(|one| reason(api, one))
            .collect(),
        safety: safety
            .iter()
            .map(|code| word(Vocabulary::Safety, code))
            .collect(),
        flags: flags
            .iter()
            .map(|code| word(Vocabulary::NeedFlag, code))
            .collect(),
        baskets: row
            .rows("options")
            .iter()
            .map(|one| basket(api, one))
            .collect(),
        version: row.int("version").unwrap_or(0),
        slot: row.text("slot"),
        phase_code,
    }
}

fn status(row: &Row) -> &'static str {
    if !row.live() {
        "withdrawn"
    } else if row.is("late") {
        "came too late to be given"
    } else if row.get("expired_at").is_some() {
        "over"
    } else {
        "current"
    }
}

fn amounts(row: &Row) -> Vec<Amount> {
    let kinds = [
        ("Fluid", "fluid_ml", 1.0, "mL"),
        ("Carbohydrate", "carbohydrate_dg", 10.0, "g"),
        ("Protein", "protein_dg", 10.0, "g"),
        ("Sodium", "sodium_mg", 1.0, "mg"),
        ("Caffeine", "caffeine_mg", 1.0, "mg"),
    ];
    let amount = |(name, field, divisor, unit): (&'static str, &str, f64, &str)| {
        let part = |of: &str| {
            let number = row.number(&format!("needs.{field}.{of}"))?;
            Some(decimal(number / divisor, 0))
        };
        let target = part("target")?;
        let range = part("lo")
            .zip(part("hi"))
            .map(|(lo, hi)| format!("{lo} to {hi} {unit}"));
        if target == "0" {
            return Some(Amount {
                name,
                target: "none".to_owned(),
                range: String::new(),
            });
        }
        Some(Amount {
            name,
            target: format!("{target} {unit}"),
            range: range.unwrap_or_default(),
        })
    };
    kinds.into_iter().filter_map(amount).collect()
}

fn portion(row: &Row) -> String {
    let part = |field: &str, divisor: f64, unit: &str| {
        let number = row.number(field).filter(|number| *number > 0.0)?;
        Some(format!("{} {unit}", decimal(number / divisor, 0)))
    };
    let parts = [
        part("fluid_ml", 1.0, "mL"),
        part("carbohydrate_dg", 10.0, "g carbohydrate"),
        part("protein_dg", 10.0, "g protein"),
        part("sodium_mg", 1.0, "mg sodium"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("{} UTC: {}", clock(&row.text("at"), 0), parts.join(", "))
}

fn reason(api: &Api, row: &Row) -> Reason {
    let params = row.get("params").cloned().unwrap_or(Value::Null);
    Reason {
        text: api.words.reason(&row.text("code"), &params),
        evidence: row.texts("evidence").join(", "),
    }
}

fn basket(api: &Api, row: &Row) -> Basket {
    let item = |item: &Row| {
        let name = api.words.product(&item.text("catalog_id"));
        format!("{} × {name}", item.int("servings").unwrap_or(0))
    };
    let total = |field: &str, divisor: f64, unit: &str| {
        let number = row.number(&format!("totals.{field}.target"))?;
        Some(format!("{} {unit}", decimal(number / divisor, 0)))
    };
    let totals = [
        total("fluid_ml", 1.0, "mL"),
        total("carbohydrate_dg", 10.0, "g carbohydrate"),
        total("protein_dg", 10.0, "g protein"),
        total("sodium_mg", 1.0, "mg sodium"),
    ];
    let unmet = row.rows("unmet");
    Basket {
        rank: row.int("rank").unwrap_or(0),
        items: row.rows("items").iter().map(item).collect(),
        totals: totals.into_iter().flatten().collect(),
        proven: row.text("optimality") == "proven",
        unmet: unmet
            .iter()
            .map(|one| {
                format!(
                    "{} ({})",
                    one.text("nutrient").replace('_', " "),
                    one.text("reason")
                )
            })
            .collect(),
    }
}
