//! The ledger of a sender while the broker is killed: what was acknowledged is in the log, and what was
//! refused while no broker was there is nowhere.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a test that finds a server by its environment, and reads answers that it knows"
)]

#[cfg(test)]
#[allow(dead_code, reason = "shared with the suite on a broker")]
#[path = "kafka/cluster.rs"]
mod cluster;
#[cfg(test)]
#[allow(dead_code, reason = "shared with the suite about order")]
#[path = "order/items.rs"]
mod items;
#[cfg(test)]
#[allow(dead_code, reason = "shared with the suite of the program")]
#[path = "program/support.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cluster::{Reading, World, server};
use schemas::AnyRecord;
use serde_json::{Value, json};
use stream_log::Topic;
use support::{Service, count, until};
use tokio::task::JoinSet;

const SENDERS: u64 = 8;
/// Acknowledged before the broker is killed, with requests of all senders under way.
const BEFORE: u64 = 120;
/// How often a sender is refused before it waits for the broker.
const REFUSALS: usize = 25;
/// Acknowledged to each sender once the broker is back.
const AFTER: usize = 10;
const ITEMS: u64 = 2;

/// The broker's process, from outside.
fn broker(verb: &str) {
    let xtask = std::env::var("SUDOR_TEST_XTASK").unwrap();
    let mut command = Command::new(xtask);
    let done = command.args(["servers", verb, "kafka"]).output().unwrap();
    assert!(done.status.success(), "{verb}: {done:?}");
}

/// What a sender knows of its items.
#[derive(Default)]
struct Ledger {
    acknowledged: BTreeSet<u64>,
    /// The request was sent and answered while there was no broker.
    refused: BTreeSet<u64>,
    /// The broker died, or came back, in the meantime: it may have been kept.
    in_doubt: BTreeSet<u64>,
}

impl Ledger {
    fn merge(&mut self, other: Self) {
        self.acknowledged.extend(other.acknowledged);
        self.refused.extend(other.refused);
        self.in_doubt.extend(other.in_doubt);
    }
}

/// What all senders see of the world.
#[derive(Default)]
struct Scene {
    next: AtomicU64,
    acknowledged: AtomicU64,
    is_away: AtomicBool,
}

#[derive(Clone)]
struct Sender {
    client: reqwest::Client,
    url: String,
    number: u64,
    scene: Arc<Scene>,
}

impl Sender {
    /// A delivery of new items, and whether it was taken.
    async fn send(&self, ledger: &mut Ledger) -> bool {
        let first = self.scene.next.fetch_add(ITEMS, Ordering::AcqRel);
        let ids = first..first + ITEMS;
        let items: Vec<Value> = ids.clone().map(|id| self.workout(id)).collect();
        let body = json!({ "activities": items }).to_string();
        let was_away = self.scene.is_away.load(Ordering::Acquire);
        let request = self.client.post(&self.url).body(body);
        let request = request.header("content-type", "application/json");
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        if status == 200 {
            self.scene.acknowledged.fetch_add(1, Ordering::AcqRel);
            ledger.acknowledged.extend(ids);
            return true;
        }
        let wait = answer.headers().get("retry-after").cloned();
        let said = answer.text().await.unwrap();
        assert_eq!(status, 503, "{said}");
        let seconds: u64 = wait.unwrap().to_str().unwrap().parse().unwrap();
        assert!(seconds > 0, "{said}");
        assert!(said.contains("urn:sudor:problem:unavailable"), "{said}");
        match was_away && self.scene.is_away.load(Ordering::Acquire) {
            true => ledger.refused.extend(ids),
            false => ledger.in_doubt.extend(ids),
        }
        false
    }

    fn workout(&self, id: u64) -> Value {
        json!({
            "userId": format!("garmin-{}", self.number), "summaryId": id.to_string(),
            "activityId": id, "activityType": "RUNNING",
            "startTimeInSeconds": 1_700_000_000 + 7_200 * id, "startTimeOffsetInSeconds": 0,
            "durationInSeconds": 3_000, "distanceInMeters": 10_000.0
        })
    }

    async fn until_refused(self) -> Ledger {
        let mut ledger = Ledger::default();
        let mut refusals = 0;
        while refusals < REFUSALS {
            if !self.send(&mut ledger).await {
                refusals += 1;
            }
        }
        ledger
    }

