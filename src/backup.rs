//! `sudor backup` and `sudor restore`: the data folder as whole files, taken beside a running service.
//!
//! Each database is copied as of one moment, in an order that makes the three fit together: first the
//! store, which may stand behind the log; then the log; then the vault, so that everybody the log
//! tells of is known. The vault's marks of fetching may then be ahead of the copied log, and are
//! taken back to its end: reading something twice is harmless, skipping it is not.
//!
//! Copies are their owner's alone, whoever could read the folder that they were taken from.
//!
//! The vault's key is not copied unless it is asked for: who has both can read the tokens.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use edge::private;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::cli::{BackupArgs, GlobalArgs, RestoreArgs};
use crate::config::{self, Request};
use crate::exit::{self, CommandResult, Failure};

const MANIFEST: &str = "backup.json";
/// The shape of `backup.json`.
const LAYOUT: u32 = 1;
const LOG: &str = "log.db";
const DRAFT: &str = ".restoring";
const STORE: &str = "store.db";
const VAULT: &str = "vault.db";
const KEY: &str = "vault.key";
const COPY_BYTES: usize = 1 << 20;

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    layout: u32,
    /// The last record of the copied log.
    log_end: i64,
    files: Vec<Copied>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Copied {
    name: String,
    bytes: u64,
    sha256: String,
}

pub(crate) fn backup(args: &BackupArgs, global: GlobalArgs) -> CommandResult {
    let settings = config::load(&Request::of(&args.data))?.0;
    let mut sources = vec![
        (STORE, settings.store.path.clone()),
        (LOG, settings.log.data.join(LOG)),
        (VAULT, settings.vault.path.clone()),
    ];
    // With a cluster as the store there is no file of it; it can be made from the log.
    sources.retain(|(name, path)| *name != STORE || path.exists());
    for (_, path) in &sources {
        if !path.exists() {
            let missing = anyhow!("{} is not there", path.display());
            return Err(Failure::bad_input(missing).hint("--data names the data folder"));
        }
    }
    if args.with_key {
        sources.push((KEY, settings.vault.key_file.clone()));
    }
    empty(&args.out)?;
    let manifest = copy_all(&sources, &args.out).map_err(Failure::failed)?;
    let text = format!(
        "{} files in {}, the log up to record {}",
        manifest.files.len(),
        args.out.display(),
        manifest.log_end
    );
    report(&manifest, &text, global)
}

pub(crate) fn restore(args: &RestoreArgs, global: GlobalArgs) -> CommandResult {
    let manifest = read_manifest(&args.from)
        .map_err(|error| Failure::bad_input(error).hint("--from names the folder of a backup"))?;
    empty(&args.data)?;
    if let Err(error) = put_back(&manifest, &args.from, &args.data) {
        // So that the next attempt finds the folder empty.
        remove_drafts(&args.data).map_err(Failure::failed)?;
        return Err(Failure::failed(error));
    }
    let mut text = format!(
        "{} files in {}, checked against their hashes",
        manifest.files.len(),
        args.data.display()
    );
    if !manifest.files.iter().any(|file| file.name == KEY) {
        text.push_str("; put the vault's key there as vault.key before you start the service");
    }
    report(&manifest, &text, global)
}

fn report(manifest: &Manifest, text: &str, global: GlobalArgs) -> CommandResult {
    let printed = if global.json {
        exit::print_json(manifest)
    } else {
        exit::print_text(&format!("{text}\n"))
    };
    printed.map_err(Failure::failed)
}

/// A folder that is there and holds nothing but what a restore left that was killed.
fn empty(folder: &Path) -> Result<(), Failure> {
    let made = private::folder(folder)
        .map_err(anyhow::Error::from)
        .and_then(|()| remove_drafts(folder))
        .and_then(|()| Ok(fs::read_dir(folder)?.next().transpose()?))
        .with_context(|| format!("cannot make the folder {}", folder.display()));
    match made.map_err(Failure::failed)? {
        None => Ok(()),
        Some(_) => {
            let full = anyhow!("{} is not empty", folder.display());
            Err(Failure::bad_input(full).hint("name a folder that is empty, or not there yet"))
        }
    }
}

fn copy_all(sources: &[(&str, PathBuf)], out: &Path) -> anyhow::Result<Manifest> {
    let mut manifest = Manifest {
        layout: LAYOUT,
        log_end: 0,
        files: Vec::new(),
    };
    for (name, from) in sources {
        let to = out.join(name);
        if *name == KEY {
            private::copy(from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
        } else {
            copy_database(from, &to)?;
        }
        match *name {
            LOG => manifest.log_end = last_record(&to)?,
            VAULT => take_marks_back(&to, manifest.log_end)?,
            _ => {}
        }
        manifest.files.push(measured(name, &to)?);
    }
    check_order(out, manifest.log_end)?;
    // Last: a folder without it is no backup.
    let json = serde_json::to_string_pretty(&manifest)?;
    let path = out.join(MANIFEST);
    let mut file =
        File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
    file.write_all(json.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| File::open(out)?.sync_all())
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(manifest)
}

fn open(path: &Path, flags: OpenFlags) -> anyhow::Result<Connection> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
        .with_context(|| format!("cannot open {}", path.display()))
}

