//! SIGKILL at random moments under load. Nothing that was acknowledged is lost, nothing counts
//! twice, and what comes of it is what a run without a kill gives.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ingest_simulator::{Delivery, Method, Source, StravaAccount, WorldOptions};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rusqlite::Connection;
use schemas::AnyRecord;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use super::content::{assert_same, content};
use super::support::{Service, assert_verified, output};
use super::vendors::Vendors;
use super::world::{END, post};

const KILLS: usize = 20;

/// The deliveries of one athlete: one is on its way at a time, so that their order is kept.
struct Lane {
    athlete: String,
    deliveries: Vec<Delivery>,
    next: usize,
}

fn lanes() -> (Vec<Lane>, Vec<StravaAccount>) {
    let options = WorldOptions {
        athletes: 16,
        days: 5,
        seed: 11,
        end: END,
    };
    let mut accounts = Vec::new();
    let lanes = ingest_simulator::world(options)
        .map(|world| {
            accounts.extend(world.strava);
            Lane {
                athlete: world.athlete_id,
                deliveries: [world.registrations, world.deliveries].concat(),
                next: 0,
            }
        })
        .collect();
    (lanes, accounts)
}

fn left(lanes: &[Lane]) -> usize {
    let left = |lane: &Lane| lane.deliveries.len() - lane.next;
    lanes.iter().map(left).sum()
}

