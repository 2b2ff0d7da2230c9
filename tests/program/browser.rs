//! Every page of the console in a real browser: Debian's Chromium, without a driver.
//!
//! It says what it has to complain about on stderr, and writes every request that it makes into a log
//! of its own; both are read. Without a browser the test says so, and fails where the servers of the
//! tests are required.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::tempdir;

use super::support::{Demo, until};

/// Time of the page's own clock that a page gets, in milliseconds.
const PAGE_MS: u32 = 4_000;
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path)
        .flat_map(|folder| BROWSERS.map(|name| folder.join(name)))
        .find(|file| file.is_file());
    if found.is_none() {
        let required = std::env::var_os("SUDOR_REQUIRE_SERVERS").is_some_and(|value| value == "1");
        assert!(!required, "no Chromium: apt-get install chromium");
        eprintln!(
            "SKIPPED: no Chromium on PATH, so that no page was opened (apt-get install chromium)"
        );
    }
    found
}

/// What the browser made of a page.
struct Seen {
    dom: String,
    complaints: Vec<String>,
    /// Addresses that were asked for.
    requests: BTreeSet<String>,
}

fn open(browser: &Path, folder: &Path, url: &str) -> Seen {
    let log = folder.join("net.json");
    let shown = Command::new(browser)
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
        ])
        .args([
            "--disable-sync",
            "--disable-extensions",
            "--enable-logging=stderr",
        ])
        .arg(format!(
            "--user-data-dir={}",
            folder.join("profile").display()
        ))
        .arg(format!("--log-net-log={}", log.display()))
        // The stream never ends, and the page's own clock stands while something is under way.
        .arg(if url.ends_with("/live") {
            format!("--timeout={PAGE_MS}")
        } else {
            format!("--virtual-time-budget={PAGE_MS}")
        })
        .arg("--dump-dom")
        .arg(url)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&shown.stderr).into_owned();
    let complaints = said.lines().filter(|line| line.contains(":CONSOLE"));
    Seen {
        dom: String::from_utf8_lossy(&shown.stdout).into_owned(),
        complaints: complaints.map(str::to_owned).collect(),
        requests: requests(&std::fs::read_to_string(&log).unwrap()),
    }
}

/// What pages ask for carries this mark in the browser's own log; what the browser asks for itself
/// (its updates, its clock) carries others. The next test shows that a page's request is found by it.
const BY_A_PAGE: &str = "\"traffic_annotation\":101845102,";

/// Addresses that the page asked for, also where the log was cut by the end of the process.
fn requests(log: &str) -> BTreeSet<String> {
    let parts = log.split(BY_A_PAGE).skip(1);
    let urls = parts.filter_map(|part| part.strip_prefix("\"url\":\""));
    urls.filter_map(|part| part.split('"').next().map(str::to_owned))
        .collect()
}

fn links(dom: &str) -> BTreeSet<String> {
    let parts = dom.split("href=\"").skip(1);
    let links = parts.filter_map(|part| part.split('"').next());
    links
        .filter(|link| !link.starts_with('#'))
        .map(|link| link.replace("&amp;", "&"))
        .collect()
}

fn absolute(page: &str, link: &str) -> String {
    if link.starts_with('/') {
        return link.to_owned();
    }
    let path = page.split('?').next().unwrap_or(page);
    format!("{path}{link}")
}

/// A page without a complaint, and without a request to anybody else.
fn look(browser: &Path, folder: &Path, demo: &Demo, page: &str) -> Seen {
    let seen = open(browser, folder, &format!("{}{page}", demo.url));
    assert!(seen.dom.contains("</html>"), "{page}: {}", seen.dom);
    assert_eq!(seen.complaints, Vec::<String>::new(), "{page}");
    assert!(
        seen.requests.iter().any(|url| url.starts_with(&demo.url)),
        "the log tells of {page}"
    );
    let mut outside = seen
        .requests
        .iter()
        .filter(|url| !url.starts_with(&demo.url));
    assert_eq!(outside.next(), None, "{page} asks somebody else");
    seen
}

#[tokio::test]
async fn every_page_opens_without_complaint_or_outside_request_and_every_link_leads_somewhere() {
    let Some(browser) = browser() else { return };
    let folder = tempdir().unwrap();
    let demo = Demo::start(
        &folder.path().join("data"),
        &["--athletes", "6", "--days", "2"],
    )
    .await;
    // An account that nobody linked: a dead letter to show.
    let stray = serde_json::json!({"activities": [{"userId": "nobody", "activityId": 9}]});
    assert_eq!(
        demo.post("/webhooks/garmin/demo", &stray.to_string()).await,
        200
    );
    until("the dead letter is there", async || {
        let letters: Value = serde_json::from_str(&demo.get("/v1/dead-letters").await.1).unwrap();
        (!letters["items"].as_array().unwrap().is_empty()).then_some(())
    })
    .await;
    let athlete = "/athletes/athlete-00004";
    let mut pages: Vec<String> = [
        "/",
        "/live",
        "/pipeline",
        "/dead-letters",
        "/login",
        "/docs/",
    ]
    .map(str::to_owned)
    .into();
    pages.extend(
        ["", "/nights", "/losses", "/profile", "/advice"].map(|tab| format!("{athlete}{tab}")),
    );
    let mut all_links: BTreeMap<String, String> = BTreeMap::new();
    for page in &pages {
        let seen = look(&browser, folder.path(), &demo, page);
        if page != "/docs/" {
            let here = links(&seen.dom)
                .into_iter()
                .map(|link| (absolute(page, &link), page.clone()));
            all_links.extend(here);
        }
        for needed in ["<html lang=\"en\"", "<title>", "name=\"viewport\""] {
            assert!(
                page == "/docs/" || seen.dom.contains(needed),
                "{page} lacks {needed}"
            );
        }
    }
    assert!(all_links.len() > 20, "{all_links:?}");
    for (link, page) in all_links {
        let (status, _) = demo.get(&link).await;
        assert_eq!(status, 200, "{page} links to {link}");
    }
    let (_, days) = demo.get(athlete).await;
    for part in [
        "role=\"img\"",
        "class=\"tip\"",
        "tabindex=\"0\"",
        "One workout",
    ] {
        assert!(days.contains(part), "the timeline lacks {part}");
    }
}

#[test]
fn complaints_and_requests_are_found_where_there_are_some() {
    let Some(browser) = browser() else { return };
    let folder = tempdir().unwrap();
    let page = folder.path().join("bad.html");
    let text = "<html><body><img src=\"http://192.0.2.1/x.png\"><script>console.error('oh')</script></body></html>";
    std::fs::write(&page, text).unwrap();
    let seen = open(
        &browser,
        folder.path(),
        &format!("file://{}", page.display()),
    );
    assert!(
        seen.complaints.iter().any(|line| line.contains("oh")),
        "{:?}",
        seen.complaints
    );
    assert!(
        seen.requests.contains("http://192.0.2.1/x.png"),
        "{:?}",
        seen.requests
    );
}
