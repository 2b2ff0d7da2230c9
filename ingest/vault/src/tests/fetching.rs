//! Callback URLs, marks and budgets on a disk.

use ingest_connectors::port::{Budgets, Callback, Marks, Used};

use super::*;

const DAY_US: i64 = 86_400_000_000;

fn callback(reference: &str, url: &str) -> Callback {
    Callback {
        reference: reference.to_owned(),
        url: url.into(),
    }
}

fn url_of(vault: &Vault, reference: &str) -> Option<String> {
    let url = vault.unseal_callback(reference).unwrap();
    url.map(|url| url.expose_secret().to_owned())
}

#[test]
fn a_callback_is_sealed_on_disk_until_it_is_destroyed() {
    let folder = tempdir().unwrap();
    let url = "https://apis.garmin.com/rest/sleeps?token=tok-callback";
    let vault = opened(&folder);
    vault
        .seal_callbacks(&[callback("r1", url), callback("r2", "https://b")], AT)
        .unwrap();
    assert!(!is_on_disk(&folder, b"tok-") && !is_on_disk(&folder, b"apis.garmin"));
    drop(vault);

    let vault = opened(&folder);
    assert_eq!(url_of(&vault, "r1").as_deref(), Some(url));
    vault.destroy_callback("r1").unwrap();
    vault.destroy_callback("r1").unwrap();
    assert_eq!(url_of(&vault, "r1"), None);
    assert_eq!(url_of(&vault, "r2").as_deref(), Some("https://b"));
    assert_eq!(url_of(&vault, "never"), None);
}

#[test]
fn a_callback_that_was_moved_to_another_reference_does_not_open() {
    let folder = tempdir().unwrap();
    let vault = opened(&folder);
    vault
        .seal_callbacks(&[callback("r1", "https://a")], AT)
        .unwrap();
    let thief = rusqlite::Connection::open(folder.path().join("vault.db")).unwrap();
    thief
        .execute("UPDATE callbacks SET reference = 'r2'", [])
        .unwrap();
    assert!(vault.unseal_callback("r2").is_err());
}

#[test]
fn a_callback_that_nobody_fetched_is_forgotten_after_a_month() {
    let folder = tempdir().unwrap();
    let vault = opened(&folder);
    let seal = |reference: &str, days: i64| {
        let at = UnixMicros(AT.0 + days * DAY_US);
        vault
            .seal_callbacks(&[callback(reference, "https://a")], at)
            .unwrap();
    };
    seal("r1", 0);
    seal("r2", 1);
    seal("r3", 30);
    assert!(url_of(&vault, "r1").is_some());
    seal("r4", 31);
    assert_eq!(url_of(&vault, "r1"), None);
    assert!(url_of(&vault, "r2").is_some() && url_of(&vault, "r4").is_some());
}

#[test]
fn marks_and_budgets_are_there_after_a_restart() {
    let folder = tempdir().unwrap();
    let used = |window: &str, requests| Used {
        window: window.to_owned(),
        began: AT,
        requests,
        limit: 100,
    };
    {
        let vault = opened(&folder);
        assert_eq!(vault.mark("strava").unwrap(), 0);
        for position in [7, 3, 9] {
            vault.set_mark("strava", position).unwrap();
        }
        vault
            .set_used(&[used("strava/day", 4), used("strava/quarter", 5)])
            .unwrap();
        vault.set_used(&[used("strava/day", 6)]).unwrap();
        vault.set_used(&[used("weather/day", 1)]).unwrap();
    }
    let vault = opened(&folder);
    assert_eq!(vault.mark("strava").unwrap(), 9);
    assert_eq!(vault.mark("weather").unwrap(), 0);
    assert_eq!(
        vault.used("strava/").unwrap(),
        [used("strava/day", 6), used("strava/quarter", 5)]
    );
}

#[test]
fn a_vault_of_the_format_before_is_raised_and_keeps_what_it_has() {
    let folder = tempdir().unwrap();
    opened(&folder)
        .seal(&ada(), "strava", "7", &tokens())
        .unwrap();
    let file = rusqlite::Connection::open(folder.path().join("vault.db")).unwrap();
    file.execute_batch(
        "DROP TABLE callbacks; DROP TABLE marks; DROP TABLE budgets; DROP TABLE api_keys;
         UPDATE meta SET value = '1' WHERE name = 'format'",
    )
    .unwrap();
    let vault = opened(&folder);
    assert!(vault.unseal(&ada(), "strava", "7").unwrap().is_some());
    vault.set_mark("strava", 1).unwrap();
    let format: String = file
        .query_row("SELECT value FROM meta WHERE name = 'format'", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(format, "3");
}
