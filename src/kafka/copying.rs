//! The copy of a log that is on Kafka, in one sequence: records, and what the changelog says of state,
//! counts and positions, each batch in one transaction with the places it came from.
//!
//! Invariants:
//! * a fact stands after the input it follows from, and names it by its place in the copy;
//! * a place on Kafka is in the copy once: the places are counted up in the same transaction;
//! * a partition's position in the copy covers what is processed on Kafka, and never more.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::time::Duration;

use stream_embedded::{EmbeddedLog, EmbeddedReader, ProcessingHost};
use stream_kafka::{Followed, KafkaFollower, KafkaOptions, Places, StateNews};
use stream_log::{
    Class, Commit, Failure, Header, Offset, Partition, Position, Record, Sequenced, StateChange,
    TimerChange, Topic,
};

use super::question::Question;
use crate::loops::Status;
use crate::topics::{CATALOGUE, KAFKA_OFFSET, is_input};

const BATCH: usize = 4_096;
const WAIT: Duration = Duration::from_millis(50);
const AGAIN: Duration = Duration::from_secs(1);
/// Inputs whose places are remembered, so that a fact finds its cause.
const CAUSES_MAX: u64 = 200_000;
/// Facts that wait for their cause. A cause is durable before its facts, so the wait is short.
const HELD_MAX: usize = 20_000;

/// Counts of the copy's own: the next record of a topic's partition, and the next input that is not
/// processed. The mark before them is in no name of the pipeline.
const NEXT: &str = "~next/";
const DONE: &str = "~done/";
const CAUSE: &str = "cause";

pub(super) fn run(
    options: &KafkaOptions,
    log: &EmbeddedLog,
    status: &Status,
) -> anyhow::Result<()> {
    while !status.is_stopping() {
        match follow(options, log, status) {
            Ok(()) => return Ok(()),
            Err(failure) if failure.class == Class::Stop => {
                return Err(anyhow::Error::new(failure).context("the copy of the log stopped"));
            }
            Err(failure) => {
                tracing::warn!(error = %failure, "the copy of the log is opened anew");
                std::thread::park_timeout(AGAIN);
            }
        }
    }
    Ok(())
}

fn follow(options: &KafkaOptions, log: &EmbeddedLog, status: &Status) -> Result<(), Failure> {
    let folder = options.state.parent().unwrap_or(&options.state);
    let mut copy = Copy::open(log, folder)?;
    let mut follower = KafkaFollower::open(options, copy.places())?;
    let mut ends = follower.written_ends()?;
    let mut question: Option<Question> = None;
    while !status.is_stopping() {
        let to_copy = status.elsewhere.to_copy();
        let news = follower.read(BATCH, WAIT)?;
        if !ends.is_empty() {
            follower.pass(&mut ends);
        }
        let has_news = !news.is_empty();
        if has_news {
            copy.take(news)?;
        }
        if let Some(open) = &mut question {
            if open.look(&follower, &copy)? {
                status.elsewhere.answer(open.number, log.head());
                question = None;
            }
        } else if let Some(number) = status.elsewhere.asked() {
            question = Some(Question::ask(number, &follower)?);
        }
        if has_news {
            // Whoever did it: the end is looked for again.
            status.elsewhere.did();
            if ends.is_empty() && copy.holds_nothing_back() {
                status.elsewhere.caught_up();
            }
        } else if ends.is_empty() && copy.holds_nothing_back() && !status.elsewhere.has_caught_up()
        {
            status.elsewhere.caught_up();
        } else if let Some(done) = to_copy
            && copy.is_whole()
            && follower.is_at_end()?
        {
            status.copied(done, log.head());
        }
    }
    Ok(())
}

pub(super) struct Copy<'l> {
    log: &'l EmbeddedLog,
    host: ProcessingHost,
    /// As the copy's file has them.
    counters: BTreeMap<(Partition, String), i64>,
    /// Where recent inputs are in the copy.
    causes: BTreeMap<(&'static str, Partition, u64), u64>,
    recent: VecDeque<(&'static str, Partition, u64)>,
    /// Inputs that are not processed, in the order of the copy: place, topic, offset.
    open: BTreeMap<Partition, VecDeque<(u64, &'static str, u64)>>,
    held: VecDeque<Sequenced>,
}

/// One transaction of the copy in the making.
#[derive(Default)]
struct Batch {
    records: Vec<(Partition, Record)>,
    commit: Commit,
    /// Absolute counts.
    counts: BTreeMap<(Partition, String), i64>,
}

fn header<'r>(record: &'r Record, name: &str) -> Option<&'r str> {
    let header = record.headers.iter().find(|header| header.name == name)?;
    std::str::from_utf8(&header.value).ok()
}

