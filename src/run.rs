//! `sudor run`: the service by its configuration, until it is asked to stop.

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::cli::{GlobalArgs, RunArgs};
use crate::config::{self, Request, Settings};
use crate::exit::{self, CommandResult, Failure};
use crate::keys;
use crate::shutdown::{self, Shutdown};
use crate::telemetry;
use crate::wiring::Service;

pub(crate) fn run(args: &RunArgs, global: GlobalArgs) -> CommandResult {
    let mut request = Request::of(&args.data);
    request.roles.clone_from(&args.roles);
    let (settings, report) = config::load(&request)?;
    if args.print_config {
        return if global.json {
            exit::print_json(&report).map_err(Failure::failed)
        } else {
            exit::print_text(&report.to_string()).map_err(Failure::failed)
        };
    }
    telemetry::start(global, settings.log.format, settings.log.filter.as_deref());
    settings.check_shared_key()?;
    settings.api_keys_required(keys::known(&settings)?)?;
    let runtime = runtime()?;
    let service = Service::open(&settings).map_err(opening)?;
    let served = runtime.block_on(async {
        let listener = bind(&settings.http.bind.to_string()).await?;
        let address = listener.local_addr()?;
        tracing::info!(%address, data = %settings.log.data.display(), "listening");
        service.serve(listener, signals()).await
    });
    let closed = service.close();
    served.and(closed).map_err(Failure::failed)
}

/// What a person does about a data folder that does not open.
pub(crate) fn opening(error: anyhow::Error) -> Failure {
    let text = format!("{error:#}");
    let failure = Failure::failed(error);
    if text.contains("another") && text.contains("process") {
        return failure.hint("stop the other process, or give this one another folder with --data");
    }
    failure.hint(
        "look at the cause above; `sudor verify --data DIR` checks a folder without changing it",
    )
}

/// The log of a data folder that a command works on: never made where there is none.
pub(crate) fn existing_log(settings: &Settings) -> Result<PathBuf, Failure> {
    let log = settings.log.data.join("log.db");
    if log.exists() {
        return Ok(log);
    }
    let missing = anyhow!("{} is not there", log.display());
    Err(Failure::bad_input(missing).hint("--data names the data folder"))
}

pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the asynchronous runtime")
}

pub(crate) async fn bind(address: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}: is it in use?"))
}

/// SIGINT and SIGTERM, heard from now on.
pub(crate) fn signals() -> Shutdown {
    let (trigger, shutdown) = shutdown::channel();
    spawn_listener(trigger);
    shutdown
}

#[expect(
    clippy::disallowed_methods,
    reason = "the listener lives as long as the process"
)]
fn spawn_listener(trigger: shutdown::Trigger) {
    tokio::spawn(shutdown::listen(trigger));
}
