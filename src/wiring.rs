//! The one place that joins the stages, and the life of the service: open, run, drain, close.
//!
//! Last of the six files that tell the whole story. Ports of one stage meet the stage that has what
//! they ask for (`adapters`); loops that have no thread of their own get one here.
//!
//! Invariants: nothing is bound before the data folder is open and locked; the web server stops
//! first, then what was received is processed and stored, then the files close; a failure of any
//! loop stops the process instead of leaving half of it running.

mod outward;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, anyhow};
use axum::Router;
use edge::auth::{Access, Gate, KeyStore, Rates};
use edge::{Clock, SystemClock, private};
use ingest_connectors::port::Marks;
use ingest_vault::Vault;
use sinks_api::metrics::{Metrics, Tracking};
use sinks_api::{Api, Signer};
use sinks_store::{SeriesQuery, Writer};
use stream_embedded::{EmbeddedLog, EmbeddedReader, Options};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::adapters::{
    AccountLinks, Intake, LogExplain, LogFacts, LogFeed, LogPublisher, LogQuality, LogReplay,
    LogViews, LogWords, Ready, VaultDirectory,
};
use crate::config::{AuthRequired, Role, Settings};
use crate::keys;
use crate::loops::{self, Readers, Share, Status};
use crate::shutdown::Shutdown;
use crate::stores;
use crate::topics;
use outward::{FetchStates, Fetchers};

pub(crate) const TENANT: &str = "default";
/// What the vault's key signs.
const STREAM_POSITIONS: &str = "stream positions";

/// An open service: its loops run, its routes can be served.
pub(crate) struct Service {
    settings: Settings,
    log: Arc<EmbeddedLog>,
    store: Arc<dyn SeriesQuery>,
    fed_to: stores::FedTo,
    status: Arc<Status>,
    loops: Vec<JoinHandle<anyhow::Result<()>>>,
    vault: Arc<Vault>,
    keys: Arc<dyn KeyStore>,
    publisher: LogPublisher,
    metrics: Metrics,
    clock: Arc<dyn Clock>,
    /// Whose athletes it fetches for; `None` is everybody's.
    share: Option<Share>,
}

/// What a service shows and does towards the outside.
struct Surface {
    routes: Router,
    links: AccountLinks,
    fetchers: Option<Fetchers>,
}

impl Service {
    pub(crate) fn open(settings: &Settings) -> anyhow::Result<Self> {
        let data = &settings.log.data;
        private::folder(data)
            .and_then(|()| private::file(&data.join("log.db")))
            .with_context(|| format!("cannot make the data folder {}", data.display()))?;
        let mut options = Options::new(topics::CATALOGUE);
        options.partitions = settings.log.partitions;
        let log = EmbeddedLog::open(data, &options)
            .with_context(|| format!("cannot open the log in {}", data.display()))?;
        let log = Arc::new(log);
        let key_file = settings
            .vault
            .key_file
            .exists()
            .then_some(settings.vault.key_file.as_path());
        let vault = Vault::open(&settings.vault.path, key_file)
            .with_context(|| format!("cannot open the vault {}", settings.vault.path.display()))?;
        let vault = Arc::new(vault);
        let keys = keys::opened(settings)?;
        let stores::Opened {
            writer,
            query: store,
            fed_to,
        } = stores::open(settings)?;
        let metrics = Metrics::new(env!("CARGO_PKG_VERSION"), "release")?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let status = Arc::new(Status::default());
        let readers = Readers {
            marks: Arc::clone(&vault) as Arc<dyn Marks>,
            fed_to: Arc::clone(&fed_to),
        };
        let mut threads = vec![loops::upkeep(settings, &log, &status, &clock, readers)?];
        let (intake, share) = intake(
            settings,
            (&log, &vault),
            &status,
            &clock,
            &metrics,
            &mut threads,
        )?;
        if settings.roles.contains(&Role::Sink) {
            let feed = LogFeed::new(log.subscriber()?, metrics.clone());
            let arrivals = feed.arrivals();
            let writer = Writer::new(feed, writer, settings.limits.sink_batch_records)?;
            threads.push(loops::sink(
                writer,
                &log,
                &status,
                &clock,
                (&metrics, arrivals),
            )?);
        } else {
            status.nothing_to_store();
        }
        Ok(Self {
            settings: settings.clone(),
            publisher: LogPublisher::new(intake),
            log,
            store,
            fed_to,
            status,
            loops: threads,
            vault,
            keys,
            metrics,
            clock,
            share,
        })
    }

    pub(crate) fn store(&self) -> Arc<dyn SeriesQuery> {
        Arc::clone(&self.store)
    }

    pub(crate) fn publisher(&self) -> LogPublisher {
        self.publisher.clone()
    }

