//! State by what it means, for comparing a rebuild with what was kept.
//!
//! Ids, revisions and times of publication are history: they depend on how inputs fell into
//! batches. What is left must be equal for equal sets of facts.

use std::sync::Arc;

use schemas::record::Micros;
use schemas::record::state::{AthleteHead, PublishedState};
use stream_log::{BucketId, Undecodable};

use crate::bucket::{Bucket, Day, Kept};
use crate::ids::content_hash;

/// `None` for a bucket that means nothing: only withdrawn things are in it.
pub(crate) fn digest(bucket: BucketId, bytes: &[u8]) -> Result<Option<String>, Undecodable> {
    if bucket == BucketId::QUARANTINE {
        return Ok(None);
    }
    if bucket == BucketId::HEAD {
        let head: AthleteHead = schemas::codec::decode(bytes).map_err(|error| Undecodable {
            detail: error.to_string(),
        })?;
        let head = schemas::codec::encode(&plain_head(head));
        return Ok(Some(content_hash(&[&head])));
    }
    let bucket = match Bucket::decode(bytes)? {
        Bucket::Day(day) => Bucket::Day(plain_day(day)),
        index @ Bucket::Index(_) => index,
    };
    let empty = bucket == Bucket::default();
    Ok((!empty).then(|| content_hash(&[&bucket.encode()])))
}

fn plain_head(mut head: AthleteHead) -> AthleteHead {
    if let Some(said) = &mut head.profile {
        plain(said);
    }
    // One that was released is remembered for its number only.
    head.hold = head.hold.take().filter(|hold| hold.published.live);
    if let Some(hold) = &mut head.hold {
        plain(&mut hold.published);
    }
    // When it was last looked at: questions to the weather service are asked again by history.
    head.logical_time = Micros(0);
    head.told_at = None;
    // Days of withdrawn things only are no content.
    head.days.clear();
    head
}

fn plain(said: &mut PublishedState) {
    said.revision = 0;
    said.revised_at = Micros(0);
}

fn plain_day(mut day: Day) -> Day {
    // Bytes that were kept may follow an older schema than those of a rebuild.
    let observations = day.observations.into_iter();
    day.observations = observations
        .map(|kept| Kept::of(kept.into_state()))
        .collect();
    // What was asked, and when to look again, depends on when the answers came.
    day.weather_asks.clear();
    day.timer_due = Micros(0);
    day.sessions.retain(|state| state.published.live);
    for state in day.sessions.iter_mut().map(Arc::make_mut) {
        state.session_id.clear();
        state.anchor_observation_id.clear();
        state.anchor_received_at = Micros(0);
        plain(&mut state.published);
        // A loss that was taken back is remembered for its number only.
        state.loss = state.loss.take().filter(|loss| loss.published.live);
        if let Some(loss) = &mut state.loss {
            plain(&mut loss.published);
            loss.session_revision = 0;
        }
        // Deleted members stay attached by history.
        state.members.clear();
        state.candidates.iter_mut().for_each(String::clear);
    }
    day.sessions.sort_by(|a, b| {
        (a.start, &a.published.content_hash).cmp(&(b.start, &b.published.content_hash))
    });
    day.nights.retain(|state| state.published.live);
    for state in day.nights.iter_mut().map(Arc::make_mut) {
        state.night_id.clear();
        state.anchor_observation_id.clear();
        state.anchor_received_at = Micros(0);
        state.members.clear();
        plain(&mut state.published);
    }
    day.nights.sort_by(|a, b| {
        (a.start, &a.published.content_hash).cmp(&(b.start, &b.published.content_hash))
    });
    day.slots.retain(|state| state.published.live);
    for state in day.slots.iter_mut().map(Arc::make_mut) {
        state.slot.clear();
        state.fact_id.clear();
        plain(&mut state.published);
    }
    day.slots
        .sort_by(|a, b| a.published.content_hash.cmp(&b.published.content_hash));
    day
}
