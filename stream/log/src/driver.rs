//! The deterministic host: log and state in memory, and a wrapper that makes any host fail.
//!
//! `Memory` is what survives a restart, `MemoryHost` one opening of it. Tests drive a task with it
//! and a clock moved by hand; `verify` rebuilds athletes from the log with it.
//!
//! Invariants:
//! * it is the reference: what the contract says of a host is said of this one first;
//! * a host that was replaced by a later `open` can commit nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{
    Append, Appended, BucketId, Class, Commit, Failure, Key, Log, LogTime, Offset, Partition,
    Record, Sequenced, StateStore, Subscribe, Timer, TimerChange, Topic, Topics, partition_of,
};

mod faults;

pub use faults::{Fault, Faulty, Moment};

/// What is left when a process ends: shared by every host opened on it.
#[derive(Clone)]
pub struct Memory {
    world: Arc<Mutex<World>>,
}

/// One opening of a `Memory`.
pub struct MemoryHost {
    memory: Memory,
    owner: u64,
    /// Index into the inputs of what is polled next.
    cursor: usize,
}

struct World {
    partitions: u32,
    topics: Topics,
    /// By offset; an offset is used once in the whole log.
    records: Vec<Sequenced>,
    /// Indices of the inputs among the records.
    inputs: Vec<usize>,
    /// Everything before this index into the inputs is processed.
    processed: usize,
    next_offset: u64,
    positions: BTreeMap<Partition, Offset>,
    state: BTreeMap<Key, BTreeMap<BucketId, Vec<u8>>>,
    timers: BTreeMap<Key, BTreeMap<Vec<u8>, LogTime>>,
    due: BTreeMap<Partition, BTreeSet<Timer>>,
    counters: BTreeMap<(Partition, String), i64>,
    owner: u64,
}

impl Memory {
    /// Topics that are not in the catalogue count as outputs.
    pub fn new(partitions: u32, topics: Topics) -> Self {
        Self {
            world: Arc::new(Mutex::new(World {
                partitions,
                topics,
                records: Vec::new(),
                inputs: Vec::new(),
                processed: 0,
                next_offset: 1,
                positions: BTreeMap::new(),
                state: BTreeMap::new(),
                timers: BTreeMap::new(),
                due: BTreeMap::new(),
                counters: BTreeMap::new(),
                owner: 0,
            })),
        }
    }

    /// A host on what was committed, as after a restart. Hosts opened before can commit no more.
    pub fn open(&self) -> MemoryHost {
        let mut world = self.lock();
        world.owner = world.owner.saturating_add(1);
        MemoryHost {
            memory: self.clone(),
            owner: world.owner,
            cursor: world.processed,
        }
    }

    /// Takes over records of another log with the places they have there, in rising order.
    pub fn load(&self, records: impl IntoIterator<Item = Sequenced>) {
        let mut world = self.lock();
        for record in records {
            world.next_offset = world.next_offset.max(record.offset.0.saturating_add(1));
            world.put(record);
        }
    }

    /// Everything in the log, inputs and outputs, in its order.
    pub fn records(&self) -> Vec<Sequenced> {
        self.lock().records.clone()
    }

    /// Hands out the outputs and forgets them, so that a long rebuild holds one step's worth.
    pub fn take_outputs(&self) -> Vec<Sequenced> {
        let mut world = self.lock();
        let topics = world.topics;
        let is_input = |record: &Sequenced| reads(topics, record.record.topic);
        let (inputs, outputs) = std::mem::take(&mut world.records)
            .into_iter()
            .partition(is_input);
        world.records = inputs;
        world.inputs = (0..world.records.len()).collect();
        outputs
    }

    pub fn state(&self) -> BTreeMap<Key, BTreeMap<BucketId, Vec<u8>>> {
        self.lock().state.clone()
    }

