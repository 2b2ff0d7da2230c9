//! Tokens and secrets are in no file, no record, no log line and no answer: looked for in all of
//! them, after everything that handles them has handled them.

use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use ingest_simulator::StravaAccount;
use ingest_simulator::fakes::{Faults, StravaSettings};
use rusqlite::Connection;
use schemas::AnyRecord;
use serde_json::{Value, json};

use super::ping::{Garmin, TOKEN, allowing, callback, ping};
use super::support::{Service, until};
use super::vendors::{
    CLIENT_SECRET, STRAVA_SECRET, VERIFY_TOKEN, Vendors, account, activity, event, start_with,
};

const START: i64 = 1_748_000_000;
const BODY_MAX: usize = 1 << 20;

/// Between the service and Strava: hears every token that is handed out, and refuses the first use
/// of each account's second one, so that it is renewed once more.
#[derive(Default)]
struct Listener {
    tokens: Mutex<Vec<String>>,
    refused: Mutex<Vec<String>>,
}

async fn listen(
    State(heard): State<Arc<Listener>>,
    request: Request<Body>,
    next: Next,
) -> Response {
    let authorization = request.headers().get("authorization");
    let bearer = authorization.and_then(|value| value.to_str().ok());
    if let Some(token) = bearer.and_then(|value| value.strip_prefix("Bearer "))
        && heard.refuses(token)
    {
        let body = r#"{"message":"Authorization Error","errors":[{"resource":"Athlete","field":"access_token","code":"invalid"}]}"#;
        return (StatusCode::UNAUTHORIZED, body).into_response();
    }
    let renews = request.uri().path() == "/oauth/token";
    let answer = next.run(request).await;
    if !renews {
        return answer;
    }
    let (parts, body) = answer.into_parts();
    let body = edge::body::read(&parts.headers, body, BODY_MAX).await;
    let body = body.ok().unwrap();
    let granted: Value = serde_json::from_slice(&body).unwrap();
    for name in ["access_token", "refresh_token"] {
        if let Some(token) = granted[name].as_str() {
            heard.tokens.lock().unwrap().push(token.to_owned());
        }
    }
    Response::from_parts(parts, Body::from(body))
}

impl Listener {
    /// Each token that came of the first two renewals is refused for good.
    fn refuses(&self, token: &str) -> bool {
        let tokens = self.tokens.lock().unwrap();
        let mut refused = self.refused.lock().unwrap();
        let is_known = refused.iter().any(|known| known == token);
        if !is_known && refused.len() < 2 && tokens.iter().any(|known| known == token) {
            refused.push(token.to_owned());
            return true;
        }
        is_known
    }
}

/// Name and bytes of every file.
fn files(folder: &Path) -> Vec<Place> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            files.push((path.display().to_string(), bytes));
        }
    }
    files
}

/// Where something is, and what it is.
type Place = (String, Vec<u8>);

/// Everything in the log, decoded as far as it is a record, as text.
fn records(data: &Path) -> Vec<Place> {
    let log = Connection::open(data.join("log.db")).unwrap();
    let sql = "SELECT name, key, value FROM records JOIN topics ON topics.id = topic";
    let mut records = log.prepare(sql).unwrap();
    let rows = records.query_map([], |row| {
        let place: String = row.get(0)?;
        let key: String = row.get(1)?;
        Ok((format!("{place} {key}"), row.get::<_, Vec<u8>>(2)?))
    });
    let mut all = Vec::new();
    for row in rows.unwrap() {
        let (place, value) = row.unwrap();
        if let Ok(record) = schemas::decode_any(&value) {
            if let AnyRecord::RawReceived(raw) = &record {
                all.push((format!("{place} {} body", raw.kind), raw.body.clone()));
            }
            all.push((place.clone(), format!("{record:?}").into_bytes()));
        }
        all.push((place, value));
    }
    all
}

async fn answers(service: &Service) -> Vec<Place> {
    let mut paths: Vec<String> = [
        "/v1/quality",
        "/v1/athletes",
        "/v1/dead-letters",
        "/metrics",
        "/openapi.json",
    ]
    .map(str::to_owned)
    .into();
    for athlete in ["ada", "bob"] {
        for list in [
            "sessions",
            "sweat-losses",
            "recommendations",
            "profile",
            "timeline",
        ] {
            paths.push(format!("/v1/athletes/{athlete}/{list}?limit=1000"));
        }
        paths.push(format!("/v1/athletes/{athlete}"));
        paths.push(format!("/v1/athletes/{athlete}/connections"));
        for session in service
            .all(&format!("/v1/athletes/{athlete}/sessions"))
            .await
        {
            let id = session["session_id"].as_str().unwrap();
            paths.push(format!("/v1/sessions/{id}/explain"));
        }
    }
    let mut answers = Vec::new();
    for path in paths {
        let url = format!("{}{path}", service.url);
        let answer = service.client.get(url).send().await.unwrap();
        answers.push((path, answer.bytes().await.unwrap().to_vec()));
    }
    answers
}

