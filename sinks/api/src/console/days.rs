//! An athlete's days: each workout once, with the accounts of its sources under it, and for each
//! field who won it and who lost.

use askama::Template;
use axum::extract::{Path, Query, State};
use chrono::Timelike;
use schemas::record::Micros;
use sinks_store::Table;

use super::athletes::known;
use super::chart::{self, Part};
use super::failure::{Failure, Shown, shown};
use super::text::{self, UNKNOWN, clock, day, decimal, span, zone};
use super::view::{Frame, Row, latest, made};
use crate::dto::{BeforeParams, FieldExplained, SessionExplained};
use crate::params::micros;
use crate::ports::Vocabulary;
use crate::state::{Api, problem};

/// Workouts of one page: each is explained down to its sources.
const SESSIONS: usize = 8;
/// Fields that the head of a workout says already, or that nobody looks for.
const QUIET: [&str; 4] = ["utc_offset_s", "time_zone", "start_lat", "start_lon"];

struct Lane {
    source: String,
    name: String,
    role: String,
    bar: String,
    times: String,
}

struct Loser {
    source: String,
    value: String,
    why: String,
}

struct Won {
    field: String,
    value: String,
    source: String,
    rule: String,
    losers: Vec<Loser>,
}

struct Workout {
    id: String,
    sport: String,
    title: String,
    times: String,
    facts: Vec<(&'static str, String)>,
    loss: Option<String>,
    merged: String,
    lanes: Vec<Lane>,
    fields: Vec<Won>,
    candidates: Vec<String>,
    settled: bool,
    revision: i64,
}

struct Day {
    name: String,
    zone: String,
    strip: String,
    night: Option<String>,
    workouts: Vec<Workout>,
}

#[derive(Template)]
#[template(path = "days.html")]
struct DaysPage {
    frame: Frame,
    days: Vec<Day>,
    earlier: Option<String>,
    first: bool,
    ticks: [&'static str; 5],
}

pub(super) async fn page(
    State(api): State<Api>,
    Path(athlete): Path<String>,
    Query(params): Query<BeforeParams>,
) -> Shown {
    let page = made(&api, move |api| {
        known(api, &athlete)?;
        let before = params.before.as_deref().and_then(micros);
        let rows = latest(api, Table::Sessions, &athlete, false)?;
        let older =
            |row: &Row| before.is_none_or(|before| row.at("start").is_some_and(|at| at < before));
        let rows: Vec<Row> = rows.into_iter().filter(older).collect();
        let shown: Vec<Row> = rows.iter().take(SESSIONS).cloned().collect();
        let earlier = shown
            .last()
            .filter(|_| rows.len() > SESSIONS)
            .map(|row| row.text("start"));
        let nights = latest(api, Table::Nights, &athlete, false)?;
        let losses = latest(api, Table::SweatLosses, &athlete, false)?;
        Ok(DaysPage {
            frame: Frame::of_athlete(&athlete, "days"),
            days: days(api, &shown, &nights, &losses)?,
            earlier,
            first: before.is_none(),
            ticks: ["00", "06", "12", "18", "24"],
        })
    });
    Ok(shown(&page.await?))
}

/// Workouts by the day on which they began, the last day first.
fn days(api: &Api, sessions: &[Row], nights: &[Row], losses: &[Row]) -> Result<Vec<Day>, Failure> {
    let mut days: Vec<(String, Vec<&Row>)> = Vec::new();
    for session in sessions {
        let date = session.text("local_date");
        match days.last_mut() {
            Some((last, rows)) if *last == date => rows.push(session),
            _ => days.push((date, vec![session])),
        }
    }
    days.into_iter()
        .map(|(date, rows)| one_day(api, &date, &rows, nights, losses))
        .collect()
}

fn one_day(
    api: &Api,
    date: &str,
    sessions: &[&Row],
    nights: &[Row],
    losses: &[Row],
) -> Result<Day, Failure> {
    let offset = sessions
        .first()
        .and_then(|row| row.int("utc_offset_s"))
        .unwrap_or(0);
    let of_day: Vec<&Row> = nights
        .iter()
        .filter(|night| night.text("local_date") == date)
        .collect();
    let night = of_day.iter().find(|night| night.text("kind") == "night");
    let slept = night.map(|night| {
        let asleep = span(night.int("asleep_s").unwrap_or(0));
        let (from, to) = (
            clock(&night.text("start"), offset),
            clock(&night.text("end"), offset),
        );
        format!("slept {asleep}, {from} to {to}")
    });
    let mut parts: Vec<Part> = of_day
        .iter()
        .map(|night| part(night, date, offset, "sleep"))
        .collect();
    parts.extend(
        sessions
            .iter()
            .map(|session| part(session, date, offset, "workout")),
    );
    let workouts = sessions.iter().map(|session| workout(api, session, losses));
    Ok(Day {
        name: sessions
            .first()
            .map(|row| day(&row.text("start"), offset))
            .unwrap_or_default(),
        zone: zone(offset),
        strip: chart::bar(
            &format!("the day {date}, from midnight to midnight"),
            &parts,
        ),
        night: slept,
        workouts: workouts.collect::<Result<Vec<_>, _>>()?,
    })
}

/// Where something lies in its day, in per cent; what began the day before begins at midnight.
fn part(row: &Row, date: &str, offset: i64, class: &str) -> Part {
    let place = |name: &str, outside: f64| {
        let at = text::local(&row.text(name), offset);
        at.filter(|at| at.date().to_string() == date)
            .map_or(outside, |at| {
                f64::from(at.num_seconds_from_midnight()) / 864.0
            })
    };
    let what = if class == "sleep" {
        row.text("kind")
    } else {
        row.text("sport").replace('_', " ")
    };
    let (from, to) = (
        clock(&row.text("start"), offset),
        clock(&row.text("end"), offset),
    );
    Part {
        from_pct: place("start", 0.0),
        to_pct: place("end", 100.0),
        class: class.to_owned(),
        label: format!("{what}, {from} to {to}"),
    }
}

fn workout(api: &Api, row: &Row, losses: &[Row]) -> Result<Workout, Failure> {
    let id = row.text("session_id");
    let offset = row.int("utc_offset_s").unwrap_or(0);
    let explained = api.explain.session(&id).map_err(problem)?;
    let fact = |name: &'static str, field: &str| {
        let value = row.get(field)?;
        Some((name, text::value(field, value)))
    };
    let facts = [
        fact("Distance", "distance_m"),
        fact("Time", "timer_s").or_else(|| fact("Time", "elapsed_s")),
        fact("Heart rate", "heart_rate_avg_bpm"),
        fact("Energy", "energy_kj"),
        fact("Climb", "elevation_gain_m"),
    ];
    let loss = losses.iter().find(|loss| loss.text("session_id") == id);
    let (from, to) = (row.text("start"), row.text("end"));
    let whole = row.at("start").zip(row.at("end"));
    let frame = explained
        .as_ref()
        .map_or(whole, |explained| extent(explained, whole));
    Ok(Workout {
        sport: row.text("sport").replace('_', " "),
        title: row.text("title"),
        times: format!("{} to {}", clock(&from, offset), clock(&to, offset)),
        facts: facts.into_iter().flatten().collect(),
        loss: loss.map(loss_text),
        merged: lane_bar("the workout as it stands", whole, frame, "workout"),
        lanes: explained
            .as_ref()
            .map(|explained| lanes(api, explained, frame, offset))
            .unwrap_or_default(),
        fields: explained
            .map(|explained| fields(api, &explained, offset))
            .unwrap_or_default(),
        candidates: row
            .rows("candidates")
            .iter()
            .map(|one| one.text("session_id"))
            .collect(),
        settled: row.is("settled"),
        revision: row.int("revision").unwrap_or(0),
        id,
    })
}

fn loss_text(loss: &Row) -> String {
    let litres = |path: &str| {
        loss.number(path)
            .map_or_else(|| UNKNOWN.to_owned(), |ml| decimal(ml / 1_000.0, 1))
    };
    let (median, lo, hi) = (
        litres("fluid_ml.median"),
        litres("fluid_ml.lo90"),
        litres("fluid_ml.hi90"),
    );
    format!("{median} L of sweat, 90 % interval {lo} to {hi} L")
}

type Extent = Option<(Micros, Micros)>;

/// From the first to the last instant that anybody tells.
fn extent(explained: &SessionExplained, whole: Extent) -> Extent {
    let told = explained
        .members
        .iter()
        .filter_map(|member| told_span(&member.content));
    told.chain(whole)
        .reduce(|(a, b), (c, d)| (a.min(c), b.max(d)))
}

fn told_span(content: &serde_json::Value) -> Extent {
    let at = |name: &str| micros(content.get(name)?.as_str()?);
    at("start").zip(at("end"))
}

fn lane_bar(title: &str, span: Extent, frame: Extent, class: &str) -> String {
    let (Some((start, end)), Some((from, to))) = (span, frame) else {
        return String::new();
    };
    let wide = (to.0 - from.0).max(1) as f64;
    let place = |at: Micros| (at.0 - from.0) as f64 / wide * 100.0;
    let part = Part {
        from_pct: place(start),
        to_pct: place(end),
        class: class.to_owned(),
        label: title.to_owned(),
    };
    chart::bar(title, &[part])
}

fn lanes(api: &Api, explained: &SessionExplained, frame: Extent, offset: i64) -> Vec<Lane> {
    let members = explained.members.iter().filter(|member| !member.deleted);
    members
        .map(|member| {
            let span = told_span(&member.content);
            let text = |name: &str| member.content.get(name).and_then(|value| value.as_str());
            let times = text("start").zip(text("end")).map_or_else(
                || UNKNOWN.to_owned(),
                |(from, to)| format!("{} to {}", clock(from, offset), clock(to, offset)),
            );
            let device = text("device").or_else(|| text("writer")).unwrap_or("");
            Lane {
                bar: lane_bar(
                    &format!("as {} tells it", member.source),
                    span,
                    frame,
                    &format!("src-{}", class_of(&member.source)),
                ),
                source: member.source.clone(),
                name: if device.is_empty() {
                    member.provider_id.clone()
                } else {
                    device.to_owned()
                },
                role: api.words.word(Vocabulary::Role, &member.role),
                times,
            }
        })
        .collect()
}

fn fields(api: &Api, explained: &SessionExplained, offset: i64) -> Vec<Won> {
    let loud = explained
        .fields
        .iter()
        .filter(|one| !QUIET.contains(&one.field.as_str()));
    loud.map(|one| won(api, one, offset)).collect()
}

/// Instants on the wall clock where the athlete was.
fn shown_at(field: &str, value: &serde_json::Value, offset: i64) -> String {
    match value.as_str().filter(|_| matches!(field, "start" | "end")) {
        Some(instant) => text::second(instant, offset),
        None => text::value(field, value),
    }
}

fn won(api: &Api, one: &FieldExplained, offset: i64) -> Won {
    let losers = one.losers.iter().map(|loser| Loser {
        source: loser.source.clone(),
        value: shown_at(&one.field, &loser.value, offset),
        why: api.words.word(Vocabulary::Lost, &loser.reason),
    });
    Won {
        field: text::label(&one.field),
        value: shown_at(&one.field, &one.value, offset),
        source: one
            .winner
            .as_ref()
            .map_or_else(String::new, |winner| winner.source.clone()),
        rule: api.words.word(Vocabulary::Rule, &one.rule),
        losers: losers.collect(),
    }
}

/// A source's class in the style sheet; one that is new has the colour of none.
pub(super) fn class_of(source: &str) -> &'static str {
    match source {
        "garmin" => "garmin",
        "strava" => "strava",
        "healthkit" => "healthkit",
        "app" => "app",
        "scan" => "scan",
        _ => "other",
    }
}
