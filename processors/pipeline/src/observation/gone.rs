//! What tells that a record is gone, and what tells against it.
//!
//! A deletion that was pushed without a time is for ever, whichever of it and its record arrives first.
//! Of what is fetched, a fetch that finds nothing is as true as one that finds it: the later rules. An
//! event tells of a deletion with its own time, in seconds, which is not that of a fetch: it holds until
//! a fetch shows the record that was sent after the event had arrived, or was asked for by an event of
//! a later second.
//!
//! Invariant: what is kept of deletions is a set of instants and a greatest one, so that whether
//! something is gone does not depend on what was read first.

use std::sync::Arc;

use schemas::record::Micros;
use schemas::record::ingest::RawReceived;

use super::content::hash_of;
use super::fetch::fetched_at;
use super::{current, find, first_arrival, set_deleted};
use crate::apply::{id_print, see};
use crate::bucket::{List, Shard};
use crate::identity::DraftNames;
use crate::ids::fingerprint;
use crate::normalize::{Body, Draft};
use crate::work::Work;

/// Takes in what a draft tells of its deletion. Answers whether it was gone, and whether it is now.
pub(crate) fn delete(
    work: &mut Work<'_>,
    raw: &RawReceived,
    draft: &Draft,
    names: &DraftNames,
    day: Option<i32>,
) -> (bool, bool) {
    let of_fetched = draft.fetched || !matches!(draft.body, Body::Deletion);
    let fetched = fetched_at(work, day, &names.id).filter(|_| of_fetched);
    // What is not fetched may have been replaced before.
    let known = day.and_then(|day| find(&work.day(day)?.observations, &names.id));
    let replaced = !of_fetched && known.is_some_and(|kept| kept.deleted);
    let was = replaced || is_gone_since(work, names, fetched);
    note(work, raw, draft, names);
    let is = is_gone_since(work, names, fetched);
    if is || was {
        set_deleted(work, &names.id, day, is);
    }
    (was, is)
}

/// Notes what a draft tells of its deletion, of an event with the first arrival, whichever copy of it is
/// read first.
pub(crate) fn note(work: &mut Work<'_>, raw: &RawReceived, draft: &Draft, names: &DraftNames) {
    let print = id_print(&names.id);
    let known = |list| work.shard(names.shard).and_then(|it| it.get(list, print));
    let (list, at) = match draft.body {
        Body::DatedDeletion => {
            let is_known = |index: &Shard| {
                let mut told = index.all(List::Deletions, print);
                told.any(|at| at == draft.order)
            };
            if !work.shard(names.shard).is_some_and(is_known) {
                let index = work.shard_mut(names.shard);
                index.add(List::Deletions, print, draft.order);
            }
            let event = event_print(print, draft.order);
            see(work, names.shard, event, first_arrival(raw));
            return;
        }
        Body::Shown => (List::Shown, last(known(List::Shown), draft.order)),
        _ if draft.fetched => (List::Deleted, last(known(List::Deleted), draft.order)),
        _ => {
            let at = first_arrival(raw).0;
            let known = known(List::Deleted);
            (List::Deleted, known.map_or(at, |known| known.min(at)))
        }
    };
    if known(list) != Some(at) {
        work.shard_mut(names.shard).put(list, print, at);
    }
}

fn last(known: Option<i64>, at: i64) -> i64 {
    known.map_or(at, |known| known.max(at))
}

/// What a deletion is known by whose time the source told.
fn event_print(print: i64, at: i64) -> i64 {
    fingerprint(&[b"deleted", &print.to_be_bytes(), &at.to_be_bytes()])
}

/// Whether it was withdrawn, of something that is not fetched.
pub(super) fn is_gone(work: &Work<'_>, names: &DraftNames) -> bool {
    is_gone_since(work, names, None)
}

/// Whether it was withdrawn, of something that a fetch showed at this time, if one did.
pub(super) fn is_gone_since(work: &Work<'_>, names: &DraftNames, fetched: Option<Micros>) -> bool {
    let print = id_print(&names.id);
    let Some(index) = work.shard(names.shard) else {
        return false;
    };
    let fetched = fetched.map(|at| at.0);
    let not_found = index.get(List::Deleted, print);
    let shown = index.get(List::Shown, print);
    let stands = |at: i64| {
        let arrived = index.get(List::Seen, event_print(print, at));
        shown <= Some(at) && fetched <= arrived
    };
    not_found.is_some_and(|at| fetched <= Some(at)) || index.all(List::Deletions, print).any(stands)
}

/// What is to be told of something that is there again.
pub(crate) fn again(
    work: &Work<'_>,
    names: &DraftNames,
    day: Option<i32>,
) -> Option<(Draft, DraftNames)> {
    let state = find(&work.day(day?)?.observations, &names.id)?;
    let version = current(state)?;
    let body = Body::Activity(Arc::clone(version.activity.as_ref()?));
    let draft = Draft {
        order: version.order,
        fetched: true,
        ..Draft::summary(state.provider_id.clone(), body)
    };
    let names = DraftNames {
        content_hash: hash_of(&draft),
        content_print: version.content_hash,
        ..names.clone()
    };
    Some((draft, names))
}
