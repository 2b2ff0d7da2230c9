//! One thing by its id, as it is now or was at a time, also one that was withdrawn.

use axum::extract::{Path, State};
use axum::response::Response;
use edge::Problem;
use schemas::record::Micros;
use sinks_store::Table;

use crate::caller::Caller;
use crate::dto::{AsOfParams, Night, Recommendation, Session, SweatLoss};
use crate::lists;
use crate::params::{self, AsOfQuery};
use crate::state::{Api, json, problem};

/// One workout, also one that was withdrawn.
#[utoipa::path(get, path = "/v1/sessions/{session_id}", tag = "athletes", security(("api_key" = ["read:athlete"])),
    params(("session_id" = String, Path), AsOfParams),
    responses((status = 200, body = Session), (status = 400, body = Problem), (status = 404, body = Problem), (status = 410, description = "`as_of` is past retention; `earliest` is the first time", body = Problem)))]
pub(crate) async fn session(
    State(api): State<Api>,
    Path(id): Path<String>,
    caller: Caller,
    params: AsOfQuery,
) -> Result<Response, Problem> {
    one(
        api,
        caller,
        Table::Sessions,
        id,
        params,
        "no session has this id",
    )
    .await
}

/// One night or nap, also one that was withdrawn.
#[utoipa::path(get, path = "/v1/nights/{night_id}", tag = "athletes", security(("api_key" = ["read:athlete"])),
    params(("night_id" = String, Path), AsOfParams),
    responses((status = 200, body = Night), (status = 400, body = Problem), (status = 404, body = Problem), (status = 410, description = "`as_of` is past retention; `earliest` is the first time", body = Problem)))]
pub(crate) async fn night(
    State(api): State<Api>,
    Path(id): Path<String>,
    caller: Caller,
    params: AsOfQuery,
) -> Result<Response, Problem> {
    one(
        api,
        caller,
        Table::Nights,
        id,
        params,
        "no night has this id",
    )
    .await
}

/// What one workout cost, also where that was withdrawn.
#[utoipa::path(get, path = "/v1/sweat-losses/{loss_id}", tag = "athletes", security(("api_key" = ["read:athlete"])),
    params(("loss_id" = String, Path), AsOfParams),
    responses((status = 200, body = SweatLoss), (status = 400, body = Problem), (status = 404, body = Problem), (status = 410, description = "`as_of` is past retention; `earliest` is the first time", body = Problem)))]
pub(crate) async fn sweat_loss(
    State(api): State<Api>,
    Path(id): Path<String>,
    caller: Caller,
    params: AsOfQuery,
) -> Result<Response, Problem> {
    one(
        api,
        caller,
        Table::SweatLosses,
        id,
        params,
        "no sweat loss has this id",
    )
    .await
}

/// What stands in one slot, or was withdrawn from it. The slashes of a slot are sent as `%2F`.
#[utoipa::path(get, path = "/v1/recommendations/{slot}", tag = "athletes", security(("api_key" = ["read:athlete"])),
    params(("slot" = String, Path), AsOfParams),
    responses((status = 200, body = Recommendation), (status = 400, body = Problem), (status = 404, body = Problem), (status = 410, description = "`as_of` is past retention; `earliest` is the first time", body = Problem)))]
pub(crate) async fn recommendation(
    State(api): State<Api>,
    Path(id): Path<String>,
    caller: Caller,
    params: AsOfQuery,
) -> Result<Response, Problem> {
    one(
        api,
        caller,
        Table::Recommendations,
        id,
        params,
        "no recommendation has this slot",
    )
    .await
}

async fn one(
    api: Api,
    caller: Caller,
    table: Table,
    id: String,
    params: AsOfQuery,
    missing: &'static str,
) -> Result<Response, Problem> {
    let as_of = params::as_of(params)?;
    let found = api.read(move |api| {
        let body = standing(api, table, &id, as_of, missing)?;
        let owner = field(&body, "athlete_id");
        if owner.is_some_and(|owner| caller.may_read(&owner)) {
            return Ok(body);
        }
        // To whom it does not belong it is not there.
        Err(Problem::not_found(missing))
    });
    found.await.map(json)
}

/// Revisions that are looked through for `as_of`: an entity with more is not one that people revise.
const REVISIONS_MAX: usize = 10_000;

/// The entity as it is now, or as it was published at a time.
pub(crate) fn standing(
    api: &Api,
    table: Table,
    id: &str,
    as_of: Option<Micros>,
    missing: &str,
) -> Result<String, Problem> {
    let Some(at) = as_of else {
        return current(api, table, id, missing);
    };
    lists::within_history(api, as_of)?;
    let revisions = api.store.history(table, &api.tenant_id, id, REVISIONS_MAX);
    let then = revisions
        .map_err(problem)?
        .into_iter()
        .rfind(|item| revised_at(&item.body).is_some_and(|told| told <= at));
    then.map(|item| item.body)
        .ok_or_else(|| Problem::not_found(format!("{missing}, or it was not known at that time")))
}

fn revised_at(body: &str) -> Option<Micros> {
    params::micros(&field(body, "revised_at")?)
}

fn field(body: &str, name: &str) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    body.get(name)?.as_str().map(str::to_owned)
}

pub(crate) fn current(api: &Api, table: Table, id: &str, missing: &str) -> Result<String, Problem> {
    let found = api.store.get(table, &api.tenant_id, id).map_err(problem)?;
    found
        .map(|item| item.body)
        .ok_or_else(|| Problem::not_found(missing))
}
