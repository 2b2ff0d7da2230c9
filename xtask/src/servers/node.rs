//! One server process: started, found again by the note in its folder, waited for, stopped.
//!
//! A process is ours only while its command line names our folder: a process number alone may have
//! gone to somebody else's.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::Place;

/// Below what systems give to clients: a port must stay free while its server is down.
const PORTS: std::ops::Range<u16> = 20_000..31_000;
/// A port that is taken is no news; so many in a row would be.
const PORT_TRIES_MAX: usize = 200;
const START_LIMIT: Duration = Duration::from_secs(180);
const STOP_LIMIT: Duration = Duration::from_secs(60);
const NAP: Duration = Duration::from_millis(50);
/// What is shown of the log of a server that died.
const LOG_LINES_SHOWN: usize = 30;

pub(super) struct Node {
    folder: PathBuf,
    process: u32,
    address: String,
}

impl Node {
    /// The server of this place, if it runs.
    pub(super) fn running(place: &Place) -> Result<Self> {
        let note = place.folder.join("running");
        let text = std::fs::read_to_string(&note)
            .with_context(|| format!("{} does not run", place.kind.name()))?;
        let (process, address) = text
            .trim()
            .split_once(' ')
            .with_context(|| format!("{} is damaged", note.display()))?;
        let node = Self {
            folder: place.folder.clone(),
            process: process.parse()?,
            address: address.to_owned(),
        };
        if node.is_alive() {
            return Ok(node);
        }
        bail!("{} does not run any more", place.kind.name())
    }

    /// Starts `java`, whose arguments must name the folder, and waits until it is ready.
    pub(super) fn start(
        place: &Place,
        java: &mut Command,
        address: String,
        ready: impl Fn() -> bool,
    ) -> Result<Self> {
        let log = std::fs::File::create(place.folder.join("stdout.log"))?;
        java.stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        if place.detached {
            std::os::unix::process::CommandExt::process_group(java, 0);
        }
        let mut child = java
            .spawn()
            .with_context(|| format!("cannot start {}", place.kind.name()))?;
        let node = Self {
            folder: place.folder.clone(),
            process: child.id(),
            address,
        };
        let note = format!("{} {}\n", node.process, node.address);
        std::fs::write(place.folder.join("running"), note)?;
        let started = now();
        while !ready() {
            // Its command line cannot be read yet in the first moment.
            if child.try_wait()?.is_some() {
                bail!("{} died: {}", place.kind.name(), node.last_words());
            }
            if started.elapsed() > START_LIMIT {
                child.kill()?;
                bail!("{} is not ready: {}", place.kind.name(), node.last_words());
            }
            nap();
        }
        Ok(node)
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn process(&self) -> u32 {
        self.process
    }

    /// Asks it to end, and waits.
    pub(super) fn stop(&self) -> Result<()> {
        // A process that was paused hears nothing else.
        self.signal("CONT")?;
        self.signal("TERM")?;
        if self.is_gone_within(STOP_LIMIT) {
            return Ok(());
        }
        self.kill()
    }

    pub(super) fn kill(&self) -> Result<()> {
        self.signal("KILL")?;
        if self.is_gone_within(STOP_LIMIT) {
            return Ok(());
        }
        bail!("process {} does not die", self.process)
    }

    pub(super) fn pause(&self) -> Result<()> {
        self.signal("STOP")
    }

    pub(super) fn resume(&self) -> Result<()> {
        self.signal("CONT")
    }

    pub(super) fn resident_mb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process));
        let line = status.unwrap_or_default();
        let kib = line
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or(0) / 1024
    }

    fn signal(&self, name: &str) -> Result<()> {
        if !self.is_alive() {
            return Ok(());
        }
        let status = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.process.to_string())
            .status()
            .context("cannot start kill")?;
        if status.success() {
            return Ok(());
        }
        bail!("kill -{name} {} ended with {status}", self.process)
    }

    /// A process that ended and was not waited for has no command line: it counts as gone.
    fn is_alive(&self) -> bool {
        let line = std::fs::read(format!("/proc/{}/cmdline", self.process)).or_else(|_| {
            Command::new("ps")
                .args(["-ww", "-o", "args=", "-p", &self.process.to_string()])
                .output()
                .map(|output| output.stdout)
        });
        let line = line.unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&self.folder.display().to_string())
    }

    fn is_gone_within(&self, limit: Duration) -> bool {
        let started = now();
        while self.is_alive() {
            if started.elapsed() > limit {
                return false;
            }
            nap();
        }
        true
    }

    fn last_words(&self) -> String {
        let mut words = String::new();
        for file in ["stdout.log", "logs/server.log", "logs/system.log"] {
            let text = std::fs::read_to_string(self.folder.join(file)).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let shown = lines.len().saturating_sub(LOG_LINES_SHOWN);
            words.extend(lines.iter().skip(shown).map(|line| format!("\n  {line}")));
        }
        words
    }
}

/// `count` ports of loopback, free and next to each other.
pub(super) fn free_ports(count: u16) -> Result<u16> {
    let chance = RandomState::new();
    for attempt in 0..PORT_TRIES_MAX {
        let mut hasher = chance.build_hasher();
        hasher.write_usize(attempt);
        let span = u64::from(PORTS.end - PORTS.start - count);
        let first = PORTS.start + u16::try_from(hasher.finish() % span)?;
        let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if (first..first + count).all(is_free) {
            return Ok(first);
        }
    }
    bail!("no {count} free ports side by side in {PORTS:?}")
}

/// A port is chosen once for a folder: a server that comes back is where it was.
pub(super) fn port_of(folder: &Path, count: u16) -> Result<u16> {
    let note = folder.join("port");
    if let Ok(text) = std::fs::read_to_string(&note) {
        return Ok(text.trim().parse()?);
    }
    let port = free_ports(count)?;
    std::fs::write(&note, format!("{port}\n"))?;
    Ok(port)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a build tool waits for a process that does not call back"
)]
pub(super) fn nap() {
    std::thread::sleep(NAP);
}

#[expect(
    clippy::disallowed_methods,
    reason = "waiting for a process has a limit in real time"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}
