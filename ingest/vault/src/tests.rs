//! The vault on a disk: what a restart finds, and what a thief does not.

use std::path::Path;

use edge::UnixMicros;
use ingest_connectors::port::{AthleteRef, Change, Registry, Tokens, Vault as _};
use secrecy::ExposeSecret;
use tempfile::{TempDir, tempdir};

use crate::{Vault, VaultError};

mod control;
mod fetching;

const AT: UnixMicros = UnixMicros(1_767_225_600_000_000);

fn opened(folder: &TempDir) -> Vault {
    Vault::open(folder.path(), None).unwrap()
}

fn ada() -> AthleteRef {
    AthleteRef::new("default", "ada")
}

fn bob() -> AthleteRef {
    AthleteRef::new("default", "bob")
}

fn tokens() -> Tokens {
    Tokens {
        access_token: Some("tok-access".into()),
        refresh_token: None,
        expires_at_unix_s: Some(1_800_000_000),
        scopes: vec!["read".to_owned()],
    }
}

fn is_on_disk(folder: &TempDir, words: &[u8]) -> bool {
    let files = std::fs::read_dir(folder.path()).unwrap();
    files.into_iter().any(|file| {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        bytes.windows(words.len()).any(|window| window == words)
    })
}

#[test]
fn athletes_and_links_are_there_after_a_restart() {
    let folder = tempdir().unwrap();
    {
        let vault = opened(&folder);
        assert_eq!(vault.register(&ada(), AT).unwrap(), Change::Created);
        assert_eq!(
            vault.register(&ada(), UnixMicros(0)).unwrap(),
            Change::Updated
        );
        vault.register(&bob(), AT).unwrap();
        assert_eq!(
            vault.link(&ada(), "garmin", "u1", AT).unwrap(),
            Change::Created
        );
        assert_eq!(
            vault.link(&ada(), "garmin", "u1", AT).unwrap(),
            Change::Updated
        );
        vault.link(&bob(), "garmin", "u1", AT).unwrap();
        vault.link(&bob(), "strava", "u1", AT).unwrap();
    }
    let vault = opened(&folder);
    let athletes: Vec<_> = vault
        .list_athletes()
        .into_iter()
        .map(|row| (row.athlete, row.registered_at))
        .collect();
    assert_eq!(athletes, [(ada(), AT), (bob(), AT)]);
    assert!(!vault.athlete_exists(&AthleteRef::new("other", "ada")));
    assert_eq!(vault.athletes_linked("garmin", "u1"), [ada(), bob()]);
    assert_eq!(vault.athletes_linked("strava", "u1"), [bob()]);
    assert!(vault.athletes_linked("garmin", "u2").is_empty());
    assert_eq!(vault.connections_of(&bob()).len(), 2);
}

#[test]
fn a_deregistered_link_is_nobodys_until_it_is_made_again() {
    let folder = tempdir().unwrap();
    let live = |vault: &Vault| vault.athletes_linked("garmin", "u1");
    {
        let vault = opened(&folder);
        vault.link(&ada(), "garmin", "u1", AT).unwrap();
        vault.deregister("garmin", "u1", AT).unwrap();
        assert!(live(&vault).is_empty());
    }
    let vault = opened(&folder);
    assert!(live(&vault).is_empty());
    assert_eq!(vault.connections_of(&ada())[0].state, "deregistered");

    let again = UnixMicros(AT.0 + 1);
    assert_eq!(
        vault.link(&ada(), "garmin", "u1", again).unwrap(),
        Change::Updated
    );
    assert_eq!(live(&vault), [ada()]);
    assert_eq!(
        vault.connections_of(&ada())[0].linked_at,
        AT,
        "the first link's time stays"
    );
    drop(vault);
    assert_eq!(live(&opened(&folder)), [ada()]);
}

