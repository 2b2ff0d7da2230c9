//! The route, and how a delivery is split.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::HeaderMap;
use edge::http::AllowList;
use edge::{Problem, UnixMicros};
use serde_json::value::RawValue;

use super::SOURCE;
use super::ping::{KIND as PING, Ping};
use crate::json::{NotElements, elements, id_text, members, pick};
use crate::names::{is_account_id, is_kind, is_provider_id};
use crate::port::{AthleteRef, Callback, Registry};
use crate::receive::{Connectors, ITEMS_MAX, Item, Receipt};
use crate::redact::redacted;

const CLIENT_ID: &str = "garmin-client-id";
const DEREGISTRATIONS: &str = "deregistrations";

/// Garmin pushes summaries, many users in one body.
#[utoipa::path(
    post,
    path = "/webhooks/garmin/{secret}",
    tag = "in", security(()),
    params(("secret" = String, Path, description = "the configured secret")),
    request_body(content = Object, description = "summaries by kind", content_type = "application/json"),
    responses(
        (status = 200, description = "every item is durable", body = Receipt),
        (status = 400, description = "not a Garmin delivery", body = Problem),
        (status = 401, description = "no client id", body = Problem),
        (status = 403, description = "another client id", body = Problem),
        (status = 404, description = "no such webhook", body = Problem),
        (status = 413, description = "too large", body = Problem),
        (status = 415, description = "not JSON", body = Problem),
        (status = 503, description = "not stored; send it again", body = Problem),
    )
)]
pub(crate) async fn post_garmin(
    State(connectors): State<Connectors>,
    Path(secret): Path<String>,
    request: Request,
) -> Result<Json<Receipt>, Problem> {
    if let Err(problem) = verify_sender(&connectors, &secret, request.headers()) {
        let (parts, body) = request.into_parts();
        edge::body::discard(&parts.headers, body).await;
        return Err(problem);
    }
    let (delivery, bytes) = connectors.arrive(SOURCE, request).await?;
    let Split { items, callbacks } = split(&connectors, &bytes)?;
    drop(bytes);
    let leaving = accounts_leaving(&items);
    let at = delivery.received_at;
    if !callbacks.is_empty() {
        // Before the log knows of them: a reference without its address would be lost data.
        let vault = connectors.ports.vault.clone();
        crate::accounts::blocking(move || vault.seal_callbacks(&callbacks, at)).await?;
    }
    let receipt = connectors.receive(delivery, items, Vec::new()).await?;
    if !leaving.is_empty() {
        deregister(&connectors, leaving, at).await?;
    }
    Ok(Json(receipt))
}

/// A wrong secret and a webhook that is off answer alike: there is nothing here.
fn verify_sender(
    connectors: &Connectors,
    secret: &str,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let absent = || Problem::not_found("there is no such webhook");
    let settings = connectors.settings.garmin.as_ref().ok_or_else(absent)?;
    if !edge::secret::is_secret(secret, &settings.secret) {
        return Err(absent());
    }
    let Some(expected) = &settings.client_id else {
        return Ok(());
    };
    match headers.get(CLIENT_ID).map(|sent| sent.to_str()) {
        None => Err(Problem::unauthorised(
            "the header garmin-client-id is missing",
        )),
        Some(Ok(sent)) if edge::secret::is_secret(sent, &expected.as_str().into()) => Ok(()),
        Some(_) => Err(Problem::forbidden(
            "the header garmin-client-id names another client",
        )),
    }
}

/// What a delivery is made of.
struct Split {
    items: Vec<Item>,
    /// The addresses of its pings.
    callbacks: Vec<Callback>,
}

/// The items of a delivery, or why it is none of Garmin's. What is inside of an item is no reason.
fn split(connectors: &Connectors, bytes: &[u8]) -> Result<Split, Problem> {
    let delivery: &RawValue =
        serde_json::from_slice(bytes).map_err(|_| Problem::bad_request("the body is no JSON"))?;
    let kinds = members(delivery)
        .ok_or_else(|| Problem::bad_request("the body is no object of summary kinds"))?;
    let mut links = Links::new(connectors.ports.registry.as_ref());
    let nowhere = AllowList::default();
    let settings = connectors.settings.garmin.as_ref();
    let allowed = settings.map_or(&nowhere, |settings| &settings.callback_hosts);
    let mut items = Vec::new();
    let mut callbacks = Vec::new();
    for (kind, summaries) in kinds {
        if !is_kind(&kind) {
            return Err(Problem::bad_request("a summary kind is not a plain word"));
        }
        let room = ITEMS_MAX.saturating_sub(items.len());
        let summaries = elements(summaries, room).map_err(|error| match error {
            NotElements::NoArray => Problem::bad_request(format!("`{kind}` is no array")),
            NotElements::TooMany => {
                Problem::too_large(format!("a delivery has at most {ITEMS_MAX} items"))
            }
        })?;
        for summary in summaries {
            let (item, callback) = ping_or_summary(&kind, summary, &mut links, allowed);
            items.push(item);
            callbacks.extend(callback);
        }
    }
    Ok(Split { items, callbacks })
}

