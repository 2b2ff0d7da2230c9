//! `sudor demo`: simulated athletes push vendor payloads through the real HTTP connectors of a real
//! service, in one process and one folder.
//!
//! On a folder of an earlier demo with the same seed it goes on: deliveries are idempotent, so the
//! live things end up the same. Another world in the folder is refused.

mod story;
mod vendors;

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use ingest_simulator::{TruthReader, WorldOptions};
use serde::Serialize;
use sinks_store::{SeriesQuery, Table};

use crate::cli::{DemoArgs, GlobalArgs};
use crate::config::{self, Request, Settings};
use crate::exit::{self, CommandResult, Failure};
use crate::post::{self, Target};
use crate::progress::Progress;
use crate::run::{bind, opening, runtime, signals};
use crate::simulate;
use crate::telemetry;
use crate::usage;
use crate::wiring::Service;
pub(crate) use vendors::Vendors;

/// Where a demo lives unless told otherwise.
const DEFAULT_DATA: &str = "./sudor-demo";
const SECRET: &str = "demo";

/// The keys of the contract.
#[derive(Debug, Serialize)]
struct Report {
    received: i64,
    accepted: i64,
    duplicate: i64,
    dead_lettered: i64,
    sessions: u64,
    nights: u64,
    naps: u64,
    losses: u64,
    recommendations: u64,
    profiles: u64,
    athletes: u64,
    wall_s: f64,
    cpu_s: f64,
    rss_mb: f64,
    events_per_cpu_s: f64,
    data: String,
}

pub(crate) fn run(args: &DemoArgs, global: GlobalArgs) -> CommandResult {
    let data = args
        .data
        .clone()
        .unwrap_or_else(|| PathBuf::from(DEFAULT_DATA));
    let kept = kept_world(&data)?;
    let options = simulate::options(&args.world, kept.map(|kept| kept.end))?;
    if let Some(kept) = kept.filter(|kept| *kept != options) {
        return Err(Failure::bad_input(anyhow!(
            "{} holds the demo world of seed {} with {} athletes and {} days",
            data.display(),
            kept.seed,
            kept.athletes,
            kept.days
        ))
        .hint("repeat its arguments to go on there, or give another folder with --data"));
    }
    let runtime = runtime()?;
    let vendors = runtime.block_on(Vendors::start_anywhere())?;
    simulate::not_in_the_future(options)?;
    let mut request = Request {
        presets: presets(&vendors),
        ..Request::default()
    };
    request
        .flags
        .push(("log.data", "--data", data.display().to_string()));
    let (settings, _) = config::load(&request)?;
    // A newcomer came for the result; what is served is worth a line only where it was asked for.
    let quiet = (global.verbose == 0).then_some("warn");
    telemetry::start(
        global,
        settings.log.format,
        settings.log.filter.as_deref().or(quiet),
    );
    let service = Service::open(&settings).map_err(opening)?;
    let demo = Demo {
        service: &service,
        settings: &settings,
        vendors: &vendors,
        options,
        ends: args.exit,
        global,
    };
    let ran = runtime.block_on(demo.live());
    let closed = service.close();
    ran.and(closed).map_err(Failure::failed)
}

fn presets(vendors: &Vendors) -> Vec<(&'static str, String)> {
    let mut presets = vendors.addresses();
    // It sends to itself, on loopback; keys in its folder do not lock it out.
    presets.push(("auth.required", "off".to_owned()));
    for key in [
        "garmin.secret",
        "strava.secret",
        "strava.verify_token",
        "strava.client_id",
        "strava.client_secret",
    ] {
        presets.push((key, SECRET.to_owned()));
    }
    presets
}

/// The world whose truth is in the folder already.
fn kept_world(data: &Path) -> Result<Option<WorldOptions>, Failure> {
    let path = data.join("truth.jsonl");
    let Ok(file) = File::open(&path) else {
        return Ok(None);
    };
    let mut reader = TruthReader::new(std::io::BufReader::new(file));
    // The world's line comes before the first athlete.
    drop(reader.next());
    let world = reader.world().ok_or_else(|| {
        Failure::failed(anyhow!("{} is no truth file of a demo", path.display()))
            .hint("remove the folder, or give another one with --data")
    })?;
    Ok(Some(WorldOptions {
        athletes: world.athletes,
        days: world.days,
        seed: world.seed,
        end: world.end,
    }))
}

/// A demo that runs.
struct Demo<'d> {
    service: &'d Service,
    settings: &'d Settings,
    vendors: &'d Vendors,
    options: WorldOptions,
    /// It ends when everything is processed.
    ends: bool,
    global: GlobalArgs,
}

