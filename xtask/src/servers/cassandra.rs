//! One Apache Cassandra node.
//!
//! Its commit log is synced before a write is acknowledged (`batch`). The default, every ten
//! seconds, forgets acknowledged writes when the process is killed, and a crash test would blame
//! our side for it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::java::{HOW_JAVA_17, find, resolve_jars};
use super::node::{Node, port_of};
use super::{Kind, Place};

const HEAP: &str = "512M";
/// Of a key that is made on this machine and thrown away with the server.
const KEYSTORE_PASSWORD: &str = "only-for-tests";
/// What the server writes down when it takes connections.
const LISTENS: &str = "Starting listening for CQL clients";
const PROBE_LIMIT: Duration = Duration::from_secs(2);
/// OPTIONS, version 4 of the protocol, no body.
const OPTIONS: [u8; 9] = [4, 0, 0, 0, 5, 0, 0, 0, 0];
const SUPPORTED: u8 = 6;
/// What the server reaches for inside the JDK.
const EXPORTS: &[&str] = &[
    "java.base/java.lang.ref",
    "java.base/jdk.internal.misc",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "jdk.attach/sun.tools.attach",
    "jdk.compiler/com.sun.tools.javac.file",
    "jdk.unsupported/sun.misc",
];
const OPENS: &[&str] = &[
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.module",
    "java.base/java.lang.reflect",
    "java.base/java.nio",
    "java.base/java.nio.charset",
    "java.base/java.util",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "jdk.compiler/com.sun.tools.javac",
    "jdk.management/com.sun.management.internal",
];

pub(super) fn start(place: &Place) -> Result<Node> {
    if let Ok(node) = Node::running(place) {
        return Ok(node);
    }
    let java = find(|major| major == 11 || major == 17, HOW_JAVA_17)?;
    resolve_jars(place)?;
    let folder = &place.folder;
    for inner in ["conf", "logs", "tmp"] {
        std::fs::create_dir_all(folder.join(inner))?;
    }
    let port = port_of(folder, 2)?;
    let secured = place.kind == Kind::Secured;
    let access = if secured {
        certificates(&java, &folder.join("conf"))?;
        secured_access(folder)
    } else {
        OPEN_ACCESS.to_owned()
    };
    std::fs::write(
        folder.join("conf/cassandra.yaml"),
        configuration(folder, port) + &access,
    )?;
    std::fs::write(folder.join("conf/logback.xml"), LOGGING)?;
    let mut server = Command::new(&java);
    server
        .args(options(folder))
        .arg(format!("-javaagent:{}", agent(&place.artifacts)?.display()))
        .arg("-cp")
        .arg(format!(
            "{}/conf:{}/*",
            folder.display(),
            place.artifacts.display()
        ))
        .arg("org.apache.cassandra.service.CassandraDaemon");
    let told = folder.join("logs/system.log");
    let ready = || match secured {
        // Without a certificate of ours nobody is answered there.
        true => std::fs::read_to_string(&told).is_ok_and(|log| log.contains(LISTENS)),
        false => answers(port).unwrap_or(false),
    };
    Node::start(place, &mut server, format!("127.0.0.1:{port}"), ready)
}

/// It measures objects; the server does not start without.
fn agent(artifacts: &Path) -> Result<PathBuf> {
    let is_agent = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("jamm-") && name.ends_with(".jar")
    };
    std::fs::read_dir(artifacts)?
        .flatten()
        .map(|entry| entry.path())
        .find(is_agent)
        .context("no jamm among the jars of cassandra")
}

fn options(folder: &Path) -> Vec<String> {
    let folder = folder.display();
    let mut options = vec![
        format!("-Xms{HEAP}"),
        format!("-Xmx{HEAP}"),
        "-XX:+UseSerialGC".to_owned(),
        "-XX:TieredStopAtLevel=1".to_owned(),
        "-XX:MaxDirectMemorySize=256M".to_owned(),
        "-XX:+ExitOnOutOfMemoryError".to_owned(),
        "-XX:-UsePerfData".to_owned(),
        "-Djava.net.preferIPv4Stack=true".to_owned(),
        "-Djdk.attach.allowAttachSelf=true".to_owned(),
        "-Dio.netty.tryReflectionSetAccessible=true".to_owned(),
        format!("-Djava.io.tmpdir={folder}/tmp"),
        format!("-Dlogback.configurationFile=file://{folder}/conf/logback.xml"),
        format!("-Dcassandra.logdir={folder}/logs"),
        format!("-Dcassandra.config=file://{folder}/conf/cassandra.yaml"),
        format!("-Dcassandra.storagedir={folder}"),
        "-Dcassandra-foreground=yes".to_owned(),
        // Nobody else is there to be waited for.
        "-Dcassandra.skip_wait_for_gossip_to_settle=0".to_owned(),
        "-Dcassandra.ring_delay_ms=0".to_owned(),
        "-Dcassandra.superuser_setup_delay_ms=0".to_owned(),
        "-Dcassandra.load_ring_state=false".to_owned(),
        "-Dcassandra.shutdown_announce_in_ms=0".to_owned(),
        "-Dcassandra.disable_tcactive_openssl=true".to_owned(),
    ];
    for (flag, modules) in [("--add-exports", EXPORTS), ("--add-opens", OPENS)] {
        options.extend(
            modules
                .iter()
                .map(|name| format!("{flag}={name}=ALL-UNNAMED")),
        );
    }
    options
}

