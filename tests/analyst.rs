//! The analyst's guide, run: every command of it on a demo world, and DuckDB and pandas against the
//! API. Python with duckdb, pandas and pyarrow is named by the environment; where it is not, the
//! suite says so and ends.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that finds a tool by its environment"
)]

#[cfg(test)]
#[allow(dead_code, reason = "shared with the suite of the program")]
#[path = "program/support.rs"]
mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{Service, json};

const GUIDE: &str = include_str!("../docs/guides/analyst.md");

fn python() -> Option<PathBuf> {
    if let Some(python) = std::env::var_os("SUDOR_TEST_PYTHON") {
        return Some(PathBuf::from(python));
    }
    let required = std::env::var("SUDOR_REQUIRE_SERVERS").is_ok_and(|value| value == "1");
    assert!(
        !required,
        "SUDOR_TEST_PYTHON is not set and tools are required"
    );
    let told = "SKIPPED: SUDOR_TEST_PYTHON is not set; `cargo xtask servers test` sets it\n";
    std::io::stderr().write_all(told.as_bytes()).unwrap();
    None
}

/// Fenced blocks of one language, in order.
fn blocks<'g>(guide: &'g str, language: &str) -> Vec<&'g str> {
    let fence = format!("```{language}\n");
    let begun = guide.split(fence.as_str()).skip(1);
    begun
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

fn world(folder: &Path) {
    let data = folder.join("sudor-data");
    let world = ["demo", "--athletes", "8", "--days", "3", "--exit", "--json"];
    let end = [
        "--end",
        "2026-10-02T00:00:00Z",
        "--data",
        data.to_str().unwrap(),
    ];
    json(&[&world[..], &end[..]].concat());
}

fn run(folder: &Path, python: &Path, program: &str, text: &str) -> String {
    let bin = Path::new(env!("CARGO_BIN_EXE_sudor")).parent().unwrap();
    let path = std::env::join_paths([
        bin.to_owned(),
        python.parent().unwrap().to_owned(),
        PathBuf::from("/usr/local/bin"),
        PathBuf::from("/usr/bin"),
        PathBuf::from("/bin"),
    ]);
    let flag = if program == "bash" { "-ec" } else { "-c" };
    let done = Command::new(if program == "bash" {
        Path::new("bash")
    } else {
        python
    })
    .args([flag, text])
    .current_dir(folder)
    .env("PATH", path.unwrap())
    .output()
    .unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{text}\n{said}{errors}");
    said
}

#[test]
fn every_command_of_the_guide_runs_and_says_something() {
    let Some(python) = python() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    world(folder.path());
    let shell = blocks(GUIDE, "sh");
    assert!(shell.len() >= 4, "the guide has commands");
    for text in shell {
        assert!(
            !run(folder.path(), &python, "bash", text).is_empty(),
            "{text}"
        );
    }
    let code = blocks(GUIDE, "python");
    assert!(code.len() >= 2, "the guide has Python");
    for text in code {
        assert!(
            !run(folder.path(), &python, "python", text).is_empty(),
            "{text}"
        );
    }
}

/// What both readers find in the files; no extension may be fetched for it.
const CHECK: &str = r#"
import duckdb, json, pandas, pyarrow.parquet
duckdb.sql("SET autoinstall_known_extensions = false")
sessions = "files/table=sessions/*/*.parquet"
losses = "files/table=sweat_losses/*/*.parquet"
frame = pandas.read_parquet("files/table=sweat_losses")
named = json.load(open("files/manifest.json"))["parts"]
schema = pyarrow.parquet.read_schema("files/" + [p for p in named if p["table"] == "sweat_losses"][0]["path"])
print(json.dumps({
    "duckdb_sessions": duckdb.sql(f"SELECT count(*) FROM '{sessions}'").fetchall()[0][0],
    "duckdb_fluid_ml": duckdb.sql(f"SELECT sum(fluid_ml) FROM '{losses}'").fetchall()[0][0],
    "pandas_sessions": len(pandas.read_parquet("files/table=sessions")),
    "pandas_fluid_ml": float(frame["fluid_ml"].sum()),
    "unit": schema.field("fluid_ml").metadata[b"unit"].decode(),
    "start": str(schema.field("start").type),
}))
"#;

#[tokio::test(flavor = "multi_thread")]
async fn duckdb_and_pandas_agree_with_the_api() {
    let Some(python) = python() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    world(folder.path());
    let data = folder.path().join("sudor-data");
    let files = folder.path().join("files");
    let export = [
        "export",
        "parquet",
        "--json",
        "--out",
        files.to_str().unwrap(),
    ];
    let in_data = ["--data", data.to_str().unwrap()];
    let first = json(&[&export[..], &in_data[..]].concat());
    assert!(first["months_written"].as_u64().unwrap() > 0);
    let again = json(&[&export[..], &in_data[..]].concat());
    assert_eq!(again["months_written"], 0, "nothing changed");
    let said = run(folder.path(), &python, "python", CHECK);
    let read: Value = serde_json::from_str(&said).unwrap();
    let service = Service::start(&data).await;
    let (mut sessions, mut fluid_ml) = (0_usize, 0.0);
    for athlete in service.all("/v1/athletes").await {
        let id = athlete["athlete_id"].as_str().unwrap();
        sessions += service
            .all(&format!("/v1/athletes/{id}/sessions"))
            .await
            .len();
        for loss in service
            .all(&format!("/v1/athletes/{id}/sweat-losses"))
            .await
        {
            fluid_ml += loss["fluid_ml"]["median"].as_f64().unwrap();
        }
    }
    assert!(sessions > 0 && fluid_ml > 0.0, "the world has workouts");
    for reader in ["duckdb", "pandas"] {
        assert_eq!(read[format!("{reader}_sessions")], sessions, "{read}");
        let sum = read[format!("{reader}_fluid_ml")].as_f64().unwrap();
        // Sums of floating-point numbers depend on their order.
        assert!(
            (sum - fluid_ml).abs() < 1e-6 * fluid_ml,
            "{read}: {fluid_ml}"
        );
    }
    assert_eq!(read["unit"], "mL");
    assert_eq!(read["start"], "timestamp[us, tz=UTC]");
    let told = format!("{sessions} sessions and {fluid_ml:.1} mL in the API, DuckDB and pandas\n");
    std::io::stderr().write_all(told.as_bytes()).unwrap();
}
