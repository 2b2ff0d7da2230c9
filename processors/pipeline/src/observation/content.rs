//! Contents: their hash, and their place in the published fact.

use schemas::codec::with_canonical;
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
        Body::Deletion => hash(b"record"),
        Body::AccountClosed => hash(b"account"),
        Body::Edit(Name::Sport) => hash(b"sport"),
        Body::Edit(Name::Title) => hash(b"title"),
    }
}

/// Set the body that the kind names.
pub(crate) fn fill(fact: &mut ObservationRecorded, draft: &Draft, raw: &RawReceived) {
    match draft.body.clone() {
        Body::Activity(body) => fact.activity = Some(*body),
        Body::Sleep(body) => fact.sleep = Some(*body),
        Body::BodyMass(body) => fact.body_mass = Some(body),
        Body::WeighIn(body) => fact.weigh_in = Some(body),
        Body::Intake(body) => fact.intake = Some(body),
        Body::Plan(body) => fact.planned_workout = Some(body),
        Body::Profile(body) => fact.profile_edit = Some(*body),
        Body::SelfReport(body) => fact.self_report = Some(body),
        Body::Symptom(body) => fact.symptom = Some(body),
        Body::Scan(body) => fact.scan = Some(*body),
        Body::Weather(body) => fact.weather = Some(body),
        Body::LinkOverride(body) => fact.link_override = Some(body),
        Body::Deletion => {
            fact.deletion = Some(DeletionBody {
                at: raw.received_at,
                scope: "record".to_owned(),
                target_provider_id: Some(draft.provider_id.clone()),
            });
        }
        Body::AccountClosed => {
            fact.deletion = Some(DeletionBody {
                at: raw.received_at,
                scope: "account".to_owned(),
                target_provider_id: None,
            });
        }
        // An edit is no content: nothing of it is published.
        Body::Edit(_) => {}
    }
}
