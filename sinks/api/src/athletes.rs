//! Who is registered, and how they sweat.

use axum::extract::{Path, State};
use axum::response::Response;
use edge::Problem;
use schemas::record::Micros;
use sinks_store::Table;

use crate::caller::Caller;
use crate::cursor::Cursor;
use crate::dto::{AsOfParams, Athlete, List, PageParams, Profile};
use crate::one::standing;
use crate::params::{self, AsOfQuery, ListQueryParams, Wanted};
use crate::ports::AthleteEntry;
use crate::state::{Api, json, problem};

/// Everybody who is registered, by id.
#[utoipa::path(get, path = "/v1/athletes", tag = "athletes", security(("api_key" = ["read:athlete"])), params(PageParams),
    responses((status = 200, body = List<Athlete>), (status = 400, body = Problem)))]
pub(crate) async fn athletes(
    State(api): State<Api>,
    caller: Caller,
    params: ListQueryParams,
) -> Result<Response, Problem> {
    let wanted = Wanted::read(params, "athletes")?.of_the_present()?;
    let page = api.read(move |api| {
        let after = wanted.after.as_ref().map(|at| at.id.as_str());
        let mut entries = match &caller.0.athlete_id {
            Some(own) => own_entry(api, own, after)?,
            None => api
                .directory
                .athletes(after, wanted.limit + 1)
                .map_err(problem)?,
        };
        let more = entries.len() > wanted.limit;
        entries.truncate(wanted.limit);
        let last = entries.last().filter(|_| more).map(|last| Cursor {
            start: Micros(0),
            lane: 0,
            id: last.athlete_id.clone(),
        });
        let bodies = entries.iter().map(body).collect::<Result<Vec<_>, _>>()?;
        Ok(wanted.page(&bodies, last.as_ref()))
    });
    page.await.map(json)
}

/// For a key that is bound to one athlete there is no other.
fn own_entry(api: &Api, own: &str, after: Option<&str>) -> Result<Vec<AthleteEntry>, Problem> {
    if after.is_some_and(|after| after >= own) {
        return Ok(Vec::new());
    }
    let own_or_later = api.directory.athlete(own).map_err(problem)?;
    Ok(own_or_later.into_iter().collect())
}

fn body(entry: &AthleteEntry) -> Result<String, Problem> {
    serde_json::to_string(&Athlete::from(entry)).map_err(|error| {
        tracing::error!(%error, "an athlete cannot be written as JSON");
        Problem::internal()
    })
}

/// What is known of how the athlete sweats.
#[utoipa::path(get, path = "/v1/athletes/{athlete_id}/profile", tag = "athletes", security(("api_key" = ["read:athlete"])),
    params(("athlete_id" = String, Path), AsOfParams),
    responses((status = 200, body = Profile), (status = 400, body = Problem), (status = 404, body = Problem), (status = 410, description = "`as_of` is past retention; `earliest` is the first time", body = Problem)))]
pub(crate) async fn profile(
    State(api): State<Api>,
    Path(athlete): Path<String>,
    params: AsOfQuery,
) -> Result<Response, Problem> {
    let as_of = params::as_of(params)?;
    let found = api.read(move |api| {
        api.known(&athlete)?;
        let missing = "nothing is known of how this athlete sweats yet";
        standing(api, Table::Profiles, &athlete, as_of, missing)
    });
    found.await.map(json)
}
