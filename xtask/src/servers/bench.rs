//! `servers bench`: the engine on Kafka beside those it is compared with, on one fresh broker.
//!
//! Everybody reads the same topic and writes the same records; what came out is counted after each
//! run, and a wrong count ends all of it. Where there are two cores and `taskset`, the broker has one
//! and who is measured the other. Rates are for a CPU second of the process that is measured.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON object answers null for what it does not have"
)]

mod service;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::java::{HOW_JAVA_17, build, find};
use super::node::Node;
use super::{BENCH, FOLDER, Kind, Place, Started};
use crate::say;

const BROKER_CORE: &str = "0";
const WORKER_CORE: &str = "1";
const ROUNDS: usize = 3;
/// Bytes that are kept for each id where state is restored: nothing but a mark would measure records.
const RESTORE_STATE_BYTES: usize = 1_000;
/// Ticks of a CPU in `/proc/PID/stat`.
const TICKS_PER_S: f64 = 100.0;

/// Who is measured, in the order of the table.
const CONTENDERS: &[&str] = &["engine", "raw", "streams-memory", "streams-rocksdb"];

/// `words` may begin with what is to be measured; otherwise it is both.
pub(super) fn run(root: &Path, words: &[&str]) -> Result<()> {
    let (dedupe, service, words) = match words {
        ["dedupe", rest @ ..] => (true, false, rest),
        ["service", rest @ ..] => (false, true, rest),
        all => (true, true, all),
    };
    let bench = Bench::start(root, words, service)?;
    let mut report = json!({"pinned": bench.is_pinned, "settings": bench.settings});
    if dedupe {
        bench.compare(&mut report)?;
    }
    if service {
        report["pipeline"] = json!(service::pipeline(&bench)?);
        report["latency"] = json!(service::latency(&bench)?);
    }
    let file = root.join(FOLDER).join("bench.json");
    std::fs::write(&file, format!("{report:#}\n"))?;
    say(&format!("xtask: all of it is in {}", file.display()))
}

struct Bench<'r> {
    /// Stopped at the end.
    _servers: Started<'r>,
    address: String,
    broker: u32,
    java: PathBuf,
    /// Folder of what cargo built.
    built: PathBuf,
    streams: PathBuf,
    scratch: PathBuf,
    rounds: usize,
    /// `NAME=VALUE` for everybody.
    settings: Vec<String>,
    is_pinned: bool,
}

impl<'r> Bench<'r> {
    fn start(root: &'r Path, words: &[&str], service: bool) -> Result<Self> {
        let mut rounds = ROUNDS;
        let mut settings = Vec::new();
        for word in words {
            match word.split_once('=') {
                Some(("rounds", count)) => rounds = count.parse()?,
                Some(_) => settings.push((*word).to_owned()),
                None => bail!("settings of the bench are NAME=N, not {word}"),
            }
        }
        let java = find(|major| major >= 17, HOW_JAVA_17)?;
        let streams = root.join(FOLDER).join("artifacts/kafka-streams");
        say("xtask: building what is compared")?;
        build(&root.join("bench/kafka-streams/pom.xml"), &streams)?;
        cargo_build(root, &["-p", "stream-kafka", "--examples"])?;
        if service {
            cargo_build(root, &["--features", "kafka", "--bin", "sudor"])?;
        }
        let mut servers = Started::new(root, BENCH)?;
        servers.start(Kind::Kafka)?;
        let place = Place::new(root, &servers.set, Kind::Kafka);
        let broker = Node::running(&place)?;
        let scratch = servers.set.join("scratch");
        // State of an earlier broker would be taken for that of this one.
        if scratch.exists() {
            std::fs::remove_dir_all(&scratch)?;
        }
        std::fs::create_dir_all(&scratch)?;
        Ok(Self {
            address: broker.address().to_owned(),
            broker: broker.process(),
            is_pinned: pin(broker.process())?,
            _servers: servers,
            java,
            built: root.join("target/fast"),
            streams,
            scratch,
            rounds,
            settings,
        })
    }

    /// All contenders in turn, so that what slows the machine for a while slows all of them.
    fn compare(&self, report: &mut Value) -> Result<()> {
        let input = self.dedupe("fill", "fill", &[])?;
        say(&format!("input: {input}"))?;
        let mut runs = Vec::new();
        for round in 1..=self.rounds {
            for who in CONTENDERS {
                let found = self.measure(who, round, &input)?;
                say(&format!("{found}"))?;
                runs.push(found);
            }
        }
        say(&table(&runs))?;
        let restored = self.restore()?;
        for one in &restored {
            say(&format!("{one}"))?;
        }
        report["input"] = input;
        report["runs"] = json!(runs);
        report["restore"] = json!(restored);
        Ok(())
    }

    /// One run, what it wrote counted and removed.
    fn measure(&self, who: &str, round: usize, input: &Value) -> Result<Value> {
        let run = format!("{who}-{round}");
        let folder = self.scratch.join(&run);
        let before = cpu_s(self.broker)?;
        let mut found = match who.split_once('-') {
            Some((_, store)) => {
                self.dedupe("topics", &run, &[])?;
                self.streams(&run, store, &folder, input)?
            }
            None => self.dedupe(who, &run, &[setting("folder", folder.display())])?,
        };
        found["broker_cpu_s"] = json!(cpu_s(self.broker)? - before);
        let out = self.dedupe("check", &run, &[])?;
        let unique = &input["unique"];
        if found["unique"] != *unique || out["unique"] != *unique || out["records"] != *unique {
            bail!("{run}: {unique} records are to come out; it said {found}, and there are {out}");
        }
        found["round"] = json!(round);
        found["output_bytes"] = out["bytes"].clone();
        self.dedupe("drop", &run, &[])?;
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        Ok(found)
    }

