//! The routes of the service: limits and faults first, then the token, then the thing itself.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use crate::fakes::faults::Fate;
use crate::fakes::strava::FakeStrava;
use crate::fakes::strava::state::TOKEN_LIFE_S;

/// Seconds between two points of a stream.
const STREAM_STEP_S: usize = 60;
/// Points in one stream: an hour and forty minutes' worth, then the step grows.
const STREAM_POINTS_MAX: usize = 100;

pub(super) fn router(fake: FakeStrava) -> Router {
    Router::new()
        .route("/api/v3/activities/{id}", get(activity))
        .route("/api/v3/activities/{id}/streams", get(streams))
        .route("/oauth/token", post(token))
        .with_state(fake)
}

async fn activity(
    State(fake): State<FakeStrava>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let (answer, late) = fake.read(&headers, &id, |counters| &mut counters.activities);
    let answer = answer.map(|body| (StatusCode::OK, body));
    fake.finish(answer, late).await
}

async fn streams(
    State(fake): State<FakeStrava>,
    Path(id): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let (answer, late) = fake.read(&headers, &id, |counters| &mut counters.streams);
    let answer = answer.map(|body| (StatusCode::OK, stream_body(&body, &query)));
    fake.finish(answer, late).await
}

/// An answer that is no success: the status and its JSON.
type Refused = (StatusCode, String);

impl FakeStrava {
    /// Reads an activity under the bearer's token, through limits and faults.
    fn read(
        &self,
        headers: &HeaderMap,
        id: &str,
        counter: fn(&mut crate::fakes::StravaCounters) -> &mut u64,
    ) -> (Result<String, Refused>, Duration) {
        let now = self.now();
        let mut state = self.state();
        let number = state.counters.requests;
        state.counters.requests += 1;
        *counter(&mut state.counters) += 1;
        let (read, overall) = (state.settings.read, state.settings.overall);
        let inside = state.read.count(now, read) & state.overall.count(now, overall);
        state.counters.most_in_quarter = state.counters.most_in_quarter.max(state.read.quarter);
        state.counters.most_in_day = state.counters.most_in_day.max(state.read.day);
        if !inside {
            state.counters.over_limit += 1;
            return (Err(too_many()), Duration::ZERO);
        }
        let late = match state.settings.faults.of(number) {
            Fate::Served => Duration::ZERO,
            Fate::Late(by) => by,
            fate => {
                state.counters.faults += 1;
                return (Err(broken(fate)), Duration::ZERO);
            }
        };
        let Some(owner) = bearer(headers).and_then(|token| state.bearer(token, now)) else {
            state.counters.unauthorised += 1;
            return (Err(unauthorised()), late);
        };
        let missing = state.settings.faults.missing.contains(id);
        let found = state.activity(&owner, id).map(str::to_owned);
        match found.filter(|_| !missing) {
            Some(body) => {
                state.counters.served += 1;
                (Ok(body), late)
            }
            None => {
                state.counters.not_found += 1;
                (Err(not_found()), late)
            }
        }
    }

    /// Late where it has to be, with the headers of the limits.
    async fn finish(
        &self,
        answer: Result<(StatusCode, String), Refused>,
        late: Duration,
    ) -> Response {
        if !late.is_zero() {
            wait(late).await;
        }
        let (status, body) = answer.unwrap_or_else(|refused| refused);
        let state = self.state();
        let limit = |limit: crate::fakes::Limit| format!("{},{}", limit.quarter, limit.day);
        let headers = [
            ("x-ratelimit-limit", limit(state.settings.overall)),
            ("x-ratelimit-usage", state.overall.header()),
            ("x-readratelimit-limit", limit(state.settings.read)),
            ("x-readratelimit-usage", state.read.header()),
            ("content-type", "application/json; charset=utf-8".to_owned()),
        ];
        drop(state);
        (status, headers, body).into_response()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a slow answer is what the plan of faults asks for"
)]
async fn wait(late: Duration) {
    tokio::time::sleep(late).await;
}

