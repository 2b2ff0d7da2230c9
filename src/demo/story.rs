//! One athlete's story in words: several trackers, one workout, what was lost, what to drink.

use std::collections::BTreeSet;
use std::fmt::Write;

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;
use sinks_store::{ListQuery, SeriesQuery, Table};

use crate::wiring::TENANT;

/// Athletes that are looked at for a good story.
const ATHLETES_MAX: usize = 200;
const ROWS_MAX: usize = 500;

#[derive(Debug, Deserialize)]
struct Session {
    session_id: String,
    sport: String,
    start: String,
    end: String,
    distance_m: Option<f64>,
    container: bool,
    members: Vec<Member>,
}

#[derive(Debug, Deserialize)]
struct Member {
    source: String,
    provider_id: String,
    role: String,
}

#[derive(Debug, Deserialize)]
struct Loss {
    session_id: String,
    method: String,
    fluid_ml: Interval,
    sodium_mg: Option<Interval>,
    conditions: Conditions,
}

#[derive(Debug, Deserialize)]
struct Interval {
    median: f64,
    lo90: f64,
    hi90: f64,
}

#[derive(Debug, Deserialize)]
struct Conditions {
    air_temp_c: Option<f64>,
    humidity_pct: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Advice {
    slot: String,
    phase: String,
    anchor_id: String,
    needs: Value,
    #[serde(default)]
    options: Vec<Choice>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    items: Vec<Product>,
    optimality: String,
}

#[derive(Debug, Deserialize)]
struct Product {
    catalog_id: String,
    servings: i64,
}

/// The story of the workout that most sources told; `None` where there is no workout.
pub(crate) fn tell(
    store: &dyn SeriesQuery,
    athletes: &[String],
    data: &str,
) -> anyhow::Result<Option<String>> {
    let mut best: Option<(usize, String)> = None;
    for athlete in athletes.iter().take(ATHLETES_MAX) {
        let sessions: Vec<Session> = rows(store, Table::Sessions, athlete)?;
        let losses: Vec<Loss> = rows(store, Table::SweatLosses, athlete)?;
        let advice: Vec<Advice> = rows(store, Table::Recommendations, athlete)?;
        for session in sessions.iter().filter(|session| !session.container) {
            let Some(loss) = losses
                .iter()
                .find(|loss| loss.session_id == session.session_id)
            else {
                continue;
            };
            let given = advice
                .iter()
                .filter(|advice| advice.phase != "pre_sleep")
                .find(|advice| advice.anchor_id == session.session_id);
            let worth = worth(session, loss, given);
            if best.as_ref().is_none_or(|(known, _)| *known < worth) {
                best = Some((worth, words(data, athlete, session, loss, given)));
            }
        }
    }
    Ok(best.map(|(_, story)| story))
}

fn rows<T: for<'de> Deserialize<'de>>(
    store: &dyn SeriesQuery,
    table: Table,
    athlete: &str,
) -> anyhow::Result<Vec<T>> {
    let page = store.list(&ListQuery::of(table, TENANT, athlete, ROWS_MAX))?;
    page.items
        .iter()
        .map(|item| serde_json::from_str(&item.body).context("a row cannot be read"))
        .collect()
}

/// More sources, a test of the athlete's own, known air and something to drink make a better story.
fn worth(session: &Session, loss: &Loss, advice: Option<&Advice>) -> usize {
    let own = matches!(loss.method.as_str(), "fused" | "patch" | "weigh_in");
    sources(session).len() * 8
        + usize::from(advice.is_some_and(|advice| !advice.options.is_empty())) * 4
        + usize::from(own) * 2
        + usize::from(loss.conditions.air_temp_c.is_some())
}

fn sources(session: &Session) -> BTreeSet<&str> {
    session
        .members
        .iter()
        .map(|member| member.source.as_str())
        .collect()
}

/// Writing into a text does not fail; if it did, a cut story is still one.
fn words(
    data: &str,
    athlete: &str,
    session: &Session,
    loss: &Loss,
    advice: Option<&Advice>,
) -> String {
    let mut text = String::new();
    told(&mut text, data, athlete, session, loss, advice).unwrap_or_default();
    text
}

fn told(
    text: &mut String,
    data: &str,
    athlete: &str,
    session: &Session,
    loss: &Loss,
    advice: Option<&Advice>,
) -> std::fmt::Result {
    let what = session.sport.replace('_', " ");
    let records = session.members.len();
    let sources = sources(session).len();
    writeln!(text, "One story of {athlete}:")?;
    writeln!(
        text,
        "  {records} records by {sources} source{} are one {what}, {} to {}{}",
        if sources == 1 { "" } else { "s" },
        session.start,
        session.end,
        session.distance_m.map_or(String::new(), |metres| format!(
            ", {:.1} km",
            metres / 1_000.0
        )),
    )?;
    for member in &session.members {
        writeln!(
            text,
            "    {:<10} {:<34} {}",
            member.source, member.provider_id, member.role
        )?;
    }
    let air = match (loss.conditions.air_temp_c, loss.conditions.humidity_pct) {
        (Some(celsius), Some(percent)) => format!(" at {celsius:.0} °C and {percent:.0} %"),
        (Some(celsius), None) => format!(" at {celsius:.0} °C"),
        (None, _) => String::new(),
    };
    let sodium = loss.sodium_mg.as_ref().map_or_else(
        || "sodium unknown".to_owned(),
        |sodium| {
            format!(
                "{:.0} mg sodium ({:.0} to {:.0})",
                sodium.median, sodium.lo90, sodium.hi90
            )
        },
    );
    writeln!(
        text,
        "  lost{air}: {:.1} L of sweat ({:.1} to {:.1}), {sodium}; found by {}",
        loss.fluid_ml.median / 1_000.0,
        loss.fluid_ml.lo90 / 1_000.0,
        loss.fluid_ml.hi90 / 1_000.0,
        loss.method.replace('_', " ")
    )?;
    if let Some(advice) = advice {
        advised(text, data, advice)?;
    }
    write!(
        text,
        "  and why it is one: sudor explain session {} --data {data}",
        session.session_id
    )
}

fn advised(text: &mut String, data: &str, advice: &Advice) -> std::fmt::Result {
    let need = |name: &str| advice.needs.get(name)?.get("target")?.as_i64();
    let grams = |name: &str| need(name).map(|decigrams| decigrams / 10);
    let parts = [
        need("fluid_ml").map(|ml| format!("{ml} mL")),
        grams("carbohydrate_dg").map(|g| format!("{g} g carbohydrate")),
        grams("protein_dg").map(|g| format!("{g} g protein")),
        need("sodium_mg").map(|mg| format!("{mg} mg sodium")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let when = match advice.phase.as_str() {
        "bridge" => "until the next workout",
        _ => "afterwards",
    };
    writeln!(text, "  take {when}: {}", parts.join(", "))?;
    if let Some(choice) = advice.options.first() {
        let items: Vec<String> = choice
            .items
            .iter()
            .map(|item| {
                let name = processors_pipeline::product_name(&item.catalog_id);
                format!("{} × {}", item.servings, name.unwrap_or(&item.catalog_id))
            })
            .collect();
        writeln!(
            text,
            "  for example: {} ({} best of the shelf)",
            items.join(", "),
            choice.optimality
        )?;
    }
    writeln!(
        text,
        "  why that: sudor explain recommendation {} --data {data}",
        advice.slot
    )
}
