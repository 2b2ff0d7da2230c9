//! The loop body of every store: read facts, make rows, store rows and position together.
//!
//! Fifth of the six files that tell the whole story: the processors have committed their facts, and
//! this is how people get to see them. It exists apart from the databases because crash safety must
//! be the same in all of them, and it is only this: the position is stored with the rows it stands
//! for, so that a restart reads on exactly where the rows end, and a fact that comes twice is known
//! by its version. It has no loop, no clock and no thread; those are the host's, in `src/wiring.rs`,
//! the last of the six.
//!
//! Invariants:
//! * the position never runs ahead of the rows;
//! * a batch has a limit, and a step does one batch.

use std::collections::BTreeMap;

use schemas::AnyRecord;

use crate::{Feed, FeedPosition, FeedRecord, RowChange, SeriesStore, StoreError, project};

/// One transaction's worth: large enough that an fsync is shared by many, small enough that a reader
/// sees a change at once and that a batch of typical records (about 1 KiB) stays near 4 MiB.
pub const BATCH_RECORDS_MAX: usize = 4_096;

/// What one step did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    pub records: usize,
    pub rows: usize,
    pub position: FeedPosition,
    pub by_topic: BTreeMap<&'static str, u64>,
}

impl Step {
    /// There was nothing to do; the host may wait.
    pub fn is_idle(&self) -> bool {
        self.records == 0
    }
}

/// Carries facts from one feed to one store.
pub struct Writer<F, S> {
    feed: F,
    store: S,
    batch_records: usize,
    position: FeedPosition,
}

impl<F: Feed, S: SeriesStore> Writer<F, S> {
    /// Goes on where the store's rows end. `batch_records` is at most `BATCH_RECORDS_MAX`.
    pub fn new(feed: F, store: S, batch_records: usize) -> Result<Self, StoreError> {
        let position = store.position()?;
        Ok(Self {
            feed,
            store,
            batch_records: batch_records.clamp(1, BATCH_RECORDS_MAX),
            position,
        })
    }

    pub fn position(&self) -> FeedPosition {
        self.position
    }

    /// One batch. After an error nothing of it is stored, and the next step reads the same again.
    pub fn step(&mut self) -> Result<Step, StoreError> {
        let records = self.feed.read(self.position, self.batch_records)?;
        let mut step = Step {
            records: records.len(),
            position: self.position,
            ..Step::default()
        };
        let Some(last) = records.last() else {
            return Ok(step);
        };
        step.position = last.position;
        let mut rows: Vec<RowChange> = Vec::with_capacity(records.len());
        for record in &records {
            *step.by_topic.entry(record.topic).or_default() += 1;
            rows.extend(project(decode(record)?));
        }
        step.rows = rows.len();
        self.store.apply(rows, step.position)?;
        self.position = step.position;
        Ok(step)
    }

    pub fn into_parts(self) -> (F, S) {
        (self.feed, self.store)
    }
}

/// A fact that cannot be read means that log and program do not belong together: stop, because a
/// store with a silent hole would be worse than one that stands still.
fn decode(record: &FeedRecord) -> Result<AnyRecord, StoreError> {
    schemas::decode_any(&record.value).map_err(|source| StoreError::Undecodable {
        topic: record.topic,
        position: record.position.0,
        source: Box::new(source),
    })
}

#[cfg(test)]
mod tests {
    use schemas::record::session::SessionRevised;
    use schemas::sample::full;
    use schemas::topic;

    use super::*;
    use crate::{MemoryStore, SeriesQuery};

    /// A feed over a list; every position is one more than the place in the list.
    struct Listed(Vec<FeedRecord>);

    impl Feed for Listed {
        fn read(
            &mut self,
            after: FeedPosition,
            max_records: usize,
        ) -> Result<Vec<FeedRecord>, StoreError> {
            let new = self.0.iter().filter(|record| record.position > after);
            Ok(new.take(max_records).cloned().collect())
        }
    }

    fn record(position: u64, value: Vec<u8>) -> FeedRecord {
        FeedRecord {
            position: FeedPosition(position),
            topic: topic::SESSIONS,
            key: "default/a1".to_owned(),
            value,
        }
    }

    fn sessions(count: u64) -> Vec<FeedRecord> {
        let session = |n: u64| SessionRevised {
            session_id: format!("s{n}"),
            ..full()
        };
        (1..=count)
            .map(|n| record(n, schemas::encode(&session(n))))
            .collect()
    }

    #[test]
    fn steps_carry_all_facts_in_batches_and_then_are_idle() {
        let store = MemoryStore::new();
        let mut writer = Writer::new(Listed(sessions(5)), store.clone(), 2).unwrap();
        for (records, position) in [(2, 2), (2, 4), (1, 5), (0, 5)] {
            let step = writer.step().unwrap();
            assert_eq!((step.records, step.rows), (records, records));
            assert_eq!(step.position, FeedPosition(position));
            assert_eq!(step.is_idle(), records == 0);
        }
        assert_eq!(store.counts().unwrap().sessions, 5);
        // A new writer goes on where the rows end.
        let mut next = Writer::new(Listed(sessions(6)), store.clone(), 100).unwrap();
        assert_eq!(next.step().unwrap().records, 1);
        assert_eq!(store.counts().unwrap().sessions, 6);
    }

    #[test]
    fn a_fact_that_cannot_be_read_stops_before_anything_of_its_batch_is_stored() {
        let store = MemoryStore::new();
        let mut records = sessions(1);
        records.push(record(2, b"no record".to_vec()));
        let mut writer = Writer::new(Listed(records), store.clone(), 100).unwrap();
        let error = writer.step().unwrap_err();
        assert!(matches!(error, StoreError::Undecodable { position: 2, .. }));
        assert!(!error.is_transient());
        assert_eq!(store.counts().unwrap().sessions, 0);
        assert_eq!(writer.position(), FeedPosition(0));
    }
}