    /// Records in the log, inputs and facts.
    pub(crate) fn log_length(&self) -> u64 {
        self.log.head().0
    }

    pub(crate) fn vault(&self) -> Arc<Vault> {
        Arc::clone(&self.vault)
    }

    /// All routes behind their guards, and the background work that belongs to them.
    fn surface(&self, bound: SocketAddr) -> anyhow::Result<Surface> {
        let query: Arc<dyn SeriesQuery> = Arc::clone(&self.store);
        let replay = LogReplay::new(
            Arc::clone(&query),
            self.publisher.clone(),
            Arc::clone(&self.vault),
            Arc::clone(&self.clock),
        );
        let (linked, links) = AccountLinks::channel(
            replay.clone(),
            Arc::clone(&self.status),
            Arc::clone(&self.log),
        );
        let mut routes = utoipa_axum::router::OpenApiRouter::new();
        let mut fetchers = None;
        if self.settings.roles.contains(&Role::Ingest) {
            let connectors = self.connectors(linked)?;
            fetchers = Some(self.fetchers(&connectors)?);
            routes = routes.merge(ingest_connectors::router(connectors));
        }
        if self.settings.roles.contains(&Role::Api) {
            let reader = EmbeddedReader::open(&self.settings.log.data, topics::CATALOGUE)?;
            let quality = LogQuality::new(
                reader,
                Arc::clone(&self.log),
                Arc::clone(&self.status),
                Arc::clone(&self.clock),
            );
            // A reader of its own: an explanation must not wait for a count.
            let reader = EmbeddedReader::open(&self.settings.log.data, topics::CATALOGUE)?;
            let views = EmbeddedReader::open(&self.settings.log.data, topics::CATALOGUE)?;
            let ports = sinks_api::Ports {
                explain: Arc::new(LogExplain::new(Arc::clone(&query), reader)),
                views: Arc::new(LogViews::new(&self.settings, views)),
                facts: Arc::new(self.facts()),
                words: Arc::new(LogWords),
                fetches: Arc::new(
                    fetchers
                        .as_ref()
                        .map_or_else(FetchStates::default, Fetchers::states),
                ),
                clock: Arc::clone(&self.clock),
                signer: Signer::new(self.vault.signing_key(&self.positions())),
                store: query,
                directory: Arc::new(VaultDirectory::new(Arc::clone(&self.vault))),
                quality: Arc::new(quality),
                readiness: Arc::new(Ready::new(Arc::clone(&self.status))),
                replay: Arc::new(replay),
            };
            let api = Api::new(TENANT, ports, self.metrics.clone());
            routes = routes.merge(sinks_api::router(api));
        }
        let (routes, doc) = routes.split_for_parts();
        let doc = sinks_api::document(&doc)?;
        let routes = routes.merge(sinks_api::openapi_route(&doc)?);
        Ok(Surface {
            routes: self.guarded(routes, &doc, bound)?,
            links,
            fetchers,
        })
    }

    /// A position is a place in a copy of the log, and another generation's copy has something else there.
    fn positions(&self) -> String {
        match self.settings.log.generation() {
            1 => STREAM_POSITIONS.to_owned(),
            later => format!("{STREAM_POSITIONS} of generation {later}"),
        }
    }

    fn facts(&self) -> LogFacts {
        let folder = &self.settings.log.data;
        let (log, fed_to) = (Arc::clone(&self.log), Arc::clone(&self.fed_to));
        LogFacts::new(folder, log, fed_to, self.status.growth())
    }

    /// Behind API keys; or, on loopback without any, behind a look at who sent a browser here.
    fn guarded(
        &self,
        routes: Router,
        doc: &serde_json::Value,
        bound: SocketAddr,
    ) -> anyhow::Result<Router> {
        let keys = Arc::clone(&self.keys);
        let settings = &self.settings;
        let required = settings
            .api_keys_required(keys.count()?)
            .map_err(|failure| anyhow!("{failure}"))?;
        let loopback = bound.ip().is_loopback();
        let gate = Gate {
            keys: (settings.auth.required != AuthRequired::Off).then_some(keys),
            open_without_keys: settings.auth.required == AuthRequired::Auto && loopback,
            access: Arc::new(sinks_api::pages_access(Access::of_document(doc))),
            rates: Arc::new(Rates::new(settings.limits.reads_per_s)),
            clock: Arc::clone(&self.clock),
            login: sinks_api::LOGIN,
        };
        let public = settings.public_url(bound);
        let own_names = (!required && loopback).then(|| edge::guard::OwnNames::of(&public));
        let routes = routes.layer(axum::middleware::from_fn_with_state(
            Tracking {
                metrics: self.metrics.clone(),
                clock: Arc::clone(&self.clock),
            },
            sinks_api::metrics::track,
        ));
        Ok(edge::web::harden(
            routes,
            Arc::clone(&self.clock),
            gate,
            own_names,
        ))
    }

