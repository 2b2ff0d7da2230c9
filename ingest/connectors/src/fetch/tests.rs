//! Fetching, from a hint in the log to the end of its fetch.

use std::sync::{Arc, Mutex};

use edge::http::AllowList;
use edge::{ManualClock, UnixMicros};
use schemas::record::ingest::RawReceived;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::Fetcher;
use crate::memory::{MemoryAccounts, MemoryFeed, MemoryProgress};
use crate::port::{Answer, Asked, AthleteRef, PublishError, Publisher, Registry, Tokens, Vault};
use crate::receive::{Connectors, Item, raw_records};
use crate::{GarminSettings, Ports, Settings, StravaSettings};

mod driver;
mod garmin;
mod no_use;
mod property;
mod queue;
mod vendor;

use vendor::{Reply, Vendor};

/// 2026-03-01T08:00:00Z, the first second of a quarter hour.
const NOW: i64 = 1_772_352_000_000_000;
const SECOND: i64 = 1_000_000;

/// A log that a fetcher reads what it publishes from.
#[derive(Clone, Default)]
struct Log {
    feed: MemoryFeed,
    records: Arc<Mutex<Vec<RawReceived>>>,
    refusal: Arc<Mutex<Option<PublishError>>>,
}

impl Publisher for Log {
    fn publish(&self, items: Vec<RawReceived>) -> Answer<Result<(), PublishError>> {
        let refused = self.refusal.lock().unwrap().clone();
        if let Some(refused) = refused {
            return Box::pin(std::future::ready(Err(refused)));
        }
        for item in items {
            self.records.lock().unwrap().push(item.clone());
            self.feed.append(Asked::Raw(Box::new(item)));
        }
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A vendor, and everything of us that outlives a process.
struct Rig {
    vendor: Vendor,
    log: Log,
    accounts: Arc<MemoryAccounts>,
    progress: MemoryProgress,
    clock: Arc<ManualClock>,
    connectors: Connectors,
}

impl Rig {
    async fn new() -> Self {
        Self::with_streams(false).await
    }

    async fn with_streams(streams: bool) -> Self {
        let vendor = Vendor::start().await;
        let log = Log::default();
        let accounts = Arc::new(MemoryAccounts::default());
        let clock = Arc::new(ManualClock::at(UnixMicros(NOW + 5 * SECOND)));
        let strava = StravaSettings {
            secret: "s3cret".into(),
            verify_token: "verify".into(),
            subscription_id: 0,
            client_id: "77".to_owned(),
            client_secret: "client-s3cret".into(),
            api_url: format!("{}/api/v3/", vendor.url()),
            oauth_url: format!("{}/oauth", vendor.url()),
            streams,
        };
        let garmin = GarminSettings {
            secret: "s3cret".into(),
            client_id: None,
            callback_hosts: AllowList::new([vendor.host()]).unwrap(),
        };
        let settings = Settings {
            strava: Some(strava),
            garmin: Some(garmin),
            ..Settings::default()
        };
        let ports = Ports {
            clock: clock.clone(),
            publisher: Arc::new(log.clone()),
            registry: accounts.clone(),
            vault: accounts.clone(),
            linked: accounts.clone(),
        };
        let rig = Self {
            vendor,
            log,
            accounts,
            progress: MemoryProgress::default(),
            clock,
            connectors: Connectors::new(settings, ports),
        };
        rig.link("ada", "134815");
        rig.tokens("ada", "134815", "access-1", Some("refresh-1"), 864_000);
        rig
    }

    fn link(&self, athlete: &str, account: &str) {
        let athlete = AthleteRef::new("default", athlete);
        for provider in ["strava", "garmin"] {
            self.accounts
                .link(&athlete, provider, account, UnixMicros(NOW))
                .unwrap();
        }
    }

    fn tokens(
        &self,
        athlete: &str,
        account: &str,
        access: &str,
        refresh: Option<&str>,
        for_s: i64,
    ) {
        let tokens = Tokens {
            access_token: Some(access.into()),
            refresh_token: refresh.map(Into::into),
            expires_at_unix_s: Some(NOW / SECOND + for_s),
            scopes: Vec::new(),
        };
        let athlete = AthleteRef::new("default", athlete);
        self.accounts
            .seal(&athlete, "strava", account, &tokens)
            .unwrap();
    }

    fn refresh_token_of(&self, athlete: &str) -> String {
        let athlete = AthleteRef::new("default", athlete);
        let tokens = self.accounts.unseal(&athlete, "strava", "134815");
        let token = tokens.unwrap().unwrap().refresh_token.unwrap();
        token.expose_secret().to_owned()
    }

    /// A process that has just started.
    fn strava(&self) -> Fetcher {
        let feed = Box::new(self.log.feed.clone());
        let (marks, budgets) = (
            Arc::new(self.progress.clone()),
            Arc::new(self.progress.clone()),
        );
        Fetcher::strava(&self.connectors, feed, marks, budgets)
            .unwrap()
            .unwrap()
    }

    fn garmin(&self) -> Fetcher {
        let feed = Box::new(self.log.feed.clone());
        let (marks, budgets) = (
            Arc::new(self.progress.clone()),
            Arc::new(self.progress.clone()),
        );
        Fetcher::garmin(&self.connectors, feed, marks, budgets)
            .unwrap()
            .unwrap()
    }

    /// An event for everybody who has the account linked, as the webhook keeps it.
    async fn event(&self, aspect: &str, id: &str, event_time: i64) -> Vec<String> {
        let owners = self.accounts.athletes_linked("strava", "134815");
        let body = json!({
            "object_type": "activity", "aspect_type": aspect, "object_id": id,
            "owner_id": 134_815, "subscription_id": 1, "event_time": event_time, "updates": {},
        });
        let item = Item {
            kind: "event".to_owned(),
            account_id: Some("134815".to_owned()),
            provider_id: Some(id.to_owned()),
            owners,
            body: body.to_string(),
        };
        let at = UnixMicros(event_time * SECOND);
        let delivery = self.connectors.fetched("strava", "strava", at);
        let records = raw_records(&delivery, vec![item]);
        let ids = records.iter().map(|record| record.id.clone()).collect();
        self.log.publish(records).await.unwrap();
        ids
    }

    fn pass(&self, micros: i64) {
        let now = self.connectors.ports.clock.now();
        self.clock.set(UnixMicros(now.0 + micros));
    }

    /// Time passes, and everything that is under way comes back.
    async fn round(&self, fetcher: &mut Fetcher, micros: i64) {
        self.pass(micros);
        fetcher.look().await.unwrap();
        while fetcher.finish_one().await {}
    }

    /// Rounds of a quarter second until no hint is open.
    async fn settle(&self, fetcher: &mut Fetcher) {
        for _ in 0..100 {
            self.round(fetcher, SECOND / 4).await;
            let status = fetcher.status().borrow().clone();
            if status.caught_up && status.hints_open == 0 {
                // What was published is heard, and the mark follows.
                self.round(fetcher, 2 * SECOND).await;
                return;
            }
        }
        panic!("hints stay open: {:?}", fetcher.status().borrow());
    }

    fn records(&self, kind: &str) -> Vec<RawReceived> {
        let records = self.log.records.lock().unwrap();
        let of_kind = records.iter().filter(|record| record.kind == kind);
        of_kind.cloned().collect()
    }

    /// Outcome and status of each end, with the number of its hints.
    fn ends(&self) -> Vec<(String, Value, usize)> {
        let end = |record: &RawReceived| {
            let body: Value = serde_json::from_slice(&record.body).unwrap();
            let outcome = body["outcome"].as_str().unwrap().to_owned();
            let hints = body["hints"].as_array().unwrap().len();
            (outcome, body["status"].clone(), hints)
        };
        self.records("fetch_result").iter().map(end).collect()
    }
}

fn end(outcome: &str, status: Option<u16>, hints: usize) -> (String, Value, usize) {
    (outcome.to_owned(), json!(status), hints)
}

fn body_of(record: &RawReceived) -> Value {
    serde_json::from_slice(&record.body).unwrap()
}
