//! Simulated deliveries as raw items, through the real connectors: the bench measures what comes
//! after them.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, anyhow};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use edge::{Clock, ManualClock, UnixMicros};
use ingest_connectors::memory::MemoryAccounts;
use ingest_connectors::port::{Answer, PublishError, Publisher};
use ingest_connectors::{Connectors, GarminSettings, Ports, Settings};
use ingest_simulator::{Delivery, GARMIN_SECRET_PLACEHOLDER};
use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use tower::ServiceExt;

const SECRET: &str = "bench";

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
                client_id: None,
            }),
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
        let path = delivery.path.replace(GARMIN_SECRET_PLACEHOLDER, SECRET);
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
