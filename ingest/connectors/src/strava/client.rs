//! Asks Strava for activities and their streams, one request at a time.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use edge::http::{Answer as HttpAnswer, BuildError, Client, HttpError, Limits};
use edge::{Clock, UnixMicros};
use serde_json::Value;
use serde_json::value::RawValue;

use super::tokens::{TokenKeeper, print};
use super::{SOURCE, StravaSettings};
use crate::fetch::{Fetched, Object, Rate, Rates, Source, Task, TokenPrint, Told, Trace, answers};
use crate::json::members;
use crate::port::{Answer, Registry, RegistryError};
use crate::receive::{Connectors, Item};
use crate::redact::redacted;

const LIMITS: Limits = Limits {
    connect_timeout: Duration::from_secs(5),
    total_timeout: Duration::from_secs(30),
    // A detailed activity with hundreds of laps has about 1 MiB, its streams up to 8.
    body_bytes_max: 16 * 1024 * 1024,
};

/// An id stands in a path: nothing but digits, and not more than any id ever had.
const ID_DIGITS_MAX: usize = 40;

const STREAM_KEYS: &str = "time,distance,latlng,altitude,velocity_smooth,heartrate,cadence,watts,temp,moving,grade_smooth";

pub(crate) struct StravaClient {
    inner: Arc<Inner>,
}

struct Inner {
    http: Client,
    api_url: String,
    tokens: TokenKeeper,
    registry: Arc<dyn Registry>,
    clock: Arc<dyn Clock>,
}

/// What is asked for an activity.
#[derive(Clone, Copy)]
enum Part {
    Activity,
    Streams,
}

impl StravaClient {
    pub(crate) fn new(
        connectors: &Connectors,
        settings: StravaSettings,
    ) -> Result<Self, BuildError> {
        let inner = Inner {
            http: Client::new(LIMITS)?,
            api_url: settings.api_url.trim_end_matches('/').to_owned(),
            tokens: TokenKeeper::new(connectors, settings),
            registry: connectors.ports.registry.clone(),
            clock: connectors.ports.clock.clone(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }
}

impl Source for StravaClient {
    fn name(&self) -> &'static str {
        SOURCE
    }

    fn connector(&self) -> &'static str {
        SOURCE
    }

    fn fetch(&self, task: Task) -> Answer<Fetched> {
        let inner = self.inner.clone();
        Box::pin(async move { inner.ask(Part::Activity, &task.object, task.refused).await })
    }

    fn streams(&self, object: Object) -> Answer<Fetched> {
        let inner = self.inner.clone();
        Box::pin(async move { inner.ask(Part::Streams, &object, None).await })
    }

    /// Nothing is kept for a single activity.
    fn ended(&self, _: String) -> Answer<Result<(), RegistryError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Inner {
    async fn ask(&self, part: Part, object: &Object, refused: Option<TokenPrint>) -> Fetched {
        let is_id = (1..=ID_DIGITS_MAX).contains(&object.id.len())
            && object.id.bytes().all(|byte| byte.is_ascii_digit());
        if !is_id {
            let detail = "the id of the activity is no number";
            return unsent(
                Told::Ended(crate::fetch::Ending::new("failed", detail)),
                None,
            );
        }
        let token = match self
            .tokens
            .access(&self.http, &object.account_id, refused)
            .await
        {
            Ok(token) => token,
            Err(none) => return unsent(none.told, none.status),
        };
        let sent_at = self.clock.now();
        let url = format!("{}/activities/{}", self.api_url, object.id);
        let answer = match part {
            Part::Activity => self.http.get(&url, &[], Some(&token)).await,
            Part::Streams => {
                let query = [("keys", STREAM_KEYS), ("key_by_type", "true")];
                let url = format!("{url}/streams");
                self.http.get(&url, &query, Some(&token)).await
            }
        };
        self.read(part, object, answer, print(&token), sent_at)
    }

    fn read(
        &self,
        part: Part,
        object: &Object,
        answer: Result<HttpAnswer, HttpError>,
        token: TokenPrint,
        sent_at: UnixMicros,
    ) -> Fetched {
        let trace = |rates| Trace {
            sent_at: Some(sent_at),
            rates,
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                tracing::debug!(%error, "Strava did not answer");
                return Fetched {
                    told: answers::of_failure(&error),
                    trace: trace(Rates::default()),
                    status: None,
                    items: Vec::new(),
                };
            }
        };
        let body = (answer.status.as_u16() == 200).then(|| self.item(part, object, &answer.body));
        let (told, items) = match body {
            Some(Some(item)) => (Told::Body, owned(item)),
            Some(None) => {
                let detail = "the answer is no JSON object";
                (Told::Failing(detail.to_owned()), Vec::new())
            }
            None => (told(&answer, token, self.clock.now()), Vec::new()),
        };
        Fetched {
            told,
            trace: trace(rates(&answer.headers)),
            status: Some(answer.status.as_u16()),
            items,
        }
    }

