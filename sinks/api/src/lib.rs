//! What people read over HTTP: the rows of a store, the state of the pipeline, and the metrics.
//!
//! A crate of its own because it carries the web framework. It writes nothing but the wish to send a
//! dead letter in again, and it sees a store, a directory and a count only through ports.
//!
//! Invariants:
//! * bodies of rows are passed through as the store has them;
//! * a list is a page with a limit, and a cursor fits only the list it came from;
//! * what is not built yet says so with 501, never with an empty answer.

mod athletes;
mod caller;
mod console;
mod cursor;
mod dead_letters;
mod docs;
pub mod dto;
mod explain;
mod lists;
pub mod metrics;
mod one;
mod operations;
mod params;
mod ports;
mod state;
mod stream;
#[cfg(test)]
mod tests;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use console::{LOGIN, pages_access};
pub use docs::{document, openapi_route};
pub use ports::{
    AthleteEntry, Directory, Explain, FetchState, Fetches, Quality, Readiness, Replay, ReplayError,
    ReplayFuture, Views, Vocabulary, Words,
};
pub use state::{Api, Ports, READS_MAX};
pub use stream::{FactPage, FactRecord, Facts, Growth, Positions, Signer, Wanted};

/// Every route of this crate, with its description. The root merges it with those of the others.
pub fn router(state: Api) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(athletes::athletes))
        .routes(routes!(lists::sessions))
        .routes(routes!(lists::nights))
        .routes(routes!(lists::sweat_losses))
        .routes(routes!(lists::recommendations))
        .routes(routes!(lists::timeline))
        .routes(routes!(athletes::profile))
        .routes(routes!(one::session))
        .routes(routes!(one::night))
        .routes(routes!(one::sweat_loss))
        .routes(routes!(one::recommendation))
        .routes(routes!(operations::quality))
        .routes(routes!(dead_letters::dead_letters))
        .routes(routes!(dead_letters::dead_letter))
        .routes(routes!(dead_letters::replay))
        .routes(routes!(operations::metrics))
        .routes(routes!(operations::livez))
        .routes(routes!(operations::readyz))
        .routes(routes!(explain::session))
        .routes(routes!(explain::loss))
        .routes(routes!(explain::recommendation))
        .routes(routes!(stream::stream))
        .layer(axum::middleware::from_fn(lists::views_are_of_sessions))
        .merge(OpenApiRouter::from(console::pages()))
        .with_state(state)
}