fn configuration(folder: &Path, port: u16) -> String {
    let storage = port + 1;
    let folder = folder.display();
    format!(
        "\
cluster_name: sudor
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
num_tokens: 1
initial_token: 0
endpoint_snitch: SimpleSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{{seeds: \"127.0.0.1:{storage}\"}}]
listen_address: 127.0.0.1
storage_port: {storage}
rpc_address: 127.0.0.1
start_native_transport: true
native_transport_port: {port}
data_file_directories: [\"{folder}/data\"]
commitlog_directory: \"{folder}/commitlog\"
hints_directory: \"{folder}/hints\"
saved_caches_directory: \"{folder}/saved_caches\"
cdc_raw_directory: \"{folder}/cdc_raw\"
commitlog_sync: batch
commitlog_segment_size: 16MiB
commitlog_total_space: 256MiB
memtable_allocation_type: heap_buffers
memtable_heap_space: 96MiB
key_cache_size: 4MiB
file_cache_size: 32MiB
networking_cache_size: 32MiB
concurrent_reads: 16
concurrent_writes: 16
concurrent_compactors: 1
hinted_handoff_enabled: false
auto_snapshot: false
disk_access_mode: mmap_index_only
authorizer: AllowAllAuthorizer
"
    )
}

const OPEN_ACCESS: &str = "authenticator: AllowAllAuthenticator\n";

fn secured_access(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "\
authenticator: PasswordAuthenticator
client_encryption_options:
  enabled: true
  optional: false
  keystore: \"{folder}/conf/node.p12\"
  keystore_password: {KEYSTORE_PASSWORD}
  store_type: PKCS12
"
    )
}

/// The node's own certificate, and one of a stranger that nobody should be taken for.
fn certificates(java: &Path, conf: &Path) -> Result<()> {
    let keytool = java.with_file_name("keytool");
    for name in ["node", "stranger"] {
        let store = conf.join(format!("{name}.p12"));
        if store.exists() {
            continue;
        }
        let keytool = |words: &[&str]| {
            let mut tool = Command::new(&keytool);
            tool.args(words)
                .args(["-alias", name, "-storetype", "PKCS12"]);
            tool.args(["-storepass", KEYSTORE_PASSWORD])
                .arg("-keystore");
            let done = tool.arg(&store).output().context("cannot start keytool")?;
            let said = String::from_utf8_lossy(&done.stdout);
            ensure!(done.status.success(), "keytool: {said}");
            Ok(done.stdout)
        };
        keytool(&[
            "-genkeypair",
            "-keyalg",
            "EC",
            "-groupname",
            "secp256r1",
            "-validity",
            "365",
            "-dname",
            "CN=127.0.0.1",
            "-ext",
            "san=ip:127.0.0.1",
        ])?;
        let certificate = keytool(&["-exportcert", "-rfc"])?;
        std::fs::write(conf.join(format!("{name}.pem")), certificate)?;
    }
    Ok(())
}

const LOGGING: &str = r#"<configuration>
  <appender name="FILE" class="ch.qos.logback.core.FileAppender">
    <file>${cassandra.logdir}/system.log</file>
    <encoder><pattern>%-5level %date{ISO8601} %F:%L %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="FILE"/></root>
  <logger name="org.apache.cassandra.config" level="WARN"/>
</configuration>
"#;

/// Whether somebody there speaks CQL; an open port is not enough.
fn answers(port: u16) -> Result<bool> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut stream = TcpStream::connect_timeout(&address, PROBE_LIMIT)?;
    stream.set_read_timeout(Some(PROBE_LIMIT))?;
    stream.write_all(&OPTIONS)?;
    let mut header = [0; 5];
    stream.read_exact(&mut header)?;
    Ok(header.last() == Some(&SUPPORTED))
}
