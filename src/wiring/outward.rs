//! What the service does towards the outside by itself: it asks vendors for what they only hinted
//! at, and a weather service for the air around a session.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::anyhow;
use edge::Clock;
use edge::http::AllowList;
use ingest_connectors::port::{Budgets, HintFeed, Linked, Marks, Registry, RegistryError, Vault};
use ingest_connectors::{
    Connectors, FetchStatus, Fetcher, GarminSettings, Ports, StravaSettings, WeatherFetcher,
    WeatherPorts, WeatherSettings,
};
use schemas::topic;
use sinks_api::{FetchState, Fetches};
use stream_embedded::EmbeddedLog;
use stream_log::Partition;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::Service;
use crate::adapters::{LogHints, LogPublisher, Ours};
use crate::loops::{Share, Shares};
use crate::shutdown::{self, Shutdown};

/// A loop that asks somebody outside.
enum Fetching {
    Vendor(Box<Fetcher>),
    Weather(Box<WeatherFetcher>),
}

/// What the vendors' fetchers say of themselves.
#[derive(Clone, Default)]
pub(super) struct FetchStates(Arc<Mutex<Vec<watch::Receiver<FetchStatus>>>>);

impl FetchStates {
    fn set(&self, fetching: &[Fetching]) {
        let status = |one: &Fetching| match one {
            Fetching::Vendor(fetcher) => Some(fetcher.status()),
            Fetching::Weather(_) => None,
        };
        let mut states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *states = fetching.iter().filter_map(status).collect();
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
        let states = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        states.iter().map(state).collect()
    }
}

impl Fetching {
    async fn run(self, stop: Shutdown) {
        match self {
            Self::Vendor(fetcher) => fetcher.run(stop.requested()).await,
            Self::Weather(fetcher) => fetcher.run(stop.requested()).await,
        }
    }
}

/// All fetching of this process: for everybody, or for its share of the athletes, and anew whenever
/// that changes. The log says what is open, so whoever takes over reads it there.
pub(super) struct Fetchers {
    source: Source,
    first: Vec<Fetching>,
    share: Option<Share>,
    states: FetchStates,
}

impl Fetchers {
    pub(super) fn states(&self) -> FetchStates {
        self.states.clone()
    }

    pub(super) async fn run(self, stop: Shutdown) {
        let Some(mut share) = self.share else {
            let mut work = start(self.first, &stop);
            while work.join_next().await.is_some() {}
            return;
        };
        loop {
            let shares = share.borrow_and_update().clone();
            let fetching = match self.source.all(Some(&shares)) {
                Ok(fetching) => fetching,
                Err(error) => {
                    tracing::error!(error = %format!("{error:#}"), "fetching cannot begin");
                    Vec::new()
                }
            };
            self.states.set(&fetching);
            let (trigger, ended) = shutdown::channel();
            let mut work = start(fetching, &ended);
            let goes_on = tokio::select! {
                () = stop.clone().requested() => false,
                changed = share.changed() => changed.is_ok(),
            };
            trigger.request();
            // What is under way is fetched to its end.
            while work.join_next().await.is_some() {}
            if !goes_on {
                return;
            }
        }
    }
}

fn start(fetching: Vec<Fetching>, stop: &Shutdown) -> JoinSet<()> {
    let mut work = JoinSet::new();
    for one in fetching {
        work.spawn(one.run(stop.clone()));
    }
    work
}

/// What a fetcher is made of.
struct Source {
    log: Arc<EmbeddedLog>,
    vault: Arc<ingest_vault::Vault>,
    publisher: LogPublisher,
    clock: Arc<dyn Clock>,
    connectors: Connectors,
    weather: WeatherSettings,
    generation: u32,
}

impl Source {
    /// The loops, in no order: each has its own position in the log.
    fn all(&self, shares: Option<&Shares>) -> anyhow::Result<Vec<Fetching>> {
        let ours: Ours = shares.map(|shares| Arc::new(shares.keys().copied().collect()));
        if ours.as_ref().is_some_and(|ours| ours.is_empty()) {
            return Ok(Vec::new());
        }
        let marks: Arc<dyn Marks> = match &ours {
            None => Arc::clone(&self.vault) as Arc<dyn Marks>,
            Some(ours) => Arc::new(ShareMarks::new(
                Arc::clone(&self.vault),
                ours,
                self.generation,
            )),
        };
        let budgets = || Arc::clone(&self.vault) as Arc<dyn Budgets>;
        let hints = |topic| -> anyhow::Result<Box<dyn HintFeed>> {
            let subscriber = self.log.subscriber()?;
            Ok(Box::new(LogHints::of_vendor(
                subscriber,
                topic,
                ours.clone(),
            )))
        };
        let (connectors, marks) = (&self.connectors, || Arc::clone(&marks));
        let strava = Fetcher::strava(connectors, hints(topic::RAW_STRAVA)?, marks(), budgets())?;
        let garmin = Fetcher::garmin(connectors, hints(topic::RAW_GARMIN)?, marks(), budgets())?;
        let weather = WeatherFetcher::new(
            self.weather.clone(),
            WeatherPorts {
                feed: Box::new(LogHints::of_weather(self.log.subscriber()?, ours.clone())),
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
}

/// A mark says that all below it is done for the athletes it was set for, so each share has its own.
struct ShareMarks {
    vault: Arc<ingest_vault::Vault>,
    share: String,
}

impl ShareMarks {
    fn new(vault: Arc<ingest_vault::Vault>, ours: &BTreeSet<Partition>, generation: u32) -> Self {
        let numbers: Vec<String> = ours.iter().map(|one| one.0.to_string()).collect();
        let share = numbers.join(",");
        // A mark is a place in the copy of one generation.
        let share = match generation {
            1 => share,
            later => format!("g{later}:{share}"),
        };
        Self { vault, share }
    }

    fn named(&self, name: &str) -> String {
        format!("{name}@{}", self.share)
    }
}

impl Marks for ShareMarks {
    fn mark(&self, name: &str) -> Result<u64, RegistryError> {
        self.vault.mark(&self.named(name))
    }

    fn set_mark(&self, name: &str, position: u64) -> Result<(), RegistryError> {
        self.vault.set_mark(&self.named(name), position)
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

    pub(super) fn fetchers(&self, connectors: &Connectors) -> anyhow::Result<Fetchers> {
        let source = Source {
            log: Arc::clone(&self.log),
            vault: Arc::clone(&self.vault),
            publisher: self.publisher.clone(),
            clock: Arc::clone(&self.clock),
            connectors: connectors.clone(),
            weather: self.weather(),
            generation: self.settings.log.generation(),
        };
        let states = FetchStates::default();
        let first = match self.share {
            None => source.all(None)?,
            Some(_) => Vec::new(),
        };
        states.set(&first);
        Ok(Fetchers {
            source,
            first,
            share: self.share.clone(),
            states,
        })
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
