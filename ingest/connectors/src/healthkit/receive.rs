//! The route, which form an upload has, and how the SDK's is split.

use std::borrow::Cow;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use edge::Problem;
use serde_json::value::RawValue;

use super::auto_export;
use crate::accounts::known_athlete;
use crate::json::{NotElements, elements, id_text, is_null, members, pick, string};
use crate::names::{is_kind, is_provider_id};
use crate::port::AthleteRef;
use crate::receive::{Connectors, ITEM_BYTES_MAX, ITEMS_MAX, Item, Receipt, RejectedItem};
use crate::redact::redacted;
use crate::refusal::Refusal;

const SOURCE: &str = "healthkit";
const DELETED: &str = "deleted";
const OWN_KINDS: [&str; 4] = ["workouts", "sleep", "records", DELETED];

/// A phone uploads HealthKit samples.
#[utoipa::path(
    post,
    path = "/v1/athletes/{athlete_id}/healthkit",
    tag = "in", security(("api_key" = ["ingest"])),
    params(("athlete_id" = String, Path, description = "a registered athlete")),
    request_body(content = Object, description = "the SDK's form, or Auto Export's", content_type = "application/json"),
    responses(
        (status = 202, description = "what was taken is durable", body = Receipt),
        (status = 400, description = "not an upload of either form", body = Problem),
        (status = 404, description = "unknown athlete", body = Problem),
        (status = 413, description = "too large", body = Problem),
        (status = 415, description = "not JSON", body = Problem),
        (status = 422, description = "no item could be taken", body = Problem),
        (status = 503, description = "not stored; send it again", body = Problem),
    )
)]
pub(crate) async fn post_healthkit(
    State(connectors): State<Connectors>,
    Path(athlete_id): Path<String>,
    request: Request,
) -> Result<(StatusCode, Json<Receipt>), Problem> {
    let (athlete, request) = known_athlete(&connectors, &athlete_id, request).await?;
    let (delivery, bytes) = connectors.arrive(SOURCE, request).await?;
    let (items, rejected) = split(&bytes, &athlete)?;
    let receipt = connectors.receive(delivery, items, rejected).await?;
    Ok((StatusCode::ACCEPTED, Json(receipt)))
}

type Split = (Vec<Item>, Vec<RejectedItem>);

/// The items, and what is wrong with the others. Places are counted over all arrays as they stand.
fn split(bytes: &[u8], athlete: &AthleteRef) -> Result<Split, Problem> {
    let upload: &RawValue =
        serde_json::from_slice(bytes).map_err(|_| Problem::bad_request("the body is no JSON"))?;
    let [data, provider, sdk_version] = pick(upload, ["data", "provider", "sdkVersion"])
        .ok_or_else(|| Problem::bad_request("the body is no object"))?;
    let lists = data
        .and_then(members)
        .ok_or_else(|| Problem::bad_request("`data` is missing or no object"))?;

    let named_by_sdk = provider.is_some() || sdk_version.is_some();
    if !named_by_sdk && is_auto_export(&lists) {
        let lists = lists.iter().map(|(name, list)| (&**name, *list));
        return auto_export::split(lists, athlete);
    }

    let mut samples: Vec<(&str, &RawValue)> = Vec::new();
    for (kind, list) in &lists {
        let room = ITEMS_MAX.saturating_sub(samples.len());
        match elements(list, room) {
            Ok(list) => samples.extend(list.into_iter().map(|sample| (&**kind, sample))),
            Err(NotElements::TooMany) => {
                return Err(Problem::too_large(format!(
                    "an upload has at most {ITEMS_MAX} items"
                )));
            }
            Err(NotElements::NoArray) if OWN_KINDS.contains(&&**kind) && !is_null(list) => {
                return Err(Problem::bad_request(format!("`data.{kind}` is no array")));
            }
            // A member that is no list holds no items: the form is open.
            Err(NotElements::NoArray) => {}
        }
    }
    let mut split = Split::default();
    for (index, (kind, sample)) in samples.into_iter().enumerate() {
        match item(kind, sample, athlete) {
            Ok(item) => split.0.push(item),
            Err(refusal) => split.1.push(RejectedItem::new(index, refusal)),
        }
    }
    Ok(split)
}

/// Auto Export may send metrics, which the SDK does not have, or workouts alone: its own have
/// `start` where the SDK's have `startDate`.
fn is_auto_export(lists: &[(Cow<'_, str>, &RawValue)]) -> bool {
    lists.iter().any(|(name, list)| match &**name {
        "metrics" => true,
        "workouts" => elements(list, ITEMS_MAX).is_ok_and(|workouts| {
            workouts.into_iter().any(|workout| {
                pick(workout, ["start", "startDate"])
                    .is_some_and(|[start, start_date]| start.is_some() && start_date.is_none())
            })
        }),
        _ => false,
    })
}

/// One sample, or the reason why the phone has to send it differently.
fn item(kind: &str, sample: &RawValue, athlete: &AthleteRef) -> Result<Item, Refusal> {
    if !is_kind(kind) {
        let name = "a list of `data` is named by 1 to 64 letters, digits, `_` and `-`";
        return Err(Refusal::unsupported(name));
    }
    if sample.get().len() > ITEM_BYTES_MAX {
        return Err(Refusal::too_large());
    }
    let bad_id = || Refusal::bad("id", "text or a number of 1 to 256 characters");
    let provider_id = match pick(sample, ["id", "uuid"]) {
        Some([id, uuid]) => {
            let id = id
                .filter(|id| !is_null(id))
                .or(uuid.filter(|uuid| !is_null(uuid)));
            id_text(id.ok_or_else(|| Refusal::missing("id"))?).ok_or_else(bad_id)?
        }
        None if kind == DELETED => string(sample)
            .ok_or_else(|| Refusal::malformed("what is deleted is a uuid as text, or {\"id\"}"))?,
        None => return Err(Refusal::malformed("a sample is a JSON object")),
    };
    match provider_id.as_str() {
        "" => Err(Refusal::missing("id")),
        id if !is_provider_id(id) => Err(bad_id()),
        _ => Ok(Item {
            kind: kind.to_owned(),
            account_id: None,
            provider_id: Some(provider_id),
            owners: vec![athlete.clone()],
            body: redacted(sample).into_owned(),
        }),
    }
}
