//! What holds for all days: profile edits and link overrides, which live in the head.

use schemas::record::ingest::RawReceived;
use schemas::record::state::{AthleteHead, OverrideState, ProfileEditState};

use super::first_arrival;
use crate::bucket::Day;
use crate::identity::DraftNames;
use crate::ids::id_number;
use crate::normalize::{Body, Draft};
use crate::work::Work;

/// Profile edits and link overrides hold for all days, so they live in the head. Answers whether
/// the content is new.
pub(crate) fn remember(
    work: &mut Work<'_>,
    raw: &RawReceived,
    draft: &Draft,
    names: &DraftNames,
) -> bool {
    let (id, at) = (names.id.as_str(), first_arrival(raw));
    let before = held(&work.head);
    match &draft.body {
        Body::Profile(body) => {
            let edits = &mut work.head.profile_edits;
            let hash = names.content_print;
            let same = |edit: &&mut ProfileEditState| {
                edit.observation_id == id && edit.content_hash == hash
            };
            match edits.iter_mut().find(same) {
                Some(edit) if edit.first_received_at <= at => return false,
                Some(edit) => edit.first_received_at = at,
                None => edits.push(ProfileEditState {
                    observation_id: id.to_owned(),
                    first_received_at: at,
                    content_hash: hash,
                    body: (**body).clone(),
                }),
            }
            edits.sort_by(|a, b| {
                (
                    a.body.at,
                    a.first_received_at,
                    &a.observation_id,
                    a.content_hash,
                )
                    .cmp(&(
                        b.body.at,
                        b.first_received_at,
                        &b.observation_id,
                        b.content_hash,
                    ))
            });
        }
        Body::LinkOverride(body) => {
            let days = days_of(work, &body.observation_ids);
            let overrides = &mut work.head.overrides;
            let same =
                |known: &&mut OverrideState| known.observation_id == id && known.body == **body;
            match overrides.iter_mut().find(same) {
                Some(known) if known.first_received_at <= at => return false,
                Some(known) => known.first_received_at = at,
                None => overrides.push(OverrideState {
                    observation_id: id.to_owned(),
                    first_received_at: at,
                    body: (**body).clone(),
                    days,
                }),
            }
            overrides.sort_by(|a, b| age(a).cmp(&age(b)));
        }
        _ => return false,
    }
    work.forget_settings();
    work.dirty.everything = true;
    held(&work.head) > before
}

/// How many contents are remembered; none is ever forgotten.
pub(super) fn held(head: &AthleteHead) -> usize {
    head.profile_edits.len() + head.overrides.len()
}

/// Of two contents of one override the later to arrive revises the other.
fn age(word: &OverrideState) -> impl Ord + '_ {
    (
        &word.observation_id,
        word.first_received_at,
        word.body.at,
        &word.body.action,
        &word.body.observation_ids,
    )
}

/// The overrides that count: the last content of each.
pub(crate) fn overrides(head: &AthleteHead) -> impl Iterator<Item = &OverrideState> {
    let later = head.overrides.iter().skip(1).map(Some).chain([None]);
    let is_last = |(word, next): &(&OverrideState, Option<&OverrideState>)| {
        next.is_none_or(|next| next.observation_id != word.observation_id)
    };
    head.overrides
        .iter()
        .zip(later)
        .filter(is_last)
        .map(|(word, _)| word)
}

/// Days that hold some of the observations. All days are at hand when a word comes.
fn days_of(work: &Work<'_>, ids: &[String]) -> Vec<i32> {
    let ids: Vec<u128> = ids.iter().map(|id| id_number(id)).collect();
    let holds = |day: &Day| day.observations.iter().any(|kept| ids.contains(&kept.id()));
    work.days()
        .filter(|(_, bucket)| holds(bucket))
        .map(|(day, _)| day)
        .collect()
}

/// An observation came to a day, or moved there: the words that name it reach there.
pub(super) fn moved(work: &mut Work<'_>, id: &str, from: Option<i32>, to: i32) {
    if from == Some(to) {
        return;
    }
    let id = id_number(id);
    let names = |word: &OverrideState| {
        let mut ids = word.body.observation_ids.iter();
        ids.any(|named| id_number(named) == id)
    };
    let named: Vec<usize> = (0..)
        .zip(&work.head.overrides)
        .filter(|(_, word)| names(word))
        .map(|(at, _)| at)
        .collect();
    for at in named {
        let Some(word) = work.head.overrides.get(at) else {
            continue;
        };
        // The day it left may hold another that the word names.
        let ids = word.body.observation_ids.iter();
        let ids: Vec<u128> = ids.map(|id| id_number(id)).collect();
        let left = from.filter(|from| {
            let bucket = work.day(*from);
            !bucket.is_some_and(|bucket| {
                let mut observations = bucket.observations.iter();
                observations.any(|kept| ids.contains(&kept.id()))
            })
        });
        if let Some(word) = work.head.overrides.get_mut(at) {
            word.days.retain(|day| Some(*day) != left);
            word.days.push(to);
            word.days.sort_unstable();
            word.days.dedup();
        }
    }
}
