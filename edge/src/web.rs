//! What every request goes through, whichever stage serves it.
//!
//! From the outside in: a request id, security headers and the access log; a panic becomes a 500;
//! foreign hosts and origins are refused; API keys are asked for; then the routes, and problems for
//! paths and methods that are not there. On the way out an answer that the reader has already is left
//! away, and what is large is compressed.
//!
//! Invariant: the access log names the route's template, never the path that was sent, so that the
//! secret in a webhook's path cannot reach it.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

use crate::auth::{self, Gate};
use crate::guard::{OwnNames, refuse_foreign};
use crate::{Clock, Problem};

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A sender's own request id is taken over when it is at most this long and plain.
const REQUEST_ID_CHARS_MAX: usize = 64;

/// Pages of ours bring nothing from outside; a route that needs another policy sets its own.
const CONTENT_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
);

/// Other sites learn nothing of our addresses. `no-referrer` would be stricter by nothing that counts,
/// and with it a browser sends `Origin: null` with the forms of our own pages, which the guard against
/// pages of another origin has to refuse.
const REFERRER_POLICY: HeaderValue = HeaderValue::from_static("same-origin");

const SECURITY_HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, REFERRER_POLICY),
];

/// Wraps all routes of the process. `own_names` is `None` where API keys protect the service.
pub fn harden(
    routes: Router,
    clock: Arc<dyn Clock>,
    gate: Gate,
    own_names: Option<OwnNames>,
) -> Router {
    let mut routes = routes
        .fallback(async || Problem::not_found("no route has this path"))
        .method_not_allowed_fallback(async || {
            Problem::method_not_allowed("the path exists, for another method")
        })
        .layer(from_fn_with_state(gate, auth::guard));
    if let Some(own_names) = own_names {
        routes = routes.layer(from_fn_with_state(own_names, refuse_foreign));
    }
    let observer = Observer {
        clock,
        requests: Arc::new(AtomicU64::new(0)),
    };
    routes
        .layer(CatchPanicLayer::custom(panic_answer))
        .layer(from_fn(conditional))
        .layer(from_fn_with_state(observer, observe))
        // Outermost: a refusal is written anew by `observe`, and that text is what has to be compressed.
        .layer(CompressionLayer::new())
}

/// The panic hook has printed message and place already; the sender learns neither.
fn panic_answer(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked");
    Problem::internal().into_response()
}

/// 304 where the reader has this very answer: the routes name it by an `ETag`.
async fn conditional(request: Request, next: Next) -> Response {
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    let tag = response.headers().get(header::ETAG);
    let same = known.zip(tag).is_some_and(|(known, tag)| {
        let known = known.to_str().unwrap_or_default();
        known
            .split(',')
            .any(|one| one.trim() == "*" || one.trim() == tag)
    });
    if !same || response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, _) = response.into_parts();
    parts.status = StatusCode::NOT_MODIFIED;
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.remove(header::CONTENT_TYPE);
    Response::from_parts(parts, Body::empty())
}

#[derive(Clone)]
struct Observer {
    clock: Arc<dyn Clock>,
    requests: Arc<AtomicU64>,
}

impl Observer {
    /// Unique in one data folder as long as the clock does not step back over a restart; it only
    /// ties an answer to its log line.
    fn request_id(&self, request: &Request) -> String {
        let sent = request
            .headers()
            .get(&REQUEST_ID)
            .and_then(|value| value.to_str().ok());
        match sent {
            Some(id) if is_plain(id) => id.to_owned(),
            _ => {
                let count = self.requests.fetch_add(1, Ordering::Relaxed);
                format!("{:x}-{count:x}", self.clock.now().0)
            }
        }
    }
}