    /// State of the engine read back: into an empty folder, and into one that has it.
    fn restore(&self) -> Result<Vec<Value>> {
        let folder = |name: &str| setting("folder", self.scratch.join(name).display());
        let larger = setting("state_bytes", RESTORE_STATE_BYTES);
        self.dedupe("engine", "restore", &[folder("first"), larger])?;
        let cold = self.dedupe("restore", "restore", &[folder("second")])?;
        let warm = self.dedupe("restore", "restore", &[folder("second")])?;
        Ok(vec![cold, warm])
    }

    /// The program of Sudor's side: what it says in its last line.
    fn dedupe(&self, word: &str, run: &str, more: &[String]) -> Result<Value> {
        let mut command = self.pinned(&self.built.join("examples/dedupe"), WORKER_CORE);
        command
            .arg(word)
            .args(&self.settings)
            .arg(setting("run", run))
            .args(more)
            .env(Kind::Kafka.variable(), &self.address);
        told(&mut command)
    }

    fn streams(&self, run: &str, store: &str, folder: &Path, input: &Value) -> Result<Value> {
        let jars = self.streams.join("jars");
        let classes = self.streams.join("classes");
        let mut command = self.pinned(&self.java, WORKER_CORE);
        command
            .arg("-cp")
            .arg(format!("{}:{}/*", classes.display(), jars.display()))
            .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=error")
            .args(["sudor.bench.Dedupe", &self.address, run])
            .args(["dedupe-in", &format!("{run}-out"), store])
            .arg(folder)
            .arg(input["records"].to_string());
        told(&mut command)
    }

    fn pinned(&self, program: &Path, core: &str) -> Command {
        if !self.is_pinned {
            return Command::new(program);
        }
        let mut command = Command::new("taskset");
        command.args(["-c", core]).arg(program);
        command
    }
}

fn setting(name: &str, value: impl std::fmt::Display) -> String {
    format!("{name}={value}")
}

/// The profile that is nearly as fast as a release, after a tenth of its waiting.
fn cargo_build(root: &Path, what: &[&str]) -> Result<()> {
    let status = Command::new(env!("CARGO"))
        .args(["build", "--profile", "fast"])
        .args(what)
        .current_dir(root)
        .status()
        .context("cannot start cargo")?;
    if !status.success() {
        bail!("cargo build ended with {status}");
    }
    Ok(())
}

/// Gives the broker a core of its own, where that can be done.
fn pin(broker: u32) -> Result<bool> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut taskset = Command::new("taskset");
    taskset
        .args(["-a", "-c", "-p", BROKER_CORE])
        .arg(broker.to_string())
        .stdout(Stdio::null());
    let is_pinned = cores > 1 && taskset.status().is_ok_and(|status| status.success());
    if !is_pinned {
        say("xtask: NOT PINNED: no taskset, or one core; all share what there is")?;
    }
    Ok(is_pinned)
}

/// Runs to the end; what it says is JSON.
fn told(command: &mut Command) -> Result<Value> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("{command:?} ended with {}: {said}", output.status);
    }
    serde_json::from_str(&said).with_context(|| format!("{command:?} said {said:?}"))
}

/// User and system time of a process.
fn cpu_s(process: u32) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let fields = text.rsplit_once(") ").map(|(_, fields)| fields);
    let mut fields = fields.unwrap_or_default().split(' ').skip(11);
    let mut ticks = || -> Result<f64> {
        let field = fields.next().context("a line of /proc is too short")?;
        Ok(field.parse()?)
    };
    Ok((ticks()? + ticks()?) / TICKS_PER_S)
}

/// Medians of all rounds.
fn table(runs: &[Value]) -> String {
    let mut lines = vec![
        "| who | records a CPU s | second half | with start-up | records a s | broker CPU s | MB |"
            .to_owned(),
        "|---|---|---|---|---|---|---|".to_owned(),
    ];
    for who in CONTENDERS {
        let of = |figure: &dyn Fn(&Value) -> f64| {
            let own = runs.iter().filter(|run| run["who"] == *who);
            median(own.map(figure).collect())
        };
        let number = |run: &Value, name: &str| run[name].as_f64().unwrap_or(f64::NAN);
        let rate = |of: &'static str, over: &'static str| {
            move |run: &Value| number(run, of) / number(run, over)
        };
        lines.push(format!(
            "| {who} | {:.0} | {:.0} | {:.0} | {:.0} | {:.1} | {:.0} |",
            of(&rate("records", "cpu_s")),
            of(&rate("half_records", "half_cpu_s")),
            of(&rate("records", "process_cpu_s")),
            of(&rate("records", "wall_s")),
            of(&|run| number(run, "broker_cpu_s")),
            of(&|run| number(run, "rss_mb")),
        ));
    }
    lines.join("\n")
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::{CONTENDERS, table};
    use serde_json::{Value, json};

    #[test]
    fn the_table_holds_the_median_of_all_rounds() {
        let run = |who: &str, cpu_s: f64| {
            json!({"who": who, "records": 100, "cpu_s": cpu_s, "half_records": 50, "half_cpu_s": 1,
                "process_cpu_s": 4, "wall_s": 2, "broker_cpu_s": 0.5, "rss_mb": 7})
        };
        let runs: Vec<Value> = CONTENDERS
            .iter()
            .flat_map(|who| [1.0, 50.0, 2.0].map(|cpu_s| run(who, cpu_s)))
            .collect();
        let told = table(&runs);
        assert!(
            told.contains("| raw | 50 | 50 | 25 | 50 | 0.5 | 7 |"),
            "{told}"
        );
        assert_eq!(told.lines().count(), 2 + CONTENDERS.len());
    }
}
