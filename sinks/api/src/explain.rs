//! Why a value is what it is: the routes over the port `Explain`.
//!
//! They look nothing up themselves: the root follows a value through store and log, and this module
//! says which part of the answer was asked for.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use edge::Problem;

use crate::caller::Caller;
use crate::dto::{ExplainParams, LossExplained, RecommendationExplained, SessionAnswer};
use crate::state::{Api, problem};

/// Which source won each field of a session, by which rule, and who lost. With `field`, that field.
#[utoipa::path(get, path = "/v1/sessions/{session_id}/explain", tag = "athletes", security(("api_key" = ["read:athlete"])),
    params(("session_id" = String, Path), ExplainParams),
    responses((status = 200, body = SessionAnswer), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn session(
    State(api): State<Api>,
    Path(session): Path<String>,
    caller: Caller,
    params: Result<Query<ExplainParams>, QueryRejection>,
) -> Result<Json<SessionAnswer>, Problem> {
    let Query(params) = params.map_err(|error| Problem::bad_request(error.body_text()))?;
    let found = api.read(move |api| api.explain.session(&session).map_err(problem));
    let whole = found
        .await?
        .filter(|found| caller.may_read(&found.athlete_id))
        .ok_or_else(|| Problem::not_found("no session has this id"))?;
    match params.field {
        None => Ok(Json(SessionAnswer::All(Box::new(whole)))),
        Some(field) => match whole.field(&field) {
            Some(one) => Ok(Json(SessionAnswer::Field(Box::new(one)))),
            None => {
                let (refused, hint) = whole.no_field(&field);
                Err(Problem::bad_request(format!("{refused}; try {hint}")))
            }
        },
    }
}

/// What a sweat loss was estimated from.
#[utoipa::path(get, path = "/v1/sweat-losses/{loss_id}/explain", tag = "athletes", security(("api_key" = ["read:athlete"])),
    params(("loss_id" = String, Path)),
    responses((status = 200, body = LossExplained), (status = 404, body = Problem)))]
pub(crate) async fn loss(
    State(api): State<Api>,
    Path(loss): Path<String>,
    caller: Caller,
) -> Result<Json<LossExplained>, Problem> {
    let found = api.read(move |api| api.explain.loss(&loss).map_err(problem));
    found
        .await?
        .filter(|found| caller.may_read(&found.athlete_id))
        .map(Json)
        .ok_or_else(|| Problem::not_found("no sweat loss has this id"))
}

/// Why this, and why so much: from the reasons down to the raw records.
///
/// The id is that of a recommendation, its slot, or `slot/version`; the slashes of a slot are sent
/// as `%2F`.
#[utoipa::path(get, path = "/v1/recommendations/{id}/explain", tag = "athletes", security(("api_key" = ["read:athlete"])),
    params(("id" = String, Path)),
    responses((status = 200, body = RecommendationExplained), (status = 404, body = Problem)))]
pub(crate) async fn recommendation(
    State(api): State<Api>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Json<RecommendationExplained>, Problem> {
    let found = api.read(move |api| api.explain.recommendation(&id).map_err(problem));
    let found = found
        .await?
        .filter(|found| caller.may_read(&found.athlete_id));
    found.map(Json).ok_or_else(|| {
        Problem::not_found("no recommendation has this id, slot, or slot and version")
    })
}
