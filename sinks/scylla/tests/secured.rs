//! A node that talks through TLS alone and wants a password: who has both gets in, and nobody else.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that finds a server by its environment"
)]

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use schemas::record::Micros;
use schemas::record::session::SessionRevised;
use schemas::sample::full;
use sinks_scylla::{Credentials, Dialect, Options, ScyllaStore};
use sinks_store::{FeedPosition, SeriesQuery, SeriesStore, Table, project};

/// The node makes its first user some moments after it listens.
const TRIES_MAX: usize = 600;
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

fn address() -> Option<String> {
    if let Ok(address) = std::env::var("SUDOR_TEST_SECURED") {
        return Some(address);
    }
    let required = std::env::var("SUDOR_REQUIRE_SERVERS").is_ok_and(|value| value == "1");
    assert!(
        !required,
        "SUDOR_TEST_SECURED is not set and servers are required"
    );
    let told = "SKIPPED: SUDOR_TEST_SECURED is not set; `cargo xtask servers test` sets it\n";
    std::io::stderr().write_all(told.as_bytes()).unwrap();
    None
}

fn certificate(name: &str) -> PathBuf {
    let servers = PathBuf::from(std::env::var("SUDOR_TEST_SERVERS").unwrap());
    servers.join("secured/conf").join(format!("{name}.pem"))
}

fn options(address: &str, certificate_of: Option<&str>, password: Option<&str>) -> Options {
    let mut options = Options::new(
        vec![address.to_owned()],
        &format!("sudor_secured_{}", std::process::id()),
        Dialect::Cassandra,
        Arc::new(|| Micros(i64::MAX / 2)),
    );
    options.tls_ca = certificate_of.map(certificate);
    options.credentials = password.map(|password| Credentials {
        user: "cassandra".to_owned(),
        password: password.to_owned().into(),
    });
    options
}

#[test]
fn who_has_the_certificate_and_the_password_gets_in_and_nobody_else() {
    let Some(address) = address() else {
        return;
    };
    let (_never, clock) = sync_channel::<()>(1);
    let mut tries = 0;
    let mut store = loop {
        match ScyllaStore::connect(options(&address, Some("node"), Some("cassandra"))) {
            Ok(store) => break store,
            Err(error) if tries == TRIES_MAX => panic!("{error:?}"),
            Err(_) => tries += 1,
        }
        // Nothing is ever sent: it lets time pass.
        clock.recv_timeout(BETWEEN_TRIES).unwrap_or_default();
    };
    let fact: SessionRevised = full();
    let (tenant, id) = (fact.tenant_id.clone(), fact.session_id.clone());
    let rows = project(fact.into()).into_iter().collect();
    store.apply(rows, FeedPosition(7)).unwrap();
    let item = store.reader().get(Table::Sessions, &tenant, &id).unwrap();
    assert_eq!(item.unwrap().id, id);
    assert_eq!(store.position().unwrap(), FeedPosition(7));

    for (certificate_of, password, who) in [
        (Some("node"), Some("wrong"), "with another password"),
        (Some("node"), None, "without a password"),
        (
            Some("stranger"),
            Some("cassandra"),
            "who trusts somebody else",
        ),
        (None, Some("cassandra"), "in the clear"),
    ] {
        let refused = ScyllaStore::connect(options(&address, certificate_of, password));
        assert!(refused.is_err(), "{who}");
    }
}
