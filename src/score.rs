//! `sudor score`: what the program found against what really happened in a simulated world.

use std::fs::File;
use std::io::BufReader;

use anyhow::Context;
use ingest_simulator::{
    Bcubed, EventKind, LossTold, Score, Scorer, Spread, SweatMethodScore, ThingTold, Told,
    TruthReader,
};
use serde_json::{Value, json};
use sinks_sqlite::ReadStore;
use sinks_store::{After, ListQuery, SeriesQuery, Table};

use crate::cli::{GlobalArgs, ScoreArgs};
use crate::config::{self, Request};
use crate::exit::{self, CommandResult, Failure};
use crate::wiring::TENANT;

const PAGE: usize = 1_000;

pub(crate) fn run(args: &ScoreArgs, global: GlobalArgs) -> CommandResult {
    let (settings, _) = config::load(&Request::of(&args.data))?;
    let file = File::open(&args.truth)
        .with_context(|| format!("cannot open {}", args.truth.display()))
        .map_err(|error| {
            Failure::bad_input(error).hint("--truth names the truth.jsonl of the world")
        })?;
    let store = ReadStore::open_read_only(&settings.store.path)
        .with_context(|| format!("cannot read the store {}", settings.store.path.display()))
        .map_err(|error| {
            Failure::bad_input(error).hint("--data names the folder of the demo or service")
        })?;
    let score = score(&store, BufReader::new(file))
        .map_err(Failure::failed)?
        .ok_or_else(|| {
            let empty = anyhow::anyhow!("{} tells of no athlete", args.truth.display());
            Failure::bad_input(empty).hint("--truth names the truth.jsonl of the world")
        })?;
    if global.json {
        exit::print_json(&to_json(&score)).map_err(Failure::failed)
    } else {
        exit::print_text(&in_words(&score)).map_err(Failure::failed)
    }
}

/// `None` where the truth tells of nobody: there is nothing to compare with.
fn score(store: &ReadStore, truth: impl std::io::BufRead) -> anyhow::Result<Option<Score>> {
    let mut scorer = Scorer::new();
    let mut athletes = 0_u64;
    for athlete in TruthReader::new(truth) {
        let athlete = athlete?;
        athletes += 1;
        let mut told = Told::default();
        for item in items(store, Table::Sessions, &athlete.athlete_id)? {
            told.sessions
                .extend(thing(&item, &athlete.athlete_id, "session_id"));
        }
        for item in items(store, Table::Nights, &athlete.athlete_id)? {
            told.nights
                .extend(thing(&item, &athlete.athlete_id, "night_id"));
        }
        for item in items(store, Table::SweatLosses, &athlete.athlete_id)? {
            told.losses.extend(loss(&item));
        }
        scorer.add(&athlete, &told);
    }
    Ok((athletes > 0).then(|| scorer.finish()))
}

fn items(store: &ReadStore, table: Table, athlete: &str) -> anyhow::Result<Vec<Value>> {
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
        sport: text(item, "sport").map(str::to_owned),
        container: item
            .get("container")
            .and_then(Value::as_bool)
            .unwrap_or(false),
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

fn to_json(score: &Score) -> Value {
    let bcubed = |b: &Bcubed| json!({"precision": b.precision, "recall": b.recall, "f1": b.f1});
    let spread = |s: &Spread| json!({"count": s.count, "median": s.median, "p95": s.p95});
    let sweat = |s: &SweatMethodScore| {
        json!({
            "count": s.count,
            "median_abs_error_pct": s.median_abs_error_pct,
            "coverage_90": s.coverage_90,
        })
    };
    let (counts, errors) = (&score.counts, &score.field_errors);
    let methods: serde_json::Map<String, Value> = score
        .sweat
        .by_method
        .iter()
        .map(|(method, one)| (method.clone(), sweat(one)))
        .collect();
    json!({
        "sessions": bcubed(&score.sessions),
        "nights": bcubed(&score.nights),
        "counts": {
            "sessions_live": counts.sessions_live, "sessions_truth": counts.sessions_truth,
            "nights_live": counts.nights_live, "nights_truth": counts.nights_truth,
            "naps_live": counts.naps_live, "naps_truth": counts.naps_truth,
            "records": counts.records, "records_alone": counts.records_alone,
        },
        "field_errors": {
            "start_s": spread(&errors.start_s), "end_s": spread(&errors.end_s),
            "distance_pct": spread(&errors.distance_pct), "duration_pct": spread(&errors.duration_pct),
            "sleep_start_s": spread(&errors.sleep_start_s), "sleep_end_s": spread(&errors.sleep_end_s),
        },
        "sweat": {"overall": sweat(&score.sweat.overall), "by_method": methods},
    })
}

fn in_words(score: &Score) -> String {
    let counts = &score.counts;
    let mut text = format!(
        "sessions  F1 {:.4} (precision {:.4}, recall {:.4}); {} live, {} in truth\n\
         nights    F1 {:.4} (precision {:.4}, recall {:.4}); {} live, {} in truth; naps {} live, {} in truth\n\
         records   {} live, {} in no session or night\n",
        score.sessions.f1,
        score.sessions.precision,
        score.sessions.recall,
        counts.sessions_live,
        counts.sessions_truth,
        score.nights.f1,
        score.nights.precision,
        score.nights.recall,
        counts.nights_live,
        counts.nights_truth,
        counts.naps_live,
        counts.naps_truth,
        counts.records,
        counts.records_alone
    );
    let errors = &score.field_errors;
    for (name, spread) in [
        ("start", &errors.start_s),
        ("end", &errors.end_s),
        ("sleep start", &errors.sleep_start_s),
        ("sleep end", &errors.sleep_end_s),
    ] {
        let (median, p95) = (or_nothing(spread.median, 0), or_nothing(spread.p95, 0));
        text.push_str(&format!("{name:<12} median {median} s, p95 {p95} s\n"));
    }
    for (name, spread) in [
        ("distance", &errors.distance_pct),
        ("duration", &errors.duration_pct),
    ] {
        let (median, p95) = (or_nothing(spread.median, 2), or_nothing(spread.p95, 2));
        text.push_str(&format!("{name:<12} median {median} %, p95 {p95} %\n"));
    }
    for (method, one) in &score.sweat.by_method {
        text.push_str(&format!(
            "sweat {method:<10} {} losses, median error {} %, 90 % interval holds {} %\n",
            one.count,
            or_nothing(one.median_abs_error_pct, 1),
            or_nothing(one.coverage_90.map(|share| share * 100.0), 1)
        ));
    }
    text.trim_end().to_owned()
}

/// `-` where nothing was compared.
fn or_nothing(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}
