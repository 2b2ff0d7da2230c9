//! Every revision and withdrawal as it happens: `GET /v1/stream`, as server-sent events.
//!
//! ```text
//! id: <signed position>          what Last-Event-ID sends back
//! event: SessionRevised          the record's name
//! data: {"session_id":…}         the row, as the lists show it
//! ```
//!
//! A reader is served from the log, not from a queue in memory: it may be cut anywhere and goes on
//! behind the last event it read, without a gap and without a repeat, also after a restart of the
//! service. Without a position it begins at the earliest record that is kept.
//!
//! Invariants:
//! * an event is sent when the store has its row, so that what it names can be read;
//! * the events of an athlete come in the order of the log;
//! * each reader costs one page of memory and a short queue; one that takes nothing for too long is
//!   told so and cut, and loses nothing;
//! * a position that was not signed here, or is not kept any more, is refused with the earliest one.

mod feed;
mod position;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use edge::Problem;
use schemas::topic;
use tokio::sync::Semaphore;

use crate::caller::Caller;
use crate::dto::StreamParams;
use crate::state::{Api, problem};

pub use feed::{FactPage, FactRecord, Facts, Growth, Wanted};
pub use position::{Positions, Signer};

/// Readers at a time.
const READERS_MAX: usize = 256;
const READERS_RETRY_AFTER: Duration = Duration::from_secs(5);

/// Words of `types`, and their topics.
const TYPES: [(&str, &str); 5] = [
    ("recommendations", topic::RECOMMENDATIONS),
    ("sessions", topic::SESSIONS),
    ("nights", topic::NIGHTS),
    ("sweat-losses", topic::SWEAT_LOSSES),
    ("profiles", topic::PROFILES),
];

/// The stream's part of the API's state.
pub(crate) struct Streams {
    pub(crate) facts: Arc<dyn Facts>,
    pub(crate) signer: Signer,
    readers: Arc<Semaphore>,
}

impl Streams {
    pub(crate) fn new(facts: Arc<dyn Facts>, signer: Signer) -> Self {
        let readers = Arc::new(Semaphore::new(READERS_MAX));
        Self {
            facts,
            signer,
            readers,
        }
    }
}

/// Every revision and withdrawal as it happens, as server-sent events.
///
/// Events are named by their record (`SessionRevised`, `SessionRetracted`, `RecommendationIssued`,
/// `RecommendationSuperseded`, `RecommendationCancelled`, …); `data` is the row as the lists show it.
/// `id` is an opaque position: sent back as `Last-Event-ID`, the stream goes on behind it without a gap
/// and without a repeat. Without one it begins at the earliest record that is kept (`from=latest`: with
/// what comes from now on). Silence is broken by a heartbeat every 15 s, which carries a position too.
/// A reader that takes nothing for 30 s gets the event `StreamEnded`, and may go on where it was.
#[utoipa::path(get, path = "/v1/stream", tag = "stream", security(("api_key" = ["read:athlete"])),
    params(StreamParams, ("last-event-id" = Option<String>, Header, description = "`id` of the last event that was read")),
    responses((status = 200, content_type = "text/event-stream", body = String),
        (status = 410, description = "the position is unknown or not kept any more; `earliest` is", body = Problem)))]
pub(crate) async fn stream(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    params: Result<Query<StreamParams>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(params) = params.map_err(|error| Problem::bad_request(error.body_text()))?;
    let topics = topics(params.types.as_deref())?;
    let athlete = whose(&caller, params.athlete)?;
    let latest = match params.from.as_deref() {
        None | Some("earliest") => false,
        Some("latest") => true,
        Some(_) => return Err(Problem::bad_request("`from` is `earliest` or `latest`")),
    };
    let sent = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let sent = sent
        .map(str::to_owned)
        .or(params.cursor)
        .filter(|id| !id.is_empty());
    let place = Arc::clone(&api.streams.readers).try_acquire_owned();
    let place = place.map_err(|_full| {
        Problem::unavailable("too many readers of the stream", READERS_RETRY_AFTER)
    })?;
    let wanted = Wanted {
        topics,
        key: athlete
            .as_ref()
            .map(|athlete| format!("{}/{athlete}", api.tenant_id)),
    };
    let begin = api
        .read(move |api| {
            if let Some(athlete) = &athlete {
                api.known(athlete)?;
            }
            begin(api, sent.as_deref(), latest)
        })
        .await?;
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, feed::body(api, wanted, begin, place)).into_response())
}

fn topics(types: Option<&str>) -> Result<Vec<&'static str>, Problem> {
    let Some(types) = types else {
        return Ok(TYPES.iter().map(|(_, topic)| *topic).collect());
    };
    let of_word = |word: &str| {
        let known = TYPES.iter().find(|(name, _)| *name == word.trim());
        known.map(|(_, topic)| *topic).ok_or_else(|| {
            let names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
            Problem::bad_request(format!("`types` knows {}", names.join(", ")))
        })
    };
    let wanted: BTreeSet<&str> = types.split(',').map(of_word).collect::<Result<_, _>>()?;
    Ok(wanted.into_iter().collect())
}

/// A key that is bound to an athlete streams that athlete, asked for or not.
fn whose(caller: &Caller, asked: Option<String>) -> Result<Option<String>, Problem> {
    let athlete = asked.or_else(|| caller.0.athlete_id.clone());
    if athlete
        .as_ref()
        .is_some_and(|athlete| !caller.may_read(athlete))
    {
        return Err(Problem::not_found("no athlete has this id"));
    }
    Ok(athlete)
}

fn begin(api: &Api, sent: Option<&str>, latest: bool) -> Result<Positions, Problem> {
    let streams = &api.streams;
    let earliest = streams.facts.earliest().map_err(problem)?;
    let Some(sent) = sent else {
        return if latest {
            streams.facts.readable().map_err(problem)
        } else {
            Ok(earliest)
        };
    };
    let end = streams.facts.end().map_err(problem)?;
    let known = streams.signer.read(sent);
    known
        .filter(|at| at.is_within(&earliest, &end))
        .ok_or_else(|| {
            let cursor = serde_json::Value::from(streams.signer.write(&earliest));
            Problem::gone(
                "this position is unknown or not kept any more; `earliest` is the first one",
            )
            .with("earliest", cursor)
        })
}
