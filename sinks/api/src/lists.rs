//! The lists of one athlete: sessions, nights, losses, recommendations, and all of it in one.

use axum::extract::rejection::QueryRejection;
use axum::extract::{MatchedPath, Path, Query, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use edge::Problem;
use schemas::AnyRecord;
use schemas::record::Micros;
use sinks_store::{
    After, FeedPosition, ListQuery, MemoryStore, Page, SeriesQuery, SeriesStore, Table,
    TimelineQuery, project, rfc3339,
};

use crate::cursor::Cursor;
use crate::dto::{
    List, ListParams, Night, Recommendation, Session, SweatLoss, TimelineItem, ViewParams,
};
use crate::params::{ListQueryParams, Wanted};
use crate::state::{Api, json, problem};

const SESSIONS: &str = "/v1/athletes/{athlete_id}/sessions";

/// Who asks for less than everything must not be given everything.
pub(crate) async fn views_are_of_sessions(request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let is_elsewhere = path.is_none_or(|path| path.as_str() != SESSIONS);
    let query = request.uri().query().unwrap_or_default();
    let mut names = query.split('&').map(|pair| pair.split('=').next());
    if is_elsewhere && names.any(|name| name == Some("view")) {
        let told = "`view` is not supported here: there is one of the list of sessions alone";
        return Problem::bad_request(told).into_response();
    }
    next.run(request).await
}

/// The athlete's workouts, each told once.
#[utoipa::path(get, path = "/v1/athletes/{athlete_id}/sessions", tag = "athletes", security(("api_key" = ["read:athlete"])),
    params(("athlete_id" = String, Path), ListParams, ViewParams),
    responses((status = 200, body = List<Session>), (status = 400, body = Problem), (status = 404, body = Problem), (status = 410, description = "`as_of` is past retention; `earliest` is the first time", body = Problem)))]
pub(crate) async fn sessions(
    state: State<Api>,
    athlete: Path<String>,
    params: ListQueryParams,
    view: Result<Query<ViewParams>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(view) = view.map_err(|error| Problem::bad_request(error.body_text()))?;
    match view.view.as_deref() {
        None => of_athlete(state, athlete, params, Table::Sessions).await,
        Some("unrestricted") => unrestricted(state, athlete, params).await,
        Some(_) => Err(Problem::bad_request("`view` knows only `unrestricted`")),
    }
}

/// The sessions without the sources that only the athlete may see, as a list like any other.
async fn unrestricted(
    State(api): State<Api>,
    Path(athlete): Path<String>,
    params: ListQueryParams,
) -> Result<Response, Problem> {
    let wanted = Wanted::read(params, &format!("sessions/unrestricted/{athlete}"))?;
    let wanted = wanted.of_the_present()?;
    let page = api.read(move |api| {
        api.known(&athlete)?;
        let facts = api.views.unrestricted_sessions(&athlete).map_err(problem)?;
        let facts = facts.into_iter().map(AnyRecord::from);
        let mut view = MemoryStore::new();
        for fact in facts {
            let row = project(fact).into_iter().collect();
            view.apply(row, FeedPosition::default()).map_err(problem)?;
        }
        list(api, &view, (Table::Sessions, Some(athlete)), &wanted)
    });
    page.await.map(json)
}

/// The athlete's nights and naps.
#[utoipa::path(get, path = "/v1/athletes/{athlete_id}/nights", tag = "athletes", security(("api_key" = ["read:athlete"])),
    params(("athlete_id" = String, Path), ListParams),
    responses((status = 200, body = List<Night>), (status = 400, body = Problem), (status = 404, body = Problem), (status = 410, description = "`as_of` is past retention; `earliest` is the first time", body = Problem)))]
pub(crate) async fn nights(
    state: State<Api>,
    athlete: Path<String>,
    params: ListQueryParams,
) -> Result<Response, Problem> {
    of_athlete(state, athlete, params, Table::Nights).await
}

/// What the athlete lost in each workout, with intervals.
#[utoipa::path(get, path = "/v1/athletes/{athlete_id}/sweat-losses", tag = "athletes", security(("api_key" = ["read:athlete"])),
    params(("athlete_id" = String, Path), ListParams),
    responses((status = 200, body = List<SweatLoss>), (status = 400, body = Problem), (status = 404, body = Problem), (status = 410, description = "`as_of` is past retention; `earliest` is the first time", body = Problem)))]
pub(crate) async fn sweat_losses(
    state: State<Api>,
    athlete: Path<String>,
    params: ListQueryParams,
) -> Result<Response, Problem> {
    of_athlete(state, athlete, params, Table::SweatLosses).await
}

