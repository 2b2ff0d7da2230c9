//! Every athlete again, from the log, in memory: the same rules, other batches, equal content.
//!
//! Only inputs up to the committed positions are replayed, so what waits to be processed is no
//! difference. Ticks are in the log, so time passes in the rebuild as it did.
//!
//! An item on which a rule failed is history too: once its athlete is released it is left out here,
//! because the rules of today may well survive it, and then it would come twice with its replay.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use processors_pipeline::{Pipeline, Rules};
use schemas::AnyRecord;
use stream_embedded::EmbeddedReader;
use stream_log::driver::Memory;
use stream_log::{BucketId, Key, LogTime, Offset, Sequenced, StateStore, Step, Task, TaskLimits};

use super::Findings;
use super::facts::Facts;
use super::log::Counted;
use crate::adapters::FETCH_RESULT;
use crate::config::Settings;
use crate::progress::Progress;
use crate::{rules, topics};

/// Inputs held at once while the log is read.
const CHUNK_RECORDS: usize = 20_000;
/// Athletes in quarantine that are looked at; so many never are.
const QUARANTINED_MAX: usize = 100_000;
/// A time before every record: a rebuild appends no ticks of its own.
pub(crate) const NEVER: LogTime = LogTime(i64::MIN);

/// Every athlete as the rules of today read the log.
pub(crate) struct Rebuilt<'c> {
    pub(crate) memory: Memory,
    pub(crate) task: Task<Pipeline, stream_log::driver::MemoryHost>,
    facts: Facts,
    set_aside: SetAside<'c>,
}

pub(crate) fn rebuild<'c>(
    settings: &Settings,
    reader: &EmbeddedReader,
    counted: &'c Counted,
    progress: &Progress,
) -> anyhow::Result<Rebuilt<'c>> {
    let memory = Memory::new(reader.partitions(), topics::CATALOGUE);
    let pipeline = Pipeline::new(Rules::new(rules::config(settings)));
    let mut task = Task::new(pipeline, memory.open(), TaskLimits::default());
    let mut facts = Facts::default();
    let positions = reader.positions()?;
    let mut chunk: Vec<Sequenced> = Vec::new();
    let mut failure = None;
    let mut set_aside = SetAside::new(reader, counted)?;
    reader.visit(Offset(0), &mut |stored| {
        let read = stored.sequenced;
        let is_input = topics::CATALOGUE
            .iter()
            .any(|(name, input)| *input && *name == read.record.topic.0);
        let processed = positions
            .get(&read.partition)
            .is_some_and(|position| read.offset <= *position);
        if is_input && processed && !set_aside.is_left_out(&read) {
            chunk.push(read);
        }
        if chunk.len() < CHUNK_RECORDS {
            return ControlFlow::Continue(());
        }
        progress.advance(chunk.len());
        match replay(&memory, &mut task, std::mem::take(&mut chunk), &mut facts) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failure = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    if let Some(error) = failure {
        return Err(error);
    }
    replay(&memory, &mut task, chunk, &mut facts)?;
    Ok(Rebuilt {
        memory,
        task,
        facts,
        set_aside,
    })
}

/// Compares and returns how many athletes stand as other rules derived them.
pub(crate) fn compare(
    settings: &Settings,
    reader: &EmbeddedReader,
    counted: &Counted,
    findings: &mut Findings,
    progress: &Progress,
) -> anyhow::Result<u64> {
    let again = rebuild(settings, reader, counted, progress)?;
    let pipeline = again.task.processor();
    let mut stale = stale(reader, pipeline)?;
    let count = stale.len();
    // Nor can be compared what the log does not have any more.
    stale.extend(counted.trimmed.iter().cloned());
    counters(
        reader,
        again.task.host(),
        counted,
        &again.set_aside,
        findings,
    )?;
    contents(&counted.facts, &again.facts, &stale, findings);
    states(reader, &again.memory, pipeline, &stale, findings)?;
    timers(reader, &again.memory, &stale, findings)?;
    Ok(u64::try_from(count).unwrap_or(u64::MAX))
}

/// Athletes whose state is not, or not all, derived by the rules of today.
pub(crate) fn stale(
    reader: &EmbeddedReader,
    pipeline: &Pipeline,
) -> anyhow::Result<BTreeSet<String>> {
    let mut stale = BTreeSet::new();
    reader.visit_state(&mut |athlete: Key, bucket: BucketId, bytes: Vec<u8>| {
        // A head that cannot be read is a finding, and no matter of rules.
        let rules = (bucket == BucketId::HEAD).then(|| pipeline.derived_under(&bytes));
        if rules
            .and_then(Result::ok)
            .is_some_and(|rules| rules != pipeline.rules_id())
        {
            stale.insert(athlete.as_str().to_owned());
        }
        ControlFlow::Continue(())
    })?;
    Ok(stale)
}

/// Items that the engine set aside and whose athletes are released by now.
pub(crate) struct SetAside<'c> {
    items: &'c BTreeSet<String>,
    quarantined: Vec<Key>,
    /// Left out, by source; replays are no new items.
    counts: BTreeMap<String, i64>,
}