#[test]
fn tokens_are_sealed_on_disk_and_open_again() {
    let folder = tempdir().unwrap();
    let vault = opened(&folder);
    vault.seal(&ada(), "strava", "7", &tokens()).unwrap();
    assert!(!is_on_disk(&folder, b"tok-"));
    drop(vault);
    let vault = opened(&folder);
    let found = vault.unseal(&ada(), "strava", "7").unwrap().unwrap();
    assert_eq!(
        found.access_token.as_ref().unwrap().expose_secret(),
        "tok-access"
    );
    assert!(found.refresh_token.is_none());
    assert_eq!(
        (found.expires_at_unix_s, found.scopes.as_slice()),
        (Some(1_800_000_000), &["read".to_owned()][..])
    );
    assert!(vault.unseal(&bob(), "strava", "7").unwrap().is_none());
    assert!(!format!("{found:?} {vault:?}").contains("tok-"));
}

#[test]
fn a_sealed_token_that_was_moved_to_another_athlete_does_not_open() {
    let folder = tempdir().unwrap();
    let vault = opened(&folder);
    vault.seal(&ada(), "strava", "7", &tokens()).unwrap();
    let thief = rusqlite::Connection::open(folder.path().join("vault.db")).unwrap();
    thief
        .execute("UPDATE tokens SET athlete_id = 'bob'", [])
        .unwrap();
    assert!(matches!(
        vault.unseal(&bob(), "strava", "7"),
        Err(VaultError::Unsealable)
    ));
}

#[test]
fn another_key_and_a_lost_key_are_refused() {
    let [folder, other] = [(); 2].map(|()| tempdir().unwrap());
    drop((opened(&folder), opened(&other)));
    let other_key = other.path().join("vault.key");
    let refused = Vault::open(folder.path(), Some(&other_key)).unwrap_err();
    assert!(matches!(refused, VaultError::WrongKey { .. }), "{refused}");

    let own_key = folder.path().join("vault.key");
    let moved = other.path().join("moved.key");
    std::fs::rename(&own_key, &moved).unwrap();
    let refused = Vault::open(folder.path(), None).unwrap_err();
    assert!(matches!(refused, VaultError::KeyGone { .. }), "{refused}");
    assert!(!own_key.exists(), "no new key is made for an old vault");

    assert!(Vault::open(&folder.path().join("vault.db"), Some(&moved)).is_ok());
    let absent = Vault::open(other.path(), Some(Path::new("/nonexistent/key"))).unwrap_err();
    assert!(matches!(absent, VaultError::KeyFile { .. }), "{absent}");
}

#[test]
fn a_newer_format_is_refused() {
    let folder = tempdir().unwrap();
    drop(opened(&folder));
    let file = rusqlite::Connection::open(folder.path().join("vault.db")).unwrap();
    file.execute("UPDATE meta SET value = '4' WHERE name = 'format'", [])
        .unwrap();
    let refused = Vault::open(folder.path(), None).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("has format 4, and this program knows 3"),
        "{refused}"
    );
}

#[test]
fn links_beyond_the_limits_are_refused() {
    let folder = tempdir().unwrap();
    let vault = opened(&folder);
    for number in 0..16 {
        let athlete = AthleteRef::new("default", format!("a{number}"));
        vault.link(&athlete, "garmin", "shared", AT).unwrap();
    }
    assert!(vault.link(&ada(), "garmin", "shared", AT).is_err());
    assert!(vault.link(&ada(), "garmin", "own", AT).is_ok());
}

#[test]
fn writes_that_come_together_are_all_answered_and_kept() {
    let folder = tempdir().unwrap();
    let vault = opened(&folder);
    let athlete = |number: usize| AthleteRef::new("default", format!("a{number}"));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let vault = &vault;
            scope.spawn(move || {
                for number in thread * 10..thread * 10 + 10 {
                    assert_eq!(
                        vault.register(&athlete(number), AT).unwrap(),
                        Change::Created
                    );
                    assert!(vault.athlete_exists(&athlete(number)));
                }
            });
        }
    });
    drop(vault);
    assert_eq!(opened(&folder).list_athletes().len(), 80);
}
