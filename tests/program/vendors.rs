//! Strava and the weather service as the binary under test sees them: served in the test's own
//! process, on a free port.

use std::future::IntoFuture;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use edge::SystemClock;
use ingest_simulator::fakes::{FakeStrava, FakeWeather, StravaSettings};
use ingest_simulator::{StravaAccount, StravaActivity, StravaVersion};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::support::Service;

pub(crate) const STRAVA_SECRET: &str = "strava-hook";
pub(crate) const VERIFY_TOKEN: &str = "verify-9c41";
pub(crate) const CLIENT_ID: &str = "4711";
pub(crate) const CLIENT_SECRET: &str = "client-secret-6f1d2b";

/// The account of the tests that need one only.
pub(crate) const OWNER: &str = "134815";
pub(crate) const ACCESS: &str = "access-of-134815-5ad1";
pub(crate) const REFRESH: &str = "refresh-of-134815-77e0";
/// 2100-01-01: a token that outlives the test.
pub(crate) const FAR: i64 = 4_102_444_800;

/// A server of the test. It ends when it is dropped.
pub(crate) struct Server {
    pub(crate) host: String,
    _serving: JoinSet<std::io::Result<()>>,
}

impl Server {
    pub(crate) async fn start(routes: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let mut serving = JoinSet::new();
        serving.spawn(axum::serve(listener, routes).into_future());
        Self {
            host,
            _serving: serving,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.host)
    }

    /// The settings of a service that takes this server for Strava.
    pub(crate) fn as_strava(&self) -> Settings {
        let url = self.url();
        vec![
            ("SUDOR__STRAVA__SECRET", STRAVA_SECRET.to_owned()),
            ("SUDOR__STRAVA__VERIFY_TOKEN", VERIFY_TOKEN.to_owned()),
            ("SUDOR__STRAVA__CLIENT_ID", CLIENT_ID.to_owned()),
            ("SUDOR__STRAVA__CLIENT_SECRET", CLIENT_SECRET.to_owned()),
            ("SUDOR__STRAVA__API_URL", format!("{url}/api/v3")),
            ("SUDOR__STRAVA__OAUTH_URL", format!("{url}/oauth")),
        ]
    }

    pub(crate) fn as_weather(&self) -> Settings {
        let url = self.url();
        vec![
            ("SUDOR__WEATHER__FORECAST_URL", format!("{url}/v1/forecast")),
            ("SUDOR__WEATHER__ARCHIVE_URL", format!("{url}/v1/archive")),
        ]
    }
}

