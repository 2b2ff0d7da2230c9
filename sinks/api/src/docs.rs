//! The description of every route: as OpenAPI, and as a page that needs nothing from outside.
//!
//! What the routes' annotations cannot say is added here, once for all: closed schemas, units out of
//! the fields' names, the refusals that every route may give, and examples out of real answers.

mod finish;
mod units;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use serde_json::Value;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// The merged document, finished: what is served, and what the guard reads its rules from.
pub fn document(doc: &OpenApi) -> Result<Value, serde_json::Error> {
    let mut doc = serde_json::to_value(doc)?;
    finish::finish(&mut doc)?;
    Ok(doc)
}

/// `/openapi.json` for a finished document. It is written once, at the start.
pub fn openapi_route(doc: &Value) -> Result<Router, serde_json::Error> {
    let json: Arc<str> = Arc::from(serde_json::to_string(doc)?);
    let headers = [(header::CONTENT_TYPE, "application/json")];
    let route = get(move || async move { (headers, json.to_string()) });
    // Compiled in: a page that fetched its scripts from somewhere would not work in a closed network.
    let config = Config::from("/openapi.json").try_it_out_enabled(true);
    let page = Router::from(SwaggerUi::new("/docs").config(config));
    let page = page.layer(map_response(page_policy));
    Ok(Router::new().route("/openapi.json", route).merge(page))
}

/// The page sets styles on its elements, which the policy of our own pages does not allow.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'",
);

async fn page_policy(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
    response
}
