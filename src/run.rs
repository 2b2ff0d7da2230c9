//! `sudor run`: the service by its configuration, until it is asked to stop.

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::cli::{GlobalArgs, RunArgs};
use crate::config::{self, Request};
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