/// What to drink and eat, when and why: the latest version of each slot.
#[utoipa::path(get, path = "/v1/athletes/{athlete_id}/recommendations", tag = "athletes", security(("api_key" = ["read:athlete"])),
    params(("athlete_id" = String, Path), ListParams),
    responses((status = 200, body = List<Recommendation>), (status = 400, body = Problem), (status = 404, body = Problem), (status = 410, description = "`as_of` is past retention; `earliest` is the first time", body = Problem)))]
pub(crate) async fn recommendations(
    state: State<Api>,
    athlete: Path<String>,
    params: ListQueryParams,
) -> Result<Response, Problem> {
    of_athlete(state, athlete, params, Table::Recommendations).await
}

/// Everything about the athlete in one list, each item with its `type`.
#[utoipa::path(get, path = "/v1/athletes/{athlete_id}/timeline", tag = "athletes", security(("api_key" = ["read:athlete"])),
    params(("athlete_id" = String, Path), ListParams),
    responses((status = 200, body = List<TimelineItem>), (status = 400, body = Problem), (status = 404, body = Problem), (status = 410, description = "`as_of` is past retention; `earliest` is the first time", body = Problem)))]
pub(crate) async fn timeline(
    State(api): State<Api>,
    Path(athlete): Path<String>,
    params: ListQueryParams,
) -> Result<Response, Problem> {
    let wanted = Wanted::read(params, &format!("timeline/{athlete}"))?;
    let page = api.read(move |api| {
        api.known(&athlete)?;
        within_history(api, wanted.as_of)?;
        let query = TimelineQuery {
            tenant_id: api.tenant_id.to_string(),
            athlete_id: athlete,
            from: wanted.from,
            to: wanted.to,
            include_retracted: wanted.include_retracted,
            as_of: wanted.as_of,
            after: wanted
                .after
                .as_ref()
                .map(|at| (at.start, at.id.clone(), at.lane)),
            limit: wanted.limit,
        };
        let page = sinks_store::timeline(api.store.as_ref(), &query).map_err(problem)?;
        let last = page.items.last().filter(|_| page.more).map(|last| Cursor {
            start: last.start,
            lane: last.lane,
            id: last.id.clone(),
        });
        let bodies: Vec<String> = page.items.into_iter().map(|item| item.body).collect();
        Ok(wanted.page(&bodies, last.as_ref()))
    });
    page.await.map(json)
}

async fn of_athlete(
    State(api): State<Api>,
    Path(athlete): Path<String>,
    params: ListQueryParams,
    table: Table,
) -> Result<Response, Problem> {
    let wanted = Wanted::read(params, &format!("{}/{athlete}", table.name()))?;
    let page = api.read(move |api| {
        api.known(&athlete)?;
        list(api, api.store.as_ref(), (table, Some(athlete)), &wanted)
    });
    page.await.map(json)
}

/// What was published at a time can be told only as far back as revisions are kept.
pub(crate) fn within_history(api: &Api, as_of: Option<Micros>) -> Result<(), Problem> {
    let Some(at) = as_of else { return Ok(()) };
    match api.store.kept().map_err(problem)?.history_since {
        Some(since) if at < since => {
            let first = rfc3339(since);
            let told = format!("`as_of` is past retention: revisions are kept from {first} on");
            Err(Problem::gone(told).with("earliest", first.into()))
        }
        _ => Ok(()),
    }
}

pub(crate) fn list(
    api: &Api,
    store: &dyn SeriesQuery,
    (table, athlete_id): (Table, Option<String>),
    wanted: &Wanted,
) -> Result<String, Problem> {
    within_history(api, wanted.as_of)?;
    let query = ListQuery {
        athlete_id,
        from: wanted.from,
        to: wanted.to,
        include_retracted: wanted.include_retracted,
        as_of: wanted.as_of,
        after: wanted.after.as_ref().map(|at| After {
            start: at.start,
            id: at.id.clone(),
            inclusive: false,
        }),
        ..ListQuery::all(table, &api.tenant_id, wanted.limit)
    };
    let Page { items, more } = store.list(&query).map_err(problem)?;
    let last = items.last().filter(|_| more).map(|last| Cursor {
        start: last.start,
        lane: 0,
        id: last.id.clone(),
    });
    let bodies: Vec<String> = items.into_iter().map(|item| item.body).collect();
    Ok(wanted.page(&bodies, last.as_ref()))
}
