//! Posts a simulated world to a running service, as the vendors' servers and the athletes' apps
//! would: over HTTP, several at once, and again when the service asks to be asked later.
//!
//! Order is kept within a block of athletes and not between blocks. A delivery that the service
//! refuses for good is counted and reported; it does not end the rest.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use edge::Backoff;
use ingest_simulator::{
    Block, Delivery, GARMIN_SECRET_PLACEHOLDER, Method, STRAVA_SECRET_PLACEHOLDER, WorldOptions,
};
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::demo::Vendors;
use crate::exit::Failure;
use crate::progress::Progress;

/// Blocks on their way at the same time; each has one request open.
const BLOCKS_IN_FLIGHT_MAX: usize = 16;
/// Of an answer that refuses; a problem has about a hundred.
const ANSWER_CHARS_MAX: usize = 500;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// A service that is starting is waited for this often.
const REACH_ATTEMPTS_MAX: u32 = 5;
/// How often a service is asked whether it is idle.
const IDLE_POLL: Duration = Duration::from_millis(500);
const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(100),
    cap: Duration::from_secs(5),
    attempts_max: 30,
};

/// Where to post, and what opens the doors there.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) garmin_secret: String,
    /// Without it nothing of Strava is posted.
    pub(crate) strava_secret: Option<String>,
    pub(crate) key: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Posted {
    pub(crate) deliveries: u64,
    pub(crate) items: u64,
    pub(crate) refused: u64,
    /// How many of them by the status of their answers.
    pub(crate) refused_by_status: BTreeMap<u16, u64>,
    pub(crate) first_refused: Option<Refused>,
}

/// A delivery that the service does not want.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Refused {
    /// Without the secrets in it.
    pub(crate) path: String,
    pub(crate) status: u16,
    /// The beginning of what the service answered.
    pub(crate) answer: String,
}

/// Posts the whole world and writes its truth, block by block: memory does not grow with the world.
pub(crate) async fn post_world(
    options: WorldOptions,
    target: &Target,
    truth: &mut (impl Write + Send),
    vendors: Option<&Vendors>,
    progress: &Progress,
) -> anyhow::Result<Posted> {
    let client = reqwest::Client::builder()
        .timeout(REQUEST_TIMEOUT)
        .pool_max_idle_per_host(BLOCKS_IN_FLIGHT_MAX)
        .build()
        .context("cannot make an HTTP client")?;
    let poster = Arc::new(Poster {
        client,
        target: target.clone(),
        tally: Tally::default(),
    });
    let room = Arc::new(Semaphore::new(BLOCKS_IN_FLIGHT_MAX));
    let mut running: JoinSet<anyhow::Result<()>> = JoinSet::new();
    ingest_simulator::write_truth_line(truth, &ingest_simulator::world_line(options))?;
    for block in ingest_simulator::blocks(ingest_simulator::world(options)) {
        for athlete in &block.truth {
            ingest_simulator::write_truth(truth, athlete)?;
        }
        if let Some(vendors) = vendors {
            block
                .strava
                .iter()
                .for_each(|account| vendors.know(account));
        }
        let permit = Arc::clone(&room).acquire_owned().await?;
        let poster = Arc::clone(&poster);
        progress.advance(block.truth.len());
        running.spawn(async move {
            let done = poster.block(&block).await;
            drop(permit);
            done
        });
        while let Some(done) = running.try_join_next() {
            done??;
        }
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    truth.flush()?;
    Ok(poster.tally.read())
}

/// An address that can be posted to.
pub(crate) fn check_url(url: &str) -> Result<(), Failure> {
    let parsed = reqwest::Url::parse(url);
    if parsed.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
        return Ok(());
    }
    Err(
        Failure::bad_input(anyhow!("{url:?} is no address of a service"))
            .hint("http:// or https://, a host and a port, e.g. http://127.0.0.1:8080"),
    )
}

/// Fails soon where nobody listens, instead of trying every delivery for minutes.
pub(crate) async fn reach(target: &Target) -> anyhow::Result<()> {
    let url = format!("{}/livez", target.url.trim_end_matches('/'));
    for attempt in 1..REACH_ATTEMPTS_MAX {
        if reqwest::get(&url).await.is_ok() {
            return Ok(());
        }
        pause(
            BACKOFF
                .wait_after(attempt, u32::MAX / 2)
                .unwrap_or(IDLE_POLL),
        )
        .await;
    }
    reqwest::get(&url)
        .await
        .map_err(reqwest::Error::without_url)
        .with_context(|| format!("nobody answers at {}", target.url))?;
    Ok(())
}

