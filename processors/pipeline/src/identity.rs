//! What an item and its observations are called, worked out once when the item is decoded.

use schemas::record::ingest::RawReceived;

use crate::apply::id_print;
use crate::bucket::shard_of;
use crate::ids::{fingerprint, observation_id};
use crate::normalize::{Body, Draft, IMPLAUSIBLE_TIME, Outcome};
use crate::observation::hash_of;

/// Names of a raw item.
#[derive(Clone, Debug)]
pub(crate) struct ItemNames {
    /// The shard that its identity lives in; an item without one lives by its bytes.
    pub(crate) shard: u16,
    /// Equal for equal bytes under one identity.
    pub(crate) print: i64,
    /// In the order of the drafts.
    pub(crate) drafts: Vec<DraftNames>,
}

/// Names of one observation and of its content.
#[derive(Clone, Debug)]
pub(crate) struct DraftNames {
    pub(crate) id: String,
    pub(crate) shard: u16,
    pub(crate) content_hash: String,
    pub(crate) content_print: i64,
    pub(crate) replaces: Option<Replaces>,
    /// Of a nap, the first half of the id of the sleep whose record tells of it.
    pub(crate) nap_of: Option<i64>,
}

/// What a record is called by its writer: where that is looked up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replaces {
    pub(crate) shard: u16,
    pub(crate) print: i64,
}

pub(crate) fn names(raw: &RawReceived, outcome: &Outcome) -> ItemNames {
    let drafts = outcome.drafts().iter();
    let drafts = drafts.map(|draft| draft_names(raw, draft)).collect();
    ItemNames {
        shard: shard_of(raw.provider_id.as_deref().unwrap_or(&raw.body_sha256)),
        print: arrival_print(raw, outcome),
        drafts,
    }
}

/// Equal for equal bytes under one identity.
pub(crate) fn item_print(raw: &RawReceived) -> i64 {
    fingerprint(&[
        raw.source.as_bytes(),
        raw.account_id.as_deref().unwrap_or("").as_bytes(),
        raw.kind.as_bytes(),
        raw.provider_id.as_deref().unwrap_or("").as_bytes(),
        raw.body_sha256.as_bytes(),
    ])
}

/// An item that came too early to be true is no copy of the same bytes when they may be: each is
/// judged by its own arrival, whichever is read first.
fn arrival_print(raw: &RawReceived, outcome: &Outcome) -> i64 {
    let print = item_print(raw);
    match outcome {
        Outcome::Rejected(rejected) if rejected.reason == IMPLAUSIBLE_TIME => {
            fingerprint(&[&print.to_be_bytes(), IMPLAUSIBLE_TIME.as_bytes()])
        }
        _ => print,
    }
}

fn draft_names(raw: &RawReceived, draft: &Draft) -> DraftNames {
    // What an app takes back is of the kind that its event names.
    let kind = match draft.body {
        Body::Deletion if raw.source == "app" => raw.kind.as_str(),
        _ => draft.body.kind(),
    };
    let nap_of = || match (&draft.body, draft.provider_id.split_once('#')) {
        (Body::Sleep(body), Some((sleep, _))) if body.nap => {
            Some(id_print(&observed_as(raw, kind, sleep)))
        }
        _ => None,
    };
    let names = DraftNames {
        nap_of: nap_of(),
        ..names_of(observed_as(raw, kind, &draft.provider_id), draft)
    };
    if !draft.fetched {
        return names;
    }
    DraftNames {
        // When it was fetched is no part of what it says; which bytes it was is.
        content_print: fingerprint(&[raw.body_sha256.as_bytes()]),
        ..names
    }
}

/// The id of what the sender of an item calls so.
pub(crate) fn observed_as(raw: &RawReceived, kind: &str, provider_id: &str) -> String {
    observation_id(
        &raw.tenant_id,
        raw.athlete_id.as_deref().unwrap_or_default(),
        &raw.source,
        raw.account_id.as_deref(),
        kind,
        provider_id,
    )
}

/// Names of what was not fetched.
pub(crate) fn names_of(id: String, draft: &Draft) -> DraftNames {
    let content_hash = hash_of(draft);
    DraftNames {
        id,
        shard: shard_of(&draft.provider_id),
        content_print: fingerprint(&[&draft.order.to_be_bytes(), content_hash.as_bytes()]),
        content_hash,
        replaces: draft.replaces.as_ref().map(|name| Replaces {
            shard: shard_of(name),
            print: fingerprint(&[b"replaces", draft.body.kind().as_bytes(), name.as_bytes()]),
        }),
        nap_of: None,
    }
}
