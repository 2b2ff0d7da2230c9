//! The live feed, and dead letters with the way to send them in again.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use edge::Problem;
use sinks_store::{ListQuery, Table};

use super::failure::{Failure, Shown, shown};
use super::text::moment;
use super::view::{Frame, Row, made};
use crate::caller::Caller;
use crate::dto::LettersPageParams;
use crate::state::Api;
use edge::auth::Scope;

const LETTERS: usize = 50;
/// Of a body, what is shown.
const BODY_CHARS: usize = 2_000;

#[derive(Template)]
#[template(path = "live.html")]
struct LivePage {
    frame: Frame,
}

pub(super) async fn live() -> Shown {
    Ok(shown(&LivePage {
        frame: Frame::of("Live", "live"),
    }))
}

struct Letter {
    id: String,
    source: String,
    kind: String,
    reason: String,
    detail: String,
    whose: String,
    received: String,
    attempts: i64,
    stage: String,
    body: String,
    waiting: bool,
}

#[derive(Template)]
#[template(path = "letters.html")]
struct LettersPage {
    frame: Frame,
    letters: Vec<Letter>,
    all: bool,
    replayed: Option<String>,
    may_replay: bool,
}

pub(super) async fn dead_letters(
    State(api): State<Api>,
    caller: Caller,
    Query(params): Query<LettersPageParams>,
) -> Shown {
    let page = made(&api, move |api| {
        let all = params.all.is_some();
        let query = ListQuery {
            include_retracted: all,
            ..ListQuery::all(Table::DeadLetters, &api.tenant_id, LETTERS)
        };
        let rows = super::view::rows(api, &query)?;
        Ok(LettersPage {
            frame: Frame::of("Dead letters", "dead-letters"),
            letters: rows.iter().map(letter).collect(),
            all,
            replayed: params.replayed,
            may_replay: caller.0.has(Scope::Admin),
        })
    });
    Ok(shown(&page.await?))
}

fn letter(row: &Row) -> Letter {
    let whose = match (row.text("athlete_id"), row.text("account_id")) {
        (athlete, _) if !athlete.is_empty() => athlete,
        (_, account) if !account.is_empty() => format!("account {account}"),
        _ => "nobody known".to_owned(),
    };
    let bytes = base64::engine::general_purpose::STANDARD.decode(row.text("body_base64"));
    let text = String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
    let pretty = serde_json::from_str::<serde_json::Value>(&text).ok();
    let pretty = pretty
        .and_then(|value| serde_json::to_string_pretty(&value).ok())
        .unwrap_or(text);
    let mut body: String = pretty.chars().take(BODY_CHARS).collect();
    if body.len() < pretty.len() {
        body.push('…');
    }
    Letter {
        id: row.text("id"),
        source: row.text("source"),
        kind: row.text("kind"),
        reason: row.text("reason").replace('_', " "),
        detail: row.text("detail"),
        whose,
        received: moment(&row.text("received_at")),
        attempts: row.int("attempts").unwrap_or(0),
        stage: row.text("stage"),
        body,
        waiting: row.live(),
    }
}

/// What the button of the page does; the route of the API answers programs.
pub(super) async fn replay(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    use crate::ports::ReplayError;
    let done = api.replay.replay(&id).await;
    match done {
        Ok(()) => Ok(Redirect::to(&format!("/dead-letters?replayed={id}")).into_response()),
        Err(ReplayError::NotFound) => Err(Problem::not_found("no dead letter has this id").into()),
        Err(ReplayError::AlreadyReplayed) => {
            Err(Problem::conflict("this dead letter was sent in again before").into())
        }
        Err(ReplayError::Unavailable(error)) => {
            tracing::warn!(%error, "a dead letter could not be sent in again");
            let detail = "the log does not take it now; nothing was changed";
            Err(Problem::unavailable(detail, crate::state::RETRY_AFTER).into())
        }
    }
}
