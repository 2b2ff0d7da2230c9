//! What the user changed by hand, and when.
//!
//! A source may say that a content was edited, and not what of it: then it is what differs from the
//! contents before. A source may say what was edited and when, but not to what: that is told by the
//! first fetch from then on. Where it said nothing, a name or a type that differs between two fetches
//! was edited between them.
//!
//! Invariant: every edit that was told is in the shard of its observation, which may not be known yet;
//! the observation's own are the latest of them that its content can show, so that neither depends on
//! what was read first.

use processors_domain::observation::fingerprint;
use processors_domain::time::Instant;
use schemas::record::Micros;
use schemas::record::observation::ActivityBody;
use schemas::record::state::{NameState, ObservationState, VersionState};

use super::fetch::{fetched_at, latest_fetch};
use super::{put, reach, stale, take};
use crate::apply::{id_print, known_day};
use crate::bucket::{List, Shard};
use crate::identity::DraftNames;
use crate::wire;
use crate::work::Work;

/// Fetches whose names are remembered: far more than anybody edits one workout.
const NAMES_MAX: usize = 32;

/// What a user may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    Sport,
    Title,
}

impl Name {
    /// The list of edits that were told.
    fn list(self) -> List {
        match self {
            Self::Sport => List::SportEdits,
            Self::Title => List::TitleEdits,
        }
    }

    fn edited_at(self, state: &ObservationState) -> Option<Micros> {
        match self {
            Self::Sport => state.sport_edited_at,
            Self::Title => state.title_edited_at,
        }
    }

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

/// Notes an edit that a source told of.
pub(crate) fn edited(work: &mut Work<'_>, names: &DraftNames, name: Name, at: i64) {
    let (id, shard) = (names.id.as_str(), names.shard);
    let (list, print) = (name.list(), id_print(id));
    let is_known = |index: &Shard| index.all(list, print).any(|known| known == at);
    if work.shard(shard).is_some_and(is_known) {
        return;
    }
    work.shard_mut(shard).add(list, print, at);
    let Some(day) = known_day(work, shard, id) else {
        return;
    };
    // Until it is fetched again its content is that from before the edit.
    if fetched_at(work, Some(day), id) < Some(Micros(at)) {
        return;
    }
    if let Some(mut state) = take(work, day, id) {
        recall(work, shard, &mut state);
        stale(work, &state, reach(&state));
        put(work, day, state);
    }
}

/// The last edits that the content can show: those from before it was fetched.
pub(super) fn recall(work: &Work<'_>, shard: u16, state: &mut ObservationState) {
    let fetched = latest_fetch(state);
    let print = id_print(&state.observation_id);
    let last = |name: Name| {
        let edits = work.shard(shard)?.all(name.list(), print).map(Micros);
        edits.filter(|at| Some(*at) <= fetched).max()
    };
    (state.sport_edited_at, state.title_edited_at) = (last(Name::Sport), last(Name::Title));
}

/// When it was edited last; `None` where it never was.
pub(crate) fn edited_at(state: &ObservationState, name: Name) -> Option<Instant> {
    let version = state.versions.last()?;
    let body = version.activity.as_deref()?;
    let at = if let Some(edit) = last_edit(state, version, name) {
        let before = |other: &&VersionState| {
            other.channel == edit.channel && other.content_hash != edit.content_hash
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
        edited.then_some(edit.first_received_at)
    } else {
        let told = name.edited_at(state);
        match renamed(&version.names, name, body) {
            // It was told of, or it is the word of a later edit that was not.
            Some((other, since)) => told.filter(|at| *at > other).or(Some(since)),
            None => told,
        }
    };
    at.map(wire::instant)
}

/// The content that says of itself that it was edited, if what is told now is still its word: what comes
/// after it and calls the thing the same repeats the user, and what calls it otherwise overwrites it.
fn last_edit<'s>(
    state: &'s ObservationState,
    now: &'s VersionState,
    name: Name,
) -> Option<&'s VersionState> {
    let word = name.told(now.activity.as_deref()?);
    let versions = state.versions.iter().rev();
    let of_channel = versions.filter(|version| version.channel == now.channel);
    let same = |version: &&VersionState| {
        let body = version.activity.as_deref();
        body.is_some_and(|body| name.told(body) == word)
    };
    let mut repeated = of_channel.take_while(same);
    repeated.find(|version| is_edit(version))
}

/// Of two contents of one delivery that which the user edited is the later one: there is nothing to edit
/// before it is told.
pub(super) fn age(version: &VersionState) -> impl Ord + '_ {
    (
        &version.channel,
        version.order,
        version.first_received_at,
        is_edit(version),
        version.content_hash,
    )
}

/// Whether the source says that the user changed something.
fn is_edit(version: &VersionState) -> bool {
    let body = version.activity.as_deref();
    body.is_some_and(|body| body.user_edited)
}

/// When it was fetched under another name for the last time, and then under this one.
fn renamed(fetches: &[NameState], name: Name, body: &ActivityBody) -> Option<(Micros, Micros)> {
    let is_other = |fetch: &NameState| !name.is_as_in(fetch, body);
    let last_other = fetches.iter().rposition(is_other)?;
    let since = fetches.get(last_other.saturating_add(1))?;
    Some((Micros(fetches.get(last_other)?.order), Micros(since.order)))
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
