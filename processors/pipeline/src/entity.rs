//! Revisions: what is said again, with which number, and when nothing is said at all.
//!
//! One place for the rule of every entity: a revision rises strictly, also across retraction and
//! return; `revised_at` rises strictly; equal content is not said twice.

use schemas::codec::RecordView;
use schemas::record::Micros;
use schemas::record::state::PublishedState;

use crate::ids::{content_hash, id_of};

/// The next revision of an entity, or `None` when nothing changed.
pub(crate) fn revise(
    before: Option<&PublishedState>,
    hash: &str,
    live: bool,
    now: Micros,
) -> Option<PublishedState> {
    if before.is_some_and(|said| said.live == live && said.content_hash == hash) {
        return None;
    }
    let (revision, last) = before.map_or((0, Micros(i64::MIN)), |said| {
        (said.revision, said.revised_at)
    });
    Some(PublishedState {
        revision: revision + 1,
        revised_at: Micros(now.0.max(last.0.saturating_add(1))),
        content_hash: hash.to_owned(),
        live,
    })
}

/// Hash of a fact whose ids, revisions, hashes and processing times were left blank.
pub(crate) fn hash_of<V: RecordView>(blank: &V) -> String {
    schemas::codec::with_view(blank, |bytes| content_hash(&[bytes]))
}

/// A fact's id: a second copy of it can be told by anybody.
pub(crate) fn fact_id(entity: &str, said: &PublishedState) -> String {
    id_of(&[
        "fact",
        entity,
        &said.revision.to_string(),
        &said.content_hash,
    ])
}
