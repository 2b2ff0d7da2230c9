//! The pages for people.

use axum::http::Method;
use edge::auth::{Access, Scope};

/// Where a browser without a key is sent.
pub const LOGIN: &str = "/login";

/// What the pages need, and what is open to everybody.
pub fn pages_access(mut access: Access) -> Access {
    for open in ["/openapi.json", "/docs", "/docs/", "/docs/{*rest}", LOGIN] {
        access = access.also(&Method::GET, open, &[]);
    }
    access.also(&Method::GET, "/", &[Scope::ReadAthlete])
}
