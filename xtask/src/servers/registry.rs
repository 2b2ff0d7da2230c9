//! The Apicurio schema registry, in memory, with the API that Confluent's clients speak.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::Place;
use super::java::{HOW_JAVA_21, find_or_fetch, resolve_archive};
use super::node::{Node, port_of};

const API: &str = "/apis/ccompat/v7";
const PROBE_LIMIT: Duration = Duration::from_secs(3);

pub(super) fn start(place: &Place) -> Result<Node> {
    if let Ok(node) = Node::running(place) {
        return Ok(node);
    }
    let tools = place.artifacts.with_file_name("java");
    let java = find_or_fetch(|major| major >= 21, HOW_JAVA_21, &tools)?;
    resolve_archive(place)?;
    let folder = &place.folder;
    std::fs::create_dir_all(folder.join("tmp"))?;
    let port = port_of(folder, 2)?;
    let mut server = Command::new(java);
    server
        .args(["-Xms64m", "-Xmx256m", "-XX:+UseSerialGC"])
        .args(["-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"])
        .arg(format!("-Djava.io.tmpdir={}", folder.join("tmp").display()))
        .arg("-Djava.net.preferIPv4Stack=true")
        .arg("-Dquarkus.http.host=127.0.0.1")
        .arg(format!("-Dquarkus.http.port={port}"))
        .arg("-Dquarkus.management.host=127.0.0.1")
        .arg(format!("-Dquarkus.management.port={}", port + 1))
        .args([
            "-Dapicurio.storage.kind=sql",
            "-Dapicurio.storage.sql.kind=h2",
        ])
        .arg("-Dapicurio.datasource.url=jdbc:h2:mem:registry")
        .args([
            "-Dquarkus.log.level=WARN",
            "-Dquarkus.otel.sdk.disabled=true",
        ])
        .arg("-jar")
        .arg(place.artifacts.join("quarkus-run.jar"));
    let address = format!("http://127.0.0.1:{port}{API}");
    let ready = || answers(port).unwrap_or(false);
    Node::start(place, &mut server, address, ready)
}

fn answers(port: u16) -> Result<bool> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut stream = TcpStream::connect_timeout(&address, PROBE_LIMIT)?;
    stream.set_read_timeout(Some(PROBE_LIMIT))?;
    write!(
        stream,
        "GET {API}/subjects HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"
    )?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    Ok(status.ends_with(b" 200"))
}
