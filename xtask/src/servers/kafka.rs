//! One Apache Kafka node, broker and controller in one, without ZooKeeper.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::Place;
use super::java::{HOW_JAVA_17, find, resolve_jars};
use super::node::{Node, port_of};

const HEAP: &str = "-Xmx384m";
/// Any 16 bytes in base64 name a cluster.
const CLUSTER: &str = "c3Vkb3Itc2VydmVycy0wMQ";
/// Clients, controller, encrypted clients.
const PORTS: u16 = 3;
const CERTIFICATE: &str = "certificate.pem";
/// Who may come in through the encrypted listener.
const USER: &str = "SCRAM-SHA-512=[name=sudor,password=only-for-tests]";

/// Brokers of a cluster: one can die, and every partition still has a leader and a follower.
pub(super) const MEMBERS: usize = 3;

pub(super) fn start(place: &Place) -> Result<Node> {
    if let Ok(node) = Node::running(place) {
        return Ok(node);
    }
    let java = find(|major| major >= 17, HOW_JAVA_17)?;
    resolve_jars(place)?;
    let ports = [port_of(&made(&place.folder)?, PORTS)?];
    certificate(&place.folder)?;
    start_one(place, &java, 1, &ports)
}

/// Those that do not run; all at once, because one alone is never ready.
pub(super) fn start_cluster(places: &[Place]) -> Result<String> {
    let java = find(|major| major >= 17, HOW_JAVA_17)?;
    let mut ports = Vec::new();
    for place in places {
        resolve_jars(place)?;
        ports.push(port_of(&made(&place.folder)?, PORTS)?);
        certificate(&place.folder)?;
    }
    let (java, ports) = (java.as_path(), ports.as_slice());
    let start = |(number, place)| match Node::running(place) {
        Ok(_) => Ok(()),
        Err(_) => start_one(place, java, number, ports).map(drop),
    };
    std::thread::scope(|scope| {
        let numbered = (1..).zip(places);
        let started: Vec<_> = numbered
            .map(|one| scope.spawn(move || start(one)))
            .collect();
        started.into_iter().try_for_each(|one| match one.join() {
            Ok(done) => done,
            Err(_) => bail!("starting a broker panicked"),
        })
    })?;
    let addresses = ports.iter().map(|port| format!("127.0.0.1:{port}"));
    Ok(addresses.collect::<Vec<_>>().join(","))
}

fn made(folder: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(folder.join("logs"))?;
    Ok(folder.to_path_buf())
}

fn start_one(place: &Place, java: &Path, number: usize, ports: &[u16]) -> Result<Node> {
    let folder = &place.folder;
    let Some(port) = ports.get(number - 1).copied() else {
        bail!("there is no broker {number}");
    };
    std::fs::write(folder.join("log4j2.properties"), LOGGING)?;
    std::fs::write(
        folder.join("server.properties"),
        properties(folder, number, ports),
    )?;
    let run = || {
        let mut command = Command::new(java);
        command
            .args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", HEAP])
            .arg(format!(
                "-Dkafka.logs.dir={}",
                folder.join("logs").display()
            ))
            .arg(format!(
                "-Dlog4j2.configurationFile={}",
                folder.join("log4j2.properties").display()
            ))
            .arg("-cp")
            .arg(format!("{}/*", place.artifacts.display()));
        command
    };
    if !folder.join("data/meta.properties").exists() {
        let formatted = run()
            .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c"])
            .arg(folder.join("server.properties"))
            .args(["--add-scram", USER])
            .output()?;
        if !formatted.status.success() {
            let said = [formatted.stdout, formatted.stderr].concat();
            bail!("cannot format: {}", String::from_utf8_lossy(&said).trim());
        }
    }
    let log = folder.join("logs/server.log");
    // What an earlier process said is kept beside it: it is all there is to go by after a crash test.
    set_aside(&log)?;
    std::fs::write(&log, "")?;
    let mut server = run();
    server
        .arg("kafka.Kafka")
        .arg(folder.join("server.properties"));
    // The line comes after the controller let the broker in; an open port comes before.
    let ready =
        || std::fs::read_to_string(&log).is_ok_and(|text| text.contains("Kafka Server started"));
    Node::start(place, &mut server, format!("127.0.0.1:{port}"), ready)
}