fn holds(text: &[u8], secret: &str) -> bool {
    text.windows(secret.len())
        .any(|part| part == secret.as_bytes())
}

fn accounts() -> [StravaAccount; 2] {
    [("ada", "134815"), ("bob", "226841")].map(|(athlete, owner)| {
        let day = |number: i64| START + number * 86_400;
        let id = |number| format!("{owner}{number}");
        let runs = [1, 2].map(|number| (id(number), activity(&id(number), day(number), 9_000.0)));
        let runs = runs.iter().map(|(id, body)| (id.as_str(), body.clone()));
        StravaAccount {
            // Dead on arrival: the first fetch renews.
            expires_at: START,
            ..account(athlete, owner, runs.collect())
        }
    })
}

/// Everything that handles a secret: renewals, refusals, failures, pings good and bad, wrong links.
async fn handle_everything(service: &Service, accounts: &[StravaAccount], garmin: &[String]) {
    for account in accounts {
        service.register_strava(account).await;
        for activity in &account.activities {
            service
                .hint(&event(&account.account_id, &activity.id, "create", START))
                .await;
        }
    }
    service.link("ada", "acc").await;
    for (user, callback) in ["acc", "acc", "nobody"].iter().zip(garmin) {
        assert_eq!(service.push(&ping(user, callback)).await.0, 200);
    }
    let hook = format!("/webhooks/strava/{STRAVA_SECRET}?hub.mode=subscribe&hub.challenge=c");
    for token in [VERIFY_TOKEN, "wrong-verify-token"] {
        service
            .get(&format!("{hook}&hub.verify_token={token}"))
            .await;
    }
    // A body that cannot be read has tokens in it, too.
    let bad = format!("{{\"account_id\":7,\"access_token\":\"{BROKEN}\"");
    let path = "/v1/athletes/ada/connections/strava";
    let (status, said) = service.put(path, &bad).await;
    assert!(
        status == 400 && !said.to_string().contains(BROKEN),
        "{said}"
    );
    let bad = json!({"account_id": [], "access_token": BROKEN, "expires_at": BROKEN});
    let (status, said) = service.put(path, &bad.to_string()).await;
    assert!(
        (400..500).contains(&status) && !said.to_string().contains(BROKEN),
        "{said}"
    );
}

const BROKEN: &str = "token-in-a-broken-body-55aa";

#[tokio::test]
async fn no_token_and_no_secret_is_anywhere_in_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    let heard = Arc::new(Listener::default());
    let settings = StravaSettings {
        faults: Faults {
            seed: 1,
            server_error: 0.2,
            ..Faults::default()
        },
        ..StravaSettings::default()
    };
    let layer = |routes: Router| routes.layer(from_fn_with_state(heard.clone(), listen));
    let vendors = Vendors::start_behind(settings, layer).await;
    let accounts = accounts();
    for account in &accounts {
        vendors.strava.register(account);
    }
    let (garmin, server) = Garmin::start().await;
    let (_, foreign) = Garmin::start().await;
    let data = folder.path().join("data");
    let mut settings = [vendors.settings(), allowing(&server)].concat();
    settings.push(("SUDOR__LOG__FILTER", "trace".to_owned()));
    let service = start_with(&data, &settings).await;
    let callbacks = [&server, &foreign, &server].map(callback);
    handle_everything(&service, &accounts, &callbacks).await;
    service.idle().await;
    until("the fetched runs are told", async || {
        let sessions = service.all("/v1/athletes/bob/sessions").await;
        (sessions.len() == 2 && !garmin.asked().is_empty()).then_some(())
    })
    .await;

    let mut secrets: Vec<String> = heard.tokens.lock().unwrap().clone();
    assert!(secrets.len() >= 8, "two renewals an account: {secrets:?}");
    for account in &accounts {
        secrets.push(account.access_token.clone());
        secrets.push(account.refresh_token.clone());
    }
    let others = [
        TOKEN,
        CLIENT_SECRET,
        VERIFY_TOKEN,
        STRAVA_SECRET,
        BROKEN,
        "user-token-81b0",
        "embed-3f19c2",
    ];
    secrets.extend(others.map(str::to_owned));

    let mut places = answers(&service).await;
    assert!(service.log().contains("\"level\":\"TRACE\""));
    let log = data.with_extension("stderr");
    places.extend(records(&data));
    // Before its end, with its journals, and after.
    places.extend(files(&data));
    assert!(service.terminate().await.success());
    places.push(("stderr".to_owned(), std::fs::read(&log).unwrap()));
    places.extend(files(&data));
    // The search finds what is there.
    let found = |what: &str| places.iter().filter(|(_, text)| holds(text, what)).count();
    assert!(found("1348151") > 3 && found("listening") > 0);
    for (place, text) in &places {
        for secret in &secrets {
            assert!(!holds(text, secret), "{secret} is in {place}");
        }
    }
}
