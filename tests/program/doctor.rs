//! `sudor doctor` finds what would keep the service from running, and nothing where nothing would.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::support::{Service, sudor};

/// Exit code, and the verdict of each check.
fn doctor(data: &std::path::Path, bind: &str) -> (i32, Value) {
    let asked = sudor(&["doctor", "--json", "--data", data.to_str().unwrap()])
        .env("SUDOR__HTTP__BIND", bind)
        .output()
        .unwrap();
    let report = serde_json::from_slice(&asked.stdout).unwrap();
    (asked.status.code().unwrap(), report)
}

fn verdict<'r>(report: &'r Value, name: &str) -> &'r str {
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["check"] == name).unwrap();
    check["verdict"].as_str().unwrap()
}

#[tokio::test]
async fn the_doctor_names_what_is_wrong_and_only_that() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (code, new) = doctor(&data, "127.0.0.1:0");
    assert_eq!((code, verdict(&new, "log")), (0, "absent"), "{new}");
    drop(Service::start(&data).await);
    let (code, used) = doctor(&data, "127.0.0.1:0");
    assert_eq!(code, 0, "{used}");
    for name in ["data_folder", "log", "store", "vault_key", "address"] {
        assert_eq!(verdict(&used, name), "ok", "{used}");
    }
    let key = data.join("vault.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (code, open) = doctor(&data, "127.0.0.1:0");
    assert_eq!((code, verdict(&open, "vault_key")), (1, "failed"), "{open}");
    assert_eq!(verdict(&open, "log"), "ok", "{open}");
    std::fs::remove_file(&key).unwrap();
    assert_eq!(
        verdict(&doctor(&data, "127.0.0.1:0").1, "vault_key"),
        "failed"
    );
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let bind = taken.local_addr().unwrap().to_string();
    assert_eq!(verdict(&doctor(&data, &bind).1, "address"), "failed");
}

#[tokio::test]
async fn what_the_start_refuses_the_doctor_refuses_in_the_same_words() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let text = data.to_str().unwrap();
    let outside = "0.0.0.0:0";
    let (code, new) = doctor(&data, outside);
    assert_eq!((code, verdict(&new, "access")), (1, "failed"), "{new}");
    let asked = sudor(&["run", "--json", "--data", text])
        .env("SUDOR__HTTP__BIND", outside)
        .output()
        .unwrap();
    let refused: Value = serde_json::from_slice(&asked.stdout).unwrap();
    let checks = new["checks"].as_array().unwrap();
    let access = checks.iter().find(|check| check["check"] == "access");
    let access = access.unwrap();
    for part in ["detail", "hint"] {
        let said = access[part].as_str().unwrap();
        assert!(
            refused.to_string().contains(&said.replace('"', "\\\"")),
            "{said}\n{refused}"
        );
    }
    assert!(!data.exists(), "nothing was made");

    drop(Service::start(&data).await);
    assert_eq!(verdict(&doctor(&data, outside).1, "access"), "failed");
    let made = sudor(&[
        "keys", "create", "--scope", "read:all", "--name", "k", "--data", text,
    ]);
    assert!({ made }.output().unwrap().status.success());
    let (code, closed) = doctor(&data, outside);
    assert_eq!((code, verdict(&closed, "access")), (0, "ok"), "{closed}");

    let asked = sudor(&["doctor", "--json", "--data", text])
        .env("SUDOR__HTTP__BIND", outside)
        .env("SUDOR__LOG__PARTITIONS", "3")
        .output()
        .unwrap();
    let other: Value = serde_json::from_slice(&asked.stdout).unwrap();
    assert_eq!(verdict(&other, "partitions"), "failed", "{other}");
}

#[test]
fn a_new_folder_may_be_named_from_where_one_stands() {
    let folder = tempfile::tempdir().unwrap();
    let asked = sudor(&["doctor", "--json", "--data", "data"])
        .env("SUDOR__HTTP__BIND", "127.0.0.1:0")
        .current_dir(folder.path())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&asked.stdout).unwrap();
    assert_eq!(verdict(&report, "data_folder"), "ok", "{report}");
    assert!(!folder.path().join("data").exists());
}
