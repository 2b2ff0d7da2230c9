//! What could not be used, with its bytes, and the way to try it again.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use edge::Problem;
use sinks_store::Table;

use crate::dto::{DeadLetter, List, ListParams, Replayed};
use crate::lists::list;
use crate::one::current;
use crate::params::{ListQueryParams, Wanted};
use crate::ports::ReplayError;
use crate::state::{Api, RETRY_AFTER, json};

/// Items that could not be used, by arrival. One that was sent in again is `retracted`.
#[utoipa::path(get, path = "/v1/dead-letters", tag = "operations", security(("api_key" = ["read:all"])), params(ListParams),
    responses((status = 200, body = List<DeadLetter>), (status = 400, body = Problem)))]
pub(crate) async fn dead_letters(
    State(api): State<Api>,
    params: ListQueryParams,
) -> Result<Response, Problem> {
    let wanted = Wanted::read(params, "dead-letters")?.of_the_present()?;
    let page =
        api.read(move |api| list(api, api.store.as_ref(), (Table::DeadLetters, None), &wanted));
    page.await.map(json)
}

/// One dead letter.
#[utoipa::path(get, path = "/v1/dead-letters/{id}", tag = "operations", security(("api_key" = ["read:all"])),
    params(("id" = String, Path)),
    responses((status = 200, body = DeadLetter), (status = 404, body = Problem)))]
pub(crate) async fn dead_letter(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let found =
        api.read(move |api| current(api, Table::DeadLetters, &id, "no dead letter has this id"));
    found.await.map(json)
}

/// Sends a dead letter in again, as a new arrival.
#[utoipa::path(post, path = "/v1/dead-letters/{id}/replay", tag = "operations", security(("api_key" = ["admin"])),
    params(("id" = String, Path)),
    responses((status = 202, body = Replayed), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)))]
pub(crate) async fn replay(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Replayed>), Problem> {
    match api.replay.replay(&id).await {
        Ok(()) => Ok((StatusCode::ACCEPTED, Json(Replayed::of(id)))),
        Err(ReplayError::NotFound) => Err(Problem::not_found("no dead letter has this id")),
        Err(ReplayError::AlreadyReplayed) => Err(Problem::conflict(
            "this dead letter was sent in again before",
        )),
        Err(ReplayError::Unavailable(error)) => {
            tracing::warn!(%error, "a dead letter could not be sent in again");
            let detail = "the log does not take it now; nothing was changed";
            Err(Problem::unavailable(detail, RETRY_AFTER))
        }
    }
}
