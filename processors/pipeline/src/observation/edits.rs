//! What the user changed by hand, and when.
//!
//! A source may say that a content was edited, and not what of it: then it is what differs from the
//! contents before. A source that says nothing of edits is asked again when something changed, so a
//! name or a type that differs between two fetches was edited between them.

use processors_domain::observation::fingerprint;
use processors_domain::time::Instant;
use schemas::record::Micros;
use schemas::record::observation::ActivityBody;
use schemas::record::state::{NameState, ObservationState, VersionState};

use crate::wire;

/// Fetches whose names are remembered: far more than anybody edits one workout.
const NAMES_MAX: usize = 32;

/// What a user may change.
#[derive(Clone, Copy)]
pub(crate) enum Name {
    Sport,
    Title,
}

impl Name {
    fn told(self, body: &ActivityBody) -> &str {
        match self {
            Self::Sport => &body.sport,
            Self::Title => body.title.as_deref().unwrap_or_default(),
        }
    }

    fn is_as_in(self, fetch: &NameState, body: &ActivityBody) -> bool {
        match self {
            Self::Sport => fetch.sport == body.sport,
            Self::Title => fetch.title_print == title_print(body.title.as_deref()),
        }
    }
}

/// When it was edited last; `None` where it never was.
pub(crate) fn edited_at(state: &ObservationState, name: Name) -> Option<Instant> {
    let version = state.versions.last()?;
    let body = version.activity.as_deref()?;
    let at = if body.user_edited {
        let before = |other: &&VersionState| {
            other.channel == version.channel && other.content_hash != version.content_hash
        };
        let mut others = state
            .versions
            .iter()
            .filter(before)
            .filter_map(|other| other.activity.as_deref())
            .peekable();
        // Without anything before it, everything may be the user's.
        let alone = others.peek().is_none();
        let edited = alone || others.any(|other| name.told(other) != name.told(body));
        edited.then_some(version.first_received_at)
    } else {
        renamed(&version.names, name, body).map(Micros)
    };
    at.map(wire::instant)
}

/// Since when the name is as it is, where it was another before.
fn renamed(fetches: &[NameState], name: Name, body: &ActivityBody) -> Option<i64> {
    let is_other = |fetch: &NameState| !name.is_as_in(fetch, body);
    let last_other = fetches.iter().rposition(is_other)?;
    let since = fetches.get(last_other.saturating_add(1));
    since.map(|fetch| fetch.order)
}

fn title_print(title: Option<&str>) -> i64 {
    title.map_or(0, |title| fingerprint(title).cast_signed())
}

/// Joins the names of two versions of one fetched thing.
pub(super) fn join_names(known: &VersionState, fetch: &VersionState) -> Vec<NameState> {
    let mut names: Vec<NameState> = Vec::new();
    for version in [known, fetch] {
        match (version.names.as_slice(), version.activity.as_deref()) {
            ([], Some(body)) => names.push(NameState {
                order: version.order,
                title_print: title_print(body.title.as_deref()),
                sport: body.sport.clone(),
            }),
            (told, _) => names.extend(told.iter().cloned()),
        }
    }
    names.sort_unstable();
    names.dedup();
    if names.len() == 1 {
        // The same fetch twice: its names stand in its content.
        return Vec::new();
    }
    let over = names.len().saturating_sub(NAMES_MAX);
    names.drain(..over);
    names
}
