//! A page that could not be made: the problem, as a page.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use edge::Problem;

use super::view::Frame;

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage {
    frame: Frame,
    status: u16,
    detail: String,
}

pub(super) struct Failure(Problem);

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = self.0.status();
        let page = FailurePage {
            frame: Frame::of("Not here", ""),
            status: status.as_u16(),
            detail: self.0.detail().to_owned(),
        };
        (status, shown(&page)).into_response()
    }
}

/// A template of ours that fails is a defect.
pub(super) fn shown(page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be made");
            Problem::internal().into_response()
        }
    }
}

pub(super) type Shown = Result<Response, Failure>;