    /// Everything that was appended so far is processed and can be read.
    pub(crate) async fn settled(&self) -> anyhow::Result<()> {
        if self.status.is_settled(self.log.head()) {
            return Ok(());
        }
        let mut question = self.status.ask(self.log.head());
        while !self.status.is_answered(&mut question) {
            if let Some(failure) = self.status.failure() {
                return Err(anyhow!("the pipeline stopped: {failure}"));
            }
            loops::nap().await;
        }
        Ok(())
    }

    /// Everything is processed, fetched and answered: nothing is open.
    pub(crate) async fn quiet(&self) -> anyhow::Result<()> {
        let reader = EmbeddedReader::open(&self.settings.log.data, topics::CATALOGUE)?;
        loop {
            self.settled().await?;
            let open: i64 = reader
                .counters()?
                .into_iter()
                .filter(|((_, name), _)| name.ends_with(".pending") || name == "weather.asked")
                .map(|(_, count)| count)
                .sum();
            if open == 0 && self.status.is_settled(self.log.head()) {
                return Ok(());
            }
            loops::nap().await;
        }
    }

    /// Serve until asked to stop or until a loop fails, then drain.
    pub(crate) async fn serve(
        &self,
        listener: TcpListener,
        shutdown: Shutdown,
    ) -> anyhow::Result<()> {
        let surface = self.surface(listener.local_addr()?)?;
        let (ended, stopping) = crate::shutdown::channel();
        let mut background = JoinSet::new();
        let linking = background.spawn(surface.links.run());
        if let Some(fetchers) = surface.fetchers {
            background.spawn(fetchers.run(stopping));
        }
        let status = Arc::clone(&self.status);
        let stop = async move {
            tokio::select! {
                () = shutdown.requested() => {}
                () = status.failed() => {}
            }
            status.end_streams();
        };
        let served = axum::serve(listener, surface.routes).with_graceful_shutdown(stop);
        let limit = Duration::from_secs(self.settings.limits.drain_s);
        served.await.context("the web server failed")?;
        linking.abort();
        ended.request();
        // What is under way is fetched to its end; the next start goes on with the rest.
        let fetched = async { while background.join_next().await.is_some() {} };
        if tokio::time::timeout(limit, fetched).await.is_err() {
            tracing::warn!("stopped in the middle of a fetch; it is repeated at the next start");
        }
        match tokio::time::timeout(limit, self.settled()).await {
            Ok(settled) => settled,
            Err(_) => {
                tracing::warn!(
                    "stopped before everything was processed; it goes on at the next start"
                );
                Ok(())
            }
        }
    }

    /// End the loops and close the files. Nothing is lost: what was not processed stays in the log.
    pub(crate) fn close(self) -> anyhow::Result<()> {
        self.status.stop();
        let mut failed = None;
        for thread in self.loops {
            match thread.join() {
                Ok(Ok(())) => {}
                Ok(Err(error)) => failed = Some(error),
                Err(_) => failed = Some(anyhow!("a loop panicked")),
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

/// The processing of this process, who takes records in, and for whom it fetches.
fn intake(
    settings: &Settings,
    (log, vault): (&Arc<EmbeddedLog>, &Arc<Vault>),
    status: &Arc<Status>,
    clock: &Arc<dyn Clock>,
    metrics: &Metrics,
    threads: &mut Vec<JoinHandle<anyhow::Result<()>>>,
) -> anyhow::Result<(Intake, Option<Share>)> {
    let processes = settings.roles.contains(&Role::Process);
    Ok(match &settings.log.kafka {
        None if processes => {
            let thread = loops::processing(settings, log, status, clock, metrics)?;
            threads.push(thread);
            (Intake::Embedded(log.appender()), None)
        }
        None => {
            status.nothing_to_process();
            (Intake::Embedded(log.appender()), None)
        }
        #[cfg(feature = "kafka")]
        Some(kafka) => {
            let side = crate::kafka::Side::open(settings, kafka)?;
            threads.push(side.copy(log, status, processes)?);
            if processes {
                threads.push(side.processing(
                    settings,
                    status,
                    clock,
                    metrics,
                    crate::kafka::Ticks::Appended,
                )?);
            }
            let fetches = settings.roles.contains(&Role::Ingest);
            let (thread, share) = side.control(vault, status, fetches)?;
            threads.push(thread);
            (side.intake(status), Some(share))
        }
        #[cfg(not(feature = "kafka"))]
        Some(_) => {
            drop(Arc::clone(vault));
            return Err(anyhow!("this build has no Kafka"));
        }
    })
}
