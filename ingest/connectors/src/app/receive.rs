//! The route, how events are split, and the event that a registration becomes.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use chrono::{DateTime, SecondsFormat};
use edge::{Problem, UnixMicros};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::accounts::known_athlete;
use crate::json::{is_null, members, pick, string};
use crate::names::is_provider_id;
use crate::port::AthleteRef;
use crate::receive::{Connectors, ITEM_BYTES_MAX, Item, Receipt, hex};
use crate::redact::redacted;
use crate::refusal::Refusal;

pub(crate) const SOURCE: &str = "app";

const PROFILE: &str = "profile";
const PLANNED_WORKOUT: &str = "planned_workout";
const LINK_OVERRIDE: &str = "link_override";
const TYPES: [&str; 8] = [
    PROFILE,
    "weigh_in",
    "body_mass",
    "intake",
    PLANNED_WORKOUT,
    "self_report",
    "symptom",
    LINK_OVERRIDE,
];

/// The fields of a `profile` event; a registration may carry them.
const PROFILE_FIELDS: [&str; 12] = [
    "mass_kg",
    "height_m",
    "birth_year",
    "sex",
    "time_zone",
    "wake_time",
    "bed_time",
    "diet",
    "allergies",
    "caffeine_opt_in",
    "gut_trained",
    "flags",
];

/// An app sends one event or an array of them.
#[utoipa::path(
    post,
    path = "/v1/athletes/{athlete_id}/events",
    tag = "in", security(("api_key" = ["ingest"])),
    params(("athlete_id" = String, Path, description = "a registered athlete")),
    request_body(content = Object, description = "an event, or an array", content_type = "application/json"),
    responses(
        (status = 202, description = "what was taken is durable", body = Receipt),
        (status = 400, description = "neither an event nor an array", body = Problem),
        (status = 404, description = "unknown athlete", body = Problem),
        (status = 413, description = "too large", body = Problem),
        (status = 415, description = "not JSON", body = Problem),
        (status = 422, description = "no event could be taken", body = Problem),
        (status = 503, description = "not stored; send it again", body = Problem),
    )
)]
pub(crate) async fn post_events(
    State(connectors): State<Connectors>,
    Path(athlete_id): Path<String>,
    request: Request,
) -> Result<(StatusCode, Json<Receipt>), Problem> {
    let (athlete, request) = known_athlete(&connectors, &athlete_id, request).await?;
    let each = |event: &RawValue| item(event, &athlete);
    let receipt = connectors
        .receive_each(SOURCE, "event", request, each)
        .await?;
    Ok((StatusCode::ACCEPTED, Json(receipt)))
}

/// One event, or the reason why the app has to send it differently.
fn item(event: &RawValue, athlete: &AthleteRef) -> Result<Item, Refusal> {
    if event.get().len() > ITEM_BYTES_MAX {
        return Err(Refusal::too_large());
    }
    let no_object = || Refusal::malformed("an event is a JSON object");
    let fields = pick(event, ["id", "type", "at", "start", "deleted"]).ok_or_else(no_object)?;
    let [id, kind, at, start, deleted] = fields.map(|field| field.filter(|value| !is_null(value)));

    let text = |name: &str, field: Option<&RawValue>| {
        let field = field.ok_or_else(|| Refusal::missing(name))?;
        string(field).ok_or_else(|| Refusal::bad(name, "text"))
    };
    let id = text("id", id)?;
    let kind = text("type", kind)?;
    if id.is_empty() {
        return Err(Refusal::missing("id"));
    }
    if !is_provider_id(&id) {
        return Err(Refusal::bad("id", "text of 1 to 256 characters"));
    }
    if !TYPES.contains(&kind.as_str()) {
        let known = format!("`type` is one of {}", TYPES.join(", "));
        return Err(Refusal::unsupported(known));
    }
    let at = if kind == PLANNED_WORKOUT {
        at.or(start)
    } else {
        at
    };
    // What is taken back is named by its id; these two are taken back by the event as it was.
    let is_whole = matches!(kind.as_str(), PLANNED_WORKOUT | LINK_OVERRIDE);
    let needs_no_time = !is_whole && deleted.is_some_and(|value| value.get() == "true");
    match at {
        Some(at) => drop(text("at", Some(at))?),
        None if needs_no_time => {}
        None => return Err(Refusal::missing("at")),
    }
    Ok(Item {
        kind,
        account_id: None,
        provider_id: Some(id),
        owners: vec![athlete.clone()],
        body: redacted(event).into_owned(),
    })
}

/// The `profile` event that the fields of a registration become; `None` where there are no fields.
///
/// Its id comes from the body, so that a client which repeats its registration repeats an id.
pub(crate) fn profile_event(
    registration: &RawValue,
    received_at: UnixMicros,
    athlete: &AthleteRef,
) -> Option<Item> {
    let fields: Vec<String> = members(registration)?
        .into_iter()
        .filter(|(name, _)| PROFILE_FIELDS.contains(&&**name))
        .map(|(name, value)| format!(",\"{name}\":{}", value.get()))
        .collect();
    if fields.is_empty() {
        return None;
    }
    let digest = hex(&Sha256::digest(registration.get().as_bytes()));
    let id = format!("registration:{}", digest.get(..16)?);
    let at = DateTime::from_timestamp_micros(received_at.0)?
        .to_rfc3339_opts(SecondsFormat::Micros, true);
    let fields = fields.concat();
    Some(Item {
        body: format!("{{\"id\":\"{id}\",\"type\":\"{PROFILE}\",\"at\":\"{at}\"{fields}}}"),
        kind: PROFILE.to_owned(),
        account_id: None,
        provider_id: Some(id),
        owners: vec![athlete.clone()],
    })
}
