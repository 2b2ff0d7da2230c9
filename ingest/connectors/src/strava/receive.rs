//! The webhook: the handshake, and the events.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, Request, State};
use edge::Problem;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::event::Event;
use super::{SOURCE, StravaSettings};
use crate::accounts::blocking;
use crate::receive::{Connectors, Delivery, Item, Receipt};
use crate::redact::redacted;

pub(crate) const KIND: &str = "event";

/// An event has a few short members; one of 16 KiB is something else.
const EVENT_BYTES_MAX: usize = 16 * 1024;

/// Strava waits two seconds, and counts the way there and back.
const ANSWER_WITHIN: Duration = Duration::from_millis(1_700);

/// When to come again; Strava has its own idea of it.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What a handshake brings.
#[derive(Deserialize)]
pub(crate) struct Handshake {
    #[serde(rename = "hub.mode")]
    mode: Option<String>,
    #[serde(rename = "hub.challenge")]
    challenge: Option<String>,
    #[serde(rename = "hub.verify_token")]
    verify_token: Option<String>,
}

/// The challenge, back.
#[derive(Serialize, ToSchema)]
pub(crate) struct Challenge {
    #[serde(rename = "hub.challenge")]
    challenge: String,
}

/// Strava asks whether we asked for a subscription.
#[utoipa::path(
    get,
    path = "/webhooks/strava/{secret}",
    tag = "in", security(()),
    params(
        ("secret" = String, Path, description = "the configured secret"),
        ("hub.mode" = Option<String>, Query, description = "`subscribe`"),
        ("hub.challenge" = Option<String>, Query, description = "any text"),
        ("hub.verify_token" = Option<String>, Query, description = "the configured token"),
    ),
    responses(
        (status = 200, description = "it was us", body = Challenge),
        (status = 403, description = "it was not", body = Problem),
        (status = 404, description = "no such webhook", body = Problem),
    )
)]
pub(crate) async fn get_strava(
    State(connectors): State<Connectors>,
    Path(secret): Path<String>,
    Query(asked): Query<Handshake>,
) -> Result<Json<Challenge>, Problem> {
    let settings = settings_of(&connectors, &secret)?;
    let token = asked.verify_token.unwrap_or_default();
    let is_ours = edge::secret::is_secret(&token, &settings.verify_token);
    match asked.challenge {
        Some(challenge) if is_ours && asked.mode.as_deref() == Some("subscribe") => {
            Ok(Json(Challenge { challenge }))
        }
        _ => Err(Problem::forbidden(
            "this is no handshake of our subscription",
        )),
    }
}

/// Strava tells that something changed.
#[utoipa::path(
    post,
    path = "/webhooks/strava/{secret}",
    tag = "in", security(()),
    params(("secret" = String, Path, description = "the configured secret")),
    request_body(content = Object, description = "one event", content_type = "application/json"),
    responses(
        (status = 200, description = "the event is durable", body = Receipt),
        (status = 400, description = "not an event", body = Problem),
        (status = 403, description = "another subscription", body = Problem),
        (status = 404, description = "no such webhook", body = Problem),
        (status = 413, description = "too large", body = Problem),
        (status = 415, description = "not JSON", body = Problem),
        (status = 503, description = "not stored; send it again", body = Problem),
    )
)]
pub(crate) async fn post_strava(
    State(connectors): State<Connectors>,
    Path(secret): Path<String>,
    request: Request,
) -> Result<Json<Receipt>, Problem> {
    let ours = match settings_of(&connectors, &secret) {
        Ok(settings) => settings.subscription_id,
        Err(problem) => {
            let (parts, body) = request.into_parts();
            edge::body::discard(&parts.headers, body).await;
            return Err(problem);
        }
    };
    let (delivery, bytes) = connectors
        .arrive_within(SOURCE, request, EVENT_BYTES_MAX)
        .await?;
    let body: &RawValue =
        serde_json::from_slice(&bytes).map_err(|_| Problem::bad_request("the body is no JSON"))?;
    let event =
        Event::of(body).ok_or_else(|| Problem::bad_request("the body is no event of Strava"))?;
    if ours != 0 && event.subscription_id.as_deref() != Some(ours.to_string().as_str()) {
        return Err(Problem::forbidden("the event is of another subscription"));
    }
    let kept = keep(connectors.clone(), delivery, event, body);
    match tokio::time::timeout(ANSWER_WITHIN, kept).await {
        Ok(receipt) => receipt.map(Json),
        Err(_) => Err(Problem::unavailable(
            "the event was not stored in time",
            RETRY_AFTER,
        )),
    }
}

/// Durable first; only then does a withdrawal end the link, so that a crash in between makes Strava
/// tell it again.
async fn keep(
    connectors: Connectors,
    mut delivery: Delivery,
    event: Event,
    body: &RawValue,
) -> Result<Receipt, Problem> {
    let leaving = event.is_deauthorisation();
    let registry = connectors.ports.registry.clone();
    let owner_id = event.owner_id;
    let at = delivery.received_at;
    delivery.event_at = event.event_at;
    let owners = owner_id
        .as_deref()
        .map(|id| registry.athletes_linked(SOURCE, id))
        .unwrap_or_default();
    let item = Item {
        kind: KIND.to_owned(),
        account_id: owner_id.clone(),
        provider_id: event.object_id,
        owners,
        body: redacted(body).into_owned(),
    };
    let receipt = connectors.receive(delivery, vec![item], Vec::new()).await?;
    if let Some(account_id) = owner_id.filter(|_| leaving) {
        blocking(move || registry.deregister(SOURCE, &account_id, at)).await?;
    }
    Ok(receipt)
}

/// A wrong secret and a webhook that is off answer alike: there is nothing here.
fn settings_of<'a>(
    connectors: &'a Connectors,
    secret: &str,
) -> Result<&'a StravaSettings, Problem> {
    connectors
        .settings
        .strava
        .as_ref()
        .filter(|settings| edge::secret::is_secret(secret, &settings.secret))
        .ok_or_else(|| Problem::not_found("there is no such webhook"))
}
