//! Starting and asking the binary under test.

use std::collections::hash_map::DefaultHasher;
use std::fs::File;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

pub(crate) const SECRET: &str = "s3cret";

/// How long anything may take before a test gives up. Generous: a loaded machine is no failure.
const DEADLINE: Duration = Duration::from_secs(90);
const BETWEEN_POLLS: Duration = Duration::from_millis(10);

/// The address of a broker on which services run that would run in one process.
const BROKERS: &str = "SUDOR_TEST_PROGRAM_ON";

/// The settings of a data folder's service on that broker: topics and a vault's key of its own.
#[expect(
    clippy::disallowed_methods,
    reason = "a suite is told by its environment where its servers are"
)]
pub(crate) fn on_brokers(data: &Path) -> Vec<(&'static str, String)> {
    let Ok(brokers) = std::env::var(BROKERS) else {
        return Vec::new();
    };
    let key = data.with_extension("key");
    if !key.exists() {
        std::fs::write(&key, format!("{}\n", "5a".repeat(32))).unwrap();
    }
    let mut hasher = DefaultHasher::new();
    (std::process::id(), data).hash(&mut hasher);
    vec![
        ("SUDOR__LOG__KIND", "kafka".to_owned()),
        ("SUDOR__LOG__BROKERS", brokers),
        (
            "SUDOR__LOG__TOPIC_PREFIX",
            format!("p{:x}.", hasher.finish()),
        ),
        ("SUDOR__LOG__PARTITIONS", "2".to_owned()),
        ("SUDOR__LOG__REPLICATION", "1".to_owned()),
        ("SUDOR__VAULT__KEY_FILE", key.display().to_string()),
    ]
}

/// The binary with nothing of the surroundings in its settings.
pub(crate) fn sudor(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sudor"));
    command.args(arguments);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SUDOR__") {
            command.env_remove(name);
        }
    }
    let data = arguments
        .iter()
        .skip_while(|word| **word != "--data")
        .nth(1);
    if let Some(data) = data {
        command.envs(on_brokers(Path::new(data)));
    }
    command
}

pub(crate) fn output(arguments: &[&str]) -> Output {
    sudor(arguments).stdin(Stdio::null()).output().unwrap()
}

/// Runs a command that has to succeed and gives the JSON that it printed.
pub(crate) fn json(arguments: &[&str]) -> Value {
    let output = output(arguments);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{arguments:?}: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
}

/// `verify`, which has to find nothing.
pub(crate) fn assert_verified(data: &Path) {
    let output = output(&["verify", "--json", "--data", data.to_str().unwrap()]);
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Asks until there is an answer: the one place where a test lets time pass.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let mut polls = tokio::time::interval(BETWEEN_POLLS);
    for _ in 0..DEADLINE.as_millis() / BETWEEN_POLLS.as_millis() {
        // Another process has no way to wake this one.
        polls.tick().await;
        if let Some(answer) = ask().await {
            return answer;
        }
    }
    panic!("gave up waiting: {what}");
}

/// All of them, as without being told.
const ROLES: &str = "ingest,process,sink,api";

/// A running `sudor run`. It is killed when it is dropped.
pub(crate) struct Service {
    child: Child,
    pub(crate) data: PathBuf,
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

impl Service {
    pub(crate) async fn start(data: &Path) -> Self {
        Self::start_with(data, &[]).await
    }

    pub(crate) async fn start_with(data: &Path, settings: &[(&str, &str)]) -> Self {
        Self::start_as(data, ROLES, settings).await
    }

    /// With some of the roles.
    pub(crate) async fn start_as(data: &Path, roles: &str, settings: &[(&str, &str)]) -> Self {
        let program = sudor(&["run", "--roles", roles, "--data", data.to_str().unwrap()]);
        Self::spawn(program, data, settings).await
    }

    /// None of its files can grow beyond so much; a write that would is refused by the kernel.
    pub(crate) async fn start_in_room(data: &Path, kib: u32, roles: &str) -> Self {
        let mut shell = Command::new("bash");
        shell
            .args([
                "-c",
                "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"",
                "bash",
            ])
            .arg(kib.to_string())
            .arg(env!("CARGO_BIN_EXE_sudor"))
            .args(["run", "--roles", roles, "--data", data.to_str().unwrap()]);
        Self::spawn(shell, data, &[]).await
    }

