//! The whole program on the broker of the bench: its throughput, and a webhook's way to the topic.

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{BROKER_CORE, Bench, WORKER_CORE, cpu_s, told};
use crate::say;
use crate::servers::Kind;
use crate::servers::node::{free_ports, nap, now};

const ATHLETES: &str = "8000";
/// Webhooks a second.
const RATES: &[u32] = &[200, 1_000];
const SECONDS: u32 = 15;
const SECRET: &str = "bench";
const PREFIX: &str = "latency.";
const START_LIMIT: Duration = Duration::from_secs(60);

/// All steps over a simulated day, as often as there are rounds.
pub(super) fn pipeline(bench: &Bench<'_>) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    for _ in 0..bench.rounds {
        let mut command = sudor(bench, WORKER_CORE)?;
        command.args(["bench", "kafka", "--athletes", ATHLETES, "--json"]);
        let one = told(&mut command)?;
        say(&format!("{one}"))?;
        found.push(one);
    }
    Ok(found)
}

/// Open loop: posts are due at times that are fixed beforehand.
pub(super) fn latency(bench: &Bench<'_>) -> Result<Vec<Value>> {
    let service = Service::start(bench)?;
    let mut found = Vec::new();
    for rate in RATES {
        let before = cpu_s(service.child.id())?;
        let mut command = bench.pinned(&bench.built.join("examples/latency"), BROKER_CORE);
        command
            .arg(format!("url=http://127.0.0.1:{}", service.port))
            .arg(format!("secret={SECRET}"))
            .arg(format!("prefix={PREFIX}"))
            .arg(format!("rate={rate}"))
            .arg(format!("seconds={SECONDS}"))
            .env(Kind::Kafka.variable(), &bench.address);
        let mut one = told(&mut command)?;
        // Registrations, which come before, are in it.
        one["service_cpu_s"] = json!(cpu_s(service.child.id())? - before);
        one["service_rss_mb"] = json!(service.resident_mb()?);
        say(&format!("{one}"))?;
        found.push(one);
    }
    Ok(found)
}

/// The program with the bench's broker as its log, in a folder of the bench.
fn sudor(bench: &Bench<'_>, core: &str) -> Result<Command> {
    let key = bench.scratch.join("cluster.key");
    std::fs::write(&key, format!("{}\n", "5a".repeat(32)))?;
    let mut command = bench.pinned(&bench.built.join("sudor"), core);
    command
        .current_dir(&bench.scratch)
        .env("SUDOR__LOG__KIND", "kafka")
        .env("SUDOR__LOG__BROKERS", &bench.address)
        .env("SUDOR__LOG__REPLICATION", "1")
        .env("SUDOR__VAULT__KEY_FILE", key);
    Ok(command)
}

/// `sudor run`; killed when it is dropped.
struct Service {
    child: Child,
    port: u16,
}

impl Service {
    fn start(bench: &Bench<'_>) -> Result<Self> {
        let port = free_ports(1)?;
        let words = |words: &[&str]| -> Result<Command> {
            let mut command = sudor(bench, WORKER_CORE)?;
            command
                .args(words)
                .args(["--data", "latency"])
                .env("SUDOR__LOG__TOPIC_PREFIX", PREFIX)
                .env("SUDOR__HTTP__BIND", format!("127.0.0.1:{port}"))
                .env("SUDOR__GARMIN__SECRET", SECRET)
                // Nobody outside is asked.
                .env("SUDOR__WEATHER__FORECAST_URL", "")
                .env("SUDOR__WEATHER__ARCHIVE_URL", "")
                .stdout(Stdio::null());
            Ok(command)
        };
        let made = words(&["topics", "create"])?.status();
        if !made.context("cannot start sudor")?.success() {
            bail!("sudor topics create failed");
        }
        let log = std::fs::File::create(bench.scratch.join("sudor.log"))?;
        let child = words(&["run"])?
            .stderr(log)
            .spawn()
            .context("cannot start sudor")?;
        let mut service = Self { child, port };
        service.wait()?;
        Ok(service)
    }

    fn wait(&mut self) -> Result<()> {
        let started = now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("sudor ended with {status}; its log is sudor.log in the scratch folder");
            }
            if started.elapsed() > START_LIMIT {
                bail!("sudor does not listen");
            }
            nap();
        }
        Ok(())
    }

    /// The largest it ever was.
    fn resident_mb(&self) -> Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        Ok(kib.unwrap_or(0) / 1024)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("xtask: cannot stop sudor: {error}");
        }
    }
}