pub(crate) type Settings = Vec<(&'static str, String)>;

pub(crate) async fn start_with(data: &Path, settings: &Settings) -> Service {
    let settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .collect();
    Service::start_with(data, &settings).await
}

/// Both fakes behind one port.
pub(crate) struct Vendors {
    pub(crate) strava: FakeStrava,
    pub(crate) weather: FakeWeather,
    server: Server,
}

impl Vendors {
    pub(crate) async fn start(settings: StravaSettings) -> Self {
        Self::start_behind(settings, |routes| routes).await
    }

    /// With something of the test's own between the service and the fakes.
    pub(crate) async fn start_behind(
        settings: StravaSettings,
        layer: impl FnOnce(Router) -> Router,
    ) -> Self {
        let strava = FakeStrava::new(
            Arc::new(SystemClock),
            StravaSettings {
                client_id: Some(CLIENT_ID.to_owned()),
                client_secret: Some(CLIENT_SECRET.to_owned()),
                ..settings
            },
        );
        let weather = FakeWeather::new(Arc::new(SystemClock));
        let routes = strava.router().merge(weather.router());
        Self {
            server: Server::start(layer(routes)).await,
            strava,
            weather,
        }
    }

    /// Those of a world, whose activities are as they stand at its end.
    pub(crate) async fn of(accounts: &[StravaAccount]) -> Self {
        let vendors = Self::start(StravaSettings {
            // A process that is killed may not have stored what it was given.
            keeps_old_refresh: true,
            ..StravaSettings::default()
        })
        .await;
        for account in accounts {
            vendors.strava.register(account);
        }
        vendors
    }

    pub(crate) fn settings(&self) -> Settings {
        [self.server.as_strava(), self.server.as_weather()].concat()
    }

    pub(crate) async fn service(&self, data: &Path) -> Service {
        start_with(data, &self.settings()).await
    }
}

/// An account whose activities never change.
pub(crate) fn account(
    athlete: &str,
    owner: &str,
    activities: Vec<(&str, String)>,
) -> StravaAccount {
    StravaAccount {
        athlete_id: athlete.to_owned(),
        account_id: owner.to_owned(),
        access_token: ACCESS.replace(OWNER, owner),
        refresh_token: REFRESH.replace(OWNER, owner),
        expires_at: FAR,
        deauthorised_at: None,
        activities: activities
            .into_iter()
            .map(|(id, body)| StravaActivity {
                id: id.to_owned(),
                versions: vec![StravaVersion {
                    at: 0,
                    body: Some(body),
                }],
            })
            .collect(),
    }
}

/// A run of an hour as Strava tells it, in Berlin in summer.
pub(crate) fn activity(id: &str, start: i64, distance_m: f64) -> String {
    let at = |seconds: i64| jiff::Timestamp::from_second(seconds).unwrap().to_string();
    let body = json!({
        "name": "Morning Run", "distance": distance_m, "moving_time": 3600, "elapsed_time": 3600,
        "total_elevation_gain": 20.0, "type": "Run", "sport_type": "Run", "trainer": false,
        "start_date": at(start), "start_date_local": at(start + 7200), "utc_offset": 7200.0,
        "timezone": "(GMT+01:00) Europe/Berlin", "manual": false, "private": false,
        "start_latlng": [52.52, 13.4], "average_heartrate": 148.0, "max_heartrate": 170.0,
        "calories": 700.0, "kudos_count": 0, "embed_token": "embed-3f19c2"
    });
    // An id may be longer than any integer.
    body.to_string()
        .replacen('{', &format!("{{\"id\":{id},"), 1)
}

/// A webhook event about an activity.
pub(crate) fn event(owner: &str, id: &str, aspect: &str, at: i64) -> String {
    format!(
        "{{\"aspect_type\":\"{aspect}\",\"event_time\":{at},\"object_id\":{id},\"object_type\":\"activity\",\"owner_id\":{owner},\"subscription_id\":120475,\"updates\":{{}}}}"
    )
}

impl Service {
    /// Tells of a change, as Strava does.
    pub(crate) async fn hint(&self, event: &str) {
        let path = format!("/webhooks/strava/{STRAVA_SECRET}");
        let (status, said) = self.post(&path, event).await;
        assert_eq!(status, 200, "{event}: {said}");
    }

    pub(crate) async fn link_strava(&self, account: &StravaAccount) {
        let path = format!("/v1/athletes/{}/connections/strava", account.athlete_id);
        let body = json!({
            "account_id": account.account_id, "access_token": account.access_token,
            "refresh_token": account.refresh_token, "expires_at": account.expires_at,
            "scopes": ["activity:read_all"]
        });
        let (status, said) = self.put(&path, &body.to_string()).await;
        assert!(matches!(status, 200 | 201), "{said}");
    }

    /// A new athlete with this account.
    pub(crate) async fn register_strava(&self, account: &StravaAccount) {
        let path = format!("/v1/athletes/{}", account.athlete_id);
        assert_eq!(self.put(&path, "{}").await.0, 201);
        self.link_strava(account).await;
    }

    /// The live and the withdrawn of a list, one page.
    pub(crate) async fn with_retracted(&self, path: &str) -> Vec<Value> {
        let (status, page) = self
            .get(&format!("{path}?include=retracted&limit=1000"))
            .await;
        assert_eq!(status, 200, "{path}: {page}");
        page["items"].as_array().unwrap().clone()
    }
}

/// Source and provider id of the members of a session, but for those that were deleted.
pub(crate) fn members(session: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let members = session["members"].as_array().unwrap().iter();
    let mut members: Vec<_> = members
        .filter(|member| member["role"] != "deleted")
        .map(|member| (text(&member["source"]), text(&member["provider_id"])))
        .collect();
    members.sort();
    members
}
