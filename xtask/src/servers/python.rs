//! The analysts' tools, the API's fuzzer and what Kubernetes knows: a virtual environment with DuckDB,
//! pandas, schemathesis and the schemas of Kubernetes' objects, made once, offline afterwards.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Exact versions, so that a suite says the same tomorrow.
const PACKAGES: &[&str] = &[
    "duckdb==2.0.0",
    "pandas==3.1.1",
    "pyarrow==26.0.1",
    "schemathesis==4.32.5",
    "kubernetes-validate==1.37.0",
];
/// Written when everything is installed.
const COMPLETE: &str = "complete";

/// The interpreter of the environment below `root`.
pub(crate) fn interpreter(root: &Path) -> Result<PathBuf> {
    let folder = root.join(super::FOLDER).join("artifacts").join("python");
    let python = folder.join("bin").join("python");
    let wanted = PACKAGES.join("\n");
    let complete = folder.join(COMPLETE);
    if std::fs::read_to_string(&complete).is_ok_and(|have| have == wanted) {
        return Ok(python);
    }
    let at = folder.display().to_string();
    call(Command::new("python3").args(["-m", "venv", "--clear", &at]))?;
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ];
    call(Command::new(&python).args(install).args(PACKAGES))?;
    std::fs::write(&complete, wanted).with_context(|| format!("cannot write in {at}"))?;
    Ok(python)
}

fn call(command: &mut Command) -> Result<()> {
    let done = command
        .output()
        .with_context(|| format!("cannot start {command:?}: is python3 installed?"))?;
    if done.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&done.stderr);
    bail!("{command:?} ended with {}: {}", done.status, errors.trim())
}
