//! Simulated deliveries as raw items, through the real connectors: the bench measures what comes
//! after them.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, anyhow};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use edge::{Clock, ManualClock, UnixMicros};
use ingest_connectors::memory::MemoryAccounts;
use ingest_connectors::port::{Answer, PublishError, Publisher};
use ingest_connectors::{Connectors, GarminSettings, Ports, Settings, StravaSettings};
use ingest_simulator::{
    AthleteWorld, Delivery, GARMIN_SECRET_PLACEHOLDER, STRAVA_SECRET_PLACEHOLDER, WorldOptions,
};
use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use tower::ServiceExt;

use crate::progress::Progress;

const SECRET: &str = "bench";

/// Nobody is asked: a bench has no network.
const NOWHERE: &str = "http://127.0.0.1:9";

fn strava() -> StravaSettings {
    StravaSettings {
        secret: SECRET.to_owned().into(),
        verify_token: SECRET.to_owned().into(),
        subscription_id: 0,
        client_id: String::new(),
        client_secret: SECRET.to_owned().into(),
        api_url: NOWHERE.to_owned(),
        oauth_url: NOWHERE.to_owned(),
        streams: false,
    }
}

/// What the fetchers would bring for an athlete: activities, and the air of each hour.
pub(super) fn asked_for(world: &AthleteWorld) -> Vec<RawReceived> {
    let told = world.fetched().into_iter().chain(world.weather_answers());
    told.zip(0_u32..)
        .map(|(item, index)| item.raw(format!("{}/{index}", item.athlete_id)))
        .collect()
}

/// All that a world's vendors and apps deliver, and what the fetchers would bring, in the order of a
/// demo.
pub(super) async fn items_of(
    options: WorldOptions,
    progress: &Progress,
) -> anyhow::Result<Vec<RawReceived>> {
    let splitter = Splitter::new(UnixMicros(options.end));
    let mut items = Vec::new();
    let asked = RefCell::new(Vec::new());
    let worlds = ingest_simulator::world(options)
        .inspect(|world| asked.borrow_mut().extend(asked_for(world)));
    for block in ingest_simulator::blocks(worlds) {
        for delivery in block.registrations.iter().chain(&block.deliveries) {
            items.extend(splitter.split(delivery).await?);
        }
        items.append(&mut asked.borrow_mut());
        progress.advance(block.truth.len());
    }
    Ok(items)
}

/// Splits deliveries as the service would.
pub(super) struct Splitter {
    routes: Router,
    collected: Arc<Collected>,
    clock: Arc<ManualClock>,
}

#[derive(Default)]
struct Collected(Mutex<Vec<RawReceived>>);

impl Publisher for Collected {
    fn publish(&self, items: Vec<RawReceived>) -> Answer<Result<(), PublishError>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(items);
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Splitter {
    pub(super) fn new(now: UnixMicros) -> Self {
        let collected = Arc::new(Collected::default());
        let accounts = Arc::new(MemoryAccounts::default());
        let clock = Arc::new(ManualClock::at(now));
        let settings = Settings {
            garmin: Some(GarminSettings {
                secret: SECRET.to_owned().into(),
                ..GarminSettings::default()
            }),
            strava: Some(strava()),
            ..Settings::default()
        };
        let ports = Ports {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            publisher: Arc::clone(&collected) as Arc<dyn Publisher>,
            registry: Arc::clone(&accounts) as Arc<dyn ingest_connectors::port::Registry>,
            vault: Arc::clone(&accounts) as Arc<dyn ingest_connectors::port::Vault>,
            linked: accounts,
        };
        let routes = ingest_connectors::router(Connectors::new(settings, ports));
        Self {
            routes: routes.into(),
            collected,
            clock,
        }
    }

    /// The items of one delivery, stamped with the time it was sent.
    pub(super) async fn split(&self, delivery: &Delivery) -> anyhow::Result<Vec<RawReceived>> {
        // What the connector writes into a registration is stamped by this clock too.
        self.clock.set(UnixMicros(delivery.at));
        let path = delivery
            .path
            .replace(GARMIN_SECRET_PLACEHOLDER, SECRET)
            .replace(STRAVA_SECRET_PLACEHOLDER, SECRET);
        let request = Request::builder()
            .method(delivery.method.as_str())
            .uri(&path)
            .header("content-type", delivery.content_type)
            .body(Body::from(delivery.body.clone()))
            .context("a delivery is no request")?;
        let answer = self
            .routes
            .clone()
            .oneshot(request)
            .await
            .map_err(|never| match never {})?;
        if !answer.status().is_success() {
            return Err(anyhow!("{path} answered {}", answer.status()));
        }
        let mut items = std::mem::take(
            &mut *self
                .collected
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for item in &mut items {
            item.received_at = Micros(delivery.at);
        }
        Ok(items)
    }
}