    /// The broker answers again.
    async fn taken(self) -> Ledger {
        let mut ledger = Ledger::default();
        for _ in 0..AFTER {
            assert!(
                self.send(&mut ledger).await,
                "refused by a broker that is back"
            );
        }
        ledger
    }
}

fn all<F>(senders: &[Sender], work: impl Fn(Sender) -> F) -> JoinSet<Ledger>
where
    F: Future<Output = Ledger> + Send + 'static,
{
    let mut open = JoinSet::new();
    for sender in senders {
        open.spawn(work(sender.clone()));
    }
    open
}

async fn merged(open: JoinSet<Ledger>, into: &mut Ledger) {
    for ledger in open.join_all().await {
        into.merge(ledger);
    }
}

/// How often each item is in the log.
fn logged(world: &World) -> BTreeMap<u64, usize> {
    let mut counts = BTreeMap::new();
    for found in Reading::new(world, vec![Topic("sudor.raw.garmin")]).rest() {
        let AnyRecord::RawReceived(raw) = schemas::decode_any(&found.record.value).unwrap() else {
            panic!("not a raw item: {found:?}");
        };
        let item: Value = serde_json::from_slice(&raw.body).unwrap();
        let id = item["activityId"].as_u64().unwrap();
        *counts.entry(id).or_default() += 1;
    }
    counts
}

async fn senders(service: &Service) -> Vec<Sender> {
    let scene = Arc::new(Scene::default());
    // A connection that nobody used for a while may be closed by the service at the moment when it is used.
    let client = reqwest::Client::builder().no_proxy();
    let client = client.pool_max_idle_per_host(0).build().unwrap();
    let mut senders = Vec::new();
    for number in 0..SENDERS {
        let (athlete, account) = (format!("athlete-{number}"), format!("garmin-{number}"));
        service.register(&athlete, &account).await;
        senders.push(Sender {
            client: client.clone(),
            url: service.garmin(),
            number,
            scene: Arc::clone(&scene),
        });
    }
    senders
}

/// The broker dies under the load, or before it, and comes back.
async fn is_kept(name: &str, before: u64) {
    let Some(brokers) = server("SUDOR_TEST_KAFKA") else {
        return;
    };
    let world = World::new(&brokers, name);
    world.run(&["topics", "create"]);
    let service = world.start_as("ingest", "ingest").await;
    let senders = senders(&service).await;
    let scene = Arc::clone(&senders[0].scene);
    let mut ledger = Ledger::default();
    if before == 0 {
        broker("kill");
        scene.is_away.store(true, Ordering::Release);
    }
    let open = all(&senders, Sender::until_refused);
    if before > 0 {
        until("there is load", async || {
            (scene.acknowledged.load(Ordering::Acquire) >= before).then_some(())
        })
        .await;
        broker("kill");
        scene.is_away.store(true, Ordering::Release);
    }
    merged(open, &mut ledger).await;
    assert_eq!(ledger.acknowledged.is_empty(), before == 0);
    assert!(ledger.refused.len() > 100, "{}", ledger.refused.len());
    scene.is_away.store(false, Ordering::Release);
    broker("up");
    until("the broker is back", async || {
        senders[0].send(&mut ledger).await.then_some(())
    })
    .await;
    merged(all(&senders, Sender::taken), &mut ledger).await;
    assert!(service.terminate().await.success());

    let logged = logged(&world);
    for id in &ledger.acknowledged {
        assert_eq!(logged.get(id), Some(&1), "acknowledged: {id}");
    }
    for id in &ledger.refused {
        assert_eq!(logged.get(id), None, "refused without a broker: {id}");
    }
    let known = |id: &u64| ledger.acknowledged.contains(id) || ledger.in_doubt.contains(id);
    assert!(logged.keys().all(known), "nothing else is there");

    // All that is there is received, once.
    let service = world.start("all").await;
    let quality = service.idle().await;
    let total: usize = logged.values().sum();
    let received = count(&quality, "garmin", "received");
    assert_eq!(usize::try_from(received).unwrap(), total);
    assert!(service.terminate().await.success());
    world.verify("all");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_is_in_the_log_when_the_broker_dies_under_the_load() {
    is_kept("ledger", BEFORE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_kept_for_a_broker_that_was_away_before_anything_came() {
    is_kept("away", 0).await;
}
