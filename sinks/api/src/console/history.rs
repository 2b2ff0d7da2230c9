//! An athlete over time: nights, losses with their intervals, and the profile with its band.

use askama::Template;
use axum::extract::{Path, State};
use sinks_store::Table;

use super::athletes::{known, seconds};
use super::chart::{self, Part, Point};
use super::failure::{Failure, Shown, shown};
use super::text::{UNKNOWN, clock, day, decimal, moment, span};
use super::view::{Frame, Row, latest, made};
use crate::ports::Vocabulary;
use crate::state::{Api, problem};

const NIGHTS: usize = 60;
const LOSSES: usize = 100;
const REVISIONS: usize = 500;
/// Names on a time axis.
const NAMES_MAX: usize = 7;

struct NightLine {
    day: String,
    kind: String,
    times: String,
    asleep: String,
    bar: String,
    sources: Vec<String>,
}

#[derive(Template)]
#[template(path = "nights.html")]
struct NightsPage {
    frame: Frame,
    nights: Vec<NightLine>,
}

pub(super) async fn nights(State(api): State<Api>, Path(athlete): Path<String>) -> Shown {
    let page = made(&api, move |api| {
        known(api, &athlete)?;
        let rows = latest(api, Table::Nights, &athlete, false)?;
        Ok(NightsPage {
            frame: Frame::of_athlete(&athlete, "nights"),
            nights: rows.iter().take(NIGHTS).map(night).collect(),
        })
    });
    Ok(shown(&page.await?))
}

fn night(row: &Row) -> NightLine {
    let offset = row.int("utc_offset_s").unwrap_or(0);
    let (start, end) = (row.text("start"), row.text("end"));
    let stages =
        ["deep", "light", "rem", "awake"].map(|stage| (stage, row.int(&format!("{stage}_s"))));
    let total: i64 = stages.iter().filter_map(|(_, length)| *length).sum();
    let mut parts = Vec::new();
    let mut from = 0_i64;
    for (stage, length) in stages {
        let Some(length) = length.filter(|length| *length > 0) else {
            continue;
        };
        let pct = |at: i64| at as f64 / total as f64 * 100.0;
        parts.push(Part {
            from_pct: pct(from),
            to_pct: pct(from + length),
            class: format!("stage-{stage}"),
            label: format!("{stage}: {}", span(length)),
        });
        from += length;
    }
    let words: Vec<&str> = parts.iter().map(|part| part.label.as_str()).collect();
    let mut sources: Vec<String> = row
        .rows("members")
        .iter()
        .map(|one| one.text("source"))
        .collect();
    sources.sort();
    sources.dedup();
    NightLine {
        day: day(&end, offset),
        kind: row.text("kind"),
        times: format!("{} to {}", clock(&start, offset), clock(&end, offset)),
        asleep: row.int("asleep_s").map_or_else(|| UNKNOWN.to_owned(), span),
        bar: if parts.is_empty() {
            String::new()
        } else {
            chart::bar(&words.join(", "), &parts)
        },
        sources,
    }
}

struct LossLine {
    day: String,
    fluid: String,
    rate: String,
    sodium: String,
    air: String,
    method: String,
    flags: Vec<String>,
}

#[derive(Template)]
#[template(path = "losses.html")]
struct LossesPage {
    frame: Frame,
    chart: String,
    losses: Vec<LossLine>,
}

pub(super) async fn losses(State(api): State<Api>, Path(athlete): Path<String>) -> Shown {
    let page = made(&api, move |api| {
        known(api, &athlete)?;
        let rows = latest(api, Table::SweatLosses, &athlete, false)?;
        let rows: Vec<Row> = rows.into_iter().take(LOSSES).collect();
        let points: Vec<Point> = rows.iter().rev().filter_map(loss_point).collect();
        let title = "millilitres of sweat lost in each workout, with 90 % intervals";
        let chart = if points.is_empty() {
            String::new()
        } else {
            chart::intervals(title, &points, &names(&rows))
        };
        Ok(LossesPage {
            frame: Frame::of_athlete(&athlete, "losses"),
            chart,
            losses: rows.iter().map(|row| loss(api, row)).collect(),
        })
    });
    Ok(shown(&page.await?))
}

fn interval(row: &Row, path: &str, places: usize) -> Option<(String, String, String)> {
    let part = |name: &str| Some(decimal(row.number(&format!("{path}.{name}"))?, places));
    Some((part("median")?, part("lo90")?, part("hi90")?))
}

fn loss_point(row: &Row) -> Option<Point> {
    let (median, lo, hi) = interval(row, "fluid_ml", 0)?;
    let method = row.text("method");
    let class = match method.as_str() {
        "weigh_in" => "weigh-in",
        "patch" => "patch",
        "fused" => "fused",
        "profile" => "profile",
        _ => "population",
    };
    Some(Point {
        at: seconds(row.at("start")?),
        median: row.number("fluid_ml.median")?,
        lo: row.number("fluid_ml.lo90")?,
        hi: row.number("fluid_ml.hi90")?,
        class,
        label: format!(
            "{}: {median} mL, {lo} to {hi}, by {}",
            day(&row.text("start"), 0),
            method.replace('_', " ")
        ),
    })
}

