//! Who asks, in a handler: the grant that the guard left with the request.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use edge::Problem;
use edge::auth::{Grant, Scope};

pub(crate) struct Caller(pub(crate) Grant);

impl Caller {
    /// Whether it may be shown this athlete.
    pub(crate) fn may_read(&self, athlete_id: &str) -> bool {
        self.0.has(Scope::ReadAthlete) && self.0.reaches(athlete_id)
    }
}

/// A route that stands outside of the guard is a mistake, and answers nobody.
impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let grant = parts.extensions.get::<Grant>().cloned();
        grant.map(Self).ok_or_else(|| {
            tracing::error!("a request came past the guard");
            Problem::internal()
        })
    }
}
