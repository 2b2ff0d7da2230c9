//! For those who run it: counts, metrics, health, and where to find what.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use edge::Problem;

use crate::dto::{Health, QualityReport};
use crate::metrics::TEXT_FORMAT;
use crate::state::{Api, RETRY_AFTER, problem};

/// For each source: what was received, and what became of it.
#[utoipa::path(get, path = "/v1/quality", tag = "operations", security(("api_key" = ["read:all"])),
    responses((status = 200, body = QualityReport)))]
pub(crate) async fn quality(State(api): State<Api>) -> Result<Json<QualityReport>, Problem> {
    api.read(|api| api.quality.quality().map_err(problem))
        .await
        .map(Json)
}

/// Metrics in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "operations", security(("api_key" = ["read:all"])),
    responses((status = 200, content_type = "text/plain", body = String)))]
pub(crate) async fn metrics(State(api): State<Api>) -> Result<Response, Problem> {
    let metrics = api.metrics.clone();
    let text = api.read(move |api| {
        let now_us = api.clock.now().0;
        // Where the counts cannot be read the other metrics are still told.
        match api.quality.quality() {
            Ok(report) => api.metrics.scraped().quality(&report, now_us),
            Err(error) => tracing::warn!(%error, "the metrics lack the counts of the sources"),
        }
        api.metrics.scraped().fetches(&api.fetches.states(), now_us);
        Ok(metrics.text())
    });
    match text.await? {
        Ok(text) => Ok(([(header::CONTENT_TYPE, TEXT_FORMAT)], text).into_response()),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written");
            Err(Problem::internal())
        }
    }
}

/// The process answers.
#[utoipa::path(get, path = "/livez", tag = "operations", security(()),
    responses((status = 200, body = Health)))]
pub(crate) async fn livez() -> Json<Health> {
    Json(Health::ok())
}

/// The process does its work.
#[utoipa::path(get, path = "/readyz", tag = "operations", security(()),
    responses((status = 200, body = Health), (status = 503, body = Problem)))]
pub(crate) async fn readyz(State(api): State<Api>) -> Result<Json<Health>, Problem> {
    api.readiness
        .ready()
        .map(|()| Json(Health::ok()))
        .map_err(|missing| Problem::unavailable(missing, RETRY_AFTER))
}
