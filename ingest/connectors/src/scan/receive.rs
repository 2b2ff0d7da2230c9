//! The route, and how scans are split.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use edge::Problem;
use serde_json::value::RawValue;

use crate::accounts::known_athlete;
use crate::json::{id_text, is_null, pick, string};
use crate::names::is_provider_id;
use crate::port::AthleteRef;
use crate::receive::{Connectors, ITEM_BYTES_MAX, Item, Receipt};
use crate::redact::redacted;
use crate::refusal::Refusal;

const SOURCE: &str = "scan";
/// The only schema there is; a scan that names none means this one.
const SCHEMA: &str = "sweat.scan/1";

/// An app sends one scan or an array of them.
#[utoipa::path(
    post,
    path = "/v1/athletes/{athlete_id}/scans",
    tag = "in", security(("api_key" = ["ingest"])),
    params(("athlete_id" = String, Path, description = "a registered athlete")),
    request_body(content = Object, description = "a scan, or an array", content_type = "application/json"),
    responses(
        (status = 202, description = "what was taken is durable", body = Receipt),
        (status = 400, description = "neither a scan nor an array", body = Problem),
        (status = 404, description = "unknown athlete", body = Problem),
        (status = 413, description = "too large", body = Problem),
        (status = 415, description = "not JSON", body = Problem),
        (status = 422, description = "no scan could be taken", body = Problem),
        (status = 503, description = "not stored; send it again", body = Problem),
    )
)]
pub(crate) async fn post_scans(
    State(connectors): State<Connectors>,
    Path(athlete_id): Path<String>,
    request: Request,
) -> Result<(StatusCode, Json<Receipt>), Problem> {
    let (athlete, request) = known_athlete(&connectors, &athlete_id, request).await?;
    let each = |scan: &RawValue| item(scan, &athlete);
    let receipt = connectors
        .receive_each(SOURCE, "scan", request, each)
        .await?;
    Ok((StatusCode::ACCEPTED, Json(receipt)))
}

/// One scan, or the reason why the app has to send it differently.
fn item(scan: &RawValue, athlete: &AthleteRef) -> Result<Item, Refusal> {
    if scan.get().len() > ITEM_BYTES_MAX {
        return Err(Refusal::too_large());
    }
    let no_object = || Refusal::malformed("a scan is a JSON object");
    let fields = pick(scan, ["schema", "scan_id"]).ok_or_else(no_object)?;
    let [schema, id] = fields.map(|field| field.filter(|value| !is_null(value)));
    if let Some(schema) = schema
        && string(schema).ok_or_else(|| Refusal::bad("schema", "text"))? != SCHEMA
    {
        return Err(Refusal::unsupported(format!("`schema` is {SCHEMA}")));
    }
    let bad_id = || Refusal::bad("scan_id", "text or a number of 1 to 256 characters");
    let id = id.ok_or_else(|| Refusal::missing("scan_id"))?;
    let id = id_text(id).ok_or_else(bad_id)?;
    match id.as_str() {
        "" => Err(Refusal::missing("scan_id")),
        id if !is_provider_id(id) => Err(bad_id()),
        _ => Ok(Item {
            kind: SCHEMA.to_owned(),
            account_id: None,
            provider_id: Some(id),
            owners: vec![athlete.clone()],
            body: redacted(scan).into_owned(),
        }),
    }
}