    /// The answer as it came, for everybody who has the account linked.
    fn item(&self, part: Part, object: &Object, body: &[u8]) -> Option<Item> {
        let body: &RawValue = serde_json::from_slice(body).ok()?;
        members(body)?;
        let kind = match part {
            Part::Activity => "activity",
            Part::Streams => "streams",
        };
        Some(Item {
            kind: kind.to_owned(),
            account_id: Some(object.account_id.clone()),
            provider_id: Some(object.id.clone()),
            owners: self.registry.athletes_linked(SOURCE, &object.account_id),
            body: redacted(body).into_owned(),
        })
    }
}

fn unsent(told: Told, status: Option<u16>) -> Fetched {
    Fetched {
        told,
        trace: Trace::default(),
        status,
        items: Vec::new(),
    }
}

fn told(answer: &HttpAnswer, token: TokenPrint, now: UnixMicros) -> Told {
    match answer.status.as_u16() {
        401 => Told::Refused(token),
        403 if is_inactive(&answer.body) => Told::Inactive,
        _ => answers::of_status(answer, now),
    }
}

/// `{"errors":[{"resource":"Application","field":"Status","code":"Inactive"}]}`.
fn is_inactive(body: &[u8]) -> bool {
    errors_of(body).iter().any(|error| {
        let is = |name: &str, word: &str| error.get(name).and_then(Value::as_str) == Some(word);
        is("resource", "Application") && is("field", "Status") && is("code", "Inactive")
    })
}

/// Whether an error is about this resource.
pub(super) fn blames(body: &[u8], resource: &str) -> bool {
    errors_of(body)
        .iter()
        .any(|error| error.get("resource").and_then(Value::as_str) == Some(resource))
}

fn errors_of(body: &[u8]) -> Vec<Value> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let errors = body.get("errors").and_then(Value::as_array);
    errors.cloned().unwrap_or_default()
}

/// `X-RateLimit-Limit: 200,2000` and its like: a quarter hour, a day.
fn rates(headers: &HeaderMap) -> Rates {
    let pair = |name: &str| {
        let text = headers.get(name)?.to_str().ok()?;
        let (quarter, day) = text.split_once(',')?;
        Some([quarter.trim().parse().ok()?, day.trim().parse().ok()?])
    };
    let rate = |limit, usage| {
        Some(Rate {
            limit: pair(limit)?,
            usage: pair(usage)?,
        })
    };
    Rates {
        overall: rate("x-ratelimit-limit", "x-ratelimit-usage"),
        read: rate("x-readratelimit-limit", "x-readratelimit-usage"),
    }
}

/// What nobody has linked any more is nobody's to keep.
fn owned(item: Item) -> Vec<Item> {
    if item.owners.is_empty() {
        return Vec::new();
    }
    vec![item]
}
