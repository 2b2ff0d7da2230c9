//! Registering athletes, and linking their accounts at providers.
//!
//! Writes go to the registry first and to the log after: an athlete that exists without a profile
//! is fine, an event of an athlete who does not exist is not. Every write can be repeated, which is
//! what a client does that got no answer.
//!
//! Invariant: tokens go to the vault and nowhere else, neither to the log nor into an answer.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use edge::Problem;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::app;
use crate::json::members;
use crate::names::{TENANT, is_account_id, is_athlete_id, provider};
use crate::port::{AthleteRef, Change, RegistryError, Tokens};
use crate::receive::Connectors;

/// When to come again after the registry could not be written.
const RETRY_AFTER: std::time::Duration = std::time::Duration::from_secs(5);

#[derive(Serialize, ToSchema)]
pub(crate) struct Registered {
    athlete_id: String,
}

/// Registers an athlete, with or without the fields of a profile.
#[utoipa::path(
    put,
    path = "/v1/athletes/{athlete_id}",
    tag = "accounts", security(("api_key" = ["ingest"])),
    params(("athlete_id" = String, Path, description = "1 to 64 of A-Z a-z 0-9 . _ ~ -")),
    request_body(content = Object, description = "{} or profile fields", content_type = "application/json"),
    responses(
        (status = 200, description = "known before", body = Registered),
        (status = 201, description = "registered", body = Registered),
        (status = 400, description = "malformed", body = Problem),
        (status = 503, description = "not stored; send it again", body = Problem),
    )
)]
pub(crate) async fn put_athlete(
    State(connectors): State<Connectors>,
    Path(athlete_id): Path<String>,
    request: Request,
) -> Result<(StatusCode, Json<Registered>), Problem> {
    let (delivery, bytes) = connectors.arrive(app::receive::SOURCE, request).await?;
    let athlete = athlete_named(&athlete_id)?;
    let body = serde_json::from_slice::<&RawValue>(&bytes)
        .ok()
        .filter(|body| members(body).is_some())
        .ok_or_else(|| Problem::bad_request("the body is no JSON object"))?;

    let registry = connectors.ports.registry.clone();
    let (who, at) = (athlete.clone(), delivery.received_at);
    let change = blocking(move || registry.register(&who, at)).await?;
    if let Some(event) = app::receive::profile_event(body, at, &athlete) {
        connectors
            .receive(delivery, vec![event], Vec::new())
            .await?;
    }
    Ok((status(change), Json(Registered { athlete_id })))
}

/// What a client says of an account.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Connection {
    account_id: String,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    access_token: Option<SecretText>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    refresh_token: Option<SecretText>,
    /// Unix seconds.
    #[serde(default)]
    expires_at: Option<i64>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    scopes: Option<Scopes>,
}

/// A text that is wrapped before anything else can see it.
struct SecretText(SecretString);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

/// Scopes come as a list, or as OAuth writes them: one text with commas or spaces.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scopes {
    List(Vec<String>),
    Text(String),
}

