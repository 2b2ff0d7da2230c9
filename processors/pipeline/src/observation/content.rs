//! Contents: their hash, and their place in the published fact.

use std::sync::Arc;

use schemas::codec::with_canonical;
use schemas::record::Text;
use schemas::record::ingest::RawReceived;
use schemas::record::observation::{DeletionBody, ObservationRecorded};

use super::Name;
use crate::ids::content_hash;
use crate::normalize::{Body, Draft};

/// Hash of a content: what a revision is measured by. The kind is part of it, because two kinds may
/// have bodies of one shape.
pub(crate) fn hash_of(draft: &Draft) -> String {
    let hash = |bytes: &[u8]| content_hash(&[draft.body.kind().as_bytes(), bytes]);
    match &draft.body {
        Body::Activity(body) => with_canonical(body, hash),
        Body::Sleep(body) => with_canonical(body, hash),
        Body::Naps(naps) => with_canonical(&naps.night, |night| {
            let spans = naps.spans.iter().flat_map(|(start, end)| [start.0, end.0]);
            let spans: Vec<u8> = spans.flat_map(i64::to_be_bytes).collect();
            content_hash(&[b"naps", night, &spans])
        }),
        Body::BodyMass(body) => with_canonical(body, hash),
        Body::WeighIn(body) => with_canonical(body, hash),
        Body::Intake(body) => with_canonical(body, hash),
        Body::Plan(body) => with_canonical(body, hash),
        Body::Profile(body) => with_canonical(body, hash),
        Body::SelfReport(body) => with_canonical(body, hash),
        Body::Symptom(body) => with_canonical(body, hash),
        Body::Scan(body) => with_canonical(body, hash),
        Body::Weather(body) => with_canonical(body, hash),
        Body::LinkOverride(body) => with_canonical(body, hash),
        Body::Deletion | Body::DatedDeletion => hash(b"record"),
        Body::Shown => hash(b"shown"),
        Body::AccountClosed => hash(b"account"),
        Body::Edit(Name::Sport) => hash(b"sport"),
        Body::Edit(Name::Title) => hash(b"title"),
    }
}

/// Set the body that the kind names.
pub(crate) fn fill(fact: &mut ObservationRecorded<Text<'_>>, draft: &Draft, raw: &RawReceived) {
    match &draft.body {
        Body::Activity(body) => fact.activity = shared(body),
        Body::Sleep(body) => fact.sleep = shared(body),
        Body::BodyMass(body) => fact.body_mass = shared(body),
        Body::WeighIn(body) => fact.weigh_in = shared(body),
        Body::Intake(body) => fact.intake = shared(body),
        Body::Plan(body) => fact.planned_workout = shared(body),
        Body::Profile(body) => fact.profile_edit = shared(body),
        Body::SelfReport(body) => fact.self_report = shared(body),
        Body::Symptom(body) => fact.symptom = shared(body),
        Body::Scan(body) => fact.scan = shared(body),
        Body::Weather(body) => fact.weather = shared(body),
        Body::LinkOverride(body) => fact.link_override = shared(body),
        Body::Deletion | Body::DatedDeletion => {
            fact.deletion = deletion(raw, "record", Some(&draft.provider_id));
        }
        Body::AccountClosed => fact.deletion = deletion(raw, "account", None),
        // None is a content: nothing of it is published.
        Body::Shown | Body::Naps(_) | Body::Edit(_) => {}
    }
}

fn shared<B>(body: &Arc<B>) -> Option<Arc<B>> {
    Some(Arc::clone(body))
}

fn deletion(raw: &RawReceived, scope: &str, target: Option<&String>) -> Option<Arc<DeletionBody>> {
    Some(Arc::new(DeletionBody {
        at: raw.received_at,
        scope: scope.to_owned(),
        target_provider_id: target.cloned(),
    }))
}
