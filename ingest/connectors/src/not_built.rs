//! Routes that are part of the contract and are not built: 501, with a problem that says so.
//!
//! They exist so that a client can tell "not yet" from "wrong address", and so that nobody gets a
//! 2xx for bytes that nobody keeps.

use axum::extract::Request;
use edge::Problem;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::receive::Connectors;

pub(crate) fn router() -> OpenApiRouter<Connectors> {
    OpenApiRouter::new()
        .routes(routes!(post_file))
        .routes(routes!(put_export))
}

async fn refuse(request: Request, detail: &'static str) -> Problem {
    let (parts, body) = request.into_parts();
    edge::body::discard(&parts.headers, body).await;
    Problem::not_supported(detail)
}

/// An activity file.
#[utoipa::path(post, path = "/v1/athletes/{athlete_id}/files", tag = "not built", security(("api_key" = ["ingest"])),
    params(("athlete_id" = String, Path)), responses((status = 501, body = Problem)))]
async fn post_file(request: Request) -> Problem {
    refuse(request, "FIT, TCX and GPX files are not read yet").await
}

/// A whole HealthKit export.
#[utoipa::path(put, path = "/v1/athletes/{athlete_id}/healthkit/export", tag = "not built", security(("api_key" = ["ingest"])),
    params(("athlete_id" = String, Path)), responses((status = 501, body = Problem)))]
async fn put_export(request: Request) -> Problem {
    refuse(request, "HealthKit's export file is not read yet").await
}