fn is_plain(id: &str) -> bool {
    (1..=REQUEST_ID_CHARS_MAX).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

async fn observe(State(observer): State<Observer>, request: Request, next: Next) -> Response {
    let started = observer.clock.now();
    let id = observer.request_id(&request);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();

    let response = next.run(request).await;

    let mut response = name_request(response, &id);
    let headers = response.headers_mut();
    for (name, value) in SECURITY_HEADERS {
        headers.entry(name).or_insert(value);
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    tracing::info!(
        target: "access",
        request_id = id,
        method = method.as_str(),
        route = route.as_ref().map_or("(none)", MatchedPath::as_str),
        status = response.status().as_u16(),
        duration_us = observer.clock.now().0.saturating_sub(started.0),
        "request",
    );
    response
}

/// Writes the request's name into a problem that a handler made without knowing it.
fn name_request(mut response: Response, id: &str) -> Response {
    let made = response.extensions_mut().remove::<Problem>();
    let Some(problem) = made.or_else(|| problem_of_plain_text(&response)) else {
        return response;
    };
    let mut named = problem.of_request(id).into_response();
    for (name, value) in response.headers() {
        if name != header::CONTENT_LENGTH && name != header::CONTENT_TYPE {
            named
                .headers_mut()
                .entry(name)
                .or_insert_with(|| value.clone());
        }
    }
    named
}

/// What the web framework refuses on its own, before a handler runs, it refuses in plain text; the
/// text may quote the request, so it is not passed on.
fn problem_of_plain_text(response: &Response) -> Option<Problem> {
    let content_type = response
        .headers()
        .get(header::CONTENT_TYPE)?
        .to_str()
        .ok()?;
    if !content_type.starts_with("text/plain") {
        return None;
    }
    let detail = "the path, the query or the body cannot be read";
    match response.status() {
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
            Some(Problem::bad_request(detail))
        }
        StatusCode::NOT_FOUND => Some(Problem::not_found(detail)),
        StatusCode::PAYLOAD_TOO_LARGE => Some(Problem::too_large(detail)),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Some(Problem::unsupported_media_type(detail)),
        StatusCode::INTERNAL_SERVER_ERROR => Some(Problem::internal()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::HeaderMap;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;
    use crate::{ManualClock, UnixMicros};

    fn app() -> Router {
        let routes = Router::new()
            .route(
                "/number/{id}",
                get(async |_: axum::extract::Path<u8>| "a number"),
            )
            .route("/fine", get(async || "fine").post(async || "sent"))
            .route(
                "/panics",
                get(async || -> &'static str { panic!("no secret leaves") }),
            )
            .route(
                "/tagged",
                get(async || ([(header::ETAG, "W/\"1\"")], "tagged")),
            )
            .route("/large", get(async || "large ".repeat(1_000)))
            .route(
                "/busy",
                get(async || Problem::unavailable("busy", std::time::Duration::from_secs(2))),
            );
        let clock = Arc::new(ManualClock::at(UnixMicros(255)));
        let open = Gate::open(clock.clone());
        harden(routes, clock, open, Some(OwnNames::of("")))
    }

    async fn answer(request: axum::http::request::Builder) -> (Response, String) {
        let response = app()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let text = crate::body::read(&parts.headers, body, 10_000)
            .await
            .unwrap();
        (
            Response::from_parts(parts, Body::empty()),
            String::from_utf8(text).unwrap(),
        )
    }

    #[tokio::test]
    async fn every_refusal_is_a_problem_that_names_its_request() {
        for (path, method, status) in [
            ("/absent", "GET", StatusCode::NOT_FOUND),
            ("/fine", "DELETE", StatusCode::METHOD_NOT_ALLOWED),
            ("/number/private", "GET", StatusCode::BAD_REQUEST),
            ("/panics", "GET", StatusCode::INTERNAL_SERVER_ERROR),
            ("/busy", "GET", StatusCode::SERVICE_UNAVAILABLE),
        ] {
            let (response, text) = answer(Request::builder().uri(path).method(method)).await;
            assert_eq!(response.status(), status, "{path}");
            assert_eq!(
                response.headers()[header::CONTENT_TYPE],
                "application/problem+json"
            );
            assert_eq!(response.headers()[REQUEST_ID], "ff-0", "{path}");
            assert!(
                text.contains(r#""instance":"urn:sudor:request:ff-0""#),
                "{text}"
            );
            assert!(
                !text.contains("no secret leaves") && !text.contains("private"),
                "{text}"
            );
        }
    }

    #[tokio::test]
    async fn a_refusal_keeps_its_headers_when_it_is_named() {
        let (busy, _) = answer(Request::builder().uri("/busy")).await;
        assert_eq!(busy.headers()[header::RETRY_AFTER], "2");
        let (method, _) = answer(Request::builder().uri("/fine").method("PUT")).await;
        assert_eq!(method.headers()[header::ALLOW], "GET,HEAD,POST");
    }

    #[tokio::test]
    async fn a_plain_request_id_is_taken_over_and_another_is_replaced() {
        for (sent, used) in [("abc-1.2_3", "abc-1.2_3"), ("a b", "ff-0"), ("", "ff-0")] {
            let (response, text) =
                answer(Request::builder().uri("/fine").header(REQUEST_ID, sent)).await;
            assert_eq!(
                (text.as_str(), &response.headers()[REQUEST_ID]),
                ("fine", &HeaderValue::from_static(used))
            );
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_known_is_not_sent_again() {
        for (known, status, length) in [
            ("W/\"0\", W/\"1\"", 304, 0),
            ("W/\"1\"", 304, 0),
            ("*", 304, 0),
            ("W/\"2\"", 200, 6),
        ] {
            let request = Request::builder()
                .uri("/tagged")
                .header("if-none-match", known);
            let (response, text) = answer(request).await;
            assert_eq!(response.status().as_u16(), status, "{known}");
            assert_eq!(text.len(), length, "{known}");
            assert_eq!(response.headers()[header::ETAG], "W/\"1\"");
        }
    }

    #[tokio::test]
    async fn a_refusal_that_is_compressed_can_be_read() {
        let request = Request::builder()
            .uri("/absent")
            .header("accept-encoding", "gzip");
        let response = app()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let gzip = parts
            .headers
            .get(header::CONTENT_ENCODING)
            .is_some_and(|encoding| encoding == "gzip");
        let bytes = crate::body::read(&HeaderMap::new(), body, 10_000)
            .await
            .unwrap();
        assert_eq!(bytes.starts_with(&[0x1f, 0x8b]), gzip, "{parts:?}");
    }

    #[tokio::test]
    async fn what_is_large_is_compressed_for_who_can_read_it() {
        for (path, compressed) in [("/large", true), ("/fine", false)] {
            let request = Request::builder()
                .uri(path)
                .header("accept-encoding", "gzip");
            let response = app()
                .oneshot(request.body(Body::empty()).unwrap())
                .await
                .unwrap();
            let encoding = response.headers().get(header::CONTENT_ENCODING);
            assert_eq!(
                encoding.is_some_and(|encoding| encoding == "gzip"),
                compressed,
                "{path}"
            );
        }
    }

    #[tokio::test]
    async fn every_answer_has_the_security_headers() {
        for path in ["/fine", "/absent"] {
            let (response, _) = answer(Request::builder().uri(path)).await;
            for (name, value) in SECURITY_HEADERS {
                assert_eq!(response.headers()[name], value);
            }
        }
    }

    /// What a browser says with a form: its own `Origin`, where the page's policy lets it.
    #[tokio::test]
    async fn a_form_of_our_own_page_is_taken_and_one_of_another_page_is_not() {
        let (page, _) = answer(Request::builder().uri("/fine")).await;
        let own_origin = match page.headers()[header::REFERRER_POLICY].to_str().unwrap() {
            "no-referrer" => "null",
            _ => "http://127.0.0.1:8080",
        };
        for (origin, status) in [
            (own_origin, StatusCode::OK),
            ("null", StatusCode::FORBIDDEN),
            ("https://evil.example", StatusCode::FORBIDDEN),
        ] {
            let form = Request::builder()
                .uri("/fine")
                .method("POST")
                .header(header::HOST, "127.0.0.1:8080")
                .header(header::ORIGIN, origin);
            let (response, text) = answer(form).await;
            assert_eq!(response.status(), status, "{origin}: {text}");
        }
    }

    #[tokio::test]
    async fn foreign_hosts_and_origins_are_refused() {
        for (name, value) in [
            (header::HOST, "evil.example"),
            (header::ORIGIN, "https://evil.example"),
        ] {
            let (response, text) =
                answer(Request::builder().uri("/fine").header(name, value)).await;
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{text}");
            assert!(text.contains("urn:sudor:problem:forbidden"), "{text}");
        }
    }
}
