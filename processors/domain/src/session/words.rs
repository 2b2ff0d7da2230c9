//! The user's own word on which records belong together, as it rules pair by pair.
//!
//! A word holds for ever: for records that come later, and, through [`super::heirs()`], for records
//! that took the place of those it names.

use super::Activity;
use crate::observation::ObservationId;
use crate::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OverrideKind {
    Merge,
    Split,
}

/// What the user said of some records: that they are one workout, or that no two of them are. A split
/// that names one record sets it apart from all others. For a pair that several words are about, the
/// latest (at, received_at, id) rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    pub kind: OverrideKind,
    pub ids: Vec<ObservationId>,
    pub at: Instant,
    pub received_at: Instant,
    pub id: ObservationId,
}

/// What users said about one pair, and when.
struct Decision {
    pair: (ObservationId, ObservationId),
    rank: Rank,
    kind: OverrideKind,
}

type Rank = (Instant, Instant, ObservationId);

/// The ruling decisions on live records.
pub(super) struct Words {
    /// One for each pair, sorted by pair.
    pairs: Vec<Decision>,
}

impl Words {
    pub(super) fn of(activities: &[Activity], overrides: &[Override]) -> Self {
        let mut said: Vec<Decision> = Vec::new();
        for word in overrides {
            let rank = (word.at, word.received_at, word.id);
            let mut pair = |one: ObservationId, other: ObservationId| {
                said.push(Decision {
                    pair: (one.min(other), one.max(other)),
                    rank,
                    kind: word.kind,
                });
            };
            let is_live = |id: &&ObservationId| activities.iter().any(|one| one.id == **id);
            let mut ids: Vec<ObservationId> = word.ids.iter().filter(is_live).copied().collect();
            ids.sort_unstable();
            ids.dedup();
            match (word.kind, ids.as_slice()) {
                (OverrideKind::Split, [alone]) if word.ids.len() == 1 => {
                    let others = activities.iter().filter(|other| other.id != *alone);
                    others.for_each(|other| pair(*alone, other.id));
                }
                (_, ids) => {
                    for (position, one) in ids.iter().enumerate() {
                        let later = ids.iter().skip(position.saturating_add(1));
                        later.for_each(|other| pair(*one, *other));
                    }
                }
            }
        }
        said.sort_unstable_by(|one, other| {
            one.pair
                .cmp(&other.pair)
                .then((other.rank, other.kind).cmp(&(one.rank, one.kind)))
        });
        said.dedup_by_key(|decision| decision.pair);
        Self { pairs: said }
    }

    pub(super) fn on(&self, one: &Activity, other: &Activity) -> Option<OverrideKind> {
        if self.pairs.is_empty() {
            return None;
        }
        let pair = (one.id.min(other.id), one.id.max(other.id));
        let index = self
            .pairs
            .binary_search_by(|decision| decision.pair.cmp(&pair))
            .ok()?;
        self.pairs.get(index).map(|decision| decision.kind)
    }

    pub(super) fn is_split(&self, one: &Activity, other: &Activity) -> bool {
        self.on(one, other) == Some(OverrideKind::Split)
    }

    /// Pairs that the user merged, the latest word first.
    pub(super) fn merges(&self) -> Vec<(ObservationId, ObservationId)> {
        let mut merges: Vec<&Decision> = self
            .pairs
            .iter()
            .filter(|decision| decision.kind == OverrideKind::Merge)
            .collect();
        merges.sort_unstable_by(|one, other| {
            other.rank.cmp(&one.rank).then(one.pair.cmp(&other.pair))
        });
        merges.into_iter().map(|decision| decision.pair).collect()
    }
}
