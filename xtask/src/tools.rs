//! What the tests use besides Rust and Java: a browser, the checker of metrics, two command-line tools,
//! Python with the packages that `servers/python.rs` names, and Helm, which Go builds.
//!
//! `cargo xtask tools` installs what is missing, where this is root on a Debian; `cargo xtask test`
//! only looks, because a laptop is its owner's.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::say;
use crate::servers::{FOLDER, is_required, python};

struct Tool {
    /// Any of these on `PATH` will do.
    programs: &'static [&'static str],
    /// Debian packages that bring it.
    packages: &'static [&'static str],
}

/// Debian keeps what makes an environment apart from the interpreter.
const VENV: &str = "python3-venv";

const TOOLS: &[Tool] = &[
    Tool {
        programs: &["chromium", "chromium-browser", "google-chrome", "chrome"],
        packages: &["chromium"],
    },
    Tool {
        programs: &["promtool"],
        packages: &["prometheus"],
    },
    Tool {
        programs: &["curl"],
        packages: &["curl"],
    },
    Tool {
        programs: &["sqlite3"],
        packages: &["sqlite3"],
    },
    Tool {
        programs: &["python3"],
        packages: &["python3", VENV],
    },
    Tool {
        programs: &["go"],
        packages: &["golang-go"],
    },
];

/// Built from its module, because no registry of packages has a Helm that is ready.
const HELM: &str = "helm.sh/helm/v3/cmd/helm@v3.22.0";
/// Where tests find it.
pub(crate) const HELM_VARIABLE: &str = "SUDOR_TEST_HELM";

/// Installs what is missing, and makes the environment of Python.
pub(crate) fn install(root: &Path) -> Result<()> {
    let mut packages = missing(TOOLS, &on_path()?);
    if !packages.contains(&VENV) && !makes_environments() {
        packages.push(VENV);
    }
    if packages.is_empty() {
        say("xtask: every tool is there")?;
    } else {
        apt(&packages)?;
    }
    let python = python::interpreter(root)?;
    say(&format!("xtask: python is {}", python.display()))?;
    let helm = helm(root);
    if !helm.is_file() {
        say("xtask: building Helm, which takes minutes the first time")?;
        go_install(&helm, HELM)?;
    }
    say(&format!("xtask: helm is {}", helm.display()))
}

/// The program, where it was built.
pub(crate) fn helm(root: &Path) -> PathBuf {
    root.join(FOLDER).join("artifacts").join("go").join("helm")
}

fn go_install(program: &Path, module: &str) -> Result<()> {
    let status = Command::new("go")
        .args(["install", module])
        .env("GOBIN", program.parent().context("a program has a folder")?)
        // A module may want a younger Go than the machine's.
        .env("GOTOOLCHAIN", "auto")
        .status()
        .context("cannot start go")?;
    if !status.success() {
        bail!("go install {module} ended with {status}");
    }
    Ok(())
}

/// The step of `cargo xtask test`: what is missing is named, and fails the run where it is required.
pub(crate) fn check(root: &Path) -> Result<Vec<String>> {
    let packages = missing(TOOLS, &on_path()?);
    let mut lacks = Vec::new();
    if !packages.is_empty() {
        lacks.push(format!("missing: apt-get install {}", packages.join(" ")));
    } else if let Err(error) = python::interpreter(root) {
        lacks.push(format!("no packages of Python: {error:#}"));
    } else if !helm(root).is_file() {
        lacks.push("no Helm: cargo xtask tools".to_owned());
    }
    if is_required() {
        return Ok(lacks);
    }
    for lack in lacks {
        say(&format!(
            "xtask: SKIPPED are the tests that need it; {lack}"
        ))?;
    }
    Ok(Vec::new())
}

fn on_path() -> Result<Vec<PathBuf>> {
    let path = std::env::var_os("PATH").context("PATH is not set")?;
    Ok(std::env::split_paths(&path).collect())
}

fn missing(tools: &[Tool], folders: &[PathBuf]) -> Vec<&'static str> {
    let is_there = |tool: &Tool| {
        let mut names = tool.programs.iter();
        names.any(|name| folders.iter().any(|folder| folder.join(name).is_file()))
    };
    let lacking = tools.iter().filter(|tool| !is_there(tool));
    lacking.flat_map(|tool| tool.packages).copied().collect()
}

fn makes_environments() -> bool {
    let probe = Command::new("python3")
        .args(["-c", "import ensurepip, venv"])
        .output();
    probe.is_ok_and(|done| done.status.success())
}

fn apt(packages: &[&str]) -> Result<()> {
    let user = Command::new("id").arg("-u").output();
    let is_root = user.is_ok_and(|id| id.stdout.trim_ascii() == b"0");
    if !is_root {
        bail!("run as root: apt-get install {}", packages.join(" "));
    }
    say(&format!("xtask: installing {}", packages.join(" ")))?;
    let install: &[&str] = &["install", "-y", "-q", "--no-install-recommends"];
    for arguments in [vec!["update", "-q"], [install, packages].concat()] {
        let status = Command::new("apt-get")
            .args(&arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .status()
            .context("cannot start apt-get: is this a Debian?")?;
        if !status.success() {
            bail!("apt-get {} ended with {status}", arguments.join(" "));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{TOOLS, missing};

    #[test]
    fn a_tool_that_is_nowhere_is_named_by_its_package() {
        let folder = std::env::temp_dir().join(format!("xtask-tools-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["chrome", "curl", "sqlite3", "python3", "go"] {
            std::fs::write(folder.join(name), "").unwrap();
        }
        let lacking = missing(TOOLS, std::slice::from_ref(&folder));
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(lacking, ["prometheus"]);
    }
}
