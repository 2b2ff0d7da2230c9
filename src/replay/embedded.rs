//! The shadow of a log in a data folder: a second folder with the same inputs, processed by the same
//! host as ever.
//!
//! Inputs are copied as far as they are processed in the original, in its order, and processed as they
//! come. How far is counted up in the transaction that copies, so that it may end anywhere.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use processors_pipeline::{Pipeline, Rules};
use stream_embedded::{EmbeddedLog, EmbeddedReader, Options, ProcessingHost};
use stream_log::{Commit, Offset, Partition, Step, Task, TaskLimits};

use super::{Report, refused};
use crate::cli::GlobalArgs;
use crate::config::Settings;
use crate::differences::{Compared, Side, compare};
use crate::exit::Failure;
use crate::progress::Progress;
use crate::verify::facts::Facts;
use crate::verify::{Findings, log, rebuild};
use crate::{rules, topics};

/// Inputs that are copied in one transaction.
const CHUNK_RECORDS: usize = 10_000;
const CHUNK_BYTES: usize = 32 * 1_024 * 1_024;
/// Counts the original's places up to which inputs of a partition were copied. The mark before it is in
/// no name of the pipeline.
const COPIED: &str = "~shadow";

pub(super) fn replay(
    settings: &Settings,
    out: Option<&Path>,
    global: GlobalArgs,
) -> Result<Report, Failure> {
    let data = &settings.log.data;
    let reader = EmbeddedReader::open(data, topics::CATALOGUE)
        .with_context(|| format!("cannot read the log in {}", data.display()))?;
    // One moment of what is published, however long this takes.
    reader.hold().context("cannot hold a snapshot of the log")?;
    let total = reader.next_seq().context("cannot read the log")?.0;
    let progress = Progress::new("log", total.saturating_sub(1), global);
    // What is wrong with the log is for `verify` to say.
    let counted = log::walk(&reader, &mut Findings::default(), &progress)?;
    progress.done();
    if out.is_some_and(|out| is_same(out, data)) {
        return Err(refused(data, "is the data folder itself"));
    }
    let folder = Folder::of(out)?;
    let mut shadow = Shadow::open(settings, &folder.path, &reader)?;
    let progress = Progress::new("shadow", total.saturating_sub(1), global);
    shadow.follow(&reader, &counted, &progress)?;
    progress.done();
    let again = EmbeddedReader::open(&folder.path, topics::CATALOGUE)
        .with_context(|| format!("cannot read the log in {}", folder.path.display()))?;
    let (facts, now) = facts(&again)?;
    let live = Side {
        facts: &counted.facts,
        reader: &reader,
    };
    let shadowed = Side {
        facts: &facts,
        reader: &again,
    };
    let mut compared = Compared::default();
    let wanted = |athlete: &str| !counted.trimmed.contains(athlete);
    compare(live, shadowed, now, &wanted, &mut compared)?;
    Ok(Report {
        athletes_past_retention: counted.trimmed.len(),
        out: out.map(Path::to_owned),
        ..Report::new(shadow.task.processor().rules_id(), compared)
    })
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// What is live in a log, and its last logical time.
fn facts(reader: &EmbeddedReader) -> anyhow::Result<(Facts, i64)> {
    let (mut facts, mut now) = (Facts::default(), i64::MIN);
    reader.visit(Offset(0), &mut |stored| {
        let read = stored.sequenced;
        now = now.max(read.record.received_at.0);
        let is_fact = !topics::is_input(read.record.topic);
        if let Some(record) = is_fact
            .then(|| schemas::decode_any(&read.record.value).ok())
            .flatten()
        {
            facts.take(&record, read.offset, None);
        }
        ControlFlow::Continue(())
    })?;
    Ok((facts, now))
}

/// A folder that is kept, or one that goes with this.
struct Folder {
    path: PathBuf,
    is_kept: bool,
}

impl Folder {
    fn of(out: Option<&Path>) -> Result<Self, Failure> {
        let path = out.map_or_else(
            || std::env::temp_dir().join(format!("sudor-shadow-{}", std::process::id())),
            Path::to_owned,
        );
        let is_ours = path.join("log.db").exists();
        let is_empty = std::fs::read_dir(&path).map_or(true, |mut found| found.next().is_none());
        let goes_on = is_ours && out.is_some();
        if !is_empty && !goes_on {
            return Err(refused(&path, "is not empty"));
        }
        edge::private::folder(&path)
            .with_context(|| format!("cannot make the folder {}", path.display()))?;
        let is_kept = out.is_some();
        Ok(Self { path, is_kept })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.is_kept
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            tracing::warn!(%error, folder = %self.path.display(), "the shadow could not be removed");
        }
    }
}

