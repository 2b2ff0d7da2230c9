//! One Apache Kafka node, broker and controller in one, without ZooKeeper.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use super::Place;
use super::java::{HOW_JAVA_17, find, resolve_jars};
use super::node::{Node, port_of};

const HEAP: &str = "-Xmx384m";
/// Any 16 bytes in base64 name a cluster.
const CLUSTER: &str = "c3Vkb3Itc2VydmVycy0wMQ";

pub(super) fn start(place: &Place) -> Result<Node> {
    if let Ok(node) = Node::running(place) {
        return Ok(node);
    }
    let java = find(|major| major >= 17, HOW_JAVA_17)?;
    resolve_jars(place)?;
    let folder = &place.folder;
    std::fs::create_dir_all(folder.join("logs"))?;
    let port = port_of(folder, 2)?;
    std::fs::write(folder.join("log4j2.properties"), LOGGING)?;
    std::fs::write(folder.join("server.properties"), properties(folder, port))?;
    let run = || {
        let mut command = Command::new(&java);
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
            .output()?;
        if !formatted.status.success() {
            let said = [formatted.stdout, formatted.stderr].concat();
            bail!("cannot format: {}", String::from_utf8_lossy(&said).trim());
        }
    }
    let log = folder.join("logs/server.log");
    // Also what an earlier process said in it.
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

/// Every setting that is not Kafka's own default has its reason beside it.
fn properties(folder: &Path, port: u16) -> String {
    let controller = port + 1;
    let data = folder.join("data");
    let data = data.display();
    format!(
        "\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
# A topic exists because somebody made it with its settings.
auto.create.topics.enable=false
# One node.
default.replication.factor=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# A small machine.
num.network.threads=2
num.io.threads=2
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
log.cleaner.dedupe.buffer.size=16777216
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
