//! `sudor doctor`: what would keep the service from running, said before it runs. It changes nothing
//! but a file of its own that it removes again, and on Kafka asks the brokers.

use std::fs::{self, File};
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Serialize;
use sinks_store::rfc3339;
use stream_embedded::EmbeddedReader;

use crate::cli::{DoctorArgs, GlobalArgs};
use crate::config::{self, Request, Settings};
use crate::exit::{self, CommandResult, Failure};
use crate::{keys, stores, topics};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    /// Right for a folder that is new; wrong for one that is not.
    Absent,
    Failed,
}

#[derive(Debug, Serialize)]
struct Check {
    check: &'static str,
    verdict: Verdict,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

pub(crate) fn run(args: &DoctorArgs, global: GlobalArgs) -> CommandResult {
    let settings = config::load(&Request::of(&args.data))?.0;
    let data = &settings.log.data;
    let is_new = !data.join("log.db").exists();
    let absent = |path: &Path| is_new && !path.exists();
    let mut checks = vec![
        check(
            "data_folder",
            writable(data),
            "the user of the service has to own it; log.data names it",
        ),
        known(
            "log",
            absent(&data.join("log.db")),
            || log(&settings),
            "restore a backup; a folder of a newer program needs that program",
        ),
        known(
            "partitions",
            is_new,
            || partitions(&settings),
            "set log.partitions to what the folder was made with, or leave it out where that is the default",
        ),
        known(
            "store",
            absent(&settings.store.path) && settings.store.is_file(),
            || store(&settings),
            store_hint(&settings),
        ),
        known(
            "retention",
            is_new,
            || retention(&settings),
            "look at the log above",
        ),
        known(
            "vault_key",
            settings.log.kafka.is_none() && absent(&settings.vault.key_file),
            || key(&settings),
            "put the key there that the vault was sealed with; chmod 600",
        ),
        check(
            "address",
            address(&settings),
            "a running service has it, or another program; http.bind names it",
        ),
    ];
    checks.push(access(&settings));
    cluster(&settings, &mut checks);
    let failed = checks
        .iter()
        .filter(|c| c.verdict == Verdict::Failed)
        .count();
    let printed = if global.json {
        exit::print_json(&serde_json::json!({"failed": failed, "checks": checks}))
    } else {
        exit::print_text(&in_words(&checks))
    };
    printed.map_err(Failure::failed)?;
    if failed == 0 {
        return Ok(());
    }
    Err(Failure::failed(anyhow::anyhow!(
        "{failed} of {} checks failed",
        checks.len()
    ))
    .told())
}

/// Nothing can be said of the topics of a cluster that does not answer.
#[cfg(feature = "kafka")]
fn cluster(settings: &Settings, checks: &mut Vec<Check>) {
    let Some(kafka) = &settings.log.kafka else {
        return;
    };
    let brokers = check(
        "brokers",
        crate::kafka::brokers(settings, kafka),
        "start the brokers; log.brokers names them, log.security says how they are spoken to",
    );
    let answers = brokers.verdict == Verdict::Ok;
    checks.push(brokers);
    if answers {
        checks.push(check(
            "topics",
            crate::kafka::topics_as_made(settings, kafka),
            "`sudor topics create` makes what is missing and says what differs; what is there it never changes",
        ));
    }
}

/// A build without Kafka has no cluster to ask.
#[cfg(not(feature = "kafka"))]
fn cluster(_: &Settings, _: &mut Vec<Check>) {}

fn check(name: &'static str, found: anyhow::Result<String>, hint: &'static str) -> Check {
    match found {
        Ok(detail) => Check {
            check: name,
            verdict: Verdict::Ok,
            detail,
            hint: None,
        },
        Err(error) => Check {
            check: name,
            verdict: Verdict::Failed,
            detail: format!("{error:#}"),
            hint: Some(hint.to_owned()),
        },
    }
}

fn known(
    name: &'static str,
    absent: bool,
    look: impl FnOnce() -> anyhow::Result<String>,
    hint: &'static str,
) -> Check {
    if !absent {
        return check(name, look(), hint);
    }
    Check {
        check: name,
        verdict: Verdict::Absent,
        detail: "made at the first start".to_owned(),
        hint: None,
    }
}

fn in_words(checks: &[Check]) -> String {
    let mut text = String::new();
    for check in checks {
        let verdict = match check.verdict {
            Verdict::Ok => "ok",
            Verdict::Absent => "new",
            Verdict::Failed => "FAILED",
        };
        text.push_str(&format!(
            "{verdict:<7} {:<12} {}\n",
            check.check, check.detail
        ));
        if let Some(hint) = &check.hint {
            text.push_str(&format!("{:<20} try: {hint}\n", ""));
        }
    }
    text
}

/// Written and made durable, as the log will be.
fn writable(folder: &Path) -> anyhow::Result<String> {
    let mut above = folder.ancestors().map(|folder| match folder.as_os_str() {
        // Above a relative one is where we stand.
        empty if empty.is_empty() => Path::new("."),
        _ => folder,
    });
    let nearest = above.find(|folder| folder.exists());
    let nearest = nearest.context("no folder above it is there")?;
    let probe = nearest.join(format!(".sudor-doctor-{}", std::process::id()));
    let written = File::create(&probe).and_then(|mut file| {
        file.write_all(&[0; 4_096])?;
        file.sync_all()
    });
    let removed = fs::remove_file(&probe);
    written
        .and(removed)
        .with_context(|| format!("cannot write in {}", nearest.display()))?;
    Ok(format!("{} takes writes and syncs", nearest.display()))
}

fn log(settings: &Settings) -> anyhow::Result<String> {
    let reader = EmbeddedReader::open(&settings.log.data, topics::CATALOGUE)?;
    Ok(format!(
        "{} records",
        reader.next_seq()?.0.saturating_sub(1)
    ))
}

fn store(settings: &Settings) -> anyhow::Result<String> {
    let position = stores::read(settings)?.position;
    let data = &settings.log.data;
    if !data.join("log.db").exists() {
        if position.0 == 0 {
            return Ok("empty".to_owned());
        }
        bail!(
            "the store read up to record {}, and there is no log.db in {}: they do not belong together; \
             restore both from one backup",
            position.0,
            data.display()
        );
    }
    let log = EmbeddedReader::open(data, topics::CATALOGUE)?;
    let behind = stores::goes_on(settings, &log, position)?;
    Ok(format!("{behind} records behind the log"))
}

/// A log without its beginning makes no store.
fn store_hint(settings: &Settings) -> &'static str {
    match first_kept(settings) {
        Ok(1) => "remove store.db to have it made again from the log; or look at store.nodes",
        _ => "restore store.db from a backup: the log does not have all that it was made from",
    }
}

