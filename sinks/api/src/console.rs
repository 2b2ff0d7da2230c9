//! The console: pages for people, made on the server, with nothing from outside.
//!
//! No page needs a script: one file of ours adds the live feed, the choice of light or dark, and
//! fresh figures on the page of the pipeline. The content policy allows nothing else, and no style or
//! script inside a page.
//!
//! It reads what the API reads, through the same ports, and changes one thing: it can send a dead
//! letter in again.

mod advice;
mod assets;
mod athletes;
mod chart;
mod days;
mod failure;
mod history;
mod login;
mod operations;
mod pipeline;
mod text;
mod view;

use axum::Router;
use axum::http::Method;
use axum::routing::{get, post};
use edge::auth::{Access, Scope};

use crate::state::Api;

/// Where a browser without a key is sent.
pub const LOGIN: &str = "/login";

/// Pages with the scope that each needs.
const PAGES: [(&str, Scope); 9] = [
    ("/", Scope::ReadAthlete),
    ("/athletes/{athlete_id}", Scope::ReadAthlete),
    ("/athletes/{athlete_id}/nights", Scope::ReadAthlete),
    ("/athletes/{athlete_id}/losses", Scope::ReadAthlete),
    ("/athletes/{athlete_id}/profile", Scope::ReadAthlete),
    ("/athletes/{athlete_id}/advice", Scope::ReadAthlete),
    ("/live", Scope::ReadAthlete),
    ("/dead-letters", Scope::ReadAll),
    ("/pipeline", Scope::ReadAll),
];
const REPLAY: &str = "/dead-letters/{id}/replay";

/// What the pages need, and what is open to everybody.
pub fn pages_access(mut access: Access) -> Access {
    let open = [
        "/openapi.json",
        "/docs",
        "/docs/",
        "/docs/{*rest}",
        "/assets/{name}",
        LOGIN,
    ];
    for path in open {
        access = access.also(&Method::GET, path, &[]);
    }
    for (path, scope) in PAGES {
        access = access.also(&Method::GET, path, &[scope]);
    }
    access = access.also(&Method::POST, REPLAY, &[Scope::Admin]);
    access.also(&Method::POST, LOGIN, &[])
}

pub(crate) fn pages() -> Router<Api> {
    Router::new()
        .route("/", get(athletes::page))
        .route("/athletes/{athlete_id}", get(days::page))
        .route("/athletes/{athlete_id}/nights", get(history::nights))
        .route("/athletes/{athlete_id}/losses", get(history::losses))
        .route("/athletes/{athlete_id}/profile", get(history::profile))
        .route("/athletes/{athlete_id}/advice", get(advice::page))
        .route("/live", get(operations::live))
        .route("/dead-letters", get(operations::dead_letters))
        .route(REPLAY, post(operations::replay))
        .route("/pipeline", get(pipeline::page))
        .route("/assets/{name}", get(assets::asset))
        .route(LOGIN, get(login::page).post(login::enter))
}
