//! Every refusal, as `application/problem+json` (RFC 9457).
//!
//! It is not the error type of a stage: a stage keeps its own error and says here, at the border,
//! what the sender may know of it.
//!
//! Invariants: one constructor per word of the published vocabulary; a refusal that may be tried
//! again says when; no detail carries what was sent, so that a token in a payload is not echoed.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// The published name of a problem, from its word.
macro_rules! urn {
    ($word:literal) => {
        concat!("urn:sudor:problem:", $word)
    };
}

const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Problem {
    /// `urn:sudor:problem:` and a word.
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    /// The request, as the access log names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// Further members, such as `rejected`.
    #[serde(flatten)]
    members: BTreeMap<String, Value>,
    #[serde(skip)]
    #[schema(ignore)]
    retry_after_s: Option<NonZeroU64>,
}

impl Problem {
    fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            title,
            status: status.as_u16(),
            detail: detail.into(),
            instance: None,
            members: BTreeMap::new(),
            retry_after_s: None,
        }
    }

    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            urn!("bad_request"),
            "the request is malformed",
            detail,
        )
    }

    pub fn unauthorised(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            urn!("unauthorised"),
            "credentials are missing or not valid",
            detail,
        )
    }

    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            urn!("forbidden"),
            "this is not allowed",
            detail,
        )
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            urn!("not_found"),
            "there is no such thing here",
            detail,
        )
    }

    pub fn method_not_allowed(detail: impl Into<String>) -> Self {
        let title = "the route has no such method";
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            urn!("method_not_allowed"),
            title,
            detail,
        )
    }

    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            urn!("conflict"),
            "this contradicts what is stored",
            detail,
        )
    }

    pub fn gone(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::GONE,
            urn!("gone"),
            "this is not kept any more",
            detail,
        )
    }

    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            urn!("too_large"),
            "the body is too large",
            detail,
        )
    }

    pub fn unsupported_media_type(detail: impl Into<String>) -> Self {
        let title = "this content type is not read here";
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            urn!("unsupported_media_type"),
            title,
            detail,
        )
    }

    /// `rejected` says of each item why.
    pub fn all_items_rejected(rejected: Value) -> Self {
        let title = "no item could be accepted";
        let detail = "every item was rejected; `rejected` says why";
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            urn!("all_items_rejected"),
            title,
            detail,
        )
        .with("rejected", rejected)
    }

    pub fn rate_limited(detail: impl Into<String>, retry_after: Duration) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            urn!("rate_limited"),
            "too many requests",
            detail,
        )
        .retry_after(retry_after)
    }

    /// Nothing of the request was kept; the same request may succeed later.
    pub fn unavailable(detail: impl Into<String>, retry_after: Duration) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            urn!("unavailable"),
            "try again later",
            detail,
        )
        .retry_after(retry_after)
    }

    pub fn not_supported(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            urn!("not_supported"),
            "this is not built yet",
            detail,
        )
    }

    /// The cause belongs in the log, not in the answer.
    pub fn internal() -> Self {
        let detail = "something went wrong on this side; the log has it under this instance";
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            urn!("internal"),
            "internal error",
            detail,
        )
    }

    /// Adds a member beside the standard ones.
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.members.insert(name.to_owned(), value);
        self
    }

    /// Whole seconds, rounded up and never 0: a zero would invite an immediate retry.
    fn retry_after(mut self, wait: Duration) -> Self {
        let partial = u64::from(wait.subsec_nanos() > 0);
        let seconds = wait.as_secs().saturating_add(partial);
        self.retry_after_s = Some(NonZeroU64::new(seconds).unwrap_or(NonZeroU64::MIN));
        self
    }

    /// Names the request that was refused.
    pub fn of_request(mut self, request_id: &str) -> Self {
        self.instance = Some(format!("urn:sudor:request:{request_id}"));
        self
    }

    pub fn detail(&self) -> &str {
        &self.detail
    }

    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, MEDIA_TYPE);
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.get()));
        }
        // Kept beside its own text, so that the outermost layer can name the request in it.
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(problem: &Problem) -> String {
        serde_json::to_string(problem).unwrap()
    }

    #[test]
    fn a_problem_has_the_standard_members_and_its_own() {
        let problem = Problem::all_items_rejected(serde_json::json!([1])).of_request("r1");
        assert_eq!(
            shown(&problem),
            r#"{"type":"urn:sudor:problem:all_items_rejected","title":"no item could be accepted","status":422,"detail":"every item was rejected; `rejected` says why","instance":"urn:sudor:request:r1","rejected":[1]}"#
        );
    }

    #[test]
    fn what_may_be_retried_says_when_in_whole_seconds() {
        for (wait_ms, seconds) in [(0, "1"), (1, "1"), (1000, "1"), (1001, "2")] {
            let problem = Problem::unavailable("busy", Duration::from_millis(wait_ms));
            let response = problem.into_response();
            assert_eq!(response.headers()[header::RETRY_AFTER], seconds);
            assert_eq!(
                response.headers()[header::CONTENT_TYPE],
                "application/problem+json"
            );
        }
    }
}
