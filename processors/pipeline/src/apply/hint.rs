//! Hints: received when they arrive, accepted when the fetch that they ask for came to an end.
//!
//! Invariants: received = accepted + duplicate + dead-lettered + pending after every call; it does not
//! matter whether a hint or the end of its fetch is read first, nor how often an end is told.

use schemas::record::ingest::RawReceived;

use super::{Seen, observe_all, reject, see};
use crate::ids::fingerprint;
use crate::normalize::{AnsweredHint, Outcome};
use crate::processor::RawItem;
use crate::work::Work;

/// A new hint: it is pending, unless its fetch has ended already.
pub(super) fn asked(work: &mut Work<'_>, item: &RawItem) {
    let raw = &item.raw;
    see(
        work,
        item.names.shard,
        asked_print(&raw.id),
        raw.received_at,
    );
    if has(work, item.names.shard, ended_print(&raw.id)) {
        work.count(&raw.source, "accepted", 1);
    } else {
        work.count(&raw.source, "pending", 1);
    }
}

/// The end of a fetch: its hints leave `pending`, once.
pub(super) fn ended(work: &mut Work<'_>, item: &RawItem) {
    let raw = &item.raw;
    let ended = match &item.outcome {
        Outcome::Ended(ended) => ended,
        Outcome::Rejected(rejected) => {
            // Ours, and yet unreadable: kept where a person sees it, and counted nowhere.
            reject(work, raw, rejected);
            return;
        }
        Outcome::Observations(_) | Outcome::Unused | Outcome::Hint => return,
    };
    for hint in &ended.hints {
        let print = ended_print(&hint.raw_id);
        if matches!(
            see(work, item.names.shard, print, raw.received_at),
            Seen::Before
        ) || !has(work, item.names.shard, asked_print(&hint.raw_id))
        {
            continue;
        }
        work.count(&raw.source, "pending", -1);
        match &ended.failed {
            None => work.count(&raw.source, "accepted", 1),
            Some(rejected) => {
                work.count(&raw.source, "dead_lettered", 1);
                reject(work, &hint_as_received(raw, hint), rejected);
            }
        }
    }
    if !ended.drafts.is_empty()
        && let Err(rejected) = observe_all(work, item, &ended.drafts)
    {
        reject(work, raw, &rejected);
    }
}

/// The hint's own record, as its dead letter shows it.
fn hint_as_received(raw: &RawReceived, hint: &AnsweredHint) -> RawReceived {
    RawReceived {
        id: hint.raw_id.clone(),
        kind: hint.kind.clone(),
        provider_id: hint.provider_id.clone(),
        received_at: hint.received_at,
        first_received_at: None,
        replay_of: hint.replay_of.clone(),
        attempt: hint.attempt,
        body: hint.body.clone(),
        body_sha256: crate::ids::sha256_hex(&hint.body),
        ..raw.clone()
    }
}

fn has(work: &Work<'_>, shard: u16, print: i64) -> bool {
    work.shard(shard).is_some_and(|index| {
        index
            .seen
            .binary_search_by_key(&print, |seen| seen.fingerprint)
            .is_ok()
    })
}

fn asked_print(raw_id: &str) -> i64 {
    fingerprint(&[b"hint", raw_id.as_bytes()])
}

fn ended_print(raw_id: &str) -> i64 {
    fingerprint(&[b"hint ended", raw_id.as_bytes()])
}
