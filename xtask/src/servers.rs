//! `cargo xtask servers`: a real broker, a real database and a real registry for tests and for the
//! keyboard, from Maven artifacts, on free ports of this machine.
//!
//! It is no deployment: one node each, small heaps, sessions as short as tests want them, nothing
//! but loopback. What it starts it writes down in a folder, and it stops nothing else.

mod cassandra;
mod java;
mod kafka;
mod node;
pub(crate) mod python;
mod registry;
mod suites;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::say;
use node::Node;
pub(crate) use suites::{PYTHON_VARIABLE, is_required};

/// Where everything lies, below the workspace: a `cargo clean` takes it along.
const FOLDER: &str = "target/servers";
/// What `up` starts, and what `test` starts, are kept apart: neither stops the other's.
const UP: &str = "up";
const TEST: &str = "test";
/// Tells a test's own calls (`kill`, `start`, …) which set of servers is meant.
const SET_VARIABLE: &str = "SUDOR_TEST_SERVERS";
/// The program a test calls for that.
const XTASK_VARIABLE: &str = "SUDOR_TEST_XTASK";

/// What there is to start. The order is that of the reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Kafka,
    Cassandra,
    Registry,
}

const ALL: &[Kind] = &[Kind::Kafka, Kind::Cassandra, Kind::Registry];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::Cassandra => "cassandra",
            Self::Registry => "registry",
        }
    }

    /// Where a test finds the address.
    fn variable(self) -> &'static str {
        match self {
            Self::Kafka => "SUDOR_TEST_KAFKA",
            Self::Cassandra => "SUDOR_TEST_CASSANDRA",
            Self::Registry => "SUDOR_TEST_REGISTRY",
        }
    }

    fn named(word: &str) -> Result<Self> {
        ALL.iter()
            .copied()
            .find(|kind| kind.name() == word)
            .with_context(|| {
                format!("no such server: {word}; there are kafka, cassandra, registry")
            })
    }

    fn start(self, place: &Place) -> Result<Node> {
        match self {
            Self::Kafka => kafka::start(place),
            Self::Cassandra => cassandra::start(place),
            Self::Registry => registry::start(place),
        }
    }
}

/// Folders of one server in one set.
struct Place {
    root: PathBuf,
    kind: Kind,
    /// Jars; shared by all sets.
    artifacts: PathBuf,
    /// Configuration, data, logs and the note of what runs.
    folder: PathBuf,
    /// Servers of a test end with the terminal's interrupt; those of `up` do not.
    detached: bool,
}

impl Place {
    fn new(root: &Path, set: &Path, kind: Kind) -> Self {
        Self {
            root: root.to_path_buf(),
            kind,
            artifacts: root.join(FOLDER).join("artifacts").join(kind.name()),
            folder: set.join(kind.name()),
            detached: set.ends_with(UP),
        }
    }

    fn pom(&self) -> PathBuf {
        let file = format!("{}.xml", self.kind.name());
        self.root.join("xtask/servers").join(file)
    }
}

pub(crate) fn run(root: &Path, words: &[&str]) -> Result<()> {
    let set = own_set(root);
    match words {
        ["up", kinds @ ..] => up(root, &set, &some_or_all(kinds)?),
        ["down", kinds @ ..] => down(root, &set, &some_or_all(kinds)?),
        ["status"] => status(root, &set),
        ["test", filters @ ..] => suites::run(root, filters),
        ["soak", words @ ..] => suites::soak(root, words),
        ["kill", kind] => Node::running(&Place::new(root, &set, Kind::named(kind)?))?.kill(),
        ["pause", kind] => Node::running(&Place::new(root, &set, Kind::named(kind)?))?.pause(),
        ["resume", kind] => Node::running(&Place::new(root, &set, Kind::named(kind)?))?.resume(),
        other => bail!("no such command: servers {}", other.join(" ")),
    }
}

/// The set that a test's environment names, or that of the keyboard.
fn own_set(root: &Path) -> PathBuf {
    std::env::var_os(SET_VARIABLE).map_or_else(|| root.join(FOLDER).join(UP), PathBuf::from)
}

fn some_or_all(words: &[&str]) -> Result<Vec<Kind>> {
    if words.is_empty() {
        return Ok(ALL.to_vec());
    }
    words.iter().map(|word| Kind::named(word)).collect()
}

/// Starts what does not run yet and prints what to export.
fn up(root: &Path, set: &Path, kinds: &[Kind]) -> Result<()> {
    for &kind in kinds {
        let node = Kind::start(kind, &Place::new(root, set, kind))?;
        say(&format!("export {}={}", kind.variable(), node.address()))?;
    }
    Ok(())
}

fn down(root: &Path, set: &Path, kinds: &[Kind]) -> Result<()> {
    for &kind in kinds {
        let place = Place::new(root, set, kind);
        if let Ok(node) = Node::running(&place) {
            node.stop()?;
            say(&format!("xtask: {} stopped", kind.name()))?;
        }
        // What a test server held is of no use to anybody.
        if place.folder.exists() {
            std::fs::remove_dir_all(&place.folder)
                .with_context(|| format!("cannot remove {}", place.folder.display()))?;
        }
    }
    Ok(())
}

fn status(root: &Path, set: &Path) -> Result<()> {
    for &kind in ALL {
        match Node::running(&Place::new(root, set, kind)) {
            Ok(node) => say(&format!(
                "{}: {} (process {}, {} MB)",
                kind.name(),
                node.address(),
                node.process(),
                node.resident_mb()
            ))?,
            Err(_) => say(&format!("{}: not running", kind.name()))?,
        }
    }
    Ok(())
}

/// The step of `cargo xtask test`.
pub(crate) fn step(root: &Path) -> Result<()> {
    suites::run(root, &[])
}

/// The servers of one run of suites; dropping it stops them.
struct Started<'r> {
    root: &'r Path,
    set: PathBuf,
    addresses: BTreeMap<Kind, String>,
}

impl<'r> Started<'r> {
    /// What an interrupted run left is stopped first.
    fn new(root: &'r Path) -> Result<Self> {
        let set = root.join(FOLDER).join(TEST);
        down(root, &set, ALL)?;
        Ok(Self {
            root,
            set,
            addresses: BTreeMap::new(),
        })
    }

    fn start(&mut self, kind: Kind) -> Result<()> {
        if !self.addresses.contains_key(&kind) {
            let node = kind.start(&Place::new(self.root, &self.set, kind))?;
            self.addresses.insert(kind, node.address().to_owned());
        }
        Ok(())
    }

    /// Variables for a suite.
    fn environment(&self) -> Result<Vec<(String, String)>> {
        let own = std::env::current_exe().context("cannot tell which program this is")?;
        let mut variables = vec![
            (XTASK_VARIABLE.to_owned(), own.display().to_string()),
            (SET_VARIABLE.to_owned(), self.set.display().to_string()),
        ];
        for (kind, address) in &self.addresses {
            variables.push((kind.variable().to_owned(), address.clone()));
        }
        Ok(variables)
    }
}

impl Drop for Started<'_> {
    fn drop(&mut self) {
        if let Err(error) = down(self.root, &self.set, ALL) {
            eprintln!("xtask: {error:#}");
        }
    }
}