impl Demo<'_> {
    async fn live(&self) -> anyhow::Result<()> {
        let began = Stopwatch::start();
        // A demo that ends serves nobody else, so that any free port will do.
        let address = if self.ends {
            "127.0.0.1:0".to_owned()
        } else {
            self.settings.http.bind.to_string()
        };
        let listener = bind(&address).await?;
        let url = format!("http://{}", listener.local_addr()?);
        if !self.ends && !self.global.json {
            exit::print_text(&format!(
                "serving on {url} (sessions: {url}/v1/athletes, api: {url}/docs)"
            ))?;
        }
        let (done, heard) = crate::shutdown::channel();
        let asked = signals();
        let drive = async {
            let driven = self.drive(&url, &began).await;
            if driven.is_ok() && !self.ends {
                asked.clone().requested().await;
            }
            done.request();
            driven
        };
        let stop = heard.clone();
        let (driven, served) = tokio::join!(drive, self.service.serve(listener, stop));
        driven.and(served)
    }

    async fn drive(&self, url: &str, began: &Stopwatch) -> anyhow::Result<()> {
        let target = Target {
            url: url.to_owned(),
            garmin_secret: SECRET.to_owned(),
            strava_secret: Some(SECRET.to_owned()),
            key: None,
        };
        let path = self.settings.log.data.join("truth.jsonl");
        let unfinished = path.with_extension("jsonl.part");
        let file = File::create(&unfinished)
            .with_context(|| format!("cannot write {}", unfinished.display()))?;
        let mut truth = BufWriter::new(file);
        let progress = Progress::new("athletes", u64::from(self.options.athletes), self.global);
        let vendors = Some(self.vendors);
        let posted =
            post::post_world(self.options, &target, &mut truth, vendors, &progress).await?;
        if posted.refused > 0 {
            return Err(anyhow!(
                "{} of {} deliveries were refused; see the log above",
                posted.refused,
                posted.refused + posted.deliveries
            ));
        }
        drop(truth);
        fs::rename(&unfinished, &path).context("cannot put truth.jsonl in its place")?;
        self.service.quiet().await?;
        progress.done();
        let report = report(self.service, self.settings, began, url).await?;
        if self.global.json {
            return exit::print_json(&report);
        }
        exit::print_text(&in_words(&report))?;
        let athletes: Vec<String> = self
            .service
            .vault()
            .list_athletes()
            .into_iter()
            .map(|athlete| athlete.athlete.athlete_id)
            .collect();
        let data = self.settings.log.data.display().to_string();
        match story::tell(&*self.service.store(), &athletes, &data)? {
            Some(story) => exit::print_text(&format!("\n{story}")),
            None => Ok(()),
        }
    }
}

async fn report(
    service: &Service,
    settings: &Settings,
    began: &Stopwatch,
    url: &str,
) -> anyhow::Result<Report> {
    let quality: serde_json::Value = reqwest::get(format!("{url}/v1/quality"))
        .await?
        .error_for_status()?
        .json()
        .await?;
    let sum = |what: &str| -> i64 {
        let sources = quality
            .get("sources")
            .and_then(|sources| sources.as_object());
        sources
            .into_iter()
            .flat_map(|sources| sources.values())
            .filter_map(|source| source.get(what)?.as_i64())
            .sum()
    };
    let counts = service.store().counts()?;
    let naps = naps(&*service.store())?;
    let used = usage::now();
    let received = sum("received");
    Ok(Report {
        received,
        accepted: sum("accepted"),
        duplicate: sum("duplicate"),
        dead_lettered: sum("dead_lettered"),
        sessions: counts.sessions,
        nights: counts.nights.saturating_sub(naps),
        naps,
        losses: counts.sweat_losses,
        recommendations: counts.recommendations,
        profiles: counts.profiles,
        athletes: u64::try_from(service.vault().list_athletes().len()).unwrap_or(u64::MAX),
        wall_s: began.seconds(),
        cpu_s: used.cpu_s,
        rss_mb: used.rss_mb,
        events_per_cpu_s: if used.cpu_s > 0.0 {
            (received as f64 / used.cpu_s).round()
        } else {
            0.0
        },
        data: settings.log.data.display().to_string(),
    })
}

/// Live naps: they lie in one table with the nights.
fn naps(store: &dyn SeriesQuery) -> anyhow::Result<u64> {
    /// What is read of a row.
    #[derive(serde::Deserialize)]
    struct Kind<'a> {
        kind: &'a str,
    }
    const PAGE: usize = 1_000;
    let mut naps = 0;
    let mut last: Option<(String, String)> = None;
    loop {
        let after = last
            .as_ref()
            .map(|(tenant, id)| (tenant.as_str(), id.as_str()));
        let rows = store.live_rows(Table::Nights, after, PAGE)?;
        for row in &rows {
            let Kind { kind } = serde_json::from_str(&row.body).context("a night is no JSON")?;
            naps += u64::from(kind == "nap");
        }
        match rows.last() {
            Some(row) if rows.len() == PAGE => {
                last = Some((row.tenant_id.clone(), row.id.clone()));
            }
            _ => return Ok(naps),
        }
    }
}

fn in_words(report: &Report) -> String {
    format!(
        "{} items received: {} accepted, {} duplicate, {} dead letters\n\
         {} athletes: {} sessions, {} nights, {} naps, {} losses, {} recommendations\n\
         {:.1} s, {:.1} CPU s, {:.0} MB; everything is in {}",
        report.received,
        report.accepted,
        report.duplicate,
        report.dead_lettered,
        report.athletes,
        report.sessions,
        report.nights,
        report.naps,
        report.losses,
        report.recommendations,
        report.wall_s,
        report.cpu_s,
        report.rss_mb,
        report.data
    )
}

/// Wall time from the one clock.
pub(crate) struct Stopwatch(edge::UnixMicros);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        use edge::Clock;
        Self(edge::SystemClock.now())
    }

    pub(crate) fn seconds(&self) -> f64 {
        use edge::Clock;
        (edge::SystemClock.now().0 - self.0.0) as f64 / 1e6
    }
}
