//! `sudor score`: what the program found against what really happened in a simulated world.

mod report;

use std::fs::File;
use std::io::BufReader;

use anyhow::Context;
use ingest_simulator::{
    EventKind, LossTold, Score, Scorer, ThingTold, Told, TruthReader, baselines,
};
use serde_json::Value;
use sinks_store::{After, ListQuery, SeriesQuery, Table};

use crate::cli::{GlobalArgs, ScoreArgs};
use crate::config::{self, Request};
use crate::exit::{self, CommandResult, Failure};
use crate::stores;
use crate::wiring::TENANT;

const PAGE: usize = 1_000;

pub(crate) fn run(args: &ScoreArgs, global: GlobalArgs) -> CommandResult {
    let (settings, _) = config::load(&Request::of(&args.data))?;
    let file = File::open(&args.truth)
        .with_context(|| format!("cannot open {}", args.truth.display()))
        .map_err(|error| {
            Failure::bad_input(error).hint("--truth names the truth.jsonl of the world")
        })?;
    let store = stores::query(&settings)?;
    let scores = score(&*store, BufReader::new(file))
        .map_err(Failure::failed)?
        .ok_or_else(|| {
            let empty = anyhow::anyhow!("{} tells of no athlete", args.truth.display());
            Failure::bad_input(empty).hint("--truth names the truth.jsonl of the world")
        })?;
    if global.json {
        exit::print_json(&report::to_json(&scores)).map_err(Failure::failed)
    } else {
        exit::print_text(&report::in_words(&scores)).map_err(Failure::failed)
    }
}

/// The answer's score, and those of simpler rules on the same records.
struct Scores {
    own: Score,
    baselines: Vec<(&'static str, Score)>,
}

/// `None` where the truth tells of nobody: there is nothing to compare with.
fn score(store: &dyn SeriesQuery, truth: impl std::io::BufRead) -> anyhow::Result<Option<Scores>> {
    let mut scorer = Scorer::new();
    let mut simpler: Vec<(&'static str, Scorer)> = Vec::new();
    let mut athletes = 0_u64;
    for athlete in TruthReader::new(truth) {
        let athlete = athlete?;
        athletes += 1;
        scorer.add(&athlete, &told(store, &athlete.athlete_id)?);
        for (index, (name, told)) in baselines(&athlete).into_iter().enumerate() {
            if simpler.len() <= index {
                simpler.push((name, Scorer::new()));
            }
            if let Some((_, scorer)) = simpler.get_mut(index) {
                scorer.add(&athlete, &told);
            }
        }
    }
    let finished = simpler
        .into_iter()
        .map(|(name, scorer)| (name, scorer.finish()));
    Ok((athletes > 0).then(|| Scores {
        own: scorer.finish(),
        baselines: finished.collect(),
    }))
}

/// What the store says of one athlete.
fn told(store: &dyn SeriesQuery, athlete_id: &str) -> anyhow::Result<Told> {
    let mut told = Told::default();
    for item in items(store, Table::Sessions, athlete_id)? {
        told.sessions.extend(thing(&item, athlete_id, "session_id"));
    }
    for item in items(store, Table::Nights, athlete_id)? {
        told.nights.extend(thing(&item, athlete_id, "night_id"));
    }
    for item in items(store, Table::SweatLosses, athlete_id)? {
        told.losses.extend(loss(&item));
    }
    Ok(told)
}

fn items(store: &dyn SeriesQuery, table: Table, athlete: &str) -> anyhow::Result<Vec<Value>> {
    let mut query = ListQuery::of(table, TENANT, athlete, PAGE);
    let mut found = Vec::new();
    loop {
        let page = store.list(&query)?;
        for item in &page.items {
            found.push(serde_json::from_str(&item.body).context("a row's body is no JSON")?);
        }
        match page.items.last() {
            Some(last) if page.more => {
                query.after = Some(After {
                    start: last.start,
                    id: last.id.clone(),
                    inclusive: false,
                });
            }
            _ => return Ok(found),
        }
    }
}

fn text<'v>(item: &'v Value, name: &str) -> Option<&'v str> {
    item.get(name)?.as_str()
}

fn micros(item: &Value, name: &str) -> Option<i64> {
    let instant: jiff::Timestamp = text(item, name)?.parse().ok()?;
    Some(instant.as_microsecond())
}

fn thing(item: &Value, athlete_id: &str, id: &str) -> Option<ThingTold> {
    let members = item.get("members")?.as_array()?;
    let kind = match text(item, "kind") {
        None => EventKind::Session,
        Some("nap") => EventKind::Nap,
        Some(_) => EventKind::Night,
    };
    Some(ThingTold {
        id: text(item, id)?.to_owned(),
        athlete_id: athlete_id.to_owned(),
        kind,
        members: members
            .iter()
            .filter_map(|member| {
                Some((
                    text(member, "source")?.to_owned(),
                    text(member, "provider_id")?.to_owned(),
                ))
            })
            .collect(),
        start: micros(item, "start")?,
        end: micros(item, "end")?,
        distance_m: item.get("distance_m").and_then(Value::as_f64),
        timer_s: item.get("timer_s").and_then(Value::as_f64),
        asleep_s: item.get("asleep_s").and_then(Value::as_f64),
        sport: text(item, "sport").map(str::to_owned),
        container: item
            .get("container")
            .and_then(Value::as_bool)
            .unwrap_or(false),
        candidates: item
            .get("candidates")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|candidate| Some(text(candidate, "session_id")?.to_owned()))
            .collect(),
    })
}

fn loss(item: &Value) -> Option<LossTold> {
    let fluid = item.get("fluid_ml")?;
    let number = |name: &str| fluid.get(name)?.as_f64();
    Some(LossTold {
        session_id: text(item, "session_id")?.to_owned(),
        median_ml: number("median")?,
        lo90_ml: number("lo90")?,
        hi90_ml: number("hi90")?,
        method: text(item, "method")?.to_owned(),
    })
}
