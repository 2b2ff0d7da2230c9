//! Hints: received when they arrive, accepted when the fetch that they ask for came to an end.
//!
//! Invariants: received = accepted + duplicate + dead-lettered + pending after every call; it does not
//! matter whether a hint or the end of its fetch is read first, nor how often an end is told.

use schemas::record::Micros;
use schemas::record::ingest::RawReceived;

use super::{Seen, observe_all, reject, see};
use crate::bucket::List;
use crate::identity::item_print;
use crate::ids::fingerprint;
use crate::normalize::{AnsweredHint, Body, Outcome};
use crate::observation;
use crate::processor::RawItem;
use crate::work::Work;

/// What a hint tells itself, which any copy or replay of it tells as well.
pub(super) fn edited(work: &mut Work<'_>, item: &RawItem) {
    let Outcome::Hint(edits) = &item.outcome else {
        return;
    };
    for (draft, names) in edits.iter().zip(&item.names.drafts) {
        if let Body::Edit(name) = draft.body {
            observation::edited(work, names, name, draft.order);
        }
    }
}

/// A new hint: it is pending, unless its fetch has ended already.
pub(super) fn asked(work: &mut Work<'_>, item: &RawItem) {
    let raw = &item.raw;
    let print = print_of(raw);
    // Only that it was asked counts: which of several copies is read first is chance.
    see(work, item.names.shard, asked_print(print), Micros(0));
    if has(work, item.names.shard, ended_print(print)) {
        work.count(&raw.source, "accepted", 1);
    } else {
        work.count(&raw.source, "pending", 1);
    }
}

/// The end of a fetch: its hints leave `pending`, once.
pub(super) fn ended(work: &mut Work<'_>, item: &RawItem) {
    let raw = &item.raw;
    let told = match &item.outcome {
        Outcome::Ended(ended) => ended,
        Outcome::Rejected(rejected) => {
            // Ours, and yet unreadable: kept where a person sees it, and counted nowhere.
            reject(work, raw, rejected);
            return;
        }
        Outcome::Observations(_) | Outcome::Unused | Outcome::Hint(_) => return,
    };
    for hint in &told.hints {
        let received = hint_as_received(raw, hint);
        let print = print_of(&received);
        let ended = ended_print(print);
        if matches!(
            see(work, item.names.shard, ended, raw.received_at),
            Seen::Before
        ) || !has(work, item.names.shard, asked_print(print))
        {
            continue;
        }
        work.count(&raw.source, "pending", -1);
        match &told.failed {
            None => work.count(&raw.source, "accepted", 1),
            Some(rejected) => {
                work.count(&raw.source, "dead_lettered", 1);
                reject(work, &received, rejected);
            }
        }
    }
    if !told.drafts.is_empty()
        && let Err(rejected) = observe_all(work, item, &told.drafts)
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
    let index = work.shard(shard);
    index.is_some_and(|index| index.get(List::Seen, print).is_some())
}

/// Copies of a hint are one hint, whichever of them is read first; a replay is one of its own.
fn print_of(hint: &RawReceived) -> i64 {
    let print = item_print(hint).to_be_bytes();
    let replayed = hint.replay_of.as_deref().unwrap_or_default();
    fingerprint(&[&print, replayed.as_bytes(), &hint.attempt.to_be_bytes()])
}

fn asked_print(hint: i64) -> i64 {
    fingerprint(&[b"hint", &hint.to_be_bytes()])
}

fn ended_print(hint: i64) -> i64 {
    fingerprint(&[b"hint ended", &hint.to_be_bytes()])
}
