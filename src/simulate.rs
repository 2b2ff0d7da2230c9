//! `sudor simulate`: a simulated world as files, or posted to a running service.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use anyhow::{Context, anyhow};
use ingest_simulator::{Mix, WorldOptions, write_world};
use schemas::record::Micros;
use serde::Serialize;

use crate::cli::{GlobalArgs, SimulateArgs, WorldArgs};
use crate::demo::Vendors;
use crate::exit::{self, CommandResult, Failure};
use crate::post::{self, Refused, Target};
use crate::progress::Progress;
use crate::run::runtime;

const DAY_US: i64 = 86_400_000_000;

#[derive(Debug, Serialize)]
struct Report {
    athletes: u64,
    deliveries: u64,
    items: u64,
    refused: u64,
    /// How many of them by the status of their answers.
    refused_by_status: BTreeMap<u16, u64>,
    first_refused: Option<Refused>,
    truth: String,
}

pub(crate) fn run(args: &SimulateArgs, global: GlobalArgs) -> CommandResult {
    let options = options(&args.world, None)?;
    let out = args.out.clone().unwrap_or_else(|| ".".into());
    let report = match &args.post {
        None => written(options, &out)?,
        Some(url) => {
            post::check_url(url)?;
            not_in_the_future(options)?;
            let target = Target {
                url: url.clone(),
                garmin_secret: args.garmin_secret.clone().unwrap_or_default(),
                strava_secret: args.strava_secret.clone(),
                key: args.key.clone(),
            };
            posted(options, args, &target, &out, global)?
        }
    };
    let printed = if global.json {
        exit::print_json(&report)
    } else {
        exit::print_text(&format!(
            "{} athletes, {} deliveries with {} items, {} refused; the truth is in {}",
            report.athletes, report.deliveries, report.items, report.refused, report.truth
        ))
    };
    printed.map_err(Failure::failed)?;
    refusal(&report).map_or(Ok(()), Err)
}

/// A world of which a part is missing is scored as if things had been overlooked.
fn refusal(report: &Report) -> Option<Failure> {
    let first = report.first_refused.as_ref()?;
    let by_status = report.refused_by_status.iter();
    let by_status: Vec<String> = by_status
        .map(|(status, count)| format!("{count} with {status}"))
        .collect();
    let cause = anyhow!("{} got {}: {}", first.path, first.status, first.answer);
    let all = report.refused.saturating_add(report.deliveries);
    let refused = cause.context(format!(
        "{} of {all} deliveries were refused: {}; the first of them is below",
        report.refused,
        by_status.join(", ")
    ));
    let failure = Failure::failed(refused).told();
    Some(failure.hint("--garmin-secret and --strava-secret as the service has them, and --key where it asks for one"))
}

/// The world of the arguments. Without an end it ends at the last UTC midnight before now.
pub(crate) fn options(args: &WorldArgs, kept_end: Option<i64>) -> Result<WorldOptions, Failure> {
    let end = args
        .end
        .map(|end| end.0)
        .or(kept_end)
        .unwrap_or_else(last_midnight);
    let options = WorldOptions {
        athletes: args.athletes,
        days: args.days,
        seed: args.seed,
        end,
    };
    options.check().map_err(Failure::bad_input)?;
    Ok(options)
}

/// What is told of a day that is still to come would be refused as implausible.
pub(crate) fn not_in_the_future(options: WorldOptions) -> Result<(), Failure> {
    use edge::Clock;
    if options.end <= edge::SystemClock.now().0.saturating_add(DAY_US) {
        return Ok(());
    }
    Err(
        Failure::bad_input(anyhow::anyhow!("the world would end in the future"))
            .hint("give an --end that is at most a day from now"),
    )
}

fn last_midnight() -> i64 {
    use edge::Clock;
    let Micros(now) = Micros(edge::SystemClock.now().0);
    now.div_euclid(DAY_US).saturating_mul(DAY_US)
}

fn written(options: WorldOptions, out: &Path) -> Result<Report, Failure> {
    let written = write_world(out, options, Mix::default()).map_err(Failure::failed)?;
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Ok(Report {
        athletes: u64::from(options.athletes),
        deliveries: count(written.deliveries as usize),
        items: count(written.items as usize),
        refused: 0,
        refused_by_status: BTreeMap::new(),
        first_refused: None,
        truth: out.join("truth.jsonl").display().to_string(),
    })
}

fn posted(
    options: WorldOptions,
    args: &SimulateArgs,
    target: &Target,
    out: &Path,
    global: GlobalArgs,
) -> Result<Report, Failure> {
    let progress = Progress::new("athletes", u64::from(options.athletes), global);
    let posted = (|| {
        std::fs::create_dir_all(out)?;
        let path = out.join("truth.jsonl");
        let file =
            File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut truth = BufWriter::new(file);
        runtime()?.block_on(async {
            let (strava, weather) = (args.serve_strava.as_deref(), args.serve_weather.as_deref());
            let vendors = Vendors::start(strava, weather).await?;
            let vendors = Some(&vendors);
            post::reach(target).await?;
            let posted = post::post_world(options, target, &mut truth, vendors, &progress).await?;
            if strava.is_some() || weather.is_some() {
                post::until_idle(target).await?;
            }
            Ok(posted)
        })
    })()
    .map_err(|error: anyhow::Error| {
        Failure::failed(error).hint("is the service running, and are address and secrets right?")
    })?;
    progress.done();
    Ok(Report {
        athletes: u64::from(options.athletes),
        deliveries: posted.deliveries,
        items: posted.items,
        refused: posted.refused,
        refused_by_status: posted.refused_by_status,
        first_refused: posted.first_refused,
        truth: out.join("truth.jsonl").display().to_string(),
    })
}