fn first_kept(settings: &Settings) -> anyhow::Result<u64> {
    let log = EmbeddedReader::open(&settings.log.data, topics::CATALOGUE)?;
    Ok(log.first_seq()?.0)
}

fn retention(settings: &Settings) -> anyhow::Result<String> {
    let terms = settings.retention;
    let kept = stores::read(settings)?.query.kept()?;
    let since = |since: Option<schemas::record::Micros>| {
        since.map_or_else(String::new, |at| format!(" (from {} on)", rfc3339(at)))
    };
    Ok(format!(
        "log {} (from record {} on), history {}{}, dead letters {}{}",
        in_days(terms.log),
        first_kept(settings)?,
        in_days(terms.history),
        since(kept.history_since),
        in_days(terms.dead_letters),
        since(kept.dead_letters_since),
    ))
}

fn in_days(term: Option<Duration>) -> String {
    match term.map(|term| term.as_secs()) {
        None => "for ever".to_owned(),
        Some(seconds) if seconds % 86_400 == 0 => format!("{} days", seconds / 86_400),
        Some(seconds) => format!("{seconds} s"),
    }
}

/// Whoever can read it can read every token.
fn key(settings: &Settings) -> anyhow::Result<String> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    if let Err(refusal) = settings.check_shared_key() {
        bail!("{refusal}");
    }
    let path = &settings.vault.key_file;
    let about = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mode = about.permissions().mode() & 0o777;
    // A secret that is mounted belongs to whoever mounts it, and the service reads it as one of a group.
    let mounted = fs::metadata(&settings.log.data).is_ok_and(|data| data.uid() != about.uid());
    let others = if mounted { 0o007 } else { 0o077 };
    if mode & others != 0 {
        bail!("{} can be read by others (mode {mode:o})", path.display());
    }
    Ok(match mounted {
        false => format!("{} is its owner's alone", path.display()),
        true => format!("{} is not for everybody", path.display()),
    })
}

/// Refused in the service's own words, with its hint.
fn access(settings: &Settings) -> Check {
    let required = keys::known(settings)
        .map_err(Failure::failed)
        .and_then(|count| Ok((count, settings.api_keys_required(count)?)));
    let (verdict, detail, hint) = match required {
        Ok((_, false)) => (Verdict::Ok, "no API key is asked for".to_owned(), None),
        Ok((count, true)) => (
            Verdict::Ok,
            format!("an API key is asked for; {count} count"),
            None,
        ),
        Err(refusal) => (
            Verdict::Failed,
            refusal.in_words(),
            refusal.tried().map(str::to_owned),
        ),
    };
    Check {
        check: "access",
        verdict,
        detail,
        hint,
    }
}

fn partitions(settings: &Settings) -> anyhow::Result<String> {
    let made = EmbeddedReader::open(&settings.log.data, topics::CATALOGUE)?.partitions();
    let configured = settings.log.partitions;
    if made != configured {
        bail!(
            "the log has {made} partitions and {configured} are configured; the count is fixed when a data folder is made"
        );
    }
    Ok(made.to_string())
}

fn address(settings: &Settings) -> anyhow::Result<String> {
    let bind = settings.http.bind;
    let listener = TcpListener::bind(bind).with_context(|| format!("cannot listen on {bind}"))?;
    drop(listener);
    Ok(format!("{bind} is free"))
}
