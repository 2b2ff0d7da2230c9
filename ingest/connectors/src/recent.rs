//! What arrived lately, so that an answer can tell a sender that it repeats itself.
//!
//! Best effort on purpose: it is forgotten at a restart and beyond its limit, and nothing but the
//! number in an answer depends on it.

use std::collections::{BTreeSet, VecDeque};

/// 16 bytes each, twice, with the tree about 4 MiB.
const FINGERPRINTS_MAX: usize = 65_536;

#[derive(Debug, Default)]
pub(crate) struct Recent {
    known: BTreeSet<[u8; 16]>,
    oldest_first: VecDeque<[u8; 16]>,
}

impl Recent {
    /// Whether it is new. The oldest one goes when there are too many.
    pub(crate) fn insert(&mut self, fingerprint: [u8; 16]) -> bool {
        if !self.known.insert(fingerprint) {
            return false;
        }
        self.oldest_first.push_back(fingerprint);
        if self.oldest_first.len() > FINGERPRINTS_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_beyond_the_limit() {
        let mut recent = Recent::default();
        let fingerprint = |number: usize| {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&number.to_le_bytes());
            bytes
        };
        assert!(recent.insert(fingerprint(0)) && !recent.insert(fingerprint(0)));
        for number in 1..=FINGERPRINTS_MAX {
            assert!(recent.insert(fingerprint(number)));
        }
        assert_eq!(recent.known.len(), FINGERPRINTS_MAX);
        assert!(recent.insert(fingerprint(0)), "the first one was forgotten");
        assert!(!recent.insert(fingerprint(FINGERPRINTS_MAX)));
    }
}