async fn token(State(fake): State<FakeStrava>, headers: HeaderMap, body: Bytes) -> Response {
    let (status, body) = match fake.grant(&fields(&headers, &body)) {
        Ok(body) => (StatusCode::OK, body),
        Err(refused) => refused,
    };
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

impl FakeStrava {
    fn grant(&self, fields: &BTreeMap<String, String>) -> Result<String, Refused> {
        let now = self.now();
        let mut state = self.state();
        let number = state.counters.requests;
        state.counters.requests += 1;
        state.counters.tokens += 1;
        let fate = state.settings.faults.of(number);
        if !matches!(fate, Fate::Served | Fate::Late(_)) {
            state.counters.faults += 1;
            return Err(broken(fate));
        }
        let field = |name: &str| fields.get(name).map(String::as_str);
        let secrets = [
            ("client_id", &state.settings.client_id),
            ("client_secret", &state.settings.client_secret),
        ];
        for (name, wanted) in secrets {
            if wanted.is_some() && wanted.as_deref() != field(name) {
                return Err(refused(
                    StatusCode::BAD_REQUEST,
                    "Bad Request",
                    "Application",
                    name,
                    "invalid",
                ));
            }
        }
        let bad = refused(
            StatusCode::BAD_REQUEST,
            "Bad Request",
            "RefreshToken",
            "refresh_token",
            "invalid",
        );
        if field("grant_type") != Some("refresh_token") {
            return Err(bad);
        }
        let granted = field("refresh_token").and_then(|token| state.refresh(token, now));
        let Some(granted) = granted else {
            state.counters.refresh_refused += 1;
            return Err(bad);
        };
        Ok(json!({
            "token_type": "Bearer",
            "access_token": granted.access,
            "expires_at": granted.expires_at,
            "expires_in": TOKEN_LIFE_S,
            "refresh_token": granted.refresh,
        })
        .to_string())
    }
}

/// The fields of a form or of a JSON object: Strava takes both.
fn fields(headers: &HeaderMap, body: &Bytes) -> BTreeMap<String, String> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/json") {
        let object: BTreeMap<String, Value> = serde_json::from_slice(body).unwrap_or_default();
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        return object
            .into_iter()
            .map(|(name, value)| (name, text(value)))
            .collect();
    }
    let form = String::from_utf8_lossy(body);
    let uri: Uri = format!("/?{form}").parse().unwrap_or_default();
    Query::try_from_uri(&uri)
        .map(|Query(fields)| fields)
        .unwrap_or_default()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ")
}

fn refused(status: StatusCode, message: &str, resource: &str, field: &str, code: &str) -> Refused {
    let errors = json!([{"resource": resource, "field": field, "code": code}]);
    (
        status,
        json!({"message": message, "errors": errors}).to_string(),
    )
}

fn too_many() -> Refused {
    refused(
        StatusCode::TOO_MANY_REQUESTS,
        "Rate Limit Exceeded",
        "Application",
        "rate limit",
        "exceeded",
    )
}

fn unauthorised() -> Refused {
    refused(
        StatusCode::UNAUTHORIZED,
        "Authorization Error",
        "Athlete",
        "access_token",
        "invalid",
    )
}

fn not_found() -> Refused {
    refused(
        StatusCode::NOT_FOUND,
        "Record Not Found",
        "Activity",
        "",
        "not found",
    )
}

fn broken(fate: Fate) -> Refused {
    match fate {
        Fate::TooMany => too_many(),
        Fate::Down => (StatusCode::SERVICE_UNAVAILABLE, "{}".to_owned()),
        _ => refused(
            StatusCode::INTERNAL_SERVER_ERROR,
            "error",
            "Application",
            "",
            "internal",
        ),
    }
}

/// Streams as a watch would have sampled them: by type, or as a list.
fn stream_body(activity: &str, query: &BTreeMap<String, String>) -> String {
    let activity: Value = serde_json::from_str(activity).unwrap_or_default();
    let number = |name: &str| activity.get(name).and_then(Value::as_f64).unwrap_or(0.0);
    let (elapsed, distance) = (number("elapsed_time"), number("distance"));
    let manual = activity.get("manual").and_then(Value::as_bool) == Some(true);
    let points = (elapsed as usize / STREAM_STEP_S + 1).min(STREAM_POINTS_MAX);
    let share = |point: usize| point as f64 / points.saturating_sub(1).max(1) as f64;
    let series =
        |value: &dyn Fn(usize) -> Value| -> Vec<Value> { (0..points).map(value).collect() };
    let rate = activity
        .get("average_heartrate")
        .cloned()
        .unwrap_or(Value::Null);
    let all = [
        (
            "time",
            series(&|point| json!((share(point) * elapsed) as i64)),
        ),
        (
            "distance",
            series(&|point| json!((share(point) * distance).round())),
        ),
        ("heartrate", series(&|_| rate.clone())),
    ];
    let wanted: Vec<&str> = query
        .get("keys")
        .map(|keys| keys.split(',').collect())
        .unwrap_or_default();
    let by_type = query.get("key_by_type").is_some_and(|flag| flag == "true");
    let mut object = serde_json::Map::new();
    let mut list = Vec::new();
    let told = all.into_iter().filter(|(name, data)| {
        !manual && wanted.contains(name) && !data.iter().any(Value::is_null)
    });
    for (name, data) in told {
        let stream = json!({
            "type": name,
            "data": data,
            "series_type": "time",
            "original_size": points,
            "resolution": "high",
        });
        if by_type {
            object.insert(name.to_owned(), stream);
        } else {
            list.push(stream);
        }
    }
    if by_type {
        Value::Object(object).to_string()
    } else {
        Value::Array(list).to_string()
    }
}