impl<'c> SetAside<'c> {
    pub(crate) fn new(reader: &EmbeddedReader, counted: &'c Counted) -> anyhow::Result<Self> {
        Ok(Self {
            items: &counted.set_aside,
            quarantined: reader.athletes_with(BucketId::QUARANTINE, QUARANTINED_MAX)?,
            counts: BTreeMap::new(),
        })
    }

    pub(crate) fn is_left_out(&mut self, read: &Sequenced) -> bool {
        if self.items.is_empty() || self.quarantined.contains(&read.record.key) {
            return false;
        }
        let Ok(AnyRecord::RawReceived(raw)) = schemas::decode_any(&read.record.value) else {
            return false;
        };
        let left_out = self.items.contains(&raw.id);
        if left_out && raw.replay_of.is_none() && raw.kind != FETCH_RESULT {
            *self.counts.entry(raw.source).or_default() += 1;
        }
        left_out
    }

    fn add_to(&self, counters: &mut BTreeMap<String, i64>) {
        for (source, count) in &self.counts {
            for what in ["received", "dead_lettered"] {
                *counters.entry(format!("{source}.{what}")).or_default() += count;
            }
        }
        counters.retain(|_, count| *count != 0);
    }
}

fn replay(
    memory: &Memory,
    task: &mut Task<Pipeline, stream_log::driver::MemoryHost>,
    chunk: Vec<Sequenced>,
    rebuilt: &mut Facts,
) -> anyhow::Result<()> {
    memory.load(chunk);
    loop {
        let step = task.step(NEVER)?;
        for output in memory.take_outputs() {
            if let Ok(record) = schemas::decode_any(&output.record.value) {
                rebuilt.take(&record, output.offset, None);
            }
        }
        if matches!(step, Step::Idle { .. }) {
            return Ok(());
        }
    }
}

/// The counter of open questions to the weather service.
const ASKED: &str = "weather.asked";

/// L2: the committed counts, a recount by the rebuild, and the log's own number of items.
fn counters(
    reader: &EmbeddedReader,
    rebuilt: &impl StateStore,
    counted: &Counted,
    set_aside: &SetAside<'_>,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let sum = |counters: BTreeMap<(stream_log::Partition, String), i64>| {
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        for ((_, name), count) in counters {
            *sums.entry(name).or_default() += count;
        }
        // A copy of a log that is elsewhere keeps its places beside the counts.
        sums.retain(|name, count| *count != 0 && !name.starts_with('~'));
        sums
    };
    let told = sum(reader.counters()?);
    let mut again = sum(rebuilt.counters()?);
    set_aside.add_to(&mut again);
    // What is asked depends on what was known when; the questions themselves are in the log.
    again.remove(ASKED);
    if counted.weather.open() != 0 {
        again.insert(ASKED.to_owned(), counted.weather.open());
    }
    // Items that are past retention can only be added up, not recounted.
    let whole = counted.removed == 0;
    for name in told
        .keys()
        .chain(again.keys().filter(|name| !told.contains_key(*name)))
        .filter(|_| whole)
    {
        let (said, found) = (
            told.get(name).copied().unwrap_or(0),
            again.get(name).copied().unwrap_or(0),
        );
        if said != found {
            findings.add(
                "counter",
                format!("{name} is {said}, a recount gives {found}"),
            );
        }
    }
    for (source, received) in &counted.received {
        let count = |what: &str| told.get(&format!("{source}.{what}")).copied().unwrap_or(0);
        if whole && count("received") != *received {
            findings.add(
                "conservation",
                format!(
                    "{source}: {received} items in the log, {} counted as received",
                    count("received")
                ),
            );
        }
        let settled =
            count("accepted") + count("duplicate") + count("dead_lettered") + count("pending");
        if count("received") != settled {
            findings.add(
                "conservation",
                format!(
                    "{source}: {} received, {settled} accepted, duplicate, dead-lettered or pending",
                    count("received")
                ),
            );
        }
    }
    Ok(())
}

