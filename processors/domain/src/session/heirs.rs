//! Which live record took the place of one that was withdrawn.
//!
//! An edit may arrive as a deletion and a new record, an account may be linked again under another
//! id, pieces may be joined at their source. What the user decided about the old record, and the id
//! that a session got from it, hold for the new one.

use std::collections::BTreeMap;

use super::Activity;
use super::matching::{Likeness, likeness};
use crate::observation::ObservationId;

/// How sure a succession is; the surer is greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Succession {
    /// A longer record of the same source took it in.
    TakenIn,
    /// The same recording under another id.
    Rewritten(Likeness),
    /// The same record under another account.
    Moved,
}

/// For each withdrawn record its heir, where there is one.
pub fn heirs(gone: &[Activity], live: &[Activity]) -> BTreeMap<ObservationId, ObservationId> {
    let heir_of = |old: &Activity| {
        let claims = live
            .iter()
            .filter_map(|new| Some((claim(old, new)?, new.id)));
        // Of equal claims the smallest id, so that the order of records does not matter.
        let best = claims.max_by_key(|(claim, id)| (*claim, std::cmp::Reverse(*id)));
        best.map(|(_, id)| (old.id, id))
    };
    gone.iter().filter_map(heir_of).collect()
}

fn claim(old: &Activity, new: &Activity) -> Option<Succession> {
    let same_path = old.source == new.source && old.writer == new.writer;
    if !same_path || old.id == new.id {
        return None;
    }
    if old.provider == new.provider && old.account != new.account {
        return Some(Succession::Moved);
    }
    if old.account != new.account || old.device != new.device {
        return None;
    }
    let taken_in = || {
        let inside = old.span.overlap_us(new.span).saturating_mul(10);
        let mostly = inside >= old.span.length_us().saturating_mul(9) && inside > 0;
        (mostly && old.family() == new.family()).then_some(Succession::TakenIn)
    };
    likeness(old, new)
        .map(Succession::Rewritten)
        .or_else(taken_in)
}

#[cfg(test)]
mod tests;