struct Shadow {
    task: Task<Pipeline, ProcessingHost>,
    /// Up to where the inputs of each partition were copied.
    copied: BTreeMap<Partition, i64>,
    _log: EmbeddedLog,
}

impl Shadow {
    fn open(
        settings: &Settings,
        folder: &Path,
        original: &EmbeddedReader,
    ) -> Result<Self, Failure> {
        let mut options = Options::new(topics::CATALOGUE);
        options.partitions = original.partitions();
        let log = EmbeddedLog::open(folder, &options)
            .with_context(|| format!("cannot open the shadow in {}", folder.display()))?;
        let reader = EmbeddedReader::open(folder, topics::CATALOGUE)
            .with_context(|| format!("cannot read the shadow in {}", folder.display()))?;
        let counters = reader.counters().context("cannot read the shadow")?;
        let copied: BTreeMap<Partition, i64> = counters
            .into_iter()
            .filter(|((_, name), _)| name == COPIED)
            .map(|((partition, _), upto)| (partition, upto))
            .collect();
        if copied.is_empty() && reader.next_seq().context("cannot read the shadow")? > Offset(1) {
            return Err(refused(folder, "holds a log that is no shadow"));
        }
        let positions = original.positions().context("cannot read the log")?;
        let ahead = |(partition, upto): (&Partition, &i64)| {
            let position = positions.get(partition).map_or(0, |position| position.0);
            u64::try_from(*upto).unwrap_or(0) > position
        };
        if copied.iter().any(ahead) {
            return Err(refused(folder, "is the shadow of another log"));
        }
        let pipeline = Pipeline::new(Rules::new(rules::config(settings)));
        if !rebuild::stale(&reader, &pipeline)?.is_empty() {
            return Err(refused(folder, "holds what other rules derived"));
        }
        let limits = TaskLimits {
            records: settings.limits.batch_records,
            bytes: settings.limits.batch_bytes,
            cache_bytes: settings.limits.decoded_cache_bytes,
            ..TaskLimits::default()
        };
        let host = log.processing().context("cannot process the shadow")?;
        Ok(Self {
            task: Task::new(pipeline, host, limits),
            copied,
            _log: log,
        })
    }

    fn follow(
        &mut self,
        original: &EmbeddedReader,
        counted: &log::Counted,
        progress: &Progress,
    ) -> anyhow::Result<()> {
        let mut set_aside = rebuild::SetAside::new(original, counted)?;
        let positions = original.positions()?;
        let mut looked_at = Offset(0);
        loop {
            let before = looked_at;
            let (mut bytes, mut inputs, mut commit) = (0_usize, Vec::new(), Commit::default());
            original.visit(before, &mut |stored| {
                let read = stored.sequenced;
                looked_at = read.offset;
                progress.advance(1);
                let position = positions.get(&read.partition);
                let upto = self.copied.entry(read.partition).or_insert(0);
                let at = i64::try_from(read.offset.0).unwrap_or(i64::MAX);
                if topics::is_input(read.record.topic)
                    && position.is_some_and(|position| read.offset <= *position)
                    && at > *upto
                    && !set_aside.is_left_out(&read)
                {
                    let by = commit.counters.entry((read.partition, COPIED.to_owned()));
                    *by.or_insert(0) += at - *upto;
                    *upto = at;
                    bytes = bytes.saturating_add(read.record.value.len());
                    inputs.push((read.partition, read.record));
                }
                if inputs.len() >= CHUNK_RECORDS || bytes >= CHUNK_BYTES {
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            })?;
            if looked_at == before {
                return self.process();
            }
            let copied = self.task.host_mut().copy(inputs, commit);
            copied.context("cannot write the shadow")?;
            self.process()?;
        }
    }

    fn process(&mut self) -> anyhow::Result<()> {
        loop {
            match self.task.step(rebuild::NEVER)? {
                Step::Idle { .. } => return Ok(()),
                Step::Worked { .. } => {}
                Step::Aborted => {
                    return Err(anyhow!("a batch of the shadow was given up; start again"));
                }
            }
        }
    }
}
