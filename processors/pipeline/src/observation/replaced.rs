//! Records that replace one another although each has an id of its own: an app that writes a record
//! again gives it the name that it had and a greater version.
//!
//! Invariant: a record is replaced where another of its name has a greater version, withdrawn or not;
//! versions only rise, so that it does not matter which of them is read first. Equal versions are left
//! to the merge.

use schemas::record::state::ObservationState;

use super::{find, set_deleted};
use crate::apply::{id_print, known_day};
use crate::bucket::{Kept, List, Shard};
use crate::identity::{DraftNames, Replaces, names_of};
use crate::normalize::{Body, Draft};
use crate::work::Work;

/// The records that were called so, and the days that they stand in. Its shard knows both, because a
/// record's own is found by its id only.
pub(crate) fn called<'s>(
    index: &'s Shard,
    name: &Replaces,
) -> impl Iterator<Item = (i64, i32)> + 's {
    let records = index.all(List::Called, name.print);
    records.filter_map(|print| {
        let day = index.get(List::Known, print)?;
        Some((print, i32::try_from(day).ok()?))
    })
}

/// Whether a greater version is known of what goes by the same name.
pub(super) fn is_replaced(work: &Work<'_>, names: &DraftNames, state: &ObservationState) -> bool {
    let order = version(state);
    others(work, names).any(|other| version(other) > order)
}

/// Notes what a record is called, and where it stands. Answers what it replaces, to be told.
pub(crate) fn replace(work: &mut Work<'_>, names: &DraftNames) -> Vec<(Draft, DraftNames)> {
    let Some(name) = names.replaces else {
        return Vec::new();
    };
    let Some(day) = known_day(work, names.shard, &names.id) else {
        return Vec::new();
    };
    let print = id_print(&names.id);
    let index = work.shard_mut(name.shard);
    if !index
        .all(List::Called, name.print)
        .any(|known| known == print)
    {
        index.add(List::Called, name.print, print);
    }
    index.put(List::Known, print, i64::from(day));
    let observations = work.day(day).map(|bucket| bucket.observations.as_slice());
    let Some(order) = observations
        .and_then(|observations| find(observations, &names.id))
        .map(|kept| version(kept))
    else {
        return Vec::new();
    };
    let older: Vec<(String, String)> = others(work, names)
        .filter(|other| version(other) < order && !other.deleted)
        .map(|other| (other.observation_id.clone(), other.provider_id.clone()))
        .collect();
    let mut told = Vec::with_capacity(older.len());
    for (id, provider_id) in older {
        let draft = Draft::summary(provider_id, Body::Deletion);
        let names = names_of(id, &draft);
        let day = day_of_other(work, &name, id_print(&names.id));
        set_deleted(work, &names.id, day, true);
        told.push((draft, names));
    }
    told
}

fn day_of_other(work: &Work<'_>, name: &Replaces, print: i64) -> Option<i32> {
    let day = work.shard(name.shard)?.get(List::Known, print)?;
    i32::try_from(day).ok()
}

fn others<'w>(work: &'w Work<'_>, names: &DraftNames) -> impl Iterator<Item = &'w Kept> {
    let own = id_print(&names.id);
    let index = names
        .replaces
        .and_then(|name| Some((work.shard(name.shard)?, name)));
    let called: Vec<(i64, i32)> =
        index.map_or_else(Vec::new, |(index, name)| called(index, &name).collect());
    called
        .into_iter()
        .filter(move |(print, _)| *print != own)
        .filter_map(|(print, day)| {
            let mut observations = work.day(day)?.observations.iter();
            observations.find(|kept| kept.print() == print)
        })
}

fn version(state: &ObservationState) -> i64 {
    let orders = state.versions.iter().map(|version| version.order);
    orders.max().unwrap_or_default()
}
