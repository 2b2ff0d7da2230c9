//! The vendors of the demo: a Strava and a weather service of its own, on the loopback, which the
//! service asks over HTTP as it would ask the real ones.

use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use edge::{Clock, SystemClock};
use ingest_simulator::StravaAccount;
use ingest_simulator::fakes::{FakeStrava, FakeWeather, StravaSettings};
use tokio::net::TcpListener;

/// Any free port of this machine.
const ANYWHERE: &str = "127.0.0.1:0";

/// They live as long as the runtime that they were started on.
pub(crate) struct Vendors {
    strava: Arc<FakeStrava>,
    strava_url: Option<String>,
    weather_url: Option<String>,
}

impl Vendors {
    pub(crate) async fn start(
        strava_at: Option<&str>,
        weather_at: Option<&str>,
    ) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let strava = Arc::new(FakeStrava::new(
            Arc::clone(&clock),
            StravaSettings::default(),
        ));
        let weather = FakeWeather::new(clock);
        Ok(Self {
            strava_url: serve(strava_at, strava.router()).await?,
            weather_url: serve(weather_at, weather.router()).await?,
            strava,
        })
    }

    pub(crate) async fn start_anywhere() -> anyhow::Result<Self> {
        Self::start(Some(ANYWHERE), Some(ANYWHERE)).await
    }

    /// What a service is told, so that it asks here.
    pub(crate) fn addresses(&self) -> Vec<(&'static str, String)> {
        let strava = self.strava_url.iter().flat_map(|url| {
            [
                ("strava.api_url", format!("{url}/api/v3")),
                ("strava.oauth_url", format!("{url}/oauth")),
            ]
        });
        let weather = self.weather_url.iter().flat_map(|url| {
            [
                ("weather.forecast_url", format!("{url}/v1/forecast")),
                ("weather.archive_url", format!("{url}/v1/archive")),
            ]
        });
        strava.chain(weather).collect()
    }

    /// Before the account is linked: what it can be asked for.
    pub(crate) fn know(&self, account: &StravaAccount) {
        self.strava.register(account);
    }
}

async fn serve(address: Option<&str>, routes: Router) -> anyhow::Result<Option<String>> {
    let Some(address) = address else {
        return Ok(None);
    };
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    let url = format!("http://{}", listener.local_addr()?);
    spawn(listener, routes);
    Ok(Some(url))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a vendor of the demo lives as long as the demo"
)]
fn spawn(listener: TcpListener, routes: Router) {
    tokio::spawn(async move { axum::serve(listener, routes).await });
}