/// Days along the axis, not more than fit.
fn names(rows: &[Row]) -> Vec<(f64, String)> {
    let mut days: Vec<(f64, String)> = Vec::new();
    for row in rows.iter().rev() {
        let name = day(&row.text("start"), 0);
        if let Some(at) = row.at("start")
            && days.last().is_none_or(|(_, last)| *last != name)
        {
            days.push((seconds(at), name));
        }
    }
    let every = days.len().div_ceil(NAMES_MAX).max(1);
    days.into_iter().step_by(every).collect()
}

fn loss(api: &Api, row: &Row) -> LossLine {
    let told = |path: &str, places: usize, unit: &str| {
        interval(row, path, places).map_or_else(
            || "unknown".to_owned(),
            |(median, lo, hi)| format!("{median} {unit} ({lo} to {hi})"),
        )
    };
    let air = row.number("conditions.air_temp_c").map(|temp| {
        let humidity = row.number("conditions.humidity_pct");
        let humidity = humidity.map_or_else(String::new, |pct| format!(", {} %", decimal(pct, 0)));
        format!("{} °C{humidity}", decimal(temp, 0))
    });
    LossLine {
        day: moment(&row.text("start")),
        fluid: told("fluid_ml", 0, "mL"),
        rate: told("sweat_rate_l_per_h", 2, "L/h"),
        sodium: told("sodium_mg", 0, "mg"),
        air: air.unwrap_or_else(|| UNKNOWN.to_owned()),
        method: api.words.word(Vocabulary::Method, &row.text("method")),
        flags: row
            .texts("flags")
            .iter()
            .map(|flag| api.words.word(Vocabulary::Flag, flag))
            .collect(),
    }
}

struct ProfileLine {
    when: String,
    multiplier: String,
    sodium: String,
    tests: i64,
}

#[derive(Template)]
#[template(path = "profile.html")]
struct ProfilePage {
    frame: Frame,
    chart: String,
    multiplier: String,
    sodium: String,
    tests: i64,
    last_test: String,
    advice: String,
    families: Vec<String>,
    revisions: Vec<ProfileLine>,
}

pub(super) async fn profile(State(api): State<Api>, Path(athlete): Path<String>) -> Shown {
    let page = made(&api, move |api| {
        known(api, &athlete)?;
        profile_page(api, &athlete)
    });
    Ok(shown(&page.await?))
}

fn profile_page(api: &Api, athlete: &str) -> Result<ProfilePage, Failure> {
    let told = api
        .store
        .history(Table::Profiles, &api.tenant_id, athlete, REVISIONS);
    let told: Vec<Row> = told.map_err(problem)?.iter().map(Row::of).collect();
    let current = api
        .store
        .get(Table::Profiles, &api.tenant_id, athlete)
        .map_err(problem)?;
    let current = current
        .as_ref()
        .map(Row::of)
        .unwrap_or_else(|| Row(serde_json::Value::Null));
    let points: Vec<Point> = (0_u32..)
        .zip(&told)
        .filter_map(|(n, row)| profile_point(f64::from(n), row))
        .collect();
    let every = points.len().div_ceil(NAMES_MAX).max(1);
    let names: Vec<(f64, String)> = (1_usize..)
        .zip(&points)
        .map(|(n, point)| (point.at, format!("no. {n}")))
        .step_by(every)
        .collect();
    let range = |path: &str, places: usize| {
        interval(&current, path, places).map_or_else(
            || "unknown".to_owned(),
            |(m, lo, hi)| format!("{m} ({lo} to {hi})"),
        )
    };
    let chart = if points.len() < 2 {
        String::new()
    } else {
        chart::band(
            "the sweat rate's multiplier over the revisions of the profile",
            &points,
            &names,
        )
    };
    Ok(ProfilePage {
        frame: Frame::of_athlete(athlete, "profile"),
        chart,
        multiplier: range("sweat_rate_multiplier", 2),
        sodium: range("sodium_mmol_per_l", 0),
        tests: current.int("tests").unwrap_or(0),
        last_test: current.get("last_test_at").map_or_else(
            || "never".to_owned(),
            |_| moment(&current.text("last_test_at")),
        ),
        advice: api
            .words
            .word(Vocabulary::ProfileAdvice, &current.text("advice")),
        families: current.texts("envelope.families"),
        revisions: told.iter().rev().map(profile_line).collect(),
    })
}

fn profile_point(at: f64, row: &Row) -> Option<Point> {
    let (median, lo, hi) = interval(row, "sweat_rate_multiplier", 2)?;
    Some(Point {
        at,
        median: row.number("sweat_rate_multiplier.median")?,
        lo: row.number("sweat_rate_multiplier.lo90")?,
        hi: row.number("sweat_rate_multiplier.hi90")?,
        class: "profile",
        label: format!(
            "revision {}: {median}, {lo} to {hi}",
            row.int("revision").unwrap_or(0)
        ),
    })
}

fn profile_line(row: &Row) -> ProfileLine {
    let range = |path: &str, places: usize| {
        interval(row, path, places).map_or_else(
            || "unknown".to_owned(),
            |(m, lo, hi)| format!("{m} ({lo} to {hi})"),
        )
    };
    ProfileLine {
        when: moment(&row.text("revised_at")),
        multiplier: range("sweat_rate_multiplier", 2),
        sodium: range("sodium_mmol_per_l", 0),
        tests: row.int("tests").unwrap_or(0),
    }
}
