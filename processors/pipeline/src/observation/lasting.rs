//! What holds for all days: profile edits and link overrides, which live in the head.

use schemas::record::ingest::RawReceived;
use schemas::record::state::{OverrideState, ProfileEditState};

use super::first_arrival;
use crate::identity::DraftNames;
use crate::normalize::{Body, Draft};
use crate::work::Work;

/// Profile edits and link overrides hold for all days, so they live in the head.
pub(crate) fn remember(work: &mut Work<'_>, raw: &RawReceived, draft: &Draft, names: &DraftNames) {
    let (id, at) = (names.id.as_str(), first_arrival(raw));
    match &draft.body {
        Body::Profile(body) => {
            let edits = &mut work.head.profile_edits;
            let hash = names.content_print;
            match edits
                .iter_mut()
                .find(|edit| edit.observation_id == id && edit.content_hash == hash)
            {
                Some(edit) if edit.first_received_at <= at => return,
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
            let overrides = &mut work.head.overrides;
            let same =
                |known: &&mut OverrideState| known.observation_id == id && known.body == *body;
            match overrides.iter_mut().find(same) {
                Some(known) if known.first_received_at <= at => return,
                Some(known) => known.first_received_at = at,
                None => overrides.push(OverrideState {
                    observation_id: id.to_owned(),
                    first_received_at: at,
                    body: body.clone(),
                }),
            }
            overrides.sort_by(|a, b| {
                (a.body.at, a.first_received_at, &a.observation_id).cmp(&(
                    b.body.at,
                    b.first_received_at,
                    &b.observation_id,
                ))
            });
        }
        _ => return,
    }
    work.forget_settings();
    work.dirty.everything = true;
}
