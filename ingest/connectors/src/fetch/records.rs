//! The end of a fetch as records of the log: what came, and who may stop waiting.

use std::collections::BTreeMap;
use std::sync::Arc;

use edge::UnixMicros;
use serde_json::{Value, json};

use super::hint::{FETCH_RESULT, Hint, Object};
use super::plan::Ending;
use crate::port::AthleteRef;
use crate::receive::Item;

/// Hints that one record ends; more of them make more records. About 500 bytes each.
const HINTS_PER_RESULT: usize = 1_000;

/// How a fetch ended.
pub(super) struct End<'a> {
    pub(super) object: &'a Object,
    pub(super) ending: &'a Ending,
    pub(super) status: Option<u16>,
    pub(super) at: UnixMicros,
    pub(super) hints: &'a [Arc<Hint>],
    /// Who has the account linked now.
    pub(super) owners: &'a [AthleteRef],
}

/// One record per athlete and [`HINTS_PER_RESULT`] hints. An athlete whose link ended meanwhile gets
/// nothing of what was fetched for others.
pub(super) fn results(end: &End<'_>) -> Vec<Item> {
    let mut by_athlete: BTreeMap<&AthleteRef, Vec<&Hint>> = BTreeMap::new();
    for hint in end.hints {
        by_athlete.entry(&hint.athlete).or_default().push(hint);
    }
    let unlinked = Ending::new("unauthorised", "the account is not linked any more");
    let mut items = Vec::with_capacity(by_athlete.len());
    for (athlete, hints) in by_athlete {
        let takes_part = end.ending.outcome != "body" || end.owners.contains(athlete);
        let ending = if takes_part { end.ending } else { &unlinked };
        for hints in hints.chunks(HINTS_PER_RESULT) {
            let body = json!({
                "outcome": ending.outcome,
                "status": end.status,
                "detail": ending.detail,
                "fetched_at": end.at.0,
                "hints": hints.iter().map(|hint| told(hint)).collect::<Vec<_>>(),
            });
            items.push(Item {
                kind: FETCH_RESULT.to_owned(),
                account_id: Some(end.object.account_id.clone()),
                provider_id: Some(end.object.id.clone()).filter(|id| !id.is_empty()),
                owners: vec![athlete.clone()],
                body: body.to_string(),
            });
        }
    }
    items
}

/// What its dead letter would need.
fn told(hint: &Hint) -> Value {
    let provider_id = Some(&hint.object.id).filter(|id| !id.is_empty());
    json!({
        "id": hint.raw_id,
        "kind": hint.kind,
        "provider_id": provider_id,
        "received_at": hint.received_at.0,
        "replay_of": hint.replay_of,
        "attempt": hint.attempt,
        "body": hint.body,
    })
}
