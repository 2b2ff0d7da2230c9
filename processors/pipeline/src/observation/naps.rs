//! Naps that the record of a sleep tells of: a later one that does not list a nap takes it back.
//!
//! Invariant: every list that was told of a sleep is in its shard with its first arrival, of a fetch with
//! the last one; the latest of them rules, so that it does not matter which was read first.

use std::sync::Arc;

use schemas::record::ingest::RawReceived;

use super::{current, first_arrival, set_deleted};
use crate::apply::{id_print, see};
use crate::bucket::{Kept, List, Shard};
use crate::garmin::nap_id;
use crate::identity::{DraftNames, names_of, observed_as};
use crate::ids::fingerprint;
use crate::normalize::{Body, Draft, Naps};
use crate::work::Work;

/// The naps that any record of this sleep has told of, and the days that they stand in.
pub(crate) fn naps_told<'s>(
    index: &'s Shard,
    sleep: &DraftNames,
) -> impl Iterator<Item = (i64, i32)> + 's {
    let lists = index.all(List::NapLists, id_print(&sleep.id));
    let naps = lists.flat_map(|list| index.all(List::Naps, list));
    naps.filter_map(|nap| {
        let day = index.get(List::Known, nap)?;
        Some((nap, i32::try_from(day).ok()?))
    })
}

/// Notes a list. Answers what it takes back or brings back, to be told.
pub(crate) fn list_naps(
    work: &mut Work<'_>,
    raw: &RawReceived,
    draft: &Draft,
    names: &DraftNames,
) -> Vec<(Draft, DraftNames)> {
    if let Body::Naps(naps) = &draft.body {
        note(work, raw, (draft, naps), names);
    }
    let sleep = id_print(&names.id);
    let Some(index) = work.shard(names.shard) else {
        return Vec::new();
    };
    let mut known: Vec<(i64, i32)> = naps_told(index, names).collect();
    known.sort_unstable();
    known.dedup();
    let mut told = Vec::new();
    for (nap, day) in known {
        let is_off = is_off_the_list(work, names.shard, sleep, nap);
        let kept = work.day(day).and_then(|bucket| {
            let mut observations = bucket.observations.iter();
            observations.find(|kept| kept.print() == nap)
        });
        let Some(kept) = kept.filter(|kept| kept.deleted != is_off) else {
            continue;
        };
        let id = kept.observation_id.clone();
        let draft = to_tell(kept, is_off);
        set_deleted(work, &id, Some(day), is_off);
        told.extend(draft.map(|draft| {
            let names = names_of(id, &draft);
            (draft, names)
        }));
    }
    told
}

fn note(
    work: &mut Work<'_>,
    raw: &RawReceived,
    (draft, naps): (&Draft, &Naps),
    names: &DraftNames,
) {
    let sleep = id_print(&names.id);
    let list = fingerprint(&[b"naps", &sleep.to_be_bytes(), names.content_hash.as_bytes()]);
    let index = work.shard(names.shard);
    if !index.is_some_and(|index| index.all(List::NapLists, sleep).any(|it| it == list)) {
        let index = work.shard_mut(names.shard);
        index.add(List::NapLists, sleep, list);
        for (start, _) in &naps.spans {
            let nap = nap_id(&draft.provider_id, *start);
            let nap = id_print(&observed_as(raw, draft.body.kind(), &nap));
            index.add(List::Naps, list, nap);
        }
    }
    if !draft.fetched {
        see(work, names.shard, list, first_arrival(raw));
        return;
    }
    let known = told_at(work.shard(names.shard), list);
    if known.is_none_or(|known| known < draft.order) {
        let index = work.shard_mut(names.shard);
        index.put(List::Seen, list, draft.order);
    }
}

fn told_at(index: Option<&Shard>, list: i64) -> Option<i64> {
    index?.get(List::Seen, list)
}

/// Whether the record of its sleep lists naps, and this one is not among them.
pub(super) fn is_off(work: &Work<'_>, names: &DraftNames) -> bool {
    let nap = id_print(&names.id);
    names
        .nap_of
        .is_some_and(|sleep| is_off_the_list(work, names.shard, sleep, nap))
}

fn is_off_the_list(work: &Work<'_>, shard: u16, sleep: i64, nap: i64) -> bool {
    let Some(index) = work.shard(shard) else {
        return false;
    };
    let lists = index.all(List::NapLists, sleep);
    let latest = lists.max_by_key(|list| (told_at(Some(index), *list), *list));
    latest.is_some_and(|list| !index.all(List::Naps, list).any(|listed| listed == nap))
}

fn to_tell(kept: &Kept, is_off: bool) -> Option<Draft> {
    let provider_id = kept.provider_id.clone();
    if is_off {
        return Some(Draft::summary(provider_id, Body::Deletion));
    }
    let version = current(kept)?;
    let body = Body::Sleep(Arc::clone(version.sleep.as_ref()?));
    Some(Draft {
        order: version.order,
        fetched: version.order != 0,
        ..Draft::summary(provider_id, body)
    })
}