fn ping_or_summary(
    kind: &str,
    summary: &RawValue,
    links: &mut Links<'_>,
    allowed: &AllowList,
) -> (Item, Option<Callback>) {
    let mut item = item(kind, summary, None, links);
    match Ping::of(kind, summary, item.account_id.as_deref(), allowed) {
        Some(ping) => {
            item.kind = PING.to_owned();
            item.provider_id = Some(ping.provider_id);
            item.body = ping.body;
            (item, ping.callback)
        }
        None => (item, None),
    }
}

/// The summaries that a pull brought: of the ping's kind, or of kinds like a delivery.
pub(super) fn summaries(
    kind: &str,
    body: &RawValue,
    account_id: &str,
    links: &mut Links<'_>,
) -> Result<Vec<Item>, NotSummaries> {
    let kinds = match members(body) {
        Some(kinds) => kinds,
        None => vec![(kind.into(), body)],
    };
    let mut items = Vec::new();
    for (kind, summaries) in kinds {
        if !is_kind(&kind) {
            return Err(NotSummaries::Kind);
        }
        let room = ITEMS_MAX.saturating_sub(items.len());
        let summaries = elements(summaries, room).map_err(|error| match error {
            NotElements::NoArray => NotSummaries::NoArray,
            NotElements::TooMany => NotSummaries::TooMany,
        })?;
        let pulled = summaries.into_iter();
        items.extend(pulled.map(|summary| item(&kind, summary, Some(account_id), links)));
    }
    Ok(items)
}

/// Why an answer to a pull has no summaries.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotSummaries {
    #[error("the answer is no JSON")]
    NoJson,
    #[error("the answer has no array of summaries")]
    NoArray,
    #[error("the answer has more than {ITEMS_MAX} summaries")]
    TooMany,
    #[error("the answer has a summary kind that is not a plain word")]
    Kind,
}

/// One summary; also one that is no object, which normalize rejects with its bytes. `asked_for` is the
/// account of one that does not name its own.
fn item(kind: &str, summary: &RawValue, asked_for: Option<&str>, links: &mut Links<'_>) -> Item {
    let fields = Fields::of(summary);
    let account_id = fields
        .user_id
        .and_then(id_text)
        .or_else(|| asked_for.map(str::to_owned))
        .filter(|id| is_account_id(id));
    let owners = account_id
        .as_deref()
        .map(|id| links.owners(id))
        .unwrap_or_default();
    Item {
        provider_id: fields.provider_id(kind).filter(|id| is_provider_id(id)),
        kind: kind.to_owned(),
        account_id,
        owners,
        body: redacted(summary).into_owned(),
    }
}

/// What a connector reads of a summary.
#[derive(Default)]
struct Fields<'a> {
    user_id: Option<&'a RawValue>,
    activity_id: Option<&'a RawValue>,
    summary_id: Option<&'a RawValue>,
    /// `summary.activityId` of details.
    nested_activity_id: Option<&'a RawValue>,
}

impl<'a> Fields<'a> {
    fn of(summary: &'a RawValue) -> Self {
        let names = ["userId", "activityId", "summaryId", "summary"];
        let Some([user_id, activity_id, summary_id, nested]) = pick(summary, names) else {
            return Self::default();
        };
        let nested = nested.and_then(|nested| pick(nested, ["activityId"]));
        let nested_activity_id = nested.and_then(|[activity_id]| activity_id);
        Self {
            user_id,
            activity_id,
            summary_id,
            nested_activity_id,
        }
    }

    fn provider_id(&self, kind: &str) -> Option<String> {
        let activity_id = self.activity_id.and_then(id_text);
        let summary_id = self.summary_id.and_then(id_text);
        match kind {
            "activities" | "manuallyUpdatedActivities" => activity_id.or(summary_id),
            "activityDetails" => self
                .nested_activity_id
                .and_then(id_text)
                .or(activity_id)
                .or_else(|| {
                    summary_id
                        .map(|id| id.strip_suffix("-detail").map_or(id.clone(), str::to_owned))
                }),
            _ => summary_id,
        }
    }
}

/// The owners of accounts, each asked once per delivery.
pub(super) struct Links<'a> {
    registry: &'a dyn Registry,
    found: BTreeMap<String, Vec<AthleteRef>>,
}

impl<'a> Links<'a> {
    pub(super) fn new(registry: &'a dyn Registry) -> Self {
        Self {
            registry,
            found: BTreeMap::new(),
        }
    }

    fn owners(&mut self, account_id: &str) -> Vec<AthleteRef> {
        if let Some(owners) = self.found.get(account_id) {
            return owners.clone();
        }
        let owners = self.registry.athletes_linked(SOURCE, account_id);
        self.found.insert(account_id.to_owned(), owners.clone());
        owners
    }
}

/// The linked accounts whose users withdrew.
fn accounts_leaving(items: &[Item]) -> BTreeSet<String> {
    items
        .iter()
        .filter(|item| item.kind == DEREGISTRATIONS && !item.owners.is_empty())
        .filter_map(|item| item.account_id.clone())
        .collect()
}

async fn deregister(
    connectors: &Connectors,
    accounts: BTreeSet<String>,
    at: UnixMicros,
) -> Result<(), Problem> {
    let registry = connectors.ports.registry.clone();
    crate::accounts::blocking(move || {
        accounts
            .iter()
            .try_for_each(|account_id| registry.deregister(SOURCE, account_id, at))
    })
    .await
}