impl<'l> Copy<'l> {
    fn open(log: &'l EmbeddedLog, folder: &std::path::Path) -> Result<Self, Failure> {
        let reader = EmbeddedReader::open(folder, CATALOGUE)?;
        let mut copy = Self {
            log,
            host: log.processing()?,
            counters: reader.counters()?,
            causes: BTreeMap::new(),
            recent: VecDeque::new(),
            open: BTreeMap::new(),
            held: VecDeque::new(),
        };
        let positions = reader.positions()?;
        let head = log.head().0;
        let oldest_open = positions.values().map(|at| at.0).min().unwrap_or(0);
        let from = head.saturating_sub(CAUSES_MAX).min(oldest_open);
        reader.visit(Offset(from), &mut |stored| {
            let found = stored.sequenced;
            let offset = header(&found.record, KAFKA_OFFSET).and_then(|text| text.parse().ok());
            if let Some(offset) = offset
                && is_input(found.record.topic)
            {
                copy.remember(found.record.topic, found.partition, offset, found.offset.0);
                let at = positions.get(&found.partition);
                if at.is_none_or(|at| found.offset > *at) {
                    let open = copy.open.entry(found.partition).or_default();
                    open.push_back((found.offset.0, found.record.topic.0, offset));
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok(copy)
    }

    /// No fact waits for its cause, and no input for whoever processes it.
    fn is_whole(&self) -> bool {
        self.holds_nothing_back() && self.open.values().all(VecDeque::is_empty)
    }

    fn holds_nothing_back(&self) -> bool {
        self.held.is_empty()
    }

    pub(super) fn holds_back_before(&self, ends: &Places) -> bool {
        self.held.iter().any(|fact| {
            let end = ends.get(&(fact.record.topic.0, fact.partition));
            let at = i64::try_from(fact.offset.0).unwrap_or(i64::MAX);
            end.is_some_and(|end| at < *end)
        })
    }

    pub(super) fn head(&self) -> u64 {
        self.log.head().0
    }

    /// No input up to this place waits for whoever processes it.
    pub(super) fn is_processed(&self, upto: u64) -> bool {
        let mut oldest = self.open.values().filter_map(VecDeque::front);
        oldest.all(|(at, ..)| *at > upto)
    }

    fn count(&self, partition: Partition, name: &str, topic: &str) -> i64 {
        let key = (partition, format!("{name}{topic}"));
        self.counters.get(&key).copied().unwrap_or(0)
    }

    fn places(&self) -> Places {
        let mut places = Places::new();
        for ((partition, name), next) in &self.counters {
            let topic = name.strip_prefix(NEXT).and_then(|topic| {
                let mut known = CATALOGUE.iter().map(|(known, _)| *known);
                known.find(|known| *known == topic)
            });
            if let Some(topic) = topic {
                places.insert((topic, *partition), *next);
            }
        }
        places
    }

    fn remember(&mut self, topic: Topic, partition: Partition, offset: u64, seq: u64) {
        let place = (topic.0, partition, offset);
        self.causes.insert(place, seq);
        self.recent.push_back(place);
        if u64::try_from(self.recent.len()).unwrap_or(u64::MAX) > CAUSES_MAX
            && let Some(old) = self.recent.pop_front()
        {
            self.causes.remove(&old);
        }
    }

    fn take(&mut self, news: Vec<Followed>) -> Result<(), Failure> {
        let mut batch = Batch::default();
        let mut facts: VecDeque<Sequenced> = std::mem::take(&mut self.held);
        for one in news {
            match one {
                Followed::Record(found) if is_input(found.record.topic) => {
                    self.note(&found, &mut batch);
                    let (seq, topic) =
                        self.put(&mut batch, found.partition, found.record, found.offset);
                    let open = self.open.entry(found.partition).or_default();
                    open.push_back((seq, topic, found.offset.0));
                }
                Followed::Record(found) => facts.push_back(found),
                Followed::State {
                    partition,
                    offset,
                    news,
                    processed,
                } => {
                    self.state(&mut batch, partition, news);
                    self.processed(&mut batch, partition, &processed);
                    let next = i64::try_from(offset.0)
                        .unwrap_or(i64::MAX)
                        .saturating_add(1);
                    let key = (partition, format!("{NEXT}{}", schemas::topic::CHANGELOG));
                    batch.counts.insert(key, next);
                }
            }
        }
        self.facts(&mut batch, facts);
        self.positions(&mut batch);
        self.write(batch)
    }

    /// The place after a record; a fact that waits keeps the places of its topic back.
    fn note(&self, found: &Sequenced, batch: &mut Batch) {
        let next = i64::try_from(found.offset.0)
            .unwrap_or(i64::MAX)
            .saturating_add(1);
        let key = (found.partition, format!("{NEXT}{}", found.record.topic.0));
        batch.counts.insert(key, next);
    }

    fn put(
        &mut self,
        batch: &mut Batch,
        partition: Partition,
        mut record: Record,
        offset: Offset,
    ) -> (u64, &'static str) {
        let placed = u64::try_from(batch.records.len()).unwrap_or(u64::MAX);
        let seq = self.log.head().0.saturating_add(1).saturating_add(placed);
        let topic = record.topic;
        record.headers.push(Header {
            name: KAFKA_OFFSET,
            value: offset.0.to_string().into(),
        });
        if is_input(topic) {
            self.remember(topic, partition, offset.0, seq);
        }
        batch.records.push((partition, record));
        (seq, topic.0)
    }

    /// Facts whose cause is there, in their order; one that waits holds back the rest of its topic's
    /// partition.
    fn facts(&mut self, batch: &mut Batch, facts: VecDeque<Sequenced>) {
        let mut waiting: BTreeMap<(&'static str, Partition), ()> = BTreeMap::new();
        let full = facts.len() > HELD_MAX;
        for mut fact in facts {
            let place = (fact.record.topic.0, fact.partition);
            let cause = self.cause(&fact.record);
            let waits = waiting.contains_key(&place) || matches!(cause, Cause::NotYet);
            if waits && !full {
                waiting.insert(place, ());
                self.held.push_back(fact);
                continue;
            }
            fact.record.headers.retain(|header| header.name != CAUSE);
            if let Cause::At(text) = cause {
                fact.record.headers.push(Header {
                    name: CAUSE,
                    value: text.into(),
                });
            }
            self.note(&fact, batch);
            self.put(batch, fact.partition, fact.record, fact.offset);
        }
    }

    fn cause(&self, fact: &Record) -> Cause {
        let told = header(fact, CAUSE).and_then(|text| {
            let (rest, offset) = text.rsplit_once('/')?;
            let (topic, partition) = rest.rsplit_once('/')?;
            let topic = CATALOGUE
                .iter()
                .map(|(name, _)| *name)
                .find(|name| *name == topic)?;
            Some((
                topic,
                Partition(partition.parse().ok()?),
                offset.parse().ok()?,
            ))
        });
        let Some((topic, partition, offset)) = told else {
            return Cause::None;
        };
        if let Some(seq) = self.causes.get(&(topic, partition, offset)) {
            return Cause::At(format!("{topic}/{}/{seq}", partition.0));
        }
        let next = self.count(partition, NEXT, topic);
        if i64::try_from(offset).unwrap_or(i64::MAX) >= next {
            return Cause::NotYet;
        }
        Cause::None
    }

    fn state(&self, batch: &mut Batch, partition: Partition, news: StateNews) {
        match news {
            StateNews::Bucket(athlete, bucket, value) => batch.commit.state.push(StateChange {
                athlete,
                bucket,
                value,
            }),
            StateNews::Timer(athlete, id, Some(due)) => {
                let change = TimerChange::Set { id, due };
                batch.commit.timers.push((athlete, change));
            }
            StateNews::Timer(athlete, id, None) => {
                batch
                    .commit
                    .timers
                    .push((athlete, TimerChange::Clear { id }));
            }
            StateNews::Counter(name, count) => {
                batch.counts.insert((partition, name), count);
            }
            StateNews::Inputs(_) | StateNews::Nothing => {}
        }
    }

    fn processed(&self, batch: &mut Batch, partition: Partition, processed: &[(String, Offset)]) {
        for (topic, last) in processed {
            let next = i64::try_from(last.0).unwrap_or(i64::MAX).saturating_add(1);
            batch
                .counts
                .insert((partition, format!("{DONE}{topic}")), next);
        }
    }

    fn positions(&mut self, batch: &mut Batch) {
        for (partition, open) in &mut self.open {
            let mut position = None;
            while let Some((seq, topic, offset)) = open.front().copied() {
                let key = (*partition, format!("{DONE}{topic}"));
                let done = batch.counts.get(&key).or_else(|| self.counters.get(&key));
                let offset = i64::try_from(offset).unwrap_or(i64::MAX);
                if done.is_none_or(|done| offset >= *done) {
                    break;
                }
                position = Some((seq, topic));
                open.pop_front();
            }
            if let Some((seq, topic)) = position {
                batch.commit.positions.push(Position {
                    topic: Topic(topic),
                    partition: *partition,
                    offset: Offset(seq),
                });
            }
        }
    }

    fn write(&mut self, mut batch: Batch) -> Result<(), Failure> {
        for (key, count) in &batch.counts {
            let before = self.counters.get(key).copied().unwrap_or(0);
            let by = count.saturating_sub(before);
            batch.commit.counters.insert(key.clone(), by);
        }
        self.host.copy(batch.records, batch.commit)?;
        self.counters.extend(batch.counts);
        Ok(())
    }
}

/// Where the input is that a fact follows from.
enum Cause {
    At(String),
    /// Still on its way.
    NotYet,
    /// None is named, or it is too long ago to be remembered.
    None,
}
