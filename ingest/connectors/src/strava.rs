//! Strava: a webhook whose events are hints, and a client that fetches what they hint at.
//!
//! ```text
//! GET  /webhooks/strava/{secret}?hub.mode=subscribe&…   the handshake of a subscription
//! POST /webhooks/strava/{secret}  {"object_type":…}     an event: kept, acknowledged, fetched later
//! GET  {api_url}/activities/{id}                        the activity, under a budget of the application
//! POST {oauth_url}/token                                a new access token, and perhaps a refresh token
//! ```
//!
//! An event has no id and no content. It is sent at most three times and then lost, so it is durable
//! before it is acknowledged; what it says is checked by asking.
//!
//! It is not: a reader of activities. Their JSON goes into the log as it came.
//!
//! Invariants: ids are texts, because Strava's own examples do not fit into 64 bits; a refresh token
//! is sealed before anything is done with the access token that came with it.

pub(crate) mod client;
pub(crate) mod event;
pub(crate) mod receive;
pub(crate) mod tokens;

use axum::http::HeaderName;
use secrecy::SecretString;

pub(crate) const SOURCE: &str = "strava";

/// Strava signs some of its events. How is not written down, so it is kept and not judged.
pub(crate) const SIGNATURE: HeaderName = HeaderName::from_static("x-strava-signature");

/// What an operator decides about Strava.
#[derive(Clone, Debug)]
pub struct StravaSettings {
    /// The last segment of the webhook's path.
    pub secret: SecretString,
    /// What the handshake has to bring.
    pub verify_token: SecretString,
    /// Events of other subscriptions are refused; 0 takes any.
    pub subscription_id: u64,
    pub client_id: String,
    pub client_secret: SecretString,
    /// Trusted as it is, also on loopback.
    pub api_url: String,
    pub oauth_url: String,
    /// Whether series of samples are fetched when the budget has room.
    pub streams: bool,
}
