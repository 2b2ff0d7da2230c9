//! `sudor keys`: make, list and revoke API keys. They count at once, also in a running service.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use edge::Clock;
use edge::auth::{BindingError, KeyFile, KeyStore, KeyStores, Scope, check_binding};
use ingest_vault::{ApiKeys, KeyEntry, NewKey, Vault};
use schemas::record::Micros;
use serde_json::{Value, json};

use crate::cli::{GlobalArgs, KeyScope, KeysArgs, KeysCommand};
use crate::config::{self, Request, Settings};
use crate::exit::{self, CommandResult, Failure};

pub(crate) fn run(args: &KeysArgs, global: GlobalArgs) -> CommandResult {
    match &args.command {
        KeysCommand::Create {
            scopes,
            athlete,
            name,
            data,
        } => create(
            &open(&Request::of(data))?,
            scopes,
            athlete.as_deref(),
            name,
            global,
        ),
        KeysCommand::List { data } => list(&open(&Request::of(data))?, global),
        KeysCommand::Revoke { ids, data } => revoke(&open(&Request::of(data))?, ids, global),
    }
}

fn open(request: &Request) -> Result<ApiKeys, Failure> {
    let (settings, _) = config::load(request)?;
    Ok(of(&settings)?)
}

/// How many keys are valid. A folder that is not there has none, and is not made.
pub(crate) fn known(settings: &Settings) -> anyhow::Result<usize> {
    let mut stores = in_file(settings)?;
    if settings.vault.path.exists() {
        stores.push(Arc::new(of(settings)?));
    }
    KeyStores(stores)
        .count()
        .context("cannot read the API keys")
}

/// All keys that a service takes, of a vault that is open.
pub(crate) fn opened(settings: &Settings) -> anyhow::Result<Arc<dyn KeyStore>> {
    let mut stores = in_file(settings)?;
    stores.push(Arc::new(ApiKeys::open(&settings.vault.path)?));
    Ok(Arc::new(KeyStores(stores)))
}

fn in_file(settings: &Settings) -> anyhow::Result<Vec<Arc<dyn KeyStore>>> {
    let Some(path) = &settings.auth.keys_file else {
        return Ok(Vec::new());
    };
    let file = KeyFile::open(path).context("auth.keys_file does not hold")?;
    Ok(vec![Arc::new(file)])
}

/// The keys of a data folder, which is made if it is not there.
pub(crate) fn of(settings: &Settings) -> anyhow::Result<ApiKeys> {
    let path = &settings.vault.path;
    let key_file = Some(settings.vault.key_file.as_path()).filter(|file| file.exists());
    let attempt = || format!("cannot open the vault {}", path.display());
    // Checks the file's format and its key first.
    drop(Vault::open(path, key_file).with_context(attempt)?);
    ApiKeys::open(path).with_context(attempt)
}

fn create(
    keys: &ApiKeys,
    scopes: &[KeyScope],
    athlete: Option<&str>,
    name: &str,
    global: GlobalArgs,
) -> CommandResult {
    let scopes: BTreeSet<Scope> = scopes.iter().map(|scope| scope.0).collect();
    check_binding(&scopes, athlete).map_err(|refusal| {
        let hint = match refusal {
            BindingError::NoAthlete => "--athlete ID names the athlete; read:all reads everybody",
            BindingError::TooWide => "leave --athlete away, or use read:athlete",
        };
        Failure::bad_input(refusal).hint(hint)
    })?;
    let new = NewKey {
        name: name.to_owned(),
        scopes,
        athlete_id: athlete.map(str::to_owned),
    };
    let made = keys.create(&new, edge::SystemClock.now());
    let (entry, text) = made.context("cannot make a key").map_err(Failure::failed)?;
    if global.json {
        let mut document = shown(&entry);
        if let Some(document) = document.as_object_mut() {
            document.insert("key".to_owned(), Value::from(text));
        }
        return exit::print_json(&document).map_err(Failure::failed);
    }
    let words = words(&entry);
    exit::print_text(&format!(
        "{text}\n\nKey {} with {words}. Keep it now: it is not shown again.\n\
         Send it as `Authorization: Bearer KEY`; `sudor keys revoke {}` takes it back.",
        entry.key_id, entry.key_id
    ))
    .map_err(Failure::failed)
}

fn list(keys: &ApiKeys, global: GlobalArgs) -> CommandResult {
    let entries = keys
        .list()
        .context("cannot list the keys")
        .map_err(Failure::failed)?;
    if global.json {
        let items: Vec<Value> = entries.iter().map(shown).collect();
        return exit::print_json(&json!({ "items": items })).map_err(Failure::failed);
    }
    let line = |entry: &KeyEntry| {
        let state = if entry.revoked_at.is_some() {
            "revoked"
        } else {
            "valid"
        };
        let made = sinks_store::rfc3339(Micros(entry.created_at.0));
        format!(
            "{}  {state:<8} {made}  {}  {}",
            entry.key_id,
            words(entry),
            entry.name
        )
    };
    let lines: Vec<String> = entries.iter().map(line).collect();
    let text = if lines.is_empty() {
        "no keys".to_owned()
    } else {
        lines.join("\n")
    };
    exit::print_text(&text).map_err(Failure::failed)
}

fn revoke(keys: &ApiKeys, ids: &[String], global: GlobalArgs) -> CommandResult {
    let now = edge::SystemClock.now();
    for id in ids {
        let revoked = keys.revoke(id, now).context("cannot revoke a key");
        if !revoked.map_err(Failure::failed)? {
            return Err(Failure::bad_input(anyhow!("there is no valid key {id}"))
                .hint("sudor keys list shows them all"));
        }
    }
    if global.json {
        return exit::print_json(&json!({ "revoked": ids })).map_err(Failure::failed);
    }
    exit::print_text(&format!("{} revoked", ids.len())).map_err(Failure::failed)
}

fn words(entry: &KeyEntry) -> String {
    let scopes: Vec<&str> = entry.scopes.iter().map(|scope| scope.word()).collect();
    match &entry.athlete_id {
        Some(athlete) => format!("{} for {athlete}", scopes.join(" ")),
        None => scopes.join(" "),
    }
}

fn shown(entry: &KeyEntry) -> Value {
    let at = |at: edge::UnixMicros| sinks_store::rfc3339(Micros(at.0));
    let scopes: Vec<&str> = entry.scopes.iter().map(|scope| scope.word()).collect();
    json!({
        "key_id": entry.key_id,
        "name": entry.name,
        "scopes": scopes,
        "athlete_id": entry.athlete_id,
        "created_at": at(entry.created_at),
        "revoked_at": entry.revoked_at.map(at),
    })
}
