//! A simulated world over HTTP, and the ledger of what was acknowledged.

use ingest_simulator::{
    Delivery, GARMIN_SECRET_PLACEHOLDER, Method, Mix, STRAVA_SECRET_PLACEHOLDER, StravaAccount,
    WorldOptions,
};

use super::support::{SECRET, Service};
use super::vendors::STRAVA_SECRET;

/// A fixed past, so that a world is the same on every day: 2025-06-01T00:00:00Z.
pub(crate) const END: i64 = 1_748_736_000_000_000;

pub(crate) struct World {
    pub(crate) registrations: Vec<Delivery>,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) athletes: Vec<String>,
    pub(crate) strava: Vec<StravaAccount>,
}

pub(crate) fn world(athletes: u32, days: u32, seed: u64) -> World {
    world_of(athletes, days, seed, Mix::default())
}

pub(crate) fn world_of(athletes: u32, days: u32, seed: u64, mix: Mix) -> World {
    let options = WorldOptions {
        athletes,
        days,
        seed,
        end: END,
    };
    let mut world = World {
        registrations: Vec::new(),
        deliveries: Vec::new(),
        athletes: Vec::new(),
        strava: Vec::new(),
    };
    for mut block in ingest_simulator::blocks(ingest_simulator::world_of(options, mix)) {
        world.registrations.append(&mut block.registrations);
        world.deliveries.append(&mut block.deliveries);
        world.strava.append(&mut block.strava);
        let ids = block.truth.iter().map(|truth| truth.athlete_id.clone());
        world.athletes.extend(ids);
    }
    world
}

/// Posts one delivery; `None` when no answer came.
pub(crate) async fn post(
    client: &reqwest::Client,
    url: &str,
    delivery: &Delivery,
) -> Option<reqwest::StatusCode> {
    let path = delivery
        .path
        .replace(GARMIN_SECRET_PLACEHOLDER, SECRET)
        .replace(STRAVA_SECRET_PLACEHOLDER, STRAVA_SECRET);
    let url = format!("{url}{path}");
    let request = match delivery.method {
        Method::Put => client.put(url),
        Method::Post => client.post(url),
    };
    let request = request.header("content-type", delivery.content_type);
    let answer = request.body(delivery.body.clone()).send().await.ok()?;
    let status = answer.status();
    // An answer that was cut is no answer.
    answer.bytes().await.ok()?;
    Some(status)
}

/// Posts everything in order, all of which has to be taken.
pub(crate) async fn post_all(service: &Service, deliveries: &[Delivery]) {
    for delivery in deliveries {
        let status = post(&service.client, &service.url, delivery).await.unwrap();
        assert!(status.is_success(), "{}: {status}", delivery.path);
    }
}
