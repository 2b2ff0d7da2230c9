//! What the queue remembers of objects that nothing is open for: bounded, and forgotten at a restart.
//!
//! Forgetting costs a request that was not needed, never a hint.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use edge::UnixMicros;

use super::{Hint, Object};

/// Copies of hints that are remembered after their end, 16 bytes each.
const KNOWN_MAX: usize = 65_536;

/// Deletions that are remembered against hints from before them.
const DELETIONS_MAX: usize = 16_384;

/// Fingerprints of hints; the oldest goes when there are too many.
#[derive(Debug, Default)]
pub(super) struct Known {
    prints: BTreeSet<[u8; 16]>,
    oldest_first: VecDeque<[u8; 16]>,
}

impl Known {
    pub(super) fn insert(&mut self, print: [u8; 16]) -> bool {
        if !self.prints.insert(print) {
            return false;
        }
        self.oldest_first.push_back(print);
        if self.oldest_first.len() > KNOWN_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.prints.remove(&oldest);
        }
        true
    }
}

/// The last deletion of each object: when it happened, and when it arrived.
#[derive(Debug, Default)]
pub(super) struct Deletions {
    last: BTreeMap<Object, (UnixMicros, UnixMicros)>,
    oldest_first: VecDeque<Object>,
}

impl Deletions {
    pub(super) fn insert(&mut self, object: Object, event_at: UnixMicros, received_at: UnixMicros) {
        let told = (event_at, received_at);
        match self.last.get_mut(&object) {
            Some(last) => *last = (*last).max(told),
            None => {
                self.last.insert(object.clone(), told);
                self.oldest_first.push_back(object);
            }
        }
        if self.oldest_first.len() > DELETIONS_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.last.remove(&oldest);
        }
    }

    /// When the deletion arrived that came after the hint.
    pub(super) fn after(&self, hint: &Hint) -> Option<UnixMicros> {
        let (event_at, received_at) = self.last.get(&hint.object)?;
        hint.event_at
            .is_some_and(|told| told < *event_at)
            .then_some(*received_at)
    }

    pub(super) fn forget(&mut self, object: &Object) {
        if self.last.remove(object).is_some() {
            self.oldest_first.retain(|known| known != object);
        }
    }
}