/// What a client finds behind the encrypted listener, which is the third port: it asks for a name and
/// a password, too.
pub(super) fn secure(place: &Place, address: &str) -> Vec<(String, String)> {
    let port = address
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse::<u16>().ok());
    let port = port.unwrap_or_default() + 2;
    let ca = place.folder.join(CERTIFICATE).display().to_string();
    vec![
        (
            "SUDOR_TEST_KAFKA_TLS".to_owned(),
            format!("127.0.0.1:{port}"),
        ),
        ("SUDOR_TEST_KAFKA_CA".to_owned(), ca),
    ]
}

/// One that nobody but the tests trusts, good for a day.
fn certificate(folder: &Path) -> Result<()> {
    let (key, own) = (folder.join("key.pem"), folder.join(CERTIFICATE));
    if own.exists() {
        return Ok(());
    }
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&own)
        .output()
        .context("cannot start openssl: install openssl")?;
    if !made.status.success() {
        bail!("openssl: {}", String::from_utf8_lossy(&made.stderr).trim());
    }
    let both = [std::fs::read(&key)?, std::fs::read(&own)?].concat();
    Ok(std::fs::write(folder.join("keystore.pem"), both)?)
}

fn set_aside(log: &Path) -> Result<()> {
    let mut number = 1;
    while log.with_extension(format!("{number}.log")).exists() {
        number += 1;
    }
    if log.exists() {
        std::fs::rename(log, log.with_extension(format!("{number}.log")))?;
    }
    Ok(())
}

/// Every setting that is not Kafka's own default has its reason beside it.
fn properties(folder: &Path, number: usize, ports: &[u16]) -> String {
    let port = ports.get(number - 1).copied().unwrap_or_default();
    let (controller, secure) = (port + 1, port + 2);
    let keystore = folder.join("keystore.pem");
    let keystore = keystore.display();
    let data = folder.join("data");
    let data = data.display();
    let voter = |(number, port): (usize, &u16)| format!("{number}@127.0.0.1:{}", port + 1);
    let voters: Vec<String> = (1..).zip(ports).map(voter).collect();
    let voters = voters.join(",");
    let replicas = ports.len();
    // One of three may be away.
    let in_sync = replicas.div_ceil(2);
    format!(
        "\
process.roles=broker,controller
node.id={number}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller},SASL_SSL://127.0.0.1:{secure}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},SASL_SSL://127.0.0.1:{secure}
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
# A topic exists because somebody made it with its settings.
auto.create.topics.enable=false
# On every node.
default.replication.factor={replicas}
min.insync.replicas={in_sync}
offsets.topic.replication.factor={replicas}
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={in_sync}
# A small machine.
num.network.threads=2
num.io.threads=2
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
log.cleaner.dedupe.buffer.size=16777216
# The index files of a new segment are mapped before they are written. At Kafka's 10 MiB a kernel may
# look for 3 to 22 ms for the memory behind the first entry of each, four seconds for all partitions of
# a new service; at 1 MiB it is half a millisecond. A segment has room for 340 MB all the same.
log.index.size.max.bytes=1048576
# Tests do not wait for members that will not come, for sessions of a minute, or ten seconds for a
# look at transactions that timed out.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
group.consumer.min.session.timeout.ms=3000
group.consumer.session.timeout.ms=6000
group.consumer.min.heartbeat.interval.ms=500
group.consumer.heartbeat.interval.ms=1000
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
# A broker that was killed may come back once its session is over: nine seconds by default. Not
# shorter than a pause in a test, or the only broker is fenced by it.
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=6000
"
    )
}

const LOGGING: &str = "\
status=error
appender.file.type=File
appender.file.name=file
appender.file.fileName=${sys:kafka.logs.dir}/server.log
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=[%d] %p %m (%c)%n
rootLogger.level=INFO
rootLogger.appenderRef.file.ref=file
";
