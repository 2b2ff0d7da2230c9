//! Everybody, with what is known last of each.

use askama::Template;
use axum::extract::{Query, State};
use schemas::record::Micros;
use sinks_store::Table;

use super::failure::{Failure, Shown, shown};
use super::text::{UNKNOWN, count, day, decimal};
use super::view::{Frame, latest, made};
use crate::caller::Caller;
use crate::dto::AthletesPageParams;
use crate::ports::AthleteEntry;
use crate::state::{Api, problem};

/// Athletes of one page: each costs a few reads.
const PAGE: usize = 25;

struct Tile {
    name: &'static str,
    count: String,
}

struct AthleteLine {
    id: String,
    connections: Vec<String>,
    last_session: String,
    sport: String,
    loss: String,
    interval: String,
    live_sessions: usize,
}

#[derive(Template)]
#[template(path = "athletes.html")]
struct AthletesPage {
    frame: Frame,
    tiles: Vec<Tile>,
    lines: Vec<AthleteLine>,
    search: String,
    next: Option<String>,
    first: bool,
}

pub(super) async fn page(
    State(api): State<Api>,
    caller: Caller,
    Query(params): Query<AthletesPageParams>,
) -> Shown {
    let page = made(&api, move |api| {
        let search = params.q.unwrap_or_default().trim().to_owned();
        let first = params.after.is_none();
        let entries = entries(api, &caller, &search, params.after.as_deref())?;
        let more = entries.len() > PAGE;
        let lines = entries.iter().take(PAGE).map(|entry| line(api, entry));
        let lines = lines.collect::<Result<Vec<_>, _>>()?;
        let last = lines.last().map(|line: &AthleteLine| line.id.clone());
        Ok(AthletesPage {
            frame: Frame::of("Athletes", "athletes"),
            tiles: tiles(api, &caller)?,
            next: last.filter(|_| more),
            lines,
            search,
            first,
        })
    });
    Ok(shown(&page.await?))
}

/// By the beginning of their id, one more than a page holds.
fn entries(
    api: &Api,
    caller: &Caller,
    search: &str,
    after: Option<&str>,
) -> Result<Vec<AthleteEntry>, Failure> {
    if let Some(own) = &caller.0.athlete_id {
        return Ok(api
            .directory
            .athlete(own)
            .map_err(problem)?
            .into_iter()
            .collect());
    }
    let mut entries = Vec::new();
    // Ids are ascending, so that those with this beginning lie together, the id itself first.
    if after.is_none() && !search.is_empty() {
        entries.extend(api.directory.athlete(search).map_err(problem)?);
    }
    let after = after.or(Some(search).filter(|search| !search.is_empty()));
    let listed = api.directory.athletes(after, PAGE + 1).map_err(problem)?;
    entries.extend(
        listed
            .into_iter()
            .take_while(|entry| entry.athlete_id.starts_with(search)),
    );
    Ok(entries)
}

fn line(api: &Api, entry: &AthleteEntry) -> Result<AthleteLine, Failure> {
    let id = &entry.athlete_id;
    let sessions = latest(api, Table::Sessions, id, false)?;
    let losses = latest(api, Table::SweatLosses, id, false)?;
    let session = sessions.first();
    let loss = losses.first();
    let litres = |path: &str| {
        loss.and_then(|loss| loss.number(path))
            .map(|ml| decimal(ml / 1_000.0, 1))
    };
    let interval = litres("fluid_ml.lo90").zip(litres("fluid_ml.hi90"));
    Ok(AthleteLine {
        id: id.clone(),
        connections: entry.connections.clone(),
        last_session: session.map_or_else(
            || UNKNOWN.to_owned(),
            |row| day(&row.text("start"), row.int("utc_offset_s").unwrap_or(0)),
        ),
        sport: session
            .map(|row| row.text("sport").replace('_', " "))
            .unwrap_or_default(),
        loss: litres("fluid_ml.median").map_or_else(|| UNKNOWN.to_owned(), |l| format!("{l} L")),
        interval: interval
            .map(|(lo, hi)| format!("{lo} to {hi}"))
            .unwrap_or_default(),
        live_sessions: sessions.len(),
    })
}

/// A key for one athlete is not told how many others there are.
fn tiles(api: &Api, caller: &Caller) -> Result<Vec<Tile>, Failure> {
    if caller.0.athlete_id.is_some() {
        return Ok(Vec::new());
    }
    let counts = api.store.counts().map_err(problem)?;
    let tile = |name, number: u64| Tile {
        name,
        count: count(i64::try_from(number).unwrap_or(i64::MAX)),
    };
    Ok(vec![
        tile("athletes", counts.athletes),
        tile("sessions", counts.sessions),
        tile("nights and naps", counts.nights),
        tile("sweat losses", counts.sweat_losses),
        tile("recommendations", counts.recommendations),
        tile("dead letters", counts.dead_letters),
    ])
}

/// The athlete of a page, or 404.
pub(super) fn known(api: &Api, athlete: &str) -> Result<(), Failure> {
    Ok(api.known(athlete)?)
}

/// Where a time axis has its names.
pub(super) fn seconds(at: Micros) -> f64 {
    at.0 as f64 / 1e6
}
