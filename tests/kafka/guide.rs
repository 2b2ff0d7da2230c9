//! The walk of the guide: its lines are run as they stand, and what comes of them is looked at.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::cluster::{Reading, World, server};
use crate::scenarios::{Facts, flaws, outputs, take};
use crate::support::count;

const HEADING: &str = "### A walk";
/// How long the whole walk may take before it is given up.
const LIMIT_S: &str = "300";

/// What stands in the blocks of shell below a heading.
fn walk(page: &str) -> String {
    let (_, rest) = page.split_once(HEADING).unwrap();
    let section = rest.split("\n## ").next().unwrap();
    let blocks = section.split("```sh\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap())
        .collect()
}

fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_the_walk_does_what_it_says() {
    let Some(brokers) = server("SUDOR_TEST_KAFKA") else {
        return;
    };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guides/kafka.md");
    let page = std::fs::read_to_string(file).unwrap();
    let world = World::new(&brokers, "walk");
    let folder = world.folder.path();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_sudor"), folder.join("sudor")).unwrap();
    // Whatever happens, no process of the walk outlives it.
    let lines = format!(
        "set -euo pipefail\nPATH=\"$PWD:$PATH\"\nexport no_proxy=127.0.0.1\n\
         trap 'kill -9 $(jobs -p) 2> /dev/null || true' EXIT\n{}\n",
        walk(&page)
    );
    let lines = lines
        .replace("127.0.0.1:9092", &brokers)
        .replace("8080", &free_port())
        .replace("8081", &free_port())
        // What it said when it said that all is done: the next tick is work again.
        .replace(
            "curl -s $ONE/v1/quality |",
            "curl -s $ONE/v1/quality | tee end.json |",
        );
    let done = Command::new("timeout")
        .args([LIMIT_S, "bash", "-c", &lines])
        .env("SUDOR__LOG__TOPIC_PREFIX", &world.options().prefix)
        .env("SUDOR__WEATHER__FORECAST_URL", "")
        .env("SUDOR__WEATHER__ARCHIVE_URL", "")
        .current_dir(folder)
        .output()
        .unwrap();
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    let log = |name| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    assert!(
        done.status.success(),
        "{said}\n{}\n{}",
        log("one.log"),
        log("two.log")
    );

    // Each half was sent once, and all of it again.
    let quality: Value = serde_json::from_str(&log("end.json")).unwrap();
    let received = count(&quality, "garmin", "received");
    assert!(received > 20, "{quality}");
    assert!(
        2 * count(&quality, "garmin", "duplicate") >= received,
        "{quality}"
    );
    assert_eq!(quality["pending"]["records"], 0, "{quality}");
    let mut facts = Facts::new();
    for found in Reading::new(&world, outputs()).rest() {
        take(&mut facts, &found);
    }
    assert!(facts.len() >= 8, "{}", facts.len());
    let flaws: Vec<String> = facts.values().flat_map(|facts| flaws(facts)).collect();
    assert!(flaws.is_empty(), "{flaws:?}");
}
