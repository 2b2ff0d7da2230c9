//! Inputs into state: each raw item is counted once, and its observations take their place.
//!
//! Invariants: received = accepted + duplicate + dead-lettered after every call; applying the same
//! set of stamped items in any order leaves the same observations, because contents are ordered by
//! the *first* arrival of each, and a copy that arrived earlier still moves that first arrival;
//! what was fetched is ordered by when it was fetched instead, and the latest fetch rules.

mod hint;

use schemas::record::ingest::{RawReceived, RecordRejected, RejectionResolved};
use schemas::record::observation::ObservationRecorded;
use schemas::record::{Micros, Text};
use schemas::topic;
use stream_log::Stamped;

use crate::bucket::List;
use crate::conditions;
use crate::fetched;
use crate::identity::DraftNames;
use crate::ids::{fingerprint, id_of};
use crate::licence;
use crate::normalize::{Body, Draft, Outcome, Rejected};
use crate::observation;
use crate::processor::{Input, RawItem};
use crate::work::Work;

pub(crate) fn apply(work: &mut Work<'_>, stamped: &Stamped<Input>) {
    let Input::Raw(item) = &stamped.input else {
        return;
    };
    work.caused_by(stamped.topic, stamped.partition, stamped.offset);
    let raw = &item.raw;
    if raw.kind == fetched::KIND {
        hint::ended(work, item);
        if let (Some(letter), Outcome::Ended(_)) = (&raw.replay_of, &item.outcome) {
            resolve(work, raw, letter);
        }
        return;
    }
    hint::edited(work, item);
    if raw.replay_of.is_some() {
        replay(work, item);
        return;
    }
    work.count(&raw.source, "received", 1);
    if let Some(same) = is_latest_fetch(work, item) {
        // What was fetched before and replaced since is news again: only the latest is a copy.
        see(work, item.names.shard, item.names.print, raw.received_at);
        if same {
            work.count(&raw.source, "duplicate", 1);
            arrive_again(work, item);
        } else {
            settle(work, item);
        }
        return;
    }
    match see(work, item.names.shard, item.names.print, raw.received_at) {
        Seen::New => settle(work, item),
        Seen::Before => {
            work.count(&raw.source, "duplicate", 1);
            arrive_again(work, item);
        }
    }
}

pub(crate) enum Seen {
    New,
    Before,
}

/// Remember a fingerprint and its first arrival.
pub(crate) fn see(work: &mut Work<'_>, shard: u16, print: i64, arrived: Micros) -> Seen {
    let known = work
        .shard(shard)
        .and_then(|index| index.get(List::Seen, print));
    if known.is_none_or(|first| arrived.0 < first) {
        work.shard_mut(shard).put(List::Seen, print, arrived.0);
    }
    match known {
        Some(_) => Seen::Before,
        None => Seen::New,
    }
}

fn settle(work: &mut Work<'_>, item: &RawItem) {
    let raw = &item.raw;
    let rejected = match &item.outcome {
        Outcome::Unused => {
            work.count(&raw.source, &format!("unused.{}", raw.kind), 1);
            None
        }
        Outcome::Rejected(rejected) => Some(rejected.clone()),
        Outcome::Hint(_) => {
            hint::asked(work, item);
            return;
        }
        Outcome::Ended(_) => return,
        Outcome::Observations(drafts) => observe_all(work, item, drafts).err(),
    };
    match rejected {
        None => work.count(&raw.source, "accepted", 1),
        Some(rejected) => {
            work.count(&raw.source, "dead_lettered", 1);
            reject(work, raw, &rejected);
        }
    }
}

/// A dead letter that is tried again: it moves from `dead_lettered` to what it becomes.
fn replay(work: &mut Work<'_>, item: &RawItem) {
    let (raw, shard) = (&item.raw, item.names.shard);
    let attempt = raw.attempt.to_be_bytes();
    let letter = raw.replay_of.as_deref().unwrap_or_default();
    let print = fingerprint(&[b"replay", letter.as_bytes(), &attempt]);
    // The same replay asked for twice is one replay.
    if matches!(see(work, shard, print, raw.received_at), Seen::Before) {
        return;
    }
    work.count(&raw.source, "dead_lettered", -1);
    see(work, shard, item.names.print, raw.received_at);
    let failed = match &item.outcome {
        Outcome::Rejected(_) => true,
        Outcome::Unused | Outcome::Hint(_) | Outcome::Ended(_) => false,
        Outcome::Observations(drafts) => no_room(work, item, drafts).is_some(),
    };
    settle(work, item);
    if !failed {
        resolve(work, raw, letter);
    }
}

