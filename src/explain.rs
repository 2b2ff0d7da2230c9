//! `sudor explain`: why a value is what it is, from the value down to the bytes that came in.
//!
//! It opens store and log read-only, so it may run beside the service. The same chain answers the
//! API's port (`adapters`); here it becomes a story for people, or one JSON document.

mod chain;
mod ids;
mod loss;
mod quantity;
mod recommendation;
mod row;
mod session;
mod text;
mod told;
mod trail;
mod words;

use anyhow::{Context, anyhow};
use sinks_store::Table;
use stream_embedded::EmbeddedReader;

use crate::cli::{DataArgs, ExplainArgs, ExplainWhat, GlobalArgs};
use crate::config::{self, Request, Settings};
use crate::exit::{self, CommandResult, Failure};
use crate::stores;
use crate::topics;
use crate::wiring::TENANT;

pub(crate) use chain::Chain;
pub(crate) use words::{reason as reason_in_words, word};

pub(crate) fn run(args: &ExplainArgs, global: GlobalArgs) -> CommandResult {
    match &args.what {
        ExplainWhat::Session { id, field, data } => session(id, field.as_deref(), data, global),
        ExplainWhat::Loss { id, data } => {
            let chain = open(data)?;
            let id = ids::complete(&*chain.store, Table::SweatLosses, "sweat loss", id)?;
            let loss = chain.loss(&id).context("cannot follow the sweat loss")?;
            let loss = loss.ok_or_else(|| gone("sweat loss", &id))?;
            print(&loss, || text::loss(&loss), global)
        }
        ExplainWhat::Recommendation { id, data } => recommendation(id, data, global),
    }
}

fn session(id: &str, field: Option<&str>, data: &DataArgs, global: GlobalArgs) -> CommandResult {
    let chain = open(data)?;
    let id = ids::complete(&*chain.store, Table::Sessions, "session", id)?;
    let session = chain.session(&id).context("cannot follow the session")?;
    let mut session = session.ok_or_else(|| gone("session", &id))?;
    let Some(field) = field else {
        return print(&session, || text::session(&session), global);
    };
    let Some(one) = session.field(field) else {
        let (refused, hint) = session.no_field(field);
        return Err(Failure::bad_input(anyhow!(refused)).hint(hint));
    };
    session.fields = vec![one.clone()];
    print(&one, || text::session(&session), global)
}

fn recommendation(id: &str, data: &DataArgs, global: GlobalArgs) -> CommandResult {
    let chain = open(data)?;
    let found = chain
        .recommendation(id)
        .context("cannot follow the recommendation")?;
    let found = match found {
        Some(found) => found,
        None => {
            let slot = ids::complete(&*chain.store, Table::Recommendations, "recommendation", id)?;
            let found = chain
                .recommendation(&slot)
                .context("cannot follow the recommendation")?;
            found.ok_or_else(|| gone("recommendation", &slot))?
        }
    };
    print(&found, || text::recommendation(&found), global)
}

fn print<T: serde::Serialize>(
    explained: &T,
    in_words: impl FnOnce() -> String,
    global: GlobalArgs,
) -> CommandResult {
    let printed = if global.json {
        exit::print_json(explained)
    } else {
        exit::print_text(&in_words())
    };
    printed.map_err(Failure::failed)
}

/// It was there a moment ago.
fn gone(what: &str, id: &str) -> Failure {
    Failure::failed(anyhow!("the {what} {id} cannot be found any more"))
}

fn open(data: &DataArgs) -> Result<Chain, Failure> {
    let (settings, _) = config::load(&Request::of(data))?;
    let reader = open_log(&settings)?;
    let store = stores::query(&settings)?;
    Ok(Chain::new(TENANT, store, reader))
}

/// The log of a data folder, to be read beside whoever writes it.
pub(crate) fn open_log(settings: &Settings) -> Result<EmbeddedReader, Failure> {
    let data = &settings.log.data;
    EmbeddedReader::open(data, topics::CATALOGUE)
        .with_context(|| format!("cannot read the log in {}", data.display()))
        .map_err(|error| Failure::bad_input(error).hint("--data names the data folder"))
}
