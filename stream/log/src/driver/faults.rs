//! Makes any host fail or die at one chosen call.

use std::cell::Cell;
use std::collections::BTreeMap;

use crate::{
    BucketId, Class, Commit, Failure, Key, Log, LogTime, Partition, Record, Sequenced, StateStore,
    Timer,
};

/// Whether the call still has its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Before,
    After,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This call fails and so does every later one, as when the process is gone.
    Crash,
    /// This call alone fails.
    Once(Class),
}

/// A host whose n-th call goes wrong. Calls are counted from 0, over every method.
pub struct Faulty<H> {
    inner: H,
    at: u64,
    moment: Moment,
    fault: Fault,
    calls: Cell<u64>,
    dead: Cell<bool>,
}

impl<H> Faulty<H> {
    pub fn new(inner: H, at: u64, moment: Moment, fault: Fault) -> Self {
        Self {
            inner,
            at,
            moment,
            fault,
            calls: Cell::new(0),
            dead: Cell::new(false),
        }
    }

    /// Whether the chosen call was reached.
    pub fn struck(&self) -> bool {
        self.calls.get() > self.at
    }

    pub fn into_inner(self) -> H {
        self.inner
    }

    fn fail(&self) -> Failure {
        let class = match self.fault {
            Fault::Crash => {
                self.dead.set(true);
                Class::Rebuild
            }
            Fault::Once(class) => class,
        };
        Failure::new(
            class,
            format!("calling the host at injected fault {}", self.at),
        )
    }

    /// Counts the call; fails it where it is the one, or where the host is dead.
    fn enter(&self) -> Result<bool, Failure> {
        if self.dead.get() {
            return Err(Failure::new(Class::Rebuild, "calling a host that is gone"));
        }
        let call = self.calls.get();
        self.calls.set(call.saturating_add(1));
        match (call == self.at, self.moment) {
            (true, Moment::Before) => Err(self.fail()),
            (true, Moment::After) => Ok(true),
            (false, _) => Ok(false),
        }
    }

    fn leave<T>(&self, strike: bool, result: Result<T, Failure>) -> Result<T, Failure> {
        if strike && result.is_ok() {
            Err(self.fail())
        } else {
            result
        }
    }
}

impl<H: Log> Log for Faulty<H> {
    fn partitions(&self) -> Vec<Partition> {
        self.inner.partitions()
    }

    fn changed_hands(&mut self) -> Vec<Partition> {
        self.inner.changed_hands()
    }

    fn poll(&mut self, max_records: usize, max_bytes: usize) -> Result<Vec<Sequenced>, Failure> {
        let strike = self.enter()?;
        let result = self.inner.poll(max_records, max_bytes);
        self.leave(strike, result)
    }

    fn commit(&mut self, commit: Commit) -> Result<(), Failure> {
        let strike = self.enter()?;
        let result = self.inner.commit(commit);
        self.leave(strike, result)
    }

    fn rewind(&mut self) -> Result<(), Failure> {
        let strike = self.enter()?;
        let result = self.inner.rewind();
        self.leave(strike, result)
    }

    fn append_tick(&mut self, partition: Partition, record: Record) -> Result<(), Failure> {
        let strike = self.enter()?;
        let result = self.inner.append_tick(partition, record);
        self.leave(strike, result)
    }
}

impl<H: StateStore> StateStore for Faulty<H> {
    fn get(&self, athlete: &Key, bucket: BucketId) -> Result<Option<Vec<u8>>, Failure> {
        let strike = self.enter()?;
        self.leave(strike, self.inner.get(athlete, bucket))
    }

    fn scan(&self, athlete: &Key) -> Result<Vec<(BucketId, Vec<u8>)>, Failure> {
        let strike = self.enter()?;
        self.leave(strike, self.inner.scan(athlete))
    }

    fn timers_of(&self, athlete: &Key, until: LogTime) -> Result<Vec<Timer>, Failure> {
        let strike = self.enter()?;
        self.leave(strike, self.inner.timers_of(athlete, until))
    }

    fn due(
        &self,
        partition: Partition,
        until: LogTime,
        limit: usize,
    ) -> Result<Vec<Timer>, Failure> {
        let strike = self.enter()?;
        self.leave(strike, self.inner.due(partition, until, limit))
    }

    fn next_due(&self, partition: Partition) -> Result<Option<LogTime>, Failure> {
        let strike = self.enter()?;
        self.leave(strike, self.inner.next_due(partition))
    }

    fn counters(&self) -> Result<BTreeMap<(Partition, String), i64>, Failure> {
        let strike = self.enter()?;
        self.leave(strike, self.inner.counters())
    }

    fn athletes_with(&self, bucket: BucketId, limit: usize) -> Result<Vec<Key>, Failure> {
        let strike = self.enter()?;
        self.leave(strike, self.inner.athletes_with(bucket, limit))
    }
}