fn contents(told: &Facts, rebuilt: &Facts, stale: &BTreeSet<String>, findings: &mut Findings) {
    let (said, again) = (told.content(), rebuilt.content());
    for (athlete, kind, content) in said
        .keys()
        .chain(again.keys().filter(|key| !said.contains_key(*key)))
    {
        if stale.contains(*athlete) {
            continue;
        }
        let key = (*athlete, *kind, *content);
        let (published, found) = (
            said.get(&key).copied().unwrap_or(0),
            again.get(&key).copied().unwrap_or(0),
        );
        if published != found {
            let name = told
                .name_of(athlete, kind, content)
                .or_else(|| rebuilt.name_of(athlete, kind, content));
            findings.add(
                "content",
                format!(
                    "{kind} {} of {athlete}: published {published} times, a rebuild gives {found} (content {content})",
                    name.unwrap_or("?")
                ),
            );
        }
    }
}

/// State is compared by what it means: ids, revisions and times of publication are history.
fn states(
    reader: &EmbeddedReader,
    memory: &Memory,
    pipeline: &Pipeline,
    stale: &BTreeSet<String>,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let mut rebuilt = memory.state();
    rebuilt.retain(|athlete, _| !stale.contains(athlete.as_str()));
    reader.visit_state(&mut |athlete: Key, bucket: BucketId, bytes: Vec<u8>| {
        if stale.contains(athlete.as_str()) {
            return ControlFlow::Continue(());
        }
        let again = rebuilt
            .get_mut(&athlete)
            .and_then(|buckets| buckets.remove(&bucket));
        let place = format!("{} bucket {}", athlete.as_str(), bucket.0);
        match (
            pipeline.digest(bucket, &bytes),
            again.map(|bytes| pipeline.digest(bucket, &bytes)),
        ) {
            (Err(broken), _) => findings.add(
                "state",
                format!("{place} cannot be read: {}", broken.detail),
            ),
            (Ok(None), None) => {}
            (Ok(_), None) => findings.add("state", format!("{place} is more than the log gives")),
            (Ok(said), Some(Ok(found))) if said == found => {}
            (Ok(_), Some(_)) => findings.add("state", format!("{place} differs from a rebuild")),
        }
        ControlFlow::Continue(())
    })?;
    for (athlete, buckets) in rebuilt {
        for (bucket, bytes) in buckets {
            if !matches!(pipeline.digest(bucket, &bytes), Ok(None)) {
                findings.add(
                    "state",
                    format!("{} bucket {} is missing", athlete.as_str(), bucket.0),
                );
            }
        }
    }
    Ok(())
}

fn timers(
    reader: &EmbeddedReader,
    memory: &Memory,
    stale: &BTreeSet<String>,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let counts = |timer: &stream_log::Timer| {
        Pipeline::is_content_timer(&timer.id) && !stale.contains(timer.athlete.as_str())
    };
    let mut told = reader.timers()?;
    let mut again = memory.timers();
    told.retain(counts);
    again.retain(counts);
    for timer in told.iter().filter(|timer| !again.contains(timer)) {
        findings.add(
            "timer",
            format!(
                "{} has a timer at {} that the log does not give",
                timer.athlete.as_str(),
                timer.due.0
            ),
        );
    }
    for timer in again.iter().filter(|timer| !told.contains(timer)) {
        findings.add(
            "timer",
            format!(
                "{} misses its timer at {}",
                timer.athlete.as_str(),
                timer.due.0
            ),
        );
    }
    Ok(())
}