/// One moment of a database, without gaps, beside whoever writes it.
fn copy_database(from: &Path, to: &Path) -> anyhow::Result<()> {
    let source = open(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let name = to.to_str().context("a path that is no text")?;
    private::file(to).with_context(|| format!("cannot make {}", to.display()))?;
    source
        .execute("VACUUM INTO ?1", [name])
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    drop(source);
    let copy = open(to, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let verdict: String = copy
        .query_row("PRAGMA quick_check", [], |row| row.get(0))
        .with_context(|| format!("cannot check {}", to.display()))?;
    if verdict != "ok" {
        bail!("the copy {} is damaged: {verdict}", to.display());
    }
    drop(copy);
    sync(to)
}

fn last_record(log: &Path) -> anyhow::Result<i64> {
    let log = open(log, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let last = log.query_row("SELECT coalesce(max(seq), 0) FROM records", [], |row| {
        row.get(0)
    });
    last.context("cannot read the end of the copied log")
}

fn take_marks_back(vault: &Path, log_end: i64) -> anyhow::Result<()> {
    let copy = open(vault, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    copy.execute("UPDATE marks SET position = min(position, ?1)", [log_end])
        .context("cannot take the marks of fetching back to the end of the log")?;
    drop(copy);
    sync(vault)
}

/// The order of the copies makes it so; a store that is ahead of its log would never catch up.
fn check_order(out: &Path, log_end: i64) -> anyhow::Result<()> {
    let path = out.join(STORE);
    if !path.exists() {
        return Ok(());
    }
    let store = open(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let position: Option<i64> = store
        .query_row("SELECT position FROM feed", [], |row| row.get(0))
        .optional()?;
    if position.unwrap_or(0) > log_end {
        bail!("the store is ahead of the log: {position:?}, {log_end}");
    }
    Ok(())
}

fn sync(path: &Path) -> anyhow::Result<()> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .with_context(|| format!("cannot make {} durable", path.display()))
}

fn measured(name: &str, path: &Path) -> anyhow::Result<Copied> {
    let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; COPY_BYTES];
    let mut bytes = 0_u64;
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            break;
        }
        hash.update(piece.get(..read).unwrap_or_default());
        bytes += u64::try_from(read)?;
    }
    let digest = hash.finalize();
    Ok(Copied {
        name: name.to_owned(),
        bytes,
        sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
    })
}

fn read_manifest(from: &Path) -> anyhow::Result<Manifest> {
    let path = from.join(MANIFEST);
    let text = fs::read_to_string(&path).with_context(|| {
        format!(
            "cannot read {}: without it a backup is not complete",
            path.display()
        )
    })?;
    let manifest: Manifest = serde_json::from_str(&text)
        .with_context(|| format!("{} is no list of a backup", path.display()))?;
    if manifest.layout != LAYOUT {
        bail!(
            "{} has layout {}, this program knows {LAYOUT}",
            path.display(),
            manifest.layout
        );
    }
    for file in &manifest.files {
        if ![LOG, STORE, VAULT, KEY].contains(&file.name.as_str()) {
            bail!(
                "{} names {:?}, which is no file of a backup",
                path.display(),
                file.name
            );
        }
    }
    Ok(manifest)
}

/// Every file is compared with its hash before any gets its name.
/// Copies that were not checked yet, by the names that only a restore gives.
fn remove_drafts(data: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(data)? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(DRAFT) {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

fn put_back(manifest: &Manifest, from: &Path, data: &Path) -> anyhow::Result<()> {
    let draft = |name: &str| data.join(format!("{name}{DRAFT}"));
    for file in &manifest.files {
        let to = draft(&file.name);
        private::copy(&from.join(&file.name), &to)
            .with_context(|| format!("cannot copy {} to {}", file.name, to.display()))?;
        let copied = measured(&file.name, &to)?;
        if copied.sha256 != file.sha256 {
            bail!(
                "{} in {} is not what was backed up",
                file.name,
                from.display()
            );
        }
        sync(&to)?;
    }
    for file in &manifest.files {
        let to = data.join(&file.name);
        fs::rename(draft(&file.name), &to)
            .with_context(|| format!("cannot name {}", to.display()))?;
    }
    sync(data)
}