/// What got a 2xx: athlete, source, and the item's bytes or its derived id.
type Ledger = BTreeSet<(String, &'static str, String)>;

/// Posts all lanes at once until so many were acknowledged, then ends the service without a word,
/// with requests still open. Without a number: until nothing is left.
async fn load(
    service: Service,
    lanes: &mut [Lane],
    kill_after: Option<usize>,
    ledger: &mut Ledger,
) -> Option<Service> {
    let mut open = JoinSet::new();
    for (number, lane) in lanes.iter().enumerate() {
        send(&mut open, &service, number, lane);
    }
    let (client, url) = (service.client.clone(), service.url.clone());
    let mut running = Some(service);
    let mut acknowledged = 0;
    while let Some(done) = open.join_next().await {
        let (number, status) = done.unwrap();
        let lane = &mut lanes[number];
        let Some(status) = status else {
            assert!(running.is_none(), "no answer from {url}");
            continue;
        };
        assert!(status.is_success(), "{status}");
        note(ledger, &lane.athlete, &lane.deliveries[lane.next]);
        lane.next += 1;
        acknowledged += 1;
        if kill_after == Some(acknowledged) {
            assert!(!open.is_empty(), "nothing was on its way");
            running.take().unwrap().kill();
        } else if running.is_some() {
            spawn(&mut open, &client, &url, number, lane);
        }
    }
    running
}

type Open = JoinSet<(usize, Option<reqwest::StatusCode>)>;

fn send(open: &mut Open, service: &Service, number: usize, lane: &Lane) {
    spawn(open, &service.client, &service.url, number, lane);
}

fn spawn(open: &mut Open, client: &reqwest::Client, url: &str, number: usize, lane: &Lane) {
    let Some(delivery) = lane.deliveries.get(lane.next).cloned() else {
        return;
    };
    let (client, url) = (client.clone(), url.to_owned());
    open.spawn(async move { (number, post(&client, &url, &delivery).await) });
}

fn note(ledger: &mut Ledger, athlete: &str, delivery: &Delivery) {
    let source = delivery.source.as_str();
    let body: &RawValue = serde_json::from_slice(&delivery.body).unwrap();
    let items: Vec<String> = match (delivery.method, delivery.source) {
        (Method::Put, _) if delivery.items == 0 => Vec::new(),
        (Method::Put, _) => vec![registration(body)],
        (Method::Post, Source::App) if body.get().starts_with('[') => {
            let items: Vec<&RawValue> = serde_json::from_str(body.get()).unwrap();
            items
                .into_iter()
                .map(|item| item.get().to_owned())
                .collect()
        }
        (Method::Post, Source::App | Source::Strava | Source::Scan) => vec![body.get().to_owned()],
        (Method::Post, Source::Garmin) => lists(body),
        (Method::Post, Source::Healthkit) => {
            let upload: BTreeMap<String, &RawValue> = serde_json::from_str(body.get()).unwrap();
            lists(upload["data"])
        }
    };
    assert_eq!(items.len(), delivery.items);
    ledger.extend(
        items
            .into_iter()
            .map(|item| (athlete.to_owned(), source, item)),
    );
}

fn registration(body: &RawValue) -> String {
    let digest = Sha256::digest(body.get().as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("registration:{}", &hex[..16])
}

fn lists(body: &RawValue) -> Vec<String> {
    let lists: BTreeMap<String, Vec<&RawValue>> = serde_json::from_str(body.get()).unwrap();
    let items = lists.into_values().flatten();
    items.map(|item| item.get().to_owned()).collect()
}

/// What the log holds, in the ledger's words.
fn logged(data: &Path) -> BTreeSet<(String, String, String)> {
    let log = Connection::open(data.join("log.db")).unwrap();
    let mut records = log.prepare("SELECT value FROM records").unwrap();
    let values = records
        .query_map([], |row| row.get::<_, Vec<u8>>(0))
        .unwrap();
    values
        .filter_map(|value| match schemas::decode_any(&value.unwrap()) {
            Ok(AnyRecord::RawReceived(raw)) => Some(raw),
            _ => None,
        })
        .map(|raw| {
            let derived = raw.provider_id.filter(|id| id.starts_with("registration:"));
            let item = derived.unwrap_or_else(|| String::from_utf8(raw.body).unwrap());
            (raw.athlete_id.unwrap(), raw.source, item)
        })
        .collect()
}

/// Items in the log that were not processed when the process died; verify holds at that moment.
fn pending(data: &Path) -> u64 {
    let said = output(&["verify", "--json", "--data", data.to_str().unwrap()]);
    assert!(said.status.success(), "{said:?}");
    let report: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    report["pending"].as_u64().unwrap()
}

#[tokio::test]
async fn a_kill_at_any_moment_loses_nothing_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut straight, accounts) = lanes();
    let athletes: Vec<String> = straight.iter().map(|lane| lane.athlete.clone()).collect();
    let vendors = Vendors::of(&accounts).await;
    let service = vendors.service(&folder.path().join("straight")).await;
    let service = load(service, &mut straight, None, &mut Ledger::new()).await;
    let service = service.unwrap();
    service.idle().await;
    let expected = content(&service, &athletes).await;
    drop(service);

    // Tokens rotate, so that each service has a Strava of its own.
    let vendors = Vendors::of(&accounts).await;
    let data = folder.path().join("killed");
    let mut dice = ChaCha8Rng::seed_from_u64(4);
    let (mut lanes, _) = lanes();
    let mut ledger = Ledger::new();
    let mut unprocessed = 0;
    for kills_left in (1..=KILLS).rev() {
        let share = left(&lanes) / (kills_left + 1);
        let moment = 1 + usize::try_from(dice.next_u32()).unwrap() % share.max(1);
        let service = vendors.service(&data).await;
        let ended = load(service, &mut lanes, Some(moment), &mut ledger).await;
        assert!(ended.is_none() && left(&lanes) > 0, "killed too late");
        unprocessed += pending(&data);
    }
    assert!(unprocessed > 0, "no kill hit work in progress");

    let service = vendors.service(&data).await;
    let service = load(service, &mut lanes, None, &mut ledger).await.unwrap();
    service.idle().await;
    assert_same(&expected, &content(&service, &athletes).await);
    assert!(service.terminate().await.success());
    assert_verified(&data);
    let logged = logged(&data);
    for (athlete, source, item) in ledger {
        let item = (athlete, source.to_owned(), item);
        assert!(logged.contains(&item), "acknowledged and lost: {item:?}");
    }
}