impl Scopes {
    fn into_list(self) -> Vec<String> {
        match self {
            Self::List(list) => list,
            Self::Text(text) => text
                .split([',', ' '])
                .filter(|scope| !scope.is_empty())
                .map(str::to_owned)
                .collect(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Linked {
    athlete_id: String,
    provider: &'static str,
    account_id: String,
}

/// Links an athlete's account at a provider. Several athletes may have the same one.
#[utoipa::path(
    put,
    path = "/v1/athletes/{athlete_id}/connections/{provider}",
    tag = "accounts", security(("api_key" = ["ingest"])),
    params(
        ("athlete_id" = String, Path, description = "a registered athlete"),
        ("provider" = String, Path, description = "garmin, strava or healthkit"),
    ),
    request_body = Connection,
    responses(
        (status = 200, description = "linked before", body = Linked),
        (status = 201, description = "linked", body = Linked),
        (status = 400, description = "malformed", body = Problem),
        (status = 404, description = "unknown athlete or provider", body = Problem),
        (status = 409, description = "too many links", body = Problem),
        (status = 503, description = "not stored; send it again", body = Problem),
    )
)]
pub(crate) async fn put_connection(
    State(connectors): State<Connectors>,
    Path((athlete_id, provider_name)): Path<(String, String)>,
    request: Request,
) -> Result<(StatusCode, Json<Linked>), Problem> {
    let (athlete, request) = known_athlete(&connectors, &athlete_id, request).await?;
    let provider = provider(&provider_name)?;
    let (delivery, bytes) = connectors.arrive(provider, request).await?;
    let connection = serde_json::from_slice::<Connection>(&bytes)
        .ok()
        .filter(|connection| is_account_id(&connection.account_id))
        .ok_or_else(|| {
            Problem::bad_request("the body needs an `account_id` of 1 to 128 characters")
        })?;
    let account_id = connection.account_id.clone();

    let change = blocking({
        let (connectors, athlete) = (connectors.clone(), athlete.clone());
        move || {
            link(
                &connectors,
                &athlete,
                provider,
                connection,
                delivery.received_at,
            )
        }
    })
    .await?;
    connectors
        .ports
        .linked
        .account_linked(&athlete, provider, &account_id);
    Ok((
        status(change),
        Json(Linked {
            athlete_id,
            provider,
            account_id,
        }),
    ))
}

/// Tokens first: a link whose tokens were lost would look whole, and the other way round the client
/// simply tries again.
fn link(
    connectors: &Connectors,
    athlete: &AthleteRef,
    provider: &str,
    connection: Connection,
    at: edge::UnixMicros,
) -> Result<Change, RegistryError> {
    let account_id = connection.account_id;
    if connection.access_token.is_some() || connection.refresh_token.is_some() {
        let tokens = Tokens {
            access_token: connection.access_token.map(|token| token.0),
            refresh_token: connection.refresh_token.map(|token| token.0),
            expires_at_unix_s: connection.expires_at,
            scopes: connection.scopes.map(Scopes::into_list).unwrap_or_default(),
        };
        connectors
            .ports
            .vault
            .seal(athlete, provider, &account_id, &tokens)?;
    }
    connectors
        .ports
        .registry
        .link(athlete, provider, &account_id, at)
}

/// The registered athlete of a path, or 404 with the body read away.
pub(crate) async fn known_athlete(
    connectors: &Connectors,
    athlete_id: &str,
    request: Request,
) -> Result<(AthleteRef, Request), Problem> {
    let known = athlete_named(athlete_id)
        .ok()
        .filter(|athlete| connectors.ports.registry.athlete_exists(athlete));
    match known {
        Some(athlete) => Ok((athlete, request)),
        None => {
            let (parts, body) = request.into_parts();
            edge::body::discard(&parts.headers, body).await;
            Err(Problem::not_found("there is no athlete of this id"))
        }
    }
}

fn athlete_named(athlete_id: &str) -> Result<AthleteRef, Problem> {
    if is_athlete_id(athlete_id) {
        return Ok(AthleteRef::new(TENANT, athlete_id));
    }
    Err(Problem::bad_request(
        "an athlete's id is 1 to 64 of A-Z a-z 0-9 . _ ~ -",
    ))
}

fn status(change: Change) -> StatusCode {
    match change {
        Change::Created => StatusCode::CREATED,
        Change::Updated => StatusCode::OK,
    }
}

/// Runs a durable write where blocking is allowed.
pub(crate) async fn blocking<T: Send + 'static>(
    write: impl FnOnce() -> Result<T, RegistryError> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(write).await {
        Ok(Ok(written)) => Ok(written),
        Ok(Err(RegistryError::TooMany { limit })) => {
            Err(Problem::conflict(format!("a limit is reached: {limit}")))
        }
        Ok(Err(error)) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(%error, cause, "an account was not written");
            Err(Problem::unavailable(
                "the accounts could not be written",
                RETRY_AFTER,
            ))
        }
        Err(error) => {
            tracing::error!(%error, "writing an account panicked");
            Err(Problem::internal())
        }
    }
}