fn resolve(work: &mut Work<'_>, raw: &RawReceived, letter: &str) {
    let fact = RejectionResolved {
        id: id_of(&["resolved", letter, &raw.attempt.to_string()]),
        tenant_id: work.tenant.to_owned(),
        athlete_id: Some(work.athlete.to_owned()),
        rejection_id: letter.to_owned(),
        raw_id: raw.id.clone(),
        attempts: raw.attempt,
        recorded_at: work.now,
        rules_id: work.rules.id.clone(),
    };
    work.emit(topic::REJECTIONS, &fact.id, &fact);
}

pub(crate) fn reject(work: &mut Work<'_>, raw: &RawReceived, rejected: &Rejected) {
    let fact = rejection_of(raw, rejected, work.now, &work.rules.id);
    work.emit(topic::REJECTIONS, &fact.id, &fact);
}

/// The dead letter of a raw item. Its id stays the same over replays.
pub(crate) fn rejection_of(
    raw: &RawReceived,
    rejected: &Rejected,
    now: Micros,
    rules_id: &str,
) -> RecordRejected {
    RecordRejected {
        id: raw
            .replay_of
            .clone()
            .unwrap_or_else(|| id_of(&["rejection", &raw.id])),
        tenant_id: raw.tenant_id.clone(),
        athlete_id: raw.athlete_id.clone(),
        account_id: raw.account_id.clone(),
        source: raw.source.clone(),
        kind: raw.kind.clone(),
        provider_id: raw.provider_id.clone(),
        stage: if rejected.reason == "too_many" {
            "reconcile"
        } else {
            "normalize"
        }
        .to_owned(),
        reason: rejected.reason.to_owned(),
        detail: rejected.detail.clone(),
        received_at: raw.received_at,
        first_received_at: raw.first_received_at.unwrap_or(raw.received_at),
        recorded_at: now,
        attempts: raw.attempt,
        raw_id: raw.id.clone(),
        content_type: raw.content_type.clone(),
        body: raw.body.clone(),
        body_sha256: raw.body_sha256.clone(),
        rules_id: rules_id.to_owned(),
        licence: raw.licence.clone(),
        key_id: raw.key_id.clone(),
    }
}

/// A copy changes nothing, unless it arrived before the one we knew, or after its account closed.
fn arrive_again(work: &mut Work<'_>, item: &RawItem) {
    let Outcome::Observations(drafts) = &item.outcome else {
        return;
    };
    // A copy of what had no room has none either.
    if no_room(work, item, drafts).is_some() {
        return;
    }
    let raw = &item.raw;
    for (draft, names) in drafts.iter().zip(&item.names.drafts) {
        let is_news = match draft.body {
            // An account can be closed again with the same words.
            Body::AccountClosed => observation::close_account(work, raw),
            Body::DatedDeletion => delete(work, raw, draft, names),
            Body::Naps(_) => list_naps(work, raw, draft, names),
            Body::Deletion => {
                observation::note(work, raw, draft, names);
                false
            }
            _ => observation::arrived(work, raw, draft, names),
        };
        if is_news {
            record(work, raw, draft, names);
        }
    }
}

/// Whether fetched content is a copy of the latest fetch; `None` for what was not fetched, or is not
/// known yet.
fn is_latest_fetch(work: &Work<'_>, item: &RawItem) -> Option<bool> {
    let Outcome::Observations(drafts) = &item.outcome else {
        return None;
    };
    let (draft, names) = drafts.first().zip(item.names.drafts.first())?;
    if !draft.fetched {
        return None;
    }
    let day = known_day(work, names.shard, &names.id)?;
    observation::is_latest_fetch(work, day, draft, names)
}

pub(crate) fn observe_all(
    work: &mut Work<'_>,
    item: &RawItem,
    drafts: &[Draft],
) -> Result<(), Rejected> {
    let raw = &item.raw;
    // All of an item or none of it: look at every limit before the first change.
    if let Some(rejected) = no_room(work, item, drafts) {
        return Err(rejected);
    }
    for (draft, names) in drafts.iter().zip(&item.names.drafts) {
        if observe(work, raw, draft, names) {
            record(work, raw, draft, names);
        }
        for (draft, names) in observation::replace(work, names) {
            record(work, raw, &draft, &names);
        }
    }
    Ok(())
}

fn no_room(work: &Work<'_>, item: &RawItem, drafts: &[Draft]) -> Option<Rejected> {
    let mut named = drafts.iter().zip(&item.names.drafts);
    named.find_map(|(draft, names)| observation::full(work, draft, names))
}

