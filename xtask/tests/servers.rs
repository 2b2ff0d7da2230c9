//! That the servers which `cargo xtask servers` starts are what they are taken for.
//!
//! Also the shape of every test that needs a server: the address is in the environment; where it
//! is not, the test says so on the terminal, past the harness, and ends.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that finds a server by its environment"
)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(10);

fn server(variable: &str) -> Option<String> {
    if let Ok(address) = std::env::var(variable) {
        return Some(address);
    }
    let required = std::env::var("SUDOR_REQUIRE_SERVERS").is_ok_and(|value| value == "1");
    assert!(!required, "{variable} is not set and servers are required");
    let told = format!("SKIPPED: {variable} is not set; `cargo xtask servers test` sets it\n");
    std::io::stderr().write_all(told.as_bytes()).unwrap();
    None
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
}

#[test]
fn the_broker_lists_the_requests_it_knows() {
    let Some(address) = server("SUDOR_TEST_KAFKA") else {
        return;
    };
    let mut stream = connect(&address);
    // ApiVersions (18), version 0, correlation 7, client "x".
    let request = [0, 0, 0, 11, 0, 18, 0, 0, 0, 0, 0, 7, 0, 1, b'x'];
    stream.write_all(&request).unwrap();
    let mut answer = [0; 14];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(
        answer[4..10],
        [0, 0, 0, 7, 0, 0],
        "correlation and no error"
    );
    let known = i32::from_be_bytes(answer[10..14].try_into().unwrap());
    assert!(known > 20, "{known} kinds of request");
}

#[test]
fn the_database_speaks_cql() {
    let Some(address) = server("SUDOR_TEST_CASSANDRA") else {
        return;
    };
    let mut stream = connect(&address);
    stream.write_all(&[4, 0, 0, 0, 5, 0, 0, 0, 0]).unwrap();
    let mut header = [0; 5];
    stream.read_exact(&mut header).unwrap();
    assert_eq!(header[4], 6, "SUPPORTED");
}

#[test]
fn the_registry_lists_its_subjects() {
    let Some(address) = server("SUDOR_TEST_REGISTRY") else {
        return;
    };
    let rest = address.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let mut stream = connect(host);
    write!(
        stream,
        "GET /{path}/subjects HTTP/1.0\r\nHost: {host}\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.") && answer.contains(" 200 "),
        "{answer}"
    );
    assert!(answer.ends_with(']'), "{answer}");
}
