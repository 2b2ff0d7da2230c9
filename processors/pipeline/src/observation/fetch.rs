//! Fetched contents: true at the time of their fetch, so that the latest one rules.

use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use schemas::record::state::{ObservationState, VersionState};

use super::edits::join_names;
use super::{find, first_arrival, version_of};
use crate::identity::DraftNames;
use crate::normalize::Draft;
use crate::work::Work;

/// Of fetched content only the latest is kept: what it replaced is true no more. Its first arrival
/// stays that of the first fetch, which is when the thing became known. Answers whether other words
/// are true now.
pub(super) fn add_fetch(
    state: &mut ObservationState,
    draft: &Draft,
    names: &DraftNames,
    raw: &RawReceived,
) -> bool {
    let mut fetch = version_of(draft, names.content_print, first_arrival(raw));
    state.last_received_at = state.last_received_at.max(raw.received_at);
    match state
        .versions
        .iter_mut()
        .find(|version| version.channel == draft.channel)
    {
        None => {
            state.versions.push(fetch);
            state.versions.sort_by(|a, b| a.channel.cmp(&b.channel));
            true
        }
        Some(known) => {
            let first = known.first_received_at.min(fetch.first_received_at);
            let names = join_names(known, &fetch);
            let is_later = (fetch.order, fetch.content_hash) >= (known.order, known.content_hash);
            let is_news = is_later && words(known) != words(&fetch);
            if is_later {
                fetch.first_received_at = first;
                *known = fetch;
            } else {
                known.first_received_at = first;
            }
            known.names = names;
            is_news
        }
    }
}

/// What a version says, whatever its bytes were.
fn words(version: &VersionState) -> impl PartialEq + use<'_> {
    (
        &version.activity,
        &version.sleep,
        &version.body_mass,
        &version.weigh_in,
        &version.intake,
        &version.planned_workout,
        &version.self_report,
        &version.symptom,
        &version.scan,
        &version.weather,
    )
}

/// When the content that counts was true.
pub(super) fn latest_fetch(state: &ObservationState) -> Option<Micros> {
    state.versions.iter().map(|fetch| Micros(fetch.order)).max()
}

pub(crate) fn fetched_at(work: &Work<'_>, day: Option<i32>, id: &str) -> Option<Micros> {
    latest_fetch(find(&work.day(day?)?.observations, id)?)
}

/// Whether a fetch brought the same bytes as the latest one. `None` where nothing was fetched yet.
pub(crate) fn is_latest_fetch(
    work: &Work<'_>,
    day: i32,
    draft: &Draft,
    names: &DraftNames,
) -> Option<bool> {
    let state = find(&work.day(day)?.observations, &names.id)?;
    let known = state
        .versions
        .iter()
        .find(|version| version.channel == draft.channel)?;
    Some(!state.deleted && known.content_hash == names.content_print)
}