/// Whether it is news: other bytes may say what the source has said before.
fn observe(work: &mut Work<'_>, raw: &RawReceived, draft: &Draft, names: &DraftNames) -> bool {
    match &draft.body {
        Body::AccountClosed => observation::close_account(work, raw),
        Body::Deletion | Body::DatedDeletion | Body::Shown => delete(work, raw, draft, names),
        Body::Naps(_) => list_naps(work, raw, draft, names),
        Body::Profile(_) | Body::LinkOverride(_) => observation::remember(work, raw, draft, names),
        Body::Weather(body) => {
            let is_news = observation::place(work, raw, draft, names);
            conditions::answered(work, raw, body);
            is_news
        }
        _ => observation::place(work, raw, draft, names),
    }
}

/// Takes in what tells of a deletion, or against one. Answers whether it is gone now, and was not; what
/// is there again by it is told again here.
fn delete(work: &mut Work<'_>, raw: &RawReceived, draft: &Draft, names: &DraftNames) -> bool {
    let day = known_day(work, names.shard, &names.id);
    match observation::delete(work, raw, draft, names, day) {
        (false, true) => true,
        (true, false) => {
            if let Some((draft, names)) = observation::again(work, names, day) {
                record(work, raw, &draft, &names);
            }
            false
        }
        _ => false,
    }
}

/// What becomes of naps by a list of them is told here; the list itself is no news.
fn list_naps(work: &mut Work<'_>, raw: &RawReceived, draft: &Draft, names: &DraftNames) -> bool {
    for (draft, names) in observation::list_naps(work, raw, draft, names) {
        record(work, raw, &draft, &names);
    }
    false
}

pub(crate) fn id_print(id: &str) -> i64 {
    id.get(..16)
        .and_then(|hex| u64::from_str_radix(hex, 16).ok())
        .map_or(0, u64::cast_signed)
}

pub(crate) fn known_day(work: &Work<'_>, shard: u16, id: &str) -> Option<i32> {
    let day = work.shard(shard)?.get(List::Known, id_print(id))?;
    i32::try_from(day).ok()
}

pub(crate) fn set_known_day(work: &mut Work<'_>, shard: u16, id: &str, day: i32) {
    if known_day(work, shard, id) != Some(day) {
        let index = work.shard_mut(shard);
        index.put(List::Known, id_print(id), i64::from(day));
    }
}

/// What a source says again after it said something else is another fact: its bytes and its arrival
/// tell the two apart.
fn fact_id(raw: &RawReceived, draft: &Draft, names: &DraftNames) -> String {
    let (id, hash) = (names.id.as_str(), names.content_hash.as_str());
    let (bytes, at) = (
        names.content_print.to_string(),
        raw.received_at.0.to_string(),
    );
    id_of(&["fact", id, draft.channel, hash, &bytes, &at])
}

/// Publish what the source told, in our words.
fn record(work: &mut Work<'_>, raw: &RawReceived, draft: &Draft, names: &DraftNames) {
    let (id, hash) = (names.id.as_str(), names.content_hash.as_str());
    let fact_id = fact_id(raw, draft, names);
    let rules = work.rules;
    let mut fact = ObservationRecorded {
        id: Text::from(&fact_id),
        tenant_id: work.tenant.into(),
        athlete_id: work.athlete.into(),
        recorded_at: work.now,
        revised_at: work.telling(),
        rules_id: (&rules.id).into(),
        licence: Some(licence::of_draft(&raw.source, draft).as_str().into()),
        key_id: raw.key_id.as_ref().map(Text::from),
        observation_id: id.into(),
        channel: draft.channel.into(),
        content_hash: hash.into(),
        source: (&raw.source).into(),
        account_id: raw.account_id.as_ref().map(Text::from),
        provider_id: (&draft.provider_id).into(),
        raw_id: (&raw.id).into(),
        received_at: raw.first_received_at.unwrap_or(raw.received_at),
        kind: draft.body.kind().into(),
        activity: None,
        sleep: None,
        body_mass: None,
        weigh_in: None,
        intake: None,
        planned_workout: None,
        profile_edit: None,
        self_report: None,
        symptom: None,
        deletion: None,
        link_override: None,
        scan: None,
        weather: None,
        source_order: (draft.order != 0 && !draft.fetched).then_some(draft.order),
    };
    observation::fill(&mut fact, draft, raw);
    work.emit(topic::OBSERVATIONS, &fact_id, &fact);
}