    async fn spawn(mut program: Command, data: &Path, settings: &[(&str, &str)]) -> Self {
        std::fs::create_dir_all(data).unwrap();
        if !on_brokers(data).is_empty() {
            json(&[
                "topics",
                "create",
                "--json",
                "--data",
                data.to_str().unwrap(),
            ]);
        }
        let log = data.with_extension("stderr");
        let mut child = program
            .env("SUDOR__HTTP__BIND", "127.0.0.1:0")
            .env("SUDOR__GARMIN__SECRET", SECRET)
            .env("SUDOR__LOG__FORMAT", "json")
            // Nobody outside is asked, unless a test says whom.
            .env("SUDOR__WEATHER__FORECAST_URL", "")
            .env("SUDOR__WEATHER__ARCHIVE_URL", "")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let address = until("the service listens", async || {
            let text = std::fs::read_to_string(&log).unwrap();
            assert!(child.try_wait().unwrap().is_none(), "it ended: {text}");
            text.lines().find_map(|line| {
                let line: Value = serde_json::from_str(line).ok()?;
                let said = line.get("message")?.as_str()? == "listening";
                said.then(|| line["address"].as_str().map(str::to_owned))?
            })
        })
        .await;
        Self {
            child,
            data: data.to_owned(),
            url: format!("http://{address}"),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// What it said on stderr since it was started.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.data.with_extension("stderr")).unwrap()
    }

    /// SIGKILL: nothing is flushed, nothing is said.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and how it ended.
    pub(crate) async fn terminate(mut self) -> ExitStatus {
        let told = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(told.success());
        until("the service ends", async || self.child.try_wait().unwrap()).await
    }

    /// How it ended by itself.
    pub(crate) async fn ended(mut self) -> ExitStatus {
        until("the service ends", async || self.child.try_wait().unwrap()).await
    }

    pub(crate) fn garmin(&self) -> String {
        format!("{}/webhooks/garmin/{SECRET}", self.url)
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.client.get(format!("{}{path}", self.url))).await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> (u16, Value) {
        self.post_as(path, "application/json", body).await
    }

    pub(crate) async fn post_as(
        &self,
        path: &str,
        content_type: &str,
        body: impl Into<Vec<u8>>,
    ) -> (u16, Value) {
        let request = self.client.post(format!("{}{path}", self.url));
        let request = request.header("content-type", content_type);
        answer(request.body(body.into())).await
    }

    pub(crate) async fn put(&self, path: &str, body: &str) -> (u16, Value) {
        let request = self.client.put(format!("{}{path}", self.url));
        let request = request.header("content-type", "application/json");
        answer(request.body(body.to_owned())).await
    }

    /// An athlete with a Garmin account of the same name.
    pub(crate) async fn register(&self, athlete: &str, account: &str) {
        let path = format!("/v1/athletes/{athlete}");
        assert_eq!(self.put(&path, "{}").await.0, 201);
        self.link(athlete, account).await;
    }

    pub(crate) async fn link(&self, athlete: &str, account: &str) {
        let path = format!("/v1/athletes/{athlete}/connections/garmin");
        let body = serde_json::json!({"account_id": account}).to_string();
        let (status, said) = self.put(&path, &body).await;
        assert!(matches!(status, 200 | 201), "{said}");
    }

    pub(crate) async fn push(&self, body: &Value) -> (u16, Value) {
        let path = format!("/webhooks/garmin/{SECRET}");
        self.post(&path, body.to_string()).await
    }

    /// A push to a service that may be about to end: `None` where no answer came.
    pub(crate) async fn offer(&self, body: &Value) -> Option<(u16, String)> {
        let sent = self.client.post(self.garmin()).body(body.to_string());
        let answer = sent.header("content-type", "application/json").send().await;
        let answer = answer.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.text().await.ok()?))
    }

    /// The quality page once nothing is pending; its numbers add up.
    pub(crate) async fn idle(&self) -> Value {
        let quality = until("everything is processed", async || {
            let (status, quality) = self.get("/v1/quality").await;
            assert_eq!(status, 200, "{quality}");
            (quality["idle"] == true).then_some(quality)
        })
        .await;
        assert_conserved(&quality);
        quality
    }

    /// Every item of a list, page by page.
    pub(crate) async fn all(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let after = cursor.map(|cursor| format!("&cursor={cursor}"));
            let page = format!("{path}?limit=1000{}", after.unwrap_or_default());
            let (status, mut page) = self.get(&page).await;
            assert_eq!(status, 200, "{path}: {page}");
            items.append(page["items"].as_array_mut().unwrap());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return items,
            }
        }
    }
}

/// A demo that goes on serving, once all of it is processed. It is killed when it is dropped.
pub(crate) struct Demo {
    child: Child,
    pub(crate) url: String,
    client: reqwest::Client,
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

impl Demo {
    pub(crate) async fn start(data: &Path, world: &[&str]) -> Self {
        let said = data.with_extension("stdout");
        let mut child = sudor(&["demo", "--data", data.to_str().unwrap()])
            .args(world)
            .env("SUDOR__HTTP__BIND", "127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(File::create(&said).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let url = until("the demo is processed", async || {
            let text = std::fs::read_to_string(&said).unwrap();
            assert!(child.try_wait().unwrap().is_none(), "it ended: {text}");
            let url = text
                .strip_prefix("serving on ")?
                .split(' ')
                .next()?
                .to_owned();
            text.contains(" items received: ").then_some(url)
        })
        .await;
        Self {
            child,
            url,
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// Status and text.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let answer = self
            .client
            .get(format!("{}{path}", self.url))
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> u16 {
        let request = self.client.post(format!("{}{path}", self.url));
        let request = request
            .header("content-type", "application/json")
            .body(body.to_owned());
        request.send().await.unwrap().status().as_u16()
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// A count of one source.
pub(crate) fn count(quality: &Value, source: &str, what: &str) -> i64 {
    quality["sources"][source][what].as_i64().unwrap_or(0)
}

/// received = accepted + duplicate + dead-lettered + pending, for every source.
pub(crate) fn assert_conserved(quality: &Value) {
    for source in quality["sources"].as_object().unwrap().keys() {
        let count = |what| count(quality, source, what);
        let settled = ["accepted", "duplicate", "dead_lettered", "pending"];
        let settled: i64 = settled.into_iter().map(count).sum();
        assert_eq!(count("received"), settled, "{source}: {quality}");
    }
}