/// Waits until the service has nothing open: no fetch, no question to the weather service.
pub(crate) async fn until_idle(target: &Target) -> anyhow::Result<()> {
    let client = reqwest::Client::builder()
        .timeout(REQUEST_TIMEOUT)
        .build()
        .context("cannot make an HTTP client")?;
    let url = format!("{}/v1/quality", target.url.trim_end_matches('/'));
    loop {
        let mut request = client.get(&url);
        if let Some(key) = &target.key {
            request = request.bearer_auth(key);
        }
        let quality: serde_json::Value = request.send().await?.error_for_status()?.json().await?;
        if quality.get("idle").and_then(serde_json::Value::as_bool) == Some(true) {
            return Ok(());
        }
        pause(IDLE_POLL).await;
    }
}

#[derive(Default)]
struct Tally {
    deliveries: AtomicU64,
    items: AtomicU64,
    refused: Mutex<(BTreeMap<u16, u64>, Option<Refused>)>,
}

impl Tally {
    fn refused(&self, refused: Refused) {
        let mut all = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.0.entry(refused.status).or_default();
        *count = count.saturating_add(1);
        all.1.get_or_insert(refused);
    }

    fn read(&self) -> Posted {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let (refused_by_status, first_refused) = refused.clone();
        Posted {
            deliveries: self.deliveries.load(Ordering::Relaxed),
            items: self.items.load(Ordering::Relaxed),
            refused: refused_by_status.values().sum(),
            refused_by_status,
            first_refused,
        }
    }
}

struct Poster {
    client: reqwest::Client,
    target: Target,
    tally: Tally,
}

impl Poster {
    async fn block(&self, block: &Block) -> anyhow::Result<()> {
        for delivery in block.registrations.iter().chain(&block.deliveries) {
            let of_strava = delivery.path.contains(STRAVA_SECRET_PLACEHOLDER)
                || delivery.path.ends_with("/connections/strava");
            if !of_strava || self.target.strava_secret.is_some() {
                self.deliver(delivery).await?;
            }
        }
        Ok(())
    }

    async fn deliver(&self, delivery: &Delivery) -> anyhow::Result<()> {
        let path = delivery
            .path
            .replace(GARMIN_SECRET_PLACEHOLDER, &self.target.garmin_secret)
            .replace(
                STRAVA_SECRET_PLACEHOLDER,
                self.target.strava_secret.as_deref().unwrap_or_default(),
            );
        let url = format!("{}{path}", self.target.url.trim_end_matches('/'));
        for attempt in 1.. {
            let answer = self.request(delivery, &url).send().await;
            let (told, asked) = match answer {
                Ok(answer) if answer.status().is_success() => {
                    self.tally.deliveries.fetch_add(1, Ordering::Relaxed);
                    let items = u64::try_from(delivery.items).unwrap_or(u64::MAX);
                    self.tally.items.fetch_add(items, Ordering::Relaxed);
                    return Ok(());
                }
                Ok(answer) if matches!(answer.status().as_u16(), 429 | 503) => {
                    let asked = retry_after(&answer);
                    (
                        anyhow!("{} answered {}", delivery.path, answer.status()),
                        asked,
                    )
                }
                Ok(answer) => {
                    tracing::warn!(path = %delivery.path, status = %answer.status(), "delivery refused");
                    self.tally.refused(Refused {
                        path: delivery.path.clone(),
                        status: answer.status().as_u16(),
                        answer: beginning(answer).await,
                    });
                    return Ok(());
                }
                Err(error) => (anyhow::Error::from(error.without_url()), None),
            };
            let Some(wait) = BACKOFF.wait_after(attempt, u32::MAX / 2) else {
                return Err(told.context(format!("gave up posting to {}", self.target.url)));
            };
            pause(asked.unwrap_or(wait)).await;
        }
        Ok(())
    }

    fn request(&self, delivery: &Delivery, url: &str) -> reqwest::RequestBuilder {
        let request = match delivery.method {
            Method::Put => self.client.put(url),
            Method::Post => self.client.post(url),
        };
        let request = match &self.target.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        request
            .header("content-type", delivery.content_type)
            .body(delivery.body.clone())
    }
}

/// What a person reads of an answer.
async fn beginning(mut answer: reqwest::Response) -> String {
    let first = answer.chunk().await.ok().flatten().unwrap_or_default();
    let text = String::from_utf8_lossy(&first);
    text.trim().chars().take(ANSWER_CHARS_MAX).collect()
}

fn retry_after(answer: &reqwest::Response) -> Option<Duration> {
    let seconds = answer
        .headers()
        .get("retry-after")?
        .to_str()
        .ok()?
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a client that was asked to come later has to wait"
)]
async fn pause(wait: Duration) {
    tokio::time::sleep(wait).await;
}
