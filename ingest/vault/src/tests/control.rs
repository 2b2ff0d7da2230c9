//! Nodes that share a journal: what one of them writes, all of them know.

use std::sync::{Arc, Mutex};

use ingest_connectors::port::{Callback, Registry, Vault as _};

use super::*;
use crate::{ControlEntry, Journal};

#[derive(Default)]
struct Shared(Mutex<Vec<ControlEntry>>);

impl Shared {
    fn told(&self) -> Vec<ControlEntry> {
        self.0.lock().unwrap().clone()
    }
}

impl Journal for Shared {
    fn write(
        &self,
        entries: Vec<ControlEntry>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.0.lock().unwrap().extend(entries);
        Ok(())
    }
}

/// A node of its own folder, with the key of the first.
fn node(key_of: &TempDir, journal: &Arc<Shared>) -> (TempDir, Vault) {
    let folder = tempdir().unwrap();
    let key = key_of.path().join("vault.key");
    let vault = Vault::open(folder.path(), Some(&key)).unwrap();
    vault.share(Arc::clone(journal) as Arc<dyn Journal>);
    (folder, vault)
}

fn opened_and_shared(journal: &Arc<Shared>) -> (TempDir, Vault) {
    let folder = tempdir().unwrap();
    let vault = opened(&folder);
    vault.share(Arc::clone(journal) as Arc<dyn Journal>);
    (folder, vault)
}

#[test]
fn what_one_node_writes_another_knows_and_can_open() {
    let journal = Arc::new(Shared::default());
    let (folder, first) = opened_and_shared(&journal);
    let (_other_folder, second) = node(&folder, &journal);
    first.register(&ada(), AT).unwrap();
    first.link(&ada(), "strava", "s/7", AT).unwrap();
    first.seal(&ada(), "strava", "s/7", &tokens()).unwrap();
    let callback = Callback {
        reference: "r1".to_owned(),
        url: "https://example.com/?token=t".into(),
    };
    first.seal_callbacks(&[callback], AT).unwrap();
    assert_eq!(second.athletes_linked("strava", "s/7"), []);
    second.learn(journal.told()).unwrap();
    assert!(second.athlete_exists(&ada()));
    assert_eq!(second.athletes_linked("strava", "s/7"), [ada()]);
    let opened = second.unseal(&ada(), "strava", "s/7").unwrap().unwrap();
    let access = opened.access_token.unwrap();
    assert_eq!(access.expose_secret(), "tok-access");
    let url = second.unseal_callback("r1").unwrap().unwrap();
    assert_eq!(url.expose_secret(), "https://example.com/?token=t");
    // And back: what the second ends, the first hears of.
    second
        .deregister("strava", "s/7", UnixMicros(AT.0 + 1))
        .unwrap();
    second.destroy_callback("r1").unwrap();
    first.learn(journal.told()).unwrap();
    assert_eq!(first.athletes_linked("strava", "s/7"), []);
    assert_eq!(first.connections_of(&ada()), second.connections_of(&ada()));
    assert_eq!(first.connections_of(&ada())[0].linked_at, AT);
    assert!(first.unseal_callback("r1").unwrap().is_none());
    // No secret in what all can read.
    assert!(!format!("{:?}", journal.told()).contains("tok-access"));
}

#[test]
fn nodes_that_wrote_at_once_end_at_the_same_word() {
    let journal = Arc::new(Shared::default());
    let (folder, first) = opened_and_shared(&journal);
    let (_other_folder, second) = node(&folder, &journal);
    first.register(&ada(), AT).unwrap();
    second.learn(journal.told()).unwrap();
    // Neither has heard of the other's write when it makes its own.
    first.link(&ada(), "garmin", "u1", AT).unwrap();
    second
        .link(&ada(), "garmin", "u1", UnixMicros(AT.0 + 5))
        .unwrap();
    first
        .deregister("garmin", "u1", UnixMicros(AT.0 + 9))
        .unwrap();
    for vault in [&first, &second] {
        vault.learn(journal.told()).unwrap();
        vault.learn(journal.told()).unwrap();
    }
    assert_eq!(first.athletes_linked("garmin", "u1"), []);
    assert_eq!(second.athletes_linked("garmin", "u1"), []);
}

#[test]
fn a_node_with_another_key_is_refused() {
    let journal = Arc::new(Shared::default());
    let (_folder, first) = opened_and_shared(&journal);
    let (_other_folder, stranger) = opened_and_shared(&journal);
    first.register(&ada(), AT).unwrap();
    first.link(&ada(), "strava", "s7", AT).unwrap();
    first.seal(&ada(), "strava", "s7", &tokens()).unwrap();
    let refused = stranger.learn(journal.told()).unwrap_err();
    assert!(matches!(refused, VaultError::OtherKey { .. }), "{refused}");
}

#[test]
fn what_a_node_knew_before_it_shared_is_told_once() {
    let journal = Arc::new(Shared::default());
    let folder = tempdir().unwrap();
    let alone = opened(&folder);
    alone.register(&ada(), AT).unwrap();
    alone.link(&ada(), "strava", "s7", AT).unwrap();
    alone.seal(&ada(), "strava", "s7", &tokens()).unwrap();
    let untold = alone.untold(&std::collections::BTreeSet::new()).unwrap();
    assert_eq!(untold.len(), 3);
    let (_other_folder, second) = node(&folder, &journal);
    second.learn(untold.clone()).unwrap();
    assert_eq!(second.athletes_linked("strava", "s7"), [ada()]);
    assert!(second.unseal(&ada(), "strava", "s7").unwrap().is_some());
    let told = untold.into_iter().map(|entry| entry.key).collect();
    assert_eq!(alone.untold(&told).unwrap(), []);
}
