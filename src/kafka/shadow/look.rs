//! One copy as far as it is: what is live in it, and which inputs of whom it has processed.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hasher};
use std::ops::ControlFlow;

use anyhow::Context;
use schemas::topic::TICKS;
use stream_embedded::EmbeddedReader;
use stream_log::{Offset, Partition, Sequenced};

use crate::config::Settings;
use crate::differences::Side;
use crate::topics;
use crate::verify::facts::Facts;

/// A set of inputs: how many, and the sum of their hashes, which no order changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Set {
    count: u64,
    sum: u64,
}

impl Set {
    fn add(&mut self, hash: u64) {
        self.count = self.count.saturating_add(1);
        self.sum = self.sum.wrapping_add(hash);
    }
}

/// What of an athlete was processed, and when time was told to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    inputs: Set,
    ticks: Set,
}

struct Input {
    seq: u64,
    /// None is a tick.
    athlete: Option<String>,
    hash: u64,
}

pub(super) struct Look {
    reader: EmbeddedReader,
    facts: Facts,
    after: Offset,
    /// Inputs that are not known to be processed.
    open: BTreeMap<Partition, VecDeque<Input>>,
    inputs: BTreeMap<String, (Partition, Set)>,
    ticks: BTreeMap<Partition, Set>,
    /// The last logical time.
    pub(super) now: i64,
}

impl Look {
    pub(super) fn open(settings: &Settings) -> anyhow::Result<Self> {
        let data = &settings.log.data;
        let reader = EmbeddedReader::open(data, topics::CATALOGUE)
            .with_context(|| format!("cannot read the copy in {}", data.display()))?;
        Ok(Self {
            reader,
            facts: Facts::default(),
            after: Offset(0),
            open: BTreeMap::new(),
            inputs: BTreeMap::new(),
            ticks: BTreeMap::new(),
            now: i64::MIN,
        })
    }

    /// Takes in what came since the last look, in one snapshot.
    pub(super) fn go_on(&mut self) -> anyhow::Result<()> {
        self.reader.hold()?;
        let read = self.read();
        self.reader.release()?;
        read
    }

    fn read(&mut self) -> anyhow::Result<()> {
        let (facts, open) = (&mut self.facts, &mut self.open);
        let (after, now) = (&mut self.after, &mut self.now);
        self.reader.visit(*after, &mut |stored| {
            let read = stored.sequenced;
            *after = read.offset;
            *now = (*now).max(read.record.received_at.0);
            if topics::is_input(read.record.topic) {
                open.entry(read.partition)
                    .or_default()
                    .push_back(input(&read));
            } else if let Ok(record) = schemas::decode_any(&read.record.value) {
                facts.take(&record, read.offset, None);
            }
            ControlFlow::Continue(())
        })?;
        for (partition, position) in self.reader.positions()? {
            let open = self.open.entry(partition).or_default();
            while let Some(input) = open.pop_front_if(|input| input.seq <= position.0) {
                match input.athlete {
                    None => self.ticks.entry(partition).or_default().add(input.hash),
                    Some(athlete) => {
                        let known = self.inputs.entry(athlete);
                        known
                            .or_insert((partition, Set::default()))
                            .1
                            .add(input.hash);
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn side(&self) -> Side<'_> {
        Side {
            facts: &self.facts,
            reader: &self.reader,
        }
    }

    pub(super) fn end(&self) -> Offset {
        self.after
    }

    /// Something up to there was not processed yet.
    pub(super) fn is_open_before(&self, end: Offset) -> bool {
        let mut firsts = self.open.values().filter_map(VecDeque::front);
        firsts.any(|input| input.seq <= end.0)
    }

    pub(super) fn processed(&self) -> u64 {
        let sets = self.inputs.values().map(|(_, set)| set);
        sets.chain(self.ticks.values()).map(|set| set.count).sum()
    }

    /// Everybody of whom something was processed.
    pub(super) fn athletes(&self) -> impl Iterator<Item = &str> {
        self.inputs.keys().map(String::as_str)
    }

    pub(super) fn seen(&self, athlete: &str) -> Option<Seen> {
        let (partition, inputs) = self.inputs.get(athlete)?;
        let ticks = self.ticks.get(partition).copied().unwrap_or_default();
        Some(Seen {
            inputs: *inputs,
            ticks,
        })
    }
}

fn input(read: &Sequenced) -> Input {
    let record = &read.record;
    let mut hash = DefaultHasher::new();
    hash.write(record.topic.0.as_bytes());
    hash.write(&record.value);
    Input {
        seq: read.offset.0,
        athlete: (record.topic.0 != TICKS).then(|| record.key.as_str().to_owned()),
        hash: hash.finish(),
    }
}