    pub fn timers(&self) -> Vec<Timer> {
        self.lock().due.values().flatten().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryHost {
    pub fn memory(&self) -> &Memory {
        &self.memory
    }
}

fn reads(topics: Topics, topic: Topic) -> bool {
    topics
        .iter()
        .any(|(name, input)| *name == topic.0 && *input)
}

fn bytes_of(record: &Record) -> usize {
    record.value.len().saturating_add(record.key.as_str().len())
}

impl World {
    fn put(&mut self, record: Sequenced) {
        if reads(self.topics, record.record.topic) {
            self.inputs.push(self.records.len());
        }
        self.records.push(record);
    }

    fn append(&mut self, partition: Partition, record: Record) -> Appended {
        let offset = Offset(self.next_offset);
        self.next_offset = self.next_offset.saturating_add(1);
        self.put(Sequenced {
            partition,
            offset,
            record,
        });
        Appended { partition, offset }
    }

    fn input(&self, index: usize) -> Option<&Sequenced> {
        self.inputs.get(index).and_then(|&at| self.records.get(at))
    }

    fn is_processed(&self, record: &Sequenced) -> bool {
        self.positions
            .get(&record.partition)
            .is_some_and(|position| record.offset <= *position)
    }

    fn change_timer(&mut self, athlete: Key, change: TimerChange) {
        let partition = partition_of(athlete.as_str(), self.partitions);
        let due_in_partition = self.due.entry(partition).or_default();
        let timers = self.timers.entry(athlete.clone()).or_default();
        let (id, new) = match change {
            TimerChange::Set { id, due } => (id, Some(due)),
            TimerChange::Clear { id } => (id, None),
        };
        if let Some(due) = timers.remove(&id) {
            due_in_partition.remove(&Timer {
                due,
                athlete: athlete.clone(),
                id: id.clone(),
            });
        }
        if let Some(due) = new {
            timers.insert(id.clone(), due);
            due_in_partition.insert(Timer { due, athlete, id });
        }
    }

    fn commit(&mut self, commit: Commit) {
        for record in commit.outputs {
            let partition = partition_of(record.key.as_str(), self.partitions);
            self.append(partition, record);
        }
        for change in commit.state {
            let athlete = self.state.entry(change.athlete).or_default();
            match change.value {
                Some(value) => athlete.insert(change.bucket, value),
                None => athlete.remove(&change.bucket),
            };
        }
        for (athlete, change) in commit.timers {
            self.change_timer(athlete, change);
        }
        for (name, by) in commit.counters {
            let count = self.counters.entry(name).or_insert(0);
            *count = count.saturating_add(by);
        }
        for position in commit.positions {
            let at = self.positions.entry(position.partition).or_default();
            *at = position.offset.max(*at);
        }
        while self
            .input(self.processed)
            .is_some_and(|record| self.is_processed(record))
        {
            self.processed = self.processed.saturating_add(1);
        }
    }
}

impl Append for Memory {
    fn append(&self, records: Vec<Record>) -> Result<Vec<Appended>, Failure> {
        let mut world = self.lock();
        Ok(records
            .into_iter()
            .map(|record| {
                let partition = partition_of(record.key.as_str(), world.partitions);
                world.append(partition, record)
            })
            .collect())
    }
}

impl Append for MemoryHost {
    fn append(&self, records: Vec<Record>) -> Result<Vec<Appended>, Failure> {
        self.memory.append(records)
    }
}

impl Log for MemoryHost {
    fn partitions(&self) -> Vec<Partition> {
        (0..self.memory.lock().partitions).map(Partition).collect()
    }

    fn changed_hands(&mut self) -> Vec<Partition> {
        Vec::new()
    }

    fn poll(&mut self, max_records: usize, max_bytes: usize) -> Result<Vec<Sequenced>, Failure> {
        let world = self.memory.lock();
        let mut polled = Vec::new();
        let mut bytes = 0_usize;
        while let Some(record) = world.input(self.cursor) {
            if !world.is_processed(record) {
                bytes = bytes.saturating_add(bytes_of(&record.record));
                if polled.len() >= max_records || (bytes > max_bytes && !polled.is_empty()) {
                    break;
                }
                polled.push(record.clone());
            }
            self.cursor = self.cursor.saturating_add(1);
        }
        Ok(polled)
    }

    fn commit(&mut self, commit: Commit) -> Result<(), Failure> {
        let mut world = self.memory.lock();
        if world.owner != self.owner {
            return Err(Failure::new(
                Class::Rebuild,
                "committing as a host that was replaced",
            ));
        }
        for position in &commit.positions {
            if world
                .positions
                .get(&position.partition)
                .is_some_and(|at| position.offset <= *at)
            {
                return Err(Failure::new(
                    Class::Stop,
                    format!(
                        "committing partition {} a second time",
                        position.partition.0
                    ),
                ));
            }
        }
        world.commit(commit);
        Ok(())
    }

    fn rewind(&mut self) -> Result<(), Failure> {
        self.cursor = self.memory.lock().processed;
        Ok(())
    }

    fn append_tick(&mut self, partition: Partition, record: Record) -> Result<(), Failure> {
        self.memory.lock().append(partition, record);
        Ok(())
    }
}

impl StateStore for MemoryHost {
    fn get(&self, athlete: &Key, bucket: BucketId) -> Result<Option<Vec<u8>>, Failure> {
        let world = self.memory.lock();
        Ok(world
            .state
            .get(athlete)
            .and_then(|buckets| buckets.get(&bucket))
            .cloned())
    }

    fn scan(&self, athlete: &Key) -> Result<Vec<(BucketId, Vec<u8>)>, Failure> {
        let world = self.memory.lock();
        let buckets = world.state.get(athlete).into_iter().flatten();
        Ok(buckets
            .map(|(&bucket, value)| (bucket, value.clone()))
            .collect())
    }

    fn timers_of(&self, athlete: &Key, until: LogTime) -> Result<Vec<Timer>, Failure> {
        let world = self.memory.lock();
        let mut timers: Vec<Timer> = world
            .timers
            .get(athlete)
            .into_iter()
            .flatten()
            .filter(|&(_, &due)| due <= until)
            .map(|(id, &due)| Timer {
                due,
                athlete: athlete.clone(),
                id: id.clone(),
            })
            .collect();
        timers.sort_unstable();
        Ok(timers)
    }

    fn due(
        &self,
        partition: Partition,
        until: LogTime,
        limit: usize,
    ) -> Result<Vec<Timer>, Failure> {
        let world = self.memory.lock();
        let timers = world.due.get(&partition).into_iter().flatten();
        Ok(timers
            .take_while(|timer| timer.due <= until)
            .take(limit)
            .cloned()
            .collect())
    }

    fn next_due(&self, partition: Partition) -> Result<Option<LogTime>, Failure> {
        let world = self.memory.lock();
        Ok(world
            .due
            .get(&partition)
            .and_then(|timers| timers.first())
            .map(|timer| timer.due))
    }

    fn counters(&self) -> Result<BTreeMap<(Partition, String), i64>, Failure> {
        Ok(self.memory.lock().counters.clone())
    }

    fn athletes_with(&self, bucket: BucketId, limit: usize) -> Result<Vec<Key>, Failure> {
        let world = self.memory.lock();
        let holders = world
            .state
            .iter()
            .filter(|(_, buckets)| buckets.contains_key(&bucket));
        Ok(holders
            .take(limit)
            .map(|(athlete, _)| athlete.clone())
            .collect())
    }
}

impl Subscribe for Memory {
    fn read(
        &mut self,
        topics: &[Topic],
        after: Offset,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<Vec<Sequenced>, Failure> {
        let world = self.lock();
        let mut found = Vec::new();
        let mut bytes = 0_usize;
        let start = world
            .records
            .partition_point(|record| record.offset <= after);
        for record in world.records.iter().skip(start) {
            if !topics.contains(&record.record.topic) {
                continue;
            }
            bytes = bytes.saturating_add(bytes_of(&record.record));
            if found.len() >= max_records || (bytes > max_bytes && !found.is_empty()) {
                break;
            }
            found.push(record.clone());
        }
        Ok(found)
    }
}
