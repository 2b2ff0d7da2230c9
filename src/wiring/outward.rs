//! What the service does towards the outside by itself: it asks vendors for what they only hinted
//! at, and a weather service for the air around a session.

use std::sync::Arc;

use anyhow::anyhow;
use edge::http::AllowList;
use ingest_connectors::port::{Budgets, HintFeed, Linked, Marks, Registry, Vault};
use ingest_connectors::{
    Connectors, FetchStatus, Fetcher, GarminSettings, Ports, StravaSettings, WeatherFetcher,
    WeatherPorts, WeatherSettings,
};
use schemas::topic;
use sinks_api::{FetchState, Fetches};
use tokio::sync::{Notify, watch};

use super::Service;
use crate::adapters::LogHints;
use crate::shutdown::Shutdown;

/// A loop that asks somebody outside.
pub(super) enum Fetching {
    Vendor(Box<Fetcher>),
    Weather(Box<WeatherFetcher>),
}

/// What the vendors' fetchers say of themselves.
pub(super) struct FetchStates(Vec<watch::Receiver<FetchStatus>>);

impl FetchStates {
    pub(super) fn of(fetching: &[Fetching]) -> Self {
        let status = |one: &Fetching| match one {
            Fetching::Vendor(fetcher) => Some(fetcher.status()),
            Fetching::Weather(_) => None,
        };
        Self(fetching.iter().filter_map(status).collect())
    }
}

impl Fetches for FetchStates {
    fn states(&self) -> Vec<FetchState> {
        let state = |status: &watch::Receiver<FetchStatus>| {
            let status = status.borrow();
            FetchState {
                provider: status.source,
                hints_open: status.hints_open,
                jobs_open: status.jobs_open,
                in_flight: status.in_flight,
                waiting: status
                    .waiting
                    .map(|waiting| (waiting.until.0, waiting.reason)),
            }
        };
        self.0.iter().map(state).collect()
    }
}

impl Fetching {
    pub(super) async fn run(self, stop: Shutdown) {
        match self {
            Self::Vendor(fetcher) => fetcher.run(stop.requested()).await,
            Self::Weather(fetcher) => fetcher.run(stop.requested()).await,
        }
    }
}

impl Service {
    pub(super) fn connectors(&self, linked: Arc<dyn Linked>) -> anyhow::Result<Connectors> {
        let settings = ingest_connectors::Settings {
            garmin: self.garmin()?,
            strava: self.strava(),
            body_bytes_max: self.settings.http.body_limit_bytes,
        };
        let ports = Ports {
            clock: Arc::clone(&self.clock),
            publisher: Arc::new(self.publisher.clone()),
            registry: Arc::clone(&self.vault) as Arc<dyn Registry>,
            vault: Arc::clone(&self.vault) as Arc<dyn Vault>,
            linked,
        };
        Ok(Connectors::new(settings, ports))
    }

    /// The loops, in no order: each has its own position in the log.
    pub(super) fn fetchers(&self, connectors: &Connectors) -> anyhow::Result<Vec<Fetching>> {
        let marks = || Arc::clone(&self.vault) as Arc<dyn Marks>;
        let budgets = || Arc::clone(&self.vault) as Arc<dyn Budgets>;
        let hints = |topic| -> anyhow::Result<Box<dyn HintFeed>> {
            Ok(Box::new(LogHints::of_vendor(self.log.subscriber()?, topic)))
        };
        let strava = Fetcher::strava(connectors, hints(topic::RAW_STRAVA)?, marks(), budgets())?;
        let garmin = Fetcher::garmin(connectors, hints(topic::RAW_GARMIN)?, marks(), budgets())?;
        let weather = WeatherFetcher::new(
            self.weather(),
            WeatherPorts {
                feed: Box::new(LogHints::of_weather(self.log.subscriber()?)),
                publisher: Arc::new(self.publisher.clone()),
                marks: marks(),
                clock: Arc::clone(&self.clock),
                wake: Arc::new(Notify::new()),
            },
        )?;
        let vendors = [strava, garmin].into_iter().flatten();
        Ok(vendors
            .map(|fetcher| Fetching::Vendor(Box::new(fetcher)))
            .chain([Fetching::Weather(Box::new(weather))])
            .collect())
    }

    fn garmin(&self) -> anyhow::Result<Option<GarminSettings>> {
        let settings = &self.settings.garmin;
        let callback_hosts = AllowList::new(&settings.callback_hosts)
            .map_err(|error| anyhow!("garmin.callback_hosts: {error}"))?;
        Ok(settings.secret.clone().map(|secret| GarminSettings {
            secret,
            client_id: settings.client_id.clone(),
            callback_hosts,
        }))
    }

    fn strava(&self) -> Option<StravaSettings> {
        let settings = &self.settings.strava;
        let secret = settings.secret.clone()?;
        Some(StravaSettings {
            // A handshake must not succeed for want of a token.
            verify_token: settings
                .verify_token
                .clone()
                .unwrap_or_else(|| secret.clone()),
            secret,
            subscription_id: settings.subscription_id,
            client_id: settings.client_id.clone().unwrap_or_default(),
            client_secret: settings.client_secret.clone().unwrap_or_default(),
            api_url: settings.api_url.clone(),
            oauth_url: settings.oauth_url.clone(),
            streams: settings.streams,
        })
    }

    fn weather(&self) -> WeatherSettings {
        let settings = &self.settings.weather;
        WeatherSettings {
            forecast_url: settings.forecast_url.clone(),
            archive_url: settings.archive_url.clone(),
            archive_after_days: settings.archive_after_days,
            api_key: settings.api_key.clone(),
            ..WeatherSettings::default()
        }
    }
}
