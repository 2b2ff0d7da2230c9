//! All routes of ingest, each beside its part of the OpenAPI document.

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::receive::Connectors;
use crate::{accounts, app, garmin, healthkit, not_built, scan, strava};

/// The routes; the root merges them with those of the API and wraps both in `edge::web::harden`.
pub fn router(connectors: Connectors) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(garmin::receive::post_garmin))
        .routes(routes!(
            strava::receive::get_strava,
            strava::receive::post_strava
        ))
        .routes(routes!(healthkit::receive::post_healthkit))
        .routes(routes!(app::receive::post_events))
        .routes(routes!(scan::receive::post_scans))
        .routes(routes!(accounts::put_athlete))
        .routes(routes!(accounts::put_connection))
        .merge(not_built::router())
        .with_state(connectors)
}
