//! The description of every route: as OpenAPI, and as a page that needs nothing from outside.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::response::Html;
use axum::routing::get;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::Operation;

/// `/openapi.json` and `/docs` for a merged document. Both are written once, at the start.
pub fn openapi_route(doc: &OpenApi) -> Result<Router, serde_json::Error> {
    let json: Arc<str> = Arc::from(doc.to_json()?);
    let page: Arc<str> = Arc::from(page(doc));
    let json_headers = [(header::CONTENT_TYPE, "application/json")];
    Ok(Router::new()
        .route(
            "/openapi.json",
            get(move || async move { (json_headers, json.to_string()) }),
        )
        .route("/docs", get(move || async move { Html(page.to_string()) })))
}

fn page(doc: &OpenApi) -> String {
    let mut rows = String::new();
    for (path, item) in &doc.paths.paths {
        let operations: [(&str, &Option<Operation>); 4] = [
            ("GET", &item.get),
            ("PUT", &item.put),
            ("POST", &item.post),
            ("DELETE", &item.delete),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            let summary = operation.summary.as_deref().unwrap_or_default();
            let (path, summary) = (escaped(path), escaped(summary));
            let row = writeln!(
                rows,
                "<tr><td>{method}</td><td><code>{path}</code></td><td>{summary}</td></tr>"
            );
            debug_assert!(row.is_ok(), "a string takes all that is written to it");
        }
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Sudor: routes</title></head>\n\
         <body>\n<h1>Routes</h1>\n<p>Shapes and parameters: <a href=\"/openapi.json\">OpenAPI</a>.</p>\n\
         <table>\n{rows}</table>\n</body>\n</html>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
