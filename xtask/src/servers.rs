//! `cargo xtask servers`: a real broker, a real database and a real registry for tests and for the
//! keyboard, from Maven artifacts, on free ports of this machine.
//!
//! It is no deployment: one node each, small heaps, sessions as short as tests want them, nothing
//! but loopback. What it starts it writes down in a folder, and it stops nothing else.

mod bench;
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
pub(crate) const FOLDER: &str = "target/servers";
/// What `up`, `test` and `bench` start is kept apart: none stops another's.
const UP: &str = "up";
const TEST: &str = "test";
const BENCH: &str = "bench";
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
    /// Three brokers, of which one can die.
    Cluster,
    /// Cassandra that wants a password, and talks through TLS alone.
    Secured,
}

/// What `up` starts unless it is told.
const ALL: &[Kind] = &[Kind::Kafka, Kind::Cassandra, Kind::Registry];
const EVERY: &[Kind] = &[
    Kind::Kafka,
    Kind::Cassandra,
    Kind::Registry,
    Kind::Cluster,
    Kind::Secured,
];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::Cassandra => "cassandra",
            Self::Registry => "registry",
            Self::Cluster => "cluster",
            Self::Secured => "secured",
        }
    }

    /// Where a test finds the address.
    fn variable(self) -> &'static str {
        match self {
            Self::Kafka | Self::Cluster => "SUDOR_TEST_KAFKA",
            Self::Cassandra => "SUDOR_TEST_CASSANDRA",
            Self::Registry => "SUDOR_TEST_REGISTRY",
            Self::Secured => "SUDOR_TEST_SECURED",
        }
    }

    /// Whose jars it is made of.
    fn program(self) -> &'static str {
        match self {
            Self::Secured => Self::Cassandra.name(),
            Self::Cluster => Self::Kafka.name(),
            other => other.name(),
        }
    }

    fn named(word: &str) -> Result<Self> {
        EVERY
            .iter()
            .copied()
            .find(|kind| kind.name() == word)
            .with_context(|| {
                format!(
                    "no such server: {word}; there are kafka, cassandra, registry, cluster, secured"
                )
            })
    }

    /// What does not run yet; where clients find it.
    fn start(self, place: &Place) -> Result<String> {
        let node = match self {
            Self::Kafka => kafka::start(place),
            Self::Cassandra | Self::Secured => cassandra::start(place),
            Self::Registry => registry::start(place),
            Self::Cluster => return kafka::start_cluster(&place.members()),
        };
        Ok(node?.address().to_owned())
    }
}

/// Folders of one server in one set.
#[derive(Clone)]
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
            artifacts: root.join(FOLDER).join("artifacts").join(kind.program()),
            folder: set.join(kind.name()),
            detached: set.ends_with(UP),
        }
    }

    /// The places of its processes.
    fn members(&self) -> Vec<Self> {
        let count = match self.kind {
            Kind::Cluster => kafka::MEMBERS,
            _ => return vec![self.clone()],
        };
        let member = |number| Self {
            folder: self.folder.join(format!("{number}")),
            ..self.clone()
        };
        (1..=count).map(member).collect()
    }

    /// The processes that run.
    fn running(&self) -> Vec<Node> {
        let members = self.members();
        members.iter().flat_map(Node::running).collect()
    }

    fn pom(&self) -> PathBuf {
        let file = format!("{}.xml", self.kind.program());
        self.root.join("xtask/servers").join(file)
    }
}

pub(crate) fn run(root: &Path, words: &[&str]) -> Result<()> {
    let set = own_set(root);
    match words {
        ["up", kinds @ ..] => up(root, &set, &some_or_all(kinds)?),
        ["down"] => down(root, &set, EVERY),
        ["down", kinds @ ..] => down(root, &set, &some_or_all(kinds)?),
        ["status"] => status(root, &set),
        ["test", filters @ ..] => suites::run(root, filters),
        ["soak", words @ ..] => suites::soak(root, words),
        ["bench", words @ ..] => bench::run(root, words),
        ["kill", target] => each(root, &set, target, Node::kill),
        ["pause", target] => each(root, &set, target, Node::pause),
        ["resume", target] => each(root, &set, target, Node::resume),
        other => bail!("no such command: servers {}", other.join(" ")),
    }
}

/// Does something to a server, or, as in `cluster/2`, to one of its processes.
fn each(root: &Path, set: &Path, target: &str, act: fn(&Node) -> Result<()>) -> Result<()> {
    let (kind, number) = match target.split_once('/') {
        Some((kind, number)) => (kind, Some(number.parse::<usize>()?)),
        None => (target, None),
    };
    let place = Place::new(root, set, Kind::named(kind)?);
    let chosen = place.members().into_iter().enumerate();
    let chosen: Vec<Place> = chosen
        .filter(|(at, _)| number.is_none_or(|number| at + 1 == number))
        .map(|(_, member)| member)
        .collect();
    if chosen.is_empty() {
        bail!("there is no {target}");
    }
    chosen
        .iter()
        .try_for_each(|member| act(&Node::running(member)?))
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
        let address = kind.start(&Place::new(root, set, kind))?;
        say(&format!("export {}={address}", kind.variable()))?;
    }
    Ok(())
}

fn down(root: &Path, set: &Path, kinds: &[Kind]) -> Result<()> {
    for &kind in kinds {
        let place = Place::new(root, set, kind);
        let running = place.running();
        running.iter().try_for_each(Node::stop)?;
        if !running.is_empty() {
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
    for &kind in EVERY {
        let running = Place::new(root, set, kind).running();
        if running.is_empty() {
            say(&format!("{}: not running", kind.name()))?;
        }
        for node in running {
            say(&format!(
                "{}: {} (process {}, {} MB)",
                kind.name(),
                node.address(),
                node.process(),
                node.resident_mb()
            ))?;
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
    fn new(root: &'r Path, set: &str) -> Result<Self> {
        let set = root.join(FOLDER).join(set);
        down(root, &set, EVERY)?;
        Ok(Self {
            root,
            set,
            addresses: BTreeMap::new(),
        })
    }

    fn start(&mut self, kind: Kind) -> Result<()> {
        if !self.addresses.contains_key(&kind) {
            let address = kind.start(&Place::new(self.root, &self.set, kind))?;
            self.addresses.insert(kind, address);
        }
        Ok(())
    }

    /// Variables for a suite that needs these, and strikes servers through a program, `xtask`.
    fn environment(&self, xtask: &Path, needs: &[Kind]) -> Result<Vec<(String, String)>> {
        let mut variables = vec![
            (XTASK_VARIABLE.to_owned(), xtask.display().to_string()),
            (SET_VARIABLE.to_owned(), self.set.display().to_string()),
        ];
        let wanted = self
            .addresses
            .iter()
            .filter(|(kind, _)| needs.contains(kind));
        for (kind, address) in wanted {
            variables.push((kind.variable().to_owned(), address.clone()));
            if *kind == Kind::Kafka {
                let place = Place::new(self.root, &self.set, *kind);
                variables.extend(kafka::secure(&place, address));
            }
        }
        Ok(variables)
    }
}

impl Drop for Started<'_> {
    fn drop(&mut self) {
        if let Err(error) = down(self.root, &self.set, EVERY) {
            eprintln!("xtask: {error:#}");
        }
    }
}
